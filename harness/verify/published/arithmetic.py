"""Published arithmetic: does one published number follow from others? It needs no run, and is a level of its own.

It says whether a document agrees with itself and with the tables that it rests on, never whether its numbers are true.
Every number names the document, the table and the row that it was read in. What no published number decides, or a
claimant's own word alone, is NOT_CHECKABLE.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.errors import HarnessError, check_known, explain_validation
from harness.project.files import read_yaml
from harness.project.records import Record, StrictRecord
from harness.verify.published.rows import PAPER, PublishedRow, read_published

ARITHMETIC = "arithmetic.yaml"
"""Name of the file in reference/."""
Word = Literal["CONSISTENT", "INCONSISTENT", "NOT_CHECKABLE"]
Operation = Literal["difference", "sum", "mean", "none"]
_EPSILON = 1e-9
"""Sums of decimal numbers differ by so much at most."""


class Number(StrictRecord):
    """A published number, with where it was read."""

    model_config = ConfigDict(allow_inf_nan=False)

    value: float
    """The number as printed."""
    document: str
    """The document that prints it."""
    table: str
    """Table, section or file in it."""
    row: str
    """The row, or what the number is of."""


class Term(StrictRecord):
    """What is computed with: a number of its own, the average of a row of paper.yaml, or its scores one by one."""

    number: Number | None = None
    """A number that stands in no row of paper.yaml."""
    average_of: str | None = None
    """Row of paper.yaml whose average is meant."""
    scores_of: str | None = None
    """Row of paper.yaml whose scores of XTREME's nine targets are meant, one by one."""

    @model_validator(mode="after")
    def _is_one(self) -> Term:
        if sum(given is not None for given in (self.number, self.average_of, self.scores_of)) != 1:
            raise ValueError("expected one of number, average_of and scores_of")
        return self


class Dated(StrictRecord):
    """A dated statement, in the words of whoever made it."""

    date: str
    """Its date, as far as it is known."""
    says: str
    """What it says."""
    document: str
    """Where it was read."""


