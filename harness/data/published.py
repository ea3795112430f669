"""The source `published`: a task's whole data as its authors or the hub serve it, from files that were fetched.

Nothing is fetched here: `harness data fetch` puts files into the store, and a file that is not there, or not the
pinned one, is an error that says so.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.data import formats
from harness.data.fetch import store
from harness.data.formats import Row
from harness.data.readers import Given, read_rows
from harness.data.readers.given import NOT_LABELLED
from harness.project.errors import HarnessError
from harness.project.pins import HubFile, HubPin, Part, PathFile, PathPin, PublishedPin, UrlFile, UrlPin
from harness.project.tasks import TRANSLATED, Task, published_digest, published_pins

ENGLISH = "en"
Stored = Callable[[Path, str, str | None], Path]
"""(folder, name, pinned sha256) -> the file in the store, once its bytes are right."""


@dataclass(frozen=True)
class Found:
    """A part of a stem, and its files on this machine."""

    part: Part
    """What is read of them."""
    files: tuple[Given, ...]
    """One file; of a licensed corpus, every file that its pattern names."""


class NotFetched(HarnessError):
    """A file that is not in the store; one with other bytes than pinned is a plain HarnessError."""


class Published:
    """A task's rows from the first place, in the task's own order, that is whole in the store.

    Machine-translated training rows are large and few recipes need them: they are read where they were fetched.
    """

    name = "published"

    def __init__(self, task: Task, folder: Path) -> None:
        """`folder` is the store. HarnessError where a stem's files are in no place, or have other bytes than pinned."""
        self.task = task
        self.dropped: Counter[str] = Counter()
        self.stand_in: str | None = None
        self.overlaps: list[str] = []
        pins = published_pins(task)
        self._found = _look(pins, folder)
        places = [place for place in pins if place in {found for found, _ in self._found.values()}]
        self.pin_text = f"published ({' and '.join(places)}) sha256 {published_digest(task)}"
        self.source_language = next(iter(pins.values())).source_language

    def stems(self) -> list[str]:
        """The normalised file stems: those of the first place, then those that only later places have."""
        return list(self._found)

    def rows(self, stem: str) -> list[Row]:
        """Read and check one stem's parts, concatenated; where there are several, ids begin with the part's number."""
        return self._rows(stem, self._found[stem][1])

    def origin(self, stem: str) -> str:
        """The stem's file in the store, or its files."""
        return ", ".join(str(given.path) for found in self._found[stem][1] for given in found.files)

    def groups(self, stem: str) -> list[list[Row]]:
        """The stem's rows by data set (ANLI+ is three); ids are unique in each."""
        return [self._rows(stem, list(parts)) for _, parts in itertools.groupby(self._found[stem][1], _data_set)]

    def _rows(self, stem: str, parts: Sequence[Found]) -> list[Row]:
        numbered: list[tuple[str, Row]] = []
        for number, found in enumerate(parts, 1):
            rows = self._part_rows(stem, found)
            numbered += [(where, row | {"id": f"{number}-{row['id']}"}) for where, row in rows] if parts[1:] else rows
        kind = formats.row_kind(self.task.kind, stem.split(".")[0])
        return formats.normalise_rows(kind, numbered, self.task.labels, self.dropped)

    def _part_rows(self, stem: str, found: Found) -> list[tuple[str, Row]]:
        """(where, row) of one part, once there are as many as are pinned, and as many of each label."""
        counts: Counter[str] = Counter()
        files = [replace(given, counts=counts) for given in found.files]
        rows = [numbered for given in files for numbered in read_rows(found.part.reader, given)]
        self.dropped.update(counts)
        where = f"{stem} of task {self.task.name} ({found.files[0].path})"
        fix = f"run `harness data pin {self.task.name} --check`; if the source is right, correct the pin"
        if found.part.rows not in (None, len(rows)):
            left_out = ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing left out"
            raise HarnessError(
                f"expected {found.part.rows} rows (pin), found {len(rows)} in {where}; {left_out}", fix=fix
            )
        if stem.startswith("test") and counts[NOT_LABELLED]:
            raise HarnessError(
                f"expected gold labels, found {counts[NOT_LABELLED]} rows labelled -1 in {where}: a placeholder",
                fix="pin a source of the split that has its gold labels",
            )
        labels = Counter(str(row.get("label")) for _, row in rows)
        if found.part.labels not in (None, labels):
            raise HarnessError(f"expected labels {found.part.labels} (pin), found {dict(labels)} in {where}", fix=fix)
        return rows


