"""A recipe as a run in MLflow: the parent of its cells, with their means, which the experiment's charts open on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from harness.exchange.summary import RecipeNumbers, recipe_numbers
from harness.exchange.tracking.entry import Entry, Value
from harness.exchange.tracking.held import Finished
from harness.exchange.tracking.names import NOTE_TAG, RECIPE_TAG, STATUS_TAG, numbered
from harness.project.params import BASELINE
from harness.verify.scores import ScoresTable

GAIN, SCORE, LANGUAGE, SEED, STATUS = "gain", "score", "gain_by_language", "gain_by_seed", "status"
"""What their metrics begin with, the unit being points and cells. MLflow sorts by it and cuts a long name off."""
ALL, WITHOUT_RETRIEVAL = "00_all_targets", "00_without_retrieval"
PRIMARY = f"{GAIN}/{ALL}"
"""The metric by which MLflow compares runs unless it is told otherwise."""


def recipe_entries(cells: Sequence[Finished], table: ScoresTable | None) -> dict[str, Entry]:
    """Recipe -> its run, in the grid's order. Without a sound table of scores it counts cells and shows no score.

    MLflow lists what began last first, so they begin a second apart, after all that they are means of.
    """
    numbers = {each.recipe: each for each in recipe_numbers(table)} if table else {}
    targets = numbered(table.targets) if table else {}
    status: dict[str, Counter[str]] = {recipe: Counter() for recipe in numbers}
    for each in cells:
        status.setdefault(each.result.cell.recipe, Counter())[each.result.status] += 1
    last = max((each.ended_ms for each in cells), default=0)
    return {
        recipe: _entry(numbers.get(recipe, RecipeNumbers(recipe)), found, targets, last + 1000 * place)
        for place, (recipe, found) in enumerate(reversed(status.items()), start=1)
    }


def _entry(of: RecipeNumbers, status: Mapping[str, int], targets: Mapping[str, str], ended_ms: int) -> Entry:
    content = json.dumps([asdict(of), sorted(status.items())], sort_keys=True)
    marked = ", ".join(f"{count} {word}" for word, count in sorted(status.items()) if word != "ok")
    return Entry(
        kind="recipe",
        name=of.recipe,
        title=f"{of.recipe} ({marked})" if marked else of.recipe,
        sha256=hashlib.sha256(content.encode()).hexdigest(),
        ended_ms=ended_ms,
        status="FAILED" if status.get("failed") else "FINISHED",
        tags={
            RECIPE_TAG: of.recipe,
            STATUS_TAG: marked or "ok",
            NOTE_TAG: _note(of, status),
            "mlflow.source.name": "harness track",
            "mlflow.source.type": "LOCAL",
        },
        params={"recipe": of.recipe},
        values=[*_values(of, targets), *(Value(f"{STATUS}/{word}", count) for word, count in sorted(status.items()))],
    )


def _values(of: RecipeNumbers, targets: Mapping[str, str]) -> list[Value]:
    single = {PRIMARY: of.gain_all, f"{GAIN}/{WITHOUT_RETRIEVAL}": of.gain_without_retrieval}
    single |= {f"{GAIN}/{targets[target]}": points for target, points in of.gain.items()}
    single |= {f"{SCORE}/{targets[target]}": points for target, points in of.score.items()}
    single |= {f"{LANGUAGE}/{language}": points for language, points in of.by_language.items()}
    by_seed = [Value(f"{SEED}/all_targets", points, seed) for seed, points in of.by_seed.items()]
    return [*(Value(name, points) for name, points in single.items() if points is not None), *by_seed]


def _note(of: RecipeNumbers, status: Mapping[str, int]) -> str:
    """The run's description, in Markdown."""
    cells = ", ".join(f"{count} {word}" for word, count in sorted(status.items()))
    lines = [f"Recipe `{of.recipe}`: {sum(status.values())} cells ({cells})."]
    if of.recipe == BASELINE:
        lines.append("It is the baseline: no intermediate training. Every gain is against it, at the same seed.")
    elif of.gain_all is not None:
        lines.append(
            f"Mean gain over all targets: **{of.gain_all:+.1f} points**, against `{BASELINE}` at the same seed."
        )
    lines.append("Its metrics are means over seeds; the runs below it are its trainings and cells.")
    return "\n\n".join(lines)
