"""Every seed and every determinism switch of the harness, decided here and nowhere else.

Strict mode only: an operation without a deterministic implementation raises, it never warns.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, *purpose: str | int) -> int:
    """The seed of one stream of random numbers, in [0, 2**63).

    sha256 over the cell's seed and the stream's purpose, e.g. derive(1, "head", "xquad"). Target training does not
    name the recipe, so a recipe and the baseline share head and data order at the same seed: gains are paired.
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def set_up(seed: int, threads: int) -> None:
    """Seed python, numpy and torch, fix the number of threads, and refuse non-deterministic operations."""
    # cuBLAS reads this when its handle is made, so it must stand before the first CUDA call.
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=False)
    # Filling new memory with NaN finds what reads it unwritten; it took a tenth of a step. Nothing here does.
    switches: Any = torch.utils.deterministic  # this switch of it is not typed
    switches.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    seed_all(seed)


def seed_all(seed: int) -> None:
    """Seed the three generators that library code may draw from."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator of its own for one purpose, untouched by any other draw."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *purpose))


def device_name(device: str) -> str:
    """What a result's provenance says it was computed on: `cpu`, or the GPU's name and driver version."""
    if device == "cpu":
        return "cpu"
    import torch

    return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})"


@contextmanager
def nothing_drawn() -> Iterator[None]:
    """Models built inside hold whatever memory held: no random number is drawn, and nothing is filled in.

    For models whose every weight is then read from a file; drawing the weights first takes longer than reading them.
    """
    import torch
    from transformers.initialization import no_init_weights

    switches: Any = torch.utils.deterministic  # this switch of it is not typed
    fills, switches.fill_uninitialized_memory = switches.fill_uninitialized_memory, False
    try:
        with no_init_weights():
            yield
    finally:
        switches.fill_uninitialized_memory = fills
