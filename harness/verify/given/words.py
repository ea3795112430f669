"""A claim in a few words -> what it expects: `+3.5 +- 0.5`, `>= +1`, `no gain above 0.5`, `A > B`, `8 of 9 above 1`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from harness.project.errors import HarnessError
from harness.project.records import Record
from harness.verify.statistics.intervals import Interval

FORMS = (
    ("+3.5 +- 0.5", "the gain is 3.5 points, give or take half a point"),
    (">= +1", "the gain is one point or more"),
    ("no gain above 0.5", "the gain is half a point or less"),
    ("A > B", "method A scores higher than method B"),
    ("8 of 9 above 1", "of nine methods (or of nine tasks of one method) eight gain more than one point"),
)
"""How a claim can be put, and what it then says. METHOD: may stand before all but `A > B`."""
LARGEST = 1e4
"""Points; a claim beyond it is a slip of the pen."""

MOST_COUNTED = 10_000
"""Methods or tasks that a claim counts."""


class Amount(Record):
    """A gain is so large, within a margin."""

    kind: Literal["amount"] = "amount"
    points: float = Field(ge=-LARGEST, le=LARGEST)
    """The claimed gain."""
    margin_points: float = Field(gt=0, le=LARGEST)
    """What still counts as the same."""

    @property
    def band(self) -> Interval:
        """points -+ margin."""
        return Interval(low=self.points - self.margin_points, high=self.points + self.margin_points)

    def __str__(self) -> str:
        return f"{self.points:+z.6g} +- {self.margin_points:.6g}"


class Bound(Record):
    """A gain is at least, or at most, so large."""

    kind: Literal["bound"] = "bound"
    side: Literal[">=", "<="]
    """Which of them."""
    points: float = Field(ge=-LARGEST, le=LARGEST)
    """How large."""

    @property
    def band(self) -> Interval:
        """All gains on that side."""
        if self.side == ">=":
            return Interval(low=self.points, high=math.inf)
        return Interval(low=-math.inf, high=self.points)

    def __str__(self) -> str:
        return f"{self.side} {self.points:+z.6g}"


class Count(Record):
    """So many of so many gain more than a threshold."""

    kind: Literal["count"] = "count"
    k: int = Field(ge=1)
    """How many gain, at least."""
    of: int = Field(ge=1, le=MOST_COUNTED)
    """Of how many."""
    over: Literal["methods", "tasks"] | None = None
    """What is counted; null: whichever there are `of`."""
    points: float = Field(ge=-LARGEST, le=LARGEST)
    """What a gain must be above."""

    def __str__(self) -> str:
        return f"{self.k} of {self.of}{f' {self.over}' if self.over else ''} above {self.points:+z.6g}"


Expected = Annotated[Amount | Bound | Count, Field(discriminator="kind")]


class Said(Record):
    """What a claim in words says."""

    expected: Expected
    """What it expects."""
    method: str | None = None
    """The method that it names; null where it names none."""
    baseline: str | None = None
    """What it compares that with, where it says it."""


_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_SIGNED = rf"[+-]?\s*{_NUMBER}"
_UNIT = r"(?:\s*(?:points?|pp|pts?))?"
_PLAIN = {"±": "+-", "−": "-", "–": "-", "≥": ">=", "≤": "<=", "⩾": ">=", "⩽": "<=", "+/-": "+-"}
SLIPS = (
    (r"\d,\d", "numbers with a decimal point", "write 3.5, not 3,5"),
    (r"\d\s*%", "points", "write 3.5 for 3.5 points, without %; a gain relative to the baseline can't be judged"),
    (r"^(?:[^:]+:\s*)?no gain$", "how much would be a gain", 'say it, as in --claim "no gain above 0.5"'),
    (r"at most\s+\d+ of \d+", "at least so many", 'put it the other way round, as in --claim "8 of 9 above 1"'),
)
"""What people write that could be read in two ways -> what is expected, and how to say it."""


def parse_claim(words: str) -> Said:
    """What the words say. Raises HarnessError, with the forms that are known, for words of another form."""
    text = " ".join(words.split())
    for written, plain in _PLAIN.items():
        text = text.replace(written, plain)
    for pattern, make in _PATTERNS:
        if found := re.fullmatch(pattern, text, re.IGNORECASE):
            return make({key: value and value.strip() for key, value in found.groupdict().items()})
    for slip, what, fix in SLIPS:
        if re.search(slip, text, re.IGNORECASE):
            raise HarnessError(f"expected {what} in the claim `{words:.80}`, found none", fix=fix)
    if re.fullmatch(rf"(?:[^:]+:\s*)?{_SIGNED}{_UNIT}", text):
        raise HarnessError(
            f"expected a margin in the claim `{words:.80}`, found none: no gain is measured to be one number exactly",
            fix=f'say what still counts as the same, as in --claim "{text} +- 0.5", or a bound, as in --claim ">= +1"',
        )
    forms = "; ".join(f'"{form}"' for form, _ in FORMS)
    raise HarnessError(
        f"expected a claim in one of the forms {forms}; found `{words:.80}`",
        fix='put it in one of them; a method and a colon may stand before it, as in --claim "mnli: >= +1"',
    )


def _amount(found: dict[str, str | None]) -> Said:
    return Said(
        expected=Amount(points=_points(found["points"]), margin_points=_points(found["margin"], above=0)),
        method=found["method"],
    )


def _bound(side: Literal[">=", "<="]) -> Callable[[dict[str, str | None]], Said]:
    def make(found: dict[str, str | None]) -> Said:
        return Said(expected=Bound(side=side, points=_points(found["points"])), method=found["method"])

    return make


def _compared(found: dict[str, str | None]) -> Said:
    by = _points(found["points"]) if found["points"] else 0.0
    first, second = found["first"], found["second"]
    if found["sign"] == "<":
        first, second = second, first
    if re.fullmatch(_SIGNED, second or "") or re.fullmatch(_SIGNED, first or ""):
        raise HarnessError(
            f"expected two methods in the claim, found `{first:.40} {found['sign']} {second:.40}`",
            fix='for a gain of one method put a colon behind its name, as in --claim "mnli: > 1"',
        )
    if first == second:
        raise HarnessError(f"expected two methods in the claim, found `{first}` twice", fix="name two of them")
    return Said(expected=Bound(side=">=", points=by), method=first, baseline=second)


def _count(found: dict[str, str | None]) -> Said:
    k, of = int(found["k"] or 0), int(found["of"] or 0)
    if not 1 <= k <= of <= MOST_COUNTED:
        raise HarnessError(f"expected a count like `8 of 9`, found `{k} of {of}`", fix="correct the numbers")
    counted: dict[str, Literal["methods", "tasks"]] = {"m": "methods", "t": "tasks"}
    over = counted[found["over"][0].lower()] if found["over"] else None
    return Said(expected=Count(k=k, of=of, over=over, points=_points(found["points"])), method=found["method"])


def _points(written: str | None, above: float | None = None) -> float:
    points = float((written or "").replace(" ", ""))
    if abs(points) > LARGEST or (above is not None and points <= above):
        wanted = f"above {above:g}" if above is not None else f"of at most {LARGEST:g}"
        raise HarnessError(f"expected a number of points {wanted}, found {written:.40}", fix="correct that number")
    return points


_METHOD = r"(?:(?P<method>.+?)\s*:\s*)?"
_BY = rf"(?:\s+by\s+(?P<points>{_NUMBER}){_UNIT})?"
_GAIN = r"(?:(?:a\s+)?gain\s+(?:of\s+)?)?"
_PATTERNS: tuple[tuple[str, Callable[[dict[str, str | None]], Said]], ...] = (
    (rf"{_METHOD}{_GAIN}(?P<points>{_SIGNED}){_UNIT}\s*\+-\s*(?P<margin>{_NUMBER}){_UNIT}", _amount),
    (rf"{_METHOD}{_GAIN}(?:>=|>|at least)\s*(?P<points>{_SIGNED}){_UNIT}", _bound(">=")),
    (rf"{_METHOD}{_GAIN}(?:<=|<|at most)\s*(?P<points>{_SIGNED}){_UNIT}", _bound("<=")),
    (rf"{_METHOD}no gain (?:above|over)\s*(?P<points>{_SIGNED}){_UNIT}", _bound("<=")),
    (
        rf"{_METHOD}(?:at least\s+)?(?P<k>[0-9]{{1,9}}) of (?P<of>[0-9]{{1,9}})(?:\s+(?P<over>methods?|tasks?))?\s+"
        rf"(?:gain\s+)?(?:above|over|more than|>)\s*(?P<points>{_SIGNED}){_UNIT}",
        _count,
    ),
    (rf"(?P<first>.+?)\s+(?P<sign>[<>])=?\s+(?P<second>.+?){_BY}", _compared),
    (rf"(?P<first>[^<>]+?)\s*(?P<sign>[<>])=?\s*(?P<second>[^<>]+?){_BY}", _compared),
)
"""Forms in the order in which they are tried: numbers before names, and names that hold > where blanks tell it."""
