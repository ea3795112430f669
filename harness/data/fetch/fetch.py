"""`harness data fetch` and `harness data check`: the published files that the pins name, fetched once into the store.

A task's places are tried in the order of `Task.published`. A later one serves only where an earlier can't be reached or
lacks a file; bytes that are not the pinned ones are an error, whatever other places there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from harness.data.fetch import address, hub, wheel
from harness.data.fetch.address import Unavailable
from harness.data.fetch.store import (
    State,
    only_fetch,
    own_state,
    repository_folder,
    state,
    url_folder,
    url_name,
    wheel_folder,
)
from harness.project.errors import HarnessError
from harness.project.params import HubEncoder, LocalEncoder, Params, WheelEncoder, encoder_dir, store_dir
from harness.project.paths import Paths
from harness.project.pins import HubPin, PathPin, PublishedPin, UrlPin
from harness.project.records import StrictRecord
from harness.project.tasks import TRANSLATED, Task, load_tasks, published_pins, unavailable

Place = Literal["hub", "url", "path", "wheel"]


class Fetched(StrictRecord):
    """What fetching did for one task, or for the encoder."""

    name: str
    """The task, or `encoder`."""
    place: Place
    """The place that serves it."""
    files: int
    """How many files its pins name there."""
    transferred: int
    """Bytes that came over the network now; 0 where all was there already."""
    passed_over: list[str]
    """Why each earlier place did not serve."""


class Checked(StrictRecord):
    """How the store compares with the pins of one task, or of the encoder."""

    name: str
    """The task, or `encoder`."""
    word: Literal["ok", "missing", "differs", "unavailable"]
    """Of the place that serves it, else of the first one; `unavailable`: this machine can't have it (a licence)."""
    place: Place
    """That place."""
    detail: str
    """How many files, or what the first one that is not ok lacks."""


def fetch_tasks(names: Sequence[str], params: Params, paths: Paths) -> list[Fetched]:
    """Bring the published files of several tasks into the store; a task's failure does not keep the others.

    HarnessError at the end where no place gave a task's files; at once where bytes are wrong or the disk is full.
    """
    tasks = load_tasks(names, paths.tasks)
    for task in tasks.values():
        _refuse_unpublished(task)
    store = store_dir(params, paths.root)
    fetched: list[Fetched] = []
    failed: list[HarnessError] = []
    with only_fetch(store):
        for task in (part for named in tasks.values() for part in _wanted(named, params)):
            try:
                fetched.append(_fetch_task(task, store))
            except Unavailable as error:
                failed.append(error)
    if failed:
        others = f"; fetched all the same: {', '.join(found.name for found in fetched)}" if fetched else ""
        raise HarnessError(". ".join(error.message for error in failed) + others, fix=failed[0].fix)
    return fetched


def fetch_encoder(params: Params, paths: Paths) -> Fetched:
    """Bring exactly the pinned files of the profile's encoder into the store.

    HarnessError as `hub.download` or `wheel.download`, and for an encoder that nothing is fetched for.
    """
    encoder, store = params.encoder, store_dir(params, paths.root)
    if not isinstance(encoder, HubEncoder | WheelEncoder):
        raise _not_fetched(params)
    with only_fetch(store):
        if isinstance(encoder, HubEncoder):
            transferred = hub.download(encoder.repository, encoder.revision, "model", encoder.files, store)
        else:
            transferred = wheel.download(encoder, store)
    files = len(encoder.files) if isinstance(encoder, HubEncoder) else 1
    return Fetched(name="encoder", place=encoder.source, files=files, transferred=transferred, passed_over=[])


def check_tasks(names: Sequence[str], params: Params, paths: Paths) -> list[Checked]:
    """Hash everything that the tasks' pins name in the store (no network)."""
    store = store_dir(params, paths.root)
    tasks = load_tasks(names, paths.tasks)
    for task in tasks.values():
        _refuse_unpublished(task)
    return [_check_task(part, store) for task in tasks.values() for part in _wanted(task, params)]


def check_encoder(params: Params, paths: Paths) -> Checked:
    """Hash the encoder's files in the store, or in its owner's folder (no network)."""
    encoder, store = params.encoder, store_dir(params, paths.root)
    if isinstance(encoder, HubEncoder):
        folder = repository_folder(store, "model", encoder.repository, encoder.revision)
        return _checked("encoder", "hub", [state(folder, name, sha256) for name, sha256 in encoder.files.items()])
    if isinstance(encoder, WheelEncoder):
        found = state(wheel_folder(store, encoder), encoder.member, encoder.member_sha256)
        return _checked("encoder", "wheel", [found])
    if isinstance(encoder, LocalEncoder):
        folder = encoder_dir(encoder, paths.root)
        return _checked("encoder", "path", [own_state(folder, name, sha256) for name, sha256 in encoder.files.items()])
    raise _not_fetched(params)


def published_tasks(params: Params, paths: Paths) -> list[str]:
    """The profile's tasks that are fetched: those that are published, where its data is `published`; else none."""
    if params.data.source != "published":
        return []
    return [name for name, task in load_tasks(params.data.tasks, paths.tasks).items() if task.published]


def has_fetched_encoder(params: Params) -> bool:
    """Whether the profile's encoder comes over the network."""
    return isinstance(params.encoder, HubEncoder | WheelEncoder)


