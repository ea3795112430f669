"""Intermediate training: encoder -> recipe checkpoint, one per (recipe, seed).

The baseline `none` trains nothing; its checkpoint points at the encoder, so that every cell reads a checkpoint.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.params import Params
from harness.paths import Paths
from harness.resolve import read_recipe
from harness.results import CurvePoint, write_json


def run_intermediate(recipe: str, seed: int, params: Params, paths: Paths) -> dict[str, Any]:
    """Train the recipe at `seed`; writes the checkpoint and results/<profile>/intermediate/<recipe>-<seed>.json."""
    began = time.monotonic()
    folder = paths.output.checkpoint(recipe, seed)
    shutil.rmtree(folder, ignore_errors=True)
    resolved = read_recipe(recipe, params, paths)
    trained = _train(resolved, seed, params, paths, folder) if resolved["tasks"] else _point_at_encoder(paths, folder)
    from harness.provenance import provenance

    record = {
        "recipe": recipe,
        "seed": seed,
        **trained,
        "inputs": inputs_here(recipe, params, paths),
        "provenance": provenance(paths.root, params.compute.device, params.compute.threads),
        "elapsed_s": round(time.monotonic() - began, 3),
    }
    write_json(paths.output.intermediate(recipe, seed), record)
    return record


def inputs_here(recipe: str, params: Params, paths: Paths) -> dict[str, Any]:
    """What an intermediate training run now would be made from, as its record's `inputs` say it."""
    return {"recipe": read_recipe(recipe, params, paths), "encoder_sha256": _encoder_sha256(paths)}


def _encoder_sha256(paths: Paths) -> str:
    from harness.data.integrity import sha256_file
    from harness.training.checkpoints import WEIGHTS

    path = paths.encoder / WEIGHTS
    if not path.is_file():
        raise HarnessError(f"expected the encoder's weights at {path}, found none", fix="run `dvc repro encoder`")
    return sha256_file(path)


def _point_at_encoder(paths: Paths, folder: Path) -> dict[str, Any]:
    from harness.training.checkpoints import write_checkpoint_record

    write_checkpoint_record(folder, {"recipe": "none", "weights_sha256": _encoder_sha256(paths)})
    return {"status": "ok", "dev_scores": {}, "dev_headline": {}, "curve": [], "counts": {}}


def _train(resolved: dict[str, Any], seed: int, params: Params, paths: Paths, folder: Path) -> dict[str, Any]:
    from harness.model.encoder import load_encoder, on_device, save_encoder
    from harness.model.tokenizer import PAD, load_tokenizer, token_id
    from harness.progress import progress
    from harness.tasks import load_tasks
    from harness.training import determinism
    from harness.training.checkpoints import WEIGHTS, write_checkpoint_record
    from harness.training.loop import Diverged, train
    from harness.training.prepare import dev_scores, prepare

    base = determinism.derive(seed, "intermediate")
    determinism.set_up(base, params.compute.threads)
    encoder = on_device(load_encoder(paths.encoder), params.compute.device)
    tokenizer = load_tokenizer(paths.encoder)
    ready = []
    for name, task in load_tasks(list(resolved["tasks"]), paths.tasks).items():
        ready.append(prepare(task, paths.data(name), params.intermediate[name], encoder, tokenizer, base))
    cap = resolved["mixing_cap"] or max(len(item.features.items) for item in ready)
    streams = [item.stream(float(min(len(item.features.items), cap))) for item in ready]
    schedule = ready[0].schedule(resolved["steps"], resolved["learning_rate"])
    label = f"intermediate {resolved['recipe']}-{seed}"
    status, curve = "ok", []
    with progress(label, schedule.steps) as advance:
        try:
            curve = train(encoder, streams, schedule, seed=base, pad=token_id(tokenizer, PAD), advance=advance)
        except Diverged as diverged:
            status, curve = "failed", diverged.curve
    scores = (
        {item.task.name: dev_scores(item, encoder, tokenizer, params.evaluation) for item in ready}
        if status == "ok"
        else {}
    )
    save_encoder(encoder, folder)
    from harness.data.integrity import sha256_file

    write_checkpoint_record(
        folder,
        {"recipe": resolved["recipe"], "weights_sha256": sha256_file(folder / WEIGHTS), "status": status},
    )
    counts = {f"{item.task.name}.examples": len(item.features.items) for item in ready} | {"steps": schedule.steps}
    from harness.scoring import headline

    metric = {item.task.name: item.task.metric for item in ready}
    return {
        "status": status,
        "dev_scores": scores,
        "dev_headline": {name: headline(metric[name], values) for name, values in scores.items()},
        "curve": [_dump(point) for point in curve],
        "counts": counts,
    }


def _dump(point: CurvePoint) -> dict[str, Any]:
    return point.model_dump(mode="json")
