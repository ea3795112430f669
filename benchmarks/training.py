"""Training tokens per second of the harness's loop beside transformers' own `Trainer`, and the dev scores of both.

    python benchmarks/training.py [--tasks squad_v2 mnli] [--seeds 3] [--rows 1200]

Needs `build/<profile>/data` and `build/<profile>/encoder` of the active profile. Every arm trains the same model (the
pretrained encoder and the same new head) on the same inputs, batch size, optimiser, schedule and threads, in a process
of its own; the arms take turns. Tokens are real ones: padding counts for nothing.

Trainer's arms: `default` pads every input to `--pad-to` tokens, as transformers' examples do (question answering: 384,
XNLI: 128); `tuned` pads to the longest input of a batch and groups inputs by length. Determinism is on in the harness's
arm and off in Trainer's, whose default that is; the arm `harness, not deterministic` shows what it costs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from kept import Table, found, keep, show
from torch import nn
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from harness.model.encoder import load_encoder
from harness.model.features import Feature
from harness.model.forward import Encoder
from harness.model.heads import Head
from harness.model.tokenizer import PAD, load_tokenizer, token_id
from harness.params import load_params
from harness.paths import Paths, project_root
from harness.results import describe_encoder
from harness.scoring import headline
from harness.tasks import load_task
from harness.training import determinism
from harness.training.batching import collate, collate_labels
from harness.training.loop import train
from harness.training.prepare import TrainingTask, dev_scores, prepare

ARMS = ("harness", "harness, not deterministic", "Trainer, tuned", "Trainer, default")
EXAMPLES_PAD_TO = {"span": 384, "classification": 128, "choice": 128, "tagging": 128}
"""`max_seq_length` of transformers' own examples, by head."""


@dataclass(frozen=True)
class Run:
    """One training of one arm."""

    tokens: int
    """Tokens trained on, without padding."""
    seconds: float
    """Wall time of the training alone."""
    cpu_seconds: float
    """Processor time of the same, all threads together."""
    dev: float
    """Headline metric of the dev set, in points."""

    @property
    def speed(self) -> float:
        """Tokens a second of wall time."""
        return self.tokens / self.seconds

    @property
    def cpu_speed(self) -> float:
        """Tokens a second of processor time."""
        return self.tokens / self.cpu_seconds


def run_arm(arm: str, name: str, seed: int, rows: int | None, threads: int) -> Run:
    """Train the task `name` once in this process."""
    root = project_root()
    params = load_params(root)
    paths = Paths(root, params.profile)
    determinism.set_up(seed, threads)
    if arm != "harness":
        torch.use_deterministic_algorithms(False)
    encoder, tokenizer = load_encoder(paths.encoder), load_tokenizer(paths.encoder)
    task = load_task(name, paths.tasks)
    settings = (params.target.get(name) or params.intermediate[name]).model_copy(update={"max_examples": rows})
    ready = prepare(task, paths.data(name), settings, encoder, tokenizer, seed)
    pad = token_id(tokenizer, PAD)
    counted, seconds, cpu = (_with_trainer if arm.startswith("Trainer") else _with_harness)(
        arm, ready, encoder, seed, pad
    )
    dev = dev_scores(ready, encoder, tokenizer, params.evaluation, [ready.source_language])
    return Run(counted, seconds, cpu, headline(task.metric, dev[ready.source_language]))


def _with_harness(arm: str, ready: TrainingTask, encoder: Encoder, seed: int, pad: int) -> tuple[int, float, float]:
    counted = 0
    stream = ready.stream()

    def batches(seed: int) -> Iterator[list[Feature]]:
        nonlocal counted
        for batch in stream.batches(seed):
            counted += _tokens(batch)
            yield batch

    clock = _Clock()
    train(encoder, [replace(stream, batches=batches)], ready.schedule(None), seed=seed, pad=pad)
    return counted, *clock.read()


class _Clock:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self.wall, time.process_time() - self.cpu


class _Joined(nn.Module):
    """Encoder (the library's own, with its own forward pass) and head as `Trainer` wants a model."""

    def __init__(self, encoder: XLMRobertaModel, head: Head) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, input_ids: Any, attention_mask: Any, labels: Any) -> dict[str, Any]:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        wanted = self.head.positions(labels)
        if isinstance(wanted, torch.Tensor):
            states, labels = states.flatten(0, 1)[wanted], labels.flatten()[wanted]
        return {"loss": self.head.loss(self.head(states), labels)}


