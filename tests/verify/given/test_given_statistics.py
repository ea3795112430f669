"""The statistics of `harness judge`, held to scipy and to the rule written again; how often a verdict is false."""

from __future__ import annotations

import numpy as np
import pytest
from given_simulation import apart, paired
from given_tables import one
from scipy import stats

from harness.verify.statistics.design import STANDARD, Design, fixed

STUDIES = 20_000
ALLOWED = 0.05 + 3 * (0.05 * 0.95 / STUDIES) ** 0.5
"""5 % and three standard errors of the simulation."""
DESIGNS = {"default looks": STANDARD, "one look": fixed(5)}
BASE = (70.1, 69.8, 70.6, 70.3, 69.5, 70.9, 70.2, 69.9)
BETTER = (77.9, 77.0, 78.3, 77.6, 77.8, 77.1, 78.4, 77.5)


def rows(first: tuple[float, ...], second: tuple[float, ...], shift: int = 0) -> list[dict[str, object]]:
    """Scores of mnli at seeds 1, 2, ..., of none at seeds that are `shift` larger."""
    return [
        {"method": method, "seed": seed + by, "score": score}
        for method, scores, by in (("mnli", first, 0), ("none", second, shift))
        for seed, score in enumerate(scores, 1)
    ]


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_paired_scores_looked_at_once_have_the_t_interval(n: int) -> None:
    found = one(rows(BETTER[:n], BASE[:n]), design=fixed(n))
    gains = np.subtract(BETTER[:n], BASE[:n])
    expected = stats.t.interval(0.90, n - 1, gains.mean(), stats.sem(gains))
    assert found.interval == pytest.approx(expected) and found.pairing == "paired by seed"


@pytest.mark.parametrize(("n", "more"), [(2, 0), (3, 0), (5, 3), (8, 0)])
def test_unpaired_scores_looked_at_once_have_welchs_interval(n: int, more: int) -> None:
    """Of two groups of unequal size the first runs count, as many as the look says."""
    found = one(rows(BETTER[:n], BASE[: n + more], shift=100), design=fixed(n))
    test = stats.ttest_ind(BETTER[:n], BASE[:n], equal_var=False)
    ends = test.confidence_interval(0.90)
    assert found.interval == pytest.approx((ends.low, ends.high)) and found.pairing == "not paired (Welch)"
    looked_again = one(rows(BETTER[:n], BASE[: n + more], shift=100))
    assert looked_again.plain_interval == (found.interval if n >= STANDARD.first else None)
    assert any("did not count" in reason for reason in found.doubts) == (more > 0)


@pytest.mark.parametrize("kind", ["paired", "apart"])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_a_gain_at_the_edge_of_the_band_is_seldom_called_reproduced_or_accused(kind: str, design: Design) -> None:
    """At any look. Such a gain is claimed falsely by a hair, and rightly by another: both verdicts would be wrong."""
    draw = np.random.default_rng(1)
    for margin in (0.5, 2.0):
        gains = draw.normal(3.0 + margin, 1, (STUDIES, design.last))
        looks = (
            paired(gains, 3 - margin, 3 + margin, design, None)
            if kind == "paired"
            else apart(gains, draw.normal(0, 0.3, gains.shape), 3 - margin, 3 + margin, design, None)
        )
        assert looks.reproduced.any(axis=0).mean() <= ALLOWED
        assert (looks.outside & (looks.p <= 0.05)).any(axis=0).mean() <= ALLOWED


