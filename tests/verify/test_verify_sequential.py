"""Boundaries against simulation and closed forms; p values and verdicts at every look; the design itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from toy import ROOT

from harness.project.errors import HarnessError
from harness.verify.statistics import intervals as s
from harness.verify.statistics.aggregate import aggregate
from harness.verify.statistics.decision import decide
from harness.verify.statistics.design import DESIGN, STANDARD, Design, fixed, read_design
from harness.verify.statistics.p_values import prediction_p
from harness.verify.statistics.sequential import adjusted_p, boundaries, boundary
from harness.verify.statistics.stopping import SEED, expected_seeds

GAPS = Design(looks=(3, 5, 9), order=tuple(range(1, 10)))
DESIGNS = [STANDARD, GAPS, Design(spending="obrien-fleming"), Design(spending="pocock", level=0.2)]
DRAWN = np.random.default_rng(20200513).normal(size=(400_000, 9))


def t_statistics(design: Design) -> np.ndarray:
    """One column a look."""
    columns = [DRAWN[:, :n].mean(axis=1) / DRAWN[:, :n].std(axis=1, ddof=1) * np.sqrt(n) for n in design.looks]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: f"{design.spending}-{design.level}-{len(design.looks)}")
def test_each_look_spends_what_the_design_gives_it(design: Design) -> None:
    above = t_statistics(design) > [boundary(design, n) for n in design.looks]
    first = above.argmax(axis=1)[above.any(axis=1)]
    spent = 0.0
    for k, n in enumerate(design.looks):
        share, spent = design.spent(n) - spent, design.spent(n)
        assert stats.binomtest(int((first == k).sum()), len(DRAWN), share).pvalue > 1e-4, n
    assert spent == pytest.approx(design.level)


def test_the_first_look_and_a_single_one_are_students_t() -> None:
    assert boundary(STANDARD, 3) == pytest.approx(stats.t.isf(0.05 * 3 / 8, 2), rel=1e-5)
    assert boundaries((5,), 0.05) == pytest.approx([stats.t.isf(0.05, 4)])
    assert boundary(fixed(7), 7) == pytest.approx(stats.t.isf(0.05, 6))


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(STANDARD.looks), st.floats(1e-7, 0.4))
def test_an_adjusted_p_value_is_the_level_whose_boundary_is_touched(n: int, level: float) -> None:
    nominal = float(stats.t.sf(boundaries(STANDARD.looks, level)[STANDARD.looks.index(n)], n - 1))
    assert adjusted_p(nominal, STANDARD, n) == pytest.approx(level, rel=0.02)
    assert adjusted_p(nominal * 0.9, STANDARD, n) < adjusted_p(nominal, STANDARD, n)
    assert nominal <= adjusted_p(nominal, STANDARD, n) * 1.001


def test_adjusted_p_values_are_p_values_over_all_looks() -> None:
    statistics = t_statistics(STANDARD)[:20_000]
    p_values = [
        min(adjusted_p(float(p), STANDARD, n) for p, n in zip(row, STANDARD.looks, strict=True))
        for row in stats.t.sf(statistics, [n - 1 for n in STANDARD.looks]).tolist()
    ]
    for level in (0.01, 0.05, 0.2):
        assert stats.binomtest(sum(p <= level for p in p_values), 20_000, level, "greater").pvalue > 1e-4
    assert stats.binomtest(sum(p <= 0.05 for p in p_values), 20_000, 0.05).pvalue > 1e-4  # and spent wholly
    assert adjusted_p(0.7, STANDARD, 4) == 1.0 and adjusted_p(0.0, STANDARD, 4) >= 0.0


@pytest.mark.parametrize("width", [0.0, 0.5, 2.0])
def test_looking_at_every_look_errs_no_more_than_the_level(width: float) -> None:
    """The truth at the band's edge: false REPRODUCED and false NOT_REPRODUCED over all looks, each at most 5 %."""
    target = s.Interval(low=-width, high=0.0)
    yes = no = 0
    for row in DRAWN[:800, :8].tolist():
        verdicts = {decide(row[:n], target, project=False).verdict for n in STANDARD.looks}
        yes, no = yes + ("REPRODUCED" in verdicts), no + ("NOT_REPRODUCED" in verdicts)
    for count in (yes, no):
        assert stats.binomtest(count, 800, 0.05, "greater").pvalue > 1e-3


def test_an_identical_pipeline_is_not_accused_for_the_published_numbers_luck() -> None:
    """One noisy published run: without its prediction interval far more than 5 % would be accused."""
    random = np.random.default_rng(7)
    claimed, ours = 2.0 * random.normal(size=1500), 2.0 * random.normal(size=(1500, 5))
    false = [0, 0]
    for number, row in zip(claimed.tolist(), ours.tolist(), strict=True):
        for place, published in enumerate((None, s.Published(number, 1))):
            found = decide(row, s.band(number, 1.5), project=False, published=published)
            false[place] += found.verdict == "NOT_REPRODUCED"
    assert false[0] / 1500 > 0.06
    assert stats.binomtest(false[1], 1500, 0.05, "greater").pvalue > 1e-3