def _data_set(found: Found) -> str:
    """The repository, address or pattern that a part is read from."""
    part = found.part
    return str(getattr(part, "repository", None) or getattr(part, "url", None) or getattr(part, "pattern", None))


def _look(pins: Mapping[str, PublishedPin], folder: Path) -> dict[str, tuple[str, list[Found]]]:
    """Stem -> the place that serves it, and its files there; each file is hashed once.

    A place that is whole in the store goes first, so that a task's rows come from one place.
    """
    stored = functools.cache(stored_file)
    whole = next((place for place, pin in pins.items() if _is_whole(pin, folder, stored)), None)
    order = sorted(pins, key=lambda place: place != whole)
    found: dict[str, tuple[str, list[Found]]] = {}
    for stem in dict.fromkeys(stem for place in order for stem in pins[place].files):
        missing: list[NotFetched] = []
        for place in (place for place in order if stem in pins[place].files):
            try:
                found[stem] = place, _in_place(pins[place], stem, folder, stored)
                break
            except NotFetched as error:
                missing.append(error)
        if stem not in found and not stem.startswith(f"{TRANSLATED}."):
            raise missing[0]
    return found


def _is_whole(pin: PublishedPin, folder: Path, stored: Stored) -> bool:
    """Whether the store has every file of a place, machine-translated rows not counted."""
    try:
        for stem in pin.files:
            if not stem.startswith(f"{TRANSLATED}."):
                _in_place(pin, stem, folder, stored)
    except NotFetched:
        return False
    return True


def _in_place(pin: PublishedPin, stem: str, folder: Path, stored: Stored) -> list[Found]:
    """A stem's parts with their files; `NotFetched` where one is not in the store."""
    return [Found(part, files_of(pin, part, folder, stored)) for part in pin.files[stem]]


def files_of(pin: PublishedPin, part: Part, folder: Path, stored: Stored) -> tuple[Given, ...]:
    """The verified files of a part, ready to be read; HarnessError where one is not there or not the pinned one."""
    if isinstance(pin, HubPin) and isinstance(part, HubFile):
        repository = store.repository_folder(folder, "dataset", part.repository, pin.revisions[part.repository])
        return (Given(stored(repository, part.path, part.sha256), part.where),)
    if isinstance(pin, UrlPin) and isinstance(part, UrlFile):
        path, *beside = [
            stored(store.url_folder(folder, side.sha256), store.url_name(side.url), side.sha256)
            for side in (part, part.beside)
            if side
        ]
        return (Given(path, part.where, part.member, beside[0] if beside else None),)
    if isinstance(pin, PathPin) and isinstance(part, PathFile):
        return tuple(Given(path, part.where) for path in _licensed_files(pin, part))
    raise TypeError(f"{type(part).__name__} in a {type(pin).__name__}")


def stored_file(folder: Path, name: str, sha256: str | None) -> Path:
    """A fetched file, once its bytes are its manifest's and, where there is one, the pin's.

    `NotFetched` where it was never fetched, or not wholly; HarnessError where it has other bytes now.
    """
    state = store.state(folder, name, sha256)
    if state.word == "missing":
        raise NotFetched(state.detail, fix=store.FETCH)
    if state.word == "differs":
        raise HarnessError(state.detail, fix=store.FETCH)
    return state.path


def _licensed_files(pin: PathPin, part: PathFile) -> list[Path]:
    """The files of a licensed corpus that a pattern names, sorted."""
    folder = os.environ.get(pin.variable)
    fix = f"set {pin.variable} to the corpus's own folder ({pin.why})"
    if not folder:
        raise NotFetched(f"expected the folder of a licensed corpus in {pin.variable}, found it not set", fix=fix)
    found = sorted(Path(folder).glob(part.pattern))
    if not found:
        raise HarnessError(f"expected files {part.pattern} in {folder} ({pin.variable}), found none", fix=fix)
    return found


class NoRows:
    """The source of a task whose published rows this machine can't have."""

    name = "published"
    pin_text = "published (none)"
    source_language = ENGLISH
    stand_in: str | None = None

    def __init__(self, reason: str) -> None:
        """`reason` says why, in a few words."""
        self.reason = reason
        self.overlaps: list[str] = []
        self.dropped: Counter[str] = Counter()

    def stems(self) -> list[str]:
        """None."""
        return []

    def origin(self, stem: str) -> str:
        """No file."""
        return stem

    def rows(self, stem: str) -> list[Row]:
        """Never any."""
        raise HarnessError(f"expected rows of {stem}, found none: {self.reason}", fix="get the data")
