"""Reads what `harness degradation` judges: the results of `harness verify`, languages, the pre-registration."""

from __future__ import annotations

from harness.errors import HarnessError
from harness.params import Params
from harness.paths import Paths
from harness.results import ScoresTable
from harness.verify.degradation import Degradation, measure_degradation
from harness.verify.development import SOURCE_LANGUAGE
from harness.verify.registration import (
    LANGUAGES_FILE,
    REGISTRATION_FILE,
    laboratory_languages,
    load_languages,
    load_registration,
)
from harness.verify.subject import sound_results


def read_degradation(params: Params, paths: Paths) -> Degradation:
    """The answer from the run of the profile or, where nothing has run, from the pinned results.

    Raises HarnessError where there are none, level V0 finds a problem, or no language has known resources.
    """
    judged, table = sound_results(params, paths)
    return degradation_of(table, judged.source, params, paths)


def degradation_of(table: ScoresTable, judged: str, params: Params, paths: Paths) -> Degradation:
    """The same from a table that was checked."""
    languages = load_languages(paths.reference / LANGUAGES_FILE)
    source = SOURCE_LANGUAGE
    if params.data.source == "generated":
        from harness.lab.languages import SOURCE_LANGUAGE as source  # its import makes a whole world

        languages = laboratory_languages(languages)
    registration = load_registration(paths.reference / REGISTRATION_FILE)
    found = measure_degradation(table, languages, source, registration, "run" if judged == "run" else "pinned")
    if not found.recipes or not found.languages:
        raise HarnessError(
            "expected gains by language of a recipe over `none`, found none in the results",
            fix="run `make repro` with `none` and another recipe in the grid",
        )
    return found
