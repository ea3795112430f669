"""What a reader is given, and what all readers share: members of archives, answers at their place."""

from __future__ import annotations

import functools
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

import psutil

from harness.data.formats import Row

NOT_LABELLED = "rows without a gold label"
NESTED = ".tar.gz/"


@dataclass(frozen=True)
class Given:
    """A verified file, and which of its records are asked for."""

    path: Path
    """The file, as it was published."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Only records whose field has this value."""
    member: str | None = None
    """Glob of the paths inside the archive, below any folder; `LANGUAGE.tar.gz/NAME` for an archive in the archive."""
    beside: Path | None = None
    """The other side's file, line by line (Tatoeba)."""
    counts: Counter[str] = field(default_factory=Counter)
    """What the reader leaves out or repairs, and in how many rows; filled while rows are taken."""


Reader = Callable[[Given], Iterator[Row]]


class Misfit(ValueError):
    """A line, or a record, that is not of a reader's layout."""

    def __init__(self, number: int, expected: str, found: object, name: str | None = None) -> None:
        """`number` counts from 1; `name`: the archive's member, where the reader takes several."""
        super().__init__(f"expected {expected}, found {found!r:.120}")
        self.number = number
        self.name = name


def contents(given: Given) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the file itself, or of the archive's members that are asked for, sorted by file name.

    Raises ValueError where the archive has no such member.
    """
    if given.member is None:
        yield given.path.name, given.path.read_bytes()
    elif zipfile.is_zipfile(given.path):
        yield from _zipped(given.path, given.member)
    else:
        folder = Path(_unpacked(given.path).name)
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        for name in _matching(names, given.member):
            yield name, (folder / name).read_bytes()


def content(given: Given) -> bytes:
    """The content of the file, or of the one member that is asked for; ValueError where several match."""
    found = list(contents(given))
    if len(found) > 1:
        raise ValueError(f"several members match {given.member}: {', '.join(name for name, _ in found)}")
    return found[0][1]


def lines(text: bytes) -> list[str]:
    """The lines of a UTF-8 text; only \\n ends a line, as texts may hold other separators of Unicode."""
    found = text.decode("utf-8-sig").split("\n")
    return [line.removesuffix("\r") for line in (found[:-1] if found[-1] == "" else found)]


def columns(text: bytes) -> Iterator[tuple[int, list[str]]]:
    """(number from 1, columns) of every tab-separated line; quotes and carriage returns inside a line are text."""
    return ((number, line.split("\t")) for number, line in enumerate(lines(text), 1))


def number_of(label: object) -> object:
    """A label that is written as text as its number, else as it is: the schema takes no 1.7, which int() would cut."""
    return int(label) if isinstance(label, str) else label


def header_of(found: Sequence[str], name: str | None = None) -> list[str]:
    """The columns that a header names; `Misfit` where one is named twice, as the last would win."""
    twice = next((column for place, column in enumerate(found) if column in found[:place]), None)
    if twice is not None:
        raise Misfit(1, f"every column once (`{twice}` is there twice)", list(found), name)
    return list(found)


def answers(texts: Sequence[str], starts: Sequence[int], context: str, counts: Counter[str]) -> Row | None:
    """Answers with the code point at which each stands in the context; None where none of several stands there.

    The hub's copies of QA sets strip contexts and answers but keep the starts that were counted before: such a start
    moves to the nearest place where the answer stands.
    """
    found = [(text, start, _place(text, start, context)) for text, start in zip(texts, starts, strict=True)]
    placed = [(text, place) for text, _, place in found if place is not None]
    for _, start, place in found:
        if place is None:
            counts["answers that are not in the context"] += 1
        elif place != start:
            counts["answers moved to where they stand"] += 1
    if found and not placed:
        return None
    return {"text": [text for text, _ in placed], "answer_start": [place for _, place in placed]}


def _place(text: str, start: int, context: str) -> int | None:
    if context.startswith(text, start):
        return start
    places = [context.rfind(text, 0, start + len(text)), context.find(text, start)]
    return min((place for place in places if place >= 0), key=lambda place: abs(place - start), default=None)


def _zipped(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    outer, nested, inner = pattern.partition(NESTED)
    with zipfile.ZipFile(path) as archive:
        for name in _matching(archive.namelist(), outer + nested.removesuffix("/")):
            if not nested:
                yield name, archive.read(name)
                continue
            with archive.open(name) as stream, tarfile.open(fileobj=stream, mode="r:gz") as tar:
                for found in _matching(tar.getnames(), inner):
                    yield f"{name}/{found}", _read(tar.extractfile(found))


def _read(stream: IO[bytes] | None) -> bytes:
    if stream is None:
        raise ValueError("a member that is not a plain file")
    return stream.read()


def _matching(names: Iterable[str], pattern: str) -> list[str]:
    """The names that match, in whatever folder, sorted by file name; ValueError where there is none."""
    found = [
        name
        for name in names
        if (fnmatchcase(name, pattern) or fnmatchcase(name, f"*/{pattern}")) and "__MACOSX" not in name
    ]
    if not found:
        raise ValueError(f"no member {pattern} in the archive")
    return sorted(found, key=lambda name: (name.rpartition("/")[2], name))


@functools.cache
def _unpacked(path: Path) -> tempfile.TemporaryDirectory[str]:
    """The files of a tar archive beside it, until the process ends: a compressed tar can only be read from its start.

    Universal Dependencies takes some gigabytes there.
    """
    _clear_left_behind(path.parent)
    folder = tempfile.TemporaryDirectory(prefix=f"{_UNPACKED}{os.getpid()}-", dir=path.parent)
    with tarfile.open(path) as tar:
        tar.extractall(folder.name, filter="data")
    return folder


_UNPACKED = ".unpacked-"


def _clear_left_behind(parent: Path) -> None:
    """Take away what readers that were killed had unpacked; their process, named in the folder's name, is gone."""
    for folder in parent.glob(f"{_UNPACKED}*-*"):
        owner = folder.name.removeprefix(_UNPACKED).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
