"""The two pictures of `harness degradation`, as PNG and SVG; record and matplotlib's version give the bytes."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.pages.whole import whole_files
from harness.verify.languages.records import Degradation, SizeFit
from harness.verify.languages.registration import Language, Level
from harness.verify.show.table import show_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

LEAST_REACH_POINTS = 1.0
"""The colour scale spans at least this much, so that noise does not look like an effect."""
COLOURS = {"low": "#d55e00", "other": "#1f5a8c", "unseen": "#555555"}
"""Okabe and Ito's vermilion, and a blue: distinct in every kind of colour vision; the markers differ too."""
MARKERS = {"low": "o", "other": "s", "unseen": "D"}
WORDS = {"low": "low-resource", "other": "other", "unseen": "no text", "source": "source"}
MANY_LANGUAGES = 20
"""With more of them, the second figure is drawn larger."""
LABEL_REACHES = (9.0, 14.0, 20.0, 27.0)
"""How far a label may stand from its point, in typographic points (1.4 times as far sideways)."""
STEM, HEAT_MAP, SCATTER = "degradation", "languages", "size"
"""A picture is called STEM_HEAT_MAP or STEM_SCATTER; beside a page its stem is the page's."""
Means = Mapping[tuple[str, str], float]
"""(recipe, language) -> mean gain over the language's targets."""


