"""How often the verifier's own rule errs, measured: drawn gains whose truth is known -> `decide` -> rates.

Everything is drawn from one seed, each row of a table from a generator of its own, so a row can be drawn again alone.
Points are in units of the margin: the rule is the same in any unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from harness.project.records import Record
from harness.verify.statistics.holm import adjust
from harness.verify.statistics.intervals import LEVEL, band, decide, fixed, prediction_interval, verdict_chances

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SEED = 20200513
"""Of every draw; any number would do."""
REPETITIONS = 4000
"""Simulated experiments per row; a rate of 5 % is then measured to 0.35 points (one standard error)."""
DEVIATIONS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""True gain less the claimed one, in margins; 1 is the edge of the band."""
SIGMAS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""True spread of one seed's gain, in margins."""
SEEDS = (3, 5, 10)
"""Numbers of seeds."""
FAMILIES = (1, 5, 10)
"""Numbers of claims that are tested together."""
FAMILY_SIGMA, FAMILY_SEEDS = 0.5, 5
"""Spread and seeds of the families."""
FAR = 1.75
"""Deviation, in margins, of the one claim of a family that is wrong."""
CLAIM_RUNS = (1, 3)
"""Runs behind a published number, for the prediction interval."""
DOUBT = 1e-4
"""A rate is called too high where its count would be so rare at 5 %."""

Shape = Literal["normal", "skewed", "heavy tails", "collapses"]
SHAPES: dict[Shape, str] = {
    "normal": "normal",
    "skewed": "exponential: long tail upwards, skewness 2",
    "heavy tails": "Student's t with 3 degrees of freedom",
    "collapses": "normal, but one seed in ten collapses by eight standard deviations",
}
"""Distributions of one seed's gain, all scaled to the same mean and standard deviation."""


class Rates(Record):
    """What came out of repeated experiments with the same truth."""

    shape: Shape
    """Distribution of the gains."""
    deviation: float
    """True gain less the claimed one, in margins."""
    sigma: float
    """True spread of one seed's gain, in margins."""
    n: int
    """Seeds of each experiment."""
    repetitions: int
    """Experiments."""
    reproduced: int
    """Those with verdict REPRODUCED."""
    not_reproduced: int
    """Those with verdict NOT_REPRODUCED."""

    def share(self, count: int) -> float:
        """Of the experiments."""
        return count / self.repetitions


class Family(Record):
    """Claims tested together on runs that share a baseline."""

    claims: int
    """How many."""
    repetitions: int
    """Families drawn, of each kind."""
    false_alone: int
    """All claims hold, at the edge of their bands: families with an accusation, each claim judged alone."""
    false_holm: int
    """The same after Holm's step-down."""
    right_alone: int
    """One claim is wrong, by FAR margins, the others hold exactly: families that accuse it, judged alone."""
    right_holm: int
    """The same after Holm's step-down."""


class Coverage(Record):
    """How often the prediction interval holds the mean of further runs."""

    n: int
    """Seeds."""
    n_claim: int
    """Runs behind the published number."""
    repetitions: int
    """Experiments."""
    covered: int
    """Those whose interval held it."""


class Simulation(Record):
    """Everything that `harness verifier report` measures."""

    grid: list[Rates]
    """Normal gains over DEVIATIONS, SIGMAS and SEEDS."""
    shapes: list[Rates]
    """Gains of every shape at both edges of the band."""
    families: list[Family]
    """Several claims at once."""
    coverage: list[Coverage]
    """The prediction interval."""


def draw(shape: Shape, random: np.random.Generator, size: tuple[int, ...]) -> Numbers:
    """Values with mean 0 and standard deviation 1."""
    import numpy as np

    match shape:
        case "normal":
            return random.normal(size=size)
        case "skewed":
            return random.exponential(size=size) - 1
        case "heavy tails":
            return random.standard_t(3, size=size) / math.sqrt(3)
        case "collapses":
            rate, drop = 0.1, 8.0
            raw = random.normal(size=size) - drop * (random.random(size) < rate)
            return np.asarray((raw + rate * drop) / math.sqrt(1 + drop**2 * rate * (1 - rate)))


def generator(*key: int) -> np.random.Generator:
    """The generator of one row, by SEED and the row's own key."""
    import numpy as np

    return np.random.default_rng([SEED, *key])


def measure_rates(shape: Shape, deviation: float, sigma: float, n: int, repetitions: int, *key: int) -> Rates:
    """Judge `repetitions` experiments of `n` seeds against the band [-1, 1]."""
    target = band(0.0, 1.0)
    values = deviation + sigma * draw(shape, generator(*key), (repetitions, n))
    verdicts = [decide(row, target, project=False, design=fixed(n)).verdict for row in values.tolist()]
    return Rates(
        shape=shape,
        deviation=deviation,
        sigma=sigma,
        n=n,
        repetitions=repetitions,
        reproduced=verdicts.count("REPRODUCED"),
        not_reproduced=verdicts.count("NOT_REPRODUCED"),
    )


