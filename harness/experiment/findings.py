"""What a cell starts from, and what it finds on its way to a result."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.metrics import scoring
from harness.metrics.metric import Row
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import Params
from harness.project.results import DECIMALS, Cell, CurvePoint, Kept, Oracle, PredictionsFile, Status, kept_name
from harness.project.tasks import Task

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from harness.model.forward import Encoder

PREDICTIONS = "predictions.json.gz"


@dataclass(frozen=True)
class Start:
    """What a cell whose inputs are all there starts from."""

    cell: Cell
    task: Task
    data: Path
    """The task's folder of rows."""
    encoder: Encoder
    """With the weights of the recipe's checkpoint, on its device."""
    tokenizer: Tokenizer
    params: Params
    seed: int
    """Every random draw of the cell follows from it."""

    def wrong_settings(self, expected: str) -> HarnessError:
        """The error for settings of a target that are for another head."""
        name = self.task.name
        return HarnessError(
            f"expected target.{name} in params.yaml to say {expected}, found settings of another kind",
            fix=f"copy target.{name} from profiles/lab.yaml",
        )


@dataclass
class Findings:
    """What a cell finds; the fields without a word here are those of `Result`."""

    status: Status = "ok"
    reasons: list[str] = field(default_factory=list)
    oracle: dict[str, Oracle] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    target_score: float | None = None
    """XTREME's score of the target, in points."""
    dev_scores: dict[str, float] = field(default_factory=dict)
    curve: list[CurvePoint] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    dev_by_language: dict[str, dict[str, float]] = field(default_factory=dict)
    predictions: dict[str, list[Any]] = field(default_factory=dict)
    """Language -> what is predicted of its test rows."""
    gold: dict[str, list[Row]] = field(default_factory=dict)
    """Language -> the rows that the predictions are scored on."""
    gold_sha256: dict[str, str] = field(default_factory=dict)
    """Language -> sha256 of the whole file of these rows."""
    dev_predictions: dict[str, list[Any]] = field(default_factory=dict)
    """Language -> what is predicted of its dev rows at the checkpoint that is used."""
    dev_gold: dict[str, list[Row]] = field(default_factory=dict)
    """Language -> the dev rows that they are scored on."""
    dev_sha256: dict[str, str] = field(default_factory=dict)
    """Language -> sha256 of the whole file of these rows."""
    layers: dict[int, dict[str, dict[str, float]]] = field(default_factory=dict)
    """Hidden layer (0: embeddings) -> language -> metric -> points that a search there gives; of retrieval alone."""

    def stop(self, status: Status, reasons: list[str], curve: list[CurvePoint] | None = None) -> None:
        """Say why there is nothing to predict."""
        self.status, self.reasons, self.curve = status, reasons, curve or []

    def predict(self, language: str, file: Path, rows: list[Row], predictions: list[Any]) -> None:
        """Add one language: its predictions, the gold rows that they answer, and the file of these."""
        self.predictions[language], self.gold[language] = predictions, rows
        self.gold_sha256[language] = sha256_file(file)
        self.count("rows_predicted", len(predictions))

    def predict_dev(self, language: str, file: Path, rows: list[Row], predictions: list[Any]) -> None:
        """The same of a language's dev rows, which are only kept."""
        self.dev_predictions[language], self.dev_gold[language] = predictions, rows
        self.dev_sha256[language] = sha256_file(file)

    def count(self, name: str, more: int) -> None:
        """Add to a count; one that is new starts from 0."""
        self.counts[name] = self.counts.get(name, 0) + more

    def score(self, task: Task) -> None:
        """Score every language's predictions, and the target as XTREME does; nothing where the training failed."""
        if self.status == "failed":
            return
        for language, predictions in self.predictions.items():
            self.scores[language] = rounded(scoring.score(task.metric, self.gold[language], predictions, language))
        # Averaged from the rounded numbers: what is stored gives the score again.
        self.target_score = round(scoring.metric(task.metric).target_score(self.scores), DECIMALS)

    def recorded(self) -> dict[str, Any]:
        """The fields of `Result` that were found here."""
        return {
            "status": self.status,
            "reasons": self.reasons,
            "score": self.target_score,
            "scores": self.scores,
            "dev_scores": rounded(self.dev_scores),
            "dev_by_language": {language: rounded(values) for language, values in self.dev_by_language.items()},
            "oracle": self.oracle,
            "curve": self.curve,
            "counts": self.counts,
        }


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Points as a result stores them."""
    return {name: round(value, DECIMALS) for name, value in values.items()}


def write_predictions(folder: Path, task: str, found: Findings) -> PredictionsFile | None:
    """Write the predictions of test rows; None where there are none. HarnessError where they can't be written."""
    if not found.predictions:
        return None
    content = {"task": task, "languages": _answered(found.predictions, found.gold_sha256)}
    return _write(folder, PREDICTIONS, content)


def write_kept(folder: Path, task: Task, found: Findings) -> dict[Kept, PredictionsFile]:
    """Write what a cell keeps beside its predictions (docs/data.md); raises HarnessError where it can't be written.

    `dev`: the predictions of dev rows; `items`: how each test and dev row came out, as numbers; `layers`: the scores of
    a retrieval target at every hidden layer. A file that would hold nothing is not written.
    """
    if not found.predictions:
        return {}
    parts = {"test": (found.gold, found.predictions), "dev": (found.dev_gold, found.dev_predictions)}
    items = {
        split: {
            language: scoring.items(task.metric, gold[language], answers, language)
            for language, answers in predictions.items()
        }
        for split, (gold, predictions) in parts.items()
    }
    contents: dict[Kept, tuple[bool, dict[str, Any]]] = {
        "dev": (bool(found.dev_predictions), {"languages": _answered(found.dev_predictions, found.dev_sha256)}),
        "items": (any(items["test"].values()), {"metric": task.metric, **items}),
        "layers": (bool(found.layers), {"layers": found.layers}),
    }
    return {
        name: _write(folder, kept_name(name), {"task": task.name, **content})
        for name, (there, content) in contents.items()
        if there
    }


def _answered(predictions: Mapping[str, Any], sha256: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    return {
        language: {"data_sha256": sha256[language], "predictions": answers} for language, answers in predictions.items()
    }


def _write(folder: Path, name: str, content: dict[str, Any]) -> PredictionsFile:
    """Gzip without a time stamp: the same content gives the same bytes."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed)
    except OSError as error:
        raise HarnessError(
            f"expected to write {path}, found: {error.strerror or error}",
            fix="free disk space or make the folder writable, then run the same command again",
        ) from None
    return PredictionsFile(path=name, sha256=hashlib.sha256(packed).hexdigest())
