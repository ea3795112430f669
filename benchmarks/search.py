"""Learning rates, looked at on English dev rows alone: what profile `mini` is set by, before any gain is read.

    python benchmarks/search.py                            # every task of the grid at RATES
    python benchmarks/search.py target xnli udpos --rates 5e-5 1e-4 2e-4 [--rows 1000] [--epochs 2] [--batch 4]
    python benchmarks/search.py intermediate mnli --rates 5e-5 1e-4
    python benchmarks/search.py --page

Needs `build/<profile>/data` and `build/<profile>/encoder` of the active profile. A trial trains the encoder itself
(recipe `none`) on one task with the profile's settings, but for what the options name, and scores the dev rows of the
source language. No test row, no other language and no checkpoint of an intermediate training is read: a gain can't be
seen here. The seed is 0, which no grid has. Each trial adds a line to benchmarks/results/search-PROFILE.jsonl; one that
stands there with equal settings, data and encoder does not run again, so a killed search goes on; the line has a
hash of the code that ran. `--page` prints every line as a table. Seconds are of the processor, all threads together.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.data.folder import read_manifest
from harness.experiment.code import code_of
from harness.experiment.parts import TRAINING
from harness.experiment.training.loop import Diverged, Trained, train, trim_words
from harness.experiment.training.prepare import TrainingTask, best_constant, predict_split, prepare
from harness.metrics.scoring import headline, score
from harness.model import determinism
from harness.model.encoder import load_encoder, on_device
from harness.model.forward import Encoder
from harness.model.tokenizer import load_tokenizer, token_id
from harness.pages.markdown import markdown_table
from harness.project.files import sha256_bytes
from harness.project.params import Params, Training
from harness.project.paths import Paths, project_root
from harness.project.profiles import load_params
from harness.project.records import read_json
from harness.project.tasks import load_task

SEED = 0
DEV_ROWS = 400
RATES = (5e-5, 1e-4, 2e-4, 4e-4)

Trial = dict[str, Any]
"""What makes a trial: two with equal ones are the same."""


def results_file(root: Path, profile: str) -> Path:
    """Where the lines of a profile lie."""
    return root / "benchmarks" / "results" / f"search-{profile}.jsonl"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Every finished trial; a line that a killed process left half written is none."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def add_line(path: Path, line: dict[str, Any]) -> None:
    """Append one line in one write, after a line break where a killed process left none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes() if path.is_file() else b""
    gap = "\n" if content and not content.endswith(b"\n") else ""
    with path.open("a", encoding="utf-8") as file:
        file.write(gap + json.dumps(line) + "\n")


def tasks_of(role: str, params: Params) -> list[str]:
    """The trained tasks of the profile's grid, which a search without names takes."""
    if role == "target":
        return [name for name in params.grid.targets if isinstance(params.target[name], Training)]
    return list(dict.fromkeys(task for name in params.grid.recipes for task in params.recipes[name].tasks))


def settings_of(role: str, task: str, params: Params) -> Training:
    """The profile's settings of a task; exits where it isn't trained."""
    known = params.target if role == "target" else params.intermediate
    settings = known.get(task)
    if not isinstance(settings, Training):
        sys.exit(f"expected a task of `{role}` that is trained, found {task}; known: {', '.join(known)}")
    return settings


def trial_of(role: str, task: str, settings: Training, params: Params, paths: Paths) -> Trial:
    """Settings, data and encoder of one trial."""
    return {
        "role": role,
        "task": task,
        "settings": settings.model_dump(exclude_none=True),
        "precision": params.compute.precision,
        "data": read_manifest(paths.data(task)).files,
        "encoder_sha256": read_json(paths.encoder / "encoder.json")["sha256"]["model.safetensors"],
    }


def identity(trial: Trial) -> str:
    """One short hash of what makes a trial."""
    return sha256_bytes(json.dumps(trial, sort_keys=True, default=str).encode())[:16]


