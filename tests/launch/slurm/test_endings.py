"""How a unit ended, from what its job left: its record, Slurm's words in its output, its state."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.launch.slurm.controller import Task
from harness.launch.slurm.endings import ending_of, seen, unseen
from harness.launch.slurm.submission import Manifest, Submitted
from harness.launch.slurm.unit_job import UnitRecord

ENDED = "slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-01-01T00:00:00"


@pytest.fixture
def array(tmp_path: Path) -> Submitted:
    stages = ["cell@none-udpos-1", "cell@none-udpos-2"]
    return Submitted(tmp_path, Manifest(stages=stages, label="cell udpos", identity="x", minutes=15), "7")


def task(state: str, nodes: str = "n1") -> Task:
    return Task("7", 1, state, "None", nodes, "")


def say(array: Submitted, words: str) -> None:
    (array.folder / "7_1_0_log.out").write_text(words)


def test_a_unit_that_failed_by_itself_has_its_own_code(array: Submitted) -> None:
    record = UnitRecord(code=2, seconds=1.0, host="n1", died="")
    found = ending_of(array, 1, record, task("FAILED"), None)
    assert (found.code, found.died, found.log) == (2, "", "")


@pytest.mark.parametrize("state", ["TIMEOUT", ""])
def test_a_time_limit_is_doubled_where_it_may_be(array: Submitted, state: str) -> None:
    say(array, f"{ENDED} DUE TO TIME LIMIT ***\n")
    found = ending_of(array, 1, None, task(state), 30)
    assert found.minutes == 30 and found.died.startswith("ended by Slurm at its time limit of 00:15:00; its next start")
    last = ending_of(array, 1, None, task(state), None)
    assert (last.code, last.died, last.minutes) == (1, "", None)
    assert 'To fix it: `harness repro --slurm --slurm-args "--time=00:30:00"`' in last.log


def test_a_unit_without_a_limit_of_its_own_is_told_of_none(tmp_path: Path) -> None:
    unlimited = Submitted(tmp_path, Manifest(stages=["a", "b"], label="cell", identity="x", minutes=None), "7")
    found = ending_of(unlimited, 1, None, task("TIMEOUT"), None)
    assert "expected b to end within its time limit, found that" in found.log and "--slurm PARTITION" in found.log


def test_outputs_that_are_not_seen_are_named_beside_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    there, missing = seen([tmp_path / "checkpoint", tmp_path / "intermediate" / "mark.json"])
    assert there == [tmp_path / "checkpoint"] and missing == [tmp_path / "intermediate" / "mark.json"]
    found = unseen("a", there, missing, UnitRecord(code=0, seconds=1.0, host="n1", died=""))
    assert (found.code, found.died) == (1, "")
    assert f"found {there[0]} there and {missing[0]} missing. To fix it: see whether" in found.log


@pytest.mark.parametrize(
    ("state", "words", "died"),
    [
        ("CANCELLED", f"{ENDED} ***", "its job was cancelled (scancel, or an administrator) on n1"),
        ("CANCELLED", f"{ENDED} DUE TO PREEMPTION ***", "its job was preempted on n1"),
        ("", f"{ENDED} DUE TO NODE FAILURE ***", "its node failed on n1"),
        ("OUT_OF_MEMORY", "x", "it wanted more memory than it asked for"),
        ("FAILED", "srun: error: n1: task 0: Killed", "its job ended (FAILED) before it did on n1"),
    ],
)
def test_what_killed_it_is_said_and_its_jobs_words_go_into_its_log(
    array: Submitted, state: str, words: str, died: str
) -> None:
    say(array, words)
    found = ending_of(array, 1, None, task(state), None)
    assert found.died.startswith(died) and found.log.endswith(f"{words}\n") and not found.is_blind


def test_a_job_that_left_no_word_ran_where_the_folder_is_not_seen(array: Submitted) -> None:
    found = ending_of(array, 1, None, task("FAILED", "n2"), None)
    assert found.is_blind and found.nodes == "n2"
    assert not ending_of(array, 1, None, task("CANCELLED", ""), None).is_blind


def test_what_was_made_of_other_inputs_is_made_again(array: Submitted) -> None:
    record = UnitRecord(code=0, seconds=1.0, host="n1", died="")
    assert "other inputs" in ending_of(array, 1, record, task("COMPLETED"), None).died
