"""Level V0: does what a cell keeps beside its predictions say the same as its result, and follow from predictions?

Dev scores follow from the dev predictions and the dev rows, and a model that collapsed there says so; every item's
counts follow from predictions and rows; the scores of a result from its items, also where no row is here. The cell's
own layer among the layers says what the result does. Cells that were made before these files existed have none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.audit.integrity.collapse import collapse_reasons, loss_fell
from harness.audit.integrity.gold import Gold
from harness.metrics.metric import Row
from harness.metrics.scoring import items, metric, score
from harness.project.errors import HarnessError, name_some
from harness.project.records import gunzip
from harness.project.results import DECIMALS, Kept, Result

TOLERANCE_POINTS = 1e-9
"""Results keep ten decimals; the same predictions give the same sums, so nothing else may differ."""
ITEMS_TOLERANCE_POINTS = 1e-3
"""Items keep six decimals of a share, so that their mean may differ by as much, in points."""
_MALFORMED = (HarnessError, OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Answered:
    """The rows that the predictions of one target answer."""

    gold: Gold
    """Their files."""
    rows: Mapping[str, list[Row]]
    """Language -> the gold rows of test predictions."""
    dev_rows: Mapping[str, list[Row]]
    """Language -> the same of dev predictions."""


def check_kept(
    result: Result, files: Mapping[Kept, Path], predictions: Path | None, answered: Answered | None, limit: int | None
) -> list[str]:
    """Phrases on what doesn't follow. `files`: those of `result.kept` that are here; `answered`: None where no row is;
    `limit`: so many rows of each file were scored, None: all.
    """
    found: list[str] = []
    try:
        content = {name: _read(path, result) for name, path in files.items()}
        given: dict[str, Scored] = {}
        if answered and predictions and predictions.is_file():
            test = answered.gold.files, answered.rows
            given["test"] = _scored(_read(predictions, result), *test, answered.gold.metric, limit)
        if answered and "dev" in content:
            dev = answered.gold.dev_files, answered.dev_rows
            given["dev"] = _scored(content["dev"], *dev, answered.gold.metric, limit)
            found += _dev_differs(given["dev"], result, answered.gold)
            found += _unsaid_collapse(given["dev"], result, answered.gold)
            found += _said_collapse(given["dev"], result, answered.gold)
        if "items" in content:
            found += _items_differ(content["items"], result)
            if answered:
                found += _made_otherwise(content["items"], given, answered.gold.metric)
        if "layers" in content:
            found += _layers_differ(content["layers"], result)
    except _MALFORMED as error:
        found.append(error.message if isinstance(error, HarnessError) else f"another form ({error!r:.200})")
    return found


def _read(path: Path, result: Result) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gunzip(path.read_bytes()))
    if content["task"] != result.cell.target:
        raise HarnessError(f"{path.name} of {content['task']!s:.40} and not of {result.cell.target}")
    return content


Scored = dict[str, tuple[list[Row], list[Any]]]
"""Language -> the rows that were scored, and what was predicted of them."""


def _scored(
    content: Mapping[str, Any], files: Mapping[str, str], rows: Mapping[str, list[Row]], name: str, limit: int | None
) -> Scored:
    """Predictions beside the rows of these files (language -> sha256); HarnessError where they answer others."""
    languages = dict(content["languages"])
    if set(languages) != set(files):
        raise HarnessError(f"answers in {', '.join(languages)}, where the rows are in {', '.join(files)}")
    found = {}
    for language, entry in languages.items():
        if entry["data_sha256"] != files[language]:
            raise HarnessError(f"answers in {language} to other rows than those here")
        # Mined pairs answer all gold pairs; the limit is one on rows that are predicted.
        there = rows[language] if metric(name).pairs else rows[language][:limit]
        found[language] = (there, list(entry["predictions"]))
    return found


def _dev_differs(dev: Scored, result: Result, gold: Gold) -> Iterator[str]:
    """Every dev score against the one that follows from the dev predictions."""
    stated = dict(result.dev_by_language)
    if result.dev_scores:
        stated[gold.source_language] = result.dev_scores
    for language in {**dev, **stated}:
        again = score(gold.metric, *dev[language], language) if language in dev else {}
        said = stated.get(language, {})
        for number in {**again, **said}:
            a, b = said.get(number), again.get(number)
            if a is None or b is None or not abs(a - round(b, DECIMALS)) <= TOLERANCE_POINTS:
                yield f"dev {number} of {language} stated as {_points(a)}, recomputed {_points(b)}"


def _unsaid_collapse(dev: Scored, result: Result, gold: Gold) -> Iterator[str]:
    """That a trained cell says `ok` where its dev predictions say `collapsed`; retrieval trains nothing."""
    if result.status == "ok" and result.dev_scores and gold.source_language in dev:
        for reason in collapse_reasons(gold.metric, *dev[gold.source_language]):
            yield f"status ok, where the dev predictions in {gold.source_language} mean collapsed ({reason})"


def _said_collapse(dev: Scored, result: Result, gold: Gold) -> Iterator[str]:
    """That a cell says `collapsed` where neither its dev predictions nor the losses that it states do."""
    language = gold.source_language
    doubtful = result.status == "collapsed" and language in dev and loss_fell(result.curve)
    if doubtful and not collapse_reasons(gold.metric, *dev[language]):
        yield f"status collapsed, where the dev predictions in {language} and the stated losses say that it learnt"


def _items_differ(content: Mapping[str, Any], result: Result) -> Iterator[str]:
    """The result's scores, those on dev sets too, against the totals of its items."""
    total = metric(content["metric"]).total
    if total is None or set(content["test"]) != set(result.scores):
        raise HarnessError(f"items of {content['metric']!s:.40} in {', '.join(content['test'])}")
    for split, stated in (("test", result.scores), ("dev", result.dev_by_language)):
        for language in [language for language in content[split] if language in stated]:
            for number, points in total(content[split][language]).items():
                said = stated[language].get(number)
                if said is None or not abs(said - points) <= ITEMS_TOLERANCE_POINTS:
                    words = f"stated as {_points(said)}, by its items {_points(points)}"
                    yield f"{split} {number} of {language} {words}"


def _made_otherwise(content: Mapping[str, Any], given: Mapping[str, Scored], name: str) -> Iterator[str]:
    """Items against those that follow from the predictions that are here."""
    if content["metric"] != name:
        raise HarnessError(f"items of {content['metric']!s:.40} and not of {name}")
    for split, scored in given.items():
        there = content[split]
        again = {language: items(name, rows, answers, language) for language, (rows, answers) in scored.items()}
        other = [language for language in {**again, **there} if again.get(language) != there.get(language)]
        if other:
            yield f"other {split} items in {name_some(other)} than its predictions give"


def _layers_differ(content: Mapping[str, Any], result: Result) -> Iterator[str]:
    """The cell's own layer against the result; a planted effect moves the result alone."""
    if "planted" in result.inputs:
        return
    settings = (result.provenance.get("params") or {}).get("settings") or {}
    own = content["layers"].get(str(settings.get("layer")), {})
    other = [language for language, said in result.scores.items() if own.get(language) != said]
    if other:
        yield f"other scores at its own layer in {name_some(other)} than the result has"


def _points(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6f}"
