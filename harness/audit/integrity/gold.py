"""The gold rows that stored predictions answer: read from the built data, or generated again where it was not built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.folder import MANIFEST, languages, read_manifest
from harness.metrics.metric import Row
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.stages import data_stage
from harness.project.tasks import load_task, pin_for

_NOT_GOLD = ("context", "tokens")
"""Keys of a row that no metric reads and that are most of its size."""


@dataclass(frozen=True)
class Gold:
    """The gold rows of one target: what its test predictions answer."""

    metric: str
    """How the target is scored."""
    files: Mapping[str, str]
    """language -> sha256 of its gold file; a result has a score of each and of no other."""
    read: Callable[[str], bytes]
    """language -> the bytes of its gold file, JSON lines."""

    def rows(self, language: str) -> list[Row]:
        """The rows of one language. HarnessError where the bytes that are read are not those of its sha256."""
        content = self.read(language)
        if hashlib.sha256(content).hexdigest() != self.files[language]:
            raise HarnessError(f"expected the gold rows of {language} as listed, found others", fix="run `dvc repro`")
        return [_without(json.loads(line), _NOT_GOLD) for line in content.splitlines()]


def is_built(target: str, data_sha256: str, paths: Paths) -> bool:
    """Does the data with this manifest lie here?"""
    manifest = paths.data(target) / MANIFEST
    return manifest.is_file() and hashlib.sha256(manifest.read_bytes()).hexdigest() == data_sha256


def find_gold(target: str, data_sha256: str, params: Params, paths: Paths) -> Gold:
    """The gold rows behind a result that was made from the data with this manifest ("": it doesn't say).

    They are read where that data was built, else generated again (the laboratory's, each file against its pin). Raises
    HarnessError where they can't be had here.
    """
    folder = paths.data(target)
    manifest = folder / MANIFEST
    if manifest.is_file() and data_sha256 in ("", hashlib.sha256(manifest.read_bytes()).hexdigest()):
        return _built(folder)
    if params.data.source == "generated":
        return _generated(target, params, paths)
    if manifest.is_file():
        raise HarnessError("the gold rows that lie here are others than the cells name", fix="run `dvc repro`")
    raise HarnessError("gold rows are not here: `dvc repro` makes them", fix=f"run `dvc repro {data_stage(target)}`")


def _built(folder: Path) -> Gold:
    manifest = read_manifest(folder)
    split = _split(manifest.kind)
    return Gold(
        metric=manifest.metric,
        files={language: manifest.files[f"{split}.{language}.jsonl"].sha256 for language in languages(folder, split)},
        read=lambda language: (folder / f"{split}.{language}.jsonl").read_bytes(),
    )


def _generated(target: str, params: Params, paths: Paths) -> Gold:
    from harness.data.formats import encode_rows
    from harness.data.sources import open_source

    task = load_task(target, paths.tasks)
    split, pin, source = _split(task.kind), pin_for(task, "generated"), open_source(task, params, paths.root)
    stems = {stem.partition(".")[2]: stem for stem in pin.files if stem.partition(".")[0] == split}
    listed: Mapping[str, Any] = pin.files
    return Gold(
        metric=task.metric,
        files={language: listed[stem].sha256 for language, stem in stems.items()},
        read=lambda language: encode_rows(source.rows(stems[language])),
    )


def _split(kind: str) -> str:
    return "test_gold" if kind == "mining" else "test"


def _without(row: Row, keys: tuple[str, ...]) -> Row:
    for key in keys:
        row.pop(key, None)
    return row
