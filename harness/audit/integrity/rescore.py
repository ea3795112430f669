"""Level V0: do a result's metrics follow from its stored predictions and the gold rows?

Every prediction file is scored again by the code that scored it first (harness.metrics.scoring), so a number in a
result can be trusted without trusting who wrote it down; so are dev predictions, where a cell keeps them
(harness.audit.integrity.kept). That the test pairs are those which a mining threshold left can't be seen: the pairs
below it are not kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.audit.integrity.gold import Gold, find_gold, is_built
from harness.audit.integrity.kept import Answered, check_kept
from harness.audit.integrity.rows import max_rows
from harness.experiment.inputs import fingerprint
from harness.metrics.metric import Row
from harness.metrics.scoring import metric, score
from harness.project.errors import HarnessError, name_some
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import gunzip
from harness.project.results import DECIMALS, Kept, Result

Scores = Mapping[str, Mapping[str, float]]
TOLERANCE_POINTS = 1e-9
"""Results keep ten decimals; the same predictions give the same sums, so nothing else may differ."""


@dataclass
class Rescored:
    """What re-scoring found."""

    cells: int = 0
    """Cells that were scored again."""
    problems: list[str] = field(default_factory=list)
    """Results that don't follow from their predictions, in sentences."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Cell with predictions in its result -> why it was not scored again."""
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Target -> rows that were scored, of so many that its data has, in all languages, where these are not all."""
    texts: dict[str, int] = field(default_factory=dict)
    """Target that is mined -> sentences of each text beside those of gold pairs, where texts were cut."""

    dev: set[str] = field(default_factory=set)
    """Cells whose dev scores were computed again, from the dev predictions that they keep and the dev rows."""

    def cut(self) -> list[str]:
        """The targets of which only a part was scored, in words."""
        rows = [f"{target} {scored:,} of {there:,} rows" for target, (scored, there) in self.rows.items()]
        texts = [f"{target} in texts of gold pairs and {others:,} others" for target, others in self.texts.items()]
        return rows + texts


class Rescorer:
    """Scores results again; remembers what it has scored, so that pinned copies of a run's predictions cost nothing."""

    def __init__(self, params: Params, paths: Paths, here: Paths | None = None) -> None:
        """`here`: a checkout whose built gold rows serve too, where an archive at `paths` has none."""
        self._params, self._paths, self._here = params, paths, here
        self._known: dict[tuple[str, ...], dict[str, dict[str, float]]] = {}
        self._kept: dict[str, list[str]] = {}
        self._dev: set[str] = set()
        self._rows: dict[tuple[str, ...], tuple[int, int]] = {}

    def rescore(
        self, results: Mapping[str, Result], where: Callable[[Result], Path], kept_at: Callable[[Result, Kept], Path]
    ) -> Rescored:
        """Score every result with predictions again; `where` gives the file of predictions, `kept_at` what is kept
        beside it.
        """
        found = Rescored()
        kept = {name: result for name, result in results.items() if result.predictions and where(result).is_file()}
        lost = [name for name, result in results.items() if result.predictions and name not in kept]
        found.left_out |= dict.fromkeys(lost, "predictions are not kept here, only their hashes")
        for name in list(kept):
            try:
                max_rows(kept[name])
            except HarnessError as error:
                found.problems.append(str(error).rstrip("."))
                del kept[name]
        found.problems += self.without_rows({name: results[name] for name in lost}, kept_at)
        for (target, data), members in _by_gold(kept).items():
            new = [one for one in members.values() if _key(one) not in self._known or _kept_key(one) not in self._kept]
            try:
                gold = self._gold(target, data) if new else None
                rows = {language: gold.rows(language) for language in gold.files} if gold else {}
                with_dev = gold if any("dev" in result.kept for result in new) else None
                dev_rows = (
                    {language: with_dev.dev_rows(language) for language in with_dev.dev_files} if with_dev else {}
                )
            except (HarnessError, OSError) as error:
                found.left_out |= dict.fromkeys(members, _words(error))
                found.problems += self.without_rows(members, kept_at)
                continue
            answered = Answered(gold, rows, dev_rows) if gold else None
            for name, result in members.items():
                self._one(name, result, where(result), gold, rows, found)
                self._check_kept(name, result, where(result), kept_at, answered, found)
        return found

    def without_rows(self, results: Mapping[str, Result], kept_at: Callable[[Result, Kept], Path]) -> list[str]:
        """Sentences on cells that can't be scored again and that keep what doesn't give their result."""
        found = Rescored()
        for name, result in results.items():
            self._check_kept(name, result, None, kept_at, None, found)
        return found.problems

    def _check_kept(
        self,
        name: str,
        result: Result,
        predictions: Path | None,
        kept_at: Callable[[Result, Kept], Path],
        answered: Answered | None,
        found: Rescored,
    ) -> None:
        files = {kept: path for kept in result.kept if (path := kept_at(result, kept)).is_file()}
        if not files:
            return
        key = _kept_key(result)
        if key not in self._kept:
            self._kept[key] = check_kept(result, files, predictions, answered, max_rows(result))
            if answered and "dev" in files and not self._kept[key]:
                self._dev.add(key)
        if key in self._dev:
            found.dev.add(name)
        if self._kept[key]:
            found.problems.append(
                f"expected what cell {name} keeps to follow from its predictions and to give its result, found"
                f" {name_some(self._kept[key])}; {_mend(name)}"
            )

    def _gold(self, target: str, data_sha256: str) -> Gold:
        if self._here and data_sha256 and is_built(target, data_sha256, self._here):
            return find_gold(target, data_sha256, self._params, self._here)
        return find_gold(target, data_sha256, self._params, self._paths)

    def has_gold(self, result: Result) -> bool:
        """Do the gold rows that the cell names lie in the checkout here?"""
        data = result.inputs.get("data", "")
        return bool(self._here and data and is_built(result.cell.target, data, self._here))

    def _one(
        self,
        name: str,
        result: Result,
        path: Path,
        gold: Gold | None,
        rows: Mapping[str, list[Row]],
        found: Rescored,
    ) -> None:
        key = _key(result)
        if gold and key not in self._known:
            try:
                _check_settings(result)
                self._known[key] = recompute(path.read_bytes(), result.cell.target, gold, rows, max_rows(result))
            except (HarnessError, OSError) as error:
                found.problems.append(f"cell {name} can't be scored again: {_words(error)}; {_mend(name)}")
                return
        found.cells += 1
        if gold and not metric(gold.metric).pairs:
            counts = [(len(known[: max_rows(result)]), len(known)) for known in rows.values()]
            self._rows[key] = sum(scored for scored, _ in counts), sum(there for _, there in counts)
        others = _settings(result).get("max_others")
        if isinstance(others, int):
            found.texts[result.cell.target] = min(others, found.texts.get(result.cell.target, others))
        scored, there = self._rows.get(key, (0, 0))
        if scored < there:
            found.rows[result.cell.target] = min((scored, there), found.rows.get(result.cell.target, (scored, there)))
        differing = differences(result.scores, self._known[key])
        if differing:
            found.problems.append(
                f"expected the metrics of cell {name} to follow from its predictions,"
                f" found {name_some(differing)}; {_mend(name)}"
            )


