"""Level V0: are the rows those that tasks/*.yaml pins, all of them, and is there an answer to each?

The run that is judged writes a data folder's manifest, so the manifest alone proves nothing; the pins of generated rows
are committed and hold the same hashes. (Pins of packs and of published data are of the files that rows are read from,
which the data stage checks; of these the number of rows is compared, where it is pinned.)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.audit.integrity.made import DataManifest
from harness.project.errors import HarnessError, name_some
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import gunzip
from harness.project.results import Result
from harness.project.stages import data_stage
from harness.project.tasks import Task, load_task, published_pins

PINNED_SOURCES = ("generated", "local", "published")


def check_pins(manifests: Mapping[str, DataManifest], params: Params, paths: Paths) -> list[str]:
    """Sentences on data that is not what its task file pins: other files, fewer rows, or no task file at all."""
    known = {task: one for task, one in manifests.items() if one.source in PINNED_SOURCES}
    return [problem for task, one in known.items() for problem in _check(task, one, params, paths)]


def _check(task: str, manifest: DataManifest, params: Params, paths: Paths) -> Iterable[str]:
    if not (paths.tasks / f"{task}.yaml").is_file():
        yield f"expected the pins of {task} in tasks/{task}.yaml, found no such file; run `git checkout -- tasks`"
        return
    try:
        pins = load_task(task, paths.tasks)
    except HarnessError as error:
        yield f"expected the pins of {task}, found: {error.message}"
        return
    fix = f"run `dvc repro {data_stage(task)}`"
    if manifest.source == "generated" and pins.pins.generated:
        pinned = {f"{stem}.jsonl": entry.sha256 for stem, entry in pins.pins.generated.files.items()}
        differing = [name for name in {**pinned, **manifest.files} if pinned.get(name) != manifest.files.get(name)]
        if differing:
            yield (
                f"expected the rows that tasks/{task}.yaml pins, found others by the manifest of data/{task}:"
                f" {name_some(differing)}; {fix}"
            )
        return
    for stem, rows in pinned_rows(pins, manifest.source, params.data.pack).items():
        found = manifest.rows.get(f"{stem}.jsonl", 0)
        if manifest.files and found < rows:
            yield f"expected {rows:,} rows of {stem} of {task}, as tasks/{task}.yaml pins, found {found:,}; {fix}"


def pinned_rows(task: Task, source: str, pack: str | None) -> dict[str, int]:
    """Stem -> rows by the pins of a source; without the stems whose number nobody has published."""
    if source == "generated":
        return {stem: one.rows for stem, one in task.pins.generated.files.items()} if task.pins.generated else {}
    if source == "local":
        local = task.pins.local.get(pack or "")
        return {stem: sum(part.rows for part in parts) for stem, parts in local.files.items()} if local else {}
    counted: dict[str, int] = {}
    for pin in published_pins(task).values():
        for stem, parts in pin.files.items():
            rows = [part.rows for part in parts if part.rows is not None]
            if len(rows) == len(parts):  # places of one task may differ by what their readers leave out
                counted[stem] = min(counted.get(stem, sum(rows)), sum(rows))
    return counted


def check_answers(
    results: Mapping[str, Result], manifests: Mapping[str, DataManifest], where: Mapping[str, Path]
) -> list[str]:
    """Sentences on cells that answer another number of rows than their data has. For cells that can't be scored again;
    `where`: cell -> its predictions, of those that are here.
    """
    return list(_other_counts(results, manifests, where))


def _other_counts(
    results: Mapping[str, Result], manifests: Mapping[str, DataManifest], where: Mapping[str, Path]
) -> Iterator[str]:
    for name, path in where.items():
        result = results[name]
        manifest = manifests.get(result.cell.target)
        try:
            limit = max_rows(result)
        except HarnessError as error:
            yield str(error).rstrip(".")
            continue
        if manifest is None or "test_gold" in "".join(manifest.rows):  # mined pairs answer no row each
            continue
        try:
            languages = json.loads(gunzip(path.read_bytes()))["languages"]
            answered = {language: len(entry["predictions"]) for language, entry in languages.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            yield f"expected predictions by language in cell {name}, found another form ({error!r}); {_mend(name)}"
            continue
        there = {stem.split(".")[1]: rows for stem, rows in manifest.rows.items() if stem.startswith("test.")}
        wanted = {language: rows if limit is None else min(rows, limit) for language, rows in there.items()}
        if answered != wanted:
            language = next(key for key in {**wanted, **answered} if wanted.get(key) != answered.get(key))
            yield (
                f"expected {wanted.get(language, 0):,} answers in {language} in cell {name}, as its data has rows,"
                f" found {answered.get(language, 0):,}; {_mend(name)}"
            )


def _mend(name: str) -> str:
    return f"delete the folder of cell {name} and run `dvc repro`"


def max_rows(result: Result) -> int | None:
    """The setting that the cell was evaluated with: the first so many rows of every file; null: all.

    Raises HarnessError where its provenance shows something else there.
    """
    settings = result.provenance.get("params")
    evaluation = settings.get("evaluation") if isinstance(settings, dict) else settings
    limit = evaluation.get("max_rows") if isinstance(evaluation, dict) else evaluation
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit > 0):
        return limit
    raise HarnessError(
        f"expected null or a number of rows as `evaluation.max_rows` of cell {result.cell.id}, found {limit!r:.80}",
        fix=_mend(result.cell.id),
    )
