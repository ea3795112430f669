"""Names in MLflow: tags of runs, and names of metrics, params and tags that it takes and that sort well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LAYOUT = "2"
"""What a run holds, by number: a run of an older layout is imported again."""
LAYOUT_TAG = "harness.layout"
SHA_TAG = "harness.result_sha256"
KIND_TAG = "harness.kind"
NAME_TAG = "harness.name"
CELL_TAG = "harness.cell"
RECIPE_TAG = "harness.recipe"
STATUS_TAG = "harness.status"
PARENT_TAG = "mlflow.parentRunId"
NOTE_TAG = "mlflow.note.content"
VALUE_LENGTH = 5000
"""Characters kept of a tag or param; MLflow refuses more than 6000 in a param and 8000 in a tag."""


def metric_name(name: str) -> str:
    """`name` with every character that MLflow refuses in a name replaced by an underscore."""
    return re.sub(r"[^/\w.\- ]", "_", name)


def numbered(names: list[str]) -> dict[str, str]:
    """Name -> `01_name`: in MLflow's lists, which are sorted by name, they keep their order here."""
    digits = max(2, len(str(len(names))))
    return {name: f"{number:0{digits}}_{metric_name(name)}" for number, name in enumerate(names, start=1)}


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as dotted names; everything else as text, cut to what MLflow takes."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = metric_name(f"{prefix}{key}")
        nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{name}.") if nested else {name: str(value)[:VALUE_LENGTH]}
    return flat


def source_tags(command: str, origin: Mapping[str, Any]) -> dict[str, str]:
    """The tags by which MLflow shows what made a run, and the commit that it was made at.

    `origin`: a result's provenance.
    """
    tags = {"mlflow.source.name": command, "mlflow.source.type": "LOCAL"}
    if origin.get("git_commit"):
        tags["mlflow.source.git.commit"] = str(origin["git_commit"])
    if origin.get("git_dirty") is not None:
        tags["mlflow.source.git.dirty"] = str(origin["git_dirty"]).lower()
    return tags
