"""What is concluded about a claim on given scores, and all of them together."""

from __future__ import annotations

import html
from typing import Literal

from pydantic import Field

from harness.project.records import Record
from harness.verify.given.claim import GivenClaim
from harness.verify.show.table import SYMBOLS
from harness.verify.statistics.design import Design
from harness.verify.statistics.intervals import Direction, Verdict

Pairing = Literal["paired by seed", "not paired (Welch)"]


class SeedScores(Record):
    """Scores of a method and its baseline on one task, seed by seed."""

    method: str
    """The method."""
    task: str
    """The task."""
    measured: dict[str, float]
    """Seed -> the method's points."""
    compared: dict[str, float]
    """Seed -> the baseline's points."""


class Chance(Record):
    """One reason why a gain varies, or both together."""

    population: str
    """Which runs and rows its interval speaks of, in words."""
    error: float
    """Standard error of the mean gain in points."""
    freedom: float
    """Degrees of freedom of that estimate."""
    interval: tuple[float, float]
    """Of the mean gain in points: adjusted for the looks of the design; of rows alone at 90 % below its first look."""


class ItemEvidence(Record):
    """What results per item say beyond scores: how far the gain moves with the rows of the test sets."""

    n_items: int
    """Items; translations of one are one."""
    how: str
    """How the variance over rows was found, in words."""
    rows: Chance
    """Other rows with these models."""
    seeds: Chance | None = None
    """Other seeds on these rows; null below the design's first look."""
    both: Chance | None = None
    """Other seeds and other rows, which decides; likewise."""
    models: str | None = None
    """Of one run each: what is known of these two models, which says nothing of the methods."""
    mcnemar_p: float | None = None
    """p value of McNemar's exact test of these two models, where items are right or wrong."""


class GivenVerdict(Record):
    """What is concluded about one claim."""

    claim: GivenClaim
    """The claim."""
    verdict: Verdict
    """The verdict."""
    expected: str
    """What is expected, in points."""
    method: str
    """What was measured."""
    baseline: str
    """What it was compared with."""
    tasks: list[str]
    """The tasks that the gain is averaged over."""
    measured: float | None
    """The mean gain in points; of a claim that counts, the share from 0 to 1; null where nothing is measured."""
    interval: tuple[float, float] | None
    """Its interval, adjusted for the looks of the design, which decides; of a claim that counts, of the share."""
    plain_interval: tuple[float, float] | None
    """The 90 % interval of a single look, which doesn't decide."""
    direction: Direction | None
    """Is the gain above or below zero, at 95 %?"""
    n_seeds: int
    """Seeds that count."""
    seeds: list[str]
    """Which."""
    pairing: Pairing
    """How the method's scores are compared with the baseline's."""
    power: float | None = None
    """How likely REPRODUCED is at so many seeds where the claim is true to the point and the spread is as measured,
    from 0 to 1; null where the claim names no amount."""
    reach: float | None = None
    """Half of the interval's width in points: so far from an edge of the band a mean must lie to be decided."""
    seeds_needed: int | None = None
    """If inconclusive: the next look that would decide with probability 80 %, mean and spread staying as they are."""
    p_value: float | None = None
    """p value of "the claim holds", of this claim alone, adjusted for the looks."""
    p_adjusted: float | None = None
    """The same by Holm's step-down over all claims that are judged together."""
    values: dict[str, float] = Field(default_factory=dict)
    """Seed -> gain in points, where scores are paired."""
    scores: list[SeedScores] = Field(default_factory=list)
    """What the gain is made of."""
    items: ItemEvidence | None = None
    """What the items say, where a row is one; null for scores, and for a claim that counts."""
    reasons: list[str] = Field(default_factory=list)
    """In sentences: why this verdict, and what was taken for unknown things."""
    doubts: list[str] = Field(default_factory=list)
    """In sentences: what of the scores or the claim asks for an explanation. It doesn't decide."""
    steps: list[tuple[str, str]] = Field(default_factory=list)
    """How the verdict follows, a label and a line each."""

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        return f"{self.verdict}: {self.found_in_words}, claimed {self.expected}"

    @property
    def found_in_words(self) -> str:
        """What was measured, in one line."""
        if self.measured is None:
            return f"the gain of {self.method} over {self.baseline} can't be measured"
        if self.claim.expected.kind == "count":
            above = self.claim.expected.points
            k = f"{round(self.measured * self.claim.expected.of)} of {self.claim.expected.of}"
            return f"{k} gain more than {above:+z.6g} over {self.baseline} on average"
        ends = f" [{self.interval[0]:+z.2f}, {self.interval[1]:+z.2f}]" if self.interval else ""
        seeds = f"{self.n_seeds} seed{'s' if self.n_seeds != 1 else ''}"
        over = f", mean of {len(self.tasks)} tasks" if len(self.tasks) > 1 else ""
        return f"{self.method} gains {self.measured:+z.2f}{ends} over {self.baseline}{over}, at {seeds}"


