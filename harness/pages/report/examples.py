"""Predictions beside gold rows, of generated data only: rows of real data are not ours to show.

A few test rows of each target, in its first language and its last, with what every recipe predicted at the first seed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.audit.integrity.gold import Gold, find_gold
from harness.audit.subject import Judged
from harness.metrics.scoring import metric
from harness.pages.report.record import Answer, Example
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import pinned_predictions
from harness.project.records import gunzip
from harness.project.results import Result

ROWS = 2
"""Test rows shown of each target and language."""
GIVEN = ("premise", "hypothesis", "sentence1", "sentence2", "question", "context", "tokens", "source")
"""Keys of a row that the model is given, in the order in which they are shown."""
GOLD = ("label", "tags", "answers", "target")
"""Keys that hold the right answer; a row has one of them."""


def examples_of(judged: Judged, recipes: Sequence[str], params: Params, paths: Paths) -> list[Example]:
    """Rows with predictions, target by target; empty where the data is not generated.

    Targets that are mined have no row with one prediction, and are left out.
    """
    if params.data.source != "generated":
        return []
    by_target: dict[str, dict[str, Result]] = {}
    for result in judged.checked.results.values():
        if result.predictions and result.cell.recipe in recipes:
            by_target.setdefault(result.cell.target, {}).setdefault(result.cell.recipe, result)
    found = []
    for target, results in by_target.items():
        try:
            gold = find_gold(target, next(iter(results.values())).inputs.get("data", ""), params, paths)
        except HarnessError:
            continue  # level V0 says why the rows can't be had
        if not metric(gold.metric).pairs:
            answers = {recipe: _predictions(judged, result, paths) for recipe, result in results.items()}
            found += _of_target(target, gold, answers)
    return found


def _predictions(judged: Judged, result: Result, paths: Paths) -> Mapping[str, Sequence[Any]]:
    """language -> predictions; empty where the file is not here or broken, which level V0 tells."""
    assert result.predictions is not None
    place = paths.cells / result.cell.id / result.predictions.path
    if judged.source == "pinned":
        place = pinned_predictions(paths.pinned, result.cell.id)
    try:
        languages = json.loads(gunzip(place.read_bytes()))["languages"]
        return {language: entry["predictions"] for language, entry in languages.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _of_target(target: str, gold: Gold, answers: Mapping[str, Mapping[str, Sequence[Any]]]) -> list[Example]:
    languages = list(gold.files)
    found = []
    for language in dict.fromkeys([languages[0], languages[-1]]):
        rows = [json.loads(line) for line in gold.read(f"{gold.split}.{language}").splitlines()]
        for place in range(min(ROWS, len(rows))):
            row, name = rows[place], str(rows[place].get("id", place))
            given = {field: _text(row[field]) for field in GIVEN if field in row}
            right = next((_right(row[field]) for field in GOLD if field in row), [])
            predicted = {recipe: each[language][place] for recipe, each in answers.items() if language in each}
            texts = {recipe: _words(value, row, rows) for recipe, value in predicted.items()}
            shown = [Answer(recipe=recipe, text=text, is_right=text in right) for recipe, text in texts.items()]
            gold_text = " | ".join(right)
            found.append(
                Example(target=target, language=language, id=name, fields=given, gold=gold_text, answers=shown)
            )
    return found


def _right(value: Any) -> list[str]:
    """The right answers: of a question all that count, else the one."""
    texts = value["text"] if isinstance(value, Mapping) else [value]
    return list(dict.fromkeys(map(_text, texts)))


def _words(value: Any, row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """A prediction in words; of retrieval it is the index of a row, whose sentence is shown."""
    if "target" in row and isinstance(value, int):
        return str(rows[value]["target"]) if 0 <= value < len(rows) else f"row {value}, which there is none of"
    return _text(value)


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
