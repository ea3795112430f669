"""Retrieval by hidden layer, from what cells keep of every layer; no checkpoint is opened."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.audit.subject import Judged
from harness.metrics.scoring import metric
from harness.pages.report.record import LayerCurve
from harness.project.params import Params, Retrieval
from harness.project.paths import Paths
from harness.project.pinned import kept_files_name
from harness.project.records import gunzip
from harness.project.results import Result, kept_name
from harness.project.tasks import load_task


def layer_curves(judged: Judged, recipes: Collection[str], params: Params, paths: Paths) -> list[LayerCurve]:
    """A curve for each of `recipes` on each retrieval target whose cells keep all layers; empty where none does."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    for name, result in judged.checked.results.items():
        if "layers" in result.kept and result.cell.recipe in recipes:
            scores = _scores(_read(judged, name, paths), result, paths)
            if scores:
                found.setdefault((result.cell.recipe, result.cell.target), []).append(scores)
    return [
        LayerCurve(recipe=recipe, target=target, used=_used(target, params), scores=_means(all_seeds))
        for (recipe, target), all_seeds in found.items()
    ]


def _means(scores: Sequence[Sequence[float]]) -> list[float]:
    """Layer by layer, over seeds."""
    return [fmean(at_layer) for at_layer in zip(*scores, strict=True)]


def _read(judged: Judged, name: str, paths: Paths) -> Mapping[str, Any]:
    is_pinned = judged.source == "pinned"
    place = paths.pinned / kept_files_name("layers", name) if is_pinned else paths.cells / name / kept_name("layers")
    try:
        layers: Mapping[str, Any] = json.loads(gunzip(place.read_bytes()))["layers"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # level V0 tells of a file that is broken
    return layers


def _scores(layers: Mapping[str, Any], result: Result, paths: Paths) -> list[float]:
    """The target's score at every layer; empty where one of them lacks a language."""
    measure = metric(load_task(result.cell.target, paths.tasks).metric)
    by_layer = [layers.get(str(layer), {}) for layer in range(len(layers))]
    if any(scores.keys() != result.scores.keys() for scores in by_layer):
        return []
    return [measure.target_score(scores) for scores in by_layer]


def _used(target: str, params: Params) -> int | None:
    """The layer that cells of the target use; None where the settings by now say nothing of the target."""
    settings = params.target.get(target)
    return settings.layer if isinstance(settings, Retrieval) else None
