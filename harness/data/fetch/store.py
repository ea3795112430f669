"""The folder of fetched files: what lies in it, and whether it is still the bytes that were fetched.

    hub/<owner>--<name>/<revision>/<path>       a data set's files at a revision, and <revision>.json beside the folder
    models/<owner>--<name>/<revision>/<file>    an encoder's, likewise
    url/<sha256>/<last part of the address>     what lay behind an address, and <sha256>.json beside the folder
    wheels/<package>-<version>/<sha256>/<file>  the file of a wheel that is used, and <sha256>.json beside the folder

The `.json` is the folder's manifest. A file's entry is written after the file, atomically, so what the manifest lacks
was never whole. Reading needs no network, and nothing here ever falls back to another revision.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationError

from harness.project.errors import HarnessError
from harness.project.files import sha256_file, write_json
from harness.project.params import HubEncoder, LocalEncoder, WheelEncoder, encoder_dir
from harness.project.pins import Sha256
from harness.project.records import StrictRecord

Kind = Literal["dataset", "model"]
FOLDERS: dict[Kind, str] = {"dataset": "hub", "model": "models"}
FETCH = "run `harness data fetch`"
FETCH_ENCODER = "run `harness data fetch --encoder`"


class Entry(StrictRecord):
    """What a manifest says of one file."""

    sha256: Sha256
    """Of the file's bytes."""
    bytes: int = Field(ge=0)
    """Its size."""
    address: str
    """Where it was fetched from, the hub's endpoint included."""
    etag: str | None
    """What the server called these bytes; null where it said nothing."""


@dataclass(frozen=True)
class State:
    """How a file of the store compares with its pin, found by hashing it."""

    word: Literal["ok", "missing", "differs"]
    """`missing`: not fetched, or not wholly; `differs`: other bytes than the manifest's or the pin's."""
    path: Path
    """The file."""
    detail: str = ""
    """Expected, found and where; empty when ok."""


def repository_folder(store: Path, kind: Kind, repository: str, revision: str) -> Path:
    """The folder of a hub repository's files at one revision."""
    return store / FOLDERS[kind] / repository.replace("/", "--") / revision


def url_folder(store: Path, sha256: str) -> Path:
    """The folder of what an address is pinned to give."""
    return store / "url" / sha256


def url_name(url: str) -> str:
    """The last part of an address's path, as a file name; `file` where there is none."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return name if name not in ("", "..") else "file"


def model_folder(store: Path, encoder: HubEncoder) -> Path:
    """The folder of an encoder's files, once each has its pinned sha256 and nothing unpinned lies beside them.

    HarnessError where one was never fetched, has other bytes, or something else lies there.
    """
    folder = repository_folder(store, "model", encoder.repository, encoder.revision)
    for name, sha256 in encoder.files.items():
        found = state(folder, name, sha256)
        if found.word != "ok":
            raise HarnessError(found.detail, fix=FETCH_ENCODER)
    present = (path for path in folder.rglob("*") if not path.is_dir())
    unpinned = sorted(str(path) for path in present if path.relative_to(folder).as_posix() not in encoder.files)
    if unpinned:
        raise HarnessError(
            f"expected only the files that encoder.files pins in {folder}, found {', '.join(unpinned)}",
            fix=f"remove that, or pin it in encoder.files and {FETCH_ENCODER}",
        )
    return folder


def wheel_folder(store: Path, encoder: WheelEncoder) -> Path:
    """The folder of what is kept of a wheel."""
    return store / "wheels" / f"{encoder.package}-{encoder.version}" / encoder.wheel_sha256


def wheel_member(store: Path, encoder: WheelEncoder) -> Path:
    """The encoder's file of a wheel; HarnessError where it was never fetched or has other bytes."""
    found = state(wheel_folder(store, encoder), encoder.member, encoder.member_sha256)
    if found.word != "ok":
        raise HarnessError(found.detail, fix=FETCH_ENCODER)
    return found.path


