"""Effects that are known beforehand, from data to verdicts, in worlds that tests/campaigns/planted_worlds.py draws."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from scripts import load

from harness.audit.scope import without_planted
from harness.audit.verification import Verification
from harness.project.results import Cell
from harness.verify.scores import CellScore, ScoresTable

WORLDS = load("tests/campaigns/planted_worlds")


def test_the_worlds_are_of_every_kind_and_their_claims_hold_or_not() -> None:
    drawn = [effect for world in range(20) for effect in WORLDS.draw_world(random.Random(f"1-{world}"))]
    assert {effect.check["kind"] for effect in drawn} == {"gain", "no_gain", "language_gain", "share"}
    for kind in ("gain", "no_gain", "language_gain", "share"):
        assert {effect.holds for effect in drawn if effect.check["kind"] == kind} == {True, False}, kind
    again = WORLDS.draw_world(random.Random("1-3"))
    assert again == WORLDS.draw_world(random.Random("1-3")) != WORLDS.draw_world(random.Random("1-4"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[object], Verification]:
    effects = WORLDS.draw_world(random.Random("7-0"))
    return effects, WORLDS.run_world(effects, 3, tmp_path_factory.mktemp("world") / "project")


@pytest.mark.slow
def test_the_verdicts_are_those_that_what_was_planted_makes_right(world: tuple[list[object], Verification]) -> None:
    effects, found = world
    said = WORLDS.compare(effects, found)
    assert found.v0.problems == [] and WORLDS.is_right(said), said
    assert found.data == "the laboratory world with planted effects" and found.exit_code == 0


@pytest.mark.slow
def test_a_wrong_word_and_an_undecided_steady_effect_are_failures(world: tuple[list[object], Verification]) -> None:
    effects, found = world
    for word in ("REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE"):
        claims = [one.model_copy(update={"verdict": word}) if one.truth else one for one in found.claims]
        said = WORLDS.compare(effects, found.model_copy(update={"claims": claims}))
        assert not WORLDS.is_right(said)
        assert (said["noisy"] == "undecided") == (word == "INCONCLUSIVE")


def test_a_finished_world_is_read_and_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "seed-1-world-0.json"
    kept.write_text(json.dumps({"off": "REPRODUCED (), right: NOT_REPRODUCED"}), encoding="utf-8")
    monkeypatch.setattr(WORLDS, "run_world", lambda *_: pytest.fail("it ran again"))
    lines: list[str] = []
    (said,) = WORLDS.campaign(1, 1, tmp_path, lines.append)
    assert not WORLDS.is_right(said) and lines == ["world 0, off: REPRODUCED (), right: NOT_REPRODUCED"]


def test_pages_on_what_was_trained_leave_planted_recipes_out() -> None:
    def row(recipe: str, **inputs: str) -> CellScore:
        cell = Cell(recipe=recipe, target="xnli", seed=1)
        return CellScore(
            cell=cell, status="ok", score=1.0, dev_score=None, scores={}, predictions_sha256="0" * 64, inputs=inputs
        )

    both = [row("none"), row("mnli"), row("gone", planted="a" * 64)]
    table = ScoresTable(
        profile="toy", encoder="small", data="the laboratory world with planted effects", groups={}, cells=both
    )
    left = without_planted(table)
    assert left.recipes == ["none", "mnli"] and left.data == "the laboratory world"
    alone = table.model_copy(update={"cells": [both[0], both[2]]})
    assert without_planted(alone) == alone, "a world of nothing but planted effects is looked at as it is"
    trained = table.model_copy(update={"cells": both[:2], "data": "the laboratory world"})
    assert without_planted(trained) is trained
