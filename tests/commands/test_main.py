"""The command line: what each command prints. (How light they are: test_imports.py.)"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys
from commands import HARNESS

from harness.commands.groups import HEADINGS
from harness.project.params import Params
from harness.project.paths import Paths

Command = Callable[..., tuple[int, str, str]]
Toy = tuple[Params, Paths]


def test_help_names_every_command(harness: Command) -> None:
    _, out, _ = harness("--help")
    for name in (
        "profile",
        "tasks",
        "plan",
        "verify",
        "report",
        "study",
        "layers",
        "track",
        "run",
        "data",
        "pin",
        "encoder",
    ):
        assert f"\n  {name} " in out
    _, out, _ = harness("run", "--help")
    for name in (
        "data",
        "corpus",
        "encoder",
        "recipe",
        "target",
        "intermediate",
        "cell",
        "scores",
        "verdicts",
        "report",
        "metrics",
        "track",
    ):
        assert f"\n  {name} " in out


def test_each_stage_says_what_it_did(harness: Command, toy_copy: Toy) -> None:
    params, paths = toy_copy
    code, out, _ = harness("run", "data", "udpos")
    assert (code, out.count("\n")) == (0, 1) and out.startswith("data udpos: ") and "every file as pinned" in out
    code, out, _ = harness("run", "corpus")
    assert code == 0 and out.startswith("corpus: ") and "left out as evaluation text" in out
    assert harness("run", "recipe", "none") == (0, "", "")
    assert harness("run", "target", "tatoeba") == (0, "", "")
    assert harness("run", "target", "udpos") == (0, "", "")
    code, out, _ = harness("run", "intermediate", "none", "1")
    assert code == 0 and out.startswith("intermediate none-1: ok, ")
    for done, target in enumerate(("udpos", "tatoeba"), start=1):
        code, out, _ = harness("run", "cell", "none", target, "1")
        assert code == 0 and out.startswith(f"cell none-{target}-1: ") and f"{done} of 5 cells there" in out
    assert harness("run", "grid")[:2] == (0, "grid: 1 intermediate trainings and 5 cells\n")
    code, out, _ = harness("run", "scores")
    assert code == 0 and out == f"scores of 2 of {len(params.grid.targets)} cells: {paths.scores}\n"
    code, out, _ = harness("run", "verdicts")
    assert code == 0 and paths.verdicts.is_file()
    code, out, _ = harness("run", "report")
    assert code == 0 and out.startswith(f"report: {paths.build / 'report.html'}, ")


def test_tasks_lists_every_task_file(harness: Command, toy_copy: Toy) -> None:
    code, out, _ = harness("tasks")
    assert code == 0
    listed = [line.split()[0] for line in out.splitlines()[1:]]
    assert set(listed) >= {path.stem for path in toy_copy[1].tasks.glob("*.yaml")}


def test_a_pin_is_written_and_checked(harness: Command, toy_copy: Toy) -> None:
    path = toy_copy[1].tasks / "udpos.yaml"
    code, out, _ = harness("data", "pin", "--check", "udpos")
    assert code == 2 and "rows: 60" in out  # the toy's pins are smaller than what pinning makes now
    assert harness("data", "pin", "udpos")[0] == 0
    assert path.read_bytes() == (toys.ROOT / "tasks" / "udpos.yaml").read_bytes()
    assert harness("data", "pin", "--check", "udpos")[0] == 0


def test_a_packs_pins_can_be_checked_whatever_source_is_active(harness: Command, real_pack: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_DATA_DIR", str(real_pack))
        code, out, _ = harness("data", "pin", "--check", "--pack", "mini", "xnli")
    assert code == 0 and "xnli: as pinned" in out


def test_a_profile_becomes_the_active_one(harness: Command, toy_copy: Toy) -> None:
    root = toy_copy[1].root
    code, _, err = harness("profile", "lab")
    assert code == 2 and "has edits that are in no file of profiles/" in err
    (root / "params.yaml").rename(root / "profiles" / "toy.yaml")
    (root / "params.yaml").write_bytes((root / "profiles" / "toy.yaml").read_bytes())
    assert harness("profile", "lab")[0] == 0
    assert (root / "params.yaml").read_bytes() == (toys.ROOT / "profiles" / "lab.yaml").read_bytes()
    code, out, _ = harness("profile")
    assert code == 0 and next(line for line in out.splitlines() if line.startswith("*")).startswith("* lab")


def test_a_profile_is_planned_without_being_made_active(harness: Command, toy_copy: Toy) -> None:
    before = toy_copy[1].params.read_bytes()
    code, out, _ = harness("plan", "--profile", "paper", "--gpu", "No Such GPU")
    assert code == 0 and out.startswith("profile paper: ") and "nobody measured" in out
    code, out, _ = harness("plan", "--profile", "paper", "--unverified")
    assert code == 0 and "intermediate.mnli.batch_size" in out
    code, out, _ = harness("plan", "--unverified")
    assert code == 0 and out.startswith("profile toy: ")
    code, _, err = harness("plan", "--profile", "papr")
    assert code == 2 and "did you mean `paper`" in err
    assert toy_copy[1].params.read_bytes() == before


@pytest.mark.slow
def test_pinned_results_of_another_profile_are_judged_without_making_it_active(
    harness: Command, toy_copy: Toy, tmp_path: Path
) -> None:
    root = toy_copy[1].root
    for folder in ("reference", "tasks"):
        shutil.copytree(toys.ROOT / folder, root / folder, dirs_exist_ok=True)
    before = toy_copy[1].params.read_bytes()
    code, out, _ = harness("verify", "--profile", "lab")
    assert code == 0 and "profile  lab:" in out and "reference/lab" in out
    code, _, _ = harness("study", "--profile", "lab", "--out", str(tmp_path / "study.md"))
    assert code == 0 and "`lab`" in (tmp_path / "study.md").read_text(encoding="utf-8")
    code, out, _ = harness("verify", "--profile", "ci")
    assert code == 0 and "nothing has run" in out
    assert toy_copy[1].params.read_bytes() == before


@pytest.mark.parametrize("option", [["--quick"], ["--rerun", "1"], ["--explain"]])
def test_an_archive_takes_no_option_that_would_be_ignored(harness: Command, option: list[str]) -> None:
    code, _, err = harness("verify", "any.zip", *option)
    assert code == 2 and option[0] in err and "found both" in err


def test_commands_work_from_a_folder_below(harness: Command, toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy_copy[1].tasks)
    code, out, _ = harness("plan")
    assert code == 0 and out.startswith("profile toy: ")


def test_help_names_every_command_once_under_a_heading(harness: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = harness("--help")[1].splitlines()
    starts = [place for place, line in enumerate(lines) if line.endswith(":") and not line.startswith((" ", "Options"))]
    named = [line.split()[0] for line in lines[starts[0] :] if line.startswith("  ")]
    assert [lines[place].rstrip(":") for place in starts] == [*HEADINGS]
    assert named == [name for names in HEADINGS.values() for name in names] and len({*named}) == len(named)
    assert {*named} == {*HARNESS.commands} and max(map(len, lines)) <= 80


def test_verdicts_are_written_for_ci_systems(
    harness: Command, toy_copy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "github.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    junit, summary = tmp_path / "out" / "junit.xml", tmp_path / "summary.md"
    code, out, _ = harness("verify", "--junit", str(junit), "--summary", str(summary))
    assert code == 0 and "no cell has run here" in out
    assert '<testcase classname="levels"' in junit.read_text() and "<failure" not in junit.read_text()
    assert page.read_text() == "before\n" + summary.read_text() and "**exit code 0**" in summary.read_text()
    code, _, err = harness("verify", "--junit", str(tmp_path))
    assert code == 2 and f"expected a file to write, found the folder {tmp_path}" in err
