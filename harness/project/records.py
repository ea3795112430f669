"""The bases of every record: an immutable set of named fields, checked once, when it is made; and JSON read with care.

A record refuses unknown keys, so that a misspelt key in a file is found where it is read. Configuration and registries
are strict besides: a number in quotes is a mistake there, no number.
"""

from __future__ import annotations

import gzip
import json
import os
import stat
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

LARGEST_JSON = 2**28
"""Bytes of a record that are read: the largest ones, scores of thousands of cells, take a tenth of that."""


class Record(BaseModel):
    """Frozen; unknown keys are refused; pydantic may convert a value to its field's type (a list to a tuple)."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class StrictRecord(BaseModel):
    """Frozen; unknown keys are refused; no type is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def read_json(path: Path) -> Any:
    """What a JSON file holds, whatever it is; its numbers are finite.

    Raises OSError where it can't be read, ValueError where it is no such JSON, nests too deeply or is larger than any
    record: memory and time stay bounded.
    """
    with path.open("rb") as stream:
        about = os.fstat(stream.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_JSON:
            raise ValueError(f"no plain file of at most {LARGEST_JSON >> 20} MiB")
        content = stream.read(LARGEST_JSON)
    try:
        return json.loads(content, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("lists in lists, too deep to read") from None


def gunzip(content: bytes) -> bytes:
    """What a gzip file holds.

    Raises ValueError where it is none, or holds more than LARGEST_JSON bytes: a small file may unpack to terabytes.
    """
    try:
        with gzip.GzipFile(fileobj=BytesIO(content)) as stream:
            unpacked = stream.read(LARGEST_JSON + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"no gzip file: {error}") from None
    if len(unpacked) > LARGEST_JSON:
        raise ValueError(f"more than {LARGEST_JSON >> 20} MiB when unpacked")
    return unpacked


def _refuse(word: str) -> None:
    raise ValueError(f"{word}, which is no number of JSON")
