"""The cost of a profile for people: counts, time on a named device, disk, and what sharing checkpoints saves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from harness.pipeline.cost import BYTES_PER_PARAMETER, PREDICTION_BYTES_PER_ROW, GridCost, Length, estimate
from harness.pipeline.speeds import Throughput, hours, speeds_for
from harness.pipeline.trimming import GRADIENT_AND_MOMENTS, SECONDS_PER_PARAMETER, read_trimming
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import describe_encoder
from harness.project.provenance import without_bfloat16
from harness.project.records import read_json
from harness.project.results import grid_cells
from harness.project.tasks import load_tasks
from harness.project.terminal import paragraph, terminal_width

Entry = TypeVar("Entry", Length, Throughput)
MEASURE = "python benchmarks/throughput.py"


def render_cost(params: Params, paths: Paths, gpu: str | None) -> str:
    """The cost as aligned lines; `gpu` names a device of benchmarks/throughput.json.

    Raises HarnessError where a benchmark's file can't be read.
    """
    lengths: list[Length] = _read(paths.benchmarks / "lengths.json", TypeAdapter(list[Length]))
    speeds: list[Throughput] = _read(paths.benchmarks / "throughput.json", TypeAdapter(list[Throughput]))
    found = estimate(params, load_tasks(params.data.tasks, paths.tasks), lengths)
    lines = [
        *_counts(found, len(grid_cells(params))),
        *_time(found, params, gpu, speeds),
        *_disk(found),
        *_trimming(found, params, paths),
        *_sharing(found, params, gpu, speeds),
    ]
    notes = [*_notes(found), *filter(None, [slow_precision(params)])]
    longest, width = max(len(what) for what, _ in lines), terminal_width()
    table = [line for what, text in lines for line in paragraph(text, width, f"{what:{longest}}  ")]
    return "\n".join([*table, *(line for note in notes for line in paragraph(note, width))])


def slow_precision(params: Params) -> str | None:
    """A sentence where the profile asks for bf16 and this machine's processor doesn't multiply it; else None."""
    compute = params.compute
    if (compute.device, compute.precision) != ("cpu", "bf16") or not without_bfloat16():
        return None
    return (
        "slow here: this processor has no instructions for bfloat16 (avx512_bf16 or amx_bf16), and precision bf16 takes"
        " many times as long as fp32 on it; set compute.precision: fp32 in params.yaml, or use another machine"
    )


def _counts(found: GridCost, cells: int) -> list[list[str]]:
    trainings = found.runs("intermediate")
    return [
        ["cells", f"{found.runs('cell'):,}" + (f" of {cells:,}" if found.unavailable else "")],
        ["intermediate trainings", f"{trainings:,}, each shared by {found.targets} targets"],
        ["optimiser steps", _total(found, "steps")],
        ["training tokens", _total(found, "train_tokens")],
        ["prediction tokens", _total(found, "predict_tokens")],
    ]


def _time(found: GridCost, params: Params, gpu: str | None, known: Sequence[Throughput]) -> list[list[str]]:
    if gpu is None:
        return [["GPU-hours", f"`--gpu NAME`; measured so far: {_measured(known)}"]]
    speeds = speeds_for(params, gpu, known)
    if not speeds:
        return [["GPU-hours", _unmeasured(params, gpu, known)]]
    taken, least = hours(found, speeds), _at_least(found)
    parts = f"{taken.train:,.0f} training, {taken.predict:,.0f} prediction"
    return [
        ["GPU-hours", f"{least}{taken.both:,.0f} on one {gpu}: {parts}"],
        ["wall days", f"{least}{taken.both / 24:,.0f} on one {gpu}"],
        *[["by", source] for source in taken.source],
    ]


def _at_least(found: GridCost) -> str:
    """What stands before hours that leave out units of unknown size (the lines above name them)."""
    unknown = found.total("train_tokens")[1] or found.total("predict_tokens")[1]
    return "without the unknown units " if unknown else ""


def _unmeasured(params: Params, gpu: str, known: Sequence[Throughput]) -> str:
    if params.encoder.source != "hub":
        return "unknown: speed is measured of published encoders only; once units have run, `harness plan` goes by them"
    compute = params.compute
    command = [
        f"{MEASURE} --device {compute.device} --precision {compute.precision}",
        f"--micro-batch {compute.micro_batch}" if compute.micro_batch else "",
        "--gradient-checkpointing" if compute.gradient_checkpointing else "",
    ]
    return (
        f"unknown: nobody measured {describe_encoder(params)} on `{gpu}` at {compute.precision}; run on it:"
        f" `{' '.join(filter(None, command))}`; measured so far: {_measured(known)}"
    )


def _measured(known: Sequence[Throughput]) -> str:
    return ", ".join(sorted({f"{item.device} ({item.precision})" for item in known})) or "nothing"


def _disk(found: GridCost) -> list[list[str]]:
    count, each = found.runs("intermediate"), found.checkpoint_bytes
    rows, _ = found.total("predict_rows")
    unknown = f", and {found.fetched_unknown:,} files of unknown size" if found.fetched_unknown else ""
    return [
        ["disk: encoder", f"{_size(each)} (parameters x 4 bytes)"],
        [
            "disk: checkpoints",
            f"at most {_size(count * each)} = {count:,} x {_size(each)}, and as much again in DVC's cache",
        ],
        ["disk: predictions", f"at least {_size(rows * PREDICTION_BYTES_PER_ROW)}, for {rows:,} rows"],
        ["disk: fetched data", _size(found.fetched_bytes) + unknown],
    ]


def _trimming(found: GridCost, params: Params, paths: Paths) -> list[list[str]]:
    """What it saves that word embeddings which no training token reads are not trained."""
    known = read_trimming(params, paths)
    if known is None:
        return [["saved by trimming", "unknown until an intermediate training has run"]]
    trimmed = sum(
        unit.runs for unit in found.units if unit.kind == "intermediate" and not params.recipes[unit.name].mlm
    )
    untouched = known.parameters
    return [
        [
            "saved by trimming",
            f"{_size(untouched * GRADIENT_AND_MOMENTS)} of memory in each training,"
            f" {_size(trimmed * untouched * BYTES_PER_PARAMETER)} of checkpoints,"
            f" about {untouched * SECONDS_PER_PARAMETER:,.2g} s of processor time a step",
        ],
        [
            "",
            f"at least: {known.trained:,} of {known.vocabulary:,} word embeddings were trained at most, in"
            f" {known.trainings:,} trainings; masked LM trains all",
        ],
    ]


def _sharing(found: GridCost, params: Params, gpu: str | None, known: Sequence[Throughput]) -> list[list[str]]:
    """What an intermediate training for each pair on its own would take more."""
    others = found.targets - 1
    steps, _ = found.total("steps", "intermediate")
    trainings = others * found.runs("intermediate")
    text = f"{trainings:,} intermediate trainings, {others * steps:,} steps"
    speeds = speeds_for(params, gpu, known) if gpu else []
    if speeds:
        text += f", {others * hours(found, speeds, 'intermediate').both:,.0f} GPU-hours"
    return [["saved by sharing", f"{text}, against training each pair on its own"]]


def _notes(found: GridCost) -> list[str]:
    measured = f"at measured lengths of {', '.join(found.measured_lengths)}; of other tasks "
    notes = [
        f"tokens: {measured if found.measured_lengths else ''}at most, every input counted at max_length",
        "steps: a passage that needs several windows counts once; early stopping may end a training sooner",
    ]
    for name, reason in found.unavailable.items():
        notes.append(f"unavailable: {name} ({reason}); not counted")
    return notes


def _total(found: GridCost, field: str) -> str:
    total, unknown = found.total(field)
    parts = [f"{found.total(field, kind)[0]:,} {kind}" for kind in ("encoder", "intermediate", "cell")]
    shown = ", ".join(part for part in parts if not part.startswith("0 "))
    lacking = f"; unknown: {', '.join(unknown)}" if unknown else ""
    return f"{total:,}" + (f" ({shown})" if shown else "") + lacking


def _size(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"


def _read(path: Path, kind: TypeAdapter[list[Entry]]) -> list[Entry]:
    """A benchmark's entries; none where nothing was measured."""
    if not path.is_file():
        return []
    try:
        return kind.validate_python(read_json(path))
    except (OSError, ValueError) as error:
        script = path.with_suffix(".py").name
        raise HarnessError(
            f"expected entries of benchmarks/{script} in {path}, found: {' '.join(str(error).split())[:200]}",
            fix=f"undo the edit, or delete the file and run `python benchmarks/{script}`",
        ) from None
