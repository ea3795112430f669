"""The bases of every record: an immutable set of named fields, checked once, when it is made.

A record refuses unknown keys, so that a misspelt key in a file is found where it is read. Configuration and registries
are strict besides: a number in quotes is a mistake there, no number.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen; unknown keys are refused; pydantic may convert a value to its field's type (a list to a tuple)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StrictRecord(BaseModel):
    """Frozen; unknown keys are refused; no type is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
