"""Speed, memory and checkpoints of the harness's training loop beside transformers' own `Trainer`, and dev scores.

    python benchmarks/training.py [--tasks squad_v2 mnli] [--seeds 3] [--rows 1200] [--precisions fp32 bf16]

Needs `build/<profile>/data` and `build/<profile>/encoder` of the active profile. Every arm trains the same model (the
pretrained encoder and the same new head) on the same inputs, batch size, optimiser, schedule and threads, in a process
of its own; the arms take turns. Tokens are real ones: padding counts for nothing. Memory is the process's peak up to
the end of training, the libraries included.

Trainer's arms: `default` pads every input to as many tokens as transformers' examples do (question answering: 384,
XNLI: 128), at most to what the encoder takes; `tuned` pads to the longest input of a batch and groups inputs by length.
Determinism is on in the harness's arm and off in Trainer's, whose default that is; the arm `harness, not deterministic`
shows what it costs. `harness, all words` trains every word embedding, as Trainer does. Some steps of the harness's loop
are profiled: the page says what they are made of, and where a ratio falls short of the one wanted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from kept import Table, found, keep, show
from timing import peak_memory_mb
from tokenizers import Tokenizer
from torch import nn
from transformers import PreTrainedModel

from harness.experiment.training.loop import train, trim_words
from harness.experiment.training.prepare import TrainingTask, dev_scores, prepare
from harness.metrics.scoring import headline
from harness.model import determinism
from harness.model.batching import collate, collate_labels
from harness.model.encoder import WEIGHTS, load_encoder, on_device, save_encoder
from harness.model.families import read_config
from harness.model.features import Feature
from harness.model.forward import Encoder
from harness.model.heads import Head
from harness.model.tokenizer import load_tokenizer, token_id
from harness.project.params import Params, Training
from harness.project.paths import Paths, project_root
from harness.project.profiles import load_params
from harness.project.tasks import load_task

ALL_WORDS = "harness, all words"
ARMS = ("harness", ALL_WORDS, "harness, not deterministic", "Trainer, tuned", "Trainer, default")
EXAMPLES_PAD_TO = {"span": 384, "classification": 128, "choice": 128, "tagging": 128}
"""`max_seq_length` of transformers' own examples, by head."""
WANTED = {"Trainer, default": 4.0, "Trainer, tuned": 1.5}
"""Least ratio of processor time that we want, by arm: at one thread it is wall time on a machine that nobody shares."""
PROFILED_STEPS = 30
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm")
ATTENTION = ("aten::_softmax", "aten::_scaled_dot_product")
GELU = "aten::gelu"
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
    memory_mb: float
    """Peak resident memory, in 1e6 bytes."""
    checkpoint_mb: float
    """Weights of the encoder as they are saved, in 1e6 bytes."""
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
    """Share in attention beside its matrix products: softmax, and what the library makes in one piece."""
    gelu: float
    """Share in GELU."""
    gflops: float
    """Rate of the matrix products, 1e9 floating-point operations a second."""
    peak_gflops: float
    """Rate of the product of two large square matrices on the same threads."""


@dataclass(frozen=True)
class How:
    """What the arms have in common."""

    task: str
    """Name of the task."""
    rows: int | None
    """Training rows; None: the profile's."""
    dev_rows: int | None
    """Rows of the dev set; None: all."""
    threads: int
    """Threads of a training."""
    precision: Literal["fp32", "bf16"]
    """Of the encoder's passes; Trainer's `bf16`."""


def run_arm(arm: str, seed: int, how: How) -> Run:
    """Train the task once in this process."""
    params, ready, encoder, tokenizer = _set_up(seed, how)
    if not arm.startswith("harness") or "not deterministic" in arm:
        torch.use_deterministic_algorithms(False)
    pad = token_id(tokenizer, encoder.family.tokens.pad)
    if arm.startswith("Trainer"):
        folder = Paths(project_root(), params.profile).encoder
        del encoder
        counted, seconds, cpu, memory, encoder = _with_trainer(arm, ready, folder, seed, pad, how.precision)
    else:
        counted, seconds, cpu, memory = _with_harness(arm, ready, encoder, seed, pad)
    dev = dev_scores(ready, encoder, tokenizer, params.evaluation, [ready.source_language], how.dev_rows)
    return Run(
        counted, seconds, cpu, memory, _saved_mb(encoder), headline(ready.task.metric, dev[ready.source_language])
    )


