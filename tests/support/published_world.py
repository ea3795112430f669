"""Laboratory rows as published data: in the layouts, repositories and addresses that the project's own tasks pin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import layouts
from hub_server import Hub, sha256
from toy import ROOT

from harness.data import formats, lab
from harness.data.pins.write import MARKER
from harness.data.pins.yaml_block import dump_pins
from harness.project.pins import HubFile, HubPin, OtherSide, Pins, UrlFile
from harness.project.tasks import TRANSLATED, Task, load_task, published_pins

TASKS = ROOT / "tasks"
PLACES = ("hub", "url", "path")
Rows = list[dict[str, Any]]
Stems = Mapping[str, Collection[str]]
"""Place -> the stems that it serves."""
LANGUAGES = {"en": "qaa", "de": "qab", "sw": "qak", "ru": "qah", "fi": "qad", "es": "qaf", "zh": "qai"}
"""XTREME's codes for languages of the laboratory world."""
PARTS = {"train": 36, "dev": 12, "test": 12, TRANSLATED: 36}
"""Rows of one part of a stem; of a side of a mining task, twice as many as of `test`."""


def lab_rows(task: str, split: str, language: str, count: int = 12, seed: int = 1) -> Rows:
    """Normalised rows, numbered like a published file's; `language` is XTREME's code or the laboratory's own."""
    raw = lab.generate(task, split, LANGUAGES.get(language, language), count, seed)
    kind = formats.row_kind(_kind(task), split)
    rows = formats.normalise_rows(kind, ((str(i), row) for i, row in enumerate(raw)))
    mining = task == "bucc" and not split.endswith("_gold")
    return rows if mining else [row | {"id": str(number)} for number, row in enumerate(rows)]


@cache
def _kind(task: str) -> str:
    return load_task(task, TASKS).kind


def toy_version(task: Task, hub: Hub, stems: Stems) -> Pins:
    """The task's own pins of these stems, at the server; no counts, and hub files by their revision only."""

    def there(side: UrlFile | OtherSide) -> dict[str, Any]:
        content = hub.addresses[name := side.url.rpartition("/")[2]]
        return {"url": hub.address(name), "sha256": sha256(content), "bytes": len(content)}

    def moved(part: Any) -> Any:
        update: dict[str, Any] = {"rows": None, "labels": None}
        if isinstance(part, HubFile):
            update |= {"sha256": None, "bytes": None}
        if isinstance(part, UrlFile):
            update |= there(part) | ({"beside": OtherSide(**there(part.beside))} if part.beside else {})
        return part.model_copy(update=update)

    pins = {}
    for place in PLACES:
        if pin := getattr(task.pins, place):
            kept = {stem: parts for stem, parts in pin.files.items() if stem in stems.get(place, ())}
            files = {stem: [moved(part) for part in parts] for stem, parts in kept.items()}
            pins[place] = pin.model_copy(update={"files": files} | kept_revisions(pin, files)) if files else None
    return task.pins.model_copy(update=pins)


def kept_revisions(pin: Any, files: Mapping[str, Any]) -> dict[str, Any]:
    """The revisions of the repositories that the files left name."""
    if not isinstance(pin, HubPin):
        return {}
    named = {part.repository for parts in files.values() for part in parts}
    return {"revisions": {name: commit for name, commit in pin.revisions.items() if name in named}}


def write_pins(tasks_dir: Path, name: str, pins: Pins) -> None:
    """The task's own file with other pins, and without the places that these lack."""
    head = (TASKS / f"{name}.yaml").read_text(encoding="utf-8").partition(MARKER)[0]
    for place in [place for place in ("hub", "url") if getattr(pins, place) is None]:
        head = head.replace(f"published: [{place}, ", "published: [").replace(f", {place}]", "]")
    (tasks_dir / f"{name}.yaml").write_text(f"{head}{MARKER}\n{dump_pins(pins)}", encoding="utf-8")


def first_places(task: Task, languages: Collection[str]) -> dict[str, list[str]]:
    """Place -> the stems that it is the first to have: those in `languages`, and all translated ones."""
    found: dict[str, list[str]] = {}
    for place, pin in published_pins(task).items():
        known = {stem for stems in found.values() for stem in stems}
        wanted = [s for s in pin.files if s.startswith(TRANSLATED) or s.partition(".")[2] in languages]
        found[place] = [stem for stem in wanted if stem not in known]
    return found


