"""Claims on a group of languages: one value per seed from scores by language, and none where these are not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.results import Cell
from harness.verify import Claim, Scores, judge, read_table
from harness.verify.scores import CellScore, ScoresTable

HERE = {"encoder": "small", "data": "toy rows"}
SOURCE = {"document": "d", "version": "1", "place": "p", "split": "test", "statistic": "points", "n_claim": 1}
MARGIN = {"practical_points": 1.5, "reference_sd_points": None, "rounding_points": 0.05, "reason": "so close"}
SEEDS = (1, 2, 3, 4, 5)
BASE = {"en": 90.0, "sw": 50.0, "yo": 40.0, "de": 70.0}


def claim(**changes: Any) -> Claim:
    check = {"kind": "language_gain", "recipe": "mnli", "targets": ["xnli"], "languages": ["sw", "yo"]}
    check |= {"expected_points": -6.0, "margin": MARGIN, "reason": "so it says"} | changes
    known = {"id": "loss", "text": "a loss", "verified": True, "confidence": 1.0, "source": SOURCE, "scope": HERE}
    return Claim.model_validate(known | {"check": check})


def scores(moved: dict[str, float], lacking: tuple[str, ...] = (), targets: tuple[str, ...] = ("xnli",)) -> Scores:
    """A table in which the recipe moves each language by so many points, a little differently at each seed."""
    rows = []
    for recipe in ("none", "mnli"):
        for target in targets:
            for seed in SEEDS:
                gains = {code: moved.get(code, 0.0) + 0.1 * (seed - 3) for code in BASE} if recipe == "mnli" else {}
                points = {code: base + seed + gains.get(code, 0.0) for code, base in BASE.items()}
                kept = {code: {"accuracy": value} for code, value in points.items() if code not in lacking}
                rows.append(
                    CellScore(
                        cell=Cell(recipe=recipe, target=target, seed=seed),
                        status="ok",
                        score=sum(points.values()) / len(points),
                        dev_score=None,
                        scores=kept,
                        predictions_sha256="0" * 64,
                        inputs={},
                    )
                )
    groups = {target: XTREME_GROUPS[target] for target in targets}
    return read_table(ScoresTable(profile="toy", groups=groups, cells=rows, **HERE))


def test_the_loss_of_a_group_is_judged_by_its_own_languages_alone() -> None:
    found = judge(claim(), scores({"sw": -8.0, "yo": -4.0, "de": 5.0}))
    assert found.verdict == "REPRODUCED" and found.measured == pytest.approx(-6.0)
    assert found.direction == "down" and found.agrees is True
    overall = found.evidence.overall
    assert overall and overall.values == pytest.approx({seed: -6.0 + 0.1 * (seed - 3) for seed in SEEDS})
    assert "sw, yo" in found.evidence.sentence and len(found.evidence.cells) == 2 * len(SEEDS)
    assert judge(claim(), scores({"de": -6.0})).verdict == "NOT_REPRODUCED", (
        "another language's loss is not the group's"
    )


def test_targets_count_alike_whatever_languages_they_are_tested_in() -> None:
    """On the second target one of the two languages is lacking: it takes the other alone."""
    both = scores({"sw": -8.0, "yo": -4.0}, targets=("xnli", "pawsx"))
    kept = {key: values for key, values in both.by_language.items() if key[1:] != ("pawsx", "yo")}
    found = judge(claim(targets=["xnli", "pawsx"]), replace(both, by_language=kept))
    assert found.measured == pytest.approx((-6.0 - 8.0) / 2)


def test_without_scores_by_language_nothing_is_measured() -> None:
    found = judge(claim(), replace(scores({}), by_language={}))
    assert (found.verdict, found.measured, found.n_seeds) == ("UNDERPOWERED", None, 0)
    rows = [
        {"recipe": recipe, "target": "xnli", "seed": seed, "score": 50.0 + seed}
        for recipe in ("none", "mnli")
        for seed in SEEDS
    ]
    assert judge(claim(), Scores.from_rows(rows, **HERE)).verdict == "UNDERPOWERED"


def test_a_language_that_no_target_is_tested_in_is_lacking() -> None:
    moved = {"sw": -8.0, "yo": -4.0}
    found = judge(claim(languages=["sw", "yo", "qu"]), scores(moved, targets=("xnli",)))
    assert (found.verdict, found.note) == (
        "NOT_TESTED",
        "lacks 1 language",
    ) and "the grid lacks qu" in found.reasons
    assert found.measured == pytest.approx(-6.0) and "the score of sw, yo by" in found.evidence.sentence
    none = judge(claim(), scores({}, lacking=("sw", "yo")))
    assert (none.verdict, none.note, none.measured) == ("NOT_TESTED", "lacks 2 languages", None)


@pytest.mark.parametrize("languages", [[], ["sw", "sw"]])
def test_a_group_has_languages_and_each_once(languages: list[str]) -> None:
    with pytest.raises(ValidationError, match="languages"):
        claim(languages=languages)
