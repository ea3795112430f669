"""Hashes and counts of files: nothing is read as data before its bytes equal what was pinned."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

from harness.project.errors import HarnessError, writing


def sha256_bytes(content: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Lower-case hex of a file's bytes, however large; HarnessError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def count_rows(content: bytes) -> int:
    """Lines; a last line without its newline counts."""
    return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


def check_file(path: Path, sha256: str, rows: int, pinned_by: str = "its pin", fix: str | None = None) -> bytes:
    """The file's content (.gz decompressed), once its sha256 and its number of rows equal the pinned ones.

    Raises HarnessError with the file, what was expected (and by whom) and what was found.
    """
    stored = _read(path)
    found = sha256_bytes(stored)
    fix = fix or "copy the file from its source again; if the change is meant, pin it (`harness data pin TASK`)"
    if found != sha256:
        raise HarnessError(f"expected sha256 {sha256} ({pinned_by}), found {found} in {path}", fix=fix)
    try:
        content = gzip.decompress(stored) if path.suffix == ".gz" else stored
    except (OSError, EOFError, zlib.error) as error:
        raise HarnessError(f"expected gzip in {path}, found: {error}", fix=fix) from None
    if count_rows(content) != rows:
        raise HarnessError(f"expected {rows} rows ({pinned_by}), found {count_rows(content)} in {path}", fix=fix)
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> HarnessError:
    return HarnessError(
        f"expected a readable file {path}, found: {error.strerror or error}",
        fix="put the file there and make it readable, or point data_dir (HARNESS_DATA_DIR) at the folder that holds it",
    )


def write_json(path: Path, content: Any) -> None:
    """Write JSON by an atomic rename, so that a file that exists is whole. OSError becomes HarnessError."""
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as stream:
            json.dump(content, stream, ensure_ascii=False, indent=1, sort_keys=False)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
