"""What results say that they were made from: manifests of data, the record of the encoder, recipes in the records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.project.params import Params, Recipe
from harness.project.paths import Paths


@dataclass(frozen=True)
class DataManifest:
    """What a data folder's manifest says."""

    sha256: str
    """Of the manifest itself."""
    source: str
    """Where its rows come from."""
    source_pin: str
    """The pin that the rows were checked against, in one line."""
    files: dict[str, str]
    """File name -> sha256."""
    rows: dict[str, int]
    """File name -> lines."""


@dataclass(frozen=True)
class Made:
    """What results were made from, beside the hashes that each of them names."""

    manifests: Mapping[str, DataManifest] = field(default_factory=dict)
    """Task -> its data's manifest, where it is kept."""
    encoder: Mapping[str, Any] = field(default_factory=dict)
    """The record of the encoder's making; empty where there is none."""


def read_data_manifest(content: bytes) -> DataManifest:
    """A data folder's manifest. ValueError, KeyError, TypeError or AttributeError where it has another schema."""
    manifest = json.loads(content)
    return DataManifest(
        sha256=hashlib.sha256(content).hexdigest(),
        source=str(manifest.get("source")),
        source_pin=str(manifest.get("source_pin")),
        files={name: entry["sha256"] for name, entry in manifest["files"].items()},
        rows={name: int(entry["rows"]) for name, entry in manifest["files"].items()},
    )


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is none, or something else."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def check_recipe_records(params: Params, paths: Paths) -> list[str]:
    """Sentences on intermediate trainings whose record is of another recipe than params.yaml's of that name."""
    return list(_other_recipes(params, paths))


def _other_recipes(params: Params, paths: Paths) -> Iterator[str]:
    for name in params.grid.recipes:
        wanted = _identity(params.recipes[name])
        for seed in params.grid.seeds_of(name):
            inputs = read_record(paths.intermediate(name, seed)).get("inputs")
            made = inputs.get("recipe") if isinstance(inputs, dict) else None
            if not isinstance(made, dict) or "tasks" not in made:
                continue
            found = {
                "recipe": made.get("recipe", name),
                "tasks": sorted(map(str, made["tasks"])) if isinstance(made["tasks"], dict | list) else made["tasks"],
                "mlm": bool(made.get("mlm")),
                "translated": made.get("translated") or [],
            }
            expected = {"recipe": name, **wanted}
            other = [
                f"{key} {found[key]!r} and not {expected[key]!r}"
                for key in expected
                if key in made and found[key] != expected[key]
            ]
            if other:
                yield (
                    f"expected the record of intermediate {name}-{seed} to be of params.yaml's recipe `{name}`,"
                    f" found {', '.join(other)}; run `dvc repro`"
                )
                break


def _identity(recipe: Recipe) -> dict[str, Any]:
    return {"tasks": sorted(recipe.tasks), "mlm": recipe.mlm, "translated": recipe.translated}
