"""result.json of a cell <-> records, and their aggregation by XTREME's rules.

A result that exists is a cell that finished: it is written last, by an atomic rename.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import HarnessError, explain_validation, nearest, writing

if TYPE_CHECKING:
    from harness.params import Params
    from harness.paths import Paths

SCHEMA_VERSION = 1
"""Version of result.json; a reader refuses any other."""

XTREME_GROUPS: dict[str, str] = {
    "xnli": "classification",
    "pawsx": "classification",
    "udpos": "tagging",
    "panx": "tagging",
    "xquad": "qa",
    "mlqa": "qa",
    "tydiqa": "qa",
    "bucc": "retrieval",
    "tatoeba": "retrieval",
}
"""target -> group of XTREME's nine tasks (Hu et al. 2020, table 1)."""

GROUP_METRICS: dict[str, tuple[tuple[str, ...], ...]] = {
    "classification": (("accuracy",),),
    "tagging": (("f1",),),
    "qa": (("em",), ("f1",)),
    "retrieval": (("accuracy", "f1"),),
}
"""group -> the metrics whose means are averaged; an inner pair is a choice (Tatoeba accuracy, BUCC F1)."""

CELL_PARTS = ("recipe", "target", "seed")
SHARED_INPUTS: dict[str, tuple[str, ...]] = {
    "encoder": (),
    "tokenizer": (),
    "data": ("target",),
    "params": ("target",),
    "code": (),
    "checkpoint": ("recipe", "seed"),
    "planted": ("recipe",),
}
"""Name of an input -> the parts of a cell that it belongs to; an input not named here is the cell's own."""


class Record(BaseModel):
    """Base of the result records: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cell(Record):
    """(recipe, target, seed): the unit that trains, predicts and scores."""

    recipe: str
    """What happened before target training."""
    target: str
    """The target task."""
    seed: int
    """The repetition of the whole pipeline."""

    @property
    def id(self) -> str:
        """The cell's name in dvc.yaml and on disk."""
        return f"{self.recipe}-{self.target}-{self.seed}"


class CurvePoint(Record):
    """One point of a training curve."""

    step: int
    """Optimiser steps taken."""
    loss: float
    """Mean training loss since the point before, nats per example (per masked token for masked LM)."""
    learning_rate: float
    """Learning rate at this step."""
    dev: dict[str, float] | None = None
    """Dev metrics in points, where they were measured at this step."""


Status = Literal["ok", "collapsed", "failed", "unavailable"]
"""`collapsed`: the model predicts one class or does not learn; `failed`: the loss is not a number; `unavailable`: its
data may not be had or may not be used here, so nothing ran. A collapsed cell counts as it is; none is ever dropped."""


class Oracle(Record):
    """Dev scores of one target language at two checkpoints: the one used, and the one that does best there."""

    used: float
    """Headline metric on the language's dev set at the checkpoint that is used, in points."""
    best: float
    """The best over all evaluated checkpoints: what nobody who trains zero-shot may choose by."""
    best_step: int
    """Optimiser steps of the best checkpoint."""


class PredictionsFile(Record):
    """The predictions kept beside a result."""

    path: str
    """File name beside result.json."""
    sha256: str
    """Of the file as it lies on disk."""


class Result(Record):
    """What one cell found, with everything needed to judge and to repeat it."""

    schema_version: Literal[1]
    """Version of this schema."""
    profile: str
    """The profile that the cell belongs to."""
    cell: Cell
    """Which cell."""
    status: Status
    """How the cell came out."""
    reasons: list[str] = Field(default_factory=list)
    """Why the status is not `ok`, in sentences."""
    score: float | None
    """The target's XTREME score: macro average over its languages, in points; null if failed or unavailable."""
    scores: dict[str, dict[str, float]]
    """language -> metric -> points."""
    dev_scores: dict[str, float]
    """Metrics on the source language's dev set, in points; empty for retrieval."""
    dev_by_language: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Metrics on the dev sets of the other languages at the checkpoint that is used, in points, where there are any
    (mining: the dev texts, threshold tuned and scored on the same gold pairs)."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Tasks that the recipe names and that could not be trained on -> why; the mixture is then not the one named."""
    oracle: dict[str, Oracle] = Field(default_factory=dict)
    """language -> what choosing the checkpoint on that language's own dev set would have changed; never used."""
    curve: list[CurvePoint]
    """Training curve of the target training; empty for retrieval."""
    counts: dict[str, int]
    """Examples trained on, steps, inputs truncated or split, rows predicted."""
    predictions: PredictionsFile | None
    """The compressed predictions; null if failed or unavailable."""
    inputs: dict[str, str]
    """sha256 of everything that went in: params of the cell, data manifest, checkpoint."""
    provenance: dict[str, Any]
    """git commit and dirty flag, package versions, machine, threads, image digest, peak memory."""
    elapsed_s: float = Field(ge=0)
    """Wall time of the cell in seconds, imports excluded."""


