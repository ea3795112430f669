"""Drawn studies of gains on languages, of replications, of two splits and of the best recipe: the array rules against
the verifier's own, study by study, and the rates that they are drawn for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from harness.metrics.xtreme import XTREME_GROUPS
from harness.pages.verifier.answer import exceptions, summary
from harness.pages.verifier.parts import PARTS, Measured
from harness.verify import Claim, Scores, judge
from harness.verify.measure.development import DevelopmentScores
from harness.verify.published.rows import PublishedRow
from harness.verify.statistics.simulation import choosing, languages, replications, splits
from harness.verify.statistics.simulation.draws import Cells, draw_cells, generator
from harness.verify.statistics.simulation.kinds import GAIN, LANGUAGES, over_baseline
from harness.verify.statistics.simulation.records import ReplicationRow, Row
from harness.verify.statistics.simulation.rules import LOOKS, NO, OPEN, YES, new_rule, upper_bound
from harness.verify.statistics.simulation.studies import judge_kind, judge_looks
from harness.verify.verdicts.replication import hold_replications

CODES = {"REPRODUCED": YES, "NOT_REPRODUCED": NO, "INCONCLUSIVE": OPEN, "UNDERPOWERED": OPEN}
WORDS = {"HOLDS HERE": YES, "OPPOSITE HERE": NO, "OPEN HERE": OPEN}
TARGETS = list(XTREME_GROUPS)
MARGIN = {"practical_points": 1.0, "reference_sd_points": None, "rounding_points": 0.0, "reason": "one"}
FEW, FEW_LIMIT = 3000, 0.075
"""Studies of a reduced row: a true rate of 5 % has an upper bound over FEW_LIMIT with probability below 1e-4."""
Pairs = Mapping[tuple[str, str], Mapping[int, float]]


def claim_of(check: dict[str, Any], split: str = "test", encoder: str = "E") -> Claim:
    source = {"document": "d", "version": "v", "place": "p", "split": split, "statistic": "s", "n_claim": 1}
    entry = {"id": "a", "text": "a", "verified": True, "confidence": 1.0, "source": source}
    return Claim.model_validate(
        entry | {"check": {"reason": "a test", **check}, "scope": {"encoder": encoder, "data": "D"}}
    )


def scores_of(by_pair: Pairs, n: int, **more: Any) -> Scores:
    given: dict[str, Any] = {"dev_by_pair": {}, "retrieval": frozenset(), "unavailable": {}, "left_out": {}} | more
    return Scores(
        by_pair={pair: dict(points) for pair, points in by_pair.items()},
        recipes=list(dict.fromkeys(recipe for recipe, _ in by_pair)),
        targets=list(dict.fromkeys(target for _, target in by_pair)),
        seeds=list(range(1, n + 1)),
        encoder="E",
        data="D",
        **given,
    )


def by_seed(values: np.ndarray[Any, Any], n: int) -> dict[int, float]:
    """Of one cell's values by seed, the first n."""
    return {seed + 1: 50.0 + float(values[seed]) for seed in range(n)}


def fallen(names: Sequence[tuple[str, str]], fell: np.ndarray[Any, Any], n: int) -> frozenset[tuple[str, str, int]]:
    """The cells of one study (seeds x cells) that collapsed at the first n seeds."""
    return frozenset((*names[cell], int(seed) + 1) for seed, cell in zip(*np.nonzero(fell[:n]), strict=True))


def highest(row: Row) -> tuple[float, float]:
    """The highest upper bounds of its false rates, old and new."""
    bounds = [found for verdict in ("REPRODUCED", "NOT_REPRODUCED") if (found := row.bounds(verdict))]  # type: ignore[arg-type]
    return max(old for old, _ in bounds), max(new for _, new in bounds)


# A gain on a group of languages.


