"""Choosing the best recipe for a target as a paper does: once, on rows that are not reported, at each seed anew. Pure.

Whoever publishes the best model per target trains each candidate once, chooses by development scores and reports the
chosen model on test. So each seed is one run of that procedure: its own development scores choose, its own test
scores are reported. Values of different seeds are then independent draws of the published kind of number, whatever
chance favours, and a t interval over seeds covers what the procedure gives on average. Choosing by the mean over seeds
would answer another question (harness.verify.statistics.simulation.choosing measures how often each errs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from harness.project.params import BASELINE
from harness.project.records import Record
from harness.verify.scores import Scores, best

By = Literal["dev", "half", "others", "nothing"]
"""What a target chooses by: `dev`, its development sets; `half`, half of its test items, the other half being reported;
`others`, it is left out of the choosing and takes the recipe that the other targets' choosing scores favour on average;
`nothing`, there are no others either."""


class Choice(Record):
    """What one target takes at each seed, and what is reported of that."""

    by: By
    """What it chooses by."""
    means: dict[int, dict[str, float]]
    """Seed -> candidate -> what it is chosen by, in points (`others`: the mean gain over none of the choosing ones)."""
    chosen: dict[int, str]
    """Seed -> the candidate with the highest; ties go to the first, and the baseline is the first."""
    reported: dict[int, tuple[float, float]]
    """Seed -> points of the chosen one and of none on the rows that are reported."""

    lacking: dict[str, list[int]] = Field(default_factory=dict)
    """Candidate -> seeds that don't count as it lacks what is chosen by, while another candidate has that."""

    @property
    def gains(self) -> dict[int, float]:
        """Seed -> the reported gain over none, in points."""
        return {seed: chosen - none for seed, (chosen, none) in self.reported.items()}


Reports = Mapping[str, Mapping[int, float]]
"""Candidate -> seed -> points."""
Means = dict[int, dict[str, float]]
"""Seed -> candidate -> points."""


def choose(scores: Scores, candidates: Sequence[str], targets: Sequence[str]) -> dict[str, Choice]:
    """Target -> its choice among `candidates`, the first of which is the baseline. Raises nothing.

    A seed counts for a target where every candidate has what is chosen by, so that none looks better for being there
    alone.
    """
    by = {target: _by(scores, candidates, target) for target in targets}
    chosen_by = {target: _choosing(scores, candidates, target, how) for target, how in by.items()}
    seen = {target: _shared(found, scores.seeds) for target, found in chosen_by.items() if found}
    favoured = _favoured(list(seen.values()), scores.seeds)
    found = {}
    for target, how in by.items():
        means = favoured if how == "others" else seen.get(target, {})
        chosen = {seed: best(values) for seed, values in means.items()}
        reports = _reports(scores, candidates, target, how)
        reported = {
            seed: (reports[recipe][seed], reports[BASELINE][seed])
            for seed, recipe in chosen.items()
            if seed in reports[recipe] and seed in reports[BASELINE]
        }
        how = how if means else "nothing"
        lacking = _lacking(chosen_by[target], scores.seeds)
        found[target] = Choice(by=how, means=means, chosen=chosen, reported=reported, lacking=lacking)
    return found


def _by(scores: Scores, candidates: Sequence[str], target: str) -> By:
    if any(scores.dev_by_pair.get((one, target)) for one in candidates):
        return "dev"
    return "half" if any((one, target) in scores.halves for one in candidates) else "others"


def _choosing(scores: Scores, candidates: Sequence[str], target: str, by: By) -> Reports:
    """Candidate -> seed -> the points that choose."""
    if by == "dev":
        return {one: scores.dev_by_pair.get((one, target), {}) for one in candidates}
    if by == "half":
        return {one: {s: a for s, (a, _) in scores.halves.get((one, target), {}).items()} for one in candidates}
    return {}


def _reports(scores: Scores, candidates: Sequence[str], target: str, by: By) -> Reports:
    """Candidate -> seed -> the points that are reported."""
    if by == "half":
        return {one: {s: b for s, (_, b) in scores.halves.get((one, target), {}).items()} for one in candidates}
    return {one: scores.by_pair.get((one, target), {}) for one in candidates}


def _shared(points: Reports, seeds: Sequence[int]) -> Means:
    """Seed -> candidate -> points, for the seeds that every candidate has."""
    return {
        seed: {one: by_seed[seed] for one, by_seed in points.items()}
        for seed in seeds
        if all(seed in by_seed for by_seed in points.values())
    }


def _lacking(points: Reports, seeds: Sequence[int]) -> dict[str, list[int]]:
    """Candidate -> seeds at which another one has points and it has none."""
    there = [seed for seed in seeds if any(seed in by_seed for by_seed in points.values())]
    found = {one: [seed for seed in there if seed not in by_seed] for one, by_seed in points.items()}
    return {one: missing for one, missing in found.items() if missing}


def _favoured(targets: Sequence[Means], seeds: Sequence[int]) -> Means:
    """Seed -> candidate -> its mean gain over none in what chooses, over the targets that choose at that seed."""
    found = {}
    for seed in seeds:
        there = [target[seed] for target in targets if seed in target]
        if there and len(there) == len(targets):
            found[seed] = {one: fmean(points[one] - points[BASELINE] for points in there) for one in there[0]}
    return found
