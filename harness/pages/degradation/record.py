"""Reads what `harness degradation` judges: the results of `harness verify`, languages, the pre-registration."""

from __future__ import annotations

from harness.audit.scope import without_planted
from harness.audit.subject import sound_results
from harness.pages.degradation.languages import laboratory_languages, laboratory_source
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.verify.languages.degradation import Degradation, measure_degradation
from harness.verify.languages.registration import (
    LANGUAGES_FILE,
    REGISTRATION_FILE,
    load_languages,
    load_registration,
)
from harness.verify.measure.development import SOURCE_LANGUAGE


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
    found = measure_degradation(table, languages, source, registration, "run" if judged.source == "run" else "pinned")
    if not found.recipes or not found.languages:
        raise HarnessError(
            "expected gains by language of a recipe over `none`, found none in the results",
            fix="run `make repro` with `none` and another recipe in the grid",
        )
    return found