def measure_grid(repetitions: int) -> list[Rates]:
    """Normal gains, every combination of deviation, spread and seeds."""
    return [
        measure_rates("normal", deviation, sigma, n, repetitions, 1, i, j, n)
        for j, sigma in enumerate(SIGMAS)
        for n in SEEDS
        for i, deviation in enumerate(DEVIATIONS)
    ]


def measure_shapes(repetitions: int) -> list[Rates]:
    """Every shape at both edges of the band, where errors are most likely, with a spread of half a margin."""
    return [
        measure_rates(shape, edge, 0.5, n, repetitions, 2, i, n, int(edge > 0))
        for i, shape in enumerate(SHAPES)
        for n in SEEDS
        for edge in (-1.0, 1.0)
    ]


def measure_family(claims: int, repetitions: int) -> Family:
    """Gains over a common baseline (correlation 1/2), all claims at the band's edge, or all right but the first."""
    random = generator(3, claims)

    def p_values(truths: Sequence[float]) -> list[list[float]]:
        noise = draw("normal", random, (repetitions, claims + 1, FAMILY_SEEDS))
        own = (noise[:, 1:] - noise[:, :1]) * FAMILY_SIGMA / math.sqrt(2)
        return [
            [_p_value([truth + value for value in row]) for truth, row in zip(truths, rows, strict=True)]
            for rows in own.tolist()
        ]

    true, wrong = p_values([1.0] * claims), p_values([FAR] + [0.0] * (claims - 1))
    return Family(
        claims=claims,
        repetitions=repetitions,
        false_alone=sum(min(p) <= LEVEL for p in true),
        false_holm=sum(min(adjust(p)) <= LEVEL for p in true),
        right_alone=sum(p[0] <= LEVEL for p in wrong),
        right_holm=sum(adjust(p)[0] <= LEVEL for p in wrong),
    )


def _p_value(gains: Sequence[float]) -> float:
    found = decide(gains, band(0.0, 1.0), project=False, design=fixed(len(gains)))
    assert found.p_value is not None
    return found.p_value


def measure_coverage(n: int, n_claim: int, repetitions: int) -> Coverage:
    """Draw an experiment and the published number from the same distribution."""
    random = generator(4, n, n_claim)
    ours, theirs = draw("normal", random, (repetitions, n)), draw("normal", random, (repetitions, n_claim)).mean(axis=1)
    intervals = [prediction_interval(row, n_claim) for row in ours.tolist()]
    covered = sum(
        interval.low <= claimed <= interval.high for interval, claimed in zip(intervals, theirs.tolist(), strict=True)
    )
    return Coverage(n=n, n_claim=n_claim, repetitions=repetitions, covered=covered)


def simulate(repetitions: int = REPETITIONS, say: Callable[[str], None] = lambda _: None) -> Simulation:
    """Measure everything; `say` is told what is under way."""
    say("normal gains")
    grid = measure_grid(repetitions)
    say("gains that are not normal")
    shapes = measure_shapes(repetitions)
    say("several claims at once")
    families = [measure_family(claims, repetitions) for claims in FAMILIES]
    say("the prediction interval")
    coverage = [measure_coverage(n, n_claim, repetitions) for n in SEEDS for n_claim in CLAIM_RUNS]
    return Simulation(grid=grid, shapes=shapes, families=families, coverage=coverage)


def most_at_level(repetitions: int) -> int:
    """The largest count that a true rate of 5 % still explains: it is exceeded with probability below DOUBT."""
    from scipy.special import bdtrc  # P(more than k)

    return next(k for k in range(repetitions + 1) if bdtrc(k, repetitions, LEVEL) < DOUBT)


def false_reproduced(rates: Sequence[Rates]) -> list[Rates]:
    """Rows in which REPRODUCED is an error: the truth lies at the edge of the band or beyond."""
    return [row for row in rates if abs(row.deviation) >= 1]


def false_not_reproduced(rates: Sequence[Rates]) -> list[Rates]:
    """Rows in which NOT_REPRODUCED is an error: the truth lies in the band, its edge included."""
    return [row for row in rates if abs(row.deviation) <= 1]


def exact_chance(row: Rates) -> tuple[float, float]:
    """P(REPRODUCED) and P(NOT_REPRODUCED) of a row with normal gains, by the formula."""
    return verdict_chances(row.deviation, row.sigma, row.n, band(0.0, 1.0))[:2]
