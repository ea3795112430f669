"""What the results of the active profile show, as a record that `harness study` turns into a page.

The results are those that `harness verify` judges, and every statistic is harness.verify's own: this module asks for
it pair by pair. harness/pages/study/page.py puts the record into words and pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.audit.integrity.machines import recipes_on_other_machines
from harness.audit.levels import verify_results
from harness.audit.scope import without_planted
from harness.audit.subject import Judged, sound_results
from harness.audit.verification import Verification
from harness.experiment.inputs import ENCODER_FILES
from harness.pages.degradation.languages import laboratory_languages, laboratory_source
from harness.pages.layers.curves import Curves, kept_curves
from harness.pages.means import Average, SeedMean, average, seed_mean
from harness.pages.origin import Origin, origin_of
from harness.pages.study.outside import Outside, outside_of
from harness.pages.study.parts import (
    Deciding,
    LanguageGains,
    Sees,
    baseline_of,
    collapsed_on,
    deciding_of,
    languages_of,
    sees_of,
    unavailable_by_reason,
)
from harness.pages.study.rate_gains import RateGains, is_rate_variant, rates_of
from harness.pages.study.shared import SharedRows, shared_rows
from harness.pages.study.trainings import RecipeTraining, read_trainings
from harness.pages.tasks import TASKS_HEADER, tasks_table
from harness.project.errors import HarnessError
from harness.project.params import BASELINE, Params, PublishedEncoder, Training
from harness.project.paths import Paths
from harness.project.pinned import ENCODER
from harness.project.records import Record
from harness.project.tasks import load_tasks
from harness.verify.claims.registry import CLAIMS
from harness.verify.languages.registration import (
    LANGUAGES_FILE,
    REGISTRATION_FILE,
    Language,
    Registration,
    load_languages,
    load_registration,
)
from harness.verify.measure.development import SOURCE_LANGUAGE
from harness.verify.published.elsewhere import ELSEWHERE, ElsewhereRow, read_elsewhere
from harness.verify.scores import ScoresTable, mean_gain, read_table
from harness.verify.statistics.design import DESIGN, STANDARD, Design, read_design


class EncoderMade(Record):
    """What the record of the encoder's making says."""

    parameters: int
    """Its size."""
    steps: int | None
    """Optimiser steps of its pretraining; null: published, or left at its random initialisation."""
    final_loss: float | None
    """Masked-LM loss at the end in nats per masked token; null as above."""
    earlier_loss: float | None = None
    """The same at three quarters of the steps: does the curve still fall? null as above."""


class Study(Record):
    """Everything that the page says."""

    title: str
    """What the profile is, as its file says."""
    verification: Verification
    """What `harness verify` concludes from the same results."""
    task_notes: dict[str, list[str]]
    """Note of `harness tasks` (what stands in, what to know) -> the tasks that it holds for."""
    provenance: Origin
    """Where and when the results were made."""
    encoder: EncoderMade | None
    """The encoder that the cells started from; null where its record is not there."""
    seen: str | None
    """What the encoder was trained on before, as its profile says; null where it says nothing."""
    settled: list[str]
    """Files of the repository by which everything was settled before: the profile and what was registered."""
    design: Design
    """Which seeds count, and the looks at them."""
    groups: dict[str, str]
    """target -> XTREME group."""
    unavailable: dict[str, list[str]]
    """Why data may not be had or used -> the recipes, or "recipe on target"."""
    left_out: dict[str, dict[str, str]]
    """recipe -> intermediate task -> why its mixture lacks the task."""
    collapsed: dict[str, dict[str, int]]
    """recipe -> target -> number of its cells that collapsed, where one did."""
    baseline: dict[str, SeedMean | None]
    """target -> score without intermediate training; null where no seed has one."""
    gains: dict[str, dict[str, SeedMean | None]]
    """recipe -> target -> gain; null where it can't be had."""
    overall: dict[str, Average]
    """recipe -> gain over all targets."""
    deciding: Deciding
    """The targets that replications are tested over, and the gains on them."""
    sees: dict[str, Sees]
    """claim -> what effect the design could have shown of it."""
    languages: list[LanguageGains]
    """Gains by language on the targets that decide, from little pretraining text to much."""
    rates: list[RateGains]
    """Recipes at other learning rates than the chosen one; these are in none of the above."""
    outside: list[Outside]
    """Published scores of encoders of this kind, and the baseline's."""
    layers: Curves | None
    """Retrieval by hidden layer; null where cells keep no layers."""
    trainings: list[RecipeTraining]
    """What each recipe's intermediate trainings learnt; without those whose records are not there."""
    most_rows: int | None
    """Rows that are scored of each language's file, test or dev; null: all."""
    shared: list[SharedRows]
    """Training rows that a target and an intermediate task have in common."""
    other_machines: dict[str, list[int]]
    """recipe -> seeds at which it and the baseline come from different classes of machine."""
    cell_seconds: float
    """Wall time of all cells; 0: not known."""

    def is_unavailable(self, recipe: str, target: str) -> bool:
        """May the data of a pair, or of the baseline on its target, not be had or used?"""
        names = [name for several in self.unavailable.values() for name in several]
        return any(name in names for each in (recipe, BASELINE) for name in (each, f"{each} on {target}"))


