"""One value per seed, and what the t interval of their mean is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean

from harness.project.records import Record
from harness.verify.statistics.intervals import spread, t_interval


class Aggregate(Record):
    """One value per seed, and what the t interval of their mean is made of. All in points."""

    values: dict[int, float]
    """seed -> value."""
    mean: float
    """Their mean."""
    sd: float | None
    """Their sample standard deviation s; null below two seeds."""
    t: float | None
    """The quantile t(0.95, n - 1); null where no interval is given."""
    interval: tuple[float, float] | None
    """mean -+ t s / sqrt(n), a 90 % interval; null below two seeds or where all values are equal."""


def aggregate(values: Mapping[int, float]) -> Aggregate | None:
    """The values with their t interval; None without any."""
    if not values:
        return None
    listed = list(values.values())
    sd = spread(listed) if len(listed) > 1 else None
    interval = t_interval(listed) if sd else None
    return Aggregate(
        values=dict(values),
        mean=fmean(listed),
        sd=sd,
        t=(interval.high - interval.low) / 2 * math.sqrt(len(listed)) / sd if interval and sd else None,
        interval=(interval.low, interval.high) if interval else None,
    )


def in_words(found: Aggregate) -> str:
    """A mean with its interval."""
    ends = f" (90 % interval {found.interval[0]:+.1f} to {found.interval[1]:+.1f})" if found.interval else ""
    return f"{found.mean:+.1f} points{ends}"
