"""A folder of normalised data, build/<profile>/data/<task>/: written whole or not at all, manifest last; and read."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from harness.data.formats import Row
from harness.project.errors import HarnessError, explain_validation
from harness.project.records import StrictRecord
from harness.project.stages import data_stage

MANIFEST = "manifest.json"
_REMEDY = {
    errno.ENOSPC: "free space on that disk and run the command again",
    errno.EDQUOT: "free space in your quota and run the command again",
    errno.EROFS: "make the folder writable, or work in a clone on a disk that is",
    errno.EACCES: "make the folder writable for you and run the command again",
    errno.EPERM: "make the folder writable for you and run the command again",
}


class BuiltFile(StrictRecord):
    """One normalised file."""

    rows: int = Field(ge=0)
    """Lines."""
    sha256: str
    """Of its bytes."""
    bytes: int = Field(ge=0)
    """Its size."""


class Manifest(StrictRecord):
    """What a data folder holds and was made from; written last, so a folder that has it is complete."""

    task: str
    """Name of the task."""
    kind: str
    """Schema of its rows."""
    head: str
    """How it is trained; here so that whatever reads the folder runs again when it changes."""
    metric: str
    """How it is scored; here for the same reason."""
    labels: list[str] | list[int] | None
    """Its labels in the order of the logits, where they are declared."""
    source: str
    """`generated`, `local` or `published`."""
    source_pin: str
    """The pin that the rows were checked against, in one line with its sha256."""
    source_language: str
    """The language of train and dev."""
    files: dict[str, BuiltFile]
    """File name to what it holds."""
    stand_in: str | None
    """In plain words, what stands in for the task's own data; null where nothing does."""
    counts_dropped: dict[str, int]
    """Keys of the source's rows that the schema has no place for, and in how many rows each was dropped; of published
    files also what their reader left out or repaired."""
    overlaps: list[str] = Field(default_factory=list)
    """Targets whose test rows share articles with the machine-translated training rows."""
    unavailable: str | None = None
    """In plain words, why the data may not be had here; then there is no file."""


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a data folder; HarnessError where there is none or it doesn't fit."""
    path, fix = folder / MANIFEST, _rebuild(folder)
    try:
        return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise HarnessError(f"expected built data in {folder}, found: {error.strerror}", fix=fix) from None
    except ValidationError as error:
        raise HarnessError(explain_validation(error, Manifest, str(path)), fix=fix) from None
    except ValueError as error:
        raise HarnessError(f"expected JSON in {path}, found: {error}", fix=fix) from None


def _rebuild(folder: Path) -> str:
    return f"run `dvc repro {data_stage(folder.name)}` (or `dvc repro`)"


def languages(folder: Path, split: str) -> list[str]:
    """The languages of a split, sorted; HarnessError (with the splits there are) where there is none."""
    manifest = read_manifest(folder)
    if manifest.unavailable:
        raise HarnessError(
            f"expected rows of task {manifest.task}, found none: {manifest.unavailable}",
            fix=f"get the data, then {_rebuild(folder)}, or leave out what uses this task",
        )
    found = sorted(name.split(".")[1] for name in manifest.files if name.split(".")[0] == split)
    if not found:
        splits = sorted({name.split(".")[0] for name in manifest.files})
        raise HarnessError(
            f"expected split {split!r} of task {manifest.task}, found only {', '.join(splits)} in {folder}",
            fix=f"pin that split in tasks/{manifest.task}.yaml, or choose another",
        )
    return found


def has_split(folder: Path, split: str) -> bool:
    """Whether the folder has the split in any language."""
    return any(name.split(".")[0] == split for name in read_manifest(folder).files)


def read_split(folder: Path, split: str, language: str) -> list[Row]:
    """The rows of one split and language; HarnessError (with what there is) where they are missing."""
    known = languages(folder, split)
    if language not in known:
        raise HarnessError(
            f"expected language {language!r} in split {split!r} of task {folder.name}, found only {', '.join(known)}",
            fix=f"pin that language in tasks/{folder.name}.yaml, or choose another",
        )
    path = folder / f"{split}.{language}.jsonl"
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            return [json.loads(line) for line in lines]
    except OSError as error:
        raise HarnessError(
            f"expected {path} (its manifest lists it), found: {error.strerror}",
            fix=_rebuild(folder),
        ) from None


def write_folder(folder: Path, files: Iterable[tuple[str, bytes]], manifest: dict[str, Any]) -> None:
    """Replace `folder` by one that holds `files` and manifest.json.

    `files` may be lazy and may complete `manifest` while it is consumed. Everything goes to a sibling folder
    first, which is renamed at the end; an OSError (full disk, read-only folder) leaves what was there and
    becomes a HarnessError.
    """
    partial, old = folder.parent / f".{folder.name}.partial", folder.parent / f".{folder.name}.old"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, content in files:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            _write_bytes(partial / name, content)
        _write_bytes(partial / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    except OSError as error:
        raise HarnessError(
            f"expected to write {folder}, found: {error.strerror or error}; nothing was left half-written",
            fix=_REMEDY.get(error.errno or 0, "see that the folder can be made and written, and run the command again"),
        ) from None
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