@pytest.mark.parametrize("kind", LANGUAGES, ids=lambda kind: kind.cells)
@pytest.mark.parametrize("deviation", [0.0, 2.0])
def test_gains_on_languages_in_arrays_are_judged_as_by_the_verifier(kind: Any, deviation: float) -> None:
    targets, many = TARGETS[: len(kind.languages)], 12
    group = [f"l{i}" for i in range(max(kind.languages))]
    cells = languages.draw_languages(generator("languages", deviation), kind, many, 0.3, True)
    found = judge_looks(new_rule(), judge_kind(kind), cells, kind.weights(), deviation, True)
    names = [
        (recipe, target, group[i])
        for recipe in ("r", "none")
        for target, tested in zip(targets, kind.languages, strict=True)
        for i in range(tested)
    ]
    check = {"kind": "language_gain", "recipe": "r", "languages": group, "targets": targets, "margin": MARGIN}
    claim = claim_of(check | {"expected_points": 5.0})
    for study in range(many):
        up = np.where([recipe == "r" for recipe, _, _ in names], 5.0 + deviation, 0.0)
        points = cells.noise[study] + up
        for look, n in enumerate(LOOKS):
            scores = scores_of(
                {(recipe, target): by_seed(np.zeros(8), n) for recipe, target, _ in names},
                n,
                by_language={name: by_seed(points[:, cell], n) for cell, name in enumerate(names)},
                collapsed=fallen([name[:2] for name in names], cells.collapsed[study], n),
            )
            assert CODES[judge(claim, scores).verdict] == found[study, look]
    assert cells.collapsed.any() and (found != OPEN).any()


def test_the_languages_of_a_cell_collapse_together_and_the_gain_has_its_spread() -> None:
    kind = LANGUAGES[0]
    fell = languages.draw_languages(generator("fell"), kind, 300, 0.5, True).collapsed
    eight = fell[..., 7:15]  # the recipe's last target
    assert fell.any() and (eight.any(-1) == eight.all(-1)).all() and not (fell.any(-1) == fell.all(-1)).all()
    values = languages.draw_languages(generator("spread"), kind, 4000, 0.5, False).noise @ kind.weights()
    assert values.std() == pytest.approx(0.5, rel=0.03)


def test_gains_on_languages_keep_their_level_where_the_replaced_rule_did_not() -> None:
    for kind in LANGUAGES:
        old, new = highest(languages.measure_languages(kind, "sound", 1.0, FEW))
        assert new <= FEW_LIMIT < old
    old, new = highest(languages.measure_noisy_languages(LANGUAGES[0], 2.0, 0.0, FEW))
    assert new <= FEW_LIMIT < 0.1 < old


# Words of replication.


@pytest.mark.parametrize("effect", [0.0, 1.5])
def test_words_of_replication_in_arrays_are_the_verifiers(effect: float) -> None:
    """Three gains over one baseline, out of scope, collapsed cells among them, through `judge` and Holm."""
    many, claims, weights = 12, 3, over_baseline(3, 2)
    cells = draw_cells(generator("words", effect), (many, LOOKS[-1], len(weights)), 0.4, "normal", True)
    truths = np.array([effect, 0.0, -effect])
    found = replications.said_at_looks(new_rule(), cells, weights, truths, True)
    recipes = [f"r{i}" for i in range(claims)]
    names = [(recipe, target) for recipe in (*recipes, "none") for target in TARGETS[:2]]
    added = [*np.repeat(truths, 2), 0.0, 0.0]
    check = {"kind": "gain", "targets": TARGETS[:2], "margin": MARGIN, "expected_points": 5.0}
    registry = [claim_of(check | {"recipe": recipe}, encoder="another") for recipe in recipes]
    for study in range(many):
        points = cells.noise[study] + added
        for look, n in enumerate(LOOKS):
            pairs = {name: by_seed(points[:, cell], n) for cell, name in enumerate(names)}
            scores = scores_of(pairs, n, collapsed=fallen(names, cells.collapsed[study], n))
            said = hold_replications([judge(claim, scores) for claim in registry])
            assert [WORDS[str(one.replication)] for one in said] == found[study, look].tolist()
    assert cells.collapsed.any() and ((found != OPEN).any() or not effect)


