"""What development sets say of claims that were published on them. Pure.

Several published gains are averages over development sets. Test scores are judged: no checkpoint was chosen by them,
and every target has test rows in all its languages, while a development set in all of them is the exception. Where
targets have one, the claim is judged once more with these in place of their test sets, and decided only if both agree
(harness.verify.verdicts.split). Rows that are there but whose scores are not shown leave it open: to withhold them must
not decide more than to show them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from harness.project.errors import HarnessError, name_some
from harness.project.results import Result
from harness.verify.claims.claim import Claim
from harness.verify.claims.evidence import Development
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.measurement import Measurement, Outcome
from harness.verify.measure.values import measure
from harness.verify.scores import CellScore, Scores, ScoresTable
from harness.verify.statistics.aggregate import aggregate, in_words
from harness.verify.statistics.design import STANDARD, Design

SOURCE_LANGUAGE = "en"
"""Of XTREME's targets; the laboratory has its own. Its development rows are those of what a target trains on (SQuAD's
for XQuAD and MLQA).
"""
SHARED = "its development rows are its test rows"
UNKNOWN = "not computed again here from predictions of development rows"


@dataclass(frozen=True)
class DevelopmentScores:
    """A table of scores, asked for its development sets."""

    scores: Scores
    """As the test scores, with the points of development sets in their place."""
    lacking: Mapping[str, str]
    """Targets without a development score that counts in every language that they are tested in -> what there is."""
    cells: Mapping[tuple[str, str, int], float] = field(default_factory=dict)
    """(recipe, target, seed) -> points, of every cell whose own development scores count: a claim asks for those that
    it needs, whatever the others of a target lack."""
    gaps: Mapping[tuple[str, str, int], str] = field(default_factory=dict)
    """The cells with a test score and no such development score -> what there is."""
    separate: frozenset[str] = frozenset()
    """Targets that have development rows in every language that they are tested in, which are not their test rows."""


def read_development(
    table: ScoresTable,
    results: Mapping[str, Result],
    scores: Scores,
    shared: Collection[str] = (),
    known: Collection[str] | None = None,
    having: Collection[str] = (),
) -> DevelopmentScores:
    """The development scores of the table's cells, by XTREME's rule; `results`: cell id -> its result.

    `shared`: targets whose development rows are test rows. `known`: cells whose development scores were computed again;
    None: the caller vouches for all. `having`: targets whose data has development rows in every language; so has one
    of which a cell states a score of each. A target counts as a whole or not at all: where one cell lacks what counts,
    the target is lacking.
    """
    by_pair: dict[tuple[str, str], dict[int, float]] = {}
    gaps: dict[tuple[str, str, int], str] = {}
    separate = set(having)
    for row in table.cells:
        target, key = row.cell.target, (row.cell.recipe, row.cell.target, row.cell.seed)
        if row.score is None:
            continue
        result = results.get(row.cell.id)
        stated = _stated(result) if result else {}
        try:
            found = table.score_of(target, {language: stated[language] for language in row.scores})
        except (KeyError, HarnessError):
            gaps[key] = _which(row, stated)
            continue
        separate.add(target)
        if target in shared:
            gaps[key] = SHARED
        elif known is not None and row.cell.id not in known:
            gaps[key] = UNKNOWN
        else:
            by_pair.setdefault((row.cell.recipe, target), {})[row.cell.seed] = found
    lacking: dict[str, str] = {}
    for (_, target, _), which in gaps.items():
        lacking.setdefault(target, which)
    complete = {pair: by_seed for pair, by_seed in by_pair.items() if pair[1] not in lacking}
    return DevelopmentScores(
        scores=replace(scores, by_pair=complete),
        lacking=lacking,
        cells={(*pair, seed): points for pair, by_seed in by_pair.items() for seed, points in by_seed.items()},
        gaps=gaps,
        separate=frozenset(separate.difference(shared)),
    )


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
    """What development sets say of the claim, beside `found` on test sets; None where that found nothing, or the
    source's number is not of development sets.
    """
    check = claim.measured
    if check is None or not found.values or claim.source.split != "development":
        return None
    needed = [
        (recipe, target, seed)
        for recipe in check.needed(found.recipes)
        for target in found.targets
        for seed in found.seeds
        if seed in scores.by_pair.get((recipe, target), {})
    ]
    gaps = {key: development.gaps.get(key, "none") for key in needed if key not in development.cells}
    lacking: dict[str, str] = {}
    for (_, target, _), which in gaps.items():
        lacking.setdefault(target, which)
    targets = [target for target in found.targets if target not in lacking]
    by_pair: dict[tuple[str, str], dict[int, float]] = {}
    for recipe, target, seed in needed:
        if target in targets:
            by_pair.setdefault((recipe, target), {})[seed] = development.cells[recipe, target, seed]
    developed = replace(scores, by_pair=by_pair)
    part = check.model_copy(update={"targets": targets})
    said = _in_place(claim, check, targets, scores, developed, design) if targets else None
    return Development(
        targets=targets,
        lacking=lacking,
        withheld=["-".join(map(str, key)) for key in gaps if key[1] in development.separate],
        gain=aggregate(measure(part, developed, design).values, design) if check.one_mean else None,
        on_test=aggregate(measure(part, scores, design).values, design) if check.one_mean else None,
        verdict=said.verdict if said else None,
        measured=said.measured if said else None,
        interval=said.interval if said else None,
    )


def _in_place(
    claim: Claim,
    check: Measured,
    targets: Collection[str],
    scores: Scores,
    developed: Scores,
    design: Design,
) -> Outcome:
    """What the rule gives with the development scores of these targets in place of their test scores.

    The published number is over all of the claim's targets, so its band holds for such a value and for no other.
    """
    tested = {pair: by_seed for pair, by_seed in scores.by_pair.items() if pair[1] not in targets}
    mixed = replace(scores, by_pair=tested | developed.by_pair)
    return check.outcome(measure(check, mixed, design), mixed, claim.source.n_claim, design)


def development_words(found: Development) -> str:
    """The same as a sentence."""
    kinds: dict[str, list[str]] = {}
    for target, which in found.lacking.items():
        kinds.setdefault(which, []).append(target)
    lacking = "; ".join(f"{', '.join(targets)}: {which}" for which, targets in kinds.items())
    if not found.targets:
        return f"nothing: no target has development scores that count in every language it is tested in ({lacking})"
    left_out = f" (left out: {lacking})" if lacking else ""
    gives = f"in place of these test sets the rule gives {found.verdict}{left_out}"
    if found.gain is None or found.on_test is None:
        return f"with the development sets of {', '.join(found.targets)} {gives}"
    gain = f"{in_words(found.gain)} on the development sets of {', '.join(found.targets)}"
    return f"{gain}, {in_words(found.on_test)} on the test sets of the same; {gives}"
