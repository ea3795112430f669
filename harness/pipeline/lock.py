"""Reads dvc.lock and says which stages are stale, without starting DVC.

DVC decides what to run; this module only answers the same question fast enough for `harness plan` and `harness
verify`: it compares the md5 of every dependency and the value of every setting that the lock records (DVC 3's
format: md5 of a file; for a folder the md5 of the JSON list of its files, with `.dir` appended).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from harness.project.errors import HarnessError
from harness.project.files import read_yaml, refuse_depth

LOCK = "dvc.lock"
REPAIR = f"take the committed {LOCK} back (`git checkout -- {LOCK}`) or delete it, then run `harness repro`"
"""What fixes a broken one; what has finished is recognised by its content and kept."""
PIECE = 2**18
"""Bytes of a file that are read at once."""
MERGE_MARKS = re.compile(rb"^(<{7}|>{7})", re.MULTILINE)
"""What git writes where it could not merge."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A stage that names paths only, as those of cells do: 10,000 are read so in 0.2 s, which take a YAML reader 5 s.
_PATH = (
    r"    - path: ([\w./@+-]+)\n      hash: md5\n      md5: ([0-9a-f]{32}(?:\.dir)?)\n"
    r"(?:      size: (\d+)\n)?(?:      nfiles: (\d+)\n)?"
)
_STAGE = re.compile(
    r"  (?P<name>[\w@+.-]+):\n    cmd: \w[^\n:#]*\n"
    rf"(?:    deps:\n(?P<deps>(?:{_PATH})+))?(?:    outs:\n(?P<outs>(?:{_PATH})+))?"
)
# What .dvcignore names, as far as it can lie in a folder that a stage depends on.
_IGNORED = ("__pycache__", "*.py[co]", "*.egg-info", "*.swp", "*~", ".DS_Store", ".*_cache")


class Lock:
    """dvc.lock of a project, with the files' hashes looked up once each.

    `is_weighed`: paths that are compared by the number and size of their files, where the lock records these: weights
    are gigabytes, and DVC, which remembers what it has hashed, looks at them before it runs anything.

    Raises HarnessError as `read_lock` does.
    """

    def __init__(self, root: Path, is_weighed: Callable[[str], bool] = lambda path: False) -> None:
        self.root, self._is_weighed = root, is_weighed
        self.stages = read_lock(root)
        self._params: dict[str, Any] = {}
        self.md5 = lru_cache(maxsize=None)(self._md5_of)
        self._weight = lru_cache(maxsize=None)(self._weight_of)

    def records(self, stage: str, output: str) -> bool:
        """Whether the lock's run of the stage is the one that made `output`: profiles share the names of stages."""
        outs = [out["path"] for out in self.stages.get(stage, {}).get("outs") or []]
        return any(output == out or output.startswith(f"{out}/") for out in outs)

    def changes(self, stage: str) -> list[str]:
        """What the stage depends on that is no longer as the lock records it; `never run` if the lock lacks it."""
        entry = self.stages.get(stage)
        if entry is None:
            return ["never run"]
        changed = [dep["path"] for dep in entry.get("deps") or [] if not self._is_as_recorded(dep)]
        return changed + self._params_changed(entry)

    def changes_since(self, stage: str, is_compared: Callable[[str], bool] = lambda path: True) -> list[str]:
        """As `changes`, without hashing what other stages make: their recorded output is what it has to be."""
        entry = self.stages.get(stage)
        if entry is None:
            return ["never run"]
        deps = {dep["path"]: dep.get("md5") for dep in entry.get("deps") or [] if is_compared(dep["path"])}
        changed = [path for path, md5 in deps.items() if (self._recorded.get(path) or self.md5(path)) != md5]
        return changed + self._params_changed(entry)

    def outputs_differ(self, stage: str, is_compared: Callable[[str], bool] = lambda path: True) -> list[str]:
        """Outputs of the stage that are missing or are not the recorded bytes."""
        outs = self.stages.get(stage, {}).get("outs") or []
        return [out["path"] for out in outs if is_compared(out["path"]) and not self._is_as_recorded(out)]

    def _is_as_recorded(self, entry: Mapping[str, Any]) -> bool:
        path = entry["path"]
        if self._is_weighed(path) and {"size", "nfiles"} <= entry.keys():
            return self._weight(path) == (entry["size"], entry["nfiles"])
        return bool(self.md5(path) == entry.get("md5"))

    def _weight_of(self, path: str) -> tuple[int, int]:
        """Bytes and number of the files in a folder."""
        full = self.root / path
        sizes = [os.path.getsize(file) for file, _ in _files(str(full))] if full.is_dir() else []
        return sum(sizes), len(sizes)

    @cached_property
    def _recorded(self) -> dict[str, str | None]:
        """Path -> recorded md5 of every output."""
        return {out["path"]: out.get("md5") for entry in self.stages.values() for out in entry.get("outs") or []}

    def _params_changed(self, entry: Mapping[str, Any]) -> list[str]:
        return [
            f"{file}:{key}"
            for file, values in (entry.get("params") or {}).items()
            for key, value in values.items()
            if self.param(file, key) != _number(value)
        ]

    def param(self, file: str, key: str) -> Any:
        """A setting as it is now, by its path in the file; None where there is none."""
        if file not in self._params:
            path = self.root / file
            self._params[file] = read_yaml(path) if path.is_file() else {}
        found: Any = self._params[file]
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def _md5_of(self, path: str) -> str | None:
        full = self.root / path
        if full.is_dir():
            return _folder_md5(full)
        return _file_md5(full) if full.is_file() else None


