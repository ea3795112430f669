"""Retrieval by hidden layer as curves: what judged cells keep of every layer, averaged over seeds. No checkpoint is
opened, so that pinned results are enough.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from harness.audit.subject import Judged
from harness.experiment.layer_scores import LayerScores, retrieval_settings
from harness.metrics.scoring import metric
from harness.pages.means import SeedMean, seed_mean
from harness.project.params import BASELINE, Params, Retrieval
from harness.project.paths import Paths
from harness.project.pinned import kept_files_name
from harness.project.records import Record, gunzip
from harness.project.results import DECIMALS, kept_name
from harness.project.tasks import Task, load_task
from harness.verify.scores import paired_gains

CellKey = tuple[str, str, int]
"""(recipe, target, seed)."""


class Curves(Record):
    """Scores and gains of retrieval targets at every hidden layer; 0 is the embedding layer."""

    pinned: dict[str, Retrieval]
    """target -> the layer that the cells use, and how its states are pooled (params.yaml)."""
    scores: dict[str, dict[str, list[SeedMean]]]
    """target -> recipe -> hidden layer -> score, mean over seeds and languages."""
    gains: dict[str, dict[str, list[SeedMean]]]
    """target -> recipe -> hidden layer -> gain over the baseline at the same layer and seed."""

    @property
    def layers(self) -> range:
        """The hidden layers."""
        return range(len(next(iter(self.scores.values()))[BASELINE]))


def kept_curves(judged: Judged, recipes: Sequence[str], params: Params, paths: Paths) -> Curves | None:
    """Curves of the baseline and of `recipes` on the targets that the settings search in; None where cells of the
    baseline keep no layers. A recipe that shares no seed with the baseline is left out.
    """
    targets = [name for name, settings in params.target.items() if isinstance(settings, Retrieval)]
    tasks = {target: load_task(target, paths.tasks) for target in targets if target in params.grid.targets}
    scores = {key: target_scores(tasks[key[1]], layers) for key, layers in kept_layers(judged, tasks, paths).items()}
    with_baseline = [target for target in tasks if any((BASELINE, target) == key[:2] for key in scores)]
    if not with_baseline:
        return None
    others = [recipe for recipe in recipes if recipe != BASELINE]
    return curves_of(scores, {target: retrieval_settings(target, params) for target in with_baseline}, others)


def kept_layers(judged: Judged, targets: Collection[str], paths: Paths) -> dict[CellKey, LayerScores]:
    """What the judged cells of these targets keep of every layer, where they keep all of them. A file that is broken or
    not there is left out: level V0 tells of it.
    """
    found = {}
    for name, result in judged.checked.results.items():
        cell = result.cell
        if "layers" not in result.kept or cell.target not in targets:
            continue
        is_run = judged.source == "run"
        path = paths.cells / name / kept_name("layers") if is_run else paths.pinned / kept_files_name("layers", name)
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            layers = json.loads(gunzip(path.read_bytes()))["layers"]
            scores = [layers.get(str(layer), {}) for layer in range(len(layers))]
            if scores and all(at_layer.keys() == result.scores.keys() for at_layer in scores):
                found[cell.recipe, cell.target, cell.seed] = scores
    return found


def target_scores(task: Task, layers: LayerScores) -> list[float]:
    """Hidden layer -> the target's XTREME score in points."""
    return [round(metric(task.metric).target_score(layer), DECIMALS) for layer in layers]


def curves_of(
    scores: Mapping[CellKey, Sequence[float]], pinned: Mapping[str, Retrieval], recipes: Sequence[str]
) -> Curves:
    """Means over seeds, and gains seed by seed; `scores`: cell -> hidden layer -> points, those of the baseline on all
    targets of `pinned` among them.
    """
    by_layer: dict[tuple[str, str], list[dict[int, float]]] = {}
    for (recipe, target, seed), points in scores.items():
        for layer, point in enumerate(points):
            at = by_layer.setdefault((recipe, target), [{} for _ in points])
            at[layer][seed] = point
    found: dict[str, dict[str, list[SeedMean]]] = {target: {} for target in pinned}
    gains: dict[str, dict[str, list[SeedMean]]] = {target: {} for target in pinned}
    for target in pinned:
        baseline = by_layer[BASELINE, target]
        found[target][BASELINE] = _means(baseline)
        for recipe in recipes:
            layers = by_layer.get((recipe, target), [])
            paired = _means([paired_gains(one, other) for one, other in zip(layers, baseline, strict=False)])
            if paired:
                found[target][recipe], gains[target][recipe] = _means(layers), paired
    return Curves(pinned=dict(pinned), scores=found, gains=gains)


def _means(by_layer: Sequence[Mapping[int, float]]) -> list[SeedMean]:
    """Layer by layer over seeds; empty where there are none."""
    return [mean for by_seed in by_layer if (mean := seed_mean(by_seed))]
