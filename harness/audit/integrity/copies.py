"""Level V0: is every seed a run of its own? Copied checkpoints, predictions and training curves, and near copies.

A seed enters the order of the batches and the new heads, so two trained cells never give the same curve or the same
answers to hundreds of rows. Equal ones were copied, and nothing is concluded from them. Near copies are named with
their figure: only a re-run can tell. Where no seed enters (the encoder as it is, on a target without training) equal
answers are right, and such cells are one draw.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from harness.project.errors import name_some
from harness.project.params import BASELINE
from harness.project.records import gunzip
from harness.project.results import Result

NEAR = 0.25
"""A near copy is a pair whose answers differ on a smaller share of rows than this part of what is usual. Honest pairs
of the laboratory's pinned results lie above 0.5."""
FEWEST_DIFFERENCES = 12
"""A pair is looked at where so many differing rows are to be expected."""
NEAR_CURVE = 0.05
"""The same for the mean distance of the training curves of two seeds. Honest pairs of the laboratory lie above 0.13."""
LOW = 10
"""What is usual is the share that so many-th part of the pairs lies below."""
FEWEST_POINTS = 3
"""Points of a training curve that is compared."""
FEWEST_DEV = 3
"""Targets whose dev scores must all be equal before two seeds are named for it."""
MOST_CELLS = 200
"""Cells of one target whose answers are compared pair by pair; of more, the first so many."""

Pair = tuple[Result, Result]


@dataclass
class Copies:
    """What was found."""

    problems: list[str] = field(default_factory=list)
    """Cells that are copies, in sentences that name both."""
    suspicious: list[str] = field(default_factory=list)
    """Cells that look like copies, with the figure and the command that tells."""
    notes: list[str] = field(default_factory=list)
    """Cells into which no seed enters."""


@dataclass(frozen=True)
class Answers:
    """One cell's answers, as numbers: equal ones are equal in all cells of its target."""

    rows: np.ndarray[Any, Any]
    """One number per row (per token, where these are tagged), or in no order where pairs are mined."""
    is_set: bool
    """Are these mined pairs, of which each cell may have another number?"""
    varied: float
    """Share of these whose answer is not the most common one of their language."""


def check_copies(
    results: Mapping[str, Result],
    groups: Mapping[str, str],
    where: Callable[[Result], Path],
    quick: bool = False,
) -> Copies:
    """Compare every pair of cells of a target, and the checkpoints of every pair of seeds and recipes.

    `groups`: target -> XTREME group; `where` gives the file of a cell's predictions, which need not be there. A quick
    look reads none of these files.
    """
    found, ran = Copies(), [one for one in results.values() if one.score is not None]
    _check_checkpoints(ran, found)
    by_target: dict[str, list[Result]] = {}
    for result in ran:
        by_target.setdefault(result.cell.target, []).append(result)
    for target, cells in by_target.items():
        seedless = [one for one in cells if _is_untrained(one) and _needs_no_training(one, groups.get(target))]
        _tell_one_draw(seedless, found)
        answers = {} if quick else _read_answers(cells[:MOST_CELLS], where)
        copied = _check_predictions(cells, seedless, answers, found)
        copied |= _check_curves(cells, found)
        pairs = [
            pair
            for pair in combinations(cells[:MOST_CELLS], 2)
            if not _may_be_equal(pair, seedless) and frozenset(_names(pair)) not in copied
        ]
        _look_at_answers(pairs, answers, found)
        _look_at_curves(pairs, found)
    _look_at_dev_scores(ran, found)
    return found


def _is_untrained(result: Result) -> bool:
    """Does the cell start from the encoder itself? Planted effects are put on top of what it predicts."""
    return result.cell.recipe == BASELINE or "planted" in result.inputs


def _needs_no_training(result: Result, group: str | None) -> bool:
    return group == "retrieval" or (group in (None, "none") and not result.curve and "steps" not in result.counts)


