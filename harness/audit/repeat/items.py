"""How many items of a cell came out otherwise than in another cell: from what cells keep of every item."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from harness.metrics.metric import Items
from harness.project.errors import HarnessError
from harness.project.paths import Paths
from harness.project.pinned import kept_files_name
from harness.project.records import gunzip
from harness.project.results import kept_name

Outcomes = Mapping[str, Items]
"""Language -> how each item of its test rows came out."""


def read_items(path: Path) -> Outcomes | None:
    """The test items that a cell keeps; None where there is no such file. HarnessError for one of another form."""
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(gunzip(path.read_bytes()))["test"]
        for items in found.values():
            _by_item(items)
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, HarnessError) as error:
        raise HarnessError(
            f"expected what a cell keeps of its items in {path}, found another form ({error!r:.100})",
            fix=f"delete {path.parent} and run `dvc repro`, or where it is pinned, restore it with `git checkout`",
        ) from None


def kept_items(paths: Paths, holds: Literal["run", "pinned"], cell: str) -> Outcomes | None:
    """What a cell of the run, or of the pinned results, keeps of its test items; else as `read_items`."""
    if holds == "pinned":
        return read_items(paths.pinned / kept_files_name("items", cell))
    return read_items(paths.cells / cell / kept_name("items"))


def share_apart(one: Outcomes, other: Outcomes) -> float | None:
    """Mean over languages of the share of items that came out otherwise; None where the two have other languages.

    An item came out otherwise where any of its counts is another. Mined pairs are listed by source sentence, only those
    with a pair; one that only one side lists came out otherwise.
    """
    if set(one) != set(other) or not one:
        return None
    shares = []
    for language in one:
        first, second = _by_item(one[language]), _by_item(other[language])
        names = {**first, **second}
        shares.append(sum(first.get(name) != second.get(name) for name in names) / max(len(names), 1))
    return sum(shares) / len(shares)


def _by_item(items: Items) -> dict[Any, tuple[Any, ...]]:
    """Item (its id, or its place) -> its counts."""
    counts = list(zip(*(values for name, values in items.items() if name != "id"), strict=True))
    return dict(zip(items.get("id", range(len(counts))), counts, strict=True))
