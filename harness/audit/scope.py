"""What was measured, by facts that hashes hold, and never by a word that somebody wrote beside the scores.

A claim is about one encoder on one set of rows. Settings name them; here these names are held against the cells: the
encoder's record and its tokenizer's bytes, the manifests of the data and the pins that they name, and what each recipe
trains on. A name that isn't borne out is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.audit.integrity.findings import Checked
from harness.audit.integrity.made import Made
from harness.audit.integrity.rows import pinned_rows
from harness.audit.rules import shipped_recipes
from harness.experiment.inputs import ENCODER_FILES
from harness.project.errors import HarnessError, name_some
from harness.project.params import BASELINE, Params, PublishedEncoder
from harness.project.paths import Paths
from harness.project.profiles import describe_data, describe_encoder
from harness.project.results import Result
from harness.project.tasks import load_task, published_digest
from harness.verify.scores import ScoresTable

MIXTURE = "multi"
"""The recipe that mixes several tasks; the others of the paper are named after the one task that they train on."""
VARIANTS = ("mlm", "translated")
WORLD = "the laboratory world"
"""What generated rows are called; where effects were planted, that is said behind it."""


def confirm(checked: Checked, params: Params, paths: Paths) -> Checked:
    """The results with encoder and data named by what was found, or INVALID where a recipe isn't what its name says.

    `params`, `paths`: the settings and the task files that lie beside the results. Raises nothing.
    """
    if checked.table is None:
        return checked
    shipped = shipped_recipes(paths.root, params.profile)
    problems = [problem for recipe in checked.table.recipes for problem in _other_meaning(recipe, params, shipped)]
    problems += _unsaid_effects(checked.results.values(), params)
    if problems:
        integrity = checked.integrity.model_copy(update={"problems": [*checked.integrity.problems, *problems]})
        return replace(checked, integrity=integrity, table=None)
    ran = [result for result in checked.results.values() if result.score is not None]
    words = {
        "encoder": _encoder(checked.table, ran, checked.made, params),
        "data": _data(checked.table, ran, checked.made, params, paths.tasks),
    }
    return replace(checked, table=checked.table.model_copy(update=words))


def without_planted(table: ScoresTable) -> ScoresTable:
    """The table without the cells that an effect was planted in: what is left was trained. A table that has no other
    recipe beside the baseline stays as it is. Raises nothing.
    """
    planted = {row.cell.recipe for row in table.cells if "planted" in row.inputs}
    if not planted or set(table.recipes) <= planted | {BASELINE}:
        return table
    rows = [row for row in table.cells if row.cell.recipe not in planted]
    world = table.data.replace(f"{WORLD} with planted effects", WORLD)
    return table.model_copy(update={"cells": rows, "data": world})


def _other_meaning(name: str, params: Params, shipped: Mapping[str, list[str]]) -> Iterator[str]:
    """Sentences on a recipe that trains on something else than its name says. A name of one's own may mean anything."""
    recipe = params.recipes.get(name)
    base, *variants = name.split("+")
    if recipe is None or recipe.planted:
        return
    fix = f"rename the recipe `{name}` in params.yaml, or let it train on what its name says"
    single = base != MIXTURE and (base in params.intermediate or shipped.get(base) == [base])
    if name == BASELINE and (recipe.tasks or recipe.mlm):
        yield f"expected recipe `{name}` to train nothing, found tasks {', '.join(recipe.tasks)}; {fix}"
    elif single and recipe.tasks != [base]:
        found = ", ".join(recipe.tasks) or "nothing"
        yield f"expected recipe `{name}` to train on {base}, found {found}; {fix}"
    elif base == MIXTURE and len(set(recipe.tasks)) < 2:
        yield f"expected recipe `{name}` to mix several tasks, found {', '.join(recipe.tasks) or 'none'}; {fix}"
    elif single or base == MIXTURE:
        is_so = {"mlm": recipe.mlm, "translated": bool(recipe.translated)}
        other = [variant for variant in VARIANTS if is_so[variant] != (variant in variants)]
        for variant in other:
            said = "with" if variant in variants else "without"
            yield f"expected recipe `{name}` {said} `{variant}`, found the contrary; {fix}"


