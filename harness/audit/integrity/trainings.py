"""Level V0 of pinned results: were all seeds of a recipe trained with the same settings, data and code?

Cells name their checkpoint by hash alone, which differs from seed to seed; what it was trained from stands in the
record of the training, which is pinned beside them.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.project.errors import name_some
from harness.project.pinned import TRAININGS
from harness.project.records import read_json


def mixed_trainings(folder: Path) -> list[str]:
    """Problems, in sentences: recipes of pinned results (`folder`) whose seeds were trained from other inputs."""
    made: dict[str, dict[str, list[str]]] = {}
    problems = []
    for path in sorted((folder / TRAININGS).glob("*.json")):
        try:
            record = read_json(path)["record"]
            recipe, inputs = str(record["recipe"]), json.dumps(record["inputs"], sort_keys=True)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            problems.append(
                f"expected the record of a training in {folder.name}/{TRAININGS}/{path.name}, found {error!r}"
            )
            continue
        made.setdefault(recipe, {}).setdefault(inputs, []).append(path.stem)
    return problems + [
        f"expected every seed of {recipe} trained from the same settings, data, encoder and code, found"
        f" {' and '.join(name_some(names) for names in groups.values())} from others"
        for recipe, groups in made.items()
        if len(groups) > 1
    ]
