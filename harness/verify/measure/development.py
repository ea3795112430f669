"""The gain on development sets, beside the gain on test sets that is judged. Pure.

Several published gains are averages over development sets. Test scores are judged all the same: no checkpoint was
chosen by them, and every target has test rows in all its languages, while a development set in all of them is the
exception. Where a target has one, its gain there is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.project.errors import HarnessError, name_some
from harness.project.results import Result
from harness.verify.claims.claim import Claim
from harness.verify.claims.evidence import Development
from harness.verify.claims.measurement import Measurement
from harness.verify.measure.values import measure
from harness.verify.scores import CellScore, Scores, ScoresTable
from harness.verify.statistics.aggregate import aggregate, in_words
from harness.verify.statistics.design import STANDARD, Design

SOURCE_LANGUAGE = "en"
"""Of XTREME's targets; the laboratory has its own. Its development rows are those of what a target trains on (SQuAD's
for XQuAD and MLQA).
"""
UNJUDGED = "it decides nothing"


@dataclass(frozen=True)
class DevelopmentScores:
    """A table of scores, asked for its development sets."""

    scores: Scores
    """As the test scores, with the points of development sets in their place."""
    lacking: Mapping[str, str]
    """Targets without a development score in some language that they are tested in -> which there are, in words."""


def read_development(table: ScoresTable, results: Mapping[str, Result], scores: Scores) -> DevelopmentScores:
    """The development scores of the table's cells, by XTREME's rule; `results`: cell id -> its result."""
    by_pair: dict[tuple[str, str], dict[int, float]] = {}
    lacking: dict[str, str] = {}
    for row in table.cells:
        if row.score is None or row.cell.target in lacking:
            continue
        result = results.get(row.cell.id)
        stated = _stated(result) if result else {}
        try:
            found = table.score_of(row.cell.target, {language: stated[language] for language in row.scores})
        except (KeyError, HarnessError):
            lacking[row.cell.target] = _which(row, stated)
            continue
        by_pair.setdefault((row.cell.recipe, row.cell.target), {})[row.cell.seed] = found
    complete = {pair: by_seed for pair, by_seed in by_pair.items() if pair[1] not in lacking}
    return DevelopmentScores(replace(scores, by_pair=complete), lacking)


def _stated(result: Result) -> dict[str, dict[str, float]]:
    """Language -> metrics on its development set."""
    source = {SOURCE_LANGUAGE: result.dev_scores} if result.dev_scores else {}
    return source | result.dev_by_language


def _which(row: CellScore, stated: Mapping[str, object]) -> str:
    if not stated:
        return "none"
    missing = [language for language in row.scores if language not in stated]
    return "the source language's alone" if set(stated) == {SOURCE_LANGUAGE} else f"none in {name_some(missing)}"


def development_of(
    claim: Claim, found: Measurement, scores: Scores, development: DevelopmentScores, design: Design = STANDARD
) -> Development | None:
    """The claim's aggregate on development sets, beside `found` on test sets; None where that found nothing, the
    source's number is not of development sets, or is no mean gain.
    """
    check = claim.measured
    if check is None or not check.on_development or not found.values or claim.source.split != "development":
        return None
    targets = [target for target in found.targets if target not in development.lacking]
    part = check.model_copy(update={"targets": targets})
    return Development(
        targets=targets,
        lacking={target: development.lacking[target] for target in found.targets if target not in targets},
        gain=aggregate(measure(part, development.scores, design).values, design),
        on_test=aggregate(measure(part, scores, design).values, design),
    )


def development_words(found: Development) -> str:
    """The same as a sentence."""
    kinds: dict[str, list[str]] = {}
    for target, which in found.lacking.items():
        kinds.setdefault(which, []).append(target)
    lacking = "; ".join(f"{', '.join(targets)}: {which}" for which, targets in kinds.items())
    if found.gain is None or found.on_test is None:
        return f"no gain to show: no target has development scores in every language it is tested in ({lacking})"
    left_out = f" (left out: {lacking})" if lacking else ""
    gain = f"{in_words(found.gain)} on the development sets of {', '.join(found.targets)}"
    return f"{gain}{left_out}, {in_words(found.on_test)} on the test sets of the same; {UNJUDGED}"