def _unsaid_effects(results: Iterable[Result], params: Params) -> Iterator[str]:
    """Sentences on recipes whose cells have a planted effect that params.yaml does not plant: such cells may be equal
    to others, and start from the encoder itself.
    """
    planted = dict.fromkeys(one.cell.recipe for one in results if "planted" in one.inputs)
    for name in planted:
        recipe = params.recipes.get(name)
        if recipe is None or not recipe.planted:
            yield f"expected no planted effects in the cells of recipe `{name}`, as params.yaml plants none, found some"


def _encoder(table: ScoresTable, ran: list[Result], made: Made, params: Params) -> str:
    described = describe_encoder(params)
    if not isinstance(params.encoder, PublishedEncoder):
        return _unless_other(described, table.encoder)
    why = _not_published(params.encoder, ran, made)
    return f"an encoder that is not shown to be {described} ({why})" if why else _unless_other(described, table.encoder)


def _unless_other(found: str, said: str) -> str:
    return found if said == found else f"{found} (the table of scores calls it {said})"


def _not_published(encoder: PublishedEncoder, ran: list[Result], made: Made) -> str:
    """Why the cells' encoder can't be taken for the published one, in a few words; empty where nothing speaks against.

    The weights are written anew as an encoder and a head, so that their sha256 is one of the record that the cells
    name too; the tokenizer is the published file, byte by byte, unless it had to be rebuilt.
    """
    origin = made.encoder.get("made_from")
    if not isinstance(origin, Mapping):
        return "there is no record of its making"
    for key, wanted in encoder.origin.items():
        if origin.get(key) != wanted:
            return f"its record names another {key}"
    files = made.encoder.get("sha256")
    hashes = files if isinstance(files, Mapping) else {}
    for name, file in ENCODER_FILES.items():
        if not ran or any(result.inputs.get(name) != hashes.get(file) for result in ran):
            return f"the cells name another {file} than its record"
    if encoder.tokenizer_sha256 not in (None, hashes.get(ENCODER_FILES["tokenizer"])):
        return "its tokenizer is not the published file"
    return ""


def _data(table: ScoresTable, ran: list[Result], made: Made, params: Params, tasks: Path) -> str:
    if params.data.source == "published":
        described = describe_data(params)
        lacking = _not_pinned(ran, made, tasks)
        if lacking:
            return f"rows that are not shown to be {described} ({lacking})"
        return _unless_other(described, table.data)
    if params.data.source == "generated":  # whether effects were planted, the cells say
        planted = any("planted" in result.inputs for result in ran)
        return _unless_other(f"{WORLD} with planted effects" if planted else WORLD, table.data)
    return _unless_other(describe_data(params), table.data)


def _not_pinned(ran: list[Result], made: Made, tasks: Path) -> str:
    """Targets whose rows can't be taken for the pinned ones of the task files, in a few words; empty without any."""
    other: list[str] = []
    for target in dict.fromkeys(result.cell.target for result in ran):
        manifest = made.manifests.get(target)
        try:
            task = load_task(target, tasks)
        except HarnessError:
            other.append(target)
            continue
        named = {result.inputs.get("data") for result in ran if result.cell.target == target}
        pinned = pinned_rows(task, "published", None)
        if (
            manifest is None
            or manifest.source != "published"
            or not manifest.source_pin.endswith(published_digest(task))
            or named != {manifest.sha256}
            or any(manifest.rows.get(f"{stem}.jsonl", 0) < rows for stem, rows in pinned.items())
        ):
            other.append(target)
    return f"no manifest of the pinned rows of {name_some(other)}" if other else ""


def left_out_of_mixture(params: Params, wanted: Mapping[str, list[str]]) -> dict[str, dict[str, str]]:
    """Recipe -> task -> that params.yaml's recipe does not name it, of mixtures that are smaller than the shipped one.

    `wanted`: recipe -> the tasks of the shipped recipe of that name.
    """
    found = {}
    for name in params.grid.recipes:
        recipe = params.recipes[name]
        if name.split("+")[0] == MIXTURE and not recipe.planted:
            lacking = [task for task in wanted.get(name, []) if task not in recipe.tasks]
            found[name] = dict.fromkeys(lacking, "the recipe of this profile does not name it")
    return {name: tasks for name, tasks in found.items() if tasks}
