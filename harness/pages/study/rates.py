"""The page's section on learning rates, which the paper did not publish: how far do gains move with them?"""

from __future__ import annotations

from typing import NamedTuple

from harness.pages.degradation.answer import points
from harness.pages.markdown import markdown_table
from harness.pages.means import SeedMean
from harness.pages.study.gains import show_mean
from harness.pages.study.rate_gains import CHOSEN, RATES, RateGains
from harness.pages.study.record import Study
from harness.verify.show.table import show_points

ORDER = (RATES["-rate-third"], CHOSEN, RATES["-rate-triple"])
"""Rates as columns, from low to high."""
IN_WORDS = {ORDER[0]: "a third of the chosen rate", ORDER[2]: "three times the chosen rate"}


FOLLOWS = (
    "What follows for profile `paper`: its rates of intermediate training are recalled and were never read "
    "(`harness plan --profile paper --unverified`), so what it gains or loses is as open as this in that direction: a "
    "verdict there needs its recipes at other rates, too."
)


class Change(NamedTuple):
    """How a gain moves with the rate."""

    recipe: str
    target: str
    rate: str
    points: SeedMean
    """Score at the other rate less that at the chosen one."""


def rates_section(study: Study) -> str:
    """Gain by rate, or nothing where the grid has no recipe at another rate."""
    if not study.rates:
        return ""
    seeds = {len(gain.by_seed) for one in study.rates for by_rate in one.gains.values() for gain in by_rate.values()}
    rows = [row for one in study.rates for row in _rows(one)]
    return "\n\n".join(
        text
        for text in (
            "## Settings that the paper did not publish",
            "The learning rate of intermediate training is ours. These recipes train at a third of the chosen rate and "
            "at three times it, all else being equal. Mean gain in points ± half the width of its 90 % interval, at "
            f"the {' or '.join(map(str, sorted(seeds)))} seeds that all rates of a recipe have, so the chosen rate's "
            "gain may differ from the table above; **bold**: the interval excludes 0. Other rates enter no average "
            "over recipes and no other table of gains.",
            markdown_table(("recipe", "target", *ORDER), rows, "ll"),
            on_change(study),
            on_low_resource(study),
            FOLLOWS,
        )
        if text
    )


def _rows(one: RateGains) -> list[tuple[str, ...]]:
    rows = [(one.recipe, target, *_cells(by_rate)) for target, by_rate in one.gains.items()]
    return [*rows, (one.recipe, "mean of these", *_cells(one.mean))] if one.mean else rows


def _cells(by_rate: dict[str, SeedMean]) -> list[str]:
    return [show_mean(by_rate[rate]) if rate in by_rate else "-" for rate in ORDER]


def on_change(study: Study) -> str:
    """How far the gain moves with the rate, and whether its sign does."""
    changes = [
        Change(one.recipe, target, rate, change)
        for one in study.rates
        for target, by_rate in one.changes.items()
        for rate, change in by_rate.items()
    ]
    most = max(changes, key=lambda change: abs(change.points.mean))
    interval = most.points.interval
    ends = f" [{show_points(interval.low)}, {show_points(interval.high)}]" if interval else ""
    turned = sign_changes(study)
    sign = (
        f"a gain changes sign with both intervals clear of 0: {', '.join(turned)}"
        if turned
        else "no gain changes sign with both intervals clear of 0"
    )
    return (
        f"The largest change of {len(changes)} is {show_points(most.points.mean)}{ends} points, that of {most.recipe} "
        f"on {most.target} at {IN_WORDS[most.rate]}; {sign}."
    )


def on_low_resource(study: Study) -> str:
    """How the answer on low-resource languages moves with the rate, on these targets."""
    words = {"down": "loses", "up": "gains", "unclear": "unclear"}
    parts = []
    for one in study.rates:
        told = [
            f"{rate} {points(effect)} ({words[str(effect.direction)] if effect.interval else 'no interval'})"
            for rate in ORDER
            if (effect := one.low.get(rate)) is not None
        ]
        if told:
            parts.append(f"{one.recipe}: {', '.join(told)}")
    if not parts:
        return ""
    return (
        "On low-resource languages of these targets, as `harness degradation` measures them, by rate: "
        f"{'; '.join(parts)}."
    )


def sign_changes(study: Study) -> list[str]:
    """`recipe on target` where one rate's gain lies clearly above 0 and another's clearly below."""
    return [
        f"{one.recipe} on {target}"
        for one in study.rates
        for target, by_rate in one.gains.items()
        if {"up", "down"} <= {gain.direction for gain in by_rate.values()}
    ]
