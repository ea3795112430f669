"""Level V1 by running again: does a cell repeat what is recorded of it? Pure; harness.audit.rerun runs it.

The same inputs on the same kind of machine with the same packages give the same bytes, so nothing else counts as
repeated there. On other hardware, or from another checkpoint, sums come in another order: there the score may differ
by the tolerance of level V2.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Literal

from harness.audit.integrity.findings import SCORE_TOLERANCE
from harness.audit.repeat.redraw import Again, CellFound, Limits
from harness.project.records import Record
from harness.project.results import Cell, Result

MACHINE = ("machine", "python", "packages", "device", "threads", "image_digest")
"""Parts of a result's provenance that predictions may depend on; where they agree, predictions repeat exactly."""
NO_ROW = "(no row)"
"""Stands for a prediction that only one of the two files has."""

Outcome = Literal["repeated exactly", "within tolerance", "left open", "different"]
Predictions = Mapping[str, Sequence[Any]]
"""language -> one prediction per row, in the order of the test file (mining: the mined pairs)."""


class LanguageDifference(Record):
    """Where the predictions or scores of one language differ."""

    language: str
    """The language."""
    rows: int
    """Its rows; of the longer file where the two are not equally long."""
    differing: int | None
    """Rows with another prediction; null where only the hash of the recorded predictions is kept."""
    first_row: int | None
    """The first of them, counted from 1; null where only the scores differ, or only the hash is kept."""
    recorded: Any
    """What is recorded as the prediction of that row."""
    again: Any
    """What the re-run predicts for it."""
    scores: dict[str, tuple[float | None, float | None]]
    """Metric -> points recorded, points of the re-run; only metrics that differ."""


class RerunCell(Record):
    """What is recorded of one cell beside what running it again gave."""

    cell: Cell
    """Which cell."""
    outcome: Outcome
    """How they compare."""
    reason: str
    """Why it is not `repeated exactly`, in words; empty if it is."""
    score: float
    """The recorded score, in points."""
    score_again: float | None
    """That of the re-run; null where it came out without one."""
    predictions_sha256: str | None
    """Of the recorded predictions file."""
    predictions_sha256_again: str | None
    """Of the re-run's; null where it came out without one."""
    tolerance_points: float | None
    """How far the two scores may differ where the machine or an input is another (level V2); null: the seeds of its
    pair show no spread."""
    made_otherwise: list[str]
    """Inputs and parts of the machine that are not the same in the two; empty: predictions have to repeat exactly."""
    languages: list[LanguageDifference]
    """The languages in which they differ, in the file's order."""
    rows_kept: bool = True
    """Are the recorded predictions kept? Else their hash decides, and which rows differ can't be said."""
    elapsed_s: float
    """Wall time of the re-run in seconds, imports excluded."""
    kept: str | None = None
    """Folder of the re-run, kept because it is different."""

    @property
    def repeats(self) -> bool:
        """The cell repeats what is recorded of it, byte by byte or within the tolerance of another machine."""
        return self.outcome in ("repeated exactly", "within tolerance")


class Rerun(Record):
    """Level V1 on cells drawn at random, or named."""

    seed: int | None
    """Seed of the draw: with the same results, the same number and seed draw the same cells; null: they were named."""
    candidates: int
    """Cells with a score, from which they were drawn."""
    cells: list[RerunCell]
    """Those that were drawn, in the grid's order."""

    @property
    def ok(self) -> bool:
        """No cell is different."""
        return all(one.outcome != "different" for one in self.cells)

    @property
    def is_open(self) -> bool:
        """There is a cell that the tolerance can't decide on."""
        return any(one.outcome == "left open" for one in self.cells)


def pick(cells: Sequence[Cell], count: int, seed: int) -> list[Cell]:
    """`count` of `cells` at random without repetition, in their own order; all where there are no more."""
    places = random.Random(seed).sample(range(len(cells)), min(count, len(cells)))
    return [cells[place] for place in sorted(places)]