def _not_fetched(params: Params) -> HarnessError:
    how = "reads its own from a folder" if isinstance(params.encoder, LocalEncoder) else "pretrains its own"
    return HarnessError(
        f"expected an encoder from the hub or a wheel, found that profile {params.profile} {how}",
        fix="leave out --encoder, or make a profile active that names a published encoder (`harness profile`)",
    )


def _wanted(task: Task, params: Params) -> Iterator[Task]:
    """The task without its machine-translated training rows, which are large, and, as a task of their own, those that
    the grid's recipes train on."""
    languages = {
        language
        for name in params.grid.recipes
        if task.name in params.recipes[name].tasks
        for language in params.recipes[name].translated
    }
    yield _with_stems(task, lambda stem: not stem.startswith(f"{TRANSLATED}."))
    named = task.model_copy(update={"name": f"{task.name} translated"})
    translated = _with_stems(named, lambda stem: stem in {f"{TRANSLATED}.{language}" for language in languages})
    if translated.published:
        yield translated


def _with_stems(task: Task, wanted: Callable[[str], bool]) -> Task:
    """The task with these stems only, and the places that have them."""
    pins: dict[str, PublishedPin] = {}
    for place, pin in published_pins(task).items():
        files = {stem: parts for stem, parts in pin.files.items() if wanted(stem)}
        if files:
            pins[place] = pin.model_copy(update={"files": files})
    return task.model_copy(update={"published": list(pins), "pins": task.pins.model_copy(update=pins)})


def _refuse_unpublished(task: Task) -> None:
    if not task.published:
        raise HarnessError(
            f"expected `published` places in tasks/{task.name}.yaml, found none: {task.name} has nothing to fetch",
            fix="leave that task out, or pin where its rows are published",
        )


def _fetch_task(task: Task, store: Path) -> Fetched:
    """From the place that is whole in the store already, else from the first one that gives every file."""
    passed_over: list[str] = []
    whole = next((place for place in task.published if _is_whole(task, place, store)), None)
    for place in [whole] if whole else task.published:
        try:
            transferred = 0 if whole else _fetch_place(task, place, store)
        except Unavailable as error:
            passed_over.append(f"{place}: {error.message}")
            fix = error.fix
            continue
        files = len(_files(task, place, store))
        return Fetched(name=task.name, place=place, files=files, transferred=transferred, passed_over=passed_over)
    raise Unavailable(f"task {task.name} can't be fetched: {'; '.join(passed_over)}", fix=fix)


def _is_whole(task: Task, place: Place, store: Path) -> bool:
    files = _files(task, place, store)
    return bool(files) and all(state(*file).word == "ok" for file in files)


def _fetch_place(task: Task, place: Place, store: Path) -> int:
    """Every file that a place's pin names, each once; returns the bytes transferred."""
    pin = _pin(task, place)
    if isinstance(pin, HubPin):
        return sum(
            hub.download(repository, pin.revisions[repository], "dataset", files, store)
            for repository, files in _hub_files(pin).items()
        )
    if isinstance(pin, UrlPin):
        return sum(address.download(file.url, file.sha256, file.bytes, store) for file in pin.downloads())
    return 0  # its owner's folder is read where it lies


def _pin(task: Task, place: Place) -> HubPin | UrlPin | PathPin:
    pin: HubPin | UrlPin | PathPin = getattr(task.pins, place)
    return pin


def _hub_files(pin: HubPin) -> dict[str, dict[str, str | None]]:
    """Repository -> path -> sha256, or None where only the revision pins it."""
    files: dict[str, dict[str, str | None]] = defaultdict(dict)
    for part in (part for parts in pin.files.values() for part in parts):
        files[part.repository][part.path] = part.sha256 or files[part.repository].get(part.path)
    return files


def _files(task: Task, place: Place, store: Path) -> list[tuple[Path, str, str | None]]:
    """(folder, name in it, sha256) of every file that a place's pin names; empty for the owner's folder."""
    pin = _pin(task, place)
    if isinstance(pin, HubPin):
        return [
            (repository_folder(store, "dataset", repository, pin.revisions[repository]), path, sha256)
            for repository, files in _hub_files(pin).items()
            for path, sha256 in files.items()
        ]
    if isinstance(pin, UrlPin):
        return [(url_folder(store, file.sha256), url_name(file.url), file.sha256) for file in pin.downloads()]
    return []


def _check_task(task: Task, store: Path) -> Checked:
    """Of the first place that is whole; where none is, of the first one."""
    fetched_from: list[Place] = [place for place in task.published if place != "path"]
    if not fetched_from:
        missing = unavailable(task)
        detail = missing or "nothing to fetch: read where its owner keeps it"
        return Checked(name=task.name, word="unavailable" if missing else "ok", place="path", detail=detail)
    place = next((place for place in fetched_from if _is_whole(task, place, store)), fetched_from[0])
    return _checked(task.name, place, [state(*file) for file in _files(task, place, store)])


def _checked(name: str, place: Place, states: Sequence[State]) -> Checked:
    bad = [found for found in states if found.word != "ok"]
    # Other bytes are worse than none: they name the task.
    worst = next((found for found in bad if found.word == "differs"), bad[0] if bad else None)
    if worst is None:
        return Checked(name=name, word="ok", place=place, detail=f"{len(states)} files")
    more = f" ({len(bad)} of {len(states)} files are not ok)"
    return Checked(name=name, word=worst.word, place=place, detail=worst.detail + more)
