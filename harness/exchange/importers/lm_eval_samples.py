"""Samples of lm-evaluation-harness as items: a row per document, each with its metrics' values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.exchange.importers.choosing import Found
from harness.exchange.importers.reading import as_object, check_mean, is_number, number, read_text
from harness.project.errors import HarnessError
from harness.project.files import parse_json
from harness.verify.given.rows import GivenItem

HASH_LENGTH = 8
"""Characters of a document's hash in an item's name: methods are paired on the same documents only."""


def samples_beside(results: Path, task: str) -> Path | None:
    """The samples that were written together with a results file: their names end in the same time."""
    stamp = results.stem.removeprefix("results").removeprefix("_")
    path = results.with_name(f"samples_{task}_{stamp}.jsonl")
    return path if path.is_file() else None


def read_items(
    path: Path, found: Found, metric: str, content: Mapping[str, Any], remarks: list[str]
) -> list[GivenItem]:
    """The items of one task; none, and a remark, where the metric is no mean of values from 0 to 1.

    Raises HarnessError where their mean is not the value stated, or a document is there twice.
    """
    name, _, wanted = metric.partition(",")
    rows = [row for row in _rows(path) if row.get("filter", wanted) == wanted]
    values = [row.get(name) for row in rows]
    if _aggregation(content, found.task, name) != "mean" or not all(
        isinstance(v, bool) or is_number(v) for v in values
    ):
        remarks.append(f"{found.task}: no items, since {name} is no mean over them.")
        return []
    numbers = [number(value * 1, f"{name} of {path}") for value in values if value is not None]  # True counts as 1
    check_mean(numbers, found.values[metric], f"{name} of {found.task} in {path}")
    if any(not 0 <= value <= 1 for value in numbers):
        remarks.append(f"{found.task}: no items, since their {name} is not from 0 to 1.")
        return []
    names = [_name(row) for row in rows]
    if len(set(names)) != len(names):
        raise HarnessError(f"expected each document once in {path}, found one twice", fix="evaluate the task again")
    return [
        GivenItem(method=found.method, task=found.task, item=item, right=value, seed=found.seed, split=found.split)
        for item, value in zip(names, numbers, strict=True)
    ]


def _rows(path: Path) -> list[dict[str, Any]]:
    lines = read_text(path).split("\n")
    found = [(f"{path}:{place}", line) for place, line in enumerate(lines, start=1) if line.strip()]
    return [as_object(parse_json(line, where), where) for where, line in found]


def _name(row: Mapping[str, Any]) -> str:
    """The document's number and the start of its hash."""
    return f"{row.get('doc_id')}:{str(row.get('doc_hash'))[:HASH_LENGTH]}"


def _aggregation(content: Mapping[str, Any], task: str, metric: str) -> str:
    """How the program makes a metric's value of its samples'; `mean` where the task's file doesn't say."""
    config = (content.get("configs") or {}).get(task) or {}
    said = [each for each in config.get("metric_list") or [] if each.get("metric") == metric]
    return str(said[0].get("aggregation") or "mean") if said else "mean"
