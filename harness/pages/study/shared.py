"""Training rows that a target and an intermediate task have in common: files of equal bytes in their pins. What a
recipe gains on such a target is also that of reading the same rows twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from harness.project.errors import HarnessError
from harness.project.params import Params, Training
from harness.project.pins import GeneratedPin
from harness.project.records import Record
from harness.project.tasks import Task, pin_for


class SharedRows(Record):
    """One target and one intermediate task that train on rows of the same file."""

    target: str
    """The target."""
    task: str
    """The intermediate task."""
    target_rows: int
    """Rows that the target trains on."""
    task_rows: int
    """Rows that the intermediate task trains on."""
    is_whole: bool = True
    """Do both have no other file? Each then takes its first rows, so that the number in both is known."""
    mixtures: list[str] = Field(default_factory=list)
    """Recipes that mix the task with others, and read a part of these rows."""

    @property
    def common(self) -> int:
        """Rows in both, where that is known."""
        return min(self.target_rows, self.task_rows)


def shared_rows(tasks: Iterable[Task], params: Params) -> list[SharedRows]:
    """The pairs of the profile whose pins name a training file in common; none where rows are published ones, whose
    hashes nobody states.
    """
    files = {task.name: found for task in tasks if (found := _training_file(task, params))}
    return [
        SharedRows(
            target=target,
            task=task,
            target_rows=_used(rows, params.target[target]),
            task_rows=_used(others_rows, params.intermediate[task]),
            is_whole=hashes == others,
            mixtures=[
                name
                for name in params.grid.recipes
                if task in params.recipes[name].tasks and len(params.recipes[name].tasks) > 1
            ],
        )
        for target, (hashes, rows) in files.items()
        for task, (others, others_rows) in files.items()
        if target in params.target and task in params.intermediate and not hashes.isdisjoint(others)
    ]


def _training_file(task: Task, params: Params) -> tuple[frozenset[str], int] | None:
    """sha256 of the files of the pinned training rows in the source language, and the number of rows."""
    if params.data.source == "published":
        return None
    try:
        pin = pin_for(task, params.data.source, params.data.pack)
    except HarnessError:
        return None
    stem = f"train.{pin.source_language}"
    if isinstance(pin, GeneratedPin):
        made = pin.files.get(stem)
        return (frozenset([made.sha256]), made.rows) if made else None
    parts = pin.files.get(stem, [])
    return (frozenset(part.sha256 for part in parts), sum(part.rows for part in parts)) if parts else None


def _used(rows: int, settings: object) -> int:
    most = settings.max_examples if isinstance(settings, Training) else None
    return rows if most is None else min(rows, most)


def shared_lines(shared: Sequence[SharedRows]) -> list[str]:
    """What the page says of them, a line for each."""
    return [_line(one) for one in shared]


def _line(one: SharedRows) -> str:
    if not one.is_whole:
        among = f", and so does {', '.join(one.mixtures)}" if one.mixtures else ""
        return (
            f"{one.target} trains on {one.target_rows:,} rows of a file that {one.task} draws from among others, for "
            f"its {one.task_rows:,}{among}: rows of both are read twice after it."
        )
    which = f"all {one.common:,}" if one.common == one.target_rows else f"{one.common:,} of {one.target_rows:,}"
    mixtures = f"; after {', '.join(one.mixtures)}, which draws from several tasks, some are" if one.mixtures else ""
    return (
        f"{one.target} trains on rows of {one.task}: {which} that it trains on are among the {one.task_rows:,} of that "
        f"task, and are read twice after it{mixtures}."
    )
