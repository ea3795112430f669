"""The table of `harness tasks`: what each task is, and what the active source has for it."""

from __future__ import annotations

from collections.abc import Iterable

from harness.project.errors import HarnessError
from harness.project.pins import GeneratedPin, LocalPin, Pin, PublishedPin
from harness.project.tasks import Task, pin_for, published_pins, unavailable

TASKS_HEADER = [
    "task",
    "role",
    "kind / head",
    "metric",
    "languages",
    "train",
    "dev",
    "test",
    "pin",
    "stands in",
]
COUNTED = (("train",), ("dev",), ("test", "test_source", "text"))
"""The splits of the columns train, dev and test."""


def tasks_table(tasks: Iterable[Task], source: str, pack: str | None) -> list[list[str]]:
    """One row per task under TASKS_HEADER, for the active source ("generated", "published", or "local" with its pack).

    `languages` counts those that are tested (of text: all of them) in the source, beside the real number.
    """
    return [_line(task, source, pack) for task in tasks]


def _line(task: Task, source: str, pack: str | None) -> list[str]:
    line = [task.name, task.role, f"{task.kind} / {task.head}", task.metric]
    if source == "published":
        return [*line, *_published(task)]
    try:
        pin = pin_for(task, source, pack)
    except HarnessError:
        return [*line, f"0 of {len(task.languages)}", "", "", "", "none", ""]
    tested = _tested(pin)
    counts = [str(_rows(pin, splits) or "") for splits in COUNTED]
    if isinstance(pin, GeneratedPin):
        return [
            *line,
            str(len(tested)),
            *counts,
            f"version {pin.version} seed {pin.seed}",
            "laboratory analogue",
        ]
    return [*line, f"{len(tested)} of {len(task.languages)}", *counts, f"pack {pack}", _words(pin)]


def _published(task: Task) -> list[str]:
    """The columns of a task's published data, as its first place has it."""
    missing = unavailable(task)
    pins = list(published_pins(task).values())
    if not pins:
        return [f"0 of {len(task.languages)}", "", "", "", "none", f"UNAVAILABLE: {missing}"]
    counts = [_published_rows(pins[0], splits) for splits in COUNTED]
    words = f"UNAVAILABLE: {missing}" if missing else f"note: {pins[0].note}" if pins[0].note else ""
    return [f"{len(_tested(pins[0]))} of {len(task.languages)}", *counts, ", ".join(task.published), words]


def _published_rows(pin: PublishedPin, splits: tuple[str, ...]) -> str:
    """Rows of these splits over all languages; with a `+` where a count is not published."""
    rows = [part.rows for stem, parts in pin.files.items() if stem.split(".")[0] in splits for part in parts]
    known = sum(count or 0 for count in rows)
    return f"{known or ''}{'+' if None in rows else ''}"


def _tested(pin: Pin | PublishedPin) -> set[str]:
    """The languages that are tested (of text: all of them); of an intermediate task, which has no test, all."""
    tested = {stem.split(".")[1] for stem in pin.files if stem.startswith(("test", "text"))}
    return tested or {stem.split(".")[1] for stem in pin.files}


def _rows(pin: Pin, splits: tuple[str, ...]) -> int:
    """Rows of these splits over all languages."""
    if isinstance(pin, GeneratedPin):
        return sum(file.rows for stem, file in pin.files.items() if stem.split(".")[0] in splits)
    return sum(part.rows for stem, parts in pin.files.items() if stem.split(".")[0] in splits for part in parts)


def _words(pin: LocalPin) -> str:
    if pin.stand_in:
        return f"STAND-IN: {pin.stand_in}"
    return f"note: {pin.note}" if pin.note else ""
