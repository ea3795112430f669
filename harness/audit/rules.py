"""By which rules is judged: the shipped ones, or others? Claims, definitions, pins and settings beside the shipped.

A margin of 50 points reproduces everything. An archive carries its own rules, and a checkout's files can be edited; so
both are compared with the rules that the installed package ships (in a checkout, whose files those are, with its last
commit), and every difference is told before the table.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from harness.audit.integrity.rows import pinned_rows
from harness.project.errors import HarnessError, name_some
from harness.project.files import parse_yaml
from harness.project.params import Params
from harness.project.paths import PACKAGE, SHIPPED
from harness.project.tasks import load_task

CLAIMS = "reference/claims.yaml"
LAB_CLAIMS = "reference/lab_claims.yaml"
DEFINITIONS = (
    "reference/design.yaml",
    "reference/low_resource.yaml",
    "reference/languages.yaml",
    "reference/paper.yaml",
    "reference/arithmetic.yaml",
    "profiles/paper.yaml",
)
"""Files that decide besides the claims: which seeds count and when one looks, what counts as low-resource, and which
facts of the data are looked up."""
FREE = ("title", "grid", "data.data_dir", "data.store", "checkpoints", "runtime", "image", "container")
"""Settings of a profile that anybody may choose: they change no number of a cell."""
MOST_LINES = 8

Read = Callable[[str], bytes | None]


def other_rules(root: Path, params: Params) -> list[str]:
    """Sentences on what differs from the shipped rules; empty where nothing does.

    `root`: the checkout or the unpacked archive; `params`: its settings. Raises nothing.
    """
    read = shipped_rules(root)
    if read is None:
        return ["no shipped rules are here to compare these with (no installed package, no commit)"]
    recipes = set(params.grid.recipes)
    own = _claims(LAB_CLAIMS, root, read) if recipes & _planted(root, read) else ()
    lines = [
        *_claims(CLAIMS, root, read),
        *own,
        *_definitions(root, read),
        *_tasks(root, read, params),
        *_settings(read, params),
    ]
    return lines[:MOST_LINES] + ([f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else [])


def shipped_rules(root: Path) -> Read | None:
    """Path in the project -> the shipped file; None where there are no shipped ones."""
    if SHIPPED.is_dir():
        return lambda name: _read(SHIPPED / name)
    checkout = PACKAGE.parent
    if not (checkout / CLAIMS).is_file():
        return None
    if (root / "harness").resolve() != PACKAGE.resolve():
        return lambda name: _read(checkout / name)
    return _committed(checkout)


def shipped_recipes(root: Path, profile: str) -> dict[str, list[str]]:
    """Recipe -> its tasks by the shipped profile of that name, else by profile `paper`; empty where none is shipped."""
    read = shipped_rules(root)
    for name in (profile, "paper"):
        content = _parse(read(f"profiles/{name}.yaml")) if read else None
        if isinstance(content, dict) and isinstance(content.get("recipes"), dict):
            return {recipe: list(said.get("tasks") or []) for recipe, said in content["recipes"].items()}
    return {}


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _committed(checkout: Path) -> Read | None:
    """The files of the checkout's last commit; None where it is no repository itself.

    Files are compared with it byte by byte: what `git status` says of them can be switched off file by file.
    """
    if not (checkout / ".git").exists():
        return None
    try:
        listed = _git(checkout, "ls-tree", "-r", "-z", "HEAD", "--", "reference", "tasks", "profiles").decode()
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError):
        return None
    entries = (entry.partition("\t") for entry in listed.split("\0") if entry)
    blobs = {name: about.split()[2] for about, _, name in entries}

    def read(name: str) -> bytes | None:
        if name not in blobs:
            return None
        content = _read(checkout / name)
        if content is not None and _blob(content, blobs[name]) == blobs[name]:
            return content
        try:
            return _git(checkout, "cat-file", "blob", blobs[name])
        except (OSError, subprocess.CalledProcessError):
            return None

    return read


def _blob(content: bytes, like: str) -> str:
    """The name that git gives a file's content, by the hash (SHA-1 or SHA-256) that another name is of."""
    name = "sha1" if len(like) == 40 else "sha256"
    return hashlib.new(name, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _git(checkout: Path, *arguments: str) -> bytes:
    command = ["git", "--no-replace-objects", "-C", str(checkout), *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout


def _parse(content: bytes | None) -> Any:
    """The content of a YAML file; its bytes where it is none, so that it is compared all the same."""
    if content is None:
        return None
    try:
        return parse_yaml(content.decode())
    except (yaml.YAMLError, ValueError):
        return content


def _planted(root: Path, read: Read) -> set[str]:
    """Recipes that one of the laboratory's own claims is about, of the shipped ones and of those here: only a grid that
    has one is judged by these claims.
    """
    entries = [*_by_id(_parse(read(LAB_CLAIMS))).values(), *_by_id(_parse(_read(root / LAB_CLAIMS))).values()]
    checks = [entry["check"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("check"), dict)]
    several = [recipes for check in checks if isinstance(recipes := check.get("recipes"), list)]
    named = [*(check.get("recipe") for check in checks), *(name for recipes in several for name in recipes)]
    return {name for name in named if isinstance(name, str)}


def _claims(file: str, root: Path, read: Read) -> Iterator[str]:
    """How one registry differs from the shipped one."""
    wanted, found = (_by_id(_parse(content)) for content in (read(file), _read(root / file)))
    changed = [
        f"{name} ({', '.join(keys[:2])})" if (keys := list(_differing(wanted[name], found[name]))) else name
        for name in wanted
        if name in found and found[name] != wanted[name]
    ]
    lacking = [name for name in wanted if name not in found]
    added = [name for name in found if name not in wanted]
    for names, word in ((changed, "changed"), (lacking, "left out"), (added, "not among the shipped ones")):
        if names:
            yield f"{file}: {len(names)} of {len(wanted)} entries {word}: {name_some(names)}"


def _by_id(content: Any) -> dict[str, Any]:
    entries = content if isinstance(content, list) else []
    return {
        str(entry.get("id", place)) if isinstance(entry, dict) else str(place): entry
        for place, entry in enumerate(entries)
    }


def _differing(wanted: Any, found: Any, key: str = "") -> Iterator[str]:
    """Innermost keys in which two contents differ, each with what was found and what is shipped."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in {**wanted, **found}:
            yield from _differing(wanted.get(name), found.get(name), f"{key}.{name}" if key else str(name))
    elif wanted != found:
        short = all(not isinstance(value, dict | list) and len(str(value)) < 30 for value in (wanted, found))
        yield f"{key} {found}, shipped {wanted}" if short else key


def _definitions(root: Path, read: Read) -> Iterator[str]:
    for name in DEFINITIONS:
        wanted, found = read(name), _read(root / name)
        if wanted != found and _parse(wanted) != _parse(found):
            keys = list(_differing(_parse(wanted), _parse(found))) if found else []
            yield (
                f"{name} is not the shipped one{': ' + name_some(keys) if keys and keys[0] else ''}"
                if found
                else (f"{name} is left out")
            )


def _tasks(root: Path, read: Read, params: Params) -> Iterator[str]:
    """Pins other than the shipped ones; where fewer test rows are pinned, with both numbers."""
    names = sorted({*params.data.tasks, *params.grid.targets})
    other, cut = [], []
    for name in names:
        file = f"tasks/{name}.yaml"
        wanted, found = read(file), _read(root / file)
        if wanted == found or _parse(wanted) == _parse(found):
            continue
        other.append(name if found is not None else f"{name} (left out)")
        if name in params.grid.targets and found is not None and wanted is not None:
            here, shipped = (_test_rows(name, content, params) for content in (found, wanted))
            if here < shipped:
                cut.append(f"{name} {here:,} of {shipped:,} rows")
    if other:
        yield f"tasks/: {len(other)} with other pins: {name_some(other)}"
    if cut:
        yield f"tasks/: fewer test rows are pinned: {name_some(cut)}"


def _test_rows(name: str, content: bytes, params: Params) -> int:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{name}.yaml").write_bytes(content)
        try:
            rows = pinned_rows(load_task(name, Path(folder)), params.data.source, params.data.pack)
        except HarnessError:
            return 0
    return sum(count for stem, count in rows.items() if stem.startswith("test"))


def _settings(read: Read, params: Params) -> Iterator[str]:
    """Settings other than those of the shipped profile of that name, of what the grid uses."""
    content = _parse(read(f"profiles/{params.profile}.yaml"))
    if content is None:
        yield f"profile {params.profile} is none of the shipped ones: its settings are its own"
        return
    try:
        shipped = Params.model_validate(content)
    except ValidationError:
        yield f"the shipped profile {params.profile} fits another release of the package"
        return
    found, wanted = (_used(one, params) for one in (params, shipped))
    keys = [key for key in _differing(wanted, found) if not key.startswith(FREE)]
    if keys:
        yield f"profile {params.profile}: {len(keys)} settings changed: {name_some(keys)}"


def _used(one: Params, params: Params) -> Mapping[str, Any]:
    """The settings of `one` that the grid of `params` uses."""
    content = one.model_dump(mode="json")
    recipes = params.grid.recipes
    tasks = {task for recipe in recipes for task in params.recipes[recipe].tasks}
    content["recipes"] = {name: said for name, said in content["recipes"].items() if name in recipes}
    content["intermediate"] = {name: said for name, said in content["intermediate"].items() if name in tasks}
    content["target"] = {name: said for name, said in content["target"].items() if name in params.grid.targets}
    content["data"].pop("tasks")
    return content