def _may_be_equal(pair: Pair, seedless: Sequence[Result]) -> bool:
    """No seed enters either cell, or both are the same training with an effect planted on top of one."""
    first, second = pair
    if all(any(one is other for other in seedless) for one in pair):
        return first.inputs.get("checkpoint") == second.inputs.get("checkpoint")
    return all(map(_is_untrained, pair)) and first.cell.seed == second.cell.seed


def _names(pair: Iterable[Result]) -> list[str]:
    return [result.cell.id for result in pair]


def _check_checkpoints(results: Sequence[Result], found: Copies) -> None:
    """Each recipe that trains has a checkpoint of its own at each seed; that of the others is the encoder."""
    owners: dict[str, Result] = {}
    said: set[tuple[str, int]] = set()
    for result in results:
        checkpoint, encoder = result.inputs.get("checkpoint"), result.inputs.get("encoder")
        who = (result.cell.recipe, result.cell.seed)
        if not checkpoint or who in said:
            continue
        if _is_untrained(result):
            if encoder and checkpoint != encoder:
                said.add(who)
                found.problems.append(
                    f"expected cell {result.cell.id} to start from the encoder itself (recipe {who[0]} trains nothing),"
                    f" found the checkpoint {checkpoint:.12}...; {_mend(result)}"
                )
            continue
        if checkpoint == encoder:
            said.add(who)
            found.problems.append(
                f"expected a trained checkpoint of recipe {who[0]} in cell {result.cell.id}, found the encoder itself;"
                f" {_mend(result)}"
            )
            continue
        owner = owners.setdefault(checkpoint, result)
        if (owner.cell.recipe, owner.cell.seed) != who:
            said.add(who)
            found.problems.append(_copied("checkpoints", (owner, result), checkpoint))


def _mend(result: Result) -> str:
    return f"delete the folder of cell {result.cell.id} and run `dvc repro`"


def _copied(what: str, pair: Pair, sha256: str = "") -> str:
    hashed = f" (sha256 {sha256:.12}...)" if sha256 else ""
    return (
        f"expected {what} of their own in cells {' and '.join(_names(pair))}, found the same in both{hashed}:"
        f" one is a copy; {_mend(pair[1])}"
    )


def _tell_one_draw(seedless: Sequence[Result], found: Copies) -> None:
    """That cells which are equal by right count once."""
    by_recipe: dict[tuple[str, str], list[Result]] = {}
    for result in seedless:
        by_recipe.setdefault((result.cell.recipe, result.cell.target), []).append(result)
    for (recipe, target), same in by_recipe.items():
        hashes = {one.predictions.sha256 for one in same if one.predictions}
        if len(same) > 1 and len(hashes) == 1:
            found.notes.append(f"recipe {recipe} on {target}: no seed enters, its {len(same)} cells are one draw")


def _read_answers(cells: Sequence[Result], where: Callable[[Result], Path]) -> dict[str, Answers]:
    """Cell -> its answers, of those whose predictions are there and can be read (re-scoring names the others)."""
    known: dict[Any, int] = {}
    answers = {}
    for result in cells:
        if result.predictions is None:
            continue
        try:
            content = json.loads(gunzip(where(result).read_bytes()))
            languages = {name: list(entry["predictions"]) for name, entry in sorted(content["languages"].items())}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        answers[result.cell.id] = _numbered(languages, known)
    return answers


def _numbered(languages: Mapping[str, Sequence[Any]], known: dict[Any, int]) -> Answers:
    rows: list[int] = []
    common, is_set = 0, False
    for language, predictions in languages.items():
        is_set = is_set or any(_is_pair(one) for one in predictions[:1])
        plain = [item for one in predictions for item in _items(one)]
        common += max(Counter(plain).values(), default=0)
        rows += [known.setdefault((language, one), len(known)) for one in plain]
    return Answers(np.array(rows, dtype=np.int64), is_set, 1 - common / len(rows) if rows else 0.0)


def _is_pair(prediction: Any) -> bool:
    """A mined pair: two identifiers and perhaps their score, which is another number in every run."""
    return isinstance(prediction, list) and len(prediction) == 3 and isinstance(prediction[2], float)


