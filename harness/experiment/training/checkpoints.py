"""Checkpoints: the encoder that a recipe hands on, one folder per (recipe, seed), checkpoint.json written last.

The baseline's checkpoint holds no weights, nor does one with planted effects: they point at the pretrained encoder.
That of a recipe whose data may not be had holds none either, and says why.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.project.errors import HarnessError
from harness.project.files import sha256_file, write_json
from harness.project.paths import Paths
from harness.project.stages import stage_in

FILE = "checkpoint.json"
WEIGHTS = "model.safetensors"


def write_checkpoint_record(folder: Path, content: dict[str, Any]) -> None:
    """Write checkpoint.json, the mark of a finished checkpoint."""
    write_json(folder / FILE, content)


def read_checkpoint_record(folder: Path) -> dict[str, Any]:
    """Read checkpoint.json.

    Raises HarnessError if the checkpoint was not finished.
    """
    try:
        content: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return content
    except (OSError, ValueError):
        raise HarnessError(
            f"expected a finished checkpoint in {folder}, found none",
            fix=f"run `dvc repro {stage_in('intermediate', folder.name)}`",
        ) from None


def weights_of(folder: Path, paths: Paths) -> tuple[Path, str]:
    """The safetensors file that a checkpoint stands for, and its sha256, checked against the record."""
    record = read_checkpoint_record(folder)
    untrained = record["recipe"] == "none" or record.get("planted")
    path = (paths.encoder if untrained else folder) / WEIGHTS
    found = sha256_file(path) if path.is_file() else "no file"
    if found != record["weights_sha256"]:
        raise HarnessError(
            f"expected {path} with sha256 {record['weights_sha256']} (see {folder / FILE}), found {found}",
            fix=f"run `dvc repro -f {stage_in('intermediate', folder.name)}`",
        )
    return path, found
