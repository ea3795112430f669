"""Every command outside a project, and in a clone without params.yaml: it says what to do, and that works there.

What an installed package ships is looked at anywhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import COMMANDS, is_name, with_arguments, wrong_harness_command

from harness import __version__
from harness.commands.main import run
from harness.project import paths

Command = Callable[..., tuple[int, str, str]]
NEEDS_A_CLONE = [words for words in COMMANDS if words != "judge"]
"""All commands but the one on somebody's own scores: tests/commands/test_judge.py runs it in an empty folder."""
ANYWHERE = ("--help", "-h", "--version", "--show-completion bash")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # tests may have no shell above them

    def in_folder(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return in_folder


@pytest.fixture
def clone(command: Command, tmp_path: Path, repo_root: Path) -> Command:
    """The command line in a clone whose params.yaml is missing."""
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(repo_root / name)
    return command


def advised(err: str) -> list[list[str]]:
    """The `harness` commands that an error names, all of which exist; returned are those without placeholders."""
    found = [words.split() for words in re.findall(r"`harness ([^`]+)`", err)]
    assert [wrong for words in found if (wrong := wrong_harness_command(words))] == [], err
    return [words for words in found if all(is_name(word) or word.startswith("-") for word in words)]


def refused(code: int, err: str) -> None:
    assert code == 2 and err.startswith("harness: expected ") and "To fix it: " in err
    assert err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize("words", NEEDS_A_CLONE)
def test_outside_a_clone(command: Command, tmp_path: Path, words: str) -> None:
    code, _, err = command(*with_arguments(words))
    refused(code, err)
    assert f"at or above {tmp_path}" in err and "change into the folder of your clone" in err
    assert advised(err) == [], "no command helps here"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [words for words in NEEDS_A_CLONE if words != "profile"])
def test_in_a_clone_without_settings(clone: Command, tmp_path: Path, words: str) -> None:
    code, _, err = clone(*with_arguments(words))
    refused(code, err)
    assert f"params.yaml, the active profile, in {tmp_path}" in err
    assert not (tmp_path / "params.yaml").exists() and not (tmp_path / "build").exists()
    (advice,) = advised(err)
    assert clone(*advice)[0] == 0 and (tmp_path / "params.yaml").is_file()


def test_a_clone_without_settings_lists_its_profiles(clone: Command) -> None:
    code, out, _ = clone("profile")
    assert code == 0 and "lab" in out and "*" not in out
    assert clone("profile", "lab")[0] == 0
    assert "* lab" in clone("profile")[1] and clone("plan")[0] == 0


@pytest.fixture
def installed(
    command: Command, tmp_path_factory: pytest.TempPathFactory, repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """The command line of an installed package, which ships a project, in an empty folder."""
    shipped = tmp_path_factory.mktemp("shipped")
    for name in ("tasks", "profiles", "reference"):
        (shipped / name).symlink_to(repo_root / name)
    (shipped / "params.yaml").symlink_to(repo_root / "profiles" / "lab.yaml")
    monkeypatch.setattr(paths, "SHIPPED", shipped)
    return command


@pytest.mark.parametrize("words", ["verify --quick", "plan", "tasks"])
def test_an_installed_package_is_looked_at_anywhere(installed: Command, tmp_path: Path, words: str) -> None:
    _, out, err = installed(*words.split())
    assert out and err == f"harness: no clone here: what is looked at came with the package, version {__version__}\n"
    assert list(tmp_path.iterdir()) == []


def test_what_is_shipped_is_shown_as_a_page_in_the_users_folder(
    installed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = installed("report", "--profile", "paper")
    assert code == 0 and "paper-report.html" in out and err.startswith("harness: no clone here")
    assert [path.name for path in tmp_path.iterdir()] == ["paper-report.html"]
    assert installed("report", "--profile", "paper", "--out", "mine.html")[0] == 0
    assert (tmp_path / "mine.html").is_file()


def test_what_is_shipped_is_compared_anywhere(installed: Command, tmp_path: Path) -> None:
    code, _, err = installed("diff", "paper", "paper")
    assert code == 2 and "expected results of paper, found none" in err and "`harness profile paper`" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", ["claims", "claims arithmetic", "claims show squad-gain"])
def test_its_registry_is_read_anywhere(installed: Command, words: str) -> None:
    code, out, err = installed(*words.split())
    assert (code, err) == (0, "") and out


@pytest.mark.parametrize(
    "words", ["profile lab", "repro", "run cell none tatoeba 1", "verify --rerun 1", "verify squad-gain --run"]
)
def test_what_changes_or_runs_needs_a_clone(installed: Command, tmp_path: Path, words: str) -> None:
    code, _, err = installed(*words.split())
    refused(code, err)
    assert "change into the folder of your clone" in err and list(tmp_path.iterdir()) == []


def test_a_clone_without_settings_is_not_passed_over_for_what_is_shipped(
    installed: Command, tmp_path: Path, repo_root: Path
) -> None:
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(repo_root / name)
    code, _, err = installed("plan")
    refused(code, err)
    assert f"params.yaml, the active profile, in {tmp_path}" in err


@pytest.mark.parametrize("words", ANYWHERE)
def test_what_works_anywhere(command: Command, words: str) -> None:
    try:
        code, out, err = command(*words.split())
    except SystemExit as ended:  # typer's own option ends the process
        assert ended.code == 0
        return
    assert (code, err) == (0, "") and out


def test_the_version_is_the_packages(command: Command) -> None:
    assert command("--version") == (0, f"harness {__version__}\n", "")


def test_the_package_runs_as_a_module(tmp_path: Path, repo_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "--version"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(repo_root)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, f"harness {__version__}\n"), done.stderr


@pytest.mark.parametrize("words", ["", *COMMANDS, "run", "data", "image"])
def test_help_is_one_letter_away(command: Command, words: str) -> None:
    short, long = command(*words.split(), "-h"), command(*words.split(), "--help")
    assert short == long and short[0] == 0 and "-h, --help" in short[1]