@pytest.mark.parametrize("kind", ["paired", "apart"])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_a_pipeline_that_made_the_claimed_number_is_seldom_accused(kind: str, design: Design) -> None:
    """The number is the mean of a few of its own runs, and the margin next to nothing."""
    draw = np.random.default_rng(2)
    for n_claim in (1, 3):
        claimed = draw.normal(3, (1 if kind == "paired" else 1.09**0.5) / n_claim**0.5, STUDIES)
        gains = draw.normal(3, 1, (STUDIES, design.last))
        edges = claimed - 0.01, claimed + 0.01
        looks = (
            paired(gains, *edges, design, claimed, n_claim)
            if kind == "paired"
            else apart(gains, draw.normal(0, 0.3, gains.shape), *edges, design, claimed, n_claim)
        )
        assert (looks.outside & (looks.p <= 0.05)).any(axis=0).mean() <= ALLOWED


def test_of_a_file_of_true_claims_holm_seldom_lets_one_be_accused() -> None:
    """Five methods share the baseline's runs, and each gain lies at the edge of what is claimed."""
    draw = np.random.default_rng(3)
    baseline = draw.normal(0, 1, (STUDIES, STANDARD.last))
    every = [paired(draw.normal(1, 1, baseline.shape) - baseline, -np.inf, 1.0, STANDARD, None) for _ in range(5)]
    smallest = np.array([np.where(looks.outside, looks.p, 1.0) for looks in every]).min(axis=0)
    assert (5 * smallest <= 0.05).any(axis=0).mean() <= ALLOWED
    assert (smallest <= 0.05).any(axis=0).mean() > 0.10, "without Holm it would be more"


@pytest.mark.parametrize("shift", [0, 100], ids=["paired", "apart"])
@pytest.mark.parametrize("n", [3, 6])
def test_the_simulated_rule_is_the_one_that_judges(shift: int, n: int) -> None:
    """The verdict of the whole path, from rows on, is that of the simulation at the same look."""
    draw, seen = np.random.default_rng(4), set()
    for _ in range(12):
        first, second = draw.normal(draw.uniform(0, 8), 1, n), draw.normal(0, 0.5, n)
        found = one(rows(tuple(50 + first), tuple(50 + second), shift), "+3 +- 2")
        args = (1.0, 5.0, STANDARD, np.array([3.0]))
        looks = paired((first - second)[None], *args) if not shift else apart(first[None], second[None], *args)
        at = n - STANDARD.first
        accused = looks.outside[at, 0] and looks.p[at, 0] <= 0.05
        expected = "REPRODUCED" if looks.reproduced[at, 0] else "NOT_REPRODUCED" if accused else "INCONCLUSIVE"
        assert (found.verdict, found.p_value) == (expected, pytest.approx(looks.p[at, 0]))
        seen.add(found.verdict)
    assert len(seen) > 1


def test_a_count_says_after_how_many_seeds_it_would_be_decided() -> None:
    """Tables with so many seeds and gains like those that were measured are decided in four of five cases or more."""
    draw = np.random.default_rng(5)

    def table(n: int, gains: dict[str, float], sd: float) -> list[dict[str, object]]:
        scores = {method: 60 + gain + draw.normal(0, sd, n) for method, gain in gains.items()}
        return [
            {"method": method, "seed": seed, "score": float(score)}
            for method, each in scores.items()
            for seed, score in enumerate(each, 1)
        ]

    few = one(table(3, {"none": 0.0, "a": 1.5, "b": 1.8, "c": 1.4}, 0.25), "3 of 3 above 0.5")
    assert (few.verdict, few.n_seeds) == ("INCONCLUSIVE", 3) and few.seeds_needed is not None
    assert f"{few.seeds_needed} seeds would decide" in few.reasons[1]
    each = {row.method: np.array([row.measured[s] - row.compared[s] for s in few.seeds]) for row in few.scores}
    gains = {method: float(own.mean()) for method, own in each.items()}
    spread = max(float(own.std(ddof=1)) for own in each.values())
    found = [
        one(table(few.seeds_needed, {"none": 0.0, **gains}, spread / 2**0.5), "3 of 3 above 0.5").verdict
        for _ in range(60)
    ]
    assert found.count("REPRODUCED") >= 0.7 * len(found) and "NOT_REPRODUCED" not in found