def test_prediction_p_is_the_two_sided_test_and_names_the_luck() -> None:
    values = [4.0, 4.5, 5.0, 4.2]
    mean, spread = float(np.mean(values)), s.spread(values)
    pooled = abs(7.0 - mean) / (spread * np.sqrt(1 / 4 + 1 / 2))
    assert prediction_p(mean, spread, 4, s.Published(7.0, 2)) == pytest.approx(2 * stats.t.sf(pooled, 3))
    found = decide(values, s.band(7.0, 0.5), published=s.Published(7.0, 1))
    assert found.verdict == "INCONCLUSIVE" and "is itself 1 run and may be their luck" in found.reason
    assert decide(values, s.band(7.0, 0.5)).verdict == "NOT_REPRODUCED"
    assert found.p_value == found.p_parts["published"] > 0.05 > found.p_parts["margin"]


def test_the_last_look_that_was_passed_counts() -> None:
    values = [1.0, 2.0, 1.5, 9.0, 1.2, 1.4, 1.6, 1.3, 1.1, 50.0]
    target = s.band(1.5, 1.0)
    for given_n, n in ((10, 9), (9, 9), (8, 5), (4, 3), (2, 2)):
        assert decide(values[:given_n], target, design=GAPS) == decide(values[:n], target, design=GAPS)
    assert decide(values[:2], target, design=GAPS).reason == "2 seeds of at least 3"
    last = decide(values[:9], target, design=GAPS)
    assert last.verdict == "INCONCLUSIVE" and last.used_up and last.seeds_needed is None
    assert last.reason == "the design is used up: 9 seeds are its last look"
    assert fixed(5).looks == (5,) and decide(values[:4], target, design=fixed(5)).verdict == "UNDERPOWERED"


def test_seeds_count_in_the_designs_order_up_to_its_first_gap() -> None:
    design = Design(looks=(2, 3), order=(7, 3, 5, 1))
    assert design.in_order([1, 3, 5, 7, 9]) == [7, 3, 5]  # the last look is at three
    assert design.in_order([7, 5, 1]) == [7] and design.in_order([3, 5]) == []
    assert design.counted({3: "b", 7: "a"}) == {7: "a", 3: "b"}
    assert design.without([3]).order == (7, 5, 1)
    found = aggregate({5: 1.0, 3: 2.0, 7: 4.0, 9: 9.0}, design)
    assert found and found.values == {7: 4.0, 3: 2.0, 5: 1.0} and found.interval and found.plain
    assert aggregate({9: 1.0}, design) is None  # a seed out of the order is none


def test_the_registered_design_is_the_librarys(tmp_path: Path) -> None:
    registered = read_design(ROOT / "reference" / DESIGN)
    words = {"reason", "sources", "replication_over", "replication_reason"}
    assert registered.model_dump(exclude=words) == Design().model_dump(exclude=words)
    assert len(registered.reason) > 40 and len(registered.sources) >= 2
    assert registered.replication_over == "learnt targets without retrieval" and len(registered.replication_reason) > 40
    assert read_design(tmp_path / DESIGN) == STANDARD  # an archive of an older release has none


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("looks: [5, 3]", "expected ascending numbers of seeds"),
        ("looks: [1, 3]", "from 2 to 200"),
        ("order: [1, 2, 3]", "expected 8 seeds or more in `order`"),
        ("order: [1, 1, 2, 3, 4, 5, 6, 7]", "expected each seed once"),
        ("level: 0.9", "`level`"),
        ("spending: all", "`spending`"),
        ("look: [3]", "unknown key `look`"),
    ],
)
def test_a_design_that_does_not_fit_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / DESIGN).write_text(text)
    with pytest.raises(HarnessError) as raised:
        read_design(tmp_path / DESIGN)
    assert words in str(raised.value) and "git checkout" in str(raised.value)


def test_what_is_clear_is_decided_before_five_seeds() -> None:
    clear = expected_seeds(0.0, 0.25, s.band(0.0, 1.0), repetitions=4000)
    blurred = expected_seeds(0.0, 0.5, s.band(0.0, 1.0), repetitions=4000)
    assert 3.0 < clear.seeds < 4.0 < blurred.seeds < 5.0 and clear.reproduced > 0.999
    edge = expected_seeds(1.0, 0.5, s.band(0.0, 1.0), repetitions=4000)
    assert max(edge.reproduced, edge.not_reproduced) < 0.063 and edge.seeds > 7


def test_the_rule_that_is_simulated_is_the_rule_itself() -> None:
    target, taken = s.band(0.0, 1.0), []
    for row in (1.5 + 0.7 * np.random.default_rng(SEED).normal(size=(150, 8))).tolist():
        decided = (n for n in STANDARD.looks if decide(row[:n], target, False).verdict != "INCONCLUSIVE")
        taken.append(next(decided, 8))
    assert expected_seeds(1.5, 0.7, target, repetitions=150).seeds == pytest.approx(np.mean(taken))