def read_study(params: Params, paths: Paths) -> Study:
    """The results that `harness verify` judges, measured.

    Raises HarnessError where there are none, or level V0 finds a problem: nothing is said about unsound results.
    """
    judged, table = sound_results(params, paths)
    return study_of(judged, table, verify_results(judged, params, paths), params, paths)


def study_of(judged: Judged, table: ScoresTable, verification: Verification, params: Params, paths: Paths) -> Study:
    """The same of sound results that were judged already. Raises HarnessError as `make_study` does."""
    tasks = load_tasks(params.data.tasks, paths.tasks).values()
    lines = tasks_table(tasks, params.data.source, params.data.pack)
    recipes = [recipe for recipe in without_planted(table).recipes if not is_rate_variant(recipe)]
    known, source = load_languages(paths.reference / LANGUAGES_FILE), SOURCE_LANGUAGE
    if params.data.source == "generated":
        known, source = laboratory_languages(known), laboratory_source()
    return make_study(
        without_planted(table),
        verification,
        title=params.title,
        task_notes=notes_of(lines),
        provenance=origin_of(judged, paths),
        encoder=_encoder_made(table, paths.results if judged.source == "run" else paths.pinned),
        seen=params.encoder.seen if isinstance(params.encoder, PublishedEncoder) else None,
        settled=[name for name in settling_files(params.profile) if (paths.root / name).is_file()],
        design=read_design(paths.reference / DESIGN),
        languages=known,
        source_language=source,
        registration=load_registration(paths.reference / REGISTRATION_FILE),
        elsewhere=read_elsewhere(paths.reference / ELSEWHERE, params.profile),
        training_rows={target: how.max_examples for target, how in params.target.items() if isinstance(how, Training)},
        layers=kept_curves(judged, recipes, params, paths),
        trainings=read_trainings(judged, recipes, paths),
        most_rows=params.evaluation.max_rows,
        shared=shared_rows(tasks, params),
        other_machines=recipes_on_other_machines(judged.checked.results),
        cell_seconds=sum(result.elapsed_s for result in judged.checked.results.values()),
    )


def settling_files(profile: str) -> list[str]:
    """Where a profile's settings and the registered rules stand in a repository, those that may lack among them."""
    rules = (CLAIMS, DESIGN, REGISTRATION_FILE)
    return [f"profiles/{profile}.yaml", f"docs/{profile}.md", *(f"reference/{name}" for name in rules)]


