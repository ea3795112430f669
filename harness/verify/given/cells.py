"""Cells of somebody's table -> names and numbers, strictly: what could be read in two ways is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from harness.project.errors import HarnessError
from harness.verify.given.table import Column, Floats

MOST_POINTS = 1e6
"""A score beyond it is no score."""
MISSING = ("", "nan", "na", "n/a", "none", "null", "-", "?")
"""What stands for a seed that isn't known."""
SUMMARIES = ("mean", "avg", "average", "median", "std", "sd", "stdev", "var", "total", "sum", "all", "overall", "macro")
"""Names of rows and columns that are made from others."""
_SEED = re.compile(r"(?:(?:seed|run|trial)[\s_#:=-]*)?0*([0-9]+)(?:\.0*)?", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def names_of(values: Sequence[Any]) -> list[str]:
    """The cells as names, without blanks around them."""
    try:
        return list(map(str.strip, values))
    except TypeError:
        return [name_of(value) for value in values]


def name_of(value: Any) -> str:
    """A value as a name: a whole number without its decimals, since frames make floats of columns with gaps."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return "" if text in ("<NA>", "NaT") else text


def is_number(value: Any) -> bool:
    """Could the cell be a score?"""
    try:
        plain_float(str(value).strip())
    except ValueError:
        return False
    return not isinstance(value, bool)


def is_empty(value: Any) -> bool:
    """Does the cell hold nothing?"""
    return not name_of(value)


def plain_float(value: Any) -> float:
    """The number; ValueError or TypeError where it is none."""
    if isinstance(value, str) and "_" in value:
        raise ValueError("digits with a line between them, which Python alone takes for a number")
    if isinstance(value, bool):
        raise ValueError("right or wrong, which is a number only for an item")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def numbers_of(values: Sequence[Any], begin: int, column: str, source: str, *, of_items: bool = False) -> Floats:
    """Finite numbers; `of_items`: true and false are 1 and 0. Raises HarnessError naming the row of the first that is
    none."""
    try:
        read = float if "_" not in "".join(values) else plain_float
    except TypeError:
        read = plain_float
    try:
        found = np.fromiter(map(read, values), dtype=float, count=len(values))
    except (TypeError, ValueError):
        found = np.array([_number(value, begin + n, column, source, of_items) for n, value in enumerate(values)])
    bad = ~(np.abs(found) <= MOST_POINTS)
    if bad.any():
        place = int(np.argmax(bad))
        raise HarnessError(
            f"expected a finite score in column `{column}`, row {begin + place} of {source}, found"
            f" {values[place]!s:.40}",
            fix="a run that failed is no score: leave the row out and say so, or run it again",
        )
    return found


def _number(value: Any, line: int, column: str, source: str, of_items: bool) -> float:
    text = name_of(value)
    if of_items:
        text = {"true": "1", "false": "0"}.get(text.lower(), text)
    with suppress(ValueError):
        return plain_float(text)
    others = {
        ",": "write it with a decimal point",
        "%": "write it without the sign, as points",
        "±": "give the score of each seed in a row of its own",
        "+-": "give the score of each seed in a row of its own",
    }
    fix = next((fix for sign, fix in others.items() if sign in text), "correct that value, or leave the row out")
    found = f"`{text:.40}`" if text else "nothing"
    raise HarnessError(f"expected a number in column `{column}`, row {line} of {source}, found {found}", fix=fix)


def check_names(column: Column, role: str, source: str) -> None:
    """Raises HarnessError for a name that a terminal would not show as it is."""
    for name in column.names:
        if _CONTROL.search(name):
            found = f"{ascii(name)[1:-1]:.60}"
            raise HarnessError(
                f"expected a {role} without control characters in {source}, found `{found}`", fix="rename it"
            )


def as_seeds(column: Column, source: str) -> Column:
    """Seeds by their number: `seed1`, `1.0` and `01` are 1. Raises HarnessError for a mean among them."""
    plain = []
    for name in column.names:
        if name.lower() in MISSING:
            raise HarnessError(
                f"expected a seed in every row of {source}, found {f'`{name}`' if name else 'none'}",
                fix="fill it in; where no seed is known, leave the column out",
            )
        if name.lower() in SUMMARIES:
            raise HarnessError(
                f"expected a score of one seed in every row of {source}, found the seed `{name}`",
                fix="remove rows that are made from others",
            )
        found = _SEED.fullmatch(name)
        plain.append(found[1] if found else name)
    names = list(dict.fromkeys(plain))
    codes = np.array([names.index(name) for name in plain], dtype=np.int32)
    return Column(codes[column.codes], names)


def seeds_in_order(seeds: set[str]) -> list[str]:
    """Seeds in the order in which they count: numbers first, by size, then words, with numbers inside them by size."""

    def key(seed: str) -> tuple[int, int, list[tuple[int, int, str]]]:
        if re.fullmatch(r"-?[0-9]{1,4000}", seed):
            return 0, int(seed), []
        return 1, 0, [_part(part) for part in re.split(r"([0-9]{1,4000})", seed)]

    return sorted(seeds, key=key)


def _part(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if re.fullmatch("[0-9]{1,4000}", text) else (1, 0, text)
