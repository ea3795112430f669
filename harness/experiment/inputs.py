"""What a unit of work depends on: settings, code, the identity of data, encoder and checkpoint.

Settings, code and data are resolved into one small file per recipe and per target. Every cell of a target names that
one file in dvc.lock, not twenty settings and ten files: DVC reads and writes the whole lock anew with every stage,
which took a quarter of the laboratory's run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.data.folder import MANIFEST, read_manifest
from harness.experiment.code import code_of
from harness.experiment.parts import PLANTED, cell_parts, recipe_parts
from harness.experiment.training.checkpoints import read_checkpoint_record, weights_of
from harness.project.errors import HarnessError
from harness.project.files import sha256_file, write_json
from harness.project.params import Params
from harness.project.paths import PACKAGE, Paths
from harness.project.results import Cell
from harness.project.stages import data_stage, recipe_stage, target_stage

UNIT_CODE = ("data/folder.py", "experiment", "metrics", "model")
"""Where all code of intermediate trainings and cells lies, relative to the package: the stages `recipe` and `target`
run when any of it changes (dvc.yaml), and write what of it is theirs."""
ENCODER = "harness.experiment.encoder"
"""The module of pretraining; dvc.yaml names its files for `encoder`."""

SETTINGS = ("evaluation", "compute", "settings")
"""The parts of a resolved target that are settings."""
ENCODER_FILES = {"encoder": "model.safetensors", "tokenizer": "tokenizer.json"}
"""Name of an input of a result -> the file in the encoder's folder that it is the sha256 of."""
LM_HEAD_FILE = "mlm_head.safetensors"
"""The file there that recipes with masked LM train on from."""


def recipe_inputs(name: str, params: Params, paths: Paths) -> dict[str, Any]:
    """The recipe with its tasks' settings, the identity of their data (and of no other task's), and the code.

    Raises HarnessError where a task's data has not been built.
    """
    recipe = params.recipes[name]
    return {
        "recipe": name,
        **recipe.model_dump(),
        "tasks": {
            task: {
                "data_sha256": _data_identity(task, paths),
                "training": params.intermediate[task].model_dump(),
            }
            for task in recipe.tasks
        },
        **({"masked_lm": _masked_lm(params, paths)} if recipe.mlm else {}),
        **({"planted_code": code_of([PLANTED])} if recipe.planted else {}),
        **_shared(params, recipe_parts([read_manifest(paths.data(task)).metric for task in recipe.tasks], recipe.mlm)),
    }


def _masked_lm(params: Params, paths: Paths) -> dict[str, Any]:
    """Settings and text of masked LM in a recipe."""
    manifest = paths.corpus / MANIFEST
    if not manifest.is_file():
        raise HarnessError(f"expected the corpus in {paths.corpus}, found none", fix="run `dvc repro corpus`")
    settings = params.mlm.model_dump() if params.mlm else None
    return {"settings": settings, "corpus_sha256": sha256_file(manifest)}


def target_inputs(target: str, params: Params, paths: Paths) -> dict[str, Any]:
    """The target's settings, the identity of its data and of the encoder, and the code of its cells.

    Raises HarnessError where data or encoder have not been made.
    """
    identity, manifest = _data_identity(target, paths), read_manifest(paths.data(target))
    return {
        "target": target,
        "settings": params.target[target].model_dump(),
        "data_sha256": identity,
        "encoder_sha256": {file: _encoder_file(paths, file) for file in ENCODER_FILES.values()},
        **_shared(params, cell_parts(manifest.kind, manifest.head, manifest.metric)),
    }


def write_recipe(name: str, params: Params, paths: Paths) -> None:
    """Write build/<profile>/recipes/<name>.json."""
    write_json(paths.recipe(name), recipe_inputs(name, params, paths))


def write_target(target: str, params: Params, paths: Paths) -> None:
    """Write build/<profile>/targets/<target>.json."""
    write_json(paths.target(target), target_inputs(target, params, paths))


def read_recipe(name: str, params: Params, paths: Paths) -> dict[str, Any]:
    """The resolved recipe.

    Raises HarnessError where it was not resolved, or where its settings, data or code have changed since.
    """
    found = _read(paths.recipe(name), recipe_stage(name))
    return _same(found, recipe_inputs(name, params, paths), paths.recipe(name), recipe_stage(name))


