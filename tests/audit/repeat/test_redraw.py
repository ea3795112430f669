"""Level V2's rule: a re-run cell against what its pair's pinned seeds do among themselves."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from toy import ROOT

from harness.audit.repeat.items import Outcomes, kept_items, read_items, share_apart
from harness.audit.repeat.redraw import (
    FALSE_ALARM,
    Again,
    Draws,
    Pair,
    Redraw,
    compare_redraw,
    pair_spreads,
    score_limits,
    signed_rank_p,
)
from harness.audit.repeat.same_scores import compare_scores, constant_answers, open_words
from harness.audit.repeat.simulation import WORLDS, draw_study, new_rule, pooled_rule, redraw_rows
from harness.project.errors import HarnessError
from harness.project.paths import Paths
from harness.verify.scores import ScoresTable, read_scores
from harness.verify.statistics.resampling import moderate_variances

TARGETS = ("xnli", "pawsx", "panx")
SPREAD = (-1.0, 0.0, 1.0)


def pins(spread: Sequence[float] = SPREAD, **of: Sequence[float]) -> dict[Pair, list[float]]:
    """Three seeds for three recipes by three targets, all about 80; `of`: recipe -> another spread of it on pawsx."""
    return {
        (recipe, target): [80 + x for x in (of.get(recipe, spread) if target == "pawsx" else spread)]
        for recipe, target in product(("none", "mnli", "multi"), TARGETS)
    }


def again(pinned: Mapping[Pair, Sequence[float]], moved: Mapping[str, float], **fields: float) -> list[Again]:
    """Every cell once more: by its name, or its target's, moved by so many points."""
    return [
        Again(f"{r}-{t}-{seed}", (r, t), x + moved.get(f"{r}-{t}-{seed}", moved.get(t, 0.0)), x, **fields)
        for (r, t), scores in pinned.items()
        for seed, x in enumerate(scores, 1)
    ]


def judge(moved: Mapping[str, float], pinned: dict[Pair, list[float]] | None = None) -> Redraw:
    pinned = pins() if pinned is None else pinned
    return compare_redraw(again(pinned, moved), Draws(pinned, constant={"pawsx": 50.0}))


def test_the_same_scores_are_no_finding() -> None:
    found = judge({})
    assert not found.alarm and not found.left_open and len(found.cells) == 27


def test_a_cell_far_away_is_an_alarm_and_names_itself() -> None:
    found = judge({"mnli-pawsx-2": -30.0})
    assert [cell.again.name for cell in found.cells if cell.beyond] == ["mnli-pawsx-2"] and not found.drifting


def test_a_cell_at_chance_is_not_accepted_where_its_recipe_spreads_widely() -> None:
    """A tolerance of 60 points would take 50 for 80."""
    pinned = pins(mnli=(-25.0, 0.0, 15.0))
    found = judge({"mnli-pawsx-2": -30.0, "mnli-pawsx-3": +4.0}, pinned)
    cells = {cell.again.name: cell for cell in found.cells}
    low = cells["mnli-pawsx-2"]
    assert low.limits.tolerance is not None and low.limits.tolerance > 30 and not low.beyond
    assert low.fell and found.left_open and not found.alarm
    assert "50.0 of a constant answer" in open_words(low)
    assert not cells["mnli-pawsx-3"].fell and open_words(cells["mnli-pawsx-3"]) == ""


def test_each_pair_keeps_its_own_spread() -> None:
    spreads = pair_spreads(pins(mnli=(-25.0, 0.0, 15.0)))
    assert spreads["mnli", "pawsx"].sd > 10 > 5 > spreads["none", "pawsx"].sd
    assert spreads["none", "xnli"].sd == pytest.approx(1.0, abs=0.5)


def test_nothing_is_borrowed_for_seeds_without_spread() -> None:
    pinned = pins(none=(0.0, 0.0, 0.0)) | {("one", "xnli"): [70.0]}
    assert ("none", "pawsx") not in pair_spreads(pinned) and ("one", "xnli") not in pair_spreads(pinned)
    found = judge({"none-pawsx-1": -0.5, "one-xnli-1": 20.0}, pinned)
    open_cells = [cell.again.name for cell in found.cells if cell.unheld]
    assert open_cells == ["none-pawsx-1", "one-xnli-1"] and not found.alarm
    assert "no spread to hold that to" in open_words(next(cell for cell in found.cells if cell.unheld))
    assert not judge({"none-pawsx-1": -0.005}, pinned).left_open