class GivenVerdicts(Record):
    """All claims that are judged together, and what they are judged by."""

    claims: list[GivenVerdict]
    """One per claim, in their order."""
    source: str
    """What was read."""
    unit: Literal["points", "fraction"]
    """What the source's scores were in; everything here is in points."""
    columns: dict[str, str]
    """What is what in the source -> its column."""
    split: str | None
    """The split; null where the source doesn't say."""
    metric: str | None
    """The metric; likewise."""
    design: Design
    """Which seeds count, and the looks at them."""
    remarks: list[str]
    """What a reader must know of the source."""
    known: dict[str, str]
    """What the source says of where its results come from."""
    unknown: dict[str, str]
    """What it doesn't say -> what was taken instead."""
    doubts: list[str] = Field(default_factory=list)
    """In sentences: what of all the scores asks for an explanation."""

    @property
    def is_doubtful(self) -> bool:
        """Had something to be taken for granted, or does it ask for an explanation?"""
        return bool(self.unknown or self.doubts or any(claim.doubts for claim in self.claims))

    @property
    def exit_code(self) -> int:
        """1 where a claim is not reproduced, else 2 where one is undecided, else 0."""
        words = {claim.verdict for claim in self.claims}
        return 1 if "NOT_REPRODUCED" in words else 0 if words == {"REPRODUCED"} else 2

    def __str__(self) -> str:
        """A line per claim (its name, its verdict, what was measured and what is claimed), and one per doubt."""
        claims = [f"{one.claim.id}: {one.sentence}" for one in self.claims]
        return "\n".join([*claims, *(f"doubt: {doubt}" for doubt in self.every_doubt)])

    @property
    def every_doubt(self) -> list[str]:
        """All doubts, each once."""
        return list(dict.fromkeys([*(doubt for claim in self.claims for doubt in claim.doubts), *self.doubts]))

    def _repr_html_(self) -> str:
        """A table for notebooks, light or dark: it sets no colour, and each verdict has its word and a sign."""
        head = "".join(f"<th {LEFT}>{name}</th>" for name in HEADINGS)
        rows = "".join(
            f"<tr>{''.join(f'<td {LEFT}>{html.escape(cell)}</td>' for cell in _cells(one))}</tr>" for one in self.claims
        )
        said = "; ".join(["evidence: scores only; whoever gave them vouches for them", *self.every_doubt])
        below = html.escape(f"{self.source}; {said}")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><small>{below}</small>"


HEADINGS = ("verdict", "claim", "claimed", "measured", "interval", "compared", "seeds")
LEFT = 'style="text-align:left;overflow-wrap:anywhere"'


def _cells(one: GivenVerdict) -> list[str]:
    is_count = one.claim.expected.kind == "count"

    def shown(value: float) -> str:
        return f"{value:.0%}" if is_count else f"{value:+z.2f}"

    interval = f"[{shown(one.interval[0])}, {shown(one.interval[1])}]" if one.interval else "-"
    measured = "-" if one.measured is None else shown(one.measured)
    verdict = f"{SYMBOLS[one.verdict]} {one.verdict}"
    compared = f"{one.method} with {one.baseline}, {one.pairing}"
    return [verdict, one.claim.says, one.expected, measured, interval, compared, str(one.n_seeds)]