def write_json(path: Path, content: Any) -> None:
    """Write JSON by an atomic rename, so that a file that exists is whole. OSError becomes HarnessError."""
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as stream:
            json.dump(content, stream, ensure_ascii=False, indent=1, sort_keys=False)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)


def write_result(folder: Path, result: Result) -> Path:
    """Write result.json into the cell's folder, last and atomically."""
    path = folder / "result.json"
    write_json(path, result.model_dump(mode="json"))
    return path


def read_result(path: Path) -> Result:
    """Read one result.json.

    Raises HarnessError if it is missing, not JSON or of another schema.
    """
    mend = f"delete {path.parent} and run `dvc repro` to make the cell anew"
    try:
        return Result.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise HarnessError(f"expected a finished cell at {path}, found none", fix="run `dvc repro`") from None
    except ValidationError as error:
        raise HarnessError(explain_validation(error, Result, str(path)), fix=mend) from None


class CellScore(Record):
    """One row of the table of scores."""

    cell: Cell
    """Which cell."""
    status: Status
    """As in its result."""
    reasons: list[str] = Field(default_factory=list)
    """Why the status is not `ok`, as in its result."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Intermediate task -> why the mixture lacks it, as in its result."""
    score: float | None
    """The target's XTREME score in points; null if failed or unavailable."""
    dev_score: float | None
    """The same rule on the source language's dev set, in points; null where the target has none."""
    scores: dict[str, dict[str, float]]
    """language -> metric -> points."""
    predictions_sha256: str | None
    """Of the predictions file; null if failed or unavailable."""
    inputs: dict[str, str]
    """sha256 of everything that went in, as in its result."""


class ScoresTable(Record):
    """All scores of one profile, every row made from the same pins."""

    profile: str
    """The profile."""
    encoder: str
    """Which encoder, in words; a claim's scope is compared with it."""
    data: str
    """Which rows, in words; a claim's scope is compared with it."""
    groups: dict[str, str]
    """target -> XTREME group."""
    cells: list[CellScore]
    """One row per finished cell."""


def describe_encoder(params: Params) -> str:
    """The encoder in words; a published one by its name on the hub, as a claim's scope has it."""
    if params.encoder.source == "hub":
        return params.encoder.repository
    size, pretraining = params.encoder.architecture, params.encoder.pretraining
    return f"encoder pretrained here ({size.layers} layers of {size.hidden_size}, {pretraining.steps} steps)"


def describe_data(params: Params) -> str:
    """The rows in words: only the whole published data is called XTREME, as a claim's scope has it."""
    if params.data.source == "published":
        return "a part of XTREME (max_rows, max_examples)" if _is_cut(params) else "XTREME"
    if params.data.source == "local":
        return f"data pack {params.data.pack}"
    planted = any(params.recipes[name].planted for name in params.grid.recipes)
    return "the laboratory world with planted effects" if planted else "the laboratory world"


def _is_cut(params: Params) -> bool:
    """Does the profile leave out rows that are there?"""
    settings = [*params.intermediate.values(), *params.target.values()]
    return params.evaluation.max_rows is not None or any(getattr(one, "max_examples", None) for one in settings)


def grid_cells(params: Params) -> list[Cell]:
    """Every cell of the profile's grid, recipe by recipe, in the grid's order."""
    grid = params.grid
    return [Cell(recipe=r, target=t, seed=s) for r in grid.recipes for t in grid.targets for s in grid.seeds]


def collect(cells_dir: Path, cells: Sequence[Cell]) -> dict[str, Result]:
    """The results of those of `cells` that have finished, by cell id, in the order asked for.

    Raises HarnessError for a result that can't be read or that speaks of another cell than its folder.
    """
    found: dict[str, Result] = {}
    for cell in cells:
        path = cells_dir / cell.id / "result.json"
        if not path.is_file():
            continue
        result = read_result(path)
        if result.cell != cell:
            raise HarnessError(
                f"expected the result of cell {cell.id} in {path}, found that of {result.cell.id}",
                fix=f"delete {path.parent} and run `dvc repro` to make the cell anew",
            )
        found[cell.id] = result
    return found


def target_groups(targets: Iterable[str], tasks_dir: Path) -> dict[str, str]:
    """target -> XTREME group; a target that isn't XTREME's own is looked up in its task file."""
    groups = {target: XTREME_GROUPS[target] for target in targets if target in XTREME_GROUPS}
    for target in targets:
        if target not in groups:
            from harness.tasks import load_task

            groups[target] = load_task(target, tasks_dir).group or "none"
    return groups


def macro_average(values: Iterable[float]) -> float:
    """Unweighted mean: of languages, of tasks."""
    return statistics.fmean(values)


