"""Rows and bytes of a task's inputs, as its pins state them: nothing is fetched or opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import nan

from harness.project.params import Params
from harness.project.pins import HubFile, Part, UrlFile
from harness.project.tasks import Task


def pinned_rows(task: Task, params: Params) -> dict[str, float]:
    """Rows of every file of the task in the profile's source, by stem; NaN where nobody has counted them."""
    if params.data.source == "published":
        return {
            stem: sum(nan if part.rows is None else part.rows for part in parts)
            for stem, parts in published_parts(task).items()
        }
    if params.data.source == "generated":
        return {stem: file.rows for stem, file in task.pins.generated.files.items()} if task.pins.generated else {}
    pack = task.pins.local.get(params.data.pack or "")
    return {stem: sum(part.rows for part in parts) for stem, parts in pack.files.items()} if pack else {}


def published_parts(task: Task) -> dict[str, Sequence[Part]]:
    """Stem -> the published files that it is read from: those of the first place, in the task's order, that has it."""
    found: dict[str, Sequence[Part]] = {}
    for place in task.published:
        for stem, parts in getattr(task.pins, place).files.items():
            found.setdefault(stem, parts)
    return found


def published_sizes(tasks: Iterable[Task]) -> list[int | None]:
    """Bytes of every published file that would be fetched, each once; None where no pin says it."""
    sizes: dict[str, int | None] = {}
    for task in tasks:
        for part in (part for parts in published_parts(task).values() for part in parts):
            if isinstance(part, UrlFile):
                sizes |= {side.url: side.bytes for side in (part, part.beside) if side}
            elif isinstance(part, HubFile):
                sizes[f"{part.repository}/{part.path}"] = part.bytes
    return list(sizes.values())
