"""The kinds of claims: one file each, and their closed union, which the registry of claims parses.

A new kind is its file here and its line in the union: in `AnyCheck`, or beside the other counts and assertions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, get_args

from pydantic import Field

from harness.verify.claims.kinds.base import Check, Group
from harness.verify.claims.kinds.best_of import BestOf
from harness.verify.claims.kinds.compare import Compare
from harness.verify.claims.kinds.count_languages import CountLanguages
from harness.verify.claims.kinds.count_rows import CountRows
from harness.verify.claims.kinds.count_tasks import CountTasks
from harness.verify.claims.kinds.gain import Gain
from harness.verify.claims.kinds.language_gain import LanguageGain
from harness.verify.claims.kinds.no_gain import NoGain
from harness.verify.claims.kinds.no_split import NoSplit
from harness.verify.claims.kinds.origin_of import OriginOf
from harness.verify.claims.kinds.share import Share
from harness.verify.claims.kinds.starts_from import StartsFrom
from harness.verify.claims.kinds.untestable import Untestable

Count = Annotated[
    CountTasks  # so many tasks of a role
    | CountLanguages  # so many languages of the largest target
    | CountRows,  # so many rows of a split
    Field(discriminator="counted"),
]
Provenance = Annotated[
    OriginOf  # text that comes from somewhere
    | NoSplit  # tasks without a split of their own
    | StartsFrom,  # the encoder that experiments start from
    Field(discriminator="asserted"),
]
AnyCheck = Annotated[
    Gain  # one recipe's gain
    | LanguageGain  # one recipe's gain, or loss, on a group of languages
    | NoGain  # no gain of several recipes
    | Share  # a share of recipes that gain
    | BestOf  # the gain of each target's best recipe
    | Compare  # recipes against their variants
    | Count
    | Provenance
    | Untestable,  # what no run decides
    Field(discriminator="kind"),
]


def _records(annotation: object) -> Iterator[type[Check]]:
    if isinstance(annotation, type) and issubclass(annotation, Check):
        yield annotation
    for part in get_args(annotation):
        yield from _records(part)


RECORDS = tuple(_records(AnyCheck))
"""Every record of the union, in its order."""


def by_kind(records: Iterable[type[Check]]) -> dict[str, type[Check]]:
    """Kind -> its first record. Several records of one kind must agree in what is asked of a kind: group and unit."""
    found: dict[str, type[Check]] = {}
    for record in records:
        (kind,) = get_args(record.model_fields["kind"].annotation)
        first = found.setdefault(kind, record)
        agree = (first.group, first.unit) == (record.group, record.unit)
        assert agree, f"{first.__name__} and {record.__name__}, both of kind {kind}, differ in group or unit"
    return found


_BY_KIND = by_kind(RECORDS)


def group_of(kind: str) -> Group | None:
    """Is a check of this kind decided by scores, by facts of the data, or by nothing? None for an unknown kind."""
    return _BY_KIND[kind].group if kind in _BY_KIND else None


def unit_of(kind: str) -> str:
    """Unit of what a check of this kind measures; points for an unknown kind."""
    return _BY_KIND[kind].unit if kind in _BY_KIND else "points"
