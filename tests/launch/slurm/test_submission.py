"""What sbatch is given, and what becomes of an array that it doesn't take; programs stand in for Slurm's commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy import Params, Paths

from harness.launch.cluster.messages import Identity
from harness.launch.executor import Job
from harness.launch.slurm import submission
from harness.launch.slurm.arrays import Array
from harness.launch.slurm.resources import Request, Wish, read_options
from harness.launch.slurm.submission import Manifest, Submitted, Submitter
from harness.launch.slurm.unit_job import UnitRecord
from harness.launch.work import Work
from harness.project.errors import HarnessError

Toy = tuple[Params, Paths]
Says = Callable[..., None]
ARRAY = Array("cell udpos", (Job("a", Work("a", ("run", "a"), (), ()), (), 1.0, "cell udpos", Path("a.log")),))


@pytest.fixture
def submitter(toy: Toy, says: Says, tmp_path: Path) -> Callable[[str], Submitter]:
    """Makes one with these --slurm-args; its folder is this test's."""

    def make(options: str = "") -> Submitter:
        wish = Wish("", read_options(options))
        found = Submitter("harness-toy", *toy, Identity("c", {}, None), wish, Request(1, 0, 0))
        found.folder = tmp_path / "slurm"
        return found

    return make


@pytest.fixture
def sbatch(says: Says, tmp_path: Path) -> Callable[[], tuple[str, dict[str, str]]]:
    """Has sbatch take everything; gives what it was given last, and its environment."""
    program = tmp_path / "sbatch"
    program.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/script\nenv >{tmp_path}/env\necho Submitted batch job 7\n')

    def read() -> tuple[str, dict[str, str]]:
        lines = (tmp_path / "env").read_text().splitlines()
        return (tmp_path / "script").read_text(), dict(line.partition("=")[::2] for line in lines)

    return read


@pytest.fixture
def spoilt(says: Says, tmp_path: Path) -> Path:
    """Has sbatch fail after Slurm took the job, which squeue then shows; gives the file of what scancel was told."""
    (tmp_path / "sbatch").write_text(f'#!/bin/sh\necho "$1" >{tmp_path}/taken\necho "timed out" >&2\nexit 1\n')
    shows = f'echo "7|N/A|PENDING||None|$(cat {tmp_path}/taken)"\necho "8|N/A|RUNNING|n1|None|/p/other/x.sh"\n'
    (tmp_path / "squeue").write_text(f"#!/bin/sh\n{shows}")
    (tmp_path / "scancel").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/cancelled\n')
    return tmp_path / "cancelled"


def test_a_unit_is_started_anew_unless_the_user_says_no(
    submitter: Callable[[str], Submitter], sbatch: Callable[[], tuple[str, dict[str, str]]]
) -> None:
    submitter("").submit(ARRAY, {}, 15)
    script = sbatch()[0]
    assert "#SBATCH --requeue\n" in script and "#SBATCH --time=15\n" in script
    submitter("--no-requeue --time=infinite").submit(ARRAY, {}, None)
    script = sbatch()[0]
    assert "#SBATCH --no-requeue\n" in script and "--requeue\n" not in script and "--time=infinite\n" in script


def test_variables_of_the_login_shell_do_not_reach_sbatch_but_those_of_the_account(
    submitter: Callable[[str], Submitter],
    sbatch: Callable[[], tuple[str, dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SBATCH_TIMELIMIT", "SBATCH_ARRAY_INX", "SBATCH_ACCOUNT", "SBATCH_QOS", "SLURM_CLUSTERS"):
        monkeypatch.setenv(name, "x")
    submitter("").submit(ARRAY, {}, 15)
    seen = sbatch()[1]
    assert {name for name in seen if name.startswith("SBATCH_")} == {"SBATCH_ACCOUNT", "SBATCH_QOS"}
    assert "SLURM_CLUSTERS" not in seen
    assert os.environ["SBATCH_TIMELIMIT"] == "x", "this process keeps them"


def test_any_folder_may_hold_the_package(
    submitter: Callable[[str], Submitter],
    sbatch: Callable[[], tuple[str, dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submission, "PACKAGE", Path('/p/a $HOME "b" `c`/harness'))
    submitter("").submit(ARRAY, {}, 15)
    line = next(line for line in sbatch()[0].splitlines() if line.startswith("export PYTHONPATH="))
    said = subprocess.run(
        ["bash", "-c", f'{line}; echo "$PYTHONPATH"'], env={"PYTHONPATH": "/q r"}, capture_output=True
    )
    assert said.stdout.decode() == '/p/a $HOME "b" `c`:/q r\n'


def test_what_slurm_took_though_sbatch_failed_is_cancelled(submitter: Callable[[str], Submitter], spoilt: Path) -> None:
    found = submitter("")
    with pytest.raises(HarnessError, match=r"expected Slurm to take 1 units of `cell udpos`.*timed out"):
        found.submit(ARRAY, {}, 15)
    assert spoilt.read_text() == "--quiet 7\n", "and no other job of this name"
    assert not found.unsure and not list(found.folder.iterdir())


def test_a_folder_is_listed_before_a_record_in_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def appear(folder: Path) -> Any:
        record = UnitRecord(code=0, seconds=1.0, host="n1", died="")
        (folder / "0.json").write_text(record.model_dump_json())
        return scandir(folder)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", appear)
    array = Submitted(tmp_path, Manifest(stages=["a"], label="cell", identity="x", minutes=15), "7")
    assert array.record(0) is not None, "as on NFS, which shows a new file to whoever lists its folder"


def test_a_folder_is_kept_until_squeue_says_what_slurm_took(
    submitter: Callable[[str], Submitter], spoilt: Path, says: Says
) -> None:
    found, answers = submitter(""), (spoilt.parent / "squeue").read_text()
    says("squeue", "Unable to contact slurm controller", code=1)
    with pytest.raises(HarnessError, match="expected Slurm to take 1 units"):
        found.submit(ARRAY, {}, 15)
    (kept,) = found.folder.iterdir()
    assert found.unsure == {kept} and not spoilt.exists()
    with pytest.raises(HarnessError, match="expected Slurm's controller to answer `squeue`"):
        found.submit(ARRAY, {}, 15)
    assert list(found.folder.iterdir()) == [kept], "nothing is submitted beside it"
    (spoilt.parent / "squeue").write_text(answers)
    says("sbatch", "Submitted batch job 9")
    again = found.submit(ARRAY, {}, 15)
    assert spoilt.read_text() == "--quiet 7\n" and not found.unsure
    assert list(found.folder.iterdir()) == [again.folder]
