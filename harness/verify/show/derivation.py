"""From cells to verdict, step by step, with every number that is needed to compute it by hand.

Made from a claim, its verdict and the cells that its evidence names: what `harness verify --json` holds, in the order
in which one would compute it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from tabulate import tabulate

from harness.project.results import Cell
from harness.project.terminal import WIDTH, Column, paragraph, table_lines
from harness.verify.claims.claim import Claim
from harness.verify.claims.evidence import CellEvidence, Evidence
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.kinds.pieces import ScoreRow
from harness.verify.measure.development import development_words
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.anytime import anytime_interval, anytime_verdict
from harness.verify.statistics.intervals import CONFIDENCE, Interval
from harness.verify.verdicts.verdict import ClaimVerdict

LABEL = 11
"""Columns of a label."""

Values = Mapping[int, float]


def derivation(claim: Claim, verdict: ClaimVerdict, cells: Mapping[str, CellEvidence], width: int = WIDTH) -> str:
    """The derivation of one verdict as text of `width` columns, the verdict last; a fact of the data has its documents
    instead of numbers.
    """
    evidence, check = verdict.evidence, claim.measured
    used = {_key(cells[name].cell): cells[name] for name in evidence.cells}
    parts = [("claim", f'{claim.id}: "{claim.text}"'), ("rule", evidence.rule)]
    lines = _texts(parts, width)
    if check is not None and used:
        lines += [*_texts([("computed", f"{check.formula()}; points")], width), ""]
        lines += [*_scores(check, evidence, used, width), "", *_steps(check, claim, evidence, width)]
    elif check is None:
        lines += _texts([("expected", verdict.expected or "-"), ("found", verdict.found or "-")], width)
    lines += _texts([*(("because", reason) for reason in verdict.reasons), ("in words", evidence.sentence)], width)
    return "\n".join([*lines, *_texts([("verdict", verdict.verdict + _noted(verdict))], width)])


def _noted(verdict: ClaimVerdict) -> str:
    return f" ({verdict.note})" if verdict.note else ""


def _steps(check: Measured, claim: Claim, evidence: Evidence, width: int) -> list[str]:
    """From gains to what the rule gives, and what it gives otherwise: at other thresholds, whenever one looks, on
    development sets.
    """
    lines = _texts(check.arithmetic(evidence, claim.source.n_claim), width)
    lines += ["", *_sensitivity(evidence, width), ""] if evidence.sensitivity else []
    others = [("anytime", _anytime(evidence.every_seed, evidence.band))] if evidence.every_seed else []
    others += [("on dev", development_words(evidence.development))] if evidence.development else []
    return [*lines, *_texts(others, width)]


def _sensitivity(evidence: Evidence, width: int) -> list[str]:
    """What the rule gives at other thresholds and other shares than the registered ones, a line per threshold, or a
    line per threshold and share where there is no room for that.
    """
    found = evidence.sensitivity
    head = [
        (f"{row.threshold_points:+z.2f}", f"{row.above} of {row.of}", f"{row.not_above} of {row.of}") for row in found
    ]
    headers = ["gain over", "shown to", "shown not to"]
    rows = [[*first, *row.at_shares.values()] for first, row in zip(head, found, strict=True)]
    shown = _plain(rows, [*headers, *(f"{share:.0%} must" for share in found[0].at_shares)])
    if max(map(len, shown)) <= width:
        return shown
    below = [
        [*first, f"{share:.0%}", word]
        for first, row in zip(head, found, strict=True)
        for share, word in row.at_shares.items()
    ]
    return _plain(below, [*headers, "so many must", "gives"])


def _anytime(found: Values, band: tuple[float | None, float | None] | None) -> str:
    """The interval that holds whenever one looks, without a design, and where it lies; `found`: all seeds."""
    values = list(found.values())
    interval = anytime_interval(values)
    if interval is None or band is None:
        return "no interval yet that holds whenever one looks"
    low, high = (side if end is None else end for side, end in zip((-math.inf, math.inf), band, strict=True))
    where = anytime_verdict(values, Interval(low=low, high=high))
    ends = f"[{interval.low:+z.3f}, {interval.high:+z.3f}]"
    source = f"{100 * CONFIDENCE:.0f} %; Wang and Ramdas 2023"
    holds = f"holds whenever one looks, with no looks planned ({source})"
    return f"{ends} over all {len(values)} seeds {holds}; by it alone: {where}"


def _key(cell: Cell) -> tuple[str, str, int]:
    return cell.recipe, cell.target, cell.seed


def _texts(parts: Iterable[tuple[str, str]], width: int) -> list[str]:
    return [line for label, text in parts for line in paragraph(text, width, f"{label:<{LABEL}}")]


def _scores(
    check: Measured, evidence: Evidence, used: Mapping[tuple[str, str, int], CellEvidence], width: int
) -> list[str]:
    """Scores per target and seed of what is measured and of what it is compared with, their gains, and the means."""
    recipes, targets, seeds = (list(dict.fromkeys(part)) for part in zip(*used, strict=True))
    scores = {key: cell.score for key, cell in used.items()}
    rows = check.score_rows(recipes, targets, seeds, evidence)
    if check.rows_by_recipe:
        pairs = _pairs(rows, scores, seeds, ["recipe", "target"], [], width)
        return [*pairs, "", *_by_recipe(evidence, seeds, width)]
    choices = [*_choices(evidence, width), ""] if evidence.choices else []
    return [*choices, *_pairs(rows, scores, seeds, ["target"], _footer(evidence), width)]


def _footer(evidence: Evidence) -> list[tuple[str, Values]]:
    """The means over targets, each with the value of every seed."""
    over = "mean over the targets"
    both = [(over, evidence.overall), ("without retrieval", evidence.without_retrieval)]
    if evidence.own_baseline:
        both = [(over, evidence.own_baseline), *((f"{label}, over {evidence.baseline}", mean) for label, mean in both)]
    return [(label, mean.values) for label, mean in both if mean]


def _pairs(
    rows: Sequence[ScoreRow],
    scores: Mapping[tuple[str, str, int], float | None],
    seeds: Sequence[int],
    labels: list[str],
    footer: Sequence[tuple[str, Values]],
    width: int,
) -> list[str]:
    """One line per target: measured scores, compared scores, gains; seeds side by side, or one below the other where
    there is no room for that.
    """
    named = {recipe for row in rows for recipe in row.measured.values()}
    against = {row.compared for row in rows}
    words = [_only(named, "measured"), _only(against, "compared"), "gain"]
    lines = []
    for label, measured, target, compared, reported in rows:
        first = {seed: scores.get((recipe, target, seed)) for seed, recipe in measured.items()}
        second = {seed: scores.get((compared, target, seed)) for seed in seeds}
        for seed, points in (reported or {}).items():
            first[seed], second[seed] = points
        shown = [
            _number(first.get(seed)) + (f" {measured[seed]}" if len(labels) == 1 < len(named) else "")
            for seed in measured
        ]
        gains = [_gain(first.get(seed), second[seed]) for seed in seeds]
        lines.append([*label, *shown, *(_number(second[seed]) for seed in seeds), *gains])
    empty = [""] * (len(labels) - 1 + 2 * len(seeds))
    lines += [[label, *empty, *(_signed(values.get(seed)) for seed in seeds)] for label, values in footer]
    headers = [*labels, *(f"{word} {seed}" for word in words for seed in seeds)]
    shown = _plain(lines, headers)
    if max(map(len, shown)) <= width:
        return shown
    own, each = len(labels), len(seeds)
    below = [[*line[:own], str(seed), *line[own + place :: each]] for line in lines for place, seed in enumerate(seeds)]
    return _plain(below, [*labels, "seed", *words])


def _plain(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> list[str]:
    return tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True).splitlines()


def _only(names: set[str], several: str) -> str:
    return next(iter(names)) if len(names) == 1 else several


def _by_recipe(evidence: Evidence, seeds: Sequence[int], width: int) -> list[str]:
    """Each recipe's gain, averaged over the targets, seed by seed; and the mean over recipes, where that is judged."""
    means = list(evidence.by_recipe.items())
    both = (("mean over recipes", evidence.overall), ("without retrieval", evidence.without_retrieval))
    means += [(label, mean) for label, mean in both if mean]
    found = [mean for _, mean in means]
    gains = ["  ".join(_signed(mean.values.get(seed)) for seed in seeds) for mean in found]
    columns = [
        Column("mean over the targets", [label for label, _ in means], wraps=True),
        Column(f"gain at seeds {', '.join(map(str, seeds))}", gains, wraps=True),
        Column("mean", [_signed(mean.mean) for mean in found]),
        Column("s", [_number(mean.sd) for mean in found]),
        Column("c_n", [_number(mean.t) for mean in found]),
        Column("interval (adjusted for looks)", [_ends(mean) for mean in found], wraps=True),
    ]
    return table_lines(columns, width)


def _ends(found: Aggregate) -> str:
    return f"[{found.interval[0]:+z.3f}, {found.interval[1]:+z.3f}]" if found.interval else "-"


CHOSEN_BY = {"dev": "dev", "half": "half the items", "others": "gain elsewhere", "nothing": "nothing"}
"""What a target chose by, in a few words."""


def _choices(evidence: Evidence, width: int) -> list[str]:
    """What each target chose by at each seed, in points."""
    rows = [
        (target, choice, seed, by) for target, choice in evidence.choices.items() for seed, by in choice.means.items()
    ]
    means = [", ".join(f"{recipe} {_number(mean)}" for recipe, mean in by.items()) for *_, by in rows]
    columns = [
        Column("target", [target for target, *_ in rows]),
        Column("chosen by", [CHOSEN_BY[choice.by] for _, choice, *_ in rows], wraps=True),
        Column("seed", [str(seed) for _, _, seed, _ in rows]),
        Column("chosen", [choice.chosen[seed] for _, choice, seed, _ in rows]),
        Column("means of the candidates", means, wraps=True),
    ]
    return table_lines(columns, width)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+z.3f}"


def _gain(score: float | None, compared: float | None) -> str:
    return "-" if score is None or compared is None else _signed(score - compared)
