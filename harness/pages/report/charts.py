"""The report's charts as Vega-Lite specifications (https://vega.github.io/vega-lite/), drawn by the page itself.

Colours are CSS variables of the page's style, so that one chart serves light, dark and print; what differs by colour
differs by shape or place too. Every chart's numbers stand in a table below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.pages.report.forest import Row, Spec, chart, forest
from harness.pages.report.record import LayerCurve, Report
from harness.verify.show.table import show_interval, show_points
from harness.verify.verdicts.verdict import ClaimVerdict

HUES = tuple(f"var(--hue-{place})" for place in range(8))
"""Okabe and Ito's colours, distinct in every kind of colour vision; the style gives each its value."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
DASHES: tuple[tuple[int, ...], ...] = ((1, 0), (6, 3), (2, 2), (8, 2, 2, 2), (4, 4), (1, 3), (10, 3), (6, 2, 1, 2))


def charts_of(report: Report) -> dict[str, Spec]:
    """Name -> specification, of those charts that have something to show."""
    one = {"forest": _forest(report), "languages": _languages(report)}
    return {name: spec for name, spec in one.items() if spec is not None} | _layers(report)


def drawn_claims(report: Report) -> list[ClaimVerdict]:
    """The published claims that have a value in points: the rows of the forest plot."""
    return [one.verdict for one in report.claims if one.verdict.evidence.overall is not None]


def _forest(report: Report) -> Spec | None:
    """A row per claim that has a value in points."""
    return forest([_row(verdict) for verdict in drawn_claims(report)], "gain over no intermediate training (points)")


def _row(verdict: ClaimVerdict) -> Row:
    overall = verdict.evidence.overall
    assert overall is not None
    word = verdict.verdict.replace("_", " ").lower()
    return Row(
        name=verdict.id,
        word=word,
        mean=overall.mean,
        interval=overall.interval,
        band=verdict.evidence.band,
        said=f"{verdict.id}: {word}; measured {show_points(overall.mean)} {show_interval(overall.interval)}",
        seeds=overall.values,
    )


def _by_recipe(recipes: Sequence[str], channel: str, values: Sequence[Any], **legend: Any) -> Spec:
    scale = {"domain": [*recipes], "range": [values[place % len(values)] for place in range(len(recipes))]}
    legend = {"orient": "bottom", "columns": 2, **legend}
    return {channel: {"field": "recipe", "type": "nominal", "scale": scale, "legend": legend, "title": None}}


def _languages(report: Report) -> Spec | None:
    """Gain by language against the text that pretraining had of it; languages without text stand at the left edge."""
    sized = [one for one in report.languages if one.language.cc100_gib]
    rows = [
        {"language": one.code, "GiB": one.language.cc100_gib, "recipe": recipe, "gain": round(gain.mean, 4),
         "level": one.level}
        for one in sized
        for recipe, gain in one.gains.items()
        if gain is not None
    ]  # fmt: skip
    if not rows:
        return None
    recipes = list(dict.fromkeys(recipe for one in sized for recipe, gain in one.gains.items() if gain is not None))
    points = {
        "mark": {"type": "point", "size": 60, "filled": False, "strokeWidth": 2},
        "encoding": {
            "x": {"field": "GiB", "type": "quantitative", "scale": {"type": "log", "nice": False, "padding": 12},
                  "axis": {"format": "~g", "labelFlush": False},
                  "title": "text in CC-100 (GiB, log scale)"},
            "y": {"field": "gain", "type": "quantitative", "title": "gain (points)"},
            "tooltip": [{"field": name} for name in ("recipe", "language", "GiB", "gain", "level")],
            **_by_recipe(recipes, "color", HUES),
            **_by_recipe(recipes, "shape", SHAPES),
        },
    }  # fmt: skip
    zero = {"data": {"values": [{"zero": 0}]}, "mark": {"type": "rule", "color": "currentColor"},
            "encoding": {"y": {"field": "zero", "type": "quantitative"}}}  # fmt: skip
    return chart("Gain of each recipe by language and its text in CC-100", 260, data={"values": rows},
                  layer=[zero, points])  # fmt: skip


def _layers(report: Report) -> dict[str, Spec]:
    """`layers-TARGET` -> retrieval score by hidden layer; a dashed line marks the layer that the cells use."""
    recipes = list(dict.fromkeys(curve.recipe for curve in report.layers))
    targets = dict.fromkeys(curve.target for curve in report.layers)
    return {f"layers-{target}": _layers_of(target, report.layers, recipes) for target in targets}


def _layers_of(target: str, curves: Sequence[LayerCurve], recipes: Sequence[str]) -> Spec:
    of = [curve for curve in curves if curve.target == target]
    rows = [
        {"recipe": curve.recipe, "layer": layer, "score": round(score, 4)}
        for curve in of
        for layer, score in enumerate(curve.scores)
    ]
    used = [{"used": layer} for layer in dict.fromkeys(curve.used for curve in of) if layer is not None]
    axis = {"tickMinStep": 1, "format": "d", "labelFlush": False}
    strokes = {"symbolType": "stroke", "symbolSize": 600}
    lines = {
        "mark": {"type": "line", "point": {"filled": True, "size": 45}, "strokeWidth": 2},
        "encoding": {
            "x": {"field": "layer", "type": "quantitative", "title": "hidden layer (0: embeddings)", "axis": axis},
            "y": {"field": "score", "type": "quantitative", "title": f"{target}: score (points)"},
            "tooltip": [{"field": name} for name in ("recipe", "layer", "score")],
            **_by_recipe(recipes, "color", HUES, **strokes),
            **_by_recipe(recipes, "strokeDash", DASHES, **strokes),
        },
    }
    mark = {"data": {"values": used}, "mark": {"type": "rule", "strokeDash": [4, 3], "color": "var(--quiet)"},
            "encoding": {"x": {"field": "used", "type": "quantitative"}}}  # fmt: skip
    return chart(f"{target}: retrieval score by hidden layer", 200, data={"values": rows}, layer=[mark, lines])
