"""What a unit asks Slurm for, how times are written, and which options a user may add."""

from __future__ import annotations

import pytest
from toy import Params, Paths

from harness.launch.slurm.resources import (
    LEAST_MIN,
    UNTIMED_MIN,
    Wish,
    limit_minutes,
    minutes_of,
    read_options,
    request_of,
    time_text,
)
from harness.project.errors import HarnessError

Toy = tuple[Params, Paths]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("90", 90), ("1:30", 2), ("1:30:00", 90), ("2-12", 3600), ("1-0:30", 1470), ("1-00:00:01", 1441)),
        ("infinite", None),
    ],
)
def test_times_are_read_as_slurm_writes_them(text: str, minutes: int | None) -> None:
    assert minutes_of(text) == minutes


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(HarnessError, match="expected a time as sbatch takes it, found 'two hours'"):
        minutes_of("two hours")


@pytest.mark.parametrize(("minutes", "text"), [(15, "00:15:00"), (1500, "1-01:00:00")])
def test_times_are_written_so_too(minutes: int, text: str) -> None:
    assert (time_text(minutes), minutes_of(text)) == (text, minutes)


def test_a_time_limit_is_generous_and_within_the_partitions_own() -> None:
    assert limit_minutes(10.0, None) == LEAST_MIN
    assert limit_minutes(3600.0, None) == 240 and limit_minutes(3600.0, 60) == 60
    assert limit_minutes(None, None) == UNTIMED_MIN and limit_minutes(None, 60) == 60


def test_a_unit_asks_for_what_its_profile_says(toy: Toy) -> None:
    params = toy[0]
    assert request_of(params).cpus == params.compute.threads and request_of(params).gpus == 0
    assert request_of(params).memory_mib == params.container.memory_mib
    cuda = params.model_copy(update={"compute": params.compute.model_copy(update={"device": "cuda"})})
    assert request_of(cuda).gpus == 1


def test_options_of_sbatch_are_taken_in_their_long_form() -> None:
    options = read_options("--account=lab --time=2:00:00 --exclusive --constraint='a100&nvlink'")
    assert options == {"account": "lab", "time": "2:00:00", "exclusive": True, "constraint": "a100&nvlink"}
    assert Wish("", options).minutes == 120 and Wish().minutes is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-A lab", "expected options of sbatch in --slurm-args, found '-A'"),
        ("--account lab", "found 'lab'"),
        ("--account='lab", "No closing quotation"),
        ("--dependency=afterok:1", "expected no --dependency in --slurm-args"),
        *((f"--{name}=1", f"expected no --{name} in") for name in ("ntasks-per-node", "ntasks-per-core", "clusters")),
        ("--ntasks-per-socket=2", "expected no --ntasks-per-socket in"),
        *((f"--{name}", f"expected no --{name} in") for name in ("parsable", "test-only", "wait")),
        ("--dep=afterok:1", "expected no --dep in --slurm-args"),
        ("--ntasks-per-gpu=2", "expected no --ntasks-per-gpu in"),
        ("--partition=gpu", "write `--slurm gpu`"),
    ],
)
def test_other_words_are_refused(text: str, words: str) -> None:
    with pytest.raises(HarnessError) as raised:
        read_options(text)
    assert words in str(raised.value)