def _items(prediction: Any) -> list[Any]:
    """What is compared of the answer to one row: each of its tags, or the answer as a whole."""
    if isinstance(prediction, list) and prediction and all(isinstance(tag, str) for tag in prediction):
        return prediction
    whole = prediction[:2] if _is_pair(prediction) else prediction
    return [whole if isinstance(whole, str | int) else json.dumps(whole, sort_keys=True)]


def _check_predictions(
    cells: Sequence[Result], seedless: Sequence[Result], answers: Mapping[str, Answers], found: Copies
) -> set[frozenset[str]]:
    """The pairs of cells with the same file of predictions that can't have it by right."""
    by_hash: dict[str, list[Result]] = {}
    for result in cells:
        if result.predictions:
            by_hash.setdefault(result.predictions.sha256, []).append(result)
    copied: set[frozenset[str]] = set()
    for sha256, same in by_hash.items():
        pairs = [pair for pair in combinations(same, 2) if not _may_be_equal(pair, seedless)]
        pairs = [pair for pair in pairs if not all(_is_forced(one, answers) for one in pair)]
        if pairs:
            found.problems.append(_copied("predictions", pairs[0], sha256) + _and_more(pairs[1:]))
        copied |= {frozenset(_names(pair)) for pair in pairs}
    by_answers: dict[bytes, list[Result]] = {}
    for result in cells:  # written anew, the same answers have other bytes; of mined pairs the scores differ besides
        known = answers.get(result.cell.id)
        if known and not known.is_set and len(known.rows) and not _is_forced(result, answers):
            by_answers.setdefault(known.rows.tobytes(), []).append(result)
    for same in by_answers.values():
        pairs = [pair for pair in combinations(same, 2) if not _may_be_equal(pair, seedless)]
        pairs = [pair for pair in pairs if frozenset(_names(pair)) not in copied]
        if pairs:
            found.problems.append(_copied("answers", pairs[0]) + _and_more(pairs[1:]))
        copied |= {frozenset(_names(pair)) for pair in pairs}
    return copied


def _and_more(pairs: Sequence[Pair]) -> str:
    more = sorted({name for pair in pairs for name in _names(pair)})
    return f" (and so in {name_some(more)})" if more else ""


def _is_forced(result: Result, answers: Mapping[str, Answers]) -> bool:
    """Are equal answers no wonder: the same one to every row, or none that is wrong?"""
    known = answers.get(result.cell.id)
    constant = known.varied == 0 if known else result.status == "collapsed"
    return constant or (result.score is not None and result.score > 100 - 1e-9)


def _losses(result: Result) -> tuple[float, ...]:
    return tuple(point.loss for point in result.curve)


def _check_curves(cells: Sequence[Result], found: Copies) -> set[frozenset[str]]:
    """The pairs of cells whose training took the same course, point by point."""
    by_curve: dict[tuple[float, ...], list[Result]] = {}
    for result in cells:
        losses = _losses(result)
        if len(losses) >= FEWEST_POINTS and len(set(losses)) > 1:
            by_curve.setdefault(losses, []).append(result)
    copied: set[frozenset[str]] = set()
    for same in by_curve.values():
        pairs = [pair for pair in combinations(same, 2) if not _may_be_equal(pair, ())]
        if pairs:
            found.problems.append(_copied("training curves", pairs[0]) + _and_more(pairs[1:]))
        copied |= {frozenset(_names(pair)) for pair in pairs}
    return copied