def _with_trainer(arm: str, ready: TrainingTask, encoder: Encoder, seed: int, pad: int) -> tuple[int, float, float]:
    from transformers import Trainer, TrainingArguments

    tuned, schedule = arm == "Trainer, tuned", ready.schedule(None)
    counted = 0

    def collator(items: list[dict[str, Any]]) -> dict[str, Any]:
        nonlocal counted
        batch = [item["feature"] for item in items]
        counted += _tokens(batch)
        ids, _ = collate(batch, pad)
        if not tuned:
            width = min(EXAMPLES_PAD_TO[ready.task.head], encoder.config.max_position_embeddings - 2)
            ids = nn.functional.pad(ids, (0, width - ids.shape[1]), value=pad)
        return {
            "input_ids": ids,
            "attention_mask": (ids != pad).long(),
            "labels": collate_labels(batch, ids.shape[1]),
        }

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=ready.training.batch_size,
            max_steps=schedule.steps,
            learning_rate=schedule.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=max(1, round(schedule.steps * schedule.warmup_proportion)),
            optim="adamw_torch_fused",
            weight_decay=schedule.weight_decay,
            adam_epsilon=schedule.adam_epsilon,
            max_grad_norm=schedule.max_gradient_norm,
            train_sampling_strategy="group_by_length" if tuned else "random",
            remove_unused_columns=False,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            seed=seed,
        )
        # Grouping by length looks at `input_ids`; the collator reads the feature.
        data = [{"feature": feature, "input_ids": max(feature.inputs, key=len)} for feature in ready.features.items]
        library = XLMRobertaModel(encoder.config, add_pooling_layer=False)
        library.load_state_dict(encoder.state_dict())
        model = _Joined(library, ready.head)
        trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=collator)
        clock = _Clock()
        trainer.train()
        took = clock.read()
        encoder.load_state_dict(library.state_dict())
        return counted, *took


def _tokens(batch: list[Feature]) -> int:
    return sum(len(ids) for feature in batch for ids in feature.inputs)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["squad_v2", "mnli"], help="intermediate or target tasks")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm")
    parser.add_argument("--rows", type=int, help="training rows; default: the profile's")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads of each training")
    parser.add_argument("--arm", nargs=3, metavar=("ARM", "TASK", "SEED"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.arm:
        arm, task, seed = given.arm
        print(json.dumps(asdict(run_arm(arm, task, int(seed), given.rows, given.threads[0]))))
        return
    params = load_params(project_root())
    tables = [
        measure(task, given.seeds, given.rows, threads, describe_encoder(params))
        for task in given.tasks
        for threads in given.threads
    ]
    made = found(f"Training, profile {params.profile}", tables, packages=("torch", "transformers", "accelerate"))
    print(show(made))
    keep(f"training-{params.profile}", made)


def measure(task: str, seeds: int, rows: int | None, threads: int, encoder: str) -> Table:
    """Train every arm at every seed, in turns."""
    runs: dict[str, list[Run]] = {arm: [] for arm in ARMS}
    for seed in range(1, seeds + 1):
        for arm, made in runs.items():
            made.append(_apart(arm, task, seed, rows, threads))
            print(f"{task}, {threads} threads, seed {seed}, {arm}: {made[-1]}", file=sys.stderr, flush=True)
    caption = (
        f"{task}, {encoder}, {threads} {'thread' if threads == 1 else 'threads'}, {seeds} seeds: median tokens a second"
        " of wall time and of processor time; mean and standard deviation of dev; ratios: the harness over the arm, at"
        " the same seed, median."
    )
    columns = ["arm", "tokens/s", "tokens/CPU s", "dev, points", "ratio, wall", "ratio, CPU"]
    return Table(caption=caption, columns=columns, rows=[_row(arm, runs[arm], runs["harness"]) for arm in ARMS])


def _row(arm: str, runs: list[Run], ours: list[Run]) -> list[str | int | float | None]:
    dev = [run.dev for run in runs]
    spread = f" +- {statistics.stdev(dev):.1f}" if len(dev) > 1 else ""
    pairs = list(zip(ours, runs, strict=True))
    return [
        arm,
        f"{statistics.median(run.speed for run in runs):,.0f}",
        f"{statistics.median(run.cpu_speed for run in runs):,.0f}",
        f"{statistics.mean(dev):.1f}{spread}",
        f"{statistics.median(own.speed / other.speed for own, other in pairs):.2f}",
        f"{statistics.median(own.cpu_speed / other.cpu_speed for own, other in pairs):.2f}",
    ]


def _apart(arm: str, task: str, seed: int, rows: int | None, threads: int) -> Run:
    command = [sys.executable, __file__, "--threads", str(threads), "--arm", arm, task, str(seed)]
    said = subprocess.run(command + (["--rows", str(rows)] if rows else []), stdout=subprocess.PIPE, check=True)
    return Run(**json.loads(said.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])
