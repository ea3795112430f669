"""The base install: what it can do without the packages of the extras, and what it says where one is missing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from harness.project.extras import DISTRIBUTION, EXTRAS, missing_extra

NEVER_IMPORTED = {"ruamel-yaml-clib"}
"""Makes another package faster."""
COMES_WITH = {"dvc_data": "dvc"}
"""Package that another one's distribution brings."""
LOOKING = (
    "claims",
    "claims arithmetic",
    "claims show squad-gain",
    "plan --profile lab",
    "plan --slurm --profile lab",
    "profile",
    "tasks",
    "verify --profile lab --json",
    "verify squad-gain --explain --profile lab",
)
LACKING = {
    "data fetch": "run",
    "image check": "run",
    "repro": "run",
    "repro --ray local": "run",
    "repro --slurm": "run",
    "study --profile lab --out {folder}/study.md": "run",
}
"""Command -> the extra that it asks for."""
CODE = f"""
import json, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

class Blocked:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {sorted(each for packages in EXTRAS.values() for each in packages)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked)
from harness.commands.main import run

found = {{}}
for words in json.loads(sys.argv[1]):
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = run(words.split())
    found[words] = code, out.getvalue(), err.getvalue()
print(json.dumps(found))
"""


def run_without_extras(commands: list[str], root: Path) -> dict[str, tuple[int, str, str]]:
    """Command -> exit code, output and errors, in this checkout and one process that finds no package of an extra."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(commands)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str, str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def declared(repo_root: Path) -> dict[str, Any]:
    with (repo_root / "pyproject.toml").open("rb") as stream:
        project: dict[str, Any] = tomllib.load(stream)["project"]
    return project


def names(requirements: list[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", re.split(r"[<>=! ;]", one, maxsplit=1)[0]).lower() for one in requirements}


def test_every_package_of_an_extra_is_known_by_its_import(repo_root: Path) -> None:
    project, brought = declared(repo_root), packages_distributions()
    assert project["name"] == DISTRIBUTION
    assert set(project["optional-dependencies"]) == set(EXTRAS)
    for extra, packages in EXTRAS.items():
        wanted = names(project["optional-dependencies"][extra]) - NEVER_IMPORTED
        found = {name for package in packages for name in names(brought[COMES_WITH.get(package, package)])}
        assert wanted <= found, f"extra {extra}"
        lacking = [each for each in packages if not wanted & names(brought[COMES_WITH.get(each, each)])]
        assert lacking == [], f"extra {extra} brings none of these"
        assert not wanted & names(project["dependencies"])


def test_a_missing_package_is_a_sentence_with_the_command_that_installs_it() -> None:
    error = missing_extra(ModuleNotFoundError("No module named 'dvc.repo'", name="dvc.repo"))
    assert error is not None and "the package dvc" in str(error) and "pip install 'claim-harness[run]'" in str(error)
    tracking = missing_extra(ModuleNotFoundError("No module named 'mlflow'", name="mlflow"))
    assert tracking is not None and "pip install 'claim-harness[track]'" in str(tracking)
    assert missing_extra(ModuleNotFoundError("No module named 'numpy'", name="numpy")) is None
    assert missing_extra(ModuleNotFoundError("without a name")) is None


@pytest.mark.slow
def test_the_base_install_looks_and_judges(repo_root: Path) -> None:
    for words, (code, out, err) in run_without_extras(list(LOOKING), repo_root).items():
        assert (code, err) == (0, ""), words
        assert out, words


@pytest.mark.slow
def test_what_needs_an_extra_says_which(repo_root: Path, tmp_path: Path) -> None:
    commands = {words.format(folder=tmp_path): extra for words, extra in LACKING.items()}
    for words, (code, _, err) in run_without_extras(list(commands), repo_root).items():
        assert code == 2 and f"pip install '{DISTRIBUTION}[{commands[words]}]'" in err, f"{words}: {err}"
        assert err.startswith("harness: ") and err.count("\n") == 1
