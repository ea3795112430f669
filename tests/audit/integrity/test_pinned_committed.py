"""The committed pinned results are whole: every file as its manifest says, and the cells of the profile's grid.

Of the generated world all of them; a study of real data may be pinned piece by piece, each with its baseline.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from toy import ROOT

from harness.audit.integrity.pinned import check_pinned
from harness.project.params import BASELINE
from harness.project.pinned import read_pinned_manifest
from harness.project.profiles import read_params
from harness.project.results import Cell, grid_cells

WITH_WORDS = ("xquad", "mlqa", "tydiqa")
"""Targets whose predictions are words of their rows."""
PINNED = sorted(path.parent.name for path in (ROOT / "reference").glob("*/manifest.json"))


@pytest.mark.parametrize("profile", PINNED)
def test_pinned_results_are_whole_and_of_the_grid_of_their_profile(repo_root: Path, profile: str) -> None:
    folder = repo_root / "reference" / profile
    manifest = read_pinned_manifest(folder)
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest.files}
    assert manifest.profile == profile and found == manifest.files
    assert check_pinned(folder).integrity.problems == []
    params = read_params(repo_root / "profiles" / f"{profile}.yaml")
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    cells = [Cell.model_validate(json.loads(line)["cell"]) for line in lines]
    is_generated = params.data.source == "generated"
    pieces = {(cell.recipe, cell.seed) for cell in cells}
    of_grid = [cell.id for cell in grid_cells(params) if is_generated or (cell.recipe, cell.seed) in pieces]
    assert sorted(cell.id for cell in cells) == sorted(of_grid)
    assert {(BASELINE, seed) for _, seed in pieces} <= pieces
    predictions = {name for name in manifest.files if name.startswith("predictions/")}
    answers = {name for name in predictions if any(f"-{target}-" in name for target in WITH_WORDS)}
    assert predictions and bool(answers) == is_generated, "of real data no prediction is kept that may hold its words"
