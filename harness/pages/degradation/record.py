"""Reads what `harness degradation` judges: the results of `harness verify`, languages, the pre-registration."""

from __future__ import annotations

from collections.abc import Mapping

from harness.audit.subject import sound_results
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.verify.languages.degradation import Degradation, measure_degradation
from harness.verify.languages.registration import (
    LANGUAGES_FILE,
    REGISTRATION_FILE,
    Language,
    load_languages,
    load_registration,
)
from harness.verify.measure.development import SOURCE_LANGUAGE
from harness.verify.scores import ScoresTable


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
        from harness.data.lab.languages import SOURCE_LANGUAGE as source  # its import makes a whole world

        languages = laboratory_languages(languages)
    registration = load_registration(paths.reference / REGISTRATION_FILE)
    found = measure_degradation(table, languages, source, registration, "run" if judged == "run" else "pinned")
    if not found.recipes or not found.languages:
        raise HarnessError(
            "expected gains by language of a recipe over `none`, found none in the results",
            fix="run `make repro` with `none` and another recipe in the grid",
        )
    return found


def laboratory_languages(real: Mapping[str, Language]) -> dict[str, Language]:
    """The constructed languages, each with the resources of the real one whose size it has; unseen without a corpus.

    From the laboratory's own table of languages: nothing has to be generated. Raises HarnessError where the two
    tables disagree.
    """
    from harness.data.lab.languages import LANGUAGES

    by_name = {language.name: language for language in real.values()}
    found = {}
    for code, made in LANGUAGES.items():
        donor = by_name.get(made.size_of)
        if donor is None or (donor.cc100_gib or 0.0) != made.size_gib:
            raise HarnessError(
                f"expected {made.size_of} with {made.size_gib} GiB in {LANGUAGES_FILE}, as {code} has it, "
                f"found {donor.cc100_gib if donor else 'no such language'}",
                fix=f"run `git checkout reference/{LANGUAGES_FILE}`",
            )
        found[code] = donor
    return found