def published(tasks: Iterable[Task], languages: Mapping[str, Collection[str]]) -> Hub:
    """A hub with every file that the tasks pin first, at their revisions and addresses.

    `languages`: task -> those that are served; only English where it is not named.
    """
    contents: dict[tuple[str, ...], dict[str, Rows]] = {}
    readers: dict[tuple[str, ...], str] = {}
    for pin, part, rows in _parts(tasks, languages):
        asked = next(iter(part.where.values()), "")
        contents.setdefault(key := _key(pin, part), {}).setdefault(asked, rows)  # tasks share files
        readers[key] = part.reader
    repositories: dict[str, dict[str, dict[str, bytes]]] = {}
    archives: dict[str, dict[str, bytes]] = {}
    for key, by_language in contents.items():
        content = LAYOUTS[readers[key]](by_language)
        if len(key) == 3:
            repositories.setdefault(key[0], {}).setdefault(key[1], {})[key[2]] = content
        else:
            archives.setdefault(key[0], {})[key[1]] = content
    return Hub(repositories=repositories, addresses={name: _packed(name, files) for name, files in archives.items()})


def _parts(tasks: Iterable[Task], languages: Mapping[str, Collection[str]]) -> Iterator[tuple[Any, Any, Rows]]:
    """(pin, part, its rows) of all that is fetched."""
    for task in tasks:
        pins = published_pins(task)
        for place, stems in first_places(task, languages.get(task.name, ("en",))).items():
            for stem in stems if place != "path" else ():
                parts = pins[place].files[stem]
                rows = stem_rows(task, stem, len(parts))
                yield from ((pins[place], part, rows[number :: len(parts)]) for number, part in enumerate(parts))


def _key(pin: Any, part: Any) -> tuple[str, ...]:
    """(repository, revision, path) of a hub's file, (name, member) of an address's."""
    if isinstance(part, HubFile):
        return part.repository, pin.revisions[part.repository], part.path
    return part.url.rpartition("/")[2], f"folder/{part.member.replace('*', 'toy')}"


def _packed(name: str, files: Mapping[str, bytes]) -> bytes:
    if name.endswith(".zip"):
        return layouts.zipped(files)
    return layouts.tarred(files, "bz2" if name.endswith(".bz2") else "gz")


def stem_rows(task: Task, stem: str, parts: int) -> Rows:
    """The laboratory's rows for a stem; dev sets in other languages than English are other test rows."""
    split, _, language = stem.partition(".")
    count = parts * PARTS.get(split, 2 * PARTS["test"])
    if split == TRANSLATED:
        code = lab.TRANSLATED_LANGUAGES[sum(map(ord, language)) % len(lab.TRANSLATED_LANGUAGES)]
        return lab_rows(task.name, split, code, count)
    if split in ("train", "dev") and language == "en":
        return lab_rows(task.borrowed_splits.get(split, task.name), split, language, count)
    return lab_rows(task.name, split.replace("dev", "test"), language, count, seed=2 if "dev" in split else 1)


def _one(layout: Callable[[Rows], bytes]) -> Callable[[Mapping[str, Rows]], bytes]:
    """A layout whose file is of one language."""

    def write(by_language: Mapping[str, Rows]) -> bytes:
        (rows,) = by_language.values()
        return layout(rows)

    return write


def _answers(by_language: Mapping[str, Rows]) -> bytes:
    """Question answering; in a file of several languages ids begin with the language's name, as TyDiQA's do."""
    return layouts.parquet_qa(
        [
            row | ({"id": f"{language}--{row['id']}-0"} if language else {})
            for language, rows in by_language.items()
            for row in rows
        ]
    )


LAYOUTS: dict[str, Callable[[Mapping[str, Rows]], bytes]] = {
    "parquet_xnli": layouts.parquet_xnli,
    "parquet_qa": _answers,
    "parquet_squad_v2": _answers,
    "parquet_panx": _one(lambda rows: layouts.parquet_tags(rows, "ner_tags")),
} | {
    name: _one(getattr(layouts, name))
    for name in (
        "parquet_nli",
        "parquet_qqp",
        "parquet_tatoeba",
        "parquet_hellaswag",
        "parquet_cosmosqa",
        "parquet_commonsenseqa",
        "squad_json",
        "pawsx_tsv",
        "xnli_mt_tsv",
        "conllu",
        "bucc_text",
        "bucc_gold",
    )
}
"""Reader -> the bytes of a file that it reads, from rows by the language that is asked for ("" for all)."""
