"""Cells that were pinned elsewhere and are made from the present inputs are taken over where `--pinned` asks for it.

A grid grows in pieces: who has run a recipe at a seed pins it (`harness pin results --recipe R --seed S`) and commits
it. On any clone with the same encoder, data, settings and code `harness repro --pinned` puts these cells at their
places, with the record of their checkpoint, which holds no weights: as one whose weights were dropped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.project.errors import HarnessError, writing
from harness.project.files import sha256_file, write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import (
    MANIFEST,
    RESULTS,
    PinnedManifest,
    kept_files_name,
    predictions_name,
    read_pinned_manifest,
    read_results,
    training_name,
)
from harness.project.records import read_json
from harness.project.results import Cell, Result, grid_cells, kept_name, write_result
from harness.project.stages import cell_stage, intermediate_stage
from harness.project.swap import put_in_place

_BROKEN = (HarnessError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def take_over(stages: Collection[str], params: Params, paths: Paths) -> set[str]:
    """Put what of these stages, trainings and cells that would run, is pinned at its place; returns those stages.

    All cells of a recipe at a seed come from one checkpoint: where one of them is not pinned, its training has to run,
    and so have the others. The baseline's checkpoint is the encoder, so that its cells are taken one by one.
    """
    if not (paths.pinned / MANIFEST).is_file():
        return set()
    found: set[str] = set()
    try:
        pins = _Pins(params, paths)
    except _BROKEN:  # level V0 tells it; here they are of no use
        return found
    for recipe, seed in params.grid.trainings:
        with suppress(*_BROKEN):
            found |= _one(recipe, seed, stages, pins, params, paths)
    return found


class _Pins:
    """The pinned results, whose files are the listed ones."""

    def __init__(self, params: Params, paths: Paths) -> None:
        self.folder = paths.pinned
        self.manifest: PinnedManifest = read_pinned_manifest(paths.pinned)
        is_ours = self.manifest.profile == params.profile and self.is_listed(RESULTS)
        self.results: Mapping[str, Result] = read_results(paths.pinned / RESULTS) if is_ours else {}

    def is_listed(self, name: str) -> bool:
        """Whether the file is there and is the one that the manifest lists."""
        path = self.folder / name
        return path.is_file() and self.manifest.files.get(name) == sha256_file(path)

    def training(self, recipe: str, seed: int) -> dict[str, Any] | None:
        """The records of a training and of its checkpoint."""
        name = training_name(recipe, seed)
        if not self.is_listed(name):
            return None
        content = read_json(self.folder / name)
        return content if isinstance(content, dict) and {"record", "checkpoint"} <= content.keys() else None

    def files(self, result: Result) -> dict[str, Path] | None:
        """File name beside result.json -> the pinned file; without those that were not pinned as they hold words of
        rows. None where one is not the listed one.
        """
        cell, wanted = result.cell.id, {}
        if result.predictions:
            wanted[predictions_name(cell)] = (result.predictions.path, result.predictions.sha256)
        for kept, file in result.kept.items():
            wanted[kept_files_name(kept, cell)] = (kept_name(kept), file.sha256)
        there = {name: value for name, value in wanted.items() if name in self.manifest.files}
        if any(not self.is_listed(name) or self.manifest.files[name] != value[1] for name, value in there.items()):
            return None
        if self.manifest.predictions and there.keys() != wanted.keys():
            return None
        return {beside: self.folder / name for name, (beside, _) in there.items()}


def _one(recipe: str, seed: int, stages: Collection[str], pins: _Pins, params: Params, paths: Paths) -> set[str]:
    """The stages of one recipe at one seed that were taken over."""
    from harness.experiment.inputs import hashes_of_cell, intermediate_inputs, read_target
    from harness.experiment.training.checkpoints import read_checkpoint_record

    training = intermediate_stage(recipe, seed)
    cells = [cell for cell in grid_cells(params) if (cell.recipe, cell.seed) == (recipe, seed)]
    waiting = [cell for cell in cells if cell_stage(cell) in stages]
    content = pins.training(recipe, seed)
    if not waiting or content is None:
        return set()
    record, checkpoint = content["record"], content["checkpoint"]
    to_train = training in stages
    if not to_train and read_checkpoint_record(paths.checkpoint(recipe, seed)) != checkpoint:
        return set()
    if record.get("inputs") != json.loads(json.dumps(intermediate_inputs(recipe, params, paths))):
        return set()
    if (record.get("recipe"), record.get("seed"), checkpoint.get("recipe")) != (recipe, seed, recipe):
        return set()

    def is_same(cell: Cell) -> bool:
        result = pins.results.get(cell.id)
        return (
            result is not None
            and result.inputs == hashes_of_cell(read_target(cell.target, params, paths), checkpoint)
            and pins.files(result) is not None
        )

    same = [cell for cell in waiting if is_same(cell)]
    needs_weights = to_train and params.recipes[recipe].tasks and len(same) < len(cells)
    if not same or needs_weights:
        return set()
    if to_train:
        _put_training(recipe, seed, content, paths)
    for cell in same:
        _put_cell(pins, pins.results[cell.id], paths)
    return {*map(cell_stage, same), *([training] if to_train else [])}


def _put_training(recipe: str, seed: int, content: Mapping[str, Any], paths: Paths) -> None:
    from harness.experiment.training.checkpoints import write_checkpoint_record

    folder = paths.checkpoint(recipe, seed)
    with writing(folder):
        shutil.rmtree(folder, ignore_errors=True)
        write_json(paths.intermediate(recipe, seed), content["record"])
        write_checkpoint_record(folder, content["checkpoint"])


def _put_cell(pins: _Pins, result: Result, paths: Paths) -> None:
    """The cell's folder as the unit left it, result.json last."""
    cell = result.cell
    place, new = paths.cell(cell.recipe, cell.target, cell.seed), paths.scratch / f"pinned-{cell.id}"
    with writing(place):
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for name, path in (pins.files(result) or {}).items():
            shutil.copyfile(path, new / name)
        write_result(new, result)
        put_in_place(new, place, aside=paths.scratch / f"before-{cell.id}")