def test_no_gain_holds_here_only_below_its_threshold() -> None:
    weights, *others = replications.blocks("no_gain", 10)
    assert weights[:9].sum() == pytest.approx(-1) and weights[9, 0] == 1  # a higher gain speaks against the claim
    assert [block.shape for block in others] == [(90, 9)]
    row = replications.measure_replication("no_gain", 1, "sound", 0.0, FEW)
    assert upper_bound(max(row.new.holds_false), FEW) <= FEW_LIMIT < row.old.holds_false[-1] / FEW


@pytest.mark.parametrize("kind", replications.KINDS)
def test_ten_claims_are_said_to_hold_falsely_as_seldom_as_one(kind: str) -> None:
    row = replications.measure_replication(kind, 10, "sound", 0.0, 1500)
    old, new = row.bounds
    assert new <= FEW_LIMIT and old > 0.8
    assert max(row.new.any_false) >= max(*row.new.holds_false, *row.new.opposite_false)
    assert not any(row.new.right)


def test_a_strong_effect_is_said_to_hold_and_a_weak_one_costs_power() -> None:
    weak, strong = (replications.measure_replication("gain", 10, "sound", effect, 500) for effect in (0.5, 2.0))
    assert weak.new.right[-1] < weak.old.right[-1] and strong.new.right[-1] / 500 > 0.9
    assert strong.bounds[1] < 0.1 < 0.5 < strong.bounds[0]


# Dev or test.


@pytest.mark.parametrize(("dev", "test"), [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0)])
def test_two_splits_in_arrays_are_judged_as_by_the_verifier(dev: float, test: float) -> None:
    """Five of nine targets have development sets, collapsed cells among them."""
    many, world = 8, splits.SOME
    in_test, in_place = splits.draw_splits(generator("splits", dev, test), world, many, 0.3, True)
    weights, rule = GAIN.weights(), judge_kind(GAIN)
    by_test = judge_looks(new_rule(), rule, in_test, weights, test, True)
    placed = Cells(in_place, in_test.collapsed)
    by_dev = judge_looks(new_rule(), rule, placed, weights, world.mean_in_place(dev, test), False)
    found = np.where(by_test == by_dev, by_test, OPEN)
    names = [(recipe, target) for recipe in ("r", "none") for target in TARGETS]
    check = {"kind": "gain", "recipe": "r", "targets": TARGETS, "margin": MARGIN, "expected_points": 5.0}
    claim = claim_of(check, "development")
    shift = (dev - test) * len(TARGETS) / splits.DEVELOPED  # of each target that has development sets
    own = set(TARGETS[: splits.DEVELOPED])
    for study in range(many):
        up = np.where([recipe == "r" for recipe, _ in names], 5.0 + test, 0.0)
        higher = up + [shift if recipe == "r" and target in own else 0.0 for recipe, target in names]
        for look, n in enumerate(LOOKS):
            points, devs = (
                {name: by_seed((cells[study] + more)[:, cell], n) for cell, name in enumerate(names)}
                for cells, more in ((in_test.noise, up), (in_place, higher))
            )
            scores = scores_of(points, n, collapsed=fallen(names, in_test.collapsed[study], n))
            cells = {(*pair, seed): value for pair, by in devs.items() if pair[1] in own for seed, value in by.items()}
            gaps = {(*pair, seed): "none" for pair in names if pair[1] not in own for seed in range(1, n + 1)}
            lacking = {target: "none" for target in TARGETS if target not in own}
            shown = DevelopmentScores(scores, lacking, cells=cells, gaps=gaps, separate=frozenset(own))
            assert CODES[judge(claim, scores, development=shown).verdict] == found[study, look]
    assert in_test.collapsed.any() and (found != OPEN).any() == (dev == test)


