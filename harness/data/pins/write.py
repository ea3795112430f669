"""`harness data pin`: writes the pins of a task file from what the source holds now, and checks them.

Only the part of the file below the marker line is rewritten; what people write above it (and the words in
`stand_in` and `note`) stays as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.data import formats
from harness.data.pins.published import confirmed_pins
from harness.data.pins.yaml_block import dump_pins
from harness.data.sources import generate_rows, pack_folder, read_pack_manifest
from harness.project import files as integrity
from harness.project.errors import HarnessError
from harness.project.pins import GeneratedFile, GeneratedPin, LocalPin, PackFile, Pins
from harness.project.tasks import TRANSLATED, Task, load_task

MARKER = "# --- pins: written by `harness data pin`, not by hand (save the words in stand_in and note) ---"
XTREME_SOURCE_LANGUAGE = "en"
DATA_SEED = 1
# Rows per file of the laboratory world, by head. Test sets are small because every cell predicts all of them
# in up to twelve languages; training sets are what a small encoder learns from within a few minutes.
GENERATED_ROWS: dict[str, dict[str, int]] = {
    "classification": {"train": 4000, "dev": 200, "test": 100},
    "choice": {"train": 4000, "dev": 200},
    "tagging": {"train": 1500, "dev": 200, "test": 100},
    "span": {"train": 2500, "dev": 200, "test": 100},
    "retrieval": {"test": 150, "test_source": 200, "test_target": 200, "test_gold": 200},
    "none": {"text": 24_000},
}


def pin_task(
    name: str,
    tasks_dir: Path,
    source: str,
    pack: str | None = None,
    data_dir: Path | None = None,
    generated_rows: Mapping[str, int] | None = None,
    store: Path | None = None,
) -> Task:
    """Rewrite one source's pin in tasks/<name>.yaml and return the new record.

    `generated_rows` overrides rows per split of the laboratory world (for `text`: of all languages together); `store`
    is the folder of fetched files, whose rows are counted (`published`).
    Raises HarnessError where the source lacks a file, or a file is not what the pack's manifest says.
    """
    task = load_task(name, tasks_dir)
    pins = _pins_now(task, source, pack, data_dir, generated_rows, store)
    path = tasks_dir / f"{name}.yaml"
    head = _head(path)
    partial = path.with_suffix(".yaml.partial")
    try:
        partial.write_text(f"{head}{MARKER}\n{dump_pins(pins)}", encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise HarnessError(f"expected to write {path}, found: {error.strerror}", fix="make it writable") from None
    return load_task(name, tasks_dir)


def check_pin(
    name: str,
    tasks_dir: Path,
    source: str,
    pack: str | None = None,
    data_dir: Path | None = None,
    generated_rows: Mapping[str, int] | None = None,
    store: Path | None = None,
) -> list[str]:
    """The lines of the pins block that pinning now would change (`-` pinned, `+` found); empty: none."""
    task = load_task(name, tasks_dir)
    pinned = dump_pins(task.pins).splitlines()
    found = dump_pins(_pins_now(task, source, pack, data_dir, generated_rows, store)).splitlines()
    gone = [f"- {line.strip()}" for line in pinned if line not in found]
    return gone + [f"+ {line.strip()}" for line in found if line not in pinned]


def _pins_now(
    task: Task,
    source: str,
    pack: str | None,
    data_dir: Path | None,
    rows: Mapping[str, int] | None,
    store: Path | None,
) -> Pins:
    if source == "generated":
        return task.pins.model_copy(update={"generated": generated_pin(task, rows or {})})
    if source == "published":
        return confirmed_pins(task, store)
    if not pack:
        raise HarnessError("expected the name of the data pack to pin, found none", fix="name it: `--pack mini`")
    return task.pins.model_copy(
        update={"local": {**task.pins.local, pack: local_pin(task, pack, pack_folder(data_dir))}}
    )


def generated_pin(task: Task, rows: Mapping[str, int]) -> GeneratedPin:
    """What the laboratory world makes for a task now."""
    from harness.data import lab

    files: dict[str, GeneratedFile] = {}
    for stem, wanted in _generated_stems(task, {**GENERATED_ROWS[task.head], **rows}):
        from_task = task.borrowed_splits.get(stem.split(".")[0])
        made = generate_rows(task, stem, from_task, wanted, DATA_SEED)
        sha256 = integrity.sha256_bytes(formats.encode_rows(made))
        files[stem] = GeneratedFile.model_validate({"from": from_task, "rows": len(made), "sha256": sha256})
    return GeneratedPin(version=lab.GENERATOR_VERSION, seed=DATA_SEED, source_language=lab.SOURCE_LANGUAGE, files=files)


def _generated_stems(task: Task, rows: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Stems of a task's laboratory analogue, with the rows to ask for."""
    from harness.data import lab

    if task.kind == "text":
        for language in lab.LANGUAGES:
            if share := lab.corpus_rows(language, rows["text"]):
                yield f"text.{language}", share
        return
    if task.head != "retrieval":
        yield f"train.{lab.SOURCE_LANGUAGE}", rows["train"]
        yield f"dev.{lab.SOURCE_LANGUAGE}", rows["dev"]
    if task.name in lab.TRANSLATED_TASKS:
        for language in lab.TRANSLATED_LANGUAGES:
            yield f"{lab.TRANSLATED}.{language}", rows["train"]
    splits = ("test_source", "test_target", "test_gold") if task.kind == "mining" else ("test",)
    for language in lab.TASK_LANGUAGES.get(task.name, ()):
        for split in splits:
            yield f"{split}.{language}", rows[split]


