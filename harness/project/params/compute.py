"""What a unit of work runs on and in: device, threads, container, image."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from harness.project.params.settings import MOST, Settings


class Compute(Settings):
    """What the numbers are computed on; part of what is pinned."""

    device: Literal["cpu", "cuda"]
    """Where training and prediction run."""
    threads: int = Field(gt=0, le=MOST)
    """CPU threads of one unit of work; the numbers depend on it."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """`bf16`: the encoder's passes in bfloat16 where torch's autocast allows it; weights, heads, optimiser in fp32."""
    micro_batch: int | None = Field(default=None, gt=0, le=MOST)
    """Most examples per forward pass; a larger batch is accumulated, so the effective batch stays the task's
    `batch_size` whatever the memory. null: the whole batch at once."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time, the same numbers."""


Runtime = Literal["local", "docker", "podman", "apptainer"]
"""Where intermediate trainings and cells run; every one but `local` runs each in a container."""


class Container(Settings):
    """Limits of the container that a unit of work runs in. Where an engine can't hold one, nothing runs; null says that
    units go without it.
    """

    memory_mib: int | None = Field(ge=64, le=MOST)
    """Memory, swap included; the kernel kills a unit that wants more."""
    pids: int | None = Field(ge=16, le=MOST)
    """Processes and threads."""
    tmp_mib: int = Field(ge=1, le=MOST)
    """Size of /tmp, which lies in memory; the only place besides the output folder that can be written."""


SIF = ".sif"
"""How the name of an Apptainer image ends."""


def is_fixed(image: str) -> str:
    """An image reference that always means the same bytes; ValueError for a tag."""
    if not re.fullmatch(r"([a-z0-9][a-z0-9._/:-]*@|[\w./+-]+\.sif@)?sha256:[0-9a-f]{64}", image):
        raise ValueError(
            "expected an image ID (sha256:...), a digest (name@sha256:...) or an Apptainer image with the sha256 of its"
            " bytes (FILE.sif@sha256:...), never a tag, which can move; `harness image pin` writes it"
        )
    return image
