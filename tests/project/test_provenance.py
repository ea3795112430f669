"""What a result says of the machine that made it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.project import provenance

GENERATIONS = {
    "cpu family 25, model 1, avx2": {"cpu family": "25", "model": "1", "flags": "sse2 avx2"},
    "cpu family 25, model 17, avx2, avx512f": {"cpu family": "25", "model": "17", "flags": "avx512f avx2"},
}


@pytest.mark.parametrize("said", GENERATIONS)
def test_processors_of_one_name_are_told_apart(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_cpu_fields", lambda: {"model name": "A Processor"} | GENERATIONS[said])
    found = provenance.machine.__wrapped__()
    assert (found["cpu"], found["instructions"]) == ("A Processor", said)


def test_an_unknown_processor_has_no_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_cpu_fields", dict)
    found = provenance.machine.__wrapped__()
    assert found["cpu"] and found["instructions"] is None


@pytest.mark.parametrize(
    ("flags", "lacks"), [("avx2 avx512f", True), ("avx512f avx512_bf16", False), ("amx_bf16", False), ("", False)]
)
def test_a_processor_without_bfloat16_is_known(flags: str, lacks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_cpu_fields", lambda: {"flags": flags} if flags else {})
    assert provenance.without_bfloat16() == lacks


def git(folder: Path, *command: str) -> str:
    names = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    return subprocess.run(["git", "-C", folder, *names, *command], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in a folder whose name git would quote."""
    for name in (provenance.COMMIT, provenance.DIRTY):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "ein Örtchen?"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "metrics").mkdir()
    for name in ("code.py", "dvc.lock", "grid.json", "metrics/lab.json", "params.yaml"):
        (folder / name).write_text("1")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def test_the_commit_is_the_projects_own(repository: Path, tmp_path: Path) -> None:
    head = git(repository, "rev-parse", "HEAD").strip()
    assert provenance.source_commit(repository) == (head, False)
    link = tmp_path / "link"
    link.symlink_to(repository, target_is_directory=True)
    assert provenance.source_commit(link) == (head, False)
    (repository / "code.py").write_text("2")
    assert provenance.source_commit(repository) == (head, True)


@pytest.mark.parametrize("name", ["dvc.lock", "grid.json", "metrics/lab.json", "params.yaml"])
def test_settings_and_what_is_written_from_them_are_not_code(repository: Path, name: str) -> None:
    """Another profile or a finished run is no changed code: results record both."""
    head = git(repository, "rev-parse", "HEAD").strip()
    (repository / name).write_text("2")
    assert provenance.source_commit(repository) == (head, False)


def test_another_repository_around_the_project_says_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacked without .git inside a repository, also where a hook's environment names one."""
    unpacked = repository / "harness-1.0"
    unpacked.mkdir()
    (unpacked / "code.py").write_text("1")
    assert provenance.source_commit(unpacked) == (None, None)
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    assert provenance.source_commit(unpacked) == (None, None)
    found = provenance.provenance(unpacked, device="cpu", threads=1)
    assert found["git_commit"] is None and found["git_dirty"] is None
    monkeypatch.setenv(provenance.COMMIT, "c" * 40)
    monkeypatch.setenv(provenance.DIRTY, "false")
    assert provenance.source_commit(unpacked) == ("c" * 40, False), "what an image was built from"