def local_pin(task: Task, pack: str, folder: Path) -> LocalPin:
    """What a data pack holds for a task now; every file is hashed, held against the pack's manifest, and parsed."""
    manifest = read_pack_manifest(folder)
    files: dict[str, list[PackFile]] = {}
    for stem, path in sorted(_pack_stems(task, manifest), key=_stem_order):
        rows, sha256 = manifest[path]
        content = integrity.check_file(folder / path, sha256, rows, pinned_by="the pack's manifest")
        for _ in formats.parse_lines(content, str(folder / path)):
            pass  # a row that no parser takes is refused before it is pinned
        if not rows:
            raise HarnessError(
                f"expected at least one row in {folder / path}, found none",
                fix="take the file from its source again, or take it out of the pack and its manifest",
            )
        files.setdefault(stem, []).append(PackFile(path=path, rows=rows, sha256=sha256))
    if not files:
        patterns = ", ".join(pattern for patterns in task.pack_files.values() for pattern in patterns)
        raise HarnessError(
            f"expected files of task {task.name} ({patterns}) in the pack {folder}, found none",
            fix=f"correct pack_files in tasks/{task.name}.yaml, or leave the task out of data.tasks",
        )
    # What stands in and what overlaps is said of a new pack too, until somebody says otherwise; a note is a pack's own.
    own = task.pins.local.get(pack)
    words = own or next(iter(task.pins.local.values()), None)
    return LocalPin(
        source_language=XTREME_SOURCE_LANGUAGE,
        stand_in=words.stand_in if words else None,
        note=own.note if own else None,
        overlaps=words.overlaps if words else [],
        files=files,
    )


def unused_files(task: Task, folder: Path) -> list[str]:
    """A line for each file of the pack that `task.pack_files` asks for in a language that the task doesn't have, or
    whose name is nearly one that it asks for.
    """
    lines = []
    patterns = dict.fromkeys(pattern for patterns in task.pack_files.values() for pattern in patterns)
    manifest = read_pack_manifest(folder)
    used = {path for _, path in _pack_stems(task, manifest)}
    for path in sorted(set(manifest) - used):
        for pattern in patterns:
            match = re.fullmatch(re.escape(pattern) + r"(?:\.(.+))?\.jsonl(\.gz)?", path)
            if match is None:
                if re.fullmatch(re.escape(pattern) + r"(?:[._ -].+)?\.jsonl?(\.gz)?", path, flags=re.IGNORECASE):
                    lines.append(f"not used: {path}: expected {pattern}.LANGUAGE.jsonl (or .jsonl.gz); rename the file")
                    break
                continue
            code = match[1] or ""
            if task.pack_codes.get(code, code) in task.languages:
                continue
            lines.append(
                f"not used: {path}: `{code}` is no language of task {task.name} ({', '.join(task.languages)}); "
                f"rename the file, or give its code under pack_codes in tasks/{task.name}.yaml"
            )
    return lines


def _pack_stems(task: Task, manifest: Mapping[str, tuple[int, str]]) -> Iterator[tuple[str, str]]:
    """(stem, path) of the pack's files that task.pack_files asks for, in the order of pack_files.

    Train and dev are taken in the source language only: transfer is zero-shot. Machine-translated training rows are
    taken in every language there is: only recipes that name those languages read them.
    """
    for split, patterns in task.pack_files.items():
        for pattern in patterns:
            for path in sorted(manifest):
                match = re.fullmatch(re.escape(pattern) + r"(?:\.([A-Za-z0-9_-]+))?\.jsonl(\.gz)?", path)
                if match is None:
                    continue
                if "." in split:
                    yield split, path
                    continue
                language = task.pack_codes.get(match[1], match[1])
                if split == TRANSLATED or language in (
                    [XTREME_SOURCE_LANGUAGE] if split in ("train", "dev") else task.languages
                ):
                    yield f"{split}.{language}", path


def _stem_order(item: tuple[str, str]) -> tuple[int, str]:
    split, language = item[0].split(".", 1)
    sides = tuple(f"{name}_{side}" for name in ("dev", "test") for side in ("source", "target", "gold"))
    known = ("train", TRANSLATED, "dev", "test", *sides, "text")
    return known.index(split), language


def _head(path: Path) -> str:
    """The hand-written part of a task file."""
    text = path.read_text(encoding="utf-8")
    head, marker, _ = text.partition(MARKER + "\n")
    if not marker and re.search(r"^pins:", text, flags=re.MULTILINE):
        raise HarnessError(
            f"expected the line {MARKER!r} above `pins:` in {path}, found none", fix="put that line back"
        )
    return head if marker or text.endswith("\n") else text + "\n"
