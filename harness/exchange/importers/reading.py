"""Files of other programs, read with care: bounded in size, and every fault a HarnessError that names the file."""

from __future__ import annotations

import math
import stat
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.project.errors import HarnessError
from harness.project.files import parse_json, sha256_file
from harness.project.records import LARGEST_JSON
from harness.verify.given.rows import Given

ANEW = "get the file anew from whoever made it, or let the program write it anew"
TOLERANCE = 1e-6
"""So far may a mean of items lie from the value stated, in the program's unit: sums in another order, rounded text."""


def read_bytes(path: Path) -> bytes:
    """A file's content; HarnessError where it is no plain file, can't be read or is larger than any record."""
    try:
        about = path.stat()
        if stat.S_ISREG(about.st_mode) and about.st_size <= LARGEST_JSON:  # before opening: a pipe would never answer
            with path.open("rb") as stream:
                return stream.read(LARGEST_JSON)
    except OSError as error:
        raise HarnessError(
            f"expected a readable file {path}, found: {error.strerror or error}", fix="make it a file that can be read"
        ) from None
    raise HarnessError(
        f"expected a plain file of at most {LARGEST_JSON >> 20} MiB at {path}, found another",
        fix="name the file that the program wrote",
    )


def remember(given: Given, path: Path, name: str | None = None) -> None:
    """Note a file that was read: itself, and its sha256 under its name."""
    given.files.append(path)
    given.known[f"sha256 of {name or path.name}"] = sha256_file(path)


def read_text(path: Path) -> str:
    """A text file in UTF-8, a mark at its start aside; lines end with a line feed whatever the system wrote."""
    try:
        return StringIO(read_bytes(path).decode("utf-8-sig"), newline=None).read()
    except UnicodeDecodeError as error:
        raise HarnessError(f"expected UTF-8 in {path}, found: {error}", fix="save the file in UTF-8") from None


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object of a file. NaN stays NaN here: whoever takes a number asks `number`."""
    return as_object(parse_json(read_bytes(path), str(path), ANEW), str(path))


def peek_object(path: Path) -> dict[str, Any]:
    """As `read_object`, for recognising: empty for whatever is no such file."""
    try:
        return read_object(path) if path.is_file() else {}
    except (HarnessError, OSError, ValueError):
        return {}


def as_object(value: Any, where: str) -> dict[str, Any]:
    """The value, a JSON object; HarnessError for anything else. `where`: the file, or file and key."""
    if not isinstance(value, dict):
        raise HarnessError(f"expected keys and values in {where}, found {_kind(value)}", fix=ANEW)
    return value


def as_list(value: Any, where: str) -> list[Any]:
    """The value, a JSON list; HarnessError for anything else."""
    if not isinstance(value, list):
        raise HarnessError(f"expected a list in {where}, found {_kind(value)}", fix=ANEW)
    return value


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number, NaN included; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: Any, where: str) -> float:
    """The value, a finite number; HarnessError for anything else."""
    try:
        if is_number(value) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise HarnessError(
        f"expected a finite number in {where}, found {value!r:.60}", fix="see why that run gave none, and run it again"
    )


def whole_number(text: Any) -> int | None:
    """A seed from a file, where numbers may be text; None for whatever is none."""
    try:
        return None if isinstance(text, bool | float) else int(text)
    except (TypeError, ValueError):
        return None


def check_mean(values: Sequence[float], stated: float, where: str) -> None:
    """HarnessError unless the items' mean is the value that the program states, both in its own unit."""
    if not values or abs(fmean(values) - stated) > TOLERANCE:
        mean = f"whose mean is {fmean(values):.6g}" if values else "which have no mean"
        raise HarnessError(
            f"expected items that give the stated {stated:.6g} of {where}, found {len(values)} items {mean}",
            fix="give the items and the results of one and the same evaluation, both as the program wrote them",
        )


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
