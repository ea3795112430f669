"""A mean gain that varies for two reasons: other seeds, and other test rows. What both together allow to say.

The variances add, s^2 / S over S seeds and that over rows (harness.verify.statistics.items), and the degrees of
freedom are Satterthwaite's (1946, Biometrics Bulletin 2): f = (sum v)^2 / sum(v^2 / f_v). The looks of a design are
those of the seeds: a look may spend the same one-sided level here, and its boundary is the quantile of t with f degrees
of freedom at that level, as in Welch's t. Chance that a seed and a row share is in both parts, so the sum errs on the
wide side (as resampling both does: Owen 2007, Ann. Appl. Stat. 1, 386).

Three seeds have two degrees of freedom. A further variance that is known well would raise f, and could make the
interval of both narrower than that of the seeds alone. What is said of both must hold of each, so the interval is the
widest of the three and a p value the largest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from harness.project.records import Record
from harness.verify.statistics.decision import POWER, Decision, verdict_chances
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import CONFIDENCE, Interval, Published, direction, place
from harness.verify.statistics.p_values import show_p
from harness.verify.statistics.sequential import adjusted_p, boundary
from harness.verify.statistics.student import t_quantile, t_tail


class Part(Record):
    """One reason why a mean gain varies."""

    variance: float
    """Of the mean gain, in points squared."""
    freedom: float
    """Degrees of freedom of this estimate."""

    @property
    def error(self) -> float:
        """Standard error in points."""
        return math.sqrt(self.variance)

    def around(self, mean: float, level: float = (1 - CONFIDENCE) / 2) -> Interval:
        """mean -+ t(1 - level, freedom) x error."""
        reach = t_quantile(1 - level, self.freedom) * self.error
        return Interval(low=mean - reach, high=mean + reach)


def add_parts(parts: Sequence[Part]) -> Part:
    """Independent parts together, with Satterthwaite's degrees of freedom; those of the first where all are 0."""
    total = math.fsum(part.variance for part in parts)
    if total == 0:
        return parts[0]
    freedom = total**2 / math.fsum(part.variance**2 / part.freedom for part in parts)
    return Part(variance=total, freedom=freedom)


class Together(Record):
    """A mean gain and both reasons why it varies."""

    mean: float
    """In points."""
    n: int
    """Seeds that count: a look of the design."""
    seeds: Part
    """Other seeds on these rows."""
    rows: Part
    """Other rows with these models."""
    both: Part
    """Other seeds and other rows."""
    level: float
    """One-sided, that the design's look may spend on a single test."""

    @property
    def interval(self) -> Interval:
        """The widest of the three."""
        return max((part.around(self.mean, self.level) for part in self.each), key=lambda one: one.high - one.low)

    @property
    def plain_interval(self) -> Interval:
        """The same for a single look, at 90 %."""
        return max((part.around(self.mean) for part in self.each), key=lambda one: one.high - one.low)

    @property
    def is_widened(self) -> bool:
        """Is the interval that of seeds alone or of rows alone?"""
        return self.interval.low < self.both.around(self.mean, self.level).low - 1e-9

    @property
    def spread(self) -> float:
        """Standard deviation of one seed's gain, in points."""
        return self.seeds.error * math.sqrt(self.n)

    @property
    def each(self) -> Iterator[Part]:
        """The two parts and their sum."""
        return iter((self.seeds, self.rows, self.both))

    def spread_at(self, n: int) -> float:
        """The standard deviation of one of n values whose mean varies as the gain would at n seeds, in points."""
        return math.sqrt(self.seeds.variance * self.n + self.rows.variance * n)


def put_together(mean: float, n: int, seeds: Part, rows: Sequence[Part], design: Design = STANDARD) -> Together:
    """Both parts of a mean gain at look `n`; `rows`: one part per test set (or stratum), already weighted.

    Raises ValueError where `n` is no look of the design.
    """
    return Together(
        mean=mean,
        n=n,
        seeds=seeds,
        rows=add_parts(rows),
        both=add_parts([seeds, *rows]),
        level=t_tail(boundary(design, n), n - 1),
    )


def one_sided_together(found: Together, edge: float, design: Design = STANDARD) -> tuple[float, float]:
    """p values of "the true gain is at most `edge`" and of "it is at least `edge`", adjusted for the looks."""
    off = found.mean - edge
    return _largest(found, [off], design), _largest(found, [-off], design)


def decide_together(
    found: Together, target: Interval, design: Design = STANDARD, published: Published | None = None
) -> Decision:
    """The verdict on a gain against the band `target`, by the same rule as `decide`, over seeds and rows."""
    where = place(found.interval, target)
    above, below = found.mean - target.high, target.low - found.mean
    p = _largest(found, [max(above, below), -min(above, below)], design)
    p_luck = _prediction_p(found, published, design) if published else 0.0
    largest = max(p, p_luck)
    verdict = "INCONCLUSIVE" if where == "NOT_REPRODUCED" and largest > design.level else where
    needed = seeds_over_rows(found, target, design, published) if verdict == "INCONCLUSIVE" else None
    return Decision(
        verdict=verdict,
        mean=found.mean,
        interval=found.interval,
        direction=direction(found.interval),
        n=found.n,
        p_value=largest,
        p_parts={"margin": p} | ({"published": p_luck} if published else {}),
        seeds_needed=needed,
        used_up=found.n == design.last,
        reason=_why(verdict, largest, needed, found, target, design),
    )


def _largest(found: Together, distances: Sequence[float], design: Design) -> float:
    """The largest p value of the three: the sum of the chances to be beyond these distances in points."""
    varying = [part for part in found.each if part.variance]
    return max(min(1.0, sum(_beyond(x, part, found.n, design) for x in distances)) for part in varying)


def _beyond(distance: float, part: Part, n: int, design: Design) -> float:
    return adjusted_p(t_tail(distance / part.error, part.freedom), design, n)


def _prediction_p(found: Together, published: Published, design: Design) -> float:
    luck, off = found.spread**2 / published.n_claim, abs(published.points - found.mean)
    return max(
        min(1.0, 2 * _beyond(off, Part(variance=part.variance + luck, freedom=part.freedom), found.n, design))
        for part in (found.seeds, found.both)
    )


def seeds_over_rows(found: Together, target: Interval, design: Design, published: Published | None) -> int | None:
    """The next look that decides with probability POWER, the rows staying the same: their part doesn't shrink."""
    which = 0 if target.low <= found.mean <= target.high else 1
    for n in (look for look in design.looks if look > found.n):
        if verdict_chances(found.mean, found.spread_at(n), n, target, design, published)[which] >= POWER:
            return n
    return None


def _why(verdict: str, p: float, needed: int | None, found: Together, target: Interval, design: Design) -> str:
    if verdict == "NOT_REPRODUCED":
        return f"{show_p(p)} for this claim alone, adjusted for the looks"
    if verdict != "INCONCLUSIVE":
        return ""
    if needed:
        return f"if mean and spread stay as measured, {needed} seeds would decide with probability {POWER:.0%}"
    if place(found.rows.around(found.mean, found.level), target) == "INCONCLUSIVE":
        return "more seeds alone would not decide it: it needs more test rows"
    if found.n == design.last:
        return f"the design is used up: {found.n} seeds are its last look"
    return f"not even the design's last look, at {design.last} seeds, would decide with probability {POWER:.0%}"
