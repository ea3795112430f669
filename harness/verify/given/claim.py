"""A claim about somebody's scores: what it says, in words and in numbers, and what it is about."""

from __future__ import annotations

from pydantic import Field

from harness.project.records import Record
from harness.verify.given.words import Expected, parse_claim


class GivenClaim(Record):
    """One claim, ready to be judged."""

    id: str
    """Its name among the claims that are judged together."""
    says: str
    """Its words."""
    expected: Expected
    """What they expect of the scores."""
    method: str | None = None
    """The method that it is about; null: the only one beside the baseline."""
    baseline: str | None = None
    """What it is compared with; null: the table's baseline."""
    tasks: list[str] = Field(default_factory=list)
    """The tasks that its gain is averaged over; empty: all of the table."""
    methods: list[str] = Field(default_factory=list)
    """Of a claim that counts methods: which; empty: all of the table."""
    runs: int | None = Field(default=None, ge=1)
    """Runs behind the claimed number; null where that isn't known: it then counts as one."""


def claim_in_words(words: str, number: int = 1, method: str | None = None, runs: int | None = None) -> GivenClaim:
    """The claim that the words say. Raises HarnessError for words of no known form."""
    said = parse_claim(words)
    return GivenClaim(
        id=f"claim-{number}",
        says=words,
        expected=said.expected,
        method=said.method or method,
        baseline=said.baseline,
        runs=runs,
    )
