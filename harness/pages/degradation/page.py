"""What `harness degradation` prints and writes: a frozen `Degradation` -> one answer, tables, a page.

answer.py gives the sentences of the answer, figures.py the pictures.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from tabulate import tabulate

from harness.pages.degradation.answer import answer, level_counts, level_weights, points
from harness.pages.degradation.figures import draw_figures
from harness.pages.markdown import markdown_table
from harness.pages.whole import whole_files
from harness.project.errors import name_some
from harness.project.terminal import WIDTH
from harness.verify.languages.records import Degradation, Effects, RecipeResult, mean_over_recipes
from harness.verify.show.table import show_points
from harness.verify.statistics.intervals import FEWEST_SEEDS

Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]
TITLE = "# How far does intermediate training degrade low-resource languages? Profile `{}`"
LABORATORY = "the laboratory world"
MEAN = "mean over recipes"
MOST_NAMED_PAIRS = 6
"""So many degraded (target, language) are named for a recipe."""


LEVEL_HEADERS = ("recipe", "low-resource", "other", "difference", "slope",
                 "w/o retrieval: low-resource", "difference", "slope")  # fmt: skip


def level_rows(found: Degradation) -> list[tuple[str, ...]]:
    """One row per recipe, and the mean over recipes: what `LEVEL_HEADERS` names, in points with intervals."""
    rows = [_level_row(_named(result), result.effects, result.without_retrieval) for result in found.recipes]
    return [*rows, _level_row(MEAN, found.average, found.average_without_retrieval)]


def _named(result: RecipeResult) -> str:
    return result.recipe if result.averaged else f"{result.recipe} (separate)"


def _level_row(name: str, effects: Effects, others: Effects | None) -> tuple[str, ...]:
    both = (points(effects.low), points(effects.other), points(effects.difference), points(effects.slope))
    three = (others.low, others.difference, others.slope) if others else (None, None, None)
    return (name, *both, *map(points, three))


SHARE_HEADERS = ("recipe", "low: degraded", "low: improved", "low: mean below", "other: degraded", "other: improved",
                 "other: mean below", "worst language", "unseen", "source")  # fmt: skip


def share_rows(found: Degradation) -> list[tuple[str, ...]]:
    """One row per recipe: how many (target, language) changed, the worst language, and those that no average counts."""
    rows = []
    for result in found.recipes:
        counts: list[str] = []
        for share in (result.shares["low"], result.shares["other"]):
            of = f" of {share.tested}"
            counts += [f"{share.degraded}{of}", f"{share.improved}{of}", f"{share.below}{of}"]
        worst = result.worst
        text = f"{worst.language} {show_points(worst.mean)}" if worst else "-"
        rows.append((_named(result), *counts, text, points(result.unseen), points(result.source)))
    return rows


def degraded_pairs(found: Degradation) -> list[str]:
    """Recipe: on which targets losses are shown, and the (target, language), the largest first."""
    lines = []
    for result in found.recipes:
        lost = [pair for pair in result.pairs if pair.q_loss is not None]
        lost = sorted(
            (pair for pair in lost if result.is_degraded(pair, found.registration.degraded.alpha)),
            key=lambda pair: pair.mean,
        )
        if lost:
            named = [f"{pair.language} on {pair.target} {show_points(pair.mean)}" for pair in lost[:MOST_NAMED_PAIRS]]
            more = f" and {len(lost) - len(named)} more" if len(lost) > len(named) else ""
            on = Counter(pair.target for pair in lost).most_common()
            counts = ", ".join(f"{n} on {target}" for target, n in on)
            lines.append(f"{result.recipe}, {counts}: {', '.join(named)}{more}")
    return lines


def target_rows(found: Degradation) -> list[tuple[str, ...]]:
    """Target, its zero-shot languages by level, its weight in the levels' means, and its own slope in the mean over
    recipes.
    """
    counts, weights = level_counts(found), level_weights(found)
    return [
        (target, *map(str, counts[target]), f"{weights.get(target, 0.0):.0%}", points(slope))
        for target, slope in found.slope_by_target.items()
    ]


NOISE_HEADERS = ("target", "tested", "s.e. seeds", "s.e. rows", "s.e. both", "rows' share of variance")


def noise_rows(found: Degradation) -> list[tuple[str, ...]]:
    """Target, and the standard errors of one language's gain: over seeds, over rows, and what is used."""
    return [
        (
            one.target,
            str(one.tested),
            f"{one.seeds_points:.1f}",
            f"{one.rows_points:.1f}" if one.with_rows else "not kept",
            f"{one.both_points:.1f}",
            f"{one.rows_share:.0%}" if one.with_rows else "-",
        )
        for one in found.noise
    ]


