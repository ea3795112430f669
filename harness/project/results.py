"""result.json of a cell <-> records, and their aggregation by XTREME's rules.

A result that exists is a cell that finished: it is written last, by an atomic rename.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from harness.project.errors import HarnessError, explain_validation
from harness.project.files import refuse_repeated_keys, write_json
from harness.project.records import Record

if TYPE_CHECKING:
    from harness.project.params import Params

SCHEMA_VERSION = 1
"""Version of result.json; a reader refuses any other."""
DECIMALS = 10
"""Of the points in a result."""


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


Kept = Literal["dev", "items", "layers"]
"""What a cell keeps beside its predictions: those of dev rows, how every row came out, retrieval at every layer."""


def kept_name(kept: Kept) -> str:
    """The file's name beside result.json."""
    return f"{kept}.json.gz"


class Oracle(Record):
    """Dev scores of one target language at two checkpoints: the one used, and the one that does best there."""

    used: float
    """Headline metric on the language's dev set at the checkpoint that is used, in points."""
    best: float
    """The best over all evaluated checkpoints: what nobody who trains zero-shot may choose by."""
    best_step: int
    """Optimiser steps of the best checkpoint."""


class PredictionsFile(Record):
    """A compressed file kept beside a result: its predictions, or one of `kept`."""

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
    kept: dict[Kept, PredictionsFile] = Field(default_factory=dict)
    """Other files kept beside it, where there is something to keep; older results have none."""
    inputs: dict[str, str]
    """sha256 of everything that went in: params of the cell, data manifest, checkpoint."""
    provenance: dict[str, Any]
    """git commit and dirty flag, package versions, machine, threads, image digest, peak memory."""
    elapsed_s: float = Field(ge=0)
    """Wall time of the cell in seconds, imports excluded."""


def write_result(folder: Path, result: Result) -> Path:
    """Write result.json into the cell's folder, last and atomically."""
    path = folder / "result.json"
    write_json(path, result.model_dump(mode="json"))
    return path


def read_result(path: Path) -> Result:
    """Read one result.json.

    Raises HarnessError if it is missing, not JSON or of another schema.
    """
    fix = f"delete {path.parent} and run `dvc repro` to make the cell anew"
    try:
        content = path.read_bytes()
        refuse_repeated_keys(content, str(path), fix)
        return Result.model_validate_json(content)
    except FileNotFoundError:
        raise HarnessError(f"expected a finished cell at {path}, found none", fix="run `dvc repro`") from None
    except ValidationError as error:
        raise HarnessError(explain_validation(error, Result, str(path)), fix=fix) from None


def grid_cells(params: Params) -> list[Cell]:
    """Every cell of the profile's grid, recipe by recipe, in the grid's order."""
    return [Cell(recipe=recipe, target=target, seed=seed) for recipe, target, seed in params.grid.cells]


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
