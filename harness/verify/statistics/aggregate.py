"""One value per seed, and what the interval of their mean is made of."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from harness.project.records import Record
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import adjusted_interval, spread, t_interval
from harness.verify.statistics.sequential import boundary

ADJUSTED = "interval adjusted for looks"
"""What the interval that decides is called."""


class Aggregate(Record):
    """One value per seed, and what the interval of their mean is made of. All in points."""

    values: dict[int, float]
    """seed -> value."""
    mean: float
    """Their mean."""
    sd: float | None
    """Their sample standard deviation s; null below two seeds."""
    t: float | None
    """The boundary c_n at the last look that they have passed; null where no interval is given."""
    interval: tuple[float, float] | None
    """mean -+ c_n s / sqrt(n), adjusted for the looks of the design; null below its first look or where all values are
    equal."""
    plain: tuple[float, float] | None = None
    """mean -+ t(0.95, n - 1) s / sqrt(n), the 90 % interval of a single look; null below two seeds or where all values
    are equal."""


def aggregate(values: Mapping[int, float], design: Design = STANDARD) -> Aggregate | None:
    """The values of the seeds that count, with their intervals; None without any."""
    values = design.counted(values)
    if not values:
        return None
    listed = list(values.values())
    n, sd, mean = len(listed), spread(listed) if len(listed) > 1 else None, fmean(listed)
    look = design.look(n) if sd else None
    return Aggregate(
        values=values,
        mean=mean,
        sd=sd,
        t=boundary(design, look) if look else None,
        interval=adjusted_interval(mean, sd, look, design).ends if look and sd else None,
        plain=t_interval(listed).ends if sd else None,
    )


def in_words(found: Aggregate) -> str:
    """A mean with its interval."""
    ends = f" ({ADJUSTED} {found.interval[0]:+z.1f} to {found.interval[1]:+z.1f})" if found.interval else ""
    return f"{found.mean:+z.1f} points{ends}"