NO_DATES: Mapping[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
"""Ending -> metadata that is left out of a file, so that the same picture has the same bytes."""


def write_figures(found: Degradation, folder: Path, endings: Sequence[str] = tuple(NO_DATES)) -> list[Path]:
    """Write both pictures, by default as PNG and SVG. Raises HarnessError where the folder can't be written."""
    with whole_files(folder) as place:
        names = draw_figures(found, place, endings, STEM)
    return [folder / name for name in names]


def draw_figures(found: Degradation, folder: Path, endings: Sequence[str], stem: str) -> list[str]:
    """Draw both pictures into `folder`, their names beginning with `stem`; their file names."""
    import matplotlib

    written = []
    with matplotlib.rc_context({"svg.hashsalt": "harness", "svg.fonttype": "path", "hatch.linewidth": 0.5}):
        for name, draw in ((HEAT_MAP, draw_languages), (SCATTER, draw_size)):
            figure = draw(found)
            for ending in endings:
                written.append(f"{stem}_{name}.{ending}")
                figure.savefig(folder / written[-1], metadata=NO_DATES[ending])
    return written


def draw_languages(found: Degradation) -> Figure:
    """Heat map of languages x recipes, over all targets and without retrieval; colours centred on 0."""
    panels = {"all targets": _means(found, found.targets)}
    if found.average_without_retrieval:
        panels["without retrieval"] = _means(found, _without_retrieval(found))
    recipes, codes = [result.recipe for result in found.recipes], list(found.languages)
    figure = _figure(found, 3.4 + len(panels) * (0.4 + 0.62 * len(recipes)), 1.9 + 0.27 * len(codes))
    rows = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    last = list(panels.values())[-1].values()  # retrieval gains dwarf others'
    reach = max([LEAST_REACH_POINTS, *(abs(gain) for gain in last)])
    beyond = any(abs(gain) > reach for means in panels.values() for gain in means.values())
    for axes, (title, means) in zip(rows, panels.items(), strict=True):
        image = draw_means(axes, means, recipes, codes, reach)
        axes.set_title(title, fontsize=10)
        separate_levels(axes, [found.levels[code] for code in codes])
    rows[0].set_yticks(
        range(len(codes)),
        [language_label(code, found.languages[code], found.levels[code]) for code in codes],
        fontsize=8,
    )
    for axes in rows[1:]:
        axes.tick_params(labelleft=False)
    extend = "both" if beyond else "neither"
    figure.colorbar(image, ax=list(rows), extend=extend, label="gain over none (points)", shrink=0.8, pad=0.02)
    return figure


def _means(found: Degradation, targets: Sequence[str]) -> Means:
    gains: dict[tuple[str, str], list[float]] = {}
    for result in found.recipes:
        for pair in result.pairs:
            if pair.target in targets:
                gains.setdefault((result.recipe, pair.language), []).append(pair.mean)
    return {key: statistics.fmean(values) for key, values in gains.items()}


def _without_retrieval(found: Degradation) -> list[str]:
    return [target for target in found.targets if target not in found.retrieval]


def draw_means(
    axes: Axes,
    means: Means,
    recipes: Sequence[str],
    codes: Sequence[str],
    reach: float,
    clear: Collection[tuple[str, str]] = (),
) -> AxesImage:
    """Languages x recipes as colours that reach so far on both sides of 0, each with its number; bold: those in
    `clear`; hatched: no number.
    """
    from matplotlib.patches import Rectangle

    size = (len(recipes), len(codes))
    hatched = Rectangle((-0.5, -0.5), *size, facecolor="#f2f2f2", edgecolor="#a0a0a0", hatch="////", linewidth=0)
    axes.add_patch(hatched)
    table = [[means.get((recipe, code), float("nan")) for recipe in recipes] for code in codes]
    image = axes.imshow(table, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto", zorder=2)
    for row, values in enumerate(table):
        for column, gain in enumerate(values):
            if gain == gain:
                colour = "white" if abs(gain) > 0.6 * reach else "black"
                weight = "bold" if (recipes[column], codes[row]) in clear else "normal"
                text: dict[str, Any] = {"fontsize": 7, "color": colour, "fontweight": weight, "zorder": 3}
                axes.text(column, row, show_points(gain), ha="center", va="center", **text)
    axes.set_xticks(range(len(recipes)), recipes, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    axes.tick_params(length=0)
    return image


def separate_levels(axes: Axes, levels: Sequence[Level]) -> None:
    """A line between rows of different levels."""
    for row in range(1, len(levels)):
        if levels[row] != levels[row - 1]:
            axes.axhline(row - 0.5, color="black", linewidth=1.2, zorder=4)


def language_label(code: str, language: Language, level: Level) -> str:
    """A language with the size of its pretraining text, and its level where that is worth a word."""
    size = "no text" if language.cc100_gib is None else f"{language.cc100_gib:g} GiB"
    kind = f" ({WORDS[level]})" if level in ("low", "source") else ""
    return f"{code}  {size}{kind}"


def draw_size(found: Degradation) -> Figure:
    """Gain against log size: a point per language, the fitted line and the band of its slope."""
    panels = {"all targets": found.fit}
    if found.fit_without_retrieval:
        panels["without retrieval"] = found.fit_without_retrieval
    wide = len(found.fit.points) > MANY_LANGUAGES
    figure = _figure(found, 0.8 + (6.6 if wide else 5.2) * len(panels), 6.2 if wide else 4.6)
    rows = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, fit) in zip(rows, panels.items(), strict=True):
        _draw_fit(axes, found, fit)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("text in CC-100 (GiB)")
    rows[0].set_ylabel("mean gain over recipes, adjusted for targets (points)")
    handles, labels = rows[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
    figure.draw_without_rendering()  # labels keep clear of each other only where nothing moves any more
    for axes, fit in zip(rows, panels.values(), strict=True):
        _label_points(axes, _places(found, fit), figure.dpi / 72)
    return figure


def _draw_fit(axes: Axes, found: Degradation, fit: SizeFit) -> None:
    axes.axhline(0, color="black", linewidth=0.8, zorder=1)
    axes.grid(alpha=0.25)
    if not fit.points or fit.slope is None:
        axes.text(0.5, 0.5, "no slope", ha="center", va="center", transform=axes.transAxes)
        return
    axes.set_xscale("log")
    threshold = found.registration.low_resource.cc100_gib_below
    axes.axvline(threshold, color="#777777", linewidth=0.9, linestyle="--", label=f"{threshold:g} GiB", zorder=1)
    log_sizes = [found.languages[code].log_size for code in fit.points]
    confidence = f"{100 * found.registration.bootstrap.confidence:g} % interval of its slope"
    _draw_line(axes, fit, min(log_sizes) - 0.1, max(log_sizes) + 0.1, confidence)
    places = _places(found, fit)
    for level in ("low", "other", "unseen"):
        mine = [place for code, place in places.items() if found.levels[code] == level]
        if mine:
            xs, ys = zip(*mine, strict=True)
            axes.scatter(xs, ys, s=30, color=COLOURS[level], marker=MARKERS[level], zorder=3, label=WORDS[level])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.06, y=0.12)


def _places(found: Degradation, fit: SizeFit) -> dict[str, tuple[float, float]]:
    """Language -> its point (GiB, points); languages without text stand separately on the left."""
    sizes = {code: found.languages[code].cc100_gib or 0.0 for code in fit.points}
    nowhere = min(sizes.values(), default=1.0) / 4
    return {code: (sizes.get(code, nowhere), gain) for code, gain in (fit.points | fit.unseen).items()}


def _draw_line(axes: Axes, fit: SizeFit, left: float, right: float, label: str) -> None:
    """The line, and the band that its slope's interval spans about the middle of the data."""
    assert fit.slope is not None
    grid = [left + (right - left) * step / 60 for step in range(61)]

    def at(slope: float) -> list[float]:
        return [fit.centre_gain + slope * (x - fit.centre_log_size) for x in grid]

    sizes = [10**x for x in grid]
    axes.plot(sizes, at(fit.slope.value), color="#333333", linewidth=1.4, label="fitted line", zorder=2)
    if fit.slope.interval:
        low, high = at(fit.slope.interval.low), at(fit.slope.interval.high)
        axes.fill_between(sizes, low, high, color="#333333", alpha=0.13, linewidth=0, label=label)


def _label_points(axes: Axes, points: Mapping[str, tuple[float, float]], scale: float) -> None:
    """Write each code beside its point: at the nearest place that is clear of points and labels, else the clearest.

    scale: pixels per typographic point. A label that had to move away is joined to its point by a thin line.
    """
    places = {code: axes.transData.transform(point) / scale for code, point in points.items()}
    taken = [(float(x), float(y)) for x, y in places.values()]
    for code, (x, y) in places.items():
        others = [place for place in taken if place != (x, y)]
        best, most = (0.0, 0.0), -1.0
        for reach, step in itertools.product(LABEL_REACHES, range(12)):
            offset = (1.4 * reach * math.cos(step * math.pi / 6), reach * math.sin(step * math.pi / 6))
            clear = min((math.hypot((x + offset[0] - u) / 1.4, y + offset[1] - v) for u, v in others), default=math.inf)
            if clear > most + 1e-6:
                best, most = offset, clear
            if most >= LABEL_REACHES[0]:
                break
        taken.append((float(x) + best[0], float(y) + best[1]))
        far = math.hypot(best[0] / 1.4, best[1]) > 1.1 * LABEL_REACHES[0]
        line = {"arrowstyle": "-", "linewidth": 0.4, "color": "#777777", "shrinkA": 3, "shrinkB": 2} if far else None
        axes.annotate(
            code, points[code], best, textcoords="offset points", ha="center", va="center", fontsize=7, arrowprops=line
        )


def _figure(found: Degradation, width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    figure.suptitle(f"Profile {found.profile}: {found.encoder}", fontsize=10)
    return figure
