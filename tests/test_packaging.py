"""What the distribution says of itself: licence, citation, versions, and files that a build needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import __version__
from harness.project.tasks import load_tasks, task_names


@pytest.fixture(scope="module")
def project(repo_root: Path) -> dict[str, Any]:
    with (repo_root / "pyproject.toml").open("rb") as stream:
        content: dict[str, Any] = tomllib.load(stream)["project"]
    return content


def test_the_citation_fits_the_distribution(repo_root: Path, project: dict[str, Any]) -> None:
    """The keys that the Citation File Format 1.2.0 requires, and no number of a version but the package's."""
    found = yaml.safe_load((repo_root / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= found.keys()
    assert (found["cff-version"], found["type"]) == ("1.2.0", "software")
    assert (found["version"], found["license"]) == (__version__, project["license"])
    assert [author["name"] for author in found["authors"]] == [author["name"] for author in project["authors"]]
    for reference in found["references"]:
        assert {"type", "title", "authors"} <= reference.keys()


def test_the_changelog_tells_of_this_version(repo_root: Path) -> None:
    text = (repo_root / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[([^\]]+)\](?: - \d{4}-\d\d-\d\d)?$", text, re.MULTILINE)
    assert headings[0] == "Unreleased" and headings[1] == __version__
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_files_that_the_metadata_names_are_there(repo_root: Path, project: dict[str, Any]) -> None:
    for name in (project["readme"], *project["license-files"], "harness/py.typed", "MANIFEST.in"):
        assert (repo_root / name).is_file(), name
    assert "MIT License" in (repo_root / "LICENSE").read_text(encoding="utf-8")


def test_an_image_is_built_of_what_the_package_is_built_of(repo_root: Path, project: dict[str, Any]) -> None:
    """Its build sees what .dockerignore lets through, and copies it."""
    seen = (repo_root / ".dockerignore").read_text(encoding="utf-8").split()
    copied = " ".join(re.findall(r"^COPY (.+)$", (repo_root / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    for name in (project["readme"], *project["license-files"], "pyproject.toml", "setup.py", "params.yaml"):
        assert f"!{name}" in seen and name in copied.split(), name


def test_every_licence_of_the_data_is_listed(repo_root: Path) -> None:
    text = (repo_root / "docs" / "licences.md").read_text(encoding="utf-8")
    tasks = load_tasks(task_names(repo_root / "tasks"), repo_root / "tasks")
    assert [name for name, task in tasks.items() if f"| `{name}` | {task.licence} |" not in text] == []
    named = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert named == set(tasks)
