"""Published pins against their sources: is every revision, every file there, and what does the hub state of them?"""

from __future__ import annotations

import functools
from pathlib import Path

from harness.data.fetch import hub
from harness.data.published import NotFetched, Stored, files_of, stored_file
from harness.data.readers import read_rows
from harness.project.errors import HarnessError, nearest
from harness.project.pins import HubFile, HubPin, Part, Pins, PublishedPin
from harness.project.tasks import Task, published_pins


def confirmed_pins(task: Task, store: Path | None) -> Pins:
    """The task's pins with sha256 and bytes as the hub states them, and rows counted of what the store holds.

    Raises HarnessError naming the pin where a revision is not a commit of its repository, a file is not in it, or the
    hub can't be reached. Addresses are pinned by the sha256 of what they give, which `harness data fetch` checks.
    """
    stored = functools.cache(stored_file)
    pins: dict[str, PublishedPin] = {}
    for place, pin in published_pins(task).items():
        stated = _stated_by_the_hub(task, pin) if isinstance(pin, HubPin) else pin
        files = {
            stem: [_counted(stated, part, store, stored) if store else part for part in parts]
            for stem, parts in stated.files.items()
        }
        pins[place] = stated.model_copy(update={"files": files})
    return task.pins.model_copy(update=pins)


def _stated_by_the_hub(task: Task, pin: HubPin) -> HubPin:
    listed = {
        repository: {file.path: file for file in _list(task, repository, revision)}
        for repository, revision in pin.revisions.items()
    }

    def stated(part: HubFile) -> HubFile:
        found = listed[part.repository].get(part.path)
        if found is None:
            raise HarnessError(
                f"expected {part.path} in {part.repository} at {pin.revisions[part.repository]} (pins.hub of task "
                f"{task.name}), found none; {nearest(part.path, listed[part.repository])}",
                fix=f"correct the path in pins.hub of tasks/{task.name}.yaml",
            )
        return part.model_copy(update={"bytes": found.bytes, "sha256": found.sha256 or part.sha256})

    return pin.model_copy(
        update={"files": {stem: [stated(part) for part in parts] for stem, parts in pin.files.items()}}
    )


def _list(task: Task, repository: str, revision: str) -> list[hub.RemoteFile]:
    """The repository's files at the pinned commit; every error names the pin."""
    try:
        found = hub.resolve(repository, revision, "dataset")
        if found != revision:
            raise HarnessError(
                f"expected commit {revision} of {repository}, found {found}",
                fix="pin the full commit: a branch or tag can move",
            )
        return hub.list_files(repository, revision, "dataset")
    except HarnessError as error:
        raise HarnessError(f"{error.message} (pins.hub of task {task.name})", fix=error.fix) from None


def _counted(pin: PublishedPin, part: Part, store: Path, stored: Stored) -> Part:
    """The part with its rows, where nobody has published the count and the file is in the store."""
    if part.rows is not None:
        return part
    try:
        files = files_of(pin, part, store, stored)
    except NotFetched:
        return part
    return part.model_copy(update={"rows": sum(1 for given in files for _ in read_rows(part.reader, given))})