def task_score(group: str, scores: Mapping[str, Mapping[str, float]]) -> float:
    """XTREME's score of one task, in points: the unweighted mean of its metric over its languages.

    Question answering: (mean EM + mean F1) / 2. `scores` is language -> metric -> points.
    Source: Hu et al. 2020, XTREME, section 3.3 and google-research/xtreme's evaluate.py.
    Raises HarnessError for an unknown group, no language, or a metric missing in a language.
    """
    if group not in GROUP_METRICS:
        raise HarnessError(f"expected a group of XTREME, found {group!r}; {nearest(group, GROUP_METRICS)}")
    if not scores:
        raise HarnessError("expected scores of at least one language, found none", fix="run the cell anew")
    return macro_average(
        macro_average(_metric(scores, language, metrics) for language in scores) for metrics in GROUP_METRICS[group]
    )


def _metric(scores: Mapping[str, Mapping[str, float]], language: str, alternatives: Sequence[str]) -> float:
    for metric in alternatives:
        if metric in scores[language]:
            return scores[language][metric]
    raise HarnessError(
        f"expected the metric {' or '.join(alternatives)} for language {language}, "
        f"found {', '.join(scores[language]) or 'none'}",
        fix="delete the cell's folder and run `dvc repro`",
    )


def mixed_inputs(inputs: Mapping[str, tuple[Cell, Mapping[str, str]]]) -> list[str]:
    """Sentences on inputs that several cells should share and don't, naming both; empty when all agree.

    SHARED_INPUTS says what an input belongs to: two cells that agree in those parts must agree in it.
    """
    first: dict[tuple[Any, ...], tuple[str, str]] = {}
    problems: dict[tuple[Any, ...], str] = {}
    for cell_id, (cell, entry) in inputs.items():
        for name, sha256 in entry.items():
            key = (name, *(getattr(cell, part) for part in SHARED_INPUTS.get(name, CELL_PARTS)))
            known_id, known = first.setdefault(key, (cell_id, sha256))
            if known != sha256:
                whose = " ".join(map(str, key[1:])) or "all cells"
                found = f"{known:.12} in {known_id} and {sha256:.12} in {cell_id}"
                problems.setdefault(key, f"expected one sha256 of `{name}` for {whose}, found {found}")
    return list(problems.values())


def build_scores(results: Mapping[str, Result], params: Params, groups: Mapping[str, str] | None = None) -> ScoresTable:
    """One table from finished results (by cell id).

    `groups` (target -> XTREME group) is needed for targets that are not XTREME's own.
    Raises HarnessError when results don't come from the same pins, naming both.
    """
    groups = {**XTREME_GROUPS, **(groups or {})}
    mixed = mixed_inputs({cell_id: (result.cell, result.inputs) for cell_id, result in results.items()})
    if mixed:
        raise HarnessError(f"results of different inputs can't be merged: {mixed[0]}", fix="run `dvc repro`")
    for result in results.values():
        if result.profile != params.profile:
            raise HarnessError(
                f"expected results of profile {params.profile}, found {result.profile} in cell {result.cell.id}",
                fix="run `dvc repro`",
            )
    targets = dict.fromkeys(result.cell.target for result in results.values())
    unknown = [target for target in targets if target not in groups]
    if unknown:
        raise HarnessError(f"expected an XTREME group for target {unknown[0]}; {nearest(unknown[0], groups)}")
    return ScoresTable(
        profile=params.profile,
        encoder=describe_encoder(params),
        data=describe_data(params),
        groups={target: groups[target] for target in targets},
        cells=[cell_score(result, groups[result.cell.target]) for result in results.values()],
    )


def cell_score(result: Result, group: str) -> CellScore:
    """A result as a row of the table."""
    trained = result.score is not None and result.dev_scores
    return CellScore(
        cell=result.cell,
        status=result.status,
        reasons=result.reasons,
        left_out=result.left_out,
        score=result.score,
        dev_score=task_score(group, {"dev": result.dev_scores}) if trained else None,
        scores=result.scores,
        predictions_sha256=result.predictions.sha256 if result.predictions else None,
        inputs=result.inputs,
    )


def write_scores(params: Params, paths: Paths) -> str:
    """Write results/<profile>/scores.json from the cells that have finished; returns a sentence on it.

    Raises HarnessError if no cell has finished or results don't come from the same pins.
    """
    cells = grid_cells(params)
    results = collect(paths.cells, cells)
    if not results:
        raise HarnessError(f"expected finished cells in {paths.cells}, found none", fix="run `dvc repro`")
    table = build_scores(results, params, target_groups(params.grid.targets, paths.tasks))
    write_json(paths.scores, table.model_dump(mode="json"))
    unavailable = sum(row.status == "unavailable" for row in table.cells)
    apart = f" ({unavailable} unavailable)" if unavailable else ""
    return f"scores of {len(results)} of {len(cells)} cells{apart}: {paths.scores}"


def read_scores(path: Path) -> ScoresTable:
    """Read scores.json. Raises HarnessError if it is missing or doesn't fit the schema."""
    try:
        return ScoresTable.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise HarnessError(f"expected a table of scores at {path}, found none", fix="run `dvc repro`") from None
    except ValidationError as error:
        raise HarnessError(explain_validation(error, ScoresTable, str(path)), fix="run `harness scores`") from None
