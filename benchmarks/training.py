"""Training tokens per second of the harness's loop beside transformers' own `Trainer`, and the dev scores of both.

    python benchmarks/training.py [--tasks squad_v2 mnli] [--seeds 3] [--rows 1200]

Needs `build/<profile>/data` and `build/<profile>/encoder` of the active profile. Every arm trains the same model (the
pretrained encoder and the same new head) on the same inputs, batch size, optimiser, schedule and threads, in a process
of its own; the arms take turns. Tokens are real ones: padding counts for nothing.

Trainer's arms: `default` pads every input to as many tokens as transformers' examples do (question answering: 384,
XNLI: 128), at most to what the encoder takes; `tuned` pads to the longest input of a batch and groups inputs by length.
Determinism is on in the harness's arm and off in Trainer's, whose default that is; the arm `harness, not deterministic`
shows what it costs. Where a ratio falls short of the one wanted, steps of the harness's loop are profiled and the page
says what they are made of.
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
from tokenizers import Tokenizer
from torch import nn
from transformers import PreTrainedModel

from harness.experiment.training.loop import train
from harness.experiment.training.prepare import TrainingTask, dev_scores, prepare
from harness.metrics.scoring import headline
from harness.model import determinism
from harness.model.batching import collate, collate_labels
from harness.model.encoder import load_encoder
from harness.model.features import Feature
from harness.model.forward import Encoder
from harness.model.heads import Head
from harness.model.tokenizer import load_tokenizer, token_id
from harness.project.params import Params, Training
from harness.project.paths import Paths, project_root
from harness.project.profiles import describe_encoder, load_params
from harness.project.tasks import load_task

ARMS = ("harness", "harness, not deterministic", "Trainer, tuned", "Trainer, default")
EXAMPLES_PAD_TO = {"span": 384, "classification": 128, "choice": 128, "tagging": 128}
"""`max_seq_length` of transformers' own examples, by head."""
WANTED = {
    "span": {"Trainer, default": 3.0, "Trainer, tuned": 1.3},
    "classification": {"Trainer, default": 2.0, "Trainer, tuned": 1.2},
}
"""Least ratio of wall time that we want, by head and arm."""
PROFILED_STEPS = 30
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm")
ATTENTION = "aten::_scaled_dot_product"
SQUARE = 1024
"""Rows of the matrices whose product shows a core's peak."""


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


@dataclass(frozen=True)
class Steps:
    """What steps of the harness's loop are made of."""

    products: float
    """Share of their processor time in matrix products."""
    attention: float
    """Share in attention, which is matrix products and softmax."""
    gflops: float
    """Rate of the matrix products, 1e9 floating-point operations a second."""
    peak_gflops: float
    """Rate of the product of two large square matrices on the same threads."""


def run_arm(arm: str, name: str, seed: int, rows: int | None, threads: int) -> Run:
    """Train the task `name` once in this process."""
    params, ready, encoder, tokenizer = _set_up(name, seed, rows, threads)
    if arm != "harness":
        torch.use_deterministic_algorithms(False)
    pad = token_id(tokenizer, encoder.family.tokens.pad)
    counted, seconds, cpu = (_with_trainer if arm.startswith("Trainer") else _with_harness)(
        arm, ready, encoder, seed, pad
    )
    dev = dev_scores(ready, encoder, tokenizer, params.evaluation, [ready.source_language])
    return Run(counted, seconds, cpu, headline(ready.task.metric, dev[ready.source_language]))


def profile_steps(name: str, rows: int | None, threads: int) -> Steps:
    """Profile the first steps of the harness's loop on the task `name`, in this process."""
    _, ready, encoder, tokenizer = _set_up(name, 1, rows, threads)
    schedule = ready.schedule(None)
    steps = replace(schedule, steps=min(PROFILED_STEPS, schedule.steps))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], with_flops=True) as watched:
        train(encoder, [ready.stream()], steps, seed=1, pad=token_id(tokenizer, encoder.family.tokens.pad))
    events = watched.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    products = [event for event in events if event.key in PRODUCTS]
    took = sum(event.self_cpu_time_total for event in products)
    attention = sum(event.self_cpu_time_total for event in events if event.key.startswith(ATTENTION))
    return Steps(took / total, attention / total, sum(event.flops for event in products) / took / 1e3, _peak())


def _peak() -> float:
    """Rate of a large matrix product, 1e9 operations a second: the best of ten."""
    matrix = torch.rand(SQUARE, SQUARE)
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        torch.mm(matrix, matrix)
        seconds.append(time.perf_counter() - began)
    return float(2 * SQUARE**3 / min(seconds) / 1e9)


def _set_up(name: str, seed: int, rows: int | None, threads: int) -> tuple[Params, TrainingTask, Encoder, Tokenizer]:
    root = project_root()
    params = load_params(root)
    paths = Paths(root, params.profile)
    determinism.set_up(seed, threads)
    encoder, tokenizer = load_encoder(paths.encoder), load_tokenizer(paths.encoder)
    settings = _trained(params)[name].model_copy(update={"max_examples": rows})
    ready = prepare(load_task(name, paths.tasks), paths.data(name), settings, encoder, tokenizer, seed)
    return params, ready, encoder, tokenizer


