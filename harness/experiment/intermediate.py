"""Intermediate training: encoder -> recipe checkpoint, one per (recipe, seed).

The baseline `none` trains nothing; its checkpoint points at the encoder, so that every cell reads a checkpoint. A
recipe whose data may not be had here gets one that says so; a mixture goes on without such a task and names it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.data.corpus import why_no_text
from harness.data.folder import read_manifest
from harness.experiment.inputs import intermediate_inputs
from harness.experiment.parts import TRAINING
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.tasks import TRANSLATED


def run_intermediate(recipe: str, seed: int, params: Params, paths: Paths) -> dict[str, Any]:
    """Train the recipe at `seed`; writes the checkpoint and results/<profile>/intermediate/<recipe>-<seed>.json."""
    from harness.model.determinism import device_name
    from harness.project.provenance import provenance

    began = time.monotonic()
    folder = paths.output.checkpoint(recipe, seed)
    shutil.rmtree(folder, ignore_errors=True)
    inputs = intermediate_inputs(recipe, params, paths)
    resolved = inputs["recipe"]
    usable, lacking, overlaps = _what_there_is(resolved, paths)
    no_text = why_no_text(paths) if resolved["mlm"] else None
    if not resolved["tasks"]:
        planted = {name: resolved[name] for name in ("planted", "planted_code") if resolved.get(name)}
        outcome = _keep(folder, recipe, "ok", inputs["encoder_sha256"], planted=planted)
    elif no_text or not usable:
        reasons = [f"{task}: {reason}" for task, reason in lacking.items()] + (
            [f"masked LM: {no_text}"] if no_text else []
        )
        outcome = _keep(folder, recipe, "unavailable", None, unavailable=reasons)
    else:
        trained, weights_sha256 = import_module(TRAINING).train_recipe(resolved, usable, seed, params, paths, folder)
        outcome = (
            _keep(
                folder,
                recipe,
                trained["status"],
                weights_sha256,
                encoder_sha256=inputs["encoder_sha256"],
                left_out=lacking,
                overlaps=overlaps,
            )
            | trained
        )
    record = {
        "recipe": recipe,
        "seed": seed,
        **outcome,
        "inputs": inputs,
        "provenance": provenance(paths.root, device=device_name(params.compute.device), threads=params.compute.threads),
        "elapsed_s": round(time.monotonic() - began, 3),
    }
    write_json(paths.output.intermediate(recipe, seed), record)
    return record


def _what_there_is(resolved: dict[str, Any], paths: Paths) -> tuple[list[str], dict[str, str], dict[str, list[str]]]:
    """Tasks to train on; those whose data may not be had here -> why; translated ones -> targets that they overlap."""
    usable, lacking, overlaps = [], {}, {}
    for task in resolved["tasks"]:
        manifest = read_manifest(paths.data(task))
        translated = {name.split(".")[1] for name in manifest.files if name.startswith(f"{TRANSLATED}.")}
        missing = [language for language in resolved["translated"] if language not in translated]
        if manifest.unavailable:
            lacking[task] = manifest.unavailable
        elif missing:
            lacking[task] = f"no machine-translated rows in {', '.join(missing)}"
        else:
            usable.append(task)
            if resolved["translated"] and manifest.overlaps:
                overlaps[task] = manifest.overlaps
    return usable, lacking, overlaps


def _keep(
    folder: Path,
    recipe: str,
    status: str,
    weights_sha256: str | None,
    encoder_sha256: str | None = None,
    unavailable: Sequence[str] = (),
    left_out: Mapping[str, str] = MappingProxyType({}),
    overlaps: Mapping[str, Sequence[str]] = MappingProxyType({}),
    planted: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write checkpoint.json, the mark of a finished checkpoint; returns what the record says of it.

    `encoder_sha256`: of the encoder that was trained, whose word embeddings the checkpoint's rows are put over.
    """
    from harness.experiment.training.checkpoints import write_checkpoint_record

    said = {"status": status, "unavailable": list(unavailable), "left_out": dict(left_out)}
    hashes = {"weights_sha256": weights_sha256, "encoder_sha256": encoder_sha256}
    content = {"recipe": recipe, **hashes, **said, "planted": [], **planted}
    write_checkpoint_record(folder, {**content, "overlaps": {task: list(names) for task, names in overlaps.items()}})
    return {"dev_scores": {}, "dev_headline": {}, "curve": [], "counts": {}, "reasons": list(unavailable)} | said
