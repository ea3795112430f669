"""The laboratory's own claims: read beside the published ones, judged by themselves, held against what was planted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from toy import ROOT

from harness.audit.exit_codes import exit_code
from harness.audit.integrity.findings import Findings
from harness.audit.levels import hold_planted
from harness.project.errors import HarnessError
from harness.project.profiles import describe_data, describe_encoder, read_params
from harness.project.results import Cell
from harness.project.terminal import WIDTH, table_lines
from harness.verify import Claim, ClaimVerdict, Scores, judge, read_claims
from harness.verify.claims.registry import (
    CLAIMS,
    LAB_CLAIMS,
    named_recipes,
    read_all_claims,
    read_judged_claims,
    read_lab_claims,
)
from harness.verify.scores import CellScore, ScoresTable
from harness.verify.show.planted import planted_columns
from harness.verify.verdicts.planted import compare_with_truth, planted, planted_in_words, published

REFERENCE = ROOT / "reference"
OWN = read_lab_claims(REFERENCE)
LAB = read_params(ROOT / "profiles" / "lab.yaml")


def test_every_claim_is_about_what_the_laboratory_plants() -> None:
    assert len(OWN) >= 6 and {claim.truth.verdict for claim in OWN if claim.truth} == {
        "REPRODUCED",
        "NOT_REPRODUCED",
        "INCONCLUSIVE",
    }
    assert {claim.check.kind for claim in OWN} == {"gain", "no_gain", "share", "language_gain"}
    cells = set(LAB.grid.cells)
    for claim in OWN:
        assert claim.scope.encoder == describe_encoder(LAB) and claim.scope.data == describe_data(LAB)
        assert claim.measured is not None and claim.measured.why
        for recipe in named_recipes(claim):
            assert LAB.recipes[recipe].planted, "what it is about was planted"
            assert {(recipe, t, s) for t in claim.measured.targets for s in LAB.grid.seeds} <= cells


def test_what_is_said_to_be_planted_is_what_the_profile_plants() -> None:
    """By number: each claim's words name every amount and spread of its recipes."""
    for claim in OWN:
        for recipe in named_recipes(claim):
            for effect in LAB.recipes[recipe].planted:
                words = claim.truth.planted if claim.truth else ""
                assert f"{effect.points:+g}".replace("+0", "0") in words and f"deviation {effect.sd_points:g}" in words
                assert all(language in words for language in effect.languages or [])


def test_the_second_registry_is_read_where_its_recipes_are_run() -> None:
    theirs = read_claims(REFERENCE / CLAIMS)
    assert read_judged_claims(REFERENCE, ["none", "mnli"]) == theirs
    assert read_judged_claims(REFERENCE, ["none", "planted-loss"]) == [*theirs, *OWN] == read_all_claims(REFERENCE)
    for name in ("ci", "mini", "paper", "ci-mini"):
        grid = read_params(ROOT / "profiles" / f"{name}.yaml").grid
        assert read_judged_claims(REFERENCE, grid.recipes) == theirs, name


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    for name in (CLAIMS, LAB_CLAIMS):
        (tmp_path / name).write_bytes((REFERENCE / name).read_bytes())
    return tmp_path


def change(path: Path, **changes: Any) -> None:
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries[0] |= changes
    entries[0] = {key: value for key, value in entries[0].items() if value is not None}
    path.write_text(yaml.safe_dump(entries), encoding="utf-8")


def test_a_registry_without_the_second_file_is_whole(reference: Path) -> None:
    (reference / LAB_CLAIMS).unlink()
    assert read_all_claims(reference) == read_claims(REFERENCE / CLAIMS)


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        (LAB_CLAIMS, {"truth": None}, "no `truth`"),
        (LAB_CLAIMS, {"check": {"kind": "untestable", "undecided": "so"}}, "measures nothing"),
        (LAB_CLAIMS, {"id": "squad-gain"}, "found squad-gain in both"),
        (LAB_CLAIMS, {"truth": {"planted": "x", "verdict": "NOT_TESTED", "reason": "y"}}, "truth.verdict"),
        (CLAIMS, {"truth": {"planted": "x", "verdict": "REPRODUCED", "reason": "y"}}, "whose truth nobody knows"),
    ],
)
def test_a_claim_in_the_wrong_file_or_without_its_truth_is_refused(
    reference: Path, name: str, changes: dict[str, Any], expected: str
) -> None:
    change(reference / name, **changes)
    with pytest.raises(HarnessError, match=expected):
        read_all_claims(reference)


def scores(gains: dict[str, float], spread: float = 0.2, seeds: int = 5) -> Scores:
    draw = random.Random(7)
    rows = [
        {"recipe": recipe, "target": target, "seed": seed, "score": 40.0 + gain + draw.gauss(0, spread)}
        for recipe, gain in {"none": 0.0, **gains}.items()
        for target in ("bucc", "tatoeba")
        for seed in range(1, seeds + 1)
    ]
    scope = OWN[0].scope
    return Scores.from_rows(rows, encoder=scope.encoder, data=scope.data)