def _saved_mb(encoder: Encoder) -> float:
    with tempfile.TemporaryDirectory() as folder:
        save_encoder(encoder, Path(folder))
        return (Path(folder) / WEIGHTS).stat().st_size / 1e6


def profile_steps(how: How) -> Steps:
    """Profile the first steps of the harness's loop on the task, in this process."""
    _, ready, encoder, tokenizer = _set_up(1, how)
    schedule = ready.schedule(None)
    steps = replace(schedule, steps=min(PROFILED_STEPS, schedule.steps))
    pad = token_id(tokenizer, encoder.family.tokens.pad)
    trim_words(encoder, [ready.stream()], pad)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], with_flops=True) as watched:
        train(encoder, [ready.stream()], steps, seed=1, pad=pad)
    events = watched.key_averages()
    total = sum(event.self_cpu_time_total for event in events)

    def share(*names: str) -> float:
        return sum(event.self_cpu_time_total for event in events if event.key.startswith(names)) / total

    products = [event for event in events if event.key in PRODUCTS]
    took = sum(event.self_cpu_time_total for event in products)
    rate = sum(event.flops for event in products) / took / 1e3
    return Steps(took / total, share(*ATTENTION), share(GELU), rate, _peak(how.precision))


def _peak(precision: str) -> float:
    """Rate of a large matrix product, 1e9 operations a second: the best of ten."""
    matrix = torch.rand(SQUARE, SQUARE, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        torch.mm(matrix, matrix)
        seconds.append(time.perf_counter() - began)
    return float(2 * SQUARE**3 / min(seconds) / 1e9)


def _set_up(seed: int, how: How) -> tuple[Params, TrainingTask, Encoder, Tokenizer]:
    root = project_root()
    params = load_params(root)
    paths = Paths(root, params.profile)
    determinism.set_up(seed, how.threads)
    compute = params.compute.model_copy(update={"precision": how.precision, "threads": how.threads})
    encoder, tokenizer = on_device(load_encoder(paths.encoder), compute), load_tokenizer(paths.encoder)
    settings = _trained(params)[how.task]
    settings = settings.model_copy(update={"max_examples": how.rows or settings.max_examples})
    ready = prepare(load_task(how.task, paths.tasks), paths.data(how.task), settings, encoder, tokenizer, seed)
    return params, ready, encoder, tokenizer


def _trained(params: Params) -> dict[str, Training]:
    """Tasks that the profile trains on, and how."""
    return {
        name: settings
        for name, settings in {**params.intermediate, **params.target}.items()
        if isinstance(settings, Training)
    }


def _with_harness(
    arm: str, ready: TrainingTask, encoder: Encoder, seed: int, pad: int
) -> tuple[int, float, float, float]:
    counted = 0
    stream = ready.stream()
    if arm == ALL_WORDS:
        encoder.train_words(None)
    else:
        trim_words(encoder, [stream], pad)

    def batches(seed: int) -> Iterator[list[Feature]]:
        nonlocal counted
        for batch in stream.batches(seed):
            counted += _tokens(batch)
            yield batch

    clock = _Clock()
    train(encoder, [replace(stream, batches=batches)], ready.schedule(None), seed=seed, pad=pad)
    return counted, *clock.read(), peak_memory_mb()


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


def _with_trainer(
    arm: str, ready: TrainingTask, folder: Path, seed: int, pad: int, precision: str
) -> tuple[int, float, float, float, Encoder]:
    """What it took, and the encoder that was trained."""
    from transformers import Trainer, TrainingArguments

    tuned, schedule = arm == "Trainer, tuned", ready.schedule(None)
    family, config = read_config(folder)
    longest = config.max_position_embeddings - family.position_offset
    counted = 0

    def collator(items: list[dict[str, Any]]) -> dict[str, Any]:
        nonlocal counted
        batch = [item["feature"] for item in items]
        counted += _tokens(batch)
        ids, _, _ = collate(batch, pad)
        if not tuned:
            width = min(EXAMPLES_PAD_TO[ready.task.head], longest)
            ids = nn.functional.pad(ids, (0, width - ids.shape[1]), value=pad)
        return {
            "input_ids": ids,
            "attention_mask": (ids != pad).long(),
            "labels": collate_labels(batch, ids.shape[1]),
        }

    with tempfile.TemporaryDirectory() as output:
        arguments = TrainingArguments(
            output_dir=output,
            bf16=precision == "bf16",
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
        library = family.model.from_pretrained(folder, config=config, add_pooling_layer=False)
        model = _Joined(library, ready.head)
        trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=collator)
        clock = _Clock()
        trainer.train()
        took, memory = clock.read(), peak_memory_mb()
    encoder = load_encoder(folder)
    encoder.train_words(None)
    encoder.load_state_dict(library.state_dict())
    return counted, *took, memory, encoder


def _tokens(batch: list[Feature]) -> int:
    return sum(len(ids) for feature in batch for ids in feature.inputs)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["squad_v2", "mnli"], help="intermediate or target tasks")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm")
    parser.add_argument("--rows", type=int, help="training rows; default: the profile's")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads of each training")
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32"], help="compute.precision")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS, help="`harness` and others; default: all")
    parser.add_argument("--dev-rows", type=int, help="rows of the dev set; default: all")
    parser.add_argument("--arm", nargs=2, metavar=("ARM", "SEED"), help=argparse.SUPPRESS)
    parser.add_argument("--profiled", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    hows = [
        How(task, given.rows, given.dev_rows, threads, precision)
        for threads in given.threads
        for task in given.tasks
        for precision in given.precisions
    ]
    if given.arm:
        arm, seed = given.arm
        print(json.dumps(asdict(run_arm(arm, int(seed), hows[0]))))
        return
    if given.profiled:
        print(json.dumps(asdict(profile_steps(hows[0]))))
        return
    root = project_root()
    params = load_params(root)
    tables, remarks = [], []
    unknown = [task for task in given.tasks if task not in _trained(params)]
    if unknown:
        parser.error(f"expected tasks that are trained on ({', '.join(_trained(params))}), found {', '.join(unknown)}")
    for how in hows:
        runs = measure(given.seeds, how, ["harness", *(arm for arm in given.arms if arm != "harness")])
        tables.append(table(how, given.seeds, _size(Paths(root, params.profile)), runs))
        steps = Steps(**_apart(["--profiled"], how))
        remarks.append(made_of(how, steps))
        short = shortfalls(WANTED, runs)
        remarks += [remark(how, arm, *short[arm], steps) for arm in short]
    packages = ("torch", "transformers", "accelerate")
    made = found(f"Training, profile {params.profile}", tables, remarks, packages=packages)
    print(show(made))
    keep(f"training-{params.profile}", made)


def measure(seeds: int, how: How, arms: Sequence[str] = ARMS) -> dict[str, list[Run]]:
    """Train every arm at every seed, in turns: arm -> its runs."""
    runs: dict[str, list[Run]] = {arm: [] for arm in arms}
    for seed in range(1, seeds + 1):
        for arm, made in runs.items():
            made.append(Run(**_apart(["--arm", arm, str(seed)], how)))
            print(f"{how}, seed {seed}, {arm}: {made[-1]}", file=sys.stderr, flush=True)
    return runs


def shortfalls(wanted: dict[str, float], runs: dict[str, list[Run]]) -> dict[str, tuple[float, float]]:
    """Arm -> the ratio of processor time that was found and the one wanted, where it is less."""
    found = {arm: _cpu_ratio(runs["harness"], runs[arm]) for arm in wanted if arm in runs}
    return {arm: (ratio, wanted[arm]) for arm, ratio in found.items() if ratio < wanted[arm]}


def made_of(how: How, steps: Steps) -> str:
    """What a step of the harness's loop is made of."""
    rest = 1 - steps.products - steps.attention - steps.gelu
    return (
        f"{_words(how)}: of the harness's step {steps.products:.0%} is matrix products, at {steps.gflops:.0f} GFLOP/s"
        f" where two matrices of {SQUARE} x {SQUARE} multiply at {steps.peak_gflops:.0f}, {steps.attention:.0%}"
        f" attention, {steps.gelu:.0%} GELU and {rest:.0%} all else."
    )


def remark(how: How, arm: str, ratio: float, wanted: float, steps: Steps) -> str:
    """How far a ratio falls short."""
    both = steps.products + steps.attention
    return (
        f"{_words(how)}: {ratio:.2f} times the speed of `{arm}`, {wanted} wanted. Were all free but matrix products and"
        f" attention, which both arms make on the same inputs, the ratio would be {ratio / both:.2f}."
    )


def _words(how: How) -> str:
    return f"{how.task}, {how.precision}, {_counted(how.threads, 'thread')}"


def table(how: How, seeds: int, encoder: str, runs: dict[str, list[Run]]) -> Table:
    """The figures of one task."""
    caption = (
        f"{_words(how)}, {encoder}, {_counted(seeds, 'seed')}: median tokens a second of wall and of processor time;"
        " mean and standard deviation of dev; ratios: the harness over the arm, at the same seed, median."
    )
    columns = [
        *("arm", "tokens/s", "tokens/CPU s", "peak memory, MB", "checkpoint, MB", "dev, points"),
        *("ratio, wall", "ratio, CPU", "ratio, memory"),
    ]
    return Table(
        caption=caption, columns=columns, rows=[_row(arm, found, runs["harness"]) for arm, found in runs.items()]
    )


def _size(paths: Paths) -> str:
    """The encoder that is trained, by its configuration."""
    config = read_config(paths.encoder)[1]
    return f"{config.num_hidden_layers} layers of {config.hidden_size}, {config.vocab_size:,} pieces"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _ratio(ours: list[Run], runs: list[Run]) -> float:
    return statistics.median(own.speed / other.speed for own, other in zip(ours, runs, strict=True))


def _cpu_ratio(ours: list[Run], runs: list[Run]) -> float:
    return statistics.median(own.cpu_speed / other.cpu_speed for own, other in zip(ours, runs, strict=True))


def _row(arm: str, runs: list[Run], ours: list[Run]) -> list[str | int | float | None]:
    dev = [run.dev for run in runs]
    spread = f" +- {statistics.stdev(dev):.1f}" if len(dev) > 1 else ""
    return [
        arm,
        f"{statistics.median(run.speed for run in runs):,.0f}",
        f"{statistics.median(run.cpu_speed for run in runs):,.0f}",
        f"{statistics.median(run.memory_mb for run in runs):,.0f}",
        f"{runs[0].checkpoint_mb:,.1f}",
        f"{statistics.mean(dev):.1f}{spread}",
        f"{_ratio(ours, runs):.2f}",
        f"{_cpu_ratio(ours, runs):.2f}",
        f"{statistics.median(own.memory_mb / other.memory_mb for own, other in zip(ours, runs, strict=True)):.2f}",
    ]


def _apart(arguments: list[str], how: How) -> dict[str, Any]:
    """What this script prints of one thing to do, in a process of its own."""
    command = [sys.executable, __file__, "--tasks", how.task, "--threads", str(how.threads)]
    command += ["--precisions", how.precision, *arguments]
    for option, rows in (("--rows", how.rows), ("--dev-rows", how.dev_rows)):
        command += [option, str(rows)] if rows else []
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(said.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])
