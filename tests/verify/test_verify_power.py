"""Power before a run: the seeds that a claim needs, the chance on a share of recipes, and spreads of a pilot."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
import toy as toys

from harness.project.paths import Paths
from harness.verify.claims.kinds.no_gain import NoGain
from harness.verify.claims.kinds.share import Share
from harness.verify.claims.kinds.stated import StatedGain
from harness.verify.claims.registry import CLAIMS, read_claims
from harness.verify.statistics.decision import decide
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.p_values import one_sided_p, partial_p
from harness.verify.statistics.power import OFFS, SHARED, pilot_spreads, seeds_for, share_chance, smallest_gain

MEASURED = [
    (claim, claim.measured) for claim in read_claims(Paths(toys.ROOT, "lab").reference / CLAIMS) if claim.measured
]


def test_the_first_look_that_is_likely_enough_is_named() -> None:
    assert seeds_for(lambda n: n / 10, Design(looks=(3, 5, 8)), power=0.4) == 5
    assert seeds_for(lambda n: 0.8) == 3 and seeds_for(lambda n: 0.79) is None


@pytest.mark.parametrize(("claim", "check"), MEASURED, ids=[claim.id for claim, _ in MEASURED])
def test_a_claim_needs_more_seeds_where_it_scatters_more_or_barely_holds(claim, check) -> None:  # type: ignore[no-untyped-def]
    n_claim = claim.source.n_claim
    true, nearly, edge = (check.supposed_points(off, 1.5, n_claim) for off in (*OFFS, 1.0))
    assert check.chance(true, 1e-3, 3, n_claim) > 0.99
    chances = [check.chance(true, sigma, 5, n_claim) for sigma in (0.2, 0.5, 1.0, 3.0)]
    assert chances == sorted(chances, reverse=True) and chances[0] > chances[-1]
    assert check.chance(nearly, 0.4, 5, n_claim) < check.chance(true, 0.4, 5, n_claim)
    assert check.chance(edge, 0.4, 8, n_claim) <= 0.05


def test_what_is_supposed_follows_from_the_claims_band() -> None:
    for claim, check in MEASURED:
        true, nearly = (check.supposed_points(off, 1.2, claim.source.n_claim) for off in OFFS)
        if isinstance(check, StatedGain):
            assert true == pytest.approx(check.expected_points)
            assert nearly - true == pytest.approx((claim.margin_points() or 0) / 2)
        elif isinstance(check, Share):
            assert (true, nearly) == pytest.approx((check.threshold_points + 1.2, check.threshold_points + 0.6))
        elif isinstance(check, NoGain):
            assert (true, nearly) == pytest.approx((0, check.at_most_points / 2))
            below = check.model_copy(update={"at_most_points": -1.0})
            assert below.supposed_points(0.5, 1.2, None) == pytest.approx(-1.6)


@pytest.mark.parametrize(("n", "tests"), [(3, 1), (5, 1), (5, 20)])
def test_the_smallest_gain_that_is_shown_is_shown_four_times_in_five(n: int, tests: int) -> None:
    gain = smallest_gain(2.0, n, tests)
    assert gain and smallest_gain(1.0, n, tests) == pytest.approx(gain / 2)
    random = np.random.default_rng(5)
    p = [one_sided_p(values, 0.0, STANDARD)[0] for values in random.normal(gain, 2.0, (1500, n)).tolist()]
    assert np.mean([each <= STANDARD.level / tests for each in p]) == pytest.approx(0.8, abs=0.035)
    stricter, more = smallest_gain(2.0, n, 2 * tests), smallest_gain(2.0, n + 1, tests)
    assert stricter and more and more < gain < stricter
    assert smallest_gain(2.0, 2) is None, "no look of the design"


def test_the_chance_of_a_gain_is_that_of_the_rule() -> None:
    claim, check = next(one for one in MEASURED if one[0].id == "squad-gain")
    band, random = check.band(claim.source.n_claim), np.random.default_rng(3)
    true = check.supposed_points(0.5, 1.5, claim.source.n_claim)
    studies = random.normal(true, 0.4, (1500, 5)).tolist()
    said = [decide(values, band, project=False).verdict for values in studies].count("REPRODUCED") / len(studies)
    assert check.chance(true, 0.4, 5, claim.source.n_claim) == pytest.approx(said, abs=0.04)


def test_the_chance_on_a_share_is_that_of_the_rule() -> None:
    """By the functions that judge, on studies drawn otherwise: the baseline's scores are drawn, and each recipe's."""
    of, least, n, sigma, above = 9, 8, 5, 0.6, 1.5
    random, hits, studies = np.random.default_rng(5), 0, 600
    for _ in range(studies):
        baseline = random.normal(0, sigma * SHARED**0.5, n)
        gains = above + random.normal(0, sigma * (1 - SHARED) ** 0.5, (of, n)) - baseline
        hits += partial_p([one_sided_p(gain, 0.0)[0] for gain in gains.tolist()], least) <= STANDARD.level
    assert 0.2 < hits / studies < 0.95
    assert share_chance(above, sigma, n, of, least) == pytest.approx(hits / studies, abs=0.06)


def test_a_pilot_of_several_claims_is_moderated_and_of_one_is_not() -> None:
    quiet, loud = [1.0, 1.1, 1.2], [1.0, 3.0, 5.0]
    alone = pilot_spreads({"a": [quiet]})
    assert alone is not None and alone.sd_points["a"] == pytest.approx(statistics.stdev(quiet)) and alone.n_seeds == 3
    assert "plain" in alone.how
    both = pilot_spreads({"a": [quiet], "b": [loud], "c": [quiet, loud], "d": [[1.0]], "e": [[2.0, 2.0, 2.0]], "f": []})
    assert both is not None and "moderated" in both.how and set(both.sd_points) == {"a", "b", "c"}
    assert statistics.stdev(quiet) < both.sd_points["a"] < both.sd_points["c"] < both.sd_points["b"]
    assert both.sd_points["b"] < statistics.stdev(loud)
    assert pilot_spreads({"d": [[1.0]], "e": [[2.0, 2.0]]}) is None and pilot_spreads({}) is None
