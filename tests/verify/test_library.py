"""`harness.verify` by itself: what it loads, what it offers, and scores from plain rows."""

from __future__ import annotations

import doctest
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toy import ROOT

import harness.verify
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.errors import HarnessError
from harness.verify import Claim, Facts, Scores, find_claim, judge, read_claims

HEAVY = ("dvc", "matplotlib", "mlflow", "numpy", "pandas", "scipy", "scipy.stats", "sklearn", "tabulate", "torch")
ROOMS = ("audit", "commands", "data", "exchange", "experiment", "launch", "model", "pages", "pipeline")
IMPORT = f"""
import sys
import harness.verify
heavy = {[*HEAVY, *(f"harness.{room}" for room in ROOMS)]!r}
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
harness.verify.Scores.from_rows([], encoder="", data="")
print(*[name for name in heavy if name in sys.modules], *opened)
"""
CLAIMS = read_claims(ROOT / "reference" / "claims.yaml")
HERE = {"encoder": "FacebookAI/xlm-roberta-large", "data": "XTREME"}


def rows(gains: dict[str, float], targets: tuple[str, ...], seeds: int = 4) -> list[dict[str, object]]:
    """Scores of the baseline and of each recipe, whose gain is near the given one."""
    return [
        {"recipe": recipe, "target": target, "seed": seed, "score": 50 + seed + gain + (gain and 0.1 * (seed % 2))}
        for recipe, gain in {"none": 0.0, **gains}.items()
        for target in targets
        for seed in range(1, seeds + 1)
    ]


def test_importing_it_loads_nothing_heavy_and_no_room_above(tmp_path: Path) -> None:
    """Away from any project: nothing of one is looked for either."""
    done = subprocess.run([sys.executable, "-c", IMPORT], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_public_name_is_there_and_documented() -> None:
    assert sorted(harness.verify.__all__) == harness.verify.__all__
    for name in harness.verify.__all__:
        public = getattr(harness.verify, name)
        assert name in ("Level", "Verdict") or public.__doc__, name  # a set of words has no docstring


def test_the_example_of_its_docstring() -> None:
    found = doctest.testmod(harness.verify)
    assert found.attempted >= 5 and found.failed == 0


def test_claims_of_the_registry_are_judged_by_plain_rows() -> None:
    scores = Scores.from_rows(rows({"mnli": 7.5, "hellaswag": 2.0}, tuple(XTREME_GROUPS)), **HERE)
    found = {name: judge(find_claim(name, CLAIMS), scores) for name in ("mnli-gain", "hellaswag-gain", "squad-gain")}
    assert {name: row.verdict for name, row in found.items()} == {
        "mnli-gain": "REPRODUCED",
        "hellaswag-gain": "NOT_REPRODUCED",
        "squad-gain": "NOT_TESTED",
    }
    assert found["mnli-gain"].measured == pytest.approx(7.55) and found["mnli-gain"].without_retrieval
    assert "squad_v2" in found["squad-gain"].reasons[0]


def test_a_claim_about_something_else_is_not_tested() -> None:
    scores = Scores.from_rows(rows({"mnli": 7.5}, tuple(XTREME_GROUPS)), encoder="another", data="XTREME")
    found = judge(find_claim("mnli-gain", CLAIMS), scores)
    assert (found.verdict, found.note) == ("NOT_TESTED", "out of scope")


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.fact], ids=lambda claim: claim.id)
def test_facts_need_files_and_no_scores(claim: Claim) -> None:
    found = judge(claim, Scores.from_rows([], **HERE))
    assert found.verdict == "NOT_TESTED" and found.reasons
    assert found == judge(claim, Scores.from_rows([], **HERE), Facts())


def test_rows_are_indexed_in_their_order() -> None:
    given = [
        {"recipe": "none", "target": "xnli", "seed": 7, "score": 70, "dev_score": 71.5},
        {"recipe": "none", "target": "tatoeba", "seed": 7, "score": 30},
        {"recipe": "mnli", "target": "xnli", "seed": 3, "score": 75.5},
    ]
    scores = Scores.from_rows(given, **HERE)
    assert (scores.recipes, scores.targets, scores.seeds) == (["none", "mnli"], ["xnli", "tatoeba"], [7, 3])
    assert scores.by_pair["none", "xnli"] == {7: 70.0} and scores.dev_by_pair == {("none", "xnli"): {7: 71.5}}
    assert scores.retrieval == {"tatoeba"} and (scores.encoder, scores.data) == (HERE["encoder"], HERE["data"])


def test_blanks_around_names_do_not_count() -> None:
    row = {"recipe": "none ", "target": " xnli", "seed": 1, "score": 50}
    assert Scores.from_rows([row], **HERE).by_pair == {("none", "xnli"): {1: 50.0}}


@pytest.mark.parametrize("score", [1e6, -1e6])
def test_a_claim_is_judged_by_the_largest_scores_there_are(score: float) -> None:
    """Whatever is read as scores, judging raises nothing; larger scores are not read."""
    given = rows({"mnli": 7.5}, tuple(XTREME_GROUPS))
    huge = [{**row, "score": score * (-1) ** int(str(row["seed"]))} for row in given if row["recipe"] == "mnli"]
    found = judge(find_claim("mnli-gain", CLAIMS), Scores.from_rows([*given[: -len(huge)], *huge], **HERE))
    assert found.verdict == "INCONCLUSIVE" and found.interval and found.interval[1] > 1e6
    for beyond in (score * 1.01, score * 1e302, math.inf, math.nan):
        with pytest.raises(HarnessError, match=r"`score` in row 1: .*(finite|at most 1,000,000 points)"):
            Scores.from_rows([{**huge[0], "score": beyond}], **HERE)


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        (["none", "xnli", 1, 50.0], "expected a mapping in row 1, found list. To fix it: give it as a dict"),
        ("none", "expected a mapping in row 1, found str"),
        ({"recipe": "none", "target": "xnli", "seed": 1}, "none. To fix it: give it that key"),
        ({"recipe": "none", "target": "xnli", "seed": 1, "scor": 50.0}, "To fix it: rename or remove that key"),
        ({"target": "xnli", "seed": 1, "score": "high"}, "expected the key `recipe` in row 1, found none (and 1 more)"),
        ({"target": "xnli", "seed": 1, "score": "high"}, "To fix it: give it that key"),
        (
            {"recipe": "none", "target": "xnli", "seed": True, "score": 50.0},
            "plain digits, found True. To fix it: c",
        ),
    ],
)
def test_the_advice_fits_the_mistake(row: Any, advice: str) -> None:
    with pytest.raises(HarnessError) as raised:
        Scores.from_rows([row], **HERE)
    assert advice in str(raised.value)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"recipe": "none", "target": "xnli", "seed": 1}, "score"),
        ({"recipe": "none", "target": "xnli", "seed": 1.5, "score": 50.0}, "seed"),
        ({"recipe": "none", "target": "xnli", "seed": 1, "score": None}, "score"),
        ({"recipe": "none", "target": "", "seed": 1, "score": 50.0}, "target"),
        ({"method": "none", "target": "xnli", "seed": 1, "score": 50.0}, "method"),
    ],
)
def test_a_row_that_does_not_fit_is_named(row: dict[str, Any], word: str) -> None:
    good = {"recipe": "none", "target": "xnli", "seed": 9, "score": 50.0}
    with pytest.raises(HarnessError, match=rf"`{word}`.*row 2"):
        Scores.from_rows([good, row], **HERE)
