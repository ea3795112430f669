"""`harness data pack`: samples the published data into a data pack, the folder that the source `local` reads.

The rule: of each file's rows the ones with the smallest sha256(seed + task + id), in the file's own order. Ids of
parallel tasks are the same in every language, so these keep the same items. A row's id begins with its folder's name,
as a task may concatenate several folders.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.data import formats
from harness.data.folder import write_folder
from harness.data.formats import Row
from harness.data.published import Published
from harness.project import files as integrity
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pins import LocalPin
from harness.project.tasks import Task, load_tasks, pin_for, unavailable

SEED = 1
RULE = f"smallest sha256({SEED} + task + id) first"


def make_pack(params: Params, paths: Paths, store: Path, out: Path) -> list[str]:
    """Write the pack of a `local` profile from the store, as many rows per file as its pins name; lines for people.

    Tasks without published data are left out, and said. Raises HarnessError where the profile has no pack, where `out`
    exists, or where a task's published files are not in the store.
    """
    pack = params.data.pack
    if params.data.source != "local" or not pack:
        raise HarnessError(
            f"expected a profile with source `local` and a pack, found profile {params.profile}",
            fix="name a profile whose data is a pack (`--profile mini`)",
        )
    if out.exists():
        raise HarnessError(f"expected a folder to make, found {out} already there", fix="name another folder")
    tasks = load_tasks(params.data.tasks, paths.tasks)
    missing = {name: reason for name, task in tasks.items() if (reason := unavailable(task))}
    present = {name: task for name, task in tasks.items() if name not in missing}
    manifest: dict[str, Any] = {"pack": out.name, "selection": RULE, "files": []}
    lines = [f"left out {name}: {reason}" for name, reason in missing.items()]
    write_folder(out, _files(present, pack, store, manifest, lines), manifest)
    rows = sum(entry["rows"] for entry in manifest["files"])
    lines.append(f"wrote {rows} rows in {len(manifest['files'])} files to {out}")
    names = " ".join(present)
    return [*lines, f"to pin it: HARNESS_DATA_DIR={out} harness data pin {names} --pack {out.name}"]


def _files(
    tasks: Mapping[str, Task], pack: str, store: Path, manifest: dict[str, Any], lines: list[str]
) -> Iterator[tuple[str, bytes]]:
    """Every file of the pack, each once: a task that borrows another's split names the same file."""
    written: set[str] = set()
    for task in tasks.values():
        pin = pin_for(task, "local", pack)
        source = Published(task, store)
        assert isinstance(pin, LocalPin)
        absent = [stem for stem in pin.files if stem not in source.stems()]
        lines += [f"left out {stem} of task {task.name}: not among its published files" for stem in absent]
        for path, rows in _sampled(task, pin, source):
            if path in written:
                continue
            written.add(path)
            content = formats.encode_rows(rows)
            sha256 = integrity.sha256_bytes(content)
            entry = {"file": path, "rows": len(rows), "sha256": sha256, "licence": task.licence}
            manifest["files"].append(entry | {"source": source.pin_text})
            yield path, content


def _sampled(task: Task, pin: LocalPin, source: Published) -> Iterator[tuple[str, list[Row]]]:
    """(path, rows) of every file of a task that the pack's pin names and the published data has."""
    for stem, files in pin.files.items():
        split, language = stem.split(".")
        if stem not in source.stems() or split.endswith(("_source", "_target")):
            continue
        if split.endswith("_gold"):
            yield from _sampled_mining(pin, source, split.removesuffix("_gold"), language)
            continue
        groups = source.groups(stem)
        if len(files) not in (1, len(groups)):
            raise HarnessError(
                f"expected 1 or {len(groups)} files of {stem} in the pack's pin of {task.name}, found {len(files)}",
                fix="pin one file, or one per published data set",
            )
        rows = groups if len(files) > 1 else [list(itertools.chain(*groups))]
        for file, candidates in zip(files, rows, strict=True):
            folder = file.path.split("/")[0]  # of the data set itself, whichever task borrows it
            kept = smallest(candidates, file.rows, folder)
            yield _plain(file.path), [row | {"id": f"{folder}-{row['id']}"} for row in kept]


def _sampled_mining(pin: LocalPin, source: Published, split: str, language: str) -> Iterator[tuple[str, list[Row]]]:
    """Gold pairs, all their sentences, and as many other sentences a side as the pin's count leaves room for."""
    files = {side: pin.files[f"{split}_{side}.{language}"][0] for side in ("source", "target", "gold")}
    folder = files["gold"].path.split("/")[0]
    texts = {side: source.rows(f"{split}_{side}.{language}") for side in ("source", "target")}
    sources, targets = ({row["id"] for row in rows} for rows in texts.values())
    pairs = source.rows(f"{split}_gold.{language}")
    formats.check_gold(pairs, sources, targets, source.origin(f"{split}_gold.{language}"))
    gold = smallest(pairs, files["gold"].rows, folder)
    yield _plain(files["gold"].path), gold
    for side in texts:
        paired = {row[f"{side}_id"] for row in gold}
        rows = texts[side]
        others = [row for row in rows if row["id"] not in paired]
        kept = paired | {row["id"] for row in smallest(others, max(0, files[side].rows - len(paired)), folder)}
        yield _plain(files[side].path), [row for row in rows if row["id"] in kept]


def smallest(rows: Sequence[Row], count: int, task: str) -> list[Row]:
    """The `count` rows with the smallest hash, in their own order."""
    ranked = sorted(rows, key=lambda row: hashlib.sha256(f"{SEED}{task}{row['id']}".encode()).digest())
    kept = {row["id"] for row in ranked[:count]}
    return [row for row in rows if row["id"] in kept]


def _plain(path: str) -> str:
    """The path without compression."""
    return path.removesuffix(".gz")
