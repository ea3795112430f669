"""The picture of docs/verifier.md: how likely each verdict is against the true deviation.

A PNG whose bytes follow from the record and the version of matplotlib.
"""

from __future__ import annotations

from pathlib import Path

from harness.verify.statistics.intervals import LEVEL, band, verdict_chances
from harness.verify.statistics.simulation import SEEDS, Simulation

SIGMA = 0.5
"""Spread of one seed's gain in the picture, in margins."""
FURTHEST = 2.5
"""Deviations reach so far, in margins."""
POINTS = 126
"""Of each curve."""
COLOURS = {3: "#9ec3e0", 5: "#3f8abf", 10: "#123f63"}
"""By number of seeds: more is darker."""
TITLES = ("REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE")


def plot_operating(simulation: Simulation, path: Path) -> None:
    """Three panels, one per verdict: curves by the formula, dots by simulation."""
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    figure = Figure(figsize=(11, 3.8), dpi=110, layout="constrained")
    deviations = [FURTHEST * place / (POINTS - 1) for place in range(POINTS)]
    for which, axes in enumerate(figure.subplots(1, len(TITLES), sharey=True)):
        axes.axvspan(0, 1, color="#eeeeee", zorder=0)
        if TITLES[which] != "INCONCLUSIVE":
            axes.axhline(LEVEL, color="#b03030", linestyle=":", linewidth=1, zorder=1)
        for n in SEEDS:
            curve = [verdict_chances(deviation, SIGMA, n, band(0.0, 1.0))[which] for deviation in deviations]
            axes.plot(deviations, curve, color=COLOURS[n], label=f"{n} seeds", zorder=2)
            rows = [row for row in simulation.grid if row.sigma == SIGMA and row.n == n]
            dots = [_share(row.reproduced, row.not_reproduced, row.repetitions)[which] for row in rows]
            axes.scatter([row.deviation for row in rows], dots, color=COLOURS[n], s=16, zorder=3)
        axes.set(title=f"P({TITLES[which]})", xlabel="true deviation from the claim (margins)", xlim=(0, FURTHEST))
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("probability")
    figure.axes[0].legend(frameon=False, loc="upper right")
    figure.axes[0].text(0.5, 0.01, "the claim holds", ha="center", fontsize=8, color="#555555")
    figure.axes[1].text(0.03, LEVEL + 0.02, f"{LEVEL:.0%}", fontsize=8, color="#b03030")
    figure.savefig(path, metadata={"Software": None})


def _share(reproduced: int, refuted: int, repetitions: int) -> tuple[float, float, float]:
    return reproduced / repetitions, refuted / repetitions, (repetitions - reproduced - refuted) / repetitions
