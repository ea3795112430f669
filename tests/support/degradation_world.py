"""Tables of scores by language with a planted effect on the real languages of XTREME: the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from toy import ROOT

from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.results import Cell
from harness.project.tasks import load_tasks
from harness.verify.languages.registration import Language, Registration, load_languages, load_registration
from harness.verify.scores import CellScore, ScoresTable

LANGUAGES = load_languages(ROOT / "reference" / "languages.yaml")
REGISTRATION = load_registration(ROOT / "reference" / "low_resource.yaml")
TARGET_LANGUAGES = {name: task.languages for name, task in load_tasks(list(XTREME_GROUPS), ROOT / "tasks").items()}
METRICS = {"classification": ["accuracy"], "tagging": ["f1"], "qa": ["em", "f1"], "retrieval": ["accuracy"]}
Planted = Callable[[str, Language], float]
"""(recipe, language) -> its true gain in points."""


def low_resource(language: Language) -> bool:
    """By the first definition of the pre-registration."""
    return language.cc100_gib is not None and language.cc100_gib < REGISTRATION.low_resource.cc100_gib_below


def make_table(
    planted: Planted,
    recipes: Sequence[str] = ("mnli", "multi"),
    targets: Sequence[str] = tuple(XTREME_GROUPS),
    seeds: int = 3,
    noise: float = 0.7,
    world: int = 0,
    encoder: str = REGISTRATION.scope.encoder,
    missing: Sequence[str] = (),
) -> ScoresTable:
    """Scores of every cell: targets differ, the baseline moves with the seed, gains are planted plus noise.

    missing: cells (by id) that failed.
    """
    random = np.random.default_rng(world)
    cells = []
    for cell in [
        Cell(recipe=r, target=t, seed=s) for r in ("none", *recipes) for t in targets for s in range(1, seeds + 1)
    ]:
        metrics, failed = METRICS[XTREME_GROUPS[cell.target]], cell.id in missing
        level = 40.0 + 5 * targets.index(cell.target) + cell.seed
        scores: dict[str, dict[str, float]] = {}
        for code in TARGET_LANGUAGES[cell.target]:
            gain = planted(cell.recipe, LANGUAGES[code]) if cell.recipe != "none" else 0.0
            scores[code] = dict.fromkeys(metrics, float(level + gain + random.normal(0, noise)))
        score = float(np.mean([list(by_metric.values()) for by_metric in scores.values()]))
        cells.append(
            CellScore(
                cell=cell, status="failed" if failed else "ok", score=None if failed else score, dev_score=None,
                scores={} if failed else scores, predictions_sha256=None, inputs={},
            )
        )  # fmt: skip
    groups = {target: XTREME_GROUPS[target] for target in targets}
    return ScoresTable(profile="paper", encoder=encoder, data="XTREME", groups=groups, cells=cells)


def registration(**bootstrap: int) -> Registration:
    """The pre-registration with another number of resamples, for speed."""
    changed = REGISTRATION.bootstrap.model_copy(update=bootstrap or {"repetitions": 300})
    return REGISTRATION.model_copy(update={"bootstrap": changed})
