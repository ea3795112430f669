"""A check from outside: the baseline's scores by language beside those published of an encoder of this kind.

A profile trains on far fewer rows than the publication, so its scores are lower. Two things hang less on that: how much
is lost from English to other languages, and in which order these come. A pipeline that mixes up languages or breaks
their text shows there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from harness.pages.markdown import markdown_table
from harness.project.params import BASELINE
from harness.project.records import Record
from harness.verify.published.elsewhere import ElsewhereRow
from harness.verify.scores import ScoresTable

FEWEST_LANGUAGES = 5
"""From so many languages on, two orders are compared."""


class Best(Record):
    """The recipe that scores highest on average over the languages, at the seeds that it shares with the baseline."""

    recipe: str
    """The recipe."""
    scores: dict[str, float]
    """language -> mean over these seeds, the source language first."""
    seeds: int
    """The seeds."""
    order: float | None
    """As of the baseline."""


class Outside(Record):
    """Published scores of one target and the baseline's."""

    row: ElsewhereRow
    """What was published."""
    here: dict[str, float]
    """language -> mean of the baseline over its seeds, of the languages that both have, the source language first."""
    seeds: int
    """Seeds that went in."""
    collapsed: list[float]
    """Its scores at those of them at which it collapsed."""
    training_rows: int | None
    """Rows that this profile trains the target on; null: all."""
    best: Best | None
    """The recipe that scores highest, if any scores higher than the baseline."""
    order: float | None
    """Spearman's rank correlation of the scores over the languages beside the source language; null where they are too
    few or all equal."""


def lost(scores: Mapping[str, float]) -> float:
    """Points from the source language, the first, to the mean of the others."""
    source, *others = scores.values()
    return source - fmean(others)


def outside_of(
    table: ScoresTable,
    rows: Sequence[ElsewhereRow],
    source: str,
    training_rows: Mapping[str, int | None],
    recipes: Sequence[str] = (),
) -> list[Outside]:
    """One for each published row whose target the baseline was scored on in its source language and another. The best
    is one of `recipes`.
    """
    found = []
    for row in rows:
        cells = _scored(table, BASELINE, row)
        codes = [code for code in row.scores if all(code in scores for scores in cells.values())]
        if not cells or source not in codes or len(codes) == 1 or row.target not in training_rows:
            continue
        codes.sort(key=lambda code: code != source)
        here = _means(cells, codes)
        found.append(
            Outside(
                row=row,
                here=here,
                seeds=len(cells),
                collapsed=[
                    cell.score
                    for cell in table.cells
                    if (cell.cell.recipe, cell.cell.target, cell.status) == (BASELINE, row.target, "collapsed")
                    and cell.score is not None
                ],
                training_rows=training_rows[row.target],
                best=_best(table, recipes, row, cells, codes),
                order=_order(row.scores, here),
            )
        )
    return found


def _scored(table: ScoresTable, recipe: str, row: ElsewhereRow) -> dict[int, dict[str, float]]:
    """The published number's counterpart of each cell of the recipe: seed -> language -> points."""
    return {
        cell.cell.seed: {code: numbers[row.numbers] for code, numbers in cell.scores.items() if row.numbers in numbers}
        for cell in table.cells
        if cell.cell.recipe == recipe and cell.cell.target == row.target and cell.score is not None
    }


def _means(cells: Mapping[int, Mapping[str, float]], codes: Sequence[str]) -> dict[str, float]:
    return {code: fmean(scores[code] for scores in cells.values()) for code in codes}


def _best(
    table: ScoresTable,
    recipes: Sequence[str],
    row: ElsewhereRow,
    baseline: Mapping[int, Mapping[str, float]],
    codes: Sequence[str],
) -> Best | None:
    """The recipe whose mean lies highest above the baseline's at the seeds that both have; None where none does."""
    most, best = 0.0, None
    for recipe in recipes:
        cells = {seed: scores for seed, scores in _scored(table, recipe, row).items() if seed in baseline}
        if not cells or not all(set(codes) <= scores.keys() for scores in cells.values()):
            continue
        means, others = _means(cells, codes), _means({seed: baseline[seed] for seed in cells}, codes)
        if (more := fmean(means.values()) - fmean(others.values())) > most:
            most, best = more, Best(recipe=recipe, scores=means, seeds=len(cells), order=_order(row.scores, means))
    return best


def _order(published: Mapping[str, float], here: Mapping[str, float]) -> float | None:
    """Of the languages of `here` beside the first, the source language."""
    codes = [*here][1:]
    theirs, ours = [published[code] for code in codes], [here[code] for code in codes]
    if len(codes) < FEWEST_LANGUAGES or len(set(ours)) == 1 or len(set(theirs)) == 1:
        return None
    from scipy.stats import spearmanr  # takes half a second to import

    return float(spearmanr(theirs, ours).statistic)


def outside_section(found: Sequence[Outside]) -> str:
    """A table for each published row with what to make of it, or nothing where none stands beside this profile."""
    if not found:
        return ""
    parts = [
        "## A check from outside",
        f"The baseline `{BASELINE}` beside published scores of an encoder of this kind, trained on the source language "
        "alone. That encoder was fine-tuned on far more rows, so its scores are higher. What is lost on the way to "
        "other languages, and their order, hang less on that.",
    ]
    for one in found:
        parts += [_table(one), _said(one)]
    return "\n\n".join(parts)


def _table(one: Outside) -> str:
    return markdown_table(
        (f"{one.row.target}, {one.row.numbers}", *one.here),
        [
            ("published", *_points({code: one.row.scores[code] for code in one.here})),
            (f"here, {_seeds(one.seeds)}", *_points(one.here)),
            *([(f"after {best.recipe}, {_seeds(best.seeds)}", *_points(best.scores))] if (best := one.best) else []),
        ],
        "l",
    )


def _points(scores: Mapping[str, float]) -> list[str]:
    return [f"{points:.1f}" for points in scores.values()]


def _said(one: Outside) -> str:
    rows = "all rows" if one.training_rows is None else f"{one.training_rows:,} rows"
    source, *_ = one.here
    parts = [
        f"Published: {one.row.system}, fine-tuned on {one.row.trained} ({one.row.document}, {one.row.place}). Here: "
        f"{rows}.",
        f"From {source} to the mean of the others {lost({code: one.row.scores[code] for code in one.here}):.1f} points "
        f"are lost there and {lost(one.here):.1f} here{_on_order(one.order)}.",
    ]
    if one.collapsed:
        parts.append(
            f"By its dev rows the baseline collapsed at {len(one.collapsed)} of {one.seeds} seeds (scores there "
            f"{', '.join(f'{score:.1f}' for score in one.collapsed)}), and a model that learnt little has little to "
            "lose: its row can't tell that from a fault of the pipeline."
        )
    if best := one.best:
        parts.append(
            f"After {best.recipe}, which stands there because it scores highest here, the same encoder, code and "
            f"target rows lose {lost(best.scores):.1f}{_on_order(best.order)}."
        )
    return " ".join(parts)


def _on_order(order: float | None) -> str:
    return "" if order is None else f" (Spearman's correlation of the other languages' scores {order:+z.2f})"


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"
