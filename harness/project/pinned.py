"""Where pinned results lie and what they say of themselves: the layout and the manifest of reference/<profile>/.

`harness pin results` writes such a folder: a run's scores, results and predictions, kept small, with their hashes. A
clone is judged by it before anything has run there, and a run is compared with it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.project.errors import HarnessError, explain_validation
from harness.project.files import refuse_repeated_keys
from harness.project.records import Record
from harness.project.results import Kept, Result

MANIFEST = "manifest.json"
"""The manifest of a folder of pinned results; written last."""
RESULTS = "results.jsonl"
SCORES = "scores.json"
PREDICTIONS = "predictions/"
TRAININGS = "trainings"
"""The folder of the records of intermediate trainings."""
TEXTLESS = ("classification", "tagging", "choice", "retrieval")
"""Heads whose predictions are labels, tags, indices or identifiers: nothing of the rows' text."""
ENCODER = "encoder.json"
"""The record of the encoder's making: its size, its learning curve, the hashes of its files."""


class PinnedManifest(Record):
    """What lies in a folder of pinned results; written last."""

    profile: str
    """The profile."""
    files: dict[str, str]
    """Path in the folder -> sha256."""
    cells: list[str] | None = None
    """Every pinned cell, where these are not all of their recipes x targets x seeds; null: they are."""
    predictions: bool = True
    """Do all predictions lie here? Of real data those that hold words of its rows don't: only their hashes are kept."""
    bytes: int
    """Their size together."""
    machines: list[dict[str, Any]]
    """The machines, Python and devices that the pinned results were made with; most often one."""
    git_commits: list[str]
    """The commits that they were made at."""
    git_dirty: bool
    """Did tracked files differ from the commit for any of them?"""
    params_sha256: str
    """Of the params.yaml that lay there when they were pinned."""
    created: str
    """When they were pinned, UTC."""


def holds_text(kept: Kept | None, head: str) -> bool:
    """Whether what a cell keeps, or its predictions (None), may hold words of rows, which are not ours to pass on.

    `head`: that of its target.
    """
    return kept in (None, "dev") and head not in TEXTLESS


def predictions_name(cell_id: str) -> str:
    """The path of a cell's predictions in a folder of pinned results, as its manifest lists it."""
    return f"{PREDICTIONS}{cell_id}.json.gz"


def pinned_predictions(folder: Path, cell_id: str) -> Path:
    """Where the pinned predictions of a cell lie."""
    return folder / predictions_name(cell_id)


def kept_files_name(kept: Kept, cell_id: str) -> str:
    """The path of what a cell keeps beside its predictions, likewise."""
    return f"{kept}/{cell_id}.json.gz"


def training_name(recipe: str, seed: int) -> str:
    """The path of an intermediate training's record and its checkpoint's, likewise."""
    return f"{TRAININGS}/{recipe}-{seed}.json"


def pinned_data(folder: Path, task: str) -> Path:
    """Where the manifest of a task's data lies beside pinned results: hashes and counts, no rows."""
    return folder / "data" / f"{task}.json"


def pinned_files(folder: Path) -> list[str]:
    """The paths in the folder of everything that lies there, sorted; without the manifest."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != MANIFEST)


def read_pinned_manifest(folder: Path) -> PinnedManifest:
    """The manifest of pinned results. Raises HarnessError if there is none or it doesn't fit."""
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        refuse_repeated_keys(content, str(path), f"git checkout -- {folder}")
        return PinnedManifest.model_validate_json(content)
    except OSError:
        raise HarnessError(f"expected pinned results in {folder}, found none", fix="run `make repro`") from None
    except ValidationError as error:
        fix = f"git checkout -- {folder}"
        raise HarnessError(explain_validation(error, PinnedManifest, str(path)), fix=fix) from None


def left_out_of_pins(results: Mapping[str, Result], folder: Path) -> set[str]:
    """Cells of `results` that are the pinned ones and whose predictions, or dev predictions, were not pinned: they hold
    words of rows. Such a cell that was taken from the pins lacks them. Empty where nothing can be read.
    """
    try:
        manifest, pinned = read_pinned_manifest(folder), read_results(folder / RESULTS)
    except (HarnessError, OSError, ValueError):
        return set()
    if manifest.predictions:
        return set()
    same = [name for name, result in results.items() if pinned.get(name) == result]
    return {name for name in same if predictions_name(name) not in manifest.files}


def read_results(path: Path) -> dict[str, Result]:
    """The results in a results.jsonl, by cell id. ValidationError if one doesn't fit the schema, HarnessError for a
    cell that is in it twice.
    """
    found: dict[str, Result] = {}
    fix = f"git checkout -- {path}"
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        refuse_repeated_keys(line, f"{path}:{number}", fix)
        result = Result.model_validate_json(line)
        if result.cell.id in found:
            raise HarnessError(f"expected every cell once, found {result.cell.id} again in {path}:{number}", fix=fix)
        found[result.cell.id] = result
    return found
