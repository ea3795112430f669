"""Holm's step-down adjustment of p values for several tests at once (Holm 1979)."""

from __future__ import annotations

from collections.abc import Sequence


def adjust(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given (Holm 1979, Scand. J. Stat. 6).

    With p_(1) <= ... <= p_(m), the i-th adjusted value is the largest of min(1, (m - j + 1) p_(j)) over j <= i.
    Accusing where it is at most 5 % accuses any true claim at most 5 % of the time, however the claims depend on each
    other (all gains share the baseline's runs).
    `p_values`: m numbers from 0 to 1; the same number comes back, each from 0 to 1, an empty list for none. Raises
    nothing.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