def _trained(params: Params) -> dict[str, Training]:
    """Tasks that the profile trains on, and how."""
    return {
        name: settings
        for name, settings in {**params.intermediate, **params.target}.items()
        if isinstance(settings, Training)
    }


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

    def __init__(self, encoder: PreTrainedModel, head: Head) -> None:
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
        ids, _, _ = collate(batch, pad)
        if not tuned:
            width = min(EXAMPLES_PAD_TO[ready.task.head], encoder.max_length)
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
        library = encoder.family.model(encoder.config, add_pooling_layer=False)
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
    parser.add_argument("--profiled", metavar="TASK", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.arm:
        arm, task, seed = given.arm
        print(json.dumps(asdict(run_arm(arm, task, int(seed), given.rows, given.threads[0]))))
        return
    if given.profiled:
        print(json.dumps(asdict(profile_steps(given.profiled, given.rows, given.threads[0]))))
        return
    root = project_root()
    params = load_params(root)
    tables, remarks = [], []
    unknown = [task for task in given.tasks if task not in _trained(params)]
    if unknown:
        parser.error(f"expected tasks that are trained on ({', '.join(_trained(params))}), found {', '.join(unknown)}")
    for task in given.tasks:
        head = load_task(task, Paths(root, params.profile).tasks).head
        for threads in given.threads:
            runs = measure(task, given.seeds, given.rows, threads)
            tables.append(table(task, given.seeds, threads, describe_encoder(params), runs))
            short = shortfalls(WANTED.get(head, {}), runs)
            if short:
                steps = Steps(**_apart(["--profiled", task], given.rows, threads))
                remarks += [remark(f"{task}, {_counted(threads, 'thread')}", arm, *short[arm], steps) for arm in short]
    packages = ("torch", "transformers", "accelerate")
    made = found(f"Training, profile {params.profile}", tables, remarks, packages=packages)
    print(show(made))
    keep(f"training-{params.profile}", made)


def measure(task: str, seeds: int, rows: int | None, threads: int) -> dict[str, list[Run]]:
    """Train every arm at every seed, in turns: arm -> its runs."""
    runs: dict[str, list[Run]] = {arm: [] for arm in ARMS}
    for seed in range(1, seeds + 1):
        for arm, made in runs.items():
            made.append(Run(**_apart(["--arm", arm, task, str(seed)], rows, threads)))
            print(f"{task}, {threads} threads, seed {seed}, {arm}: {made[-1]}", file=sys.stderr, flush=True)
    return runs


def shortfalls(wanted: dict[str, float], runs: dict[str, list[Run]]) -> dict[str, tuple[float, float]]:
    """Arm -> the ratio of wall time that was found and the one wanted, where it is less."""
    found = {arm: _ratio(runs["harness"], runs[arm]) for arm in wanted}
    return {arm: (ratio, wanted[arm]) for arm, ratio in found.items() if ratio < wanted[arm]}


def remark(what: str, arm: str, ratio: float, wanted: float, steps: Steps) -> str:
    """Why a ratio falls short."""
    both = steps.products + steps.attention
    return (
        f"{what}: {ratio:.2f} times the speed of `{arm}`, {wanted} wanted. {steps.products:.0%} of the harness's step"
        f" is matrix products, at {steps.gflops:.0f} GFLOP/s where two matrices of {SQUARE} x {SQUARE} multiply at"
        f" {steps.peak_gflops:.0f}, and {steps.attention:.0%} attention; both arms make them on the same inputs. Were"
        f" everything else free, the ratio would be {ratio / both:.2f}."
    )


def table(task: str, seeds: int, threads: int, encoder: str, runs: dict[str, list[Run]]) -> Table:
    """The figures of one task."""
    caption = (
        f"{task}, {encoder}, {_counted(threads, 'thread')}, {_counted(seeds, 'seed')}: median tokens a second of wall"
        " time and of processor time; mean and standard deviation of dev; ratios: the harness over the arm, at the same"
        " seed, median."
    )
    columns = ["arm", "tokens/s", "tokens/CPU s", "dev, points", "ratio, wall", "ratio, CPU"]
    return Table(caption=caption, columns=columns, rows=[_row(arm, runs[arm], runs["harness"]) for arm in ARMS])


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _ratio(ours: list[Run], runs: list[Run]) -> float:
    return statistics.median(own.speed / other.speed for own, other in zip(ours, runs, strict=True))


def _row(arm: str, runs: list[Run], ours: list[Run]) -> list[str | int | float | None]:
    dev = [run.dev for run in runs]
    spread = f" +- {statistics.stdev(dev):.1f}" if len(dev) > 1 else ""
    return [
        arm,
        f"{statistics.median(run.speed for run in runs):,.0f}",
        f"{statistics.median(run.cpu_speed for run in runs):,.0f}",
        f"{statistics.mean(dev):.1f}{spread}",
        f"{_ratio(ours, runs):.2f}",
        f"{statistics.median(own.cpu_speed / other.cpu_speed for own, other in zip(ours, runs, strict=True)):.2f}",
    ]


def _apart(arguments: list[str], rows: int | None, threads: int) -> dict[str, Any]:
    """What this script prints of one thing to do, in a process of its own."""
    command = [sys.executable, __file__, "--threads", str(threads), *arguments]
    said = subprocess.run(command + (["--rows", str(rows)] if rows else []), stdout=subprocess.PIPE, check=True)
    return dict(json.loads(said.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])
