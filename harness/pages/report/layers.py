"""Retrieval by hidden layer, from what cells keep of every layer; no checkpoint is opened."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import fmean

from harness.audit.subject import Judged
from harness.pages.layers.curves import kept_layers, target_scores
from harness.pages.report.record import LayerCurve
from harness.project.params import Params, Retrieval
from harness.project.paths import Paths
from harness.project.tasks import load_task


def layer_curves(judged: Judged, recipes: Collection[str], params: Params, paths: Paths) -> list[LayerCurve]:
    """A curve for each of `recipes` on each retrieval target whose cells keep all layers; empty where none does."""
    targets = {result.cell.target for result in judged.checked.results.values() if "layers" in result.kept}
    tasks = {target: load_task(target, paths.tasks) for target in sorted(targets)}
    found: dict[tuple[str, str], list[list[float]]] = {}
    for (recipe, target, _), layers in kept_layers(judged, tasks, paths).items():
        if recipe in recipes:
            found.setdefault((recipe, target), []).append(target_scores(tasks[target], layers))
    return [
        LayerCurve(recipe=recipe, target=target, used=_used(target, params), scores=_means(all_seeds))
        for (recipe, target), all_seeds in found.items()
    ]


def _means(scores: Sequence[Sequence[float]]) -> list[float]:
    """Layer by layer, over seeds."""
    return [fmean(at_layer) for at_layer in zip(*scores, strict=True)]


def _used(target: str, params: Params) -> int | None:
    """The layer that cells of the target use; None where the settings by now say nothing of the target."""
    settings = params.target.get(target)
    return settings.layer if isinstance(settings, Retrieval) else None