@pytest.mark.parametrize("world", [splits.ALL, splits.SOME], ids=lambda world: str(world.developed))
@pytest.mark.parametrize(("dev", "test"), [(1.0, 0.0), (2.0, 0.0), (0.0, 1.5), (1.0, 1.0)])
def test_no_verdict_is_false_of_either_split_where_the_difference_is_seen(
    world: splits.World, dev: float, test: float
) -> None:
    old, new = highest(splits.measure_split(world, "sound", dev, test, FEW))
    assert new <= FEW_LIMIT < old


def test_a_difference_where_no_development_sets_are_is_not_seen() -> None:
    row = splits.measure_split(splits.UNSEEN, "sound", 1.0, 0.0, 500)
    assert row.bounds("REPRODUCED") and highest(row)[1] > 0.3
    assert splits.UNSEEN.mean_in_place(9.0, 0.0) == 5.0 and splits.SOME.mean_in_place(9.0, 0.0) == 9.0


def test_both_truths_count_and_a_right_verdict_stays_likely_where_they_agree() -> None:
    row = splits.measure_split(splits.SOME, "sound", 2.0, 0.0, 100)
    assert row.false_verdicts == ["REPRODUCED", "NOT_REPRODUCED"] and row.truths == (2.0, 0.0)
    alike = splits.measure_split(splits.SOME, "sound", 0.0, 0.0, 500)
    assert alike.false_verdicts == ["NOT_REPRODUCED"] and alike.new.reproduced[-1] / 500 > 0.9


def test_a_noisy_number_of_the_same_pipeline_accuses_nobody_by_either_split() -> None:
    row = splits.measure_split(splits.SOME, "noisy published number", 0.0, 2.0, 1000)
    assert row.old_false and row.new_false
    assert row.old_false.not_reproduced == row.old.not_reproduced and row.old.not_reproduced[-1] > 800
    assert highest(row)[1] <= FEW_LIMIT


# The best recipe.


