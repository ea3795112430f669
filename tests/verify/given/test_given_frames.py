"""Judging in one call: frames, rows and files give the same verdicts, and a notebook shows them safely."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest
from given_scores import HOSTILE, rows, write_rows

import harness.verify.given.frames
from harness.project.errors import HarnessError
from harness.verify import GivenVerdicts, claim_in_words, judge_scores
from harness.verify.given.claims_file import ClaimsFile

ROWS = rows({"mnli": 3.5})
CLAIM = "+3.5 +- 1"


class Frame:
    """What polars' and pandas' frames have in common, and nothing else."""

    def __init__(self, content: dict[str, list[Any]]) -> None:
        self.content = content
        self.columns = [*content]

    def __getitem__(self, name: str) -> list[Any]:
        return self.content[name]


def columns() -> dict[str, list[Any]]:
    return {name: [row[name] for row in ROWS] for name in ROWS[0]}


def numbers(found: GivenVerdicts) -> list[dict[str, Any]]:
    return [claim.model_dump() for claim in found.claims]


def test_the_example_of_the_docstring() -> None:
    found = doctest.testmod(harness.verify.given.frames)
    assert found.attempted >= 4 and found.failed == 0


def test_every_form_of_scores_gives_the_same_verdicts(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "scores.csv", ROWS)
    forms = [ROWS, columns(), Frame(columns()), path, str(path)]
    found = [judge_scores(scores, CLAIM) for scores in forms]
    assert found[0].claims[0].verdict == "REPRODUCED"
    assert all(numbers(one) == numbers(found[0]) for one in found)


def test_a_pandas_frame_is_judged(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    found = judge_scores(pandas.DataFrame(ROWS), CLAIM, baseline="none")
    assert numbers(found) == numbers(judge_scores(ROWS, CLAIM)) and found.source == "the pandas frame"


def test_a_polars_frame_is_judged() -> None:
    polars = pytest.importorskip("polars")
    assert numbers(judge_scores(polars.DataFrame(ROWS), CLAIM)) == numbers(judge_scores(ROWS, CLAIM))


def test_claims_come_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text("baseline: none\nlooks: [5]\nclaims:\n  - {id: claim-1, claim: '+3.5 +- 1'}\n")
    words = judge_scores(ROWS, CLAIM, looks=5)
    assert numbers(judge_scores(ROWS, path)) == numbers(words)
    assert numbers(judge_scores(ROWS, claim_in_words(CLAIM), looks=[5])) == numbers(words)
    both = judge_scores(ROWS, [CLAIM, ">= +1"], method="mnli", runs=3)
    assert [one.claim.id for one in both.claims] == ["claim-1", "claim-2"] and both.claims[1].claim.runs == 3


def test_mistakes_are_told() -> None:
    for wrong, said in (
        ({"looks": [5, 3]}, "looks=\\[5, 3\\]"),
        ({"baseline": "nobody"}, "nobody"),
        ({"tasks": "xquad"}, "xquad"),
    ):
        with pytest.raises(HarnessError, match=said):
            judge_scores(ROWS, CLAIM, **wrong)  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match="beside it"):
        judge_scores(ROWS, ClaimsFile.model_validate({"claims": [{"id": "a", "claim": CLAIM}]}), runs=2)


def test_what_a_notebook_shows_is_escaped_and_says_verdicts_in_words() -> None:
    found = judge_scores(rows({HOSTILE: 3.5}), CLAIM)
    shown = found._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown
    assert "✓ REPRODUCED" in shown and "scores only" in shown
    assert not re.search(r"color|background", shown), "a dark notebook keeps its own colours"
    assert str(found).startswith("claim-1: REPRODUCED: <script>")
