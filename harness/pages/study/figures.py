"""The pictures of the page that `harness study` writes, but for that of the claims (forest.py).

PNGs whose bytes follow from the record and the version of matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.pages.degradation.figures import draw_means, language_label, separate_levels
from harness.pages.means import Average, SeedMean
from harness.pages.study.record import Study
from harness.verify.show.table import show_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_REACH_POINTS = 1.0
"""A heat map's colour scale spans at least this much, so that noise does not look like an effect."""
SEEDS_BELOW = 0.25
"""Seeds are drawn so far below the mean and its interval, in rows, so that neither hides the other."""
OVERLAID = 0.55
"""Opacity of one seed's dot, so that two on each other look like two."""
MEAN, SEED, ABSENT = "#1f5a8c", "#555555", "#e6e6e6"


def plot_gains(study: Study, path: Path) -> None:
    """Gain of each recipe over all targets, and over those that decide: seeds, mean and interval."""
    panels = {"all targets": study.overall}
    if study.deciding.left_out:
        panels["targets that decide"] = study.deciding.averages
    figure = new_figure(study, 3.2 + 3.2 * len(panels), 1.4 + 0.32 * len(study.gains))
    rows = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, averages) in zip(rows, panels.items(), strict=True):
        _draw_averages(axes, averages)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("gain over none (points)")
    rows[0].set_yticks(range(len(study.gains)), [_label(study, recipe) for recipe in study.gains])
    rows[0].set_ylim(len(study.gains) - 0.5, -0.5)
    figure.savefig(path, metadata={"Software": None})


def _label(study: Study, recipe: str) -> str:
    """The recipe, marked where its averages had to leave out targets."""
    there = len(study.overall[recipe].targets)
    return recipe if there in (0, len(study.groups)) else f"{recipe}\n(some targets)"


def _draw_averages(axes: Axes, averages: Mapping[str, Average]) -> None:
    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    axes.grid(axis="x", alpha=0.3)
    for place, average in enumerate(averages.values()):
        if average.estimate is None:
            axes.text(0, place, " no score" if average.targets else " unavailable", va="center", fontsize=8, color=SEED)
        else:
            _draw_estimate(axes, place, average.estimate)


def _draw_estimate(axes: Axes, place: int, found: SeedMean) -> None:
    draw_seeds(axes, place + SEEDS_BELOW, list(found.by_seed.values()), size=14, colour=SEED)
    if found.interval:
        axes.plot([found.interval.low, found.interval.high], [place] * 2, color=MEAN, linewidth=1.8, zorder=3)
    fill = MEAN if found.excludes_zero else "white"
    axes.scatter([found.mean], [place], s=34, facecolor=fill, edgecolor=MEAN, linewidths=1.5, zorder=4)


def draw_seeds(axes: Axes, place: float, points: Sequence[float], size: float, colour: str) -> None:
    """A dot for each seed's value at this height; where dots lie on each other it is darker."""
    axes.scatter(points, [place] * len(points), s=size, color=colour, alpha=OVERLAID, zorder=2, linewidths=0)


def plot_pairs(study: Study, path: Path) -> None:
    """Heat map of mean gains, recipes x targets, with colours centred on 0 and half-widths in small print."""
    targets, reach = study.verification.grid.targets, colour_reach(study)
    figure = new_figure(study, 2.8 + 0.78 * len(targets), 1.5 + 0.42 * len(study.gains))
    axes = figure.subplots()
    axes.set_facecolor(ABSENT)
    means = [[gain.mean if gain else float("nan") for gain in gains.values()] for gains in study.gains.values()]
    image = axes.imshow(means, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
    for row, recipe in enumerate(study.gains):
        for column, target in enumerate(targets):
            _write_pair(axes, row, column, study.gains[recipe][target], reach)
    names = [f"({target})" if target in study.deciding.left_out else target for target in targets]
    axes.set_xticks(range(len(targets)), names)
    axes.set_yticks(range(len(study.gains)), list(study.gains))
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for column in range(1, len(targets)):
        if study.groups[targets[column]] != study.groups[targets[column - 1]]:
            axes.axvline(column - 0.5, color="white", linewidth=3)
    extend = "both" if largest_gain(study) > reach else "neither"
    figure.colorbar(image, ax=axes, extend=extend, label="gain over none (points)")
    figure.savefig(path, metadata={"Software": None})


def _write_pair(axes: Axes, row: int, column: int, gain: SeedMean | None, reach: float) -> None:
    centred: dict[str, Any] = {"ha": "center", "va": "center"}
    if gain is None:
        axes.text(column, row, "-", fontsize=8, color="#555555", **centred)
        return
    colour = "white" if abs(gain.mean) > 0.6 * reach else "black"
    weight = "bold" if gain.excludes_zero else "normal"
    above = 0.14 if gain.interval else 0.0
    axes.text(column, row - above, show_points(gain.mean), fontsize=8, color=colour, fontweight=weight, **centred)
    if gain.interval:
        half = (gain.interval.high - gain.interval.low) / 2
        axes.text(column, row + 0.24, f"±{half:.1f}", fontsize=6, color=colour, **centred)


def colour_reach(study: Study) -> float:
    """Points at the ends of the colours: the largest mean gain or loss outside retrieval, whose gains dwarf others'."""
    others = [target for target, group in study.groups.items() if group != "retrieval"]
    return max(LEAST_REACH_POINTS, largest_gain(study, others or list(study.groups)))


def largest_gain(study: Study, targets: list[str] | None = None) -> float:
    """The largest mean gain or loss of a pair in points, on these targets (default: all); 0 where there is none."""
    found = (gains[target] for gains in study.gains.values() for target in targets or gains)
    return max((abs(gain.mean) for gain in found if gain), default=0.0)


def plot_languages(study: Study, path: Path) -> None:
    """Heat map of mean gains on the targets that decide, languages x recipes, from little text to much."""
    recipes, codes = list(study.gains), [one.code for one in study.languages]
    found = {
        (recipe, one.code): gain for one in study.languages for recipe, gain in one.gains.items() if gain is not None
    }
    reach = max([LEAST_REACH_POINTS, *(abs(gain.mean) for gain in found.values())])
    figure = new_figure(study, 3.6 + 0.62 * len(recipes), 1.9 + 0.27 * len(codes))
    axes = figure.subplots()
    clear = {key for key, gain in found.items() if gain.excludes_zero}
    image = draw_means(axes, {key: gain.mean for key, gain in found.items()}, recipes, codes, reach, clear)
    separate_levels(axes, [one.level for one in study.languages])
    labels = [language_label(one.code, one.language, one.level) for one in study.languages]
    axes.set_yticks(range(len(codes)), labels, fontsize=8)
    figure.colorbar(image, ax=axes, label="gain over none (points)", shrink=0.8, aspect=35)
    figure.savefig(path, metadata={"Software": None})


def new_figure(study: Study, width: float, height: float) -> Figure:
    """An empty figure of so many inches, with profile and encoder above it."""
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    figure.suptitle(f"Profile {study.verification.profile}: {study.verification.encoder}", fontsize=10)
    return figure
