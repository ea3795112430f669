"""The launchers: name -> what makes an executor. Another one is a line here and a module of its own."""

from __future__ import annotations

from collections.abc import Mapping

from harness.launch.cluster.ray_cluster import launch_on_ray
from harness.launch.executor import Launcher
from harness.launch.local.workers import launch_workers
from harness.launch.slurm.launch import launch_on_slurm

LAUNCHERS: Mapping[str, Launcher] = {
    "local": launch_workers,  # worker processes of this machine
    "ray": launch_on_ray,  # the nodes of a Ray cluster
    "slurm": launch_on_slurm,  # job arrays of a Slurm cluster
}
