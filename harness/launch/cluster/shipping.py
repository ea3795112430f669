"""Files that travel to a machine without the project's folder, and back: cut into pieces, known by their sha256.

What carries the pieces (Ray's object store) is handed in as two functions, `put` and `get`; nothing here knows it. A
machine keeps what it received in a store of content-addressed files, so that an encoder crosses the network once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.project.errors import HarnessError
from harness.project.files import sha256_file

PIECE_BYTES = 64 * 2**20
"""Size of a piece: large enough to be cheap, small enough that no machine holds a checkpoint twice in memory."""


@dataclass(frozen=True)
class Shipped:
    """A file as it travels."""

    sha256: str
    """Of the whole file."""
    size: int
    """Bytes."""
    pieces: tuple[Any, ...]
    """What `put` returned for each piece, in order."""


class Shipper:
    """The sender: reads every file once and puts every content once."""

    def __init__(self, put: Callable[[bytes], Any]) -> None:
        self._put = put
        self._known: dict[tuple[str, int, int], Shipped] = {}
        self._by_content: dict[str, Shipped] = {}

    def ship(self, inputs: Iterable[Path], root: Path) -> dict[str, Shipped]:
        """Every file of `inputs` (files and folders) by its path from `root`; what is missing is left out.

        The unit itself then names what it lacks.
        """
        files = [file for path in inputs for file in files_below(path)]
        return {file.relative_to(root).as_posix(): self._file(file) for file in files}

    def _file(self, path: Path) -> Shipped:
        state = path.stat()
        key = (str(path), state.st_size, state.st_mtime_ns)
        if key not in self._known:
            digest = sha256_file(path)
            if digest not in self._by_content:
                pieces = tuple(self._put(piece) for piece in pieces_of(path))
                self._by_content[digest] = Shipped(digest, state.st_size, pieces)
            self._known[key] = self._by_content[digest]
        return self._known[key]


@dataclass(frozen=True)
class Store:
    """The receiver's content-addressed files."""

    folder: Path

    def lay_out(self, files: Mapping[str, Shipped], root: Path, get: Callable[[Any], bytes]) -> None:
        """Write the files below `root`, each a link to the store; what the store lacks is got first.

        Raises HarnessError where the bytes are not those of the sha256.
        """
        for name, shipped in files.items():
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(self._kept(shipped, get), place)

    def _kept(self, shipped: Shipped, get: Callable[[Any], bytes]) -> Path:
        """The file in the store, its bytes checked now, whoever wrote it."""
        path = self.folder / shipped.sha256[:2] / shipped.sha256
        if not (path.is_file() and sha256_file(path) == shipped.sha256):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
            try:
                write_pieces(partial, (get(piece) for piece in shipped.pieces), shipped.sha256)
                partial.chmod(0o444)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        return path


def files_below(path: Path) -> list[Path]:
    """A file itself, a folder's files in order, nothing where nothing is."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path] if path.is_file() else []


def pieces_of(path: Path) -> Iterator[bytes]:
    """A file in pieces of at most PIECE_BYTES; an empty file has none."""
    with path.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece


def write_pieces(path: Path, pieces: Iterable[bytes], sha256: str) -> None:
    """Write a file from its pieces. Raises HarnessError, leaving none behind, where its sha256 is another."""
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for piece in pieces:
            digest.update(piece)
            stream.write(piece)
    if digest.hexdigest() != sha256:
        path.unlink()
        raise HarnessError(
            f"expected bytes of sha256 {sha256} for {path.name}, found {digest.hexdigest()} after the transfer",
            fix="run the same command again; if it happens again, check memory and disk of both machines",
        )


def remove(folder: Path) -> None:
    """Remove a folder, be it there or not."""
    shutil.rmtree(folder, ignore_errors=True)