def _settings(result: Result) -> dict[str, Any]:
    """A result's own settings of its target, as far as they are there."""
    params = result.provenance.get("params")
    settings = params.get("settings") if isinstance(params, dict) else None
    return settings if isinstance(settings, dict) else {}


def _key(result: Result) -> tuple[str, ...]:
    """What re-scoring a result depends on."""
    predictions = result.predictions.sha256 if result.predictions else ""
    return result.cell.target, result.inputs.get("data", ""), predictions, str(max_rows(result))


def _kept_key(result: Result) -> str:
    """What the check of what a cell keeps depends on."""
    return result.model_dump_json(exclude={"provenance", "elapsed_s"}) + str(max_rows(result))


def _mend(name: str) -> str:
    return f"delete the folder of cell {name} and run `dvc repro`"


def _words(error: Exception) -> str:
    text = error.message if isinstance(error, HarnessError) else str(error)
    return text.rstrip(".")


def _by_gold(results: Mapping[str, Result]) -> dict[tuple[str, str], dict[str, Result]]:
    """Results by target and the data they name: gold rows are read once and not kept for long."""
    groups: dict[tuple[str, str], dict[str, Result]] = {}
    for name, result in results.items():
        groups.setdefault((result.cell.target, result.inputs.get("data", "")), {})[name] = result
    return groups


def _check_settings(result: Result) -> None:
    """HarnessError unless the settings that a result shows are those whose sha256 (of canonical JSON) it names."""
    settings, named = result.provenance.get("params"), result.inputs.get("params")
    if settings is None or named is None:
        return
    found = fingerprint(settings)
    if found != named:
        raise HarnessError(f"expected the settings with sha256 {named:.12}... in its provenance, found {found:.12}...")


def recompute(
    packed: bytes, target: str, gold: Gold, rows: Mapping[str, list[Row]], max_rows: int | None
) -> dict[str, dict[str, float]]:
    """Metrics by language, in points, of a file of predictions, by `rows` (language -> gold rows).

    Raises HarnessError where the file doesn't hold predictions of this target, one for each of these gold rows.
    """
    try:
        content = json.loads(gunzip(packed))
        task, by_language = content["task"], dict(content["languages"])
        answered = {language: (entry["data_sha256"], entry["predictions"]) for language, entry in by_language.items()}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HarnessError(f"expected predictions by language, found another form ({error!r})") from None
    if task != target or set(answered) != set(gold.files):
        raise HarnessError(
            f"expected predictions of {target} in {', '.join(gold.files)}, found {task} in {', '.join(answered)}"
        )
    scores = {}
    for language, (sha256, predictions) in answered.items():
        if sha256 != gold.files[language]:
            raise HarnessError(
                f"expected answers to the gold rows of {target}, {language}, with sha256 {gold.files[language]:.12}...,"
                f" found answers to {sha256!s:.12}..."
            )
        # Mined pairs answer all gold pairs; the limit is one on rows that are predicted.
        wanted = rows[language] if metric(gold.metric).pairs else rows[language][:max_rows]
        try:
            found = score(gold.metric, wanted, predictions, language)
        except (HarnessError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise HarnessError(
                f"expected one prediction for each of {len(wanted)} gold rows of {target}, {language}, found: {error}"
            ) from None
        scores[language] = {name: round(value, DECIMALS) for name, value in found.items()}
    return scores


def differences(stated: Scores, recomputed: Scores) -> list[str]:
    """Phrases on every metric that is not what was recomputed: language, metric, both numbers in points."""
    return list(_differences(stated, recomputed))


def _differences(stated: Scores, recomputed: Scores) -> Iterator[str]:
    for language in [*recomputed, *(language for language in stated if language not in recomputed)]:
        old, new = stated.get(language, {}), recomputed.get(language, {})
        for number in [*new, *(number for number in old if number not in new)]:
            a, b = old.get(number), new.get(number)
            if a is None or b is None or not abs(a - b) <= TOLERANCE_POINTS:
                yield f"{number} of {language} stated as {_points(a)}, recomputed {_points(b)}"


def _points(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6f}"
