"""A file of claims: what is claimed of somebody's scores, fixed before they are looked at.

Its schema is docs/judge.schema.json, which `harness judge --schema` prints.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from harness.project.errors import HarnessError, explain_validation, first_error
from harness.project.files import read_yaml
from harness.project.records import StrictRecord
from harness.verify.given.claim import GivenClaim, claim_in_words
from harness.verify.given.words import Count
from harness.verify.statistics.design import LARGEST_LOOK, STANDARD, Design, Spending

SCHEMA = "docs/judge.schema.json"
"""Where the schema lies in the project."""
EXAMPLE = """\
# What is claimed of your scores. Fix it before you look at them, then type `harness judge scores.csv --claims FILE`.
baseline: none                       # the method that the others are compared with
looks: [3, 4, 5, 6, 7, 8]            # after how many seeds you look; [5] if you look once, after five
claims:
  - id: mnli-gain
    says: Training on MNLI first gains 7.5 points.
    claim: +7.5 +- 1.5               # or: ">= +1", "no gain above 0.5", "8 of 9 tasks above 1"
    method: mnli
    tasks: [xnli]                    # its gain is averaged over these; all of the scores where the line is missing
    runs: 1                          # how many runs the claimed number is the mean of; leave the line out if unknown
"""
"""What `harness judge --init` writes: a claims file with comments."""


class ClaimEntry(StrictRecord):
    """One claim."""

    model_config = ConfigDict(allow_inf_nan=False, use_attribute_docstrings=True)

    id: str = Field(pattern=r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$")
    """Its name."""
    claim: str
    """What it expects: "+3.5 +- 0.5", ">= +1", "no gain above 0.5", "A > B", "8 of 9 above 1"."""
    says: str = ""
    """The words that it stands for, as they were published."""
    method: str | None = None
    """What it is about; without it the only method beside the baseline."""
    methods: list[str] = Field(default_factory=list)
    """Of a claim that counts methods: which; without it all."""
    baseline: str | None = None
    """What it is compared with, where that is not the file's baseline."""
    tasks: list[str] = Field(default_factory=list)
    """The tasks that its gain is averaged over; without it all of the scores."""
    runs: int | None = Field(default=None, ge=1)
    """How many runs the claimed number is the mean of; without it one."""

    @field_validator("tasks", "methods")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"expected each name once, found `{twice}` {names.count(twice)} times")
        return names

    @field_validator("says")
    @classmethod
    def _plain_text(cls, words: str) -> str:
        """On one line, and nothing that a terminal would obey."""
        words = " ".join(words.split())
        if any(unicodedata.category(letter) == "Cc" for letter in words):
            raise ValueError("expected text without control characters")
        return words

    def read(self) -> GivenClaim:
        """The claim. Raises HarnessError for words of no known form, and for two different methods in one claim."""
        try:
            said = claim_in_words(self.claim, runs=self.runs)
        except HarnessError as error:
            raise HarnessError(f"claim {self.id}: {error.message}", fix=error.fix) from None
        for what, own, named in (("method", self.method, said.method), ("baseline", self.baseline, said.baseline)):
            if own and named and own != named:
                found = f"expected one {what} in claim {self.id}, found `{own}` and, in its words, `{named}`"
                raise HarnessError(found, fix="leave one out")
        if self.methods and self.method:
            raise HarnessError(f"expected `methods` or `method` in claim {self.id}, found both", fix="leave one out")
        if self.methods and not isinstance(said.expected, Count):
            raise HarnessError(
                f"expected `methods` in a claim that counts them, found them in claim {self.id}: `{self.claim}`",
                fix="name the one with `method`",
            )
        read: dict[str, Any] = {"id": self.id, "says": self.says or self.claim, "tasks": self.tasks}
        read |= {"method": self.method or said.method, "baseline": self.baseline or said.baseline}
        return said.model_copy(update=read | {"methods": self.methods})


class ClaimsFile(StrictRecord):
    """Claims that are judged together, and how often one looks at the seeds."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    claims: list[ClaimEntry] = Field(min_length=1)
    """What is claimed."""
    baseline: str | None = None
    """The method that the others are compared with; without it the only one whose name says so."""
    split: str | None = None
    """The split that is judged, where the scores name several."""
    metric: str | None = None
    """The metric that is judged, likewise."""
    tasks: list[str] = Field(default_factory=list)
    """The tasks that are looked at; without it all of the scores."""
    languages: list[str] = Field(default_factory=list)
    """The languages that are looked at, likewise."""
    looks: list[int] = Field(default_factory=lambda: list(STANDARD.looks), min_length=1)
    """After how many seeds one looks, ascending."""
    spending: Spending = STANDARD.spending
    """How much of the error may be spent until a look."""

    @field_validator("claims")
    @classmethod
    def _one_each(cls, claims: list[ClaimEntry]) -> list[ClaimEntry]:
        ids = [claim.id for claim in claims]
        if twice := next((name for name in ids if ids.count(name) > 1), None):
            raise ValueError(f"expected each id once, found `{twice}` twice")
        return claims

    @model_validator(mode="after")
    def _looks_that_are_ones(self) -> ClaimsFile:
        self.design()
        return self

    def design(self) -> Design:
        """The looks as a design."""
        return design_of(self.looks, self.spending)


def design_of(looks: list[int], spending: Spending = STANDARD.spending) -> Design:
    """The design with these looks; ValueError unless they ascend from 2 to 200."""
    if (tuple(looks), spending) == (STANDARD.looks, STANDARD.spending):
        return STANDARD
    last = min(max(looks, default=1), LARGEST_LOOK)
    return Design(
        looks=tuple(looks), order=tuple(range(1, last + 1)), spending=spending, reason="as declared with the claims"
    )


def read_claims_file(path: Path) -> ClaimsFile:
    """The claims in a file. Raises HarnessError, naming the claim and the key, for one that doesn't fit."""
    found: Any = read_yaml(path, fix='correct that line; words with > or : need quotes, as in claim: ">= +1"')
    if not isinstance(found, dict):
        words = {"NoneType": "nothing", "str": "text", "list": "a list"}
        kind = words.get(type(found).__name__, type(found).__name__)
        raise HarnessError(
            f"expected a file of claims at {path}, with the key `claims`, found {kind}",
            fix="write one with `harness judge --init`; the scores come first: `harness judge SCORES --claims FILE`",
        )
    try:
        return ClaimsFile.model_validate(found)
    except ValidationError as error:
        fix = f"edit {path}; `harness judge --init` writes an example, `--schema` prints what it may hold"
        if first_error(error)["loc"][-1:] == ("claim",):
            fix = 'write it in words, with a margin, as in claim: "+7.5 +- 1.5"'
        raise HarnessError(explain_validation(error, ClaimsFile, str(path)), fix=fix) from None
