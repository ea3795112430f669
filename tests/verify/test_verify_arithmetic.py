"""Published arithmetic: numbers that follow from each other, that don't, and that nothing published decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic import Project
from typer.testing import CliRunner

from harness.audit.levels import verify_all
from harness.audit.one_claim import render_single, verify_claim
from harness.audit.report import render
from harness.commands.main import app
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.errors import HarnessError
from harness.verify.claims.registry import read_claims
from harness.verify.published.arithmetic import Arithmetic, follow, follow_all, read_arithmetic
from harness.verify.published.rows import PublishedRow, read_published

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = read_published(REFERENCE / "paper.yaml")
Make = Callable[..., Project]


def entry(**changes: Any) -> Arithmetic:
    made = {
        "id": "x",
        "claims": ["best-per-target"],
        "states": {"number": number(5.4)},
        "operation": "difference",
        "terms": [{"average_of": "stilts_test"}, {"average_of": "xlmr_large_test"}],
        "rounding": 0.05,
        "reason": "r",
    }
    return Arithmetic.model_validate(made | changes)


def number(value: float) -> dict[str, Any]:
    return {"value": value, "document": "d", "table": "table 1", "row": "r"}


def test_the_registered_numbers_come_out_as_registered() -> None:
    words = {one.id: one.word for one in follow_all(REFERENCE)}
    assert words == {
        "best-per-target-difference": "CONSISTENT",
        "baseline-average": "CONSISTENT",
        "best-per-target-average": "NOT_CHECKABLE",
        "anli-plus-parts": "CONSISTENT",
        "development-averages": "NOT_CHECKABLE",
        "state-of-the-art-at-publication": "NOT_CHECKABLE",
    }
    claims = {claim.id for claim in read_claims(REFERENCE / "claims.yaml")}
    assert all(set(one.claims) <= claims for one in read_arithmetic(REFERENCE / "arithmetic.yaml"))


def test_the_stated_numbers_are_those_of_the_claims() -> None:
    """What arithmetic.yaml says that a claim states is what its check expects."""
    checks: dict[str, Any] = {claim.id: claim.check for claim in read_claims(REFERENCE / "claims.yaml")}
    stated = {
        one.id: one.states.number.value
        for one in read_arithmetic(REFERENCE / "arithmetic.yaml")
        if one.states and one.states.number
    }
    assert stated["best-per-target-difference"] == checks["best-per-target"].expected_points
    assert stated["anli-plus-parts"] == checks["anli-plus-size"].expected


@pytest.mark.parametrize(
    ("stated", "word"), [(5.4, "CONSISTENT"), (5.54, "CONSISTENT"), (5.56, "INCONSISTENT"), (7.9, "INCONSISTENT")]
)
def test_rounding_moves_a_difference_by_three_half_units(stated: float, word: str) -> None:
    assert follow(entry(states={"number": number(stated)}), ROWS).word == word


def test_counts_must_be_exact() -> None:
    counts = {"operation": "sum", "terms": [{"number": number(value)} for value in (392702, 549367, 162865)]}
    found = follow(entry(**counts, states={"number": number(1104934)}, rounding=0), {})
    assert (found.word, found.sentence.split(";")[0]) == (
        "CONSISTENT",
        "392,702 + 549,367 + 162,865 = 1,104,934",
    )
    assert follow(entry(**counts, states={"number": number(1104935)}, rounding=0), {}).word == "INCONSISTENT"


def test_the_other_pos_of_the_baseline_gives_another_average() -> None:
    other = ROWS["xlmr_large_test"].model_copy(
        update={"scores": ROWS["xlmr_large_test"].scores | {"udpos": {"f1": 73.8}}}
    )
    mean = {"states": {"average_of": "r"}, "operation": "mean", "terms": [{"scores_of": "r"}]}
    assert follow(entry(**mean), {"r": ROWS["xlmr_large_test"]}).word == "CONSISTENT"
    assert follow(entry(**mean), {"r": other}).word == "INCONSISTENT"


def test_what_was_not_published_is_not_checkable() -> None:
    found = follow(entry(operation="mean", terms=[{"scores_of": "stilts_test"}]), ROWS)
    assert found.word == "NOT_CHECKABLE" and "no score of bucc and tatoeba" in found.sentence
    without = follow(entry(terms=[{"average_of": "stilts_test_mt5"}]), ROWS)
    assert without.word == "NOT_CHECKABLE" and "no average" in without.sentence


def test_the_state_of_the_art_shows_both_dates(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = next(one for one in follow_all(REFERENCE) if "state-of-the-art" in one.claims)
    assert [date.split(":")[0] for date in found.dates] == ["June 2020", "September 2020"]
    monkeypatch.chdir(repo_root)
    for words in (["claims", "show", "state-of-the-art"], ["claims", "arithmetic"]):
        text = CliRunner().invoke(app, words).stdout
        assert "NOT_CHECKABLE" in text and "June 2020" in text and "September 2020" in text


def test_an_entry_that_holds_no_computation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arithmetic.yaml"
    path.write_text("- {id: x, claims: [a], operation: sum, rounding: 0, reason: r}\n", encoding="utf-8")
    with pytest.raises(HarnessError, match="operation sum needs `states` and `terms`"):
        read_arithmetic(path)
    path.write_text("id: x\n", encoding="utf-8")
    with pytest.raises(HarnessError, match="expected a list of entries"):
        read_arithmetic(path)
    with pytest.raises(HarnessError, match=r"stilts_tset.*did you mean `stilts_test`"):
        follow(entry(terms=[{"average_of": "stilts_tset"}]), ROWS)


def test_a_published_row_averages_by_the_rule_of_xtreme() -> None:
    row: PublishedRow = ROWS["xlmr_large_test"]
    assert row.target_points("xquad") == pytest.approx((76.6 + 60.8) / 2)
    assert row.mean_over(list(XTREME_GROUPS)) == row.average
    assert row.mean_over(["xnli", "pawsx"]) == pytest.approx((79.2 + 86.4) / 2)
    assert ROWS["stilts_test"].mean_over(["xnli", "bucc"]) is None
    assert ROWS["stilts_test_mt5"].lacking(["xnli", "xquad"]) == ["xquad"]


def test_it_stands_in_what_verify_prints(make_project: Make, repo_root: Path) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",))
    found = verify_all(project.params, project.paths)
    assert found.arithmetic == [] and "\narithmetic  " not in render(found)
    arithmetic = (repo_root / "reference" / "arithmetic.yaml").read_text(encoding="utf-8")
    (project.paths.reference / "arithmetic.yaml").write_text(arithmetic, encoding="utf-8")
    found = verify_all(project.params, project.paths)
    assert "\narithmetic    ok        of published numbers: 3 CONSISTENT, 3 NOT_CHECKABLE\n" in render(found)
    alone = verify_claim("best-per-target", project.params, project.paths)
    assert [one.id for one in alone.arithmetic] == [
        "best-per-target-difference",
        "baseline-average",
        "best-per-target-average",
    ]
    assert "CONSISTENT: 73.5 - 68.1 = 5.4" in " ".join(render_single(alone, project.paths, False).split())
    (project.paths.reference / "arithmetic.yaml").write_text(arithmetic.replace("value: 5.4", "value: 7.9"))
    told = render(verify_all(project.params, project.paths))
    assert "arithmetic    DIFFERS" in told and "INCONSISTENT: 73.5 - 68.1 = 5.4; published: 7.9" in told