def sight_words(found: Degradation) -> str:
    """What this design can't see, in one sentence, and what the rows change in it."""
    if not found.sight:
        return "No (target, language) was tested."
    first = found.sight[0]
    return (
        f"What this design can't see: with {first.seeds} seeds a {first.loss_points:g}-point loss of one language on "
        f"one target is found with probability {_chance(first.chance)} ({_chance(first.without_rows)} if only seeds "
        "made noise). More seeds leave the noise of the rows as it is. Below: the probability by loss and number of "
        "seeds, in brackets that without the rows; each gain has the spread it has here, and is the only one of its "
        "recipe that lost."
    )


def sight_table(found: Degradation) -> tuple[list[str], list[list[str]]]:
    """Headers and rows: a row per number of seeds, a column per loss."""
    losses = list(dict.fromkeys(one.loss_points for one in found.sight))
    cells = {
        (one.seeds, one.loss_points): f"{_chance(one.chance)} ({_chance(one.without_rows)})" for one in found.sight
    }
    seeds = list(dict.fromkeys(one.seeds for one in found.sight))
    return ["seeds", *(f"loss of {loss:g} points" for loss in losses)], [
        [str(n), *(cells[n, loss] for loss in losses)] for n in seeds
    ]


def _chance(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.01 else "under 1 %"


def language_rows(found: Degradation) -> list[tuple[str, ...]]:
    """Language, its resources, both levels, and its gain in the mean over recipes and its targets."""
    rows: list[tuple[str, ...]] = []
    means = mean_over_recipes(found.recipes)
    for code, language in found.languages.items():
        level = found.levels[code]
        alternative = found.registration.level(language, level == "source", alternative=True)
        gains = [gain for (_, spoken), gain in means.items() if spoken == code]
        mean = show_points(fmean(gains)) if gains else "-"
        size = "none" if language.cc100_gib is None else f"{language.cc100_gib:.1f}"
        resources = (size, str(language.joshi_class), level, alternative)
        rows.append((code, language.name, *resources, str(len(gains)), mean))
    return rows


def definitions(found: Degradation) -> list[str]:
    """What the words of the tables mean, and what was fixed before."""
    r = found.registration
    low, degraded, second = r.low_resource, r.degraded, found.average_alternative
    size_of = " (that of the real language named, whose size it has)" if found.data == LABORATORY else ""
    return [
        f"Fixed beforehand in reference/low_resource.yaml. Gains are points over `none` at the same seed, on "
        f"{_seeds_in_words(found)}; intervals are {100 * r.bootstrap.confidence:g} %, over seeds and languages, of a "
        "single look.",
        f"low-resource: less than {low.cc100_gib_below:g} GiB of text in CC-100{size_of}. By the second definition "
        f"(class at most {low.alternative_joshi_class_at_most} of Joshi et al. 2020) the mean over recipes is "
        f"{points(second.low)} on low-resource languages, difference {points(second.difference)}.",
        "low-resource, other, difference: within targets that have both kinds, low x other / (low + other) of a target "
        "being its weight. slope: points of gain per tenfold CC-100 text, with an intercept for every target; "
        "positive: the less text, the worse.",
        f"degraded (improved): a loss (gain) of more than {-degraded.threshold_points:.1f} points is shown, false "
        f"discovery rate {100 * degraded.alpha:g} % over the recipe's (target, language). mean below: the mean is "
        f"under {degraded.threshold_points:+z.1f}, shown or not.",
        "worst language: mean over its targets; the worst of many looks worse than it is. unseen: no pretraining text; "
        "source: trained on, so not zero-shot. Both are in none of the other numbers; their intervals are over seeds "
        "and rows.",
        *_on_rows(found),
        *(f"left out: {line}" for line in found.left_out),
        *_cautions(found),
    ]


def _seeds_in_words(found: Degradation) -> str:
    """The seeds of the gains; where recipes differ in them, also those that means over recipes rest on."""
    by_recipe = [{seed for pair in result.pairs for seed in pair.by_seed} for result in found.averaged]
    counts = sorted({len(seeds) for seeds in by_recipe})
    if len(counts) < 2:
        return f"{counts[0] if counts else 0} seed{'s' if counts != [1] else ''}"
    common = len(set.intersection(*by_recipe))
    return f"{counts[0]} to {counts[-1]} seeds, and means over recipes on the {common} that all of these have"


def _on_rows(found: Degradation) -> list[str]:
    """What the rows do to each kind of number, and where they could not be counted."""
    lines = [
        "s.e.: standard error of the gain of one language on one target, root mean square over recipes and languages. "
        "Seeds share their test rows, so the paired row variance is added to the variance over seeds and doesn't "
        "shrink with it (added after the first results; see `rows` in the registration). Of means and slopes over "
        "languages it is part of the variance over languages."
    ]
    lacking = [one.target for one in found.noise if one.with_rows < one.tested]
    if lacking:
        lines.append(f"items are not kept for all cells of {name_some(lacking)}: there seeds alone count.")
    return lines


def _cautions(found: Degradation) -> list[str]:
    lines = []
    if not found.in_scope and found.data != LABORATORY:
        lines.append(
            "CC-100 is the text of the question's encoder. This encoder's own pretraining text may be spread over the "
            "languages in another way: a size is then a trait of the language, not what the encoder saw."
        )
    if len(found.seeds) < FEWEST_SEEDS:
        lines.append(f"{len(found.seeds)} seeds: nothing is tested below {FEWEST_SEEDS}.")
    not_averaged = [result.recipe for result in found.recipes if not result.averaged]
    if not_averaged:
        lines.append(
            f"separate, in no mean: {name_some(not_averaged)} (other texts than those of English tasks, another "
            f"learning rate than the chosen one, or fewer than {FEWEST_SEEDS} seeds while other recipes have them)."
        )
    lines += [f"stand-in, in recipes that train on {task}: {what}." for task, what in found.stand_ins.items()]
    if found.collapsed:
        lines.append(
            f"{found.collapsed} of {found.cells} cells collapsed: their dev rows don't show that the model learnt its "
            "target. They count as they are, here as everywhere."
        )
    lines.append("The encoder is the same at every seed: another pretraining is in no interval.")
    return lines


def render_text(found: Degradation) -> str:
    """The whole answer for a terminal."""

    def plain(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        return tabulate([headers, *rows], tablefmt="plain", disable_numparse=True)

    where = f"the {'PINNED results in reference' if found.judged == 'pinned' else 'run in results'}/{found.profile}"
    head = [
        f"harness degradation    profile {found.profile}    {len(found.recipes)} recipes x {len(found.targets)} "
        f"targets x {len(found.languages)} languages x {len(found.seeds)} seeds",
        f"judged            {where}",
        f"encoder, data     {found.encoder}; {found.data}",
        "",
        *_wrap(f"ANSWER: {answer(found)}"),
        "",
    ]
    return "\n".join([*head, *_body(found, plain, _wrap)])


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def _body(found: Degradation, table: Table, line: Callable[[str], list[str]]) -> list[str]:
    """The tables with their words, in either form."""
    parts = [table(LEVEL_HEADERS, level_rows(found)), "", table(SHARE_HEADERS, share_rows(found)), ""]
    if lost := degraded_pairs(found):
        parts += [*line("Losses shown:"), "", *(each for text in lost for each in line(f"- {text}")), ""]
    parts += [table(("target", "low", "other", "weight", "slope"), target_rows(found)), ""]
    if found.noise:
        parts += [table(NOISE_HEADERS, noise_rows(found)), "", *line(sight_words(found)), ""]
        parts += [table(*sight_table(found)), ""]
    headers = (
        "language",
        "size of" if found.data == LABORATORY else "name",
        "GiB",
        "class",
        "level",
        "by class",
        "targets",
        "mean gain",
    )
    parts += [table(headers, language_rows(found)), ""]
    return [*parts, *(each for text in definitions(found) for each in line(f"- {text}"))]


def write_page(found: Degradation, out: Path) -> Path:
    """Write the page, and its two pictures beside it."""
    with whole_files(out.parent) as place:
        heat_map, scatter = draw_figures(found, place, ("png",), out.stem)
        (place / out.name).write_text(render_page(found, heat_map, scatter), encoding="utf-8")
    return out


def render_page(found: Degradation, heat_map: str, scatter: str) -> str:
    """The page as Markdown; `heat_map` and `scatter`: the pictures' file names beside it."""

    def pipe(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        return markdown_table(headers, rows, "l")

    where = "the pinned results in `reference" if found.judged == "pinned" else "the run in `results"
    parts = [
        TITLE.format(found.profile),
        "",
        f"Written by `harness degradation --page` from {where}/{found.profile}`: every number, and every sentence that "
        "depends on one, follows from them.",
        "",
        f"> {found.registration.question.strip()}",
        "",
        f"**{answer(found)}**",
        "",
        f"![Mean gain of each language under each recipe]({heat_map})",
        "",
        "Mean gain over a language's targets; hatched: no score. Languages from little text (top) to much.",
        "",
        f"![Gain against the size of the pretraining text]({scatter})",
        "",
        "Mean over recipes, adjusted for which targets a language has, so that it can differ from the table's mean. "
        "Languages without text stand on the left. The line has the slope of the tables; the band is its interval.",
        "",
    ]
    return "\n".join([*parts, *_body(found, pipe, lambda text: [text])]) + "\n"
