"""The data stage: a pinned source -> build/<profile>/data/<task>/.

A pure function of the task file, the active source and its files: building again gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from harness.data import formats
from harness.data.folder import write_folder
from harness.data.formats import Row
from harness.data.published import NoRows
from harness.data.sources import Source, open_source
from harness.project import files as integrity
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.tasks import Task, load_task, unavailable


def build_task(name: str, params: Params, paths: Paths) -> dict[str, Any]:
    """Check, normalise and write every file of a task; returns the manifest, which is written last.

    A task whose published rows this machine can't have gets a manifest that says why, and no files.

    Raises HarnessError for a task without a pin for the active source, a file that is not the pinned one, a
    row that doesn't fit its schema, gold pairs whose ids the texts lack, placeholder test labels, or a folder that
    cannot be written.
    """
    task = load_task(name, paths.tasks)
    source: Source = NoRows(reason) if (reason := _unavailable(task, params)) else open_source(task, params, paths.root)
    manifest: dict[str, Any] = {
        "task": task.name,
        "kind": task.kind,
        "head": task.head,
        "metric": task.metric,
        "labels": task.labels,
        "source": source.name,
        "source_pin": source.pin_text,
        "source_language": source.source_language,
        "files": {},
        "stand_in": source.stand_in,
        "counts_dropped": {},
        "overlaps": source.overlaps,
        "unavailable": reason,
    }
    write_folder(paths.data(name), _files(task, source, manifest), manifest)
    return manifest


def _unavailable(task: Task, params: Params) -> str | None:
    return unavailable(task) if params.data.source == "published" else None


def _files(task: Task, source: Source, manifest: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    ids: dict[str, set[str]] = {}
    gold: dict[str, list[Row]] = {}
    for stem in source.stems():
        rows = source.rows(stem)
        if task.kind == "mining":
            ids[stem] = {row["id"] for row in rows}
            gold |= {stem: rows} if "_gold." in stem else {}  # in the file's order: a mistake is named by its row
        if source.name != "generated":  # the laboratory draws each of its rows by itself
            rows = mixed(rows, stem.partition(".")[2])
        if stem.startswith("test"):
            formats.refuse_placeholder_labels(task.kind, rows, f"{stem} of task {task.name}")
        content = formats.encode_rows(rows)
        manifest["files"][f"{stem}.jsonl"] = describe(content, len(rows))
        yield f"{stem}.jsonl", content
    for stem, rows in gold.items():
        sources, targets = (ids.get(stem.replace("_gold.", f"_{side}."), set()) for side in ("source", "target"))
        formats.check_gold(rows, sources, targets, source.origin(stem))
    manifest["counts_dropped"] = dict(sorted(source.dropped.items()))


def mixed(rows: Sequence[Row], language: str) -> list[Row]:
    """The rows by the sha256 of their ids, without `LANGUAGE:` in front: the first so many are a sample of them all.

    Published files go article by article, and a task of several data sets has one after the other; settings such as
    `max_examples` and `max_rows` take the first rows. Items that several languages share come in one order in all.
    """
    return sorted(rows, key=lambda row: hashlib.sha256(row["id"].removeprefix(f"{language}:").encode()).digest())


def describe(content: bytes, rows: int) -> dict[str, Any]:
    """What a manifest says of one file."""
    return {"rows": rows, "sha256": integrity.sha256_bytes(content), "bytes": len(content)}
