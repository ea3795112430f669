"""The verifier's error rates on drawn studies, the array rules against the real ones, and the committed page."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.pages.verifier.answer import LIMIT, answer, exceptions, summary
from harness.pages.verifier.page import looks_table, render_page, seeds_table, simulate, steps, write_page
from harness.pages.verifier.parts import PARTS, Measured
from harness.pages.verifier.words import HOLM, INSIDE, LIMITS, OPENING, READING, RULE
from harness.verify import Claim, Scores, adjust, judge
from harness.verify.claims.choosing import choose
from harness.verify.statistics.anytime import MIXTURE, anytime_verdict
from harness.verify.statistics.decision import decide
from harness.verify.statistics.design import fixed
from harness.verify.statistics.intervals import CONFIDENCE, Interval, Published
from harness.verify.statistics.simulation import choosing, languages, splits, together
from harness.verify.statistics.simulation import studies as sim
from harness.verify.statistics.simulation.draws import (
    MARGIN_POINTS,
    SHAPES,
    Cells,
    Numbers,
    Shape,
    draw,
    draw_cells,
    generator,
)
from harness.verify.statistics.simulation.kinds import (
    COMPARE,
    GAIN,
    KINDS,
    LANGUAGES,
    NO_GAIN,
    ONE,
    RETRIEVAL,
    SHARES,
    TYDIQA,
    Kind,
    ShareKind,
)
from harness.verify.statistics.simulation.rules import (
    LOOKS,
    MOST,
    NO,
    OPEN,
    YES,
    first_decided,
    holm,
    judge_means,
    moments,
    new_rule,
    old_rule,
    p_values,
    upper_bound,
)

CODES = {"REPRODUCED": YES, "NOT_REPRODUCED": NO, "INCONCLUSIVE": OPEN, "UNDERPOWERED": OPEN}
FEW = 3000
"""Studies of a reduced row: a true rate of 5 % has an upper bound over FEW_LIMIT with probability below 1e-4."""
FEW_LIMIT = 0.075


def drawn(key: str, studies: int, sigma: float, seeds: int = LOOKS[-1]) -> Numbers:
    """Values about a mean between -3 and 3, with a spread between 0 and 2 sigma; studies x seeds."""
    random = generator("test", key)
    means, spreads = random.uniform(-3, 3, (studies, 1)), random.uniform(0, 2 * sigma, (studies, 1))
    return np.asarray(means + spreads * random.normal(size=(studies, seeds)))


# The array rules against the rules of the verifier.


@pytest.mark.parametrize(
    ("low", "high", "claimed"),
    [(-1.0, 1.0, 0.0), (-1.0, 1.0, None), (-np.inf, 1.0, None), (-1.0, np.inf, None), (-0.02, 0.02, None)],
)
def test_studies_in_arrays_are_judged_as_one_by_one(low: float, high: float, claimed: float | None) -> None:
    values, published = drawn(f"{low}{high}", 300, 0.7), None if claimed is None else Published(claimed, 1)
    seen = set()
    for n in LOOKS:
        found = judge_means(new_rule(), *moments(values[:, :n]), low, high, claimed)
        single = [
            decide(row, Interval(low=low, high=high), project=False, published=published).verdict
            for row in values[:, :n].tolist()
        ]
        assert found.tolist() == [CODES[verdict] for verdict in single]
        seen |= set(single)
    assert len(seen) == 3 or high - low < 1


def test_the_replaced_rule_is_a_study_of_one_look() -> None:
    values = drawn("old", 200, 0.7, MOST)
    for n in (3, 5, 8, 20):
        found = judge_means(old_rule(), *moments(values[:, :n]), -1.0, 1.0, 0.0)
        band = Interval(low=-1.0, high=1.0)
        single = [decide(row, band, project=False, design=fixed(n)).verdict for row in values[:, :n].tolist()]
        assert found.tolist() == [CODES[verdict] for verdict in single]


def check_of(kind: Kind | ShareKind) -> tuple[dict[str, Any], list[tuple[str, str]], list[str]]:
    """A check of this kind with margin 1 as the registry would state it, its cells in order, and the recipes."""
    recipes, targets = [f"r{i}" for i in range(9)], [f"t{i}" for i in range(9)]
    said: dict[str, Any] = {"reason": "a test"}
    if kind is GAIN:
        margin = {"practical_points": 1.0, "reference_sd_points": None, "rounding_points": 0.0, "reason": "one"}
        said |= {"kind": "gain", "recipe": "r0", "targets": targets, "expected_points": 5.0, "margin": margin}
        cells = [(recipe, target) for recipe in ("r0", "none") for target in targets]
    elif kind is NO_GAIN:
        said |= {"kind": "no_gain", "recipes": recipes, "targets": ["t0"], "at_most_points": 6.0}
        cells = [(recipe, "t0") for recipe in (*recipes, "none")]
    elif kind is COMPARE:
        said |= {"kind": "compare", "recipes": recipes[:3], "targets": targets, "variant": "+mlm"}
        cells = [(r + variant, t) for variant in ("", "+mlm") for r in recipes[:3] for t in targets]
    else:
        assert isinstance(kind, ShareKind)
        share = kind.needed / kind.recipes - 0.01
        said |= {"kind": "share", "recipes": recipes, "targets": targets[: kind.targets], "threshold_points": 5.0}
        said |= {"at_least_share": share}
        cells = [(recipe, target) for recipe in (*recipes, "none") for target in targets[: kind.targets]]
    return said, cells, list(dict.fromkeys(recipe for recipe, _ in cells))


def judged(kind: Kind | ShareKind, cells: Cells, means: Sequence[float], study: int, n: int) -> str:
    """The verdict of `judge` on the first n seeds of one study; `means`: added to each cell."""
    said, names, recipes = check_of(kind)
    noise, fell = cells.noise[study], cells.collapsed[study]
    by_pair = {
        name: {seed + 1: 50.0 + means[cell] + float(noise[seed, cell]) for seed in range(n)}
        for cell, name in enumerate(names)
    }
    collapsed = {(*names[cell], int(seed) + 1) for seed, cell in zip(*np.nonzero(fell[:n]), strict=True)}
    scores = Scores(
        by_pair=by_pair,
        dev_by_pair={},
        recipes=recipes,
        targets=list(dict.fromkeys(target for _, target in names)),
        seeds=list(range(1, n + 1)),
        retrieval=frozenset(),
        unavailable={},
        left_out={},
        encoder="E",
        data="D",
        collapsed=frozenset(collapsed),
    )
    source = {"document": "d", "version": "v", "place": "p", "split": "test", "statistic": "s", "n_claim": 1}
    claim = Claim.model_validate(
        {
            **{"id": "a", "text": "a", "verified": True, "confidence": 1.0, "source": source, "check": said},
            "scope": {"encoder": "E", "data": "D"},
        }
    )
    return judge(claim, scores).verdict


def cell_means(kind: Kind | ShareKind, deviation: float) -> tuple[list[float], Any]:
    """What each cell is on average, for the check of `check_of`, and the same as the simulation adds it to values."""
    if isinstance(kind, ShareKind):
        means = kind.means(deviation, True)
        return [5.0 + float(mean) for mean in np.repeat(means, kind.targets)] + [0.0] * kind.targets, means
    mean = kind.mean(deviation)
    up = mean + (1.0 if kind is COMPARE else 5.0)
    return [up] * kind.recipe_cells + [0.0] * kind.compared_cells, mean


@pytest.mark.parametrize("kind", [*KINDS, *SHARES], ids=lambda kind: kind.name)
@pytest.mark.parametrize("deviation", [0.0, 2.0])
def test_kinds_in_arrays_are_judged_as_by_the_verifier(kind: Kind | ShareKind, deviation: float) -> None:
    """Whole studies, collapsed cells among them, through `judge`."""
    many, weights = 6 if isinstance(kind, ShareKind) else 12, kind.weights()
    cells = draw_cells(generator("judge", deviation), (many, LOOKS[-1], len(weights)), 0.3, "normal", True)
    added, means = cell_means(kind, deviation)
    rule = sim.judge_recipes(kind) if isinstance(kind, ShareKind) else sim.judge_kind(kind)
    found = sim.judge_looks(new_rule(), rule, cells, weights, means, True)
    one_by_one = [[CODES[judged(kind, cells, added, study, n)] for n in LOOKS] for study in range(many)]
    assert found.tolist() == one_by_one
    assert cells.collapsed.any() and (found != OPEN).any()


def test_a_collapsed_cell_takes_verdicts_back_and_unseen_it_does_not() -> None:
    weights = NO_GAIN.weights()
    cells = draw_cells(generator("seen"), (400, LOOKS[-1], len(weights)), 0.3, "normal", True)
    seen, unseen = (
        sim.judge_looks(new_rule(), sim.judge_kind(NO_GAIN), cells, weights, 0.0, told) for told in (True, False)
    )
    assert ((seen == unseen) | (seen == OPEN)).all() and (seen != unseen).any()


def test_medians_are_those_of_the_sound_seeds() -> None:
    noise, fell = np.arange(12.0).reshape(1, 4, 3), np.zeros((1, 4, 3), dtype=bool)
    fell[0, :2, 0], fell[0, :, 1] = True, True
    filled = sim.with_medians(noise, fell)
    assert filled[0, :2, 0].tolist() == [statistics.median([6.0, 9.0])] * 2
    assert np.isnan(filled[0, :, 1]).all() and filled[0, :, 2].tolist() == noise[0, :, 2].tolist()


def test_holm_in_arrays_is_holm() -> None:
    p = generator("holm").uniform(size=(100, 6)) ** 3
    assert np.allclose(holm(p), [adjust(row) for row in p.tolist()])


def test_p_values_in_arrays_are_those_of_single_studies() -> None:
    values, band, published = drawn("p", 100, 0.7), Interval(low=-1.0, high=1.0), Published(0.0, 1)
    for n in (3, 6):
        mean, s, many = moments(values[:, :n])
        found = p_values(new_rule(), mean, s, many, np.full(100, -1.0), np.full(100, 1.0), np.zeros(100))
        single = [decide(row, band, project=False, published=published).p_value for row in values[:, :n].tolist()]
        assert found.tolist() == pytest.approx(single)


def test_moments_leave_out_what_is_not_kept() -> None:
    values, keep = drawn("moments", 2, 1.0, 4), np.array([[True, False, True, True], [True, False, False, False]])
    mean, s, n = moments(values, keep)
    kept = values[0, keep[0]].tolist()
    assert (mean[0], s[0]) == pytest.approx((statistics.fmean(kept), statistics.stdev(kept)))
    assert n.tolist() == [3, 1] and np.isnan(s[1])


def test_stopping_takes_the_first_decided_verdict() -> None:
    last, place = first_decided(np.array([[OPEN, YES, NO], [OPEN, OPEN, OPEN]], dtype=np.int8))
    assert last.tolist() == [YES, OPEN] and place.tolist() == [1, 2]


@pytest.mark.parametrize(("count", "total"), [(0, 50), (7, 50), (50, 50)])
def test_the_bound_is_clopper_and_pearsons(count: int, total: int) -> None:
    found = stats.binomtest(count, total, alternative="less").proportion_ci(0.95, "exact")
    assert upper_bound(count, total) == pytest.approx(found.high)


# The rates.


@pytest.mark.parametrize("sigma", [0.25, 1.0, 4.0])
def test_false_verdicts_of_a_gain_are_at_most_five_per_cent_over_all_looks(sigma: float) -> None:
    for deviation in (0.0, 1.0, 1.5):
        row = sim.measure(GAIN, "sound", sigma, deviation, True, FEW)
        bounds = [
            row.bound(counts[1]) for verdict in ("REPRODUCED", "NOT_REPRODUCED") if (counts := row.errors(verdict))
        ]
        assert bounds and max(bounds) <= FEW_LIMIT


@pytest.mark.parametrize("kind", [NO_GAIN, COMPARE, *SHARES], ids=lambda kind: kind.name)
def test_every_kind_keeps_its_level_where_the_replaced_rule_did_not(kind: Kind | ShareKind) -> None:
    row = sim.measure(kind, "sound", 0.5, 1.0, True, FEW)
    old, new = row.bounds("REPRODUCED") or (0.0, 1.0)
    assert new <= FEW_LIMIT < old


def test_shares_were_confirmed_too_often_at_a_single_look() -> None:
    """The replaced rule counted recipes, each by its own interval."""
    found = [sim.measure(kind, "sound", 0.5, 1.0, True, FEW).old.reproduced[2] / FEW for kind in (RETRIEVAL, TYDIQA)]
    assert found[1] > found[0] > FEW_LIMIT


def test_the_same_pipeline_is_not_accused_for_its_published_luck() -> None:
    row = sim.measure_noisy(2.0, 0.0, FEW)
    old, new = row.bounds("NOT_REPRODUCED") or (0.0, 1.0)
    assert new <= FEW_LIMIT < 0.1 < old


def test_a_verdict_on_a_noisy_number_is_right_where_the_number_lies_so() -> None:
    row = sim.measure_noisy(1.0, 1.5, 500)
    assert row.new_false is not None
    assert row.new_false.not_reproduced[-1] < row.new.not_reproduced[-1]
    assert row.new_false.reproduced[-1] <= row.new.reproduced[-1]


def test_holm_keeps_the_family_and_its_absence_does_not() -> None:
    row = together.measure_family(10, False, FEW)
    assert upper_bound(max(row.new), FEW) <= FEW_LIMIT < row.alone_old[0] / FEW
    wrong = together.measure_family(10, True, FEW)
    assert 0 < wrong.new[-1] < wrong.holm_old[-1] < wrong.alone_old[-1]


def test_looking_again_cost_the_replaced_rule_its_level() -> None:
    row = together.measure_looking(0.5, FEW)
    assert upper_bound(row.design, FEW) <= FEW_LIMIT < row.as_told / FEW < row.after_each / FEW
    assert upper_bound(row.once, FEW) <= FEW_LIMIT and upper_bound(row.anytime, FEW) <= FEW_LIMIT


def test_the_anytime_interval_in_arrays_is_that_of_single_studies() -> None:
    values, band = drawn("anytime", 100, 0.3), Interval(low=-1.0, high=1.0)
    for n in (3, 8):
        found = together.inside_anytime(values[:, :n])
        assert found.tolist() == [anytime_verdict(row, band) == "REPRODUCED" for row in values[:, :n].tolist()]
    assert found.any() and not found.all()


def test_the_replaced_note_asked_for_more_seeds_where_it_is_noisier() -> None:
    near, far = np.array([[0.0, 0.4, 0.8]]), np.array([[-0.4, 0.4, 1.2]])
    assert LOOKS[0] < together.as_told(near)[0] < together.as_told(far)[0] <= MOST


@pytest.mark.parametrize(("n", "n_claim"), [(3, 1), (5, 3)])
def test_the_prediction_interval_covers_95_per_cent(n: int, n_claim: int) -> None:
    found = sim.measure_coverage(n, n_claim, 2000)
    assert stats.binomtest(found.covered, 2000, 0.95).pvalue > 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_mean_0_and_spread_1(shape: Shape) -> None:
    values = draw(shape, generator(9), (400_000,))
    assert values.mean() == pytest.approx(0, abs=0.01) and values.std() == pytest.approx(1, abs=0.15)


def test_values_of_every_kind_have_the_spread_that_is_asked_for() -> None:
    for kind in (*KINDS, *SHARES, ONE):
        weights = kind.weights()
        values = sim.cell_spread(weights, 0.5) * generator(kind.name).normal(size=(20_000, len(weights))) @ weights
        assert values.std(0) == pytest.approx(np.full(weights.shape[1], 0.5), rel=0.05)


def test_the_same_row_is_drawn_again_whatever_came_before() -> None:
    first = sim.measure(GAIN, "sound", 0.5, 1.0, True, 50)
    sim.measure(ONE, "skewed up", 0.5, 1.0, True, 50)
    assert sim.measure(GAIN, "sound", 0.5, 1.0, True, 50) == first


def test_choosing_in_arrays_is_choosing() -> None:
    """Seven targets by development scores, two by half of their items, seed by seed."""
    runs = choosing.draw_runs("all candidates tied", generator("choose"), 3, 4)
    names, targets = ["none", *(f"r{i}" for i in range(choosing.RECIPES))], [f"t{i}" for i in range(9)]
    for study in range(3):
        pairs = {(name, target): (c, t) for c, name in enumerate(names) for t, target in enumerate(targets)}
        by, reported = (
            {pair: {s: float(each[study, s, t, c]) for s in range(4)} for pair, (c, t) in pairs.items()}
            for each in (runs.choosing, runs.reported)
        )
        dev = {pair for pair in pairs if int(pair[1][1:]) < choosing.WITH_DEV}
        scores = Scores(
            by_pair=reported,
            dev_by_pair={pair: by[pair] for pair in dev},
            halves={p: {s: (by[p][s], reported[p][s]) for s in range(4)} for p in pairs if p not in dev},
            recipes=names,
            targets=targets,
            seeds=list(range(4)),
            retrieval=frozenset(),
            unavailable={},
            left_out={},
            encoder="E",
            data="D",
        )
        found = choose(scores, names, targets)
        gains = [statistics.fmean(found[target].gains[s] for target in targets) for s in range(4)]
        assert choosing.gains_by_seed(runs)[study].tolist() == pytest.approx(gains)


def test_choosing_by_the_mean_measured_something_else() -> None:
    """With tied candidates what chance favours in one run is gone from a mean over seeds."""
    row = choosing.measure_choosing("all candidates tied", 1.0, 1000)
    assert max(row.bound(counts[1]) for counts in map(row.errors, ("REPRODUCED", "NOT_REPRODUCED")) if counts) <= 0.09
    assert row.old.reproduced[-2] / 1000 > 0.9
    mean, sigma = choosing.truth("all candidates tied")
    assert mean > choosing.GAIN_POINTS / MARGIN_POINTS * 0.5 and 0 < sigma < 1


# The page.


def table_lines(page: str) -> list[tuple[str, ...]]:
    """The cells of every line of a table but the first, which is the label that some lines share."""
    return [tuple(cell.strip() for cell in line.strip("|").split("|"))[1:] for line in page.splitlines()]


def test_the_committed_page_is_what_the_command_writes(repo_root: Path) -> None:
    """Its words, the tables that need no simulation, and measured rows drawn again in full."""
    page = (repo_root / "docs" / "verifier.md").read_text(encoding="utf-8")
    for part in (OPENING, RULE, looks_table(), INSIDE, HOLM, READING, LIMITS, seeds_table()):
        assert part in page
    assert f"k = ({1 / (1 - CONFIDENCE):.0f} sqrt" in INSIDE and f"a = {MIXTURE:g}," in INSIDE
    written, by_title = table_lines(page), {part.title: part for part in PARTS}
    for part, row in (
        (by_title["A stated gain, by spread"], sim.measure(GAIN, "sound", 0.5, 1.0, True, sim.STUDIES)),
        (by_title["A published number that is one noisy run"], sim.measure_noisy(1.5, 0.0, sim.STUDIES)),
        (
            by_title["A stated gain on a group of languages"],
            languages.measure_languages(LANGUAGES[0], "collapses seen", 1.0, sim.STUDIES),
        ),
        (by_title["Dev or test"], splits.measure_split(splits.SOME, "sound", 0.0, 1.5, sim.STUDIES)),
    ):
        lines = [line for line in table_lines(part.render([row])) if set(line) & {"REPRODUCED", "NOT_REPRODUCED"}]
        assert len(lines) == 2 and all(line in written for line in lines)
    assert (repo_root / "docs" / "verifier_operating.png").stat().st_size > 10_000
    assert all(f"\n## {part.title}\n" in page for part in PARTS)


def test_the_answer_names_what_is_over_the_limit() -> None:
    part = next(part for part in PARTS if part.title == "Gains that are not normal")
    rows = [sim.measure(ONE, "skewed up", 0.5, deviation, True, 500) for deviation in (0.0, 1.0, 2.0)]
    lines = list(summary([Measured(part, rows)]))
    assert [line.what for line in lines] == [part.title] and lines[0].new > LIMIT
    assert part.title in exceptions(lines) and "1 lines 0 keep" in exceptions(lines)
    assert exceptions([lines[0]._replace(new=0.05)]).endswith("or less by today's rule.")
    assert "| 500" not in answer([Measured(part, rows)])


@pytest.mark.slow
def test_a_page_of_few_draws_has_every_part_and_its_picture(tmp_path: Path) -> None:
    done = []
    measured, curves = simulate(20, lambda: done.append(1))
    assert len(done) == steps()
    write_page(measured, curves, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert page == render_page(measured, "page_operating.png") and (tmp_path / "page_operating.png").is_file()
    assert page.count("\n## ") == len(PARTS) + 7 and "20 studies a row" in page
