"""The output folder of transformers' Trainer: all_results.json or <split>_results.json, and trainer_state.json.

The files hold `<prefix>_<metric>` -> value. training_args.bin, a pickle that could run anything, is never opened; the
seed stands in the model card (README.md), where the Trainer wrote one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.exchange.importers.choosing import Found, choose, one_of
from harness.exchange.importers.importer import Importer, Options, Source
from harness.exchange.importers.reading import is_number, peek_object, read_object, read_text, remember
from harness.project.errors import HarnessError
from harness.verify.given.rows import Given

RESULTS = ("all_results.json", "eval_results.json", "predict_results.json", "test_results.json")
STATE = "trainer_state.json"
CARD = "README.md"
PREFIX = re.compile(r"(eval|predict|test)_(.+)")
SPEED = re.compile(r"(loss|runtime|samples|jit_compilation_time|model_preparation_time|.*_per_second|mem_.*)(_.*)?")
"""Numbers beside the metrics."""


def recognises(source: Source) -> bool:
    """Whether the folder has a file of results with the Trainer's keys, or its state."""
    folder = Path(source)
    if peek_object(folder / STATE).keys() >= {"log_history", "global_step"}:
        return True
    return any(key.endswith("_samples_per_second") for name in RESULTS for key in peek_object(folder / name))


def read(source: Source, options: Options) -> Given:
    """One score in points: a metric of one split, as the Trainer's prefix names it (eval, predict, test).

    Raises HarnessError where several splits have scores and none is asked for, where the task isn't named, and where
    two files say different values.
    """
    folder = Path(source)
    given = Given("transformers Trainer", [])
    splits = _splits(_results(folder, given), folder)
    if not options.task:
        raise HarnessError(
            f"expected the task that the results in {folder} are of, found that its files don't say it",
            fix="name it with --task",
        )
    asked = options.split if options.split in splits or len(splits) > 1 else None
    prefix = one_of(list(splits), asked, str(folder), "--split")
    seed = options.seed if options.seed is not None else _say_card(folder, given)
    method = options.method or folder.resolve().name
    found = Found(method, options.task, splits[prefix], seed, split=options.split or prefix)
    chosen = choose([found], options)
    given.scores.extend(chosen.scores)
    given.unknown.update(chosen.unknown)
    _say_unknown(given, options, prefix, seed)
    _say_state(folder, prefix, given)
    return given


def _results(folder: Path, given: Given) -> dict[str, Any]:
    """The keys of all files of results; HarnessError where two of them say different values of one."""
    merged: dict[str, Any] = {}
    for name in [name for name in RESULTS if (folder / name).is_file()]:
        values = read_object(folder / name)
        remember(given, folder / name)
        other = [key for key in values if key in merged and repr(merged[key]) != repr(values[key])]
        if other:
            raise HarnessError(
                f"expected one value of {other[0]} in {folder}, found {merged[other[0]]} in {RESULTS[0]} and"
                f" {values[other[0]]} in {name}",
                fix="keep the files of one and the same run",
            )
        merged |= values
    if not merged:
        raise HarnessError(
            f"expected {' or '.join(RESULTS)} in {folder}, found none",
            fix="write them at the end of the run with trainer.save_metrics",
        )
    return merged


def _splits(values: Mapping[str, Any], folder: Path) -> dict[str, dict[str, float]]:
    """Prefix -> metric -> value, without losses and speeds."""
    splits: dict[str, dict[str, float]] = defaultdict(dict)
    for key, value in values.items():
        match = PREFIX.fullmatch(key)
        if match and is_number(value) and not SPEED.fullmatch(match[2]):
            splits[match[1]][match[2]] = value
    if not splits:
        raise HarnessError(
            f"expected a metric beside the loss in {folder}, found none", fix="give the Trainer a compute_metrics"
        )
    return splits


def _say_card(folder: Path, given: Given) -> int | None:
    """The seed, and the versions, of the model card that the Trainer writes."""
    card = read_text(folder / CARD) if (folder / CARD).is_file() else ""
    given.known.update({f"{name} version": version for name, version in re.findall(r"^- (\w+) (\d\S*)$", card, re.M)})
    seed = re.search(r"^- seed: (\d{1,18})$", card, re.M)
    return int(seed[1]) if seed else None


def _say_unknown(given: Given, options: Options, prefix: str, seed: int | None) -> None:
    given.unknown["revision"] = "the files don't say from which code and data the run was made"
    if seed is None:
        given.unknown["seed"] = f"neither in the results nor in {CARD}; NAME:SEED=SOURCE says it"
    if options.method is None:
        given.unknown["method"] = f"taken: the folder's name, {given.scores[0].method}"
    if options.split is None:
        given.unknown["split"] = f"which rows they are; taken: the Trainer's prefix, {prefix}"


def _say_state(folder: Path, prefix: str, given: Given) -> None:
    """What the state says that a reader must know: a run cut short, a checkpoint chosen by the rows that are scored."""
    if not (folder / STATE).is_file():
        return
    state = read_object(folder / STATE)
    remember(given, folder / STATE)
    step, last = (state.get(name) or 0 for name in ("global_step", "max_steps"))
    if is_number(step) and is_number(last) and step < last:
        given.remarks.append(f"The training ended at step {step} of {last}: stopped early, or broken off.")
    if prefix == "eval" and state.get("best_metric") is not None:
        given.remarks.append("The checkpoint was chosen by its score on the eval rows, so their score is optimistic.")


IMPORTER = Importer(
    name="trainer",
    about="transformers: a Trainer's output folder (all_results.json, eval_results.json, trainer_state.json)",
    asks=("method", "task", "seed", "split", "metric", "fraction"),
    recognises=recognises,
    read=read,
)
