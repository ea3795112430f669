"""The page's section on gains: recipe by target, over targets, and by language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.pages.markdown import markdown_table
from harness.pages.means import Average, SeedMean
from harness.pages.study.figures import colour_reach, largest_gain
from harness.pages.study.record import Study
from harness.project.params import BASELINE
from harness.verify.show.table import show_points
from harness.verify.statistics.intervals import CONFIDENCE

COLLAPSED = "†"
"""Marks a pair that rests on a collapsed cell."""


def gains_section(study: Study, heat_map: str, averages: str) -> str:
    """The table of gains and of the baseline's scores, and two pictures of the gains."""
    targets, n = study.verification.grid.targets, _usual_seeds(study)
    d, scored = study.deciding, len(study.verification.grid.seeds)
    headers = ["recipe", *targets, "all targets", *(["those that decide"] if d.left_out else [])]
    rows = [
        [
            recipe,
            *(_pair(study, recipe, target) for target in targets),
            _average(study.overall[recipe], targets, n),
            *([_average(d.averages[recipe], d.targets, n)] if d.left_out else []),
        ]
        for recipe in study.gains
    ]
    scores = [[BASELINE, *(_cell(study.baseline[target], scored, signed=False) for target in targets)]]
    decide = f" Those that decide: {', '.join(d.targets)}." if d.left_out else ""
    return "\n\n".join(
        [
            "## Gains by recipe and target",
            f"Mean gain over {n} seeds ± half the width of its 90 % interval, that of a single look; **bold**: the "
            f"interval excludes 0; without ±: no spread to build one from. {count_clear(study)}{_collapsed_mark(study)}"
            f"{decide}",
            markdown_table(headers, rows, "l"),
            f"Scores of the baseline (mean over seeds ± half the width of its 90 % interval): {_steady(study)}",
            markdown_table(["recipe", *targets], scores, "l"),
            f"![Mean gain of each recipe on each target]({heat_map})",
            "Mean gain in points, and below it half the width of its 90 % interval; bold where the interval excludes "
            f"0; grey where there is none; in brackets: targets that don't decide. {colours(study)}",
            f"![Mean gain of each recipe over targets]({averages})",
            "Grey: each seed. Blue: their mean, filled where the interval excludes 0, and its 90 % interval, that of a "
            "single look; the answer and the claims have the wider one that is adjusted for looks.",
        ]
    )


def languages_section(study: Study, picture: str, root: str) -> str:
    """Gain by language in order of pretraining text, or nothing where no language has known resources."""
    if not study.languages:
        return ""
    over = "the targets that decide" if study.deciding.left_out else "all targets"
    return "\n\n".join(
        [
            "## Gains by language",
            f"![Mean gain of each language under each recipe]({picture})",
            f"Mean gain in points of each language over {over}, as far as it is tested in them; bold: the 90 % "
            "interval over seeds excludes 0; hatched: no score. From little text in CC-100 (top) to much "
            f"([reference/languages.yaml]({root}/reference/languages.yaml)); lines part unseen, low-resource, other "
            f"and source languages. {count_languages(study)} Whether low-resource languages lose more is what "
            "`harness degradation` tests, by rules fixed beforehand.",
        ]
    )


def count_languages(study: Study) -> str:
    """How many intervals of a language under a recipe exclude 0, beside how many would by chance."""
    found = [gain for one in study.languages for gain in one.gains.values() if gain and gain.interval]
    up, down = (sum(gain.direction == way for gain in found) for way in ("up", "down"))
    return (
        f"{up + down} of {len(found)} intervals exclude 0, {up} above and {down} below; "
        f"{(1 - CONFIDENCE) * len(found):.1f} would if no recipe changed anything."
    )


def count_clear(study: Study) -> str:
    """How many pairs' intervals exclude 0, beside how many would by chance."""
    found = [gain for gains in study.gains.values() for gain in gains.values() if gain and gain.interval]
    up, down = (sum(gain.direction == way for gain in found) for way in ("up", "down"))
    by_chance = (1 - CONFIDENCE) * len(found)
    beyond = "more than" if up + down > by_chance else "no more than"
    return (
        f"{up + down} of {len(found)} intervals exclude 0, {up} above and {down} below: {beyond} the "
        f"{by_chance:.1f} that would if no recipe changed anything."
    )


def _collapsed_mark(study: Study) -> str:
    if not study.collapsed:
        return ""
    return f" {COLLAPSED}: a cell of the pair, or of the baseline on its target, collapsed; it counts as it is."


def _steady(study: Study) -> str:
    """Targets on which the baseline does not move with the seed."""
    steady = [target for target, score in study.baseline.items() if score and not score.interval]
    return f"the same at every seed on {', '.join(steady)}." if steady else "it moves with the seed on every target."


def _pair(study: Study, recipe: str, target: str) -> str:
    gain = study.gains[recipe][target]
    if gain is None:
        return "unavailable" if study.is_unavailable(recipe, target) else "no score"
    mark = COLLAPSED if any(target in study.collapsed.get(each, []) for each in (recipe, BASELINE)) else ""
    return _cell(gain, _usual_seeds(study)) + mark


def _usual_seeds(study: Study) -> int:
    """Seeds of most gains: those of which the table says a number only where it is another."""
    counts = Counter(len(gain.by_seed) for gains in study.gains.values() for gain in gains.values() if gain)
    return counts.most_common(1)[0][0] if counts else len(study.verification.grid.seeds)


def _average(average: Average, targets: Sequence[str], seeds: int) -> str:
    """A mean over `targets`; it says so where it had to leave some out."""
    if not average.targets:
        return "unavailable"
    text = _cell(average.estimate, seeds)
    return text if len(average.targets) == len(targets) else f"{text} ({len(average.targets)} targets)"


def show_mean(found: SeedMean, signed: bool = True) -> str:
    """Mean and half-width; a gain is bold where its interval excludes 0."""
    text = show_points(found.mean) if signed else f"{found.mean:.1f}"
    if found.interval:
        text += f" ± {(found.interval.high - found.interval.low) / 2:.1f}"
    return f"**{text}**" if signed and found.excludes_zero else text


def _cell(found: SeedMean | None, seeds: int, signed: bool = True) -> str:
    """A mean, and the number of seeds where some have no score."""
    if found is None:
        return "no score"
    text = show_mean(found, signed)
    n = len(found.by_seed)
    return text if n == seeds else f"{text} ({n} seed{'s' if n != 1 else ''})"


def colours(study: Study) -> str:
    """How far the colours of the heat map reach."""
    reach, beyond = colour_reach(study), largest_gain(study)
    text = f"The colours reach from {-reach:+z.1f} to {reach:+z.1f}"
    return f"{text}; larger gains (up to {beyond:.1f}) have the colour of the end." if beyond > reach else f"{text}."