def read_target(target: str, params: Params, paths: Paths) -> dict[str, Any]:
    """The resolved target; raises as `read_recipe` does."""
    found = _read(paths.target(target), target_stage(target))
    return _same(found, target_inputs(target, params, paths), paths.target(target), target_stage(target))


def intermediate_inputs(recipe: str, params: Params, paths: Paths) -> dict[str, Any]:
    """What an intermediate training run now would be made from, as its record's `inputs` say it."""
    head = {"masked_lm_head_sha256": _encoder_file(paths, LM_HEAD_FILE)} if params.recipes[recipe].mlm else {}
    return {
        "recipe": read_recipe(recipe, params, paths),
        "encoder_sha256": _encoder_file(paths, ENCODER_FILES["encoder"]),
        **head,
    }


def cell_inputs(cell: Cell, params: Params, paths: Paths) -> dict[str, str]:
    """What a cell run now would be made from, as its result's `inputs` say it: sha256 by name.

    Raises HarnessError where the target was resolved from other inputs, or the checkpoint has not its weights.
    """
    checkpoint = paths.checkpoint(cell.recipe, cell.seed)
    record = read_checkpoint_record(checkpoint)
    if record["weights_sha256"]:
        weights_of(checkpoint, paths)  # raises where they are not the recorded ones
    return hashes_of_cell(read_target(cell.target, params, paths), record)


def hashes_of_cell(resolved: dict[str, Any], checkpoint: dict[str, Any]) -> dict[str, str]:
    """sha256 of everything that goes into a cell, by name, from its resolved target and its checkpoint's record."""
    effects = [checkpoint.get(name) for name in ("planted", "planted_code")]
    planted = {"planted": fingerprint(effects)} if checkpoint.get("planted") else {}
    return {
        "params": fingerprint({name: resolved[name] for name in SETTINGS}),
        "code": fingerprint(resolved["code"]),
        "data": resolved["data_sha256"],
        "checkpoint": checkpoint["weights_sha256"] or "",
        **{name: resolved["encoder_sha256"][file] for name, file in ENCODER_FILES.items()},
        **planted,
    }


def fingerprint(content: Any) -> str:
    """sha256 of a JSON-able value in canonical form."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _shared(params: Params, modules: list[str]) -> dict[str, Any]:
    return {
        "evaluation": params.evaluation.model_dump(),
        "compute": params.compute.model_dump(),
        "image": params.unit_image,
        "code": code_of(modules),
    }


def units_sha256() -> str:
    """One sha256 of all code that intermediate trainings and cells run: an image with the same fits a checkout."""
    places = [PACKAGE / name for name in UNIT_CODE]
    files = [file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])]
    return fingerprint({file.relative_to(PACKAGE.parent).as_posix(): sha256_file(file) for file in sorted(files)})


def _data_identity(task: str, paths: Paths) -> str:
    manifest = paths.data(task) / MANIFEST
    if not manifest.is_file():
        raise HarnessError(
            f"expected the data of `{task}` in {manifest.parent}, found none",
            fix=f"run `dvc repro {data_stage(task)}`",
        )
    return sha256_file(manifest)


def _encoder_file(paths: Paths, name: str) -> str:
    path = paths.encoder / name
    if not path.is_file():
        raise HarnessError(
            f"expected the encoder's {name} in {paths.encoder}, found none", fix="run `dvc repro encoder`"
        )
    return sha256_file(path)


def _read(path: Path, stage: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        raise HarnessError(
            f"expected resolved settings at {path}, found none", fix=f"run `dvc repro {stage}`"
        ) from None


def _differing(found: Any, present: Any, key: str = "") -> Iterator[str]:
    """Paths of the innermost keys in which two contents differ."""
    if not (isinstance(found, dict) and isinstance(present, dict)):
        if found != present:
            yield key
        return
    for name in {**found, **present}:
        yield from _differing(found.get(name), present.get(name), f"{key}.{name}" if key else name)


def _same(found: dict[str, Any], present: dict[str, Any], path: Path, stage: str) -> dict[str, Any]:
    differing = list(_differing(found, present))
    if differing:
        raise HarnessError(
            f"expected the present settings, data and code in {path}, found other {' and '.join(differing)}",
            fix=f"run `dvc repro {stage}`",
        )
    return found
