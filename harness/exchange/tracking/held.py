"""Finished results on disk that are to be imported: those of the run or, where nothing has run, the pinned ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.project.errors import HarnessError
from harness.project.paths import Paths
from harness.project.pinned import (
    ENCODER,
    MANIFEST,
    RESULTS,
    TRAININGS,
    kept_files_name,
    left_out_of_pins,
    pinned_predictions,
    read_pinned_manifest,
    read_results,
)
from harness.project.results import Result, kept_name, read_result


@dataclass(frozen=True)
class Finished:
    """A result that is to be imported."""

    result: Result
    sha256: str
    """Of result.json or, of a pinned one, of what it would hold."""
    ended_ms: int
    """When the cell ended, milliseconds since 1970; of a pinned one, when it was pinned."""
    record: Path | None
    """Its result.json; None of a pinned one, which is a line of a file."""
    files: Mapping[str, Path]
    """Name beside result.json -> file: predictions, and what the cell keeps."""


@dataclass(frozen=True)
class Held:
    """All of them, with where the records of the other units lie."""

    pinned: bool
    cells: list[Finished]
    encoder: Path
    """The record of the encoder's making; it need not be there."""
    trainings: list[Path]
    """The records of the intermediate trainings."""


def read_held(paths: Paths) -> Held:
    """The finished cells of the run, else the pinned ones; none where there is neither.

    Raises HarnessError for a result that can't be read or whose predictions are missing.
    """
    found = sorted(paths.cells.glob("*/result.json"))
    if found or not (paths.pinned / MANIFEST).is_file():
        trainings = sorted((paths.results / "intermediate").glob("*.json"))
        return Held(False, [_finished(path, paths) for path in found], paths.results / ENCODER, trainings)
    trainings = sorted((paths.pinned / TRAININGS).glob("*.json"))
    return Held(True, _pinned(paths.pinned), paths.pinned / ENCODER, trainings)


def _finished(path: Path, paths: Paths) -> Finished:
    result, files = read_result(path), dict[str, Path]()
    unpinned = left_out_of_pins({result.cell.id: result}, paths.pinned)
    if result.predictions:
        files[result.predictions.path] = path.parent / result.predictions.path
        if not files[result.predictions.path].is_file() and not unpinned:
            raise HarnessError(
                f"expected the predictions of {path} beside it in {result.predictions.path}, found none",
                fix=f"delete {path.parent} and run `dvc repro` to make the cell anew",
            )
    files |= {kept_name(kept): path.parent / kept_name(kept) for kept in result.kept}
    return Finished(result, hashlib.sha256(path.read_bytes()).hexdigest(), file_ms(path), path, files)


def _pinned(folder: Path) -> list[Finished]:
    created = datetime.fromisoformat(read_pinned_manifest(folder).created)
    ended = int(1000 * (created if created.tzinfo else created.replace(tzinfo=UTC)).timestamp())
    found = []
    for name, result in read_results(folder / RESULTS).items():
        files = {kept_name(kept): folder / kept_files_name(kept, name) for kept in result.kept}
        if result.predictions:
            files[result.predictions.path] = pinned_predictions(folder, name)
        sha256 = hashlib.sha256(result.model_dump_json().encode()).hexdigest()
        found.append(Finished(result, sha256, ended, None, files))
    return found


def file_ms(path: Path) -> int:
    """When a file was written; result.json is written last, so its time is the end of the cell."""
    return int(1000 * path.stat().st_mtime)