def own_folder(root: Path, encoder: LocalEncoder) -> Path:
    """The folder of an encoder of one's own, once each file has its pinned sha256; HarnessError where one has not."""
    folder = encoder_dir(encoder, root)
    for name, sha256 in encoder.files.items():
        found = own_state(folder, name, sha256)
        if found.word != "ok":
            raise HarnessError(
                found.detail,
                fix="put that file back, or pin the folder as it is (`harness encoder pin FOLDER` prints the settings);"
                " HARNESS_ENCODER_DIR names another folder",
            )
    return folder


def own_state(folder: Path, name: str, sha256: str) -> State:
    """Hash one file of an encoder of one's own and compare it with its pin."""
    path = inside(folder, name)
    if not path.is_file():
        return State("missing", path, f"expected the encoder's file {path} (encoder.files), found none")
    found = sha256_file(path)
    if found != sha256:
        return State("differs", path, f"expected sha256 {sha256} (encoder.files), found {found} in {path}")
    return State("ok", path)


def state(folder: Path, name: str, sha256: str | None) -> State:
    """Hash one file and compare it with its manifest entry and, where there is one, its pin."""
    path = inside(folder, name)
    entry = read_manifest(folder).get(name)
    if not path.is_file():
        return State("missing", path, f"expected the fetched file {path}, found none")
    if entry is None:
        where = manifest_path(folder)
        return State("missing", path, f"expected an entry for {name} in {where}, found none: {path} was never checked")
    if sha256 not in (None, entry.sha256):
        return State("differs", path, f"expected sha256 {sha256} (its pin), found {entry.sha256} (fetched) in {path}")
    found = sha256_file(path)
    if found != entry.sha256:
        return State("differs", path, f"expected sha256 {entry.sha256} (as fetched), found {found} in {path}")
    return State("ok", path)


def inside(folder: Path, name: str) -> Path:
    """The file's place; HarnessError for a name that leads out of the folder."""
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") for part in parts) or "\\" in name or "\0" in name:
        raise HarnessError(
            f"expected the path of a file inside its repository, found {name!r}", fix="correct the path in the pin"
        )
    return folder.joinpath(*parts)


def manifest_path(folder: Path) -> Path:
    """Beside the folder, so that no file of a repository can stand in its place."""
    return folder.parent / f"{folder.name}.json"


def read_manifest(folder: Path) -> Mapping[str, Entry]:
    """File name -> entry; empty where nothing has been fetched."""
    path = manifest_path(folder)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: Entry.model_validate(entry) for name, entry in content["files"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = "an entry that does not fit" if isinstance(error, ValidationError) else f"{error}"
        raise HarnessError(
            f"expected the manifest of fetched files in {path}, found {problem}",
            fix=f"remove it and {FETCH}: files that are sound are kept",
        ) from None


def record(folder: Path, name: str, entry: Entry) -> None:
    """Put a file that lies in its place, checked, into the manifest."""
    files = {**read_manifest(folder), name: entry}
    dumped = {name: files[name].model_dump() for name in sorted(files)}
    write_json(manifest_path(folder), {"files": dumped})


@contextmanager
def only_fetch(store: Path) -> Iterator[None]:
    """Hold the store for one fetch at a time; HarnessError where another one is at work."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HarnessError(
                f"expected to be the only one that fetches into {store}, found another `harness data fetch` at work",
                fix="wait until it is done, then run the command again",
            ) from None
        yield


def need_space(store: Path, needed: int) -> None:
    """HarnessError unless the store's disk has `needed` bytes free."""
    free = shutil.disk_usage(store).free
    if needed > free:
        raise HarnessError(
            f"expected {needed / 1e6:,.1f} MB free for {store}, found {free / 1e6:,.1f} MB",
            fix="free space on that disk, or set HARNESS_STORE (data.store in params.yaml) to a folder on another one",
        )
