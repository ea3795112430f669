"""Retrieval by hidden layer: what the baseline and each recipe score at layers other than the pinned one.

No layer is ever chosen by this: the cells use the layer that params.yaml pins. This module reads what cells keep of
every layer and measures the checkpoints of those that keep nothing. It fills a `Layers` record, which
harness/pages/layers/page.py turns into a page.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from harness.audit.scope import without_planted
from harness.audit.subject import sound_results
from harness.data.folder import read_manifest
from harness.experiment.layer_scores import LayerScores, checkpoint_weights, measure_checkpoints, retrieval_settings
from harness.model.determinism import device_name
from harness.pages.layers.curves import Curves, curves_of, kept_layers, target_scores
from harness.pages.means import SeedMean, average, seed_mean
from harness.pages.origin import Origin, origin_of
from harness.project.errors import HarnessError, name_some, nearest
from harness.project.params import BASELINE, Params
from harness.project.paths import Paths
from harness.project.provenance import provenance
from harness.project.records import Record
from harness.project.results import Cell
from harness.project.tasks import Task, load_task
from harness.verify.scores import Scores, mean_gain, read_table

T = TypeVar("T", str, int)


class CellLayers(Record):
    """One cell's target at every hidden layer of its checkpoint."""

    cell: Cell
    """Which cell."""
    languages: LayerScores
    """Hidden layer (0: embeddings) -> language -> metric -> points."""
    scores: list[float]
    """Hidden layer -> the target's XTREME score in points."""
    stored: float | None
    """The score that the judged results hold for the cell, in points; null where they have none from these weights."""


class Contribution(Record):
    """What the retrieval targets add to a recipe's average gain."""

    recipe: str
    """The recipe."""
    gains: dict[str, float]
    """target -> mean gain over seeds in points, from the judged results."""
    retrieval: list[str]
    """Those of its targets that are retrieval targets."""
    average: SeedMean
    """The average gain over these targets."""
    average_at_layer: list[SeedMean]
    """Hidden layer -> the same average if retrieval were scored at that layer."""

    @property
    def total_points(self) -> float:
        """The sum of the gains over targets."""
        return sum(self.gains.values())

    @property
    def retrieval_points(self) -> float:
        """The part of that sum that is the retrieval targets'."""
        return sum(self.gains[target] for target in self.retrieval)


class Layers(Record):
    """Everything that the page says."""

    profile: str
    """The profile."""
    encoder: str
    """The encoder, in words."""
    data: str
    """The data, in words."""
    results: str
    """The folder of the judged results, which the shares are computed from."""
    made: Origin
    """Where and when those results were made."""
    measured: dict[str, Any]
    """Commit, packages, machine and device of this measurement."""
    targets: list[str]
    """The retrieval targets."""
    recipes: list[str]
    """The recipes, the baseline first."""
    seeds: list[int]
    """The seeds."""
    left_out: dict[str, str]
    """A recipe, or a target, that could not be measured -> why."""
    cells: list[CellLayers]
    """What was measured."""
    curves: Curves
    """Scores and gains, means over seeds."""
    contributions: list[Contribution]
    """One for each recipe but the baseline that has a gain."""

    def cells_of(self, target: str) -> list[CellLayers]:
        """What was measured of one target."""
        return [found for found in self.cells if found.cell.target == target]