def judged(claim: Claim, given: Scores, level: str = "re-scored here") -> ClaimVerdict:
    return judge(claim, given).model_copy(update={"evidence_level": level})


BY_ID = {claim.id: claim for claim in OWN}


def test_a_verdict_is_held_against_what_was_planted() -> None:
    gain, noisy = BY_ID["lab-gain"], BY_ID["lab-too-noisy"]
    assert compare_with_truth(judged(gain, scores({"planted-gain": 8.0}))) == "as planted"
    wrong = judged(gain, scores({"planted-gain": 0.0}))
    assert wrong.verdict == "NOT_REPRODUCED" and compare_with_truth(wrong) == "NOT AS PLANTED"
    assert compare_with_truth(judged(gain, scores({"planted-gain": 8.0}, spread=20.0))) == "NOT AS PLANTED"
    assert compare_with_truth(judged(noisy, scores({"planted-noise": 8.0}, spread=20.0))) == "as planted"
    assert compare_with_truth(judged(noisy, scores({"planted-noise": 8.0}))) == "NOT AS PLANTED"
    assert compare_with_truth(judged(gain, scores({"planted-gain": 8.0}, seeds=2))) == "open"
    assert compare_with_truth(judged(noisy, scores({"planted-noise": 8.0}, 20.0), "scores only")) == "open"
    assert compare_with_truth(judged(gain, scores({}))) == "not tested"
    with pytest.raises(ValueError, match="nothing was planted"):
        compare_with_truth(wrong.model_copy(update={"truth": None}))


def test_one_line_says_whether_the_run_is_good() -> None:
    good = judged(BY_ID["lab-gain"], scores({"planted-gain": 8.0}))
    bad = judged(BY_ID["lab-refuted"], scores({"planted-nothing": 8.0}))
    theirs = good.model_copy(update={"truth": None, "id": "theirs"})
    assert planted_in_words([good]) == "1 of 1 planted effects found as planted"
    assert planted_in_words([theirs]) == ""
    words = planted_in_words([theirs, good, bad])
    assert words == "1 of 2 planted effects found as planted; NOT AS PLANTED: lab-refuted"
    assert planted([theirs, good]) == [good] and published([theirs, good]) == [theirs]
    table = "\n".join(table_lines(planted_columns([good, bad]), WIDTH))
    assert "  as planted" in table and "NOT AS PLANTED" in table and "+8 points in every language" in table


@pytest.mark.parametrize(
    ("name", "planted_points", "spread", "level", "code"),
    [
        ("lab-gain", 8.0, 0.2, "re-scored here", 0),
        ("lab-refuted", 0.0, 0.2, "re-scored here", 0),
        ("lab-too-noisy", 8.0, 20.0, "re-scored here", 0),
        ("lab-refuted", 8.0, 0.2, "re-scored here", 1),
        ("lab-gain", 8.0, 20.0, "re-scored here", 1),
        ("lab-too-noisy", 8.0, 20.0, "scores only", 2),
    ],
)
def test_the_exit_code_fails_on_another_word_than_the_right_one(
    name: str, planted_points: float, spread: float, level: str, code: int
) -> None:
    """A refuted claim that is to be refuted, and an open one that is to be open, are a good run."""
    claim = BY_ID[name]
    (recipe,) = named_recipes(claim)
    found = judged(claim, scores({recipe: planted_points}, spread), level)
    whole = Findings().conclude({}, 0)
    assert exit_code(whole, None, [found]) == code
    assert exit_code(whole, None, [found.model_copy(update={"verdict": "INVALID"})]) == 3
    assert exit_code(whole, None, [found.model_copy(update={"verdict": "NOT_TESTED"})]) == 0
    untested = found.model_copy(update={"verdict": "NOT_TESTED"})
    assert exit_code(whole, None, [untested], {name}) == 2, "the grid has its recipes"
    assert exit_code(whole, None, [untested.model_copy(update={"truth": None})], {name}) == 0


def test_the_right_word_is_known_only_where_the_effect_was_planted() -> None:
    claim = BY_ID["lab-gain"]
    verdict, cell = judged(claim, scores({"planted-gain": 8.0})), Cell(recipe="planted-gain", target="tatoeba", seed=1)
    row = CellScore.model_construct(cell=cell, status="ok", score=48.0, inputs={"planted": "c" * 64})
    table = ScoresTable.model_construct(cells=[row])
    assert hold_planted(claim, verdict, table, LAB) == verdict
    bare = table.model_copy(update={"cells": [row.model_copy(update={"inputs": {}})]})
    trained = LAB.model_copy(update={"recipes": {**LAB.recipes, "planted-gain": LAB.recipes["mnli"]}})
    for held in (hold_planted(claim, verdict, bare, LAB), hold_planted(claim, verdict, table, trained)):
        assert held.verdict == "NOT_TESTED" and held.note == "not planted" and "planted-gain" in held.reasons[0]
    theirs = claim.model_copy(update={"truth": None})
    assert hold_planted(theirs, verdict, bare, LAB) == verdict
