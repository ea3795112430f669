"""Measured speed of devices, and the hours that the units of a grid take at it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from harness.pipeline.cost import GridCost
from harness.project.params import Params
from harness.project.profiles import describe_encoder
from harness.project.records import StrictRecord


class Throughput(StrictRecord):
    """How fast one device trains and predicts with one encoder (benchmarks/throughput.py measures it)."""

    encoder: str
    """Repository of the encoder whose sizes were measured; its weights were random."""
    device: str
    """Name of the GPU or processor, as the driver or the system gives it."""
    precision: str
    """compute.precision."""
    gradient_checkpointing: bool
    """compute.gradient_checkpointing."""
    threads: int = Field(gt=0)
    """CPU threads."""
    length: int = Field(gt=0)
    """Tokens of every input."""
    batch_size: int = Field(gt=0)
    """Inputs per optimiser step."""
    micro_batch: int = Field(gt=0)
    """Inputs per forward pass in training."""
    train_tokens_per_s: float = Field(gt=0)
    """Tokens per second of training: forward, backward, clipping and the optimiser's step."""
    predict_tokens_per_s: float = Field(gt=0)
    """Tokens per second of prediction."""
    torch: str
    """Version of torch."""
    measured_on: str
    """Date, as YYYY-MM-DD."""
    command: str
    """What measured it."""


class Hours(StrictRecord):
    """Time on one device."""

    train: float
    """Hours of training."""
    predict: float
    """Hours of prediction."""
    source: list[str]
    """The measurements that were used, in words."""

    @property
    def both(self) -> float:
        """Hours of both."""
        return self.train + self.predict


def hours(found: GridCost, speeds: Sequence[Throughput], *kinds: str) -> Hours:
    """Hours of the units of `kinds` (none: all) at measured speeds; unknown counts take no time.

    Each unit goes by the measurement at its inputs' length, else at the next longer one, else at the longest.
    """
    train = predict = 0.0
    used: set[int] = set()
    for unit in (unit for unit in found.units if unit.kind in kinds or not kinds):
        speed = min(speeds, key=lambda item: (item.length < unit.length, abs(item.length - unit.length)))
        used.add(speed.length)
        train += unit.runs * (unit.train_tokens or 0) / speed.train_tokens_per_s / 3600
        predict += unit.runs * (unit.predict_tokens or 0) / speed.predict_tokens_per_s / 3600
    chosen = sorted((item for item in speeds if item.length in used), key=lambda item: item.length)
    return Hours(train=train, predict=predict, source=[_in_words(item) for item in chosen])


def _in_words(speed: Throughput) -> str:
    return (
        f"{speed.train_tokens_per_s:,.0f} tokens/s in training and {speed.predict_tokens_per_s:,.0f} in prediction at"
        f" {speed.length} tokens, {speed.precision}, {speed.micro_batch} inputs a pass"
        f" ({speed.measured_on}, torch {speed.torch})"
    )


def speeds_for(params: Params, device: str, known: Sequence[Throughput]) -> list[Throughput]:
    """Measurements of this encoder on this device under the profile's compute settings, one per length."""
    compute = params.compute
    fitting = [
        item
        for item in known
        if (item.encoder, item.device) == (describe_encoder(params), device)
        and (item.precision, item.gradient_checkpointing) == (compute.precision, compute.gradient_checkpointing)
    ]
    # Of several at one length the one whose passes are the profile's.
    fitting.sort(key=lambda item: item.micro_batch == compute.micro_batch)
    return list({item.length: item for item in fitting}.values())
