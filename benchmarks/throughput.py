"""Training and prediction tokens per second of an encoder's architecture on this machine.

    python benchmarks/throughput.py --device cuda --precision bf16 --micro-batch 4 --batch-size 32

Weights are random (speed does not depend on them), every input has full length, and the loop is the harness's own. The
numbers of each length go into benchmarks/throughput.json, which `harness plan --gpu NAME` reads, in the place of those
measured under the same conditions before.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import torch

from harness.experiment.training.loop import Schedule, Stream, train
from harness.model import determinism
from harness.model.encoder import new_encoder, on_device
from harness.model.features import Feature
from harness.model.heads import new_head
from harness.model.predict import logits_of
from harness.pipeline.speeds import Throughput
from harness.project.params import Architecture, Compute
from harness.project.provenance import machine

RESULTS = Path(__file__).parent / "throughput.json"
# transformers' configuration of the published model (its config.json is pinned in profiles/paper.yaml).
LARGE = Architecture(hidden_size=1024, layers=24, heads=16, intermediate_size=4096, max_length=512, dropout=0.1)
ENCODERS = {"FacebookAI/xlm-roberta-large": (LARGE, 250_002)}
WARM_UP = 1
"""Steps and passes that are not timed: the first ones allocate memory."""
PREDICTION_TOKENS = 16384
"""Tokens of a pass in prediction: evaluation.batch_tokens of profiles/paper.yaml."""
PAD = 1


def measure(
    encoder_name: str,
    architecture: Architecture,
    vocabulary: int,
    compute: Compute,
    *,
    length: int,
    batch_size: int,
    steps: int,
    command: str,
) -> Throughput:
    """Train `steps` timed steps and predict as many batches, all inputs `length` tokens long."""
    determinism.set_up(0, compute.threads)
    encoder = on_device(new_encoder(architecture, vocabulary), compute)
    head = new_head("classification", architecture.hidden_size, 3, architecture.dropout, 0, 0.02).to(compute.device)
    draws = torch.Generator().manual_seed(0)
    ids = torch.randint(5, vocabulary, (batch_size, length), generator=draws).tolist()
    batch = [Feature([row], index % 3, index) for index, row in enumerate(ids)]

    def batches(seed: int) -> Iterator[list[Feature]]:
        return itertools.repeat(batch)

    times = [time.perf_counter()]
    train(
        encoder,
        [Stream("random", head, batches)],
        Schedule(WARM_UP + steps, 1e-5, 0.1, 0.01, 1e-8, 1.0, micro_batch=compute.micro_batch),
        seed=0,
        pad=PAD,
        advance=lambda: times.append(_now(compute)),
    )
    trained = batch_size * length * steps / (times[-1] - times[WARM_UP])
    elapsed = _predicting(lambda: logits_of(encoder, head, batch, PAD, PREDICTION_TOKENS), steps, compute)
    return Throughput(
        encoder=encoder_name,
        device=torch.cuda.get_device_name() if compute.device == "cuda" else machine()["cpu"],
        precision=compute.precision,
        gradient_checkpointing=compute.gradient_checkpointing,
        threads=compute.threads,
        length=length,
        batch_size=batch_size,
        micro_batch=compute.micro_batch or batch_size,
        train_tokens_per_s=round(trained, 1),
        predict_tokens_per_s=round(batch_size * length * steps / elapsed, 1),
        torch=torch.__version__,
        measured_on=datetime.now(UTC).date().isoformat(),
        command=command,
    )


def _predicting(predict: Callable[[], object], times: int, compute: Compute) -> float:
    """Seconds of `times` passes over the batch."""
    for _ in range(WARM_UP):
        predict()
    began = _now(compute)
    for _ in range(times):
        predict()
    return _now(compute) - began


def _now(compute: Compute) -> float:
    if compute.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def add(entry: Throughput, path: Path) -> None:
    """Put an entry into the file, in the place of one measured under the same conditions."""
    sizes = ("threads", "length", "batch_size", "micro_batch")
    given = ("encoder", "device", "precision", "gradient_checkpointing", *sizes)
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    new = entry.model_dump()
    kept = [old for old in found if any(old[name] != new[name] for name in given)]
    listed = sorted([*kept, new], key=lambda item: [str(item[name]).zfill(6) for name in given])
    path.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", choices=ENCODERS, default="FacebookAI/xlm-roberta-large")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 256, 384], help="tokens per input")
    parser.add_argument("--batch-size", type=int, default=32, help="inputs per optimiser step")
    parser.add_argument("--micro-batch", type=int, default=4, help="inputs per forward pass")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each length")
    given = parser.parse_args(arguments)
    architecture, vocabulary = ENCODERS[given.encoder]
    compute = Compute(
        device=given.device,
        threads=given.threads,
        precision=given.precision,
        micro_batch=given.micro_batch,
        gradient_checkpointing=given.gradient_checkpointing,
    )
    command = shlex.join(["python", "benchmarks/throughput.py", *arguments])
    for length in given.lengths:
        entry = measure(
            given.encoder,
            architecture,
            vocabulary,
            compute,
            length=length,
            batch_size=given.batch_size,
            steps=given.steps,
            command=command,
        )
        add(entry, RESULTS)
        print(
            f"{entry.device}, {entry.precision}, {length} tokens: {entry.train_tokens_per_s:,.0f} tokens/s in training,"
            f" {entry.predict_tokens_per_s:,.0f} in prediction",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
