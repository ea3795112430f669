"""The committed pinned results are whole: every file as its manifest says, every cell of the profile's grid."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from toy import ROOT

from harness.audit.integrity.pinned import check_pinned
from harness.project.pinned import read_pinned_manifest
from harness.project.profiles import read_params
from harness.project.results import grid_cells

PINNED = sorted(path.parent.name for path in (ROOT / "reference").glob("*/manifest.json"))


@pytest.mark.parametrize("profile", PINNED)
def test_pinned_results_are_whole_and_cover_the_grid_of_their_profile(repo_root: Path, profile: str) -> None:
    folder = repo_root / "reference" / profile
    manifest = read_pinned_manifest(folder)
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest.files}
    assert manifest.profile == profile and found == manifest.files
    assert check_pinned(folder).integrity.problems == []
    params = read_params(repo_root / "profiles" / f"{profile}.yaml")
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    cells = [json.loads(line)["cell"] for line in lines]
    assert sorted(f"{cell['recipe']}-{cell['target']}-{cell['seed']}" for cell in cells) == sorted(
        cell.id for cell in grid_cells(params)
    )
    has_predictions = any(name.startswith("predictions/") for name in manifest.files)
    assert has_predictions == (params.data.source == "generated"), "of real data only scores and hashes are kept"