def compare_rerun(
    recorded: Result,
    again: Result,
    differing: list[LanguageDifference],
    limits: Limits,
    rows_kept: bool = True,
) -> RerunCell:
    """The outcome of one cell from both results and the languages in which they differ; `limits`: those of its score
    where the machine or an input is another.
    """
    assert recorded.score is not None
    otherwise = made_otherwise(recorded, again)
    hashes = [result.predictions.sha256 if result.predictions else None for result in (recorded, again)]
    same_bytes, score = hashes[0] == hashes[1], again.score
    difference = None if score is None else score - recorded.score
    outcome: Outcome
    if difference is None:
        outcome, reason = "different", f"the re-run has no score ({again.status}: {'; '.join(again.reasons)})"
    elif same_bytes and not differing and abs(difference) <= SCORE_TOLERANCE:
        outcome, reason = "repeated exactly", ""
    elif same_bytes:
        outcome, reason = "different", "the predictions are the same, but the recorded scores don't follow from them"
    elif not otherwise:
        outcome = "different"
        reason = (
            f"{difference:+z.2f} points; on the same kind of machine, packages and inputs predictions repeat exactly"
        )
    else:
        outcome, held = _held(
            CellFound(_again(recorded, recorded.score + difference), limits), "encoder" not in otherwise
        )
        reason = f"{difference:+z.2f} points, {held}; not the same in both: {', '.join(otherwise)}"
    return RerunCell(
        cell=recorded.cell,
        outcome=outcome,
        reason=reason,
        score=recorded.score,
        score_again=score,
        predictions_sha256=hashes[0],
        predictions_sha256_again=hashes[1],
        tolerance_points=limits.tolerance,
        made_otherwise=otherwise,
        languages=differing,
        rows_kept=rows_kept,
        elapsed_s=again.elapsed_s,
    )


def _again(recorded: Result, score: float) -> Again:
    cell = recorded.cell
    return Again(cell.id, (cell.recipe, cell.target), score, recorded.score or 0.0)


def _held(found: CellFound, same_encoder: bool) -> tuple[Outcome, str]:
    """The outcome of a cell that was made otherwise, and what it is held to, in words."""
    tolerance = found.limits.tolerance
    if found.sank:
        why = "half the way or more to a constant answer, where all seeds give the same"
        return ("different" if same_encoder else "left open"), why
    if tolerance is None:
        return ("left open" if found.unheld else "within tolerance"), "no spread over seeds to hold that to"
    if found.beyond:
        return "different", f"tolerance {tolerance:.2f}"
    if found.fell:
        return "left open", f"tolerance {tolerance:.2f}, but half the way to a constant answer"
    return "within tolerance", f"tolerance {tolerance:.2f}"


def made_otherwise(recorded: Result, again: Result) -> list[str]:
    """Names of the inputs and parts of the machine that are not the same in both."""
    inputs = sorted(_unequal(recorded.inputs, again.inputs, {**recorded.inputs, **again.inputs}))
    return [*inputs, *_unequal(recorded.provenance, again.provenance, MACHINE)]


def _unequal(first: Mapping[str, Any], second: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    return [name for name in names if first.get(name) != second.get(name)]


def differing_languages(
    recorded: Result, again: Result, predicted: Predictions | None, predicted_again: Predictions
) -> list[LanguageDifference]:
    """The languages whose predictions or scores differ, each with its first differing row; where the recorded
    predictions are not kept (None), those whose scores do.
    """
    names = dict.fromkeys((*(predicted or {}), *predicted_again, *recorded.scores, *again.scores))
    found = [
        _language(
            name,
            None if predicted is None else predicted.get(name, ()),
            predicted_again.get(name, ()),
            _differing_scores(recorded.scores.get(name, {}), again.scores.get(name, {})),
        )
        for name in names
    ]
    return [language for language in found if language.differing or language.scores]


def _language(
    name: str,
    recorded: Sequence[Any] | None,
    again: Sequence[Any],
    scores: dict[str, tuple[float | None, float | None]],
) -> LanguageDifference:
    rows = list(zip_longest(again if recorded is None else recorded, again, fillvalue=NO_ROW))
    places = [place for place, (old, new) in enumerate(rows) if old != new]
    old, new = rows[places[0]] if places else (None, None)
    return LanguageDifference(
        language=name,
        rows=len(rows),
        differing=None if recorded is None else len(places),
        first_row=places[0] + 1 if places else None,
        recorded=old,
        again=new,
        scores=scores,
    )


def _differing_scores(
    recorded: Mapping[str, float], again: Mapping[str, float]
) -> dict[str, tuple[float | None, float | None]]:
    pairs = {name: (recorded.get(name), again.get(name)) for name in {**recorded, **again}}
    return {
        name: (old, new)
        for name, (old, new) in pairs.items()
        if old is None or new is None or abs(new - old) > SCORE_TOLERANCE
    }
