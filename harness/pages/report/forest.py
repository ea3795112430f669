"""The forest plot: claimed band, measured interval, mean and the seeds, a row per claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
BELOW = "|"
"""Stands between a claim and its verdict, which is written below it."""
SIGNED = "datum.value === 0 ? '0' : datum.label"
"""A gain of 0 has no sign."""
ROW_PX = 38
"""Height of one claim."""


@dataclass(frozen=True)
class Row:
    """One claim; its numbers are gains in points."""

    name: str
    """The claim's name."""
    word: str
    """What came out, in small letters."""
    mean: float
    """The mean gain."""
    interval: tuple[float, float] | None
    """Its interval; None where there is none."""
    band: tuple[float | None, float | None] | None
    """What is claimed, from and to; None for an open end, and where nothing is claimed in points."""
    said: str
    """All of it in a line, shown where one points at it."""
    seeds: Mapping[Any, float] = field(default_factory=dict)
    """Seed -> gain."""


def chart(about: str, height: Any, **rest: Any) -> Spec:
    """A Vega-Lite specification as wide as its place on the page."""
    autosize = {"type": "fit-x", "contains": "padding"}
    return {
        "$schema": SCHEMA,
        "description": about,
        "width": "container",
        "height": height,
        "autosize": autosize,
        **rest,
    }


def forest(rows: Sequence[Row], title: str) -> Spec | None:
    """The plot; None without rows. `title`: of the axis of gains."""
    if not rows:
        return None
    bands, means, seeds = [], [], []
    low, high = _reach(rows)
    for one in rows:
        row = {"claim": f"{one.name}{BELOW}{one.word}", "tip": one.said}
        if one.band is not None:
            ends = [side if end is None else end for side, end in zip((low, high), one.band, strict=True)]
            bands.append(row | {"low": ends[0], "high": ends[1]})
        interval = one.interval or (one.mean, one.mean)
        means.append(row | {"mean": one.mean, "low": interval[0], "high": interval[1]})
        seeds += [row | {"seed": seed, "points": points} for seed, points in one.seeds.items()]
    layers = _layers(bands, means, seeds, title)
    return chart("Claimed band, measured interval and seeds of each claim", ROW_PX * len(rows), layer=layers)


def _layers(bands: list[Spec], means: list[Spec], seeds: list[Spec], title: str) -> list[Spec]:
    labels = {"labelExpr": f"split(datum.label, '{BELOW}')", "labelLimit": 140, "ticks": False}
    y = {"field": "claim", "type": "nominal", "sort": None, "title": None, "axis": labels}
    ticks = {"tickCount": 8, "labelFlush": False, "format": "+~g", "labelExpr": SIGNED}
    x = {"type": "quantitative", "title": title, "axis": ticks}
    tip = {"field": "tip"}
    return [
        {"data": {"values": bands}, "mark": {"type": "bar", "height": 22, "color": "var(--claimed)",
                                             "stroke": "var(--claimed-edge)", "strokeDash": [3, 2]},
         "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}, "tooltip": tip}},
        {"data": {"values": [{"zero": 0}]}, "mark": {"type": "rule", "color": "currentColor"},
         "encoding": {"x": {"field": "zero", "type": "quantitative"}}},
        {"data": {"values": means}, "mark": {"type": "rule", "strokeWidth": 2.5, "color": "currentColor"},
         "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}, "tooltip": tip}},
        {"data": {"values": seeds}, "mark": {"type": "point", "size": 16, "filled": True, "yOffset": 14,
                                             "color": "var(--quiet)"},
         "encoding": {"y": y, "x": x | {"field": "points"}, "tooltip": [{"field": "seed"}, {"field": "points"}]}},
        {"data": {"values": means}, "mark": {"type": "point", "size": 90, "filled": True, "opacity": 1,
                                             "fill": "var(--page)", "stroke": "currentColor", "strokeWidth": 2},
         "encoding": {"y": y, "x": x | {"field": "mean"}, "tooltip": tip}},
    ]  # fmt: skip


def _reach(rows: Sequence[Row]) -> tuple[float, float]:
    """What an open band is drawn to: everything else that is drawn, and zero."""
    ends = [0.0]
    for one in rows:
        ends += [one.mean, *one.seeds.values(), *(one.interval or ())]
        ends += [end for end in one.band or () if end is not None]
    return min(ends), max(ends)
