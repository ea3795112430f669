"""What a unit's job does on its node; no Slurm is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.launch.container import container
from harness.launch.slurm import unit_job
from harness.launch.work import Work, fetch_back
from harness.project.params import Params
from harness.project.paths import Paths


def test_no_two_starts_of_a_job_share_a_scratch_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    names = [unit_job.own_name(), unit_job.own_name()]
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    names.append(unit_job.own_name())
    assert len(set(names)) == 3
    assert [name.rpartition("-")[0] for name in names] == ["slurm-12-0", "slurm-12-0", "slurm-12-2"]
    for name in names:
        (tmp_path / name).mkdir()
    assert len(list(tmp_path.glob(f"{unit_job.SCRATCH}*"))) == 3, "the driver finds what a killed job has left"


def test_a_container_writes_below_the_folder_of_its_own_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toy: tuple[Params, Paths]
) -> None:
    params, paths = toy[0], Paths(tmp_path / "project", toy[0].profile)
    work = Work("a", ("run", "a"), (), (paths.results / "a.json",))
    own = Paths(tmp_path / "own", params.profile)

    def run_work(work: Work, params: Params, paths: Paths, into: Paths) -> int:
        scratch = work.scratch(into.scratch)
        made = scratch / work.outputs[0].relative_to(into.root)
        made.parent.mkdir(parents=True)
        made.write_text("made")
        fetch_back(work, scratch, into)
        return 0

    monkeypatch.setattr(container, "run_work", run_work)
    assert unit_job._run_in_container(work, params, paths, own) == 0
    assert not paths.root.exists(), "not before the container has ended"
    fetch_back(work, own.root, paths)
    assert work.outputs[0].read_text() == "made"
