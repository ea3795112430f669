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


class Outside(Record):
    """Published scores of one target and the baseline's."""

    row: ElsewhereRow
    """What was published."""
    here: dict[str, float]
    """language -> mean of the baseline over its seeds, of the languages that both have, the source language first."""
    seeds: int
    """Seeds that went in."""
    training_rows: int | None
    """Rows that this profile trains the target on; null: all."""
    best_recipe: str | None
    """The recipe that scores highest on average over these languages, if any scores higher than the baseline."""
    best: dict[str, float]
    """Its means over its seeds, as `here`; empty without one."""
    best_seeds: int
    """Its seeds."""
    order: float | None
    """Spearman's rank correlation of the scores over the languages beside the source language; null where they are too
    few or all equal."""

    @property
    def lost(self) -> tuple[float, float]:
        """Points from the source language to the mean of the others: published, here."""
        source, *others = self.here
        published = self.row.scores
        return (
            published[source] - fmean(published[code] for code in others),
            self.here[source] - fmean(self.here[code] for code in others),
        )


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
        codes = [code for code in row.scores if all(code in scores for scores in cells)]
        if not cells or source not in codes or len(codes) == 1:
            continue
        codes.sort(key=lambda code: code != source)
        here = _means(cells, codes)
        best, scores = _best(table, recipes, row, here)
        found.append(
            Outside(
                row=row,
                here=here,
                seeds=len(cells),
                training_rows=training_rows.get(row.target),
                best_recipe=best,
                best=_means(scores, codes) if best else {},
                best_seeds=len(scores),
                order=_order([row.scores[code] for code in codes[1:]], [here[code] for code in codes[1:]]),
            )
        )
    return found


def _scored(table: ScoresTable, recipe: str, row: ElsewhereRow) -> list[dict[str, float]]:
    """The published number's counterpart of each cell of the recipe: language -> points."""
    return [
        {code: numbers[row.numbers] for code, numbers in cell.scores.items() if row.numbers in numbers}
        for cell in table.cells
        if cell.cell.recipe == recipe and cell.cell.target == row.target and cell.score is not None
    ]


def _means(cells: Sequence[Mapping[str, float]], codes: Sequence[str]) -> dict[str, float]:
    return {code: fmean(scores[code] for scores in cells) for code in codes}


def _best(
    table: ScoresTable, recipes: Sequence[str], row: ElsewhereRow, here: Mapping[str, float]
) -> tuple[str | None, list[dict[str, float]]]:
    """The recipe with the highest mean over the languages of `here`, and its cells; none where no mean is higher."""
    highest, best, found = fmean(here.values()), None, list[dict[str, float]]()
    for recipe in recipes:
        cells = _scored(table, recipe, row)
        if cells and all(here.keys() <= scores.keys() for scores in cells):
            mean = fmean(_means(cells, list(here)).values())
            if mean > highest:
                highest, best, found = mean, recipe, cells
    return best, found


def _order(published: Sequence[float], here: Sequence[float]) -> float | None:
    if len(here) < FEWEST_LANGUAGES or len(set(here)) == 1:
        return None
    from scipy.stats import spearmanr  # takes half a second to import

    return float(spearmanr(published, here).statistic)


def outside_section(found: Sequence[Outside]) -> str:
    """A table for each published row with what to make of it, or nothing where none stands beside this profile."""
    if not found:
        return ""
    parts = [
        "## A check from outside",
        f"The baseline `{BASELINE}` beside published scores of an encoder of the same size and kind, zero-shot from "
        "English. That encoder was fine-tuned on far more rows, so its scores are higher. What is lost on the way to "
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
            *([(f"after {one.best_recipe}, {_seeds(one.best_seeds)}", *_points(one.best))] if one.best_recipe else []),
        ],
        "l",
    )


def _points(scores: Mapping[str, float]) -> list[str]:
    return [f"{points:.1f}" for points in scores.values()]


def _said(one: Outside) -> str:
    published, here = one.lost
    rows = "all rows" if one.training_rows is None else f"{one.training_rows:,} rows"
    order = "" if one.order is None else f" Spearman's correlation of the other languages' scores is {one.order:+z.2f}."
    best = ""
    if one.best_recipe:
        best = (
            f" {one.best_recipe}, which stands there because it scores highest here, has the same encoder, code and "
            "target rows as the baseline: what keeps the baseline's scores down is none of these."
        )
    return (
        f"Published: {one.row.system}, fine-tuned on {one.row.trained} ({one.row.document}, {one.row.place}). Here: "
        f"{rows}. From English to the mean of the others {published:.1f} points are lost there and {here:.1f} here."
        f"{order}{best}"
    )


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"