def read_layers(
    params: Params, paths: Paths, recipes: Sequence[str] | None = None, seeds: Sequence[int] | None = None
) -> Layers:
    """Every layer of the retrieval targets of the grid; default: all its recipes and seeds. Cells keep these scores;
    what a cell lacks is measured from its checkpoint.

    The baseline always goes with the recipes. Raises HarnessError for a recipe or seed that the grid lacks, for results
    that are not sound, and for a checkpoint that was not finished or has no weights any more.
    """
    trained = [recipe for recipe in params.grid.recipes if not params.recipes[recipe].planted]
    recipes = _chosen("recipe", recipes, trained)  # a planted effect moves predictions, and no layer
    seeds = _chosen("seed", seeds, params.grid.seeds)
    recipes = [BASELINE, *(recipe for recipe in recipes if recipe != BASELINE)]
    judged, table = sound_results(params, paths)
    kept = kept_layers(judged, params.grid.targets, paths)
    tasks, left_out = _retrieval_tasks(params, paths, {target for _, target, _ in kept})
    trainings = [(recipe, seed) for recipe, seed in params.grid.trainings if recipe in recipes and seed in seeds]
    if judged.source == "pinned":  # a study that is not finished is pinned piece by piece
        ran = {(row.cell.recipe, row.cell.seed) for row in table.cells if row.cell.target in tasks}
        trainings = [one for one in trainings if one in ran]
    lacking = [one for one in trainings if not all((one[0], target, one[1]) in kept for target in tasks)]
    weights = checkpoint_weights(lacking, paths, left_out)
    there = {recipe for recipe, _ in trainings} - left_out.keys()
    recipes = [recipe for recipe in recipes if recipe in there]
    found = {key: layers for key, layers in kept.items() if (key[0], key[2]) in trainings and key[0] in recipes}
    found |= measure_checkpoints(tasks, weights, params, paths) if weights else {}
    stored = {
        (row.cell.recipe, row.cell.target, row.cell.seed): row.score
        for row in table.cells
        if row.inputs.get("checkpoint") == weights.get((row.cell.recipe, row.cell.seed), row.inputs.get("checkpoint"))
    }
    cells = [
        CellLayers(
            cell=Cell(recipe=recipe, target=target, seed=seed),
            languages=layers,
            scores=target_scores(tasks[target], layers),
            stored=stored.get((recipe, target, seed)),
        )
        for (recipe, target, seed), layers in found.items()
    ]
    by_cell = {(one.cell.recipe, one.cell.target, one.cell.seed): one.scores for one in cells}
    with_baseline = [name for name in tasks if any(key[:2] == (BASELINE, name) for key in by_cell)]
    pinned = {name: retrieval_settings(name, params) for name in with_baseline}
    if not with_baseline:
        raise HarnessError(
            f"expected cells of `{BASELINE}` on {' or '.join(tasks)} at {name_some(list(map(str, seeds)))}, found none",
            fix="name seeds that have run, or run `harness repro`",
        )
    curves = curves_of(by_cell, pinned, [recipe for recipe in recipes if recipe != BASELINE])
    where = paths.results if judged.source == "run" else paths.pinned
    return Layers(
        profile=params.profile,
        encoder=table.encoder,
        data=without_planted(table).data,  # its cells are of what was trained
        results=where.relative_to(paths.root).as_posix(),
        made=origin_of(judged, paths),
        measured=provenance(paths.root, device=device_name(params.compute.device), threads=params.compute.threads),
        targets=list(pinned),
        recipes=recipes,
        seeds=[seed for seed in seeds if seed in {one.cell.seed for one in cells}],
        left_out=left_out,
        cells=cells,
        curves=curves,
        contributions=contributions(read_table(table), curves.gains, recipes, seeds),
    )


def _chosen(what: str, asked: Sequence[T] | None, known: Sequence[T]) -> list[T]:
    """What was asked for, in the grid's order; default: everything."""
    for one in asked or []:
        if one not in known:
            raise HarnessError(
                f"expected a {what} of the grid, found {one}; {nearest(str(one), map(str, known))}",
                fix=f"name one that is there, or add it to grid.{what}s in params.yaml and run `dvc repro`",
            )
    return [one for one in known if asked is None or one in asked]


def _retrieval_tasks(params: Params, paths: Paths, kept: Collection[str]) -> tuple[dict[str, Task], dict[str, str]]:
    """The grid's retrieval targets whose layers are `kept` or that have rows to measure; the others -> why not."""
    tasks = {name: load_task(name, paths.tasks) for name in params.grid.targets}
    tasks = {name: task for name, task in tasks.items() if task.head == "retrieval"}
    lacking = {name: why for name in tasks if name not in kept and (why := read_manifest(paths.data(name)).unavailable)}
    if len(lacking) == len(tasks):
        raise HarnessError(
            f"expected a retrieval target with rows in the grid, found {'; '.join(lacking.values()) or 'none'}",
            fix="add bucc or tatoeba to grid.targets in params.yaml and run `dvc repro`",
        )
    return {name: task for name, task in tasks.items() if name not in lacking}, lacking


def contributions(
    scores: Scores, gains: Mapping[str, Mapping[str, Sequence[SeedMean]]], recipes: Sequence[str], seeds: Sequence[int]
) -> list[Contribution]:
    """What retrieval adds to each recipe's average gain, from the judged scores.

    `gains`: target -> recipe -> hidden layer -> measured gain. Counted are the targets that are available to the recipe
    and those of `seeds` that have a score on all of them; a recipe without such a seed is left out.
    """
    found = [_contribution(scores, gains, recipe, seeds) for recipe in recipes if recipe != BASELINE]
    return [one for one in found if one]


def _contribution(
    scores: Scores, gains: Mapping[str, Mapping[str, Sequence[SeedMean]]], recipe: str, seeds: Sequence[int]
) -> Contribution | None:
    targets = average(scores, recipe, scores.targets).targets
    whole = {seed: gain for seed, gain in mean_gain(scores, recipe, targets).items() if seed in seeds}
    measured = {target: gains[target][recipe] for target in targets if target in gains}
    if not whole or not measured:
        return None
    judged = {target: mean_gain(scores, recipe, [target]) for target in targets}

    def average_at(layer: int, seed: int) -> float:
        return statistics.fmean(
            measured[target][layer].by_seed[seed] if target in measured else judged[target][seed] for target in targets
        )

    layers = range(len(next(iter(measured.values()))))
    return Contribution(
        recipe=recipe,
        gains={target: statistics.fmean(judged[target][seed] for seed in whole) for target in targets},
        retrieval=[*measured],
        average=_needed(whole),
        average_at_layer=[_needed({seed: average_at(layer, seed) for seed in whole}) for layer in layers],
    )


def _needed(by_seed: Mapping[int, float]) -> SeedMean:
    found = seed_mean(by_seed)
    assert found is not None  # `whole` has a seed, and the recipe is measured at each
    return found