def test_a_fall_to_the_constant_answer_is_a_finding_where_all_seeds_give_the_same() -> None:
    pinned = pins(none=(0.0, 0.0, 0.0)) | {("one", "pawsx"): [80.0], ("low", "pawsx"): [50.8] * 3}
    found = judge({"none-pawsx-1": -15.0, "none-pawsx-2": -14.9, "one-pawsx-1": -30.0, "low-pawsx-1": -0.8}, pinned)
    assert [cell.again.name for cell in found.cells if cell.sank] == ["none-pawsx-1"] and found.alarm
    left = [cell.again.name for cell in found.cells if cell.unheld]
    assert left == ["none-pawsx-2", "one-pawsx-1", "low-pawsx-1"], (
        "a single seed shows nothing; 50.8 had learnt nothing"
    )


def test_a_score_lacking_on_one_side_is_an_alarm() -> None:
    found = judge({"none-xnli-1": math.nan})
    assert [cell.again.name for cell in found.cells if cell.beyond] == ["none-xnli-1"]


def test_a_target_that_drifts_is_seen_where_its_cells_pass() -> None:
    found = judge({"panx": -1.2})
    assert [one.target for one in found.drifting] == ["panx"] and not any(cell.beyond for cell in found.cells)
    assert found.drifting[0].mean == pytest.approx(-1.2) and found.drifting[0].p_value == pytest.approx(2 / 2**9)


def test_items_are_seen_where_scores_agree() -> None:
    """Half of the answers turned right, half turned wrong: the same score."""
    pinned = pins()
    near = {pair: [0.20, 0.21, 0.22] for pair in pinned}
    cells = again(pinned, {}, apart=0.21)
    wrong = [cell._replace(apart=0.6) if cell.name == "none-xnli-1" else cell for cell in cells]
    assert not compare_redraw(cells, Draws(pinned, near)).alarm
    found = compare_redraw(wrong, Draws(pinned, near))
    assert [cell.again.name for cell in found.cells if cell.other_items] == ["none-xnli-1"]
    without = compare_redraw(wrong, Draws(pinned))
    assert not without.alarm and all(cell.limits.most_apart is None for cell in without.cells)
    tolerances = [found.cells[0].limits.tolerance, without.cells[0].limits.tolerance]
    assert (tolerances[0] or 0) > (tolerances[1] or 0), "what items don't spend, scores may"


def test_fewer_comparisons_have_smaller_tolerances() -> None:
    draws = Draws(pins())
    one = score_limits({"a": (("none", "xnli"), 80.0)}, draws)["a"].tolerance
    two = score_limits({name: (("none", "xnli"), 80.0) for name in "ab"}, draws)["a"].tolerance
    assert one and two and one < two


def test_signed_ranks_are_exact() -> None:
    """Against all signs, ranks cut at the middle one; changes of zero don't count."""
    changes = np.array([3.0, -1.0, 2.5, 0.7, 9.0, 30.0, 0.2])
    ranks = np.minimum(np.argsort(np.argsort(np.abs(changes))) + 1, 4)
    signs = np.array(list(product((0, 1), repeat=len(changes))))
    lower = np.minimum(signs @ ranks, (1 - signs) @ ranks)
    observed = min(ranks[changes > 0].sum(), ranks[changes < 0].sum())
    assert signed_rank_p([*changes, 0.0]) == pytest.approx((lower <= observed).mean())
    assert signed_rank_p([]) == signed_rank_p([0.0]) == 1.0 and signed_rank_p([1.0] * 12) == pytest.approx(2 / 2**12)


def test_variances_alone_in_their_group_are_not_shrunk() -> None:
    found = moderate_variances(np.array([4.0, 1.0, 1.2, 0.9]), np.full(4, 2.0), [("a",), ("b",), ("b",), ("b",)])
    assert found.variance[0] == 4.0 and found.freedom[0] == 2.0
    assert all(2.0 < f <= 6.0 for f in found.freedom[1:]) and all(0.9 < v < 1.3 for v in found.variance[1:])


def test_one_variance_far_from_the_others_keeps_itself() -> None:
    variances = np.array([1.0, 1.1, 0.9, 1.05, 0.95, 900.0])
    found = moderate_variances(variances, np.full(6, 2.0), [("a",)] * 6)
    assert found.variance[-1] == 900.0 and found.freedom[-1] == 2.0


def test_constant_answers_are_those_of_the_task_files() -> None:
    found = constant_answers(["xnli", "pawsx", "panx", "bucc", "unknown"], ROOT / "tasks")
    assert found == {"xnli": pytest.approx(100 / 3), "pawsx": 50.0, "panx": 0.0, "bucc": 0.0, "unknown": 0.0}


