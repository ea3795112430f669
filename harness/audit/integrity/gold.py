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
    """The gold rows of one target: what its test predictions answer, and those of its dev sets."""

    metric: str
    """How the target is scored."""
    source_language: str
    """The language that it is trained in."""
    split: str
    """The split of the test predictions' gold rows."""
    dev_split: str
    """The same of dev predictions."""
    sha256: Mapping[str, str]
    """stem (`test.de`) -> sha256 of every file of rows."""
    read: Callable[[str], bytes]
    """stem -> the bytes of the file, JSON lines."""

    @property
    def files(self) -> dict[str, str]:
        """language -> sha256 of its gold file; a result has a score of each and of no other."""
        return self._of(self.split)

    @property
    def dev_files(self) -> dict[str, str]:
        """The same of dev sets; empty where there is none."""
        return self._of(self.dev_split)

    def rows(self, language: str) -> list[Row]:
        """The rows of one language. HarnessError where the bytes that are read are not those of its sha256."""
        return self._rows(f"{self.split}.{language}")

    def dev_rows(self, language: str) -> list[Row]:
        """The same of its dev set."""
        return self._rows(f"{self.dev_split}.{language}")

    def _of(self, split: str) -> dict[str, str]:
        stems = sorted(stem for stem in self.sha256 if stem.partition(".")[0] == split)
        return {stem.partition(".")[2]: self.sha256[stem] for stem in stems}

    def _rows(self, stem: str) -> list[Row]:
        content = self.read(stem)
        if hashlib.sha256(content).hexdigest() != self.sha256[stem]:
            raise HarnessError(f"expected the gold rows of {stem} as listed, found others", fix="run `dvc repro`")
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
    split, dev_split = _splits(manifest.kind)
    languages(folder, split)  # raises where there is none, with what there is
    return Gold(
        metric=manifest.metric,
        source_language=manifest.source_language,
        split=split,
        dev_split=dev_split,
        sha256={name.removesuffix(".jsonl"): entry.sha256 for name, entry in manifest.files.items()},
        read=lambda stem: (folder / f"{stem}.jsonl").read_bytes(),
    )


def _generated(target: str, params: Params, paths: Paths) -> Gold:
    from harness.data.formats import encode_rows
    from harness.data.sources import open_source

    task = load_task(target, paths.tasks)
    pin, source = pin_for(task, "generated"), open_source(task, params, paths.root)
    split, dev_split = _splits(task.kind)
    listed: Mapping[str, Any] = pin.files
    return Gold(
        metric=task.metric,
        source_language=source.source_language,
        split=split,
        dev_split=dev_split,
        sha256={stem: entry.sha256 for stem, entry in listed.items()},
        read=lambda stem: encode_rows(source.rows(stem)),
    )


def _splits(kind: str) -> tuple[str, str]:
    """The splits of the gold rows of test and dev predictions."""
    return ("test_gold", "dev_gold") if kind == "mining" else ("test", "dev")


def _without(row: Row, keys: tuple[str, ...]) -> Row:
    for key in keys:
        row.pop(key, None)
    return row
