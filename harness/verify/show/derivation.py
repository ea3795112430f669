"""From cells to verdict, step by step, with every number that is needed to compute it by hand.

Made from a claim, its verdict and the cells that its evidence names: what `harness verify --json` holds, in the order
in which one would compute it.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from tabulate import tabulate

from harness.project.results import Cell
from harness.verify.claims.claim import Claim
from harness.verify.claims.evidence import CellEvidence, Evidence
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.kinds.pieces import ScoreRow
from harness.verify.measure.development import development_words
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.anytime import anytime_interval, anytime_verdict
from harness.verify.statistics.intervals import CONFIDENCE, Interval
from harness.verify.verdicts.verdict import ClaimVerdict

WIDTH = 150
"""Columns of running text."""
LABEL = 11
"""Columns of a label."""
DIGITS = 12
"""So many digits of a sha256 are shown; `--json` has them all."""

Values = Mapping[int, float]


def derivation(claim: Claim, verdict: ClaimVerdict, cells: Mapping[str, CellEvidence]) -> str:
    """The derivation of one verdict as text; a fact of the data has its documents instead of numbers."""
    evidence, check = verdict.evidence, claim.measured
    used = {_key(cells[name].cell): cells[name] for name in evidence.cells}
    lines = [*_text("claim", f'{claim.id}: "{claim.text}"'), *_text("rule", evidence.rule)]
    if check is not None and used:
        lines += [*_text("computed", f"{check.formula()}; points"), "", *_scores(check, evidence, used), ""]
        steps = check.arithmetic(evidence, claim.source.n_claim)
        lines += [line for label, text in steps for line in _text(label, text)]
        if evidence.sensitivity:
            lines += ["", *_sensitivity(evidence), ""]
        if evidence.every_seed:
            lines += _text("anytime", _anytime(evidence.every_seed, evidence.band))
        if evidence.development:
            lines += _text("on dev", development_words(evidence.development))
    elif check is None:
        lines += _text("expected", verdict.expected or "-") + _text("found", verdict.found or "-")
    lines += _text("verdict", verdict.verdict + (f" ({verdict.note})" if verdict.note else ""))
    lines += [line for reason in verdict.reasons for line in _text("because", reason)]
    lines += _text("in words", evidence.sentence)
    return "\n".join([*lines, *(["", *_hashes(used.values())] if used else [])])


def _sensitivity(evidence: Evidence) -> list[str]:
    """What the rule gives at other thresholds and other shares than the registered ones, a line per threshold."""
    shares = list(evidence.sensitivity[0].at_shares)
    rows = [
        [
            f"{row.threshold_points:+.2f}",
            f"{row.above} of {row.of}",
            f"{row.not_above} of {row.of}",
            *row.at_shares.values(),
        ]
        for row in evidence.sensitivity
    ]
    headers = ["gain over", "shown to", "shown not to", *(f"{share:.0%} must" for share in shares)]
    return tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True).splitlines()


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


def _text(label: str, text: str) -> list[str]:
    head = f"{label:<{LABEL}}"
    return textwrap.wrap(head + text, WIDTH, subsequent_indent=" " * LABEL, break_on_hyphens=False)


def _scores(check: Measured, evidence: Evidence, used: Mapping[tuple[str, str, int], CellEvidence]) -> list[str]:
    """Scores per target and seed of what is measured and of what it is compared with, their gains, and the means."""
    recipes, targets, seeds = (list(dict.fromkeys(part)) for part in zip(*used, strict=True))
    scores = {key: cell.score for key, cell in used.items()}
    rows = check.score_rows(recipes, targets, seeds, evidence)
    if check.rows_by_recipe:
        return [*_pairs(rows, scores, seeds, ["recipe", "target"], []), "", *_by_recipe(evidence, seeds)]
    choices = [*_choices(evidence), ""] if evidence.choices else []
    return [*choices, *_pairs(rows, scores, seeds, ["target"], _footer(evidence))]


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
) -> list[str]:
    """One line per target: measured scores, compared scores, gains; seeds side by side."""
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
    return tabulate(lines, headers=headers, tablefmt="plain", disable_numparse=True).splitlines()


def _only(names: set[str], several: str) -> str:
    return next(iter(names)) if len(names) == 1 else several


def _by_recipe(evidence: Evidence, seeds: Sequence[int]) -> list[str]:
    """Each recipe's gain, averaged over the targets, seed by seed; and the mean over recipes, where that is judged."""
    rows = [[recipe, *_per_seed(mean, seeds)] for recipe, mean in evidence.by_recipe.items()]
    both = (("mean over recipes", evidence.overall), ("without retrieval", evidence.without_retrieval))
    rows += [[label, *_per_seed(mean, seeds)] for label, mean in both if mean]
    headers = [
        "mean over the targets",
        *(f"gain {seed}" for seed in seeds),
        "mean",
        "s",
        "c_n",
        "interval (adjusted for looks)",
    ]
    return tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True).splitlines()


def _per_seed(found: Aggregate, seeds: Sequence[int]) -> list[str]:
    ends = f"[{found.interval[0]:+z.3f}, {found.interval[1]:+z.3f}]" if found.interval else "-"
    gains = [_signed(found.values.get(seed)) for seed in seeds]
    return [*gains, _signed(found.mean), _number(found.sd), _number(found.t), ends]


CHOSEN_BY = {"dev": "dev", "half": "half the items", "others": "gain elsewhere", "nothing": "nothing"}
"""What a target chose by, in a few words."""


def _choices(evidence: Evidence) -> list[str]:
    """What each target chose by at each seed, in points."""
    means = [by for choice in evidence.choices.values() for by in choice.means.values()]
    candidates = list(dict.fromkeys(recipe for by in means for recipe in by))
    rows = [
        [
            target,
            CHOSEN_BY[choice.by],
            str(seed),
            *(_number(by.get(recipe)) for recipe in candidates),
            choice.chosen[seed],
        ]
        for target, choice in evidence.choices.items()
        for seed, by in choice.means.items()
    ]
    headers = ["target", "chosen by", "seed", *candidates, "chosen"]
    return tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True).splitlines()


def _hashes(cells: Iterable[CellEvidence]) -> list[str]:
    """The cells, with the sha256 of predictions and inputs."""
    cells = list(cells)
    names = list(dict.fromkeys(name for cell in cells for name in cell.inputs))
    rows = [
        [
            cell.cell.id,
            cell.status,
            *(f"{sha256 or '-':.{DIGITS}}" for sha256 in (cell.predictions_sha256, *map(cell.inputs.get, names))),
        ]
        for cell in cells
    ]
    headers = ["cell", "status", "predictions", *names]
    head = f"cells and the first {DIGITS} digits of their sha256 (`--json` has all of them)"
    return [head, *tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True).splitlines()]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+z.3f}"


def _gain(score: float | None, compared: float | None) -> str:
    return "-" if score is None or compared is None else _signed(score - compared)
