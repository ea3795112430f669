"""The picture of the page that `harness layers` writes: score and gain of each retrieval target by hidden layer.

A PNG whose bytes follow from the record and the version of matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.pages.layers.curves import Curves
from harness.pages.means import SeedMean
from harness.project.params import BASELINE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""
MARKERS = "osD^vPX"
PINNED = "#b0b0b0"
ROUNDS = ("-", "-.", ":")
"""Line of the first recipes, of those whose colours come round once, and so on; the baseline's is dashed."""
APART, WIDEST = 0.09, 0.6
"""Distance, in layers, between the intervals of two recipes at one layer, and between the first and the last."""


def plot_layers(curves: Curves, whose: str, path: Path) -> None:
    """One column per target: above the scores, below the gains over the baseline with their intervals. `whose`: profile
    and encoder, in words.
    """
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    columns = len(curves.scores)
    others = list(dict.fromkeys(recipe for gains in curves.gains.values() for recipe in gains))
    figure = Figure(figsize=(2.0 + 4.0 * columns, 6.6), dpi=110, layout="constrained")
    rows = figure.subplots(2, columns, sharex=True, sharey="row", squeeze=False)
    for column, target in enumerate(curves.scores):
        above, below = rows[0][column], rows[1][column]
        above.set_title(target, fontsize=11)
        _draw(above, others, curves.scores[target], spread=False)
        _draw(below, others, curves.gains[target], spread=True)
        below.axhline(0, color="black", linewidth=1.2, linestyle="--", zorder=1)
        below.set_xlabel("hidden layer (0: embeddings)")
        below.set_xticks(list(curves.layers))
        for axes in (above, below):
            axes.axvline(
                curves.pinned[target].layer, color=PINNED, linewidth=8, alpha=0.5, zorder=0, label="pinned layer"
            )
            axes.grid(alpha=0.3)
    rows[0][0].set_ylim(0, None)
    rows[0][0].set_ylabel("score (points)")
    rows[1][0].set_ylabel(f"gain over {BASELINE} (points)")
    handles, labels = rows[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6), frameon=False)
    figure.suptitle(f"Retrieval by hidden layer, {whose}", fontsize=11)
    figure.savefig(path, metadata={"Software": None})


def _draw(axes: Axes, others: Sequence[str], recipes: Mapping[str, Sequence[SeedMean]], spread: bool) -> None:
    """A line per recipe, with `spread` its intervals, side by side; `others`: all but the baseline, whose colours are
    the same in every panel.
    """
    for recipe, layers in recipes.items():
        place = others.index(recipe) if recipe in others else None
        colour = "black" if place is None else COLOURS[place % len(COLOURS)]
        marker = "." if place is None else MARKERS[place % len(MARKERS)]
        line = "--" if place is None else ROUNDS[place // len(COLOURS) % len(ROUNDS)]
        apart = min(APART, WIDEST / len(others)) if others else 0.0
        shift = 0.0 if place is None or not spread else (place - (len(others) - 1) / 2) * apart
        x, means = [layer + shift for layer in range(len(layers))], [found.mean for found in layers]
        axes.plot(
            x, means, color=colour, marker=marker, markersize=5, linewidth=1.6, label=recipe, linestyle=line, zorder=3,
        )  # fmt: skip
        ends = [(at, found.interval) for at, found in zip(x, layers, strict=True) if spread and found.interval]
        for at, interval in ends:
            axes.plot([at, at], [interval.low, interval.high], color=colour, linewidth=1.0, alpha=0.6, zorder=2)
