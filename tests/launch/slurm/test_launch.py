"""What the launcher of Slurm refuses before it looks for one."""

from __future__ import annotations

from typing import Literal

import pytest
from toy import Params, Paths

from harness.launch.slurm.launch import launch_on_slurm
from harness.project.errors import HarnessError


@pytest.mark.parametrize("runtime", ["docker", "podman"])
def test_an_engine_outside_of_the_job_gets_no_gpu(
    toy: tuple[Params, Paths], runtime: Literal["docker", "podman"]
) -> None:
    params = toy[0]
    cuda = params.compute.model_copy(update={"device": "cuda"})
    with pytest.raises(HarnessError, match=f"a job's own GPUs under --slurm, found `{runtime}`"):
        launch_on_slurm(params.model_copy(update={"compute": cuda, "runtime": runtime}), toy[1])
