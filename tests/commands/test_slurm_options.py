"""The options of `harness repro` and `harness plan` that speak of a Slurm, and what would be submitted."""

from __future__ import annotations

import pytest
from toy import Params, Paths

from harness.commands.main import run
from harness.commands.slurm_options import with_partition

Toy = tuple[Params, Paths]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("repro --slurm", ["repro", "--slurm", ""]),
        ("repro --slurm gpu", ["repro", "--slurm", "gpu"]),
        ("repro --slurm --pinned", ["repro", "--slurm", "", "--pinned"]),
        ("repro --slurm=gpu", ["repro", "--slurm=gpu"]),
    ],
)
def test_a_partition_may_be_left_out(typed: str, read: list[str]) -> None:
    assert with_partition(typed.split()) == read


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("repro --slurm --ray local", "expected --ray or --slurm, found both"),
        ("repro --slurm --jobs 2", "expected --jobs or --slurm, found both"),
        ("repro --slurm-args=--time=3", "expected --slurm beside --slurm-args, found --slurm-args alone"),
        ("repro --slurm --slurm-args=-A", "expected options of sbatch in --slurm-args, found '-A'"),
        ("plan --slurm --power", "expected --slurm or --power, found both"),
        ("plan --slurm-args=--time=3", "expected --slurm beside --slurm-args, found --slurm-args alone"),
    ],
)
def test_what_does_not_go_together_is_said(
    toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, words: str
) -> None:
    monkeypatch.chdir(toy_copy[1].root)
    assert run(typed.split()) == 2
    assert words in capsys.readouterr().err


def test_what_would_be_submitted_is_shown_without_a_slurm(
    toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(toy_copy[1].root)
    monkeypatch.setenv("PATH", "")
    assert run(["plan", "--slurm", "gpu", "--slurm-args=--time=2:00:00 --exclusive"]) == 0
    said = capsys.readouterr().out
    cells = len(toy_copy[0].grid.cells)
    assert said.startswith(f"{cells + 1} units in 2 job arrays, named harness-toy-") and "in partition gpu" in said
    assert "all of 1 (afterok)" in said and said.count("02:00:00") == 2
    assert "options for sbatch: --time=2:00:00 --exclusive" in said
