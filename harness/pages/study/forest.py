"""The picture of the claims: what each claims, what was measured, and what decides whether it holds here.

A PNG whose bytes follow from the record and the version of matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.pages.study.figures import draw_seeds, new_figure
from harness.pages.study.record import Study
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.verdicts.planted import published
from harness.verify.verdicts.verdict import ClaimVerdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLAIMED, WHOLE, DECIDES = "#d9d9d9", "#1f5a8c", "#d55e00"
"""Grey, a blue, and Okabe and Ito's vermilion: distinct in every kind of colour vision; the markers differ too."""
LOW, HIGH = -0.16, 0.22
"""Where in its row the value over all targets stands, and that which decides."""
SEEDS_BELOW = 0.13
"""Seeds are drawn so far below their mean, in rows."""
MARGIN = 0.06
"""Free room beside what is farthest out, as a part of the width."""


def drawn_claims(study: Study) -> list[ClaimVerdict]:
    """The published claims that have a value in points."""
    return [verdict for verdict in published(study.verification.claims) if verdict.evidence.overall is not None]


def plot_claims(study: Study, path: Path) -> None:
    """Forest plot: the claimed band, the measured value with seeds and interval, and the value that decides."""
    verdicts = drawn_claims(study)
    figure = new_figure(study, 8.6, 1.9 + 0.55 * len(verdicts))
    axes = figure.subplots()
    left, right = reach_of(verdicts)
    for place, verdict in enumerate(verdicts):
        draw_band(axes, place, verdict, left, right)
        assert verdict.evidence.overall is not None
        draw_value(axes, place + (LOW if verdict.replicated else 0.0), verdict.evidence.overall, WHOLE, "o")
        if verdict.replicated:
            draw_value(axes, place + HIGH, verdict.replicated, DECIDES, "D")
    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlim(left, right)
    axes.set_ylim(len(verdicts) - 0.4, -0.6)
    axes.set_yticks(range(len(verdicts)), [_label(verdict) for verdict in verdicts], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("points")
    _add_legend(axes)
    figure.savefig(path, metadata={"Software": None})


def _label(verdict: ClaimVerdict) -> str:
    return f"{verdict.id}\n{verdict.replication}" if verdict.replication else verdict.id


def _ends(found: Aggregate) -> list[float]:
    return [*found.values.values(), *(found.interval or ())]


def reach_of(verdicts: Sequence[ClaimVerdict]) -> tuple[float, float]:
    """The ends of the axis: everything that is drawn, open bands up to the edge."""
    reached = [0.0]
    for verdict in verdicts:
        reached += [end for end in verdict.evidence.band or () if end is not None]
        reached += [end for found in (verdict.evidence.overall, verdict.replicated) if found for end in _ends(found)]
    room = MARGIN * max(1.0, max(reached) - min(reached))
    return min(reached) - room, max(reached) + room


def draw_band(axes: Axes, place: int, verdict: ClaimVerdict, left: float, right: float) -> None:
    """The claimed band in its row, open ends up to `left` and `right`; nothing where there is none."""
    if verdict.evidence.band is None:
        return
    low, high = (side if end is None else end for side, end in zip((left, right), verdict.evidence.band, strict=True))
    axes.barh(place, high - low, left=low, height=0.8, color=CLAIMED, linewidth=0, zorder=0)


def draw_value(axes: Axes, place: float, found: Aggregate, colour: str, marker: str) -> None:
    """Mean, interval and seeds in a row; the mean is filled where the interval excludes 0."""
    draw_seeds(axes, place + SEEDS_BELOW, list(found.values.values()), size=9, colour=colour)
    if found.interval:
        axes.plot(found.interval, [place] * 2, color=colour, linewidth=1.6, zorder=3)
    clear = found.interval is not None and math.prod(found.interval) > 0
    fill = colour if clear else "white"
    axes.scatter([found.mean], [place], s=30, marker=marker, facecolor=fill, edgecolor=colour, linewidths=1.4, zorder=4)


def _add_legend(axes: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def line(colour: str, marker: str, label: str) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, label=label, linewidth=1.6, markerfacecolor="white")

    handles = [
        Patch(color=CLAIMED, label="claimed"),
        line(WHOLE, "o", "all targets of the claim"),
        line(DECIDES, "D", "targets that decide"),
        Line2D([], [], color="#777777", marker="o", markersize=3, linewidth=0, label="one seed"),
    ]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
