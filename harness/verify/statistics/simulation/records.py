"""What is measured: rows of counts."""

from __future__ import annotations

from typing import Literal

from harness.project.records import Record
from harness.verify.statistics.simulation.rules import upper_bound

Condition = Literal[
    "sound", "collapses seen", "collapses not seen", "skewed up", "skewed down", "heavy tails", "noisy published number"
]
CONDITIONS: dict[Condition, str] = {
    "sound": "nothing goes wrong",
    "collapses seen": "1 % of cells lose 35 points, with status `collapsed`",
    "collapses not seen": "1 % of cells lose 35 points, with status `ok`",
    "skewed up": "exponential, long tail upwards",
    "skewed down": "exponential, long tail downwards",
    "heavy tails": "Student's t with 3 degrees of freedom",
    "noisy published number": "the published number is itself the gain of one run with the same spread",
}
Decided = Literal["REPRODUCED", "NOT_REPRODUCED"]
VERDICTS: tuple[Decided, ...] = ("REPRODUCED", "NOT_REPRODUCED")


class Counts(Record):
    """Verdicts of one rule on the same studies."""

    reproduced: list[int]
    """Studies that are REPRODUCED at each look, and at last when stopping at the first decided verdict."""
    not_reproduced: list[int]
    """Those that are NOT_REPRODUCED, likewise."""
    seeds: float
    """Mean number of seeds when stopping at the first decided verdict."""

    def of(self, verdict: Decided) -> list[int]:
        """The counts of one verdict."""
        return self.reproduced if verdict == "REPRODUCED" else self.not_reproduced


class Row(Record):
    """What came out of repeated studies with the same truth."""

    kind: str
    """Kind of the claim."""
    situation: str = ""
    """Which recipes are in doubt, for claims on a share of them."""
    condition: Condition
    """How scores are distributed, and what goes wrong."""
    sigma: float
    """True spread of one seed's gain, in margins."""
    deviation: float
    """Distance of the truth from the claim, in margins; 1 is the edge of the band."""
    dev_deviation: float | None = None
    """The same of development sets, where `deviation` is that of test sets."""
    studies: int
    """Studies drawn."""
    old: Counts
    """By the rule that was replaced."""
    new: Counts
    """By the rule of the verifier."""

    old_false: Counts | None = None
    """Those of `old` that are errors, where that hangs on the published number that was drawn; else see below."""
    new_false: Counts | None = None
    """Those of `new`, likewise."""

    @property
    def truths(self) -> tuple[float, ...]:
        """The deviations that a verdict speaks about: of development and of test sets where these differ."""
        return (self.deviation,) if self.dev_deviation is None else (self.dev_deviation, self.deviation)

    @property
    def false_verdicts(self) -> list[Decided]:
        """The verdicts that are errors here, of any of its truths: both at the edge."""
        wrong: list[Decided] = []
        if max(self.truths) >= 1:
            wrong.append("REPRODUCED")
        if min(self.truths) <= 1:
            wrong.append("NOT_REPRODUCED")
        return wrong

    def errors(self, verdict: Decided) -> tuple[list[int], list[int]] | None:
        """False verdicts by the old rule and by the new, at each look and stopping; None where it is no error."""
        if self.old_false and self.new_false:
            return self.old_false.of(verdict), self.new_false.of(verdict)
        return (self.old.of(verdict), self.new.of(verdict)) if verdict in self.false_verdicts else None

    def bounds(self, verdict: Decided) -> tuple[float, float] | None:
        """Upper 95 % bounds of the highest of these rates, old and new."""
        errors = self.errors(verdict)
        return None if errors is None else (self.bound(errors[0]), self.bound(errors[1]))

    def bound(self, counts: list[int]) -> float:
        """Upper 95 % bound of the highest of these rates."""
        return upper_bound(max(counts), self.studies)


class FamilyRow(Record):
    """Claims that are judged together, on runs that share a baseline, at every look and stopping."""

    claims: int
    """How many."""
    wrong: bool
    """Is the first claim wrong, by WRONG margins, where the others hold exactly? Else all lie at the band's edge."""
    studies: int
    """Families drawn."""
    alone_old: list[int]
    """Replaced rule, each claim judged by itself: families in which a true claim is accused, or the wrong one."""
    holm_old: list[int]
    """Replaced rule with Holm's step-down over the claims."""
    new: list[int]
    """Rule of the verifier: Holm's step-down over p values that are adjusted for the looks."""


class Words(Record):
    """Words of replication on the same studies, by one rule, at each look and at last when each claim keeps its first
    word."""

    holds_false: list[int]
    """Studies in which HOLDS HERE is said falsely of any claim."""
    opposite_false: list[int]
    """Those in which OPPOSITE HERE is."""
    any_false: list[int]
    """Those in which either is."""
    right: list[int]
    """Those in which HOLDS HERE is said of the first claim, where that is true."""


class ReplicationRow(Record):
    """What is said of claims out of scope, whose truths are known."""

    kind: str
    """Kind of the first claim, which the true effect is of; the others are stated gains."""
    claims: int
    """How many claims there are."""
    condition: Condition
    """What goes wrong."""
    effect: float
    """How far the first claim's truth lies on the claimed side, in margins; all others' is 0, where neither holds."""
    studies: int
    """Studies drawn."""
    old: Words
    """By a one-sided test of each claim by itself for a fixed number of seeds."""
    new: Words
    """By the rule of the verifier."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Upper 95 % bounds of the highest rate of false words, old and new."""
        old, new = (upper_bound(max(words.any_false), self.studies) for words in (self.old, self.new))
        return old, new


class LookingRow(Record):
    """What looking again costs, where the truth lies at the edge of the band: false REPRODUCED."""

    sigma: float
    """Spread of one seed's gain, in margins."""
    studies: int
    """Studies drawn."""
    once: int
    """Replaced rule, five seeds, looked at once."""
    as_told: int
    """Replaced rule, three seeds and then as many as its note asked for, at most MOST."""
    after_each: int
    """Replaced rule, looking after each of 3 to MOST seeds."""
    design: int
    """Rule of the verifier, looking after each seed of its design."""

    anytime: int
    """By the interval that holds at every number of seeds, looking after each of 3 to MOST."""

    @property
    def columns(self) -> tuple[int, ...]:
        """The counts, as a table shows them."""
        return self.once, self.as_told, self.after_each, self.design, self.anytime


class Coverage(Record):
    """How often the prediction interval holds the mean of further runs."""

    n: int
    """Seeds."""
    n_claim: int
    """Runs behind the published number."""
    studies: int
    """Studies drawn."""
    covered: int
    """Those whose interval held it."""


Way = Literal["own", "mean", "others"]
"""How the best recipe is chosen: by each seed's own development scores, by their mean over seeds, or by the mean of the
other seeds' test scores."""


class WayRow(Record):
    """How often the interval of a chosen recipe's gain covers what one run of choosing gives on average."""

    n: int
    """Seeds."""
    correlation: float
    """Of a cell's development and test scores over seeds."""
    studies: int
    """Studies drawn."""
    covered: dict[Way, int]
    """Way -> studies whose 90 % interval covered it."""
