"""Reads what `harness degradation` judges: the results of `harness verify`, languages, the pre-registration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from harness.audit.repeat.items import Outcomes, kept_items
from harness.audit.scope import without_planted
from harness.audit.subject import sound_results
from harness.pages.degradation.languages import laboratory_languages, laboratory_source
from harness.project.errors import HarnessError
from harness.project.params import BASELINE, Params
from harness.project.paths import Paths
from harness.project.results import Result
from harness.project.tasks import load_task
from harness.verify.languages.degradation import Degradation, gains_by_language, measure_degradation
from harness.verify.languages.registration import (
    LANGUAGES_FILE,
    REGISTRATION_FILE,
    load_languages,
    load_registration,
)
from harness.verify.languages.rows import Key, RowNoise, row_noise
from harness.verify.measure.development import SOURCE_LANGUAGE
from harness.verify.scores import ScoresTable


def read_degradation(params: Params, paths: Paths) -> Degradation:
    """The answer from the run of the profile or, where nothing has run, from the pinned results. Recipes whose effects
    are planted are left out where others were trained: they would answer what was put in.

    Raises HarnessError where there are none, level V0 finds a problem, or no language has known resources.
    """
    judged, table = sound_results(params, paths)
    table = without_planted(table)
    languages, source = load_languages(paths.reference / LANGUAGES_FILE), SOURCE_LANGUAGE
    if params.data.source == "generated":
        languages, source = laboratory_languages(languages), laboratory_source()
    registration = load_registration(paths.reference / REGISTRATION_FILE)
    whose: Literal["run", "pinned"] = "run" if judged.source == "run" else "pinned"
    rows = read_row_noise(table, judged.checked.results, lambda name: kept_items(paths, whose, name))
    found = measure_degradation(table, languages, source, registration, whose, rows)
    if not found.recipes or not found.languages:
        raise HarnessError(
            "expected gains by language of a recipe over `none`, found none in the results",
            fix="run `make repro` with `none` and another recipe in the grid",
        )
    return found.model_copy(update={"stand_ins": read_stand_ins(params, paths, [one.recipe for one in found.recipes])})


def read_stand_ins(params: Params, paths: Paths, recipes: Iterable[str]) -> dict[str, str]:
    """Task of a recipe -> what stands in for its data in the profile's pack; empty without a pack."""
    if params.data.source != "local":
        return {}
    used = dict.fromkeys(task for recipe in recipes for task in params.recipes[recipe].tasks)
    pins = {task: load_task(task, paths.tasks).pins.local.get(params.data.pack or "") for task in used}
    return {task: pin.stand_in for task, pin in pins.items() if pin and pin.stand_in}


def read_row_noise(
    table: ScoresTable, results: Mapping[str, Result], items: Callable[[str], Outcomes | None]
) -> dict[Key, RowNoise]:
    """The row noise of every gain whose cells keep their items; `items`: cell -> what it keeps of them.

    Raises HarnessError for a file of items that can't be read.
    """
    cache = {name: items(name) for name, result in results.items() if "items" in result.kept}
    found: dict[Key, RowNoise] = {}
    for (recipe, target, language), by_seed in gains_by_language(table, table.targets).items():
        cells = [[cache.get(f"{name}-{target}-{seed}") or {} for name in (recipe, BASELINE)] for seed in by_seed]
        pairs = [(one[language], two[language]) for one, two in cells if language in one and language in two]
        noise = row_noise(pairs) if pairs and len(pairs) == len(by_seed) else None
        if noise:
            found[recipe, target, language] = noise
    return found