def _look_at_answers(pairs: Sequence[Pair], answers: Mapping[str, Answers], found: Copies) -> None:
    """Pairs that differ on far fewer rows than the closest tenth of cells of other recipes and seeds does, and than
    their errors allow. Models that learnt little say alike by right.
    """
    pairs = [pair for pair in pairs if all(name in answers for name in _names(pair))]
    shares = [(pair, *_differing(*(answers[name] for name in _names(pair)))) for pair in pairs]
    apart = sorted(share for (one, two), share, _ in shares if _are_apart(one, two))
    apart = apart or sorted(share for _, share, _ in shares) or [0.0]
    usual, low = statistics.median(apart), apart[len(apart) // LOW]
    near = []
    for pair, share, rows in shares:
        errors = sum(1 - (one.score or 0.0) / 100 for one in pair)
        varied = min(answers[name].varied for name in _names(pair))
        expected = min(low, errors)
        learnt = not any(one.status == "collapsed" for one in pair)
        if learnt and varied > usual / 2 and expected * rows >= FEWEST_DIFFERENCES and share < NEAR * expected:
            near.append((pair, share))
    if near:
        pair, share = min(near, key=lambda item: item[1])
        found.suspicious.append(
            f"cells {' and '.join(_names(pair))} give other answers to {share:.1%} of the rows, where {usual:.1%} is"
            f" usual{_others(near)}; {_rerun(pair)}"
        )


def _are_apart(one: Result, two: Result) -> bool:
    return one.cell.recipe != two.cell.recipe and one.cell.seed != two.cell.seed


def _others(near: Sequence[tuple[Pair, float]]) -> str:
    return f" (the closest of {len(near)} such pairs)" if len(near) > 1 else ""


def _rerun(pair: Pair) -> str:
    cells = " ".join(f"--cell {name}" for name in _names(pair))
    return f"`harness verify {cells}` runs both again"


def _differing(one: Answers, two: Answers) -> tuple[float, int]:
    """The share of rows that two cells answer differently, and the number of rows."""
    if one.is_set or two.is_set or len(one.rows) != len(two.rows):
        together = len(np.union1d(one.rows, two.rows))
        shared = len(np.intersect1d(one.rows, two.rows))
        return (1 - shared / together if together else 0.0), together
    count = int(np.count_nonzero(one.rows != two.rows))
    return (count / len(one.rows) if len(one.rows) else 0.0), len(one.rows)


def _look_at_curves(pairs: Sequence[Pair], found: Copies) -> None:
    """Pairs whose curves lie far closer together than curves of other recipes and seeds do."""
    distances = []
    for pair in pairs:
        first, second = map(_losses, pair)
        if pair[0].cell.seed == pair[1].cell.seed:  # the same batches in the same order: close by right
            continue
        if len(first) == len(second) >= FEWEST_POINTS and not any(one.status == "collapsed" for one in pair):
            distances.append((pair, statistics.fmean(abs(a - b) for a, b in zip(first, second, strict=True))))
    apart = [distance for (one, two), distance in distances if _are_apart(one, two)]
    usual = statistics.median(apart or [distance for _, distance in distances] or [0.0])
    near = [(pair, distance) for pair, distance in distances if distance < NEAR_CURVE * usual]
    if near:
        pair, distance = min(near, key=lambda item: item[1])
        found.suspicious.append(
            f"the training curves of cells {' and '.join(_names(pair))} lie {distance:.6f} apart, where {usual:.4f} is"
            f" usual{_others(near)}; {_rerun(pair)}"
        )


def _look_at_dev_scores(results: Sequence[Result], found: Copies) -> None:
    """Two seeds of a recipe with equal dev scores on every target: by chance on one, not on all."""
    by_seed: dict[tuple[str, int], dict[str, Result]] = {}
    for result in results:
        if result.dev_scores and result.curve and result.status == "ok":
            by_seed.setdefault((result.cell.recipe, result.cell.seed), {})[result.cell.target] = result
    for (one, first), (two, second) in combinations(by_seed.items(), 2):
        shared = [target for target in first if target in second]
        if one == two or len(shared) < FEWEST_DEV:
            continue
        if all(first[target].dev_scores == second[target].dev_scores for target in shared):
            pair = (first[shared[0]], second[shared[0]])
            found.suspicious.append(
                f"recipe {one[0]} at seed {one[1]} and recipe {two[0]} at seed {two[1]} have equal dev scores on all"
                f" of {len(shared)} targets; {_rerun(pair)}"
            )
