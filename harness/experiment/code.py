"""The code that a unit of work runs: the files that its modules import, found by following imports, not by running.

Imports inside functions count, and so does the file of every package on the way; what only a type checker reads does
not. A module that is loaded by its name is no import: harness.experiment.parts names those of every unit.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from harness.project.files import sha256_file
from harness.project.paths import PACKAGE

NOT_HASHED = {
    "harness": "the number of the version",
    "harness.data.corpus": "an intermediate training asks it only whether there is text; the text's hash is an input",
    "harness.data.fetch.store": "finds a published encoder's files, whose hashes are settings",
    "harness.data.formats": "names the type of a row; what it normalises is data, whose hashes are inputs",
    "harness.experiment.code": "finds what is hashed",
    "harness.experiment.inputs": "gathers what is hashed; what it hands on is itself what the hashes are of",
    "harness.experiment.parts": "names the modules whose code is hashed",
    "harness.metrics": "hands names on to those who ask for them; units import the modules themselves",
    "harness.project.errors": "words of errors",
    "harness.project.files": "hashes of files and JSON written as it is given",
    "harness.project.params": "checks settings, whose values are hashed",
    "harness.project.paths": "where files lie, not what they hold",
    "harness.project.progress": "a line on the screen",
    "harness.project.provenance": "says where a result was made, after it was",
    "harness.project.records": "the base of records: unknown keys are refused",
    "harness.project.results": "records that keep what was found as it is",
    "harness.project.stages": "names of stages, in words of errors",
    "harness.project.tasks": "checks tasks/*.yaml, of which the data's manifest repeats what training and scoring read",
}
"""Module that units import -> why another version of it gives the same numbers from the same inputs. What such a module
imports is not looked at either."""


def code_of(modules: Iterable[str]) -> dict[str, str]:
    """sha256 of every file that these modules run, by path from the project."""
    return {path.relative_to(PACKAGE.parent).as_posix(): sha256_file(path) for path in files_of(modules)}


def files_of(modules: Iterable[str]) -> list[Path]:
    """These modules' files and those of all of the package that they import, and these import in turn, sorted."""
    found: dict[str, Path] = {}
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = source_of(name)
        if name in seen or name in NOT_HASHED or path is None:
            continue
        seen.add(name)
        imports, is_empty = _read(path.read_bytes(), _package_of(name, path))
        if not is_empty:
            found[name] = path
        waiting += imports
    return sorted(found.values())


def source_of(module: str) -> Path | None:
    """The file of a module of the package; None for another, and for a name inside a module."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _package_of(module: str, path: Path) -> str:
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


@lru_cache(maxsize=1024)
def _read(source: bytes, package: str) -> tuple[tuple[str, ...], bool]:
    """What a module imports, by full names, and whether it holds nothing but a docstring."""
    tree = ast.parse(source)
    return tuple(dict.fromkeys(_imported(tree, package))), len(tree.body) <= 1


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Every name of this package that may be a module, and the packages that hold it."""
    for node in _statements(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            above = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            names = [module, *(f"{module}.{name}" for name in names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == PACKAGE.name:
                yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that can run: what stands under `if TYPE_CHECKING` can't."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in node.orelse:
                yield other
                yield from _statements(other)
        else:
            yield node
            yield from _statements(node)