class Arithmetic(StrictRecord):
    """One published number that others are held against."""

    model_config = ConfigDict(allow_inf_nan=False)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Its name."""
    claims: list[str] = Field(min_length=1)
    """The claims of the registry that rest on it."""
    states: Term | None = None
    """The number that is to follow; null where none is stated."""
    operation: Operation
    """difference: the first less the others; sum; mean; none: no computation decides it."""
    terms: list[Term] = Field(default_factory=list)
    """What it is to follow from."""
    rounding: float = Field(ge=0)
    """Half a unit in the last printed digit, of the stated number and of each term; 0: exact counts."""
    lacking: str | None = None
    """What is missing to check it; null where nothing is."""
    dates: list[Dated] = Field(default_factory=list)
    """Dated statements on it, which are shown and decide nothing."""
    reason: str
    """Why this is what the claim rests on."""

    @model_validator(mode="after")
    def _can_be_checked(self) -> Arithmetic:
        if self.operation == "none" and not self.lacking:
            raise ValueError("an entry without an operation needs `lacking`, what is missing to check it")
        if self.operation != "none" and (self.states is None or not self.terms):
            raise ValueError(f"operation {self.operation} needs `states` and `terms`")
        return self


class Followed(Record):
    """What came out of one entry."""

    id: str
    """The entry."""
    claims: list[str]
    """The claims that rest on it."""
    word: Word
    """Whether the stated number follows."""
    sentence: str
    """The computation with its numbers, or what is missing, in words."""
    read_in: list[str]
    """Where each number was read, the stated one first."""
    dates: list[str] = Field(default_factory=list)
    """Dated statements, which decide nothing."""


class _LackingError(Exception):
    """A number that was not published, in words."""


Values = list[tuple[float, str]]
"""Numbers, each with where it was read."""


def follow(entry: Arithmetic, rows: Mapping[str, PublishedRow]) -> Followed:
    """Whether the stated number follows from the others. Raises HarnessError for a row that `rows` lacks.

    Each printed number x stands for one in x -+ rounding, so a computed number may be off by the sum of its terms'
    roundings (of a mean: by one), and the stated one by one more: |computed - stated| <= that is CONSISTENT.
    """
    dated = [f"{one.date}: {one.says} ({one.document})" for one in entry.dates]
    try:
        if entry.lacking:
            raise _LackingError(entry.lacking)
        stated, terms = _values([entry.states], rows), _values(entry.terms, rows)
    except _LackingError as lacking:
        said = {"word": "NOT_CHECKABLE", "sentence": str(lacking), "read_in": []}
        return Followed(id=entry.id, claims=entry.claims, dates=dated, **said)
    ((wanted, _),) = stated
    found, reach, words = _compute(entry.operation, [value for value, _ in terms], entry.rounding)
    follows = abs(found - wanted) <= reach + entry.rounding + _EPSILON
    off = "" if math.isclose(found, wanted) else f", within {reach + entry.rounding:g}" if follows else ""
    sentence = f"{words} = {_show(found)}; published: {_show(wanted)}{off}"
    read_in: dict[str, list[str]] = {}
    for value, place in [*stated, *terms]:
        read_in.setdefault(place, []).append(_show(value))
    said = {"word": "CONSISTENT" if follows else "INCONSISTENT", "sentence": sentence}
    places = [f"{', '.join(values)}: {place}" for place, values in read_in.items()]
    return Followed(id=entry.id, claims=entry.claims, dates=dated, read_in=places, **said)


def _compute(operation: Operation, terms: Sequence[float], rounding: float) -> tuple[float, float, str]:
    """The result, how far rounding may move it, and the computation in words."""
    shown = [_show(term) for term in terms]
    if operation == "mean":
        return fmean(terms), rounding, f"mean of {', '.join(shown)}"
    if operation == "difference":
        return terms[0] - math.fsum(terms[1:]), rounding * len(terms), " - ".join(shown)
    return math.fsum(terms), rounding * len(terms), " + ".join(shown)


def _values(terms: Iterable[Term | None], rows: Mapping[str, PublishedRow]) -> Values:
    return [found for term in terms if term for found in _value(term, rows)]


def _value(term: Term, rows: Mapping[str, PublishedRow]) -> Iterator[tuple[float, str]]:
    if term.number:
        yield term.number.value, f"{term.number.document}, {term.number.table}, {term.number.row}"
        return
    name = term.average_of or term.scores_of or ""
    check_known(name, rows, "row of reference/paper.yaml")
    row = rows[name]
    place = f"{row.document}, {row.place}, {row.system}"
    if term.average_of:
        if row.average is None:
            raise _LackingError(f"no average of {row.system} is known from {row.document}, {row.place}")
        yield row.average, f"{place}, average"
        return
    if lacking := row.lacking(list(XTREME_GROUPS)):
        raise _LackingError(f"{row.document}, {row.place}, has no score of {' and '.join(lacking)} by {row.system}")
    for target in XTREME_GROUPS:
        points = row.target_points(target)
        assert points is not None
        yield points, f"{place}, scores by target"


def _show(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1000 else f"{round(value, 3):g}"


def read_arithmetic(path: Path) -> list[Arithmetic]:
    """The registered arithmetic; none where there is no such file. HarnessError for what doesn't fit its schema."""
    if not path.is_file():
        return []
    content, fix = read_yaml(path, f"edit {path}"), f"edit {path}"
    if not isinstance(content, list):
        raise HarnessError(f"expected a list of entries in {path}, found {type(content).__name__}", fix=fix)
    found = [_parse(entry, f"entry {number} of {path}", fix) for number, entry in enumerate(content, 1)]
    names = [entry.id for entry in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise HarnessError(f"expected each id once in {path}, found {twice} twice", fix="rename one of them")
    return found


def _parse(entry: Any, where: str, fix: str) -> Arithmetic:
    try:
        return Arithmetic.model_validate(entry)
    except ValidationError as error:
        raise HarnessError(explain_validation(error, Arithmetic, where), fix=fix) from None


def follow_all(reference: Path) -> list[Followed]:
    """What comes out of every entry of the folder reference/, in order; nothing where none is registered.

    Raises HarnessError for a file that doesn't fit its schema, or an entry that names an unknown row.
    """
    entries = read_arithmetic(reference / ARITHMETIC)
    rows = read_published(reference / PAPER) if entries else {}
    return [follow(entry, rows) for entry in entries]


def arithmetic_words(found: Followed) -> str:
    """The word, the computation and what is dated."""
    return "; ".join([f"{found.word}: {found.sentence}", *found.dates])
