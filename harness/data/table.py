"""The table of `harness tasks`: what each task is, and what the active source has for it."""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import HarnessError
from harness.tasks import GeneratedPin, LocalPin, Pin, Task, pin_for

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


def tasks_table(tasks: Iterable[Task], source: str, pack: str | None) -> list[list[str]]:
    """One row per task under TASKS_HEADER, for the active source ("generated", or "local" with its pack).

    `languages` counts those that are tested (of text: all of them) in the source, beside the real number.
    """
    return [_line(task, source, pack) for task in tasks]


def _line(task: Task, source: str, pack: str | None) -> list[str]:
    line = [task.name, task.role, f"{task.kind} / {task.head}", task.metric]
    try:
        pin = pin_for(task, source, pack)
    except HarnessError:
        return [*line, f"0 of {len(task.languages)}", "", "", "", "none", ""]
    tested = {stem.split(".")[1] for stem in pin.files if stem.startswith(("test", "text"))}
    tested = tested or {stem.split(".")[1] for stem in pin.files}  # an intermediate task has no test
    counts = [str(_rows(pin, splits) or "") for splits in (("train",), ("dev",), ("test", "test_source", "text"))]
    if isinstance(pin, GeneratedPin):
        return [
            *line,
            str(len(tested)),
            *counts,
            f"version {pin.version} seed {pin.seed}",
            "laboratory analogue",
        ]
    return [*line, f"{len(tested)} of {len(task.languages)}", *counts, f"pack {pack}", _words(pin)]


def _rows(pin: Pin, splits: tuple[str, ...]) -> int:
    """Rows of these splits over all languages."""
    if isinstance(pin, GeneratedPin):
        return sum(file.rows for stem, file in pin.files.items() if stem.split(".")[0] in splits)
    return sum(part.rows for stem, parts in pin.files.items() if stem.split(".")[0] in splits for part in parts)


def _words(pin: LocalPin) -> str:
    if pin.stand_in:
        return f"STAND-IN: {pin.stand_in}"
    return f"note: {pin.note}" if pin.note else ""