@pytest.mark.parametrize("baseline", choosing.BASELINES)
def test_the_best_recipe_in_arrays_is_judged_as_by_the_verifier(baseline: choosing.Baseline) -> None:
    """Collapsed cells with the own baseline; over a published row, that row's average."""
    many, collapses = 6, baseline == "own"
    world = "all candidates tied"
    runs = choosing.draw_runs(world, generator("best", baseline), many, LOOKS[-1], collapses)
    if collapses:  # fewer, or next to no seed is left without one
        keep = generator("kept").random(runs.collapsed.shape) < 0.1
        lost = choosing.COLLAPSE_POINTS / choosing.MARGIN_POINTS * (runs.collapsed & ~keep)
        runs = choosing.Runs(runs.choosing + lost, runs.reported + lost, runs.collapsed & keep)
    claimed, over = choosing.truth(world)[0], np.full(many, 0.0 if collapses else -2.0)
    values = choosing.VALUES[baseline]
    found = choosing.judge_runs(new_rule(), runs, values, claimed - over, collapses, over)
    recipes = [f"r{i}" for i in range(choosing.RECIPES)]
    row = PublishedRow(
        system="s", document="d", place="p", split="test", scores={t: {} for t in TARGETS}, average=48.0, note="n"
    )
    check: dict[str, Any] = {"kind": "best_of", "recipes": recipes, "targets": TARGETS, "margin": MARGIN}
    check |= {"expected_points": claimed - over[0], "baseline": "own" if collapses else "row"}
    row = row.model_copy(update={"scores": {t: {"f1": 48.0, "accuracy": 48.0, "em": 48.0} for t in TARGETS}})
    names = [(recipe, target) for recipe in ("none", *recipes) for target in TARGETS]
    split = set(TARGETS[choosing.WITH_DEV :])
    for study in range(many):
        for look, n in enumerate(LOOKS):
            chosen, reported = (
                {(r, t): by_seed(each[study, :, i % 9, i // 9], n) for i, (r, t) in enumerate(names)}
                for each in (runs.choosing, runs.reported)
            )
            whole = {p: {s: (chosen[p][s] + reported[p][s]) / 2 for s in chosen[p]} for p in names if p[1] in split}
            fell = runs.collapsed[study].transpose(0, 2, 1).reshape(LOOKS[-1], -1)
            scores = scores_of(
                reported | whole,
                n,
                dev_by_pair={pair: chosen[pair] for pair in names if pair[1] not in split},
                halves={p: {s: (chosen[p][s], reported[p][s]) for s in chosen[p]} for p in names if p[1] in split},
                collapsed=fallen(names, fell, n),
            )
            verdict = judge(claim_of(check), scores, published={"row": row}).verdict
            assert CODES[verdict] == found[study, look]
    assert (found != OPEN).any() and runs.collapsed.any() == collapses


def test_collapses_that_are_seen_decide_no_best_recipe_and_unseen_ones_do() -> None:
    """The exception that the page names: of what one run gives on average, its collapses counted."""
    world = "all candidates tied"
    seen, unseen = (
        choosing.measure_choosing(world, 1.0, 1000, condition=condition, above=True)
        for condition in ("collapses seen", "collapses not seen")  # type: ignore[arg-type]
    )
    assert highest(seen)[1] <= 0.09 and highest(unseen)[1] > 0.15
    assert (seen.old, seen.situation) == (unseen.old, f"{world}, the number lies above")
    sound = choosing.measure_choosing(world, 1.0, 1000, condition="collapses not seen", above=True, counted=False)
    assert highest(sound)[1] <= 0.09 < 0.5 < highest(sound)[0]


def test_a_published_row_cancels_and_our_own_baseline_does_not() -> None:
    row = choosing.measure_noisy_choosing("all candidates tied", "published", 0.0, 500)
    old, new = highest(row)
    assert new <= 0.03 and old > 0.5 and row.new.reproduced[-1] / 500 > 0.9
    own = choosing.measure_noisy_choosing("all candidates tied", "own", 1.0, 500)
    assert highest(own)[1] <= FEW_LIMIT < highest(own)[0]


# The page.


def rows_of(title: str, rows: Sequence[Row | ReplicationRow]) -> Measured:
    return Measured(next(part for part in PARTS if part.title == title), list(rows))


def test_the_answer_has_a_line_per_thing_that_goes_wrong_and_says_why_one_is_over() -> None:
    replicated = rows_of(
        "Out of scope: what is said of replications",
        [replications.measure_replication("gain", 1, "sound", effect, 200) for effect in (0.0, 2.0)],
    )
    unseen = rows_of(
        "Dev or test, where the difference can't be seen",
        [splits.measure_split(splits.UNSEEN, "sound", dev, 0.0, 200) for dev in (0.0, 1.0)],
    )
    first, second = summary([replicated, unseen])
    assert first.what == "Out of scope: what is said of replications: nothing goes wrong" and first.old > first.new
    assert first.beyond.startswith("100.0 → ") and (second.holds != "", second.beyond) == (True, "")
    said = exceptions([second, second._replace(what="another"), first._replace(new=0.01)])
    assert said.count(" ".join(second.why.split())) == 1 and f"another ({100 * second.new:.1f} %)" in said


def test_tables_say_which_truth_and_what_is_false() -> None:
    unseen = rows_of("Dev or test", [splits.measure_split(splits.SOME, "noisy published number", 2.0, 0.0, 50)])
    table = unseen.part.render(unseen.rows)
    assert "dev 2, test 0" in table and table.count("false") == 2
    said = rows_of(
        "Out of scope: what is said of replications",
        [replications.measure_replication("no_gain", 1, "sound", effect, 50) for effect in (0.0, 1.0)],
    )
    lines = said.part.render(said.rows).splitlines()
    assert [line.count("**") for line in lines if "HOLDS HERE" in line] == [14, 0]
    assert sum("any false one" in line for line in lines) == 2