def run_trial(role: str, task: str, settings: Training, params: Params, paths: Paths) -> dict[str, Any]:
    """Train and score the dev rows; `dev` is None where the loss was no number."""
    seed = determinism.derive(SEED, role, task)
    determinism.set_up(seed, params.compute.threads)
    encoder, tokenizer = on_device(load_encoder(paths.encoder), params.compute), load_tokenizer(paths.encoder)
    ready = prepare(load_task(task, paths.tasks), paths.data(task), settings, encoder, tokenizer, seed)
    pad = token_id(tokenizer, encoder.family.tokens.pad)
    began = time.process_time()
    trained = _train(ready, encoder, pad, seed, params)
    middle = time.process_time()
    tokens = ready.steps * settings.batch_size * _tokens(ready) / len(ready.features.items)
    line: dict[str, Any] = {
        "rate": settings.learning_rate,
        "rows": settings.max_examples,
        "epochs": settings.epochs,
        "batch": settings.batch_size,
        "code": sha256_bytes(json.dumps(code_of([TRAINING]), sort_keys=True).encode())[:16],
        "steps": ready.steps,
        "dev": None,
        "constant": None,
        "loss": [point.loss for point in (trained.curve[0], trained.curve[-1])] if trained.curve else [],
        "train_s": round(middle - began, 1),
        "train_tokens_per_s": round(tokens / (middle - began)),
    }
    if trained.step:
        dev = predict_split(ready, encoder, tokenizer, "dev", [ready.source_language], params.evaluation, DEV_ROWS)
        made = dev[ready.source_language]
        metric = ready.task.metric
        constant = best_constant(ready.task, made.rows)
        line |= {
            "dev": round(headline(metric, score(metric, made.rows, made.predictions, ready.source_language)), 2),
            "dev_rows": len(made.rows),
            "constant": None if constant is None else round(constant, 2),
            "dev_s": round(time.process_time() - middle, 1),
        }
    return line


def _train(ready: TrainingTask, encoder: Encoder, pad: int, seed: int, params: Params) -> Trained:
    stream = ready.stream()
    trim_words(encoder, [stream], pad)
    try:
        return train(encoder, [stream], ready.schedule(params.compute.micro_batch), seed=seed, pad=pad)
    except Diverged as diverged:
        return Trained(curve=diverged.curve)


def _tokens(ready: TrainingTask) -> int:
    return sum(len(ids) for item in ready.features.items for ids in item.inputs)


def page(lines: Sequence[dict[str, Any]]) -> str:
    """Every trial, task by task, the best rate of each setting in bold."""
    best: dict[tuple[Any, ...], float] = {}
    for line in lines:
        key = (line["role"], line["task"], line["rows"], line["epochs"], line["batch"])
        best[key] = max(best.get(key, -1.0), -1.0 if line["dev"] is None else line["dev"])
    rows = []
    for line in sorted(lines, key=lambda one: (one["role"], one["task"], str(one["rows"]), one["epochs"], one["rate"])):
        key = (line["role"], line["task"], line["rows"], line["epochs"], line["batch"])
        dev = "diverged" if line["dev"] is None else f"{line['dev']:.1f}"
        rows.append(
            (
                line["role"],
                line["task"],
                "all" if line["rows"] is None else line["rows"],
                f"{line['epochs']:g}",
                line["batch"],
                line["steps"],
                f"{line['rate']:.0e}",
                f"**{dev}**" if line["dev"] == best[key] else dev,
                "-" if line["constant"] is None else f"{line['constant']:.1f}",
                " to ".join(f"{loss:.2f}" for loss in line["loss"]),
                f"{line['train_s']:.0f}",
                line["train_tokens_per_s"],
            )
        )
    headers = (
        "role",
        "task",
        "rows",
        "epochs",
        "batch",
        "steps",
        "rate",
        "dev",
        "constant",
        "loss",
        "seconds",
        "tokens/s",
    )
    return markdown_table(headers, rows, "ll")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is lacking, a line each; or print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", nargs="?", choices=["target", "intermediate"])
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--rates", nargs="+", type=float, default=list(RATES))
    parser.add_argument("--rows", type=int)
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--page", action="store_true")
    chosen = parser.parse_args(arguments)
    params = load_params(project_root())
    paths = Paths(project_root(), params.profile)
    path = results_file(paths.root, params.profile)
    if chosen.page:
        print(page(read_lines(path)))
        return
    changed = {"max_examples": chosen.rows, "epochs": chosen.epochs, "batch_size": chosen.batch}
    changed = {name: value for name, value in changed.items() if value is not None}
    roles = [chosen.role] if chosen.role else ["target", "intermediate"]
    wanted = [(role, task) for role in roles for task in chosen.tasks or tasks_of(role, params)]
    for role, task in wanted:
        for rate in chosen.rates:
            tried = settings_of(role, task, params).model_copy(update={**changed, "learning_rate": rate})
            key = identity(trial_of(role, task, tried, params, paths))
            if any(line["key"] == key for line in read_lines(path)):
                continue
            line = {"key": key, "role": role, "task": task, **run_trial(role, task, tried, params, paths)}
            add_line(path, line)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