def make_study(
    table: ScoresTable,
    verification: Verification,
    *,
    title: str,
    task_notes: dict[str, list[str]],
    provenance: Origin,
    encoder: EncoderMade | None,
    registration: Registration,
    languages: Mapping[str, Language],
    source_language: str = SOURCE_LANGUAGE,
    seen: str | None = None,
    settled: Sequence[str] = (),
    design: Design = STANDARD,
    elsewhere: Sequence[ElsewhereRow] = (),
    training_rows: Mapping[str, int | None] | None = None,
    layers: Curves | None = None,
    trainings: Sequence[RecipeTraining] = (),
    most_rows: int | None = None,
    shared: Sequence[SharedRows] = (),
    other_machines: Mapping[str, list[int]] | None = None,
    cell_seconds: float = 0.0,
) -> Study:
    """The record of a sound table of scores: what is measured from it, and what the caller knows besides.

    Raises HarnessError where the grid has no recipe beside the baseline.
    """
    scores = read_table(table)
    there = table.recipes  # without those whose effects were planted
    ran = [recipe for recipe in verification.grid.recipes if recipe in there and recipe != BASELINE]
    recipes = [recipe for recipe in ran if not is_rate_variant(recipe)]
    if not recipes:
        raise HarnessError(
            f"expected a recipe beside `{BASELINE}` to study, found none in the grid",
            fix="add one to grid.recipes in params.yaml, then run `harness repro`",
        )
    deciding = deciding_of(scores, recipes, design)
    return Study(
        title=title,
        verification=verification.model_copy(update={"data": table.data}),  # of what was trained, no effect planted
        task_notes=task_notes,
        provenance=provenance,
        encoder=encoder,
        seen=seen,
        settled=list(settled),
        design=design,
        groups=table.groups,
        unavailable=unavailable_by_reason(scores),
        left_out=scores.left_out,
        collapsed=collapsed_on(table),
        baseline=baseline_of(scores),
        gains={
            recipe: {target: seed_mean(mean_gain(scores, recipe, [target])) for target in scores.targets}
            for recipe in recipes
        },
        overall={recipe: average(scores, recipe, scores.targets) for recipe in recipes},
        deciding=deciding,
        sees=sees_of(verification.claims, design),
        languages=languages_of(table, recipes, deciding.targets, languages, source_language, registration),
        rates=rates_of(table, scores, recipes, languages, source_language, registration),
        outside=outside_of(table, elsewhere, source_language, training_rows or {}, recipes),
        layers=layers,
        trainings=list(trainings),
        most_rows=most_rows,
        shared=list(shared),
        other_machines=dict(other_machines or {}),
        cell_seconds=cell_seconds,
    )


def notes_of(lines: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Note -> tasks, from the rows of `harness tasks`."""
    notes: dict[str, list[str]] = {}
    for line in lines:
        named = dict(zip(TASKS_HEADER, line, strict=True))
        if named["stands in"]:
            notes.setdefault(named["stands in"], []).append(named["task"])
    return notes


def _encoder_made(table: ScoresTable, folder: Path) -> EncoderMade | None:
    """The record of the encoder's making in `folder`, if it is there and describes the weights that the cells
    started from.
    """
    path = folder / ENCODER
    if not path.is_file():
        return None
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        sha256, parameters = made["sha256"][ENCODER_FILES["encoder"]], made["parameters"]
        curve = [(point["step"], point["loss"]) for point in made.get("curve") or ()]
        found = EncoderMade(parameters=parameters, **_learned(curve))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(
            f"expected the record of the encoder in {path}, found another schema: {' '.join(str(error).split())}",
            fix="run `dvc repro -f encoder`, or `git checkout -- reference` if it is a pinned one",
        ) from None
    return found if sha256 in {row.inputs.get("encoder") for row in table.cells} else None


def _learned(curve: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """What EncoderMade says of a learning curve of (step, loss)."""
    if not curve:
        return {"steps": None, "final_loss": None}
    steps, loss = curve[-1]
    before = [earlier for step, earlier in curve if step <= 0.75 * steps]
    return {"steps": steps, "final_loss": loss, "earlier_loss": before[-1] if before else None}