def read_lock(root: Path) -> dict[str, Any]:
    """Stage -> what dvc.lock says of it; empty where there is no dvc.lock.

    Of a stage that names paths only, their md5s and sizes and nothing else. Raises HarnessError where the file is not
    as DVC writes it: empty or cut off, in the middle of a merge, or edited.
    """
    try:
        return _read((root / LOCK).read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        found = error.strerror or str(error)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        found = " ".join(str(error).split())
    raise HarnessError(f"expected {root / LOCK} as DVC writes it, found: {found:.300}", fix=REPAIR)


def _read(content: bytes) -> dict[str, Any]:
    """The same of the file's bytes; a stage of another form than DVC gives goes to the YAML reader.

    Raises ValueError or yaml.YAMLError where it is no dvc.lock.
    """
    if MERGE_MARKS.search(content):
        raise ValueError("the marks of a merge that is not finished")
    head, stages, body = content.decode().partition("stages:\n")
    parts = re.split(r"^(?=  \S)", body, flags=re.MULTILINE)
    names = [part.partition("\n")[0] for part in parts[1:] if not part.startswith("  #")]
    if twice := next((name for name, count in Counter(names).items() if count > 1), None):
        raise ValueError(f"two entries of one stage: {twice.strip(' :')}")
    found, others = {}, [head + stages + parts[0]]
    for part in parts[1:]:
        plain = _STAGE.fullmatch(part)
        if plain:
            found[plain["name"]] = {"deps": _listed(plain["deps"]), "outs": _listed(plain["outs"])}
        else:
            others.append(part)
    refuse_depth("".join(others))
    rest = yaml.load("".join(others), Loader=_LOADER)
    if not isinstance(rest, dict) or not isinstance(rest.get("stages") or {}, dict) or "stages" not in rest:
        raise ValueError("no stages" if content.strip() else "an empty file")
    found |= rest["stages"] or {}
    for name, entry in found.items():
        _check_entry(name, entry)
    return found


def _check_entry(name: object, entry: Any) -> None:
    """ValueError unless an entry of dvc.lock has the form that is read here, its paths inside the project."""
    if not isinstance(name, str) or not isinstance(entry, dict):
        raise ValueError(f"no entry of a stage at {name!r:.80}")
    files = [file for kind in ("deps", "outs") for file in _list_of(entry.get(kind), name)]
    for file in files:
        path = file.get("path") if isinstance(file, dict) else None
        if not isinstance(path, str) or path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise ValueError(f"no path inside the project in stage {name:.80}: {path!r:.80}")
    params = entry.get("params") or {}
    if not isinstance(params, dict) or not all(isinstance(values, dict) for values in params.values()):
        raise ValueError(f"no settings by file in stage {name:.80}")
    if not all(isinstance(key, str) for values in [params, *params.values()] for key in values):
        raise ValueError(f"a setting without a name in stage {name:.80}")


def _list_of(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list | None):
        raise ValueError(f"no list of files in stage {name:.80}")
    return value or []


def _listed(text: str | None) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for path, md5, size, nfiles in re.findall(_PATH, text or ""):
        counts = {"size": size, "nfiles": nfiles}
        entries.append({"path": path, "md5": md5} | {name: int(count) for name, count in counts.items() if count})
    return entries


def _number(value: Any) -> Any:
    """The recorded value with numbers as numbers: DVC writes 1e-08, which YAML 1.1 readers take for a string."""
    if isinstance(value, dict):
        return {key: _number(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_number(inner) for inner in value]
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?e[-+]?\d+", value):
        return float(value)
    return value


@lru_cache(maxsize=4096)  # a grid's folders hold files of the same few names
def _is_ignored(part: str) -> bool:
    return any(fnmatch(part, pattern) for pattern in _IGNORED)


def _file_md5(path: str | Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while piece := stream.read(PIECE):  # weights may be larger than memory
            digest.update(piece)
    return digest.hexdigest()


def _folder_md5(folder: Path) -> str:
    listed = [{"md5": _file_md5(path), "relpath": relative} for path, relative in _files(str(folder))]
    listed.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _files(folder: str, below: str = "") -> Iterator[tuple[str, str]]:
    """Path, and path from the outermost folder, of every file in it that counts."""
    with os.scandir(folder) as entries:
        kept = [entry for entry in entries if not _is_ignored(entry.name)]
    for entry in kept:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, f"{below}{entry.name}/")
        elif entry.is_file():
            yield entry.path, f"{below}{entry.name}"
