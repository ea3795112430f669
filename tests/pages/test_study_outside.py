"""The check from outside: the baseline's scores by language beside published ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from made_up_study import REFERENCE, make, page_of

from harness.metrics.xtreme import XTREME_GROUPS
from harness.pages.study.outside import Best, lost
from harness.pages.study.record import Study
from harness.project.errors import HarnessError
from harness.project.profiles import read_params
from harness.project.results import Cell
from harness.verify.published.elsewhere import ELSEWHERE, ElsewhereRow, read_elsewhere

PUBLISHED = {"en": 80.0, "de": 70.0, "fr": 72.0, "ru": 66.0, "sw": 60.0, "th": 64.0}


def published(**changed: object) -> ElsewhereRow:
    fields = dict(
        system="some encoder", document="a page", place="a table", target="xnli", numbers="accuracy",
        trained="many rows", profiles=["lab"], scores=PUBLISHED,
    )  # fmt: skip
    return ElsewhereRow.model_validate(fields | changed)


def study(here: dict[str, float], row: ElsewhereRow) -> Study:
    """A study on XNLI alone whose accuracies by language are these, one point more at each next seed."""

    def change(cell: Cell) -> dict[str, Any]:
        return {"scores": {code: {"accuracy": points + cell.seed - 2} for code, points in here.items()}}

    return make({"mnli": 1.0}, ("xnli",), change=change, elsewhere=[row], training_rows={"xnli": 1600})


def test_what_is_lost_to_other_languages_and_their_order_are_compared() -> None:
    here = {"sw": 40.0, "en": 60.0, "de": 50.0, "fr": 52.0, "ru": 46.0, "th": 44.0}
    made = study(here, published())
    (found,) = made.outside
    assert found.here == here and found.seeds == 3 and next(iter(found.here)) == "en"
    assert lost(found.here) == pytest.approx(60 - 46.4) and found.order == pytest.approx(1.0)
    page = page_of(made)
    assert (
        "1,600 rows" in page
        and "13.6 points are lost there and 13.6 here" in page
        and "languages' scores +1.00)" in page
    )
    turned = study(here | {"sw": 52.0, "fr": 40.0}, published()).outside[0]
    assert turned.order is not None and turned.order < 0.5


def test_the_recipe_that_scores_highest_stands_beside_the_baseline_where_one_is_higher() -> None:
    more = {"mnli": 3.0, "multi": 9.0, "qqp": 5.0, "none": 0.0}

    def change(cell: Cell) -> dict[str, Any]:
        codes = ["en", "de"] if (cell.recipe, cell.seed) != ("multi", 2) else ["en"]
        return {"scores": {code: {"accuracy": 50.0 + more[cell.recipe]} for code in codes}}

    rows: dict[str, Any] = {"elsewhere": [published()], "training_rows": {"xnli": 1600}}
    found = make({"mnli": 1.0, "multi": 1.0, "qqp": 1.0}, ("xnli",), change=change, **rows)
    (one,) = found.outside
    assert one.best == Best(recipe="qqp", scores={"en": 55.0, "de": 55.0}, seeds=3, order=None), (
        "multi lacks a language"
    )
    page = page_of(found)
    assert "after qqp, 3 seeds" in page and "After qqp, which stands there because it scores highest here" in page
    more |= {"mnli": -1.0, "qqp": 0.0}
    page = page_of(make({"mnli": 1.0, "qqp": 1.0}, ("xnli",), change=change, **rows))
    assert "check from outside" in page and "scores highest" not in page and "| after" not in page


def test_a_recipe_is_compared_at_the_seeds_that_it_shares_with_the_baseline() -> None:
    """The baseline's third seed is far better; a recipe that lacks it scores higher where both have run."""

    def change(cell: Cell) -> dict[str, Any]:
        points = {"none": {1: 40.0, 2: 40.0, 3: 90.0}, "mnli": {1: 45.0, 2: 45.0}}[cell.recipe].get(cell.seed)
        scores = {code: {"accuracy": points} for code in ("en", "de")} if points else {}
        return {"scores": scores} if points else {"scores": {}, "score": None, "status": "failed", "dev_score": None}

    found = make({"mnli": 1.0}, ("xnli",), change=change, elsewhere=[published()], training_rows={"xnli": None})
    assert found.outside[0].best == Best(recipe="mnli", scores={"en": 45.0, "de": 45.0}, seeds=2, order=None)
    assert "all rows" in page_of(found)


def test_a_collapsed_baseline_makes_the_check_say_little() -> None:
    def change(cell: Cell) -> dict[str, Any]:
        scores = {code: {"accuracy": 40.0} for code in ("en", "de")}
        return {"scores": scores} | ({"status": "collapsed"} if (cell.recipe, cell.seed) == ("none", 2) else {})

    rows: dict[str, Any] = {"elsewhere": [published()], "training_rows": {"xnli": 1600}}
    page = page_of(make({"mnli": 1.0}, ("xnli",), change=change, **rows))
    assert re.search(
        r"By its dev rows the baseline collapsed at 1 of 3 seeds \(scores there \d\d\.\d\), and a model", page
    )
    assert "learnt little" in page and "learnt little" not in page_of(study({"en": 60.0, "de": 50.0}, published()))


def test_languages_that_one_of_both_lacks_are_left_out_and_few_have_no_order() -> None:
    (found,) = study({"en": 60.0, "de": 50.0, "el": 10.0}, published()).outside
    assert list(found.here) == ["en", "de"] and lost(found.here) == pytest.approx(10.0) and found.order is None
    assert "Spearman" not in page_of(study({"en": 60.0, "de": 50.0}, published()))


@pytest.mark.parametrize(
    ("here", "row"),
    [
        ({"de": 50.0, "fr": 50.0}, published()),
        ({"en": 50.0}, published()),
        ({"en": 50.0, "de": 50.0}, published(target="nowhere")),
        ({"en": 50.0, "de": 50.0}, published(numbers="f1")),
    ],
)
def test_without_the_source_language_another_the_target_or_the_number_nothing_is_said(
    here: dict[str, float], row: ElsewhereRow
) -> None:
    made = study(here, row)
    assert made.outside == [] and "check from outside" not in page_of(made)


def test_a_row_stands_beside_the_profiles_that_it_names(tmp_path: Path) -> None:
    rows = read_elsewhere(REFERENCE / ELSEWHERE, "mini")
    assert {row.target for row in rows} == {"xnli", "mlqa"} and read_elsewhere(REFERENCE / ELSEWHERE, "lab") == []
    assert read_elsewhere(tmp_path / ELSEWHERE, "mini") == []
    params = read_params(REFERENCE.parent / "profiles" / "mini.yaml")
    for row in rows:
        assert row.target in XTREME_GROUPS and row.target in params.target and "en" in row.scores


@pytest.mark.parametrize("content", ["[]", "a: {system: x}", "a: 3"])
def test_another_schema_is_one_clear_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / ELSEWHERE
    path.write_text(content)
    with pytest.raises(HarnessError, match="elsewhere"):
        read_elsewhere(path, "mini")
