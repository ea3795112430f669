"""The picture of docs/verifier.md: how likely each verdict is against the true deviation, and what it takes in seeds.

A PNG whose bytes follow from the curves and the version of matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.verify.statistics.intervals import LEVEL
from harness.verify.statistics.simulation.records import VERDICTS, Row
from harness.verify.statistics.simulation.rules import LOOKS

SHOWN = (3, 5, 8)
"""Looks with a curve of their own."""
COLOURS = {3: "#9ec3e0", 5: "#3f8abf", 8: "#123f63"}
"""By number of seeds: more is darker."""
OLD, STOPPING = "#b06a30", "#2f7d4f"


def plot_operating(curves: Sequence[Row], path: Path) -> None:
    """Two panels of verdicts and one of seeds; `curves`: a stated gain at one spread, by rising deviation."""
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    figure = Figure(figsize=(11.5, 3.9), dpi=110, layout="constrained")
    panels = figure.subplots(1, 3)
    deviations = [row.deviation for row in curves]
    five = LOOKS.index(5)
    for axes, verdict in zip(panels, VERDICTS, strict=False):
        for n in SHOWN:
            shares = [row.new.of(verdict)[LOOKS.index(n)] / row.studies for row in curves]
            axes.plot(deviations, shares, color=COLOURS[n], label=f"look at {n} seeds")
        stopping = [row.new.of(verdict)[-1] / row.studies for row in curves]
        axes.plot(deviations, stopping, color=STOPPING, linestyle="--", label="first decided look")
        old = [row.old.of(verdict)[five] / row.studies for row in curves]
        axes.plot(deviations, old, color=OLD, linestyle=":", label="5 seeds, replaced rule")
        axes.axhline(LEVEL, color="#b03030", linewidth=0.8)
        axes.set(title=f"P({verdict})", ylim=(-0.02, 1.02))
    panels[2].plot(deviations, [row.new.seeds for row in curves], color=STOPPING, linestyle="--")
    panels[2].set(title="mean seeds until the first decided look", ylim=(0, LOOKS[-1] + 0.5))
    for axes in panels:
        axes.axvspan(0, 1, color="#eeeeee", zorder=0)
        axes.set(xlabel="true deviation from the claim (margins)", xlim=(0, deviations[-1]))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("probability")
    panels[0].legend(frameon=False, loc="upper right", fontsize=8)
    panels[1].text(0.5, 0.5, "the claim holds", ha="center", fontsize=8, color="#555555")
    panels[1].text(0.03, LEVEL + 0.02, f"{LEVEL:.0%}", fontsize=8, color="#b03030")
    figure.savefig(path, metadata={"Software": None})