def test_items_are_matched_by_place_or_by_id(tmp_path: Path) -> None:
    one, two = {"qaa": {"correct": [1, 0, 1, 1]}}, {"qaa": {"correct": [1, 1, 1, 0]}}
    assert (
        share_apart(one, two) == 0.5 and share_apart(one, {"qab": one["qaa"]}) is None and share_apart({}, {}) is None
    )
    mined = {"qaa": {"id": ["a", "b"], "correct": [1, 0], "predicted": [1, 0], "gold": [1, 1]}}
    other = {"qaa": {"id": ["a", "c"], "correct": [1, 0], "predicted": [1, 1], "gold": [1, 0]}}
    assert share_apart(mined, other) == pytest.approx(2 / 3)
    path = tmp_path / "items.json.gz"
    assert read_items(path) is None
    path.write_bytes(gzip.compress(json.dumps({"test": one}).encode()))
    assert read_items(path) == one
    path.write_bytes(gzip.compress(b'{"test": {"qaa": {"id": ["a"], "correct": [1, 2]}}}'))
    with pytest.raises(HarnessError, match="another form"):
        read_items(path)


def test_the_simulated_cell_at_chance_is_not_accepted() -> None:
    study = draw_study(WORLDS["all spreads equal"], np.random.default_rng(1), chance=True)
    alarms, opened = new_rule(study)
    assert "0-pawsx-0" in alarms | opened and len(study.cells) == 135
    assert pooled_rule(draw_study(WORLDS["all spreads equal"], np.random.default_rng(1), drift=8.0)) >= {"panx"}


@pytest.mark.slow
def test_sound_redraws_alarm_seldom_and_what_is_wrong_is_seen() -> None:
    """However unequal the spreads: 120 re-runs each are too few to say 5 %, but enough to tell it from the old rule."""
    rows = [make(120) for make in redraw_rows()]
    sound = [row for row in rows if row.what == "sound"]
    assert [row.spreads for row in sound] == list(WORLDS)
    assert sum(row.new for row in sound) <= FALSE_ALARM * sum(row.studies for row in sound)
    assert max(row.old / row.studies for row in sound) > 0.4
    chance = [row for row in rows if "at chance" in row.what]
    assert all(row.new + row.left_open >= 0.9 * row.studies for row in chance)
    equal = {row.what: row for row in rows if row.spreads == "all spreads equal"}
    assert equal["all cells of panx 8 points lower"].new == equal["all cells of panx 8 points lower"].studies


def rotated(table: ScoresTable) -> tuple[ScoresTable, dict[str, str]]:
    """A run whose every cell is another pinned seed's of its pair, and cell -> the cell that it really is."""
    seeds = table.seeds
    after = dict(zip(seeds, [*seeds[1:], seeds[0]], strict=True))
    rows = {row.cell.id: row for row in table.cells}
    really = {row.cell.id: row.cell.model_copy(update={"seed": after[row.cell.seed]}).id for row in table.cells}
    made = [
        row.model_copy(update=rows[really[row.cell.id]].model_dump(include={"score", "scores", "predictions_sha256"}))
        for row in table.cells
    ]
    return table.model_copy(update={"cells": made}), really


def test_other_seeds_of_the_laboratory_pass_for_a_redraw_and_other_recipes_do_not() -> None:
    """With the items that pinned cells keep."""
    paths = Paths(ROOT, "lab")
    table = read_scores(paths.pinned / "scores.json")
    run, really = rotated(table)

    def pinned(name: str) -> Outcomes | None:
        return kept_items(paths, "pinned", name)

    def items(name: str) -> Outcomes | None:
        return pinned(really[name])

    constant = constant_answers(table.targets, paths.tasks)
    found = compare_scores(run, table, items=items, pinned_items=pinned, constant=constant)
    assert found.compared == len(table.cells) and found.by_items > 0.8 * found.compared and not found.outside
    assert found.largest_in and found.largest_difference_points > 5

    other = "tatoeba"  # every cell of one target answers as if nothing had been learnt
    rows = [
        row.model_copy(update={"score": 1.0, "predictions_sha256": "0" * 64}) if row.cell.target == other else row
        for row in run.cells
    ]
    found = compare_scores(run.model_copy(update={"cells": rows}), table, (), items, pinned, constant)
    assert any(line.startswith(f"target {other}") for line in found.outside) and not found.ok
