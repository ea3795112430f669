"""One cell: checkpoint -> target training -> zero-shot predictions per language -> scores -> result.json.

A pure function of (code, params, data, weights, seed): no network, one folder written, result.json last.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from harness import metrics, scoring
from harness.data.integrity import sha256_file
from harness.data.reading import languages, read_split
from harness.errors import HarnessError
from harness.model.encoder import load_encoder, load_weights, on_device
from harness.model.predict import embed
from harness.model.tokenizer import PAD, load_tokenizer, token_id
from harness.params import Params, Retrieval, Training
from harness.paths import Paths
from harness.progress import progress
from harness.provenance import provenance
from harness.resolve import ENCODER_FILES, read_target
from harness.results import (
    SCHEMA_VERSION,
    Cell,
    CurvePoint,
    PredictionsFile,
    Result,
    task_score,
    write_result,
)
from harness.tasks import Task, load_task
from harness.training import determinism
from harness.training.checkpoints import weights_of
from harness.training.loop import Diverged, train
from harness.training.prepare import (
    dev_scores,
    fingerprint,
    is_constant,
    predict_split,
    prepare,
)

PREDICTIONS = "predictions.json.gz"
SETTINGS = ("evaluation", "compute", "settings")
"""The parts of a resolved target that are settings."""


@dataclass
class Findings:
    """What a cell finds on its way to a result."""

    status: str = "ok"
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    dev_scores: dict[str, float] = field(default_factory=dict)
    curve: list[CurvePoint] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def keep(self, language: str, gold: Path, predictions: list[Any], scores: dict[str, float]) -> None:
        """Add one language: its predictions with the sha256 of the gold file they answer, and its scores."""
        self.predictions[language] = {"data_sha256": sha256_file(gold), "predictions": predictions}
        self.scores[language] = {name: round(value, 10) for name, value in scores.items()}
        self.counts["rows_predicted"] = self.counts.get("rows_predicted", 0) + len(predictions)


def run_cell(cell: Cell, params: Params, paths: Paths) -> Result:
    """Run one cell and write its folder.

    Raises HarnessError for missing inputs, a checkpoint that does not fit, a full disk.
    """
    began = time.monotonic()
    folder = paths.output.cell(cell.recipe, cell.target, cell.seed)
    shutil.rmtree(folder, ignore_errors=True)
    resolved = read_target(cell.target, params, paths)
    task = load_task(cell.target, paths.tasks)
    seed = determinism.derive(cell.seed, "target", cell.target)
    determinism.set_up(seed, params.compute.threads)
    weights, weights_sha256 = weights_of(paths.checkpoint(cell.recipe, cell.seed), paths)
    encoder = load_encoder(paths.encoder)
    load_weights(encoder, weights)
    on_device(encoder, params.compute.device)
    tokenizer = load_tokenizer(paths.encoder)
    data = paths.data(cell.target)
    inputs = cell_inputs(resolved, weights_sha256)
    run = _retrieve if task.head == "retrieval" else _train_and_predict
    found = run(task, data, encoder, tokenizer, params, seed, cell)
    result = Result(
        schema_version=SCHEMA_VERSION,
        profile=params.profile,
        cell=cell,
        status=found.status,
        score=None if found.status == "failed" else round(task_score(task.group or "", found.scores), 10),
        scores=found.scores,
        dev_scores={name: round(value, 10) for name, value in found.dev_scores.items()},
        curve=found.curve,
        counts=found.counts,
        predictions=_write_predictions(folder, cell.target, found.predictions) if found.predictions else None,
        inputs=inputs,
        provenance={
            **provenance(paths.root, params.compute.device, params.compute.threads),
            "params": {name: resolved[name] for name in SETTINGS},
        },
        elapsed_s=round(time.monotonic() - began, 3),
    )
    write_result(folder, result)
    return result


def cell_inputs(resolved: dict[str, Any], weights_sha256: str) -> dict[str, str]:
    """sha256 of everything that goes into a cell, by name, from its resolved target and its checkpoint's weights."""
    return {
        "params": fingerprint({name: resolved[name] for name in SETTINGS}),
        "code": fingerprint(resolved["code"]),
        "data": resolved["data_sha256"],
        "checkpoint": weights_sha256,
        **{name: resolved["encoder_sha256"][file] for name, file in ENCODER_FILES.items()},
    }


def inputs_here(cell: Cell, params: Params, paths: Paths) -> dict[str, str]:
    """What a cell run now would be made from, as its result's `inputs` say it."""
    return cell_inputs(
        read_target(cell.target, params, paths), weights_of(paths.checkpoint(cell.recipe, cell.seed), paths)[1]
    )


def _train_and_predict(
    task: Task,
    data: Path,
    encoder: XLMRobertaModel,
    tokenizer: Tokenizer,
    params: Params,
    seed: int,
    cell: Cell,
) -> Findings:
    settings = params.target[task.name]
    if not isinstance(settings, Training):
        raise _wrong_settings(task, "how it is trained (learning_rate, batch_size, ...)")
    found = Findings()
    ready = prepare(task, data, settings, encoder, tokenizer, seed)
    schedule = ready.schedule()
    found.counts = {"train_examples": len(ready.features.items), "steps": schedule.steps}
    found.counts |= {f"train_{name}": count for name, count in sorted(ready.features.counts.items())}
    with progress(f"cell {cell.id}", schedule.steps) as advance:
        try:
            found.curve = train(
                encoder,
                [ready.stream()],
                schedule,
                seed=seed,
                pad=token_id(tokenizer, PAD),
                evaluate=lambda: dev_scores(ready, encoder, tokenizer, params.evaluation),
                advance=advance,
            )
        except Diverged as diverged:
            found.status, found.curve = "failed", diverged.curve
            return found
    rows, predictions, _ = predict_split(ready, encoder, tokenizer, "dev", ready.source_language, params.evaluation)
    found.dev_scores = scoring.score(task.metric, rows, predictions, ready.source_language)
    found.status = "collapsed" if is_constant(predictions) else "ok"
    for language in languages(data, "test"):
        rows, predictions, features = predict_split(ready, encoder, tokenizer, "test", language, params.evaluation)
        for name, count in sorted(features.counts.items()):
            found.counts[f"test_{name}"] = found.counts.get(f"test_{name}", 0) + count
        gold = data / f"test.{language}.jsonl"
        found.keep(language, gold, predictions, scoring.score(task.metric, rows, predictions, language))
    return found


def _retrieve(
    task: Task,
    data: Path,
    encoder: XLMRobertaModel,
    tokenizer: Tokenizer,
    params: Params,
    seed: int,
    cell: Cell,
) -> Findings:
    """Retrieval has no training: embeddings of one hidden layer, nearest neighbour or mining."""
    layers, settings = encoder.config.num_hidden_layers, params.target[task.name]
    if not isinstance(settings, Retrieval):
        raise _wrong_settings(task, "how sentences are embedded (layer, pooling, ...)")
    if settings.layer > layers:
        raise HarnessError(
            f"expected target.{task.name}.layer of at most {layers}, the encoder's layers, found {settings.layer}",
            fix=f"lower target.{task.name}.layer in params.yaml",
        )
    found = Findings(counts={"test_truncated": 0})
    checkpoint_is_finite = all(bool(parameter.isfinite().all()) for parameter in encoder.parameters())
    if not checkpoint_is_finite:
        found.status = "failed"
        return found
    pad, limit = token_id(tokenizer, PAD), params.evaluation.max_rows

    def vectors(texts: list[str]) -> Any:
        made, truncated = embed(encoder, tokenizer, texts, settings, pad, params.evaluation.batch_tokens)
        found.counts["test_truncated"] += truncated
        return made[settings.layer]

    if task.kind == "bitext":
        for language in languages(data, "test"):
            rows = read_split(data, "test", language)[:limit]
            # The pivot sentence queries the foreign side (jiant's and the paper's direction).
            nearest = metrics.nearest_neighbour(
                vectors([row["target"] for row in rows]), vectors([row["source"] for row in rows])
            )
            predictions = [int(index) for index in nearest]
            found.keep(
                language,
                data / f"test.{language}.jsonl",
                predictions,
                scoring.score(task.metric, rows, predictions, language),
            )
        return found
    for language in languages(data, "test_gold"):
        sides = [read_split(data, f"test_{side}", language) for side in ("source", "target")]
        source, target = ([row["text"] for row in rows] for rows in sides)
        pairs = metrics.mine_rows(sides[0], vectors(source), sides[1], vectors(target), settings.neighbours)
        mined = [[left, right, round(value, 7)] for left, right, value in pairs]
        gold_rows = read_split(data, "test_gold", language)
        scores = scoring.score(task.metric, gold_rows, mined, language)
        found.keep(language, data / f"test_gold.{language}.jsonl", mined, scores)
    return found


def _wrong_settings(task: Task, expected: str) -> HarnessError:
    return HarnessError(
        f"expected target.{task.name} in params.yaml to say {expected}, found settings of another kind",
        fix=f"copy target.{task.name} from profiles/lab.yaml",
    )


def _write_predictions(folder: Path, task: str, predictions: dict[str, dict[str, Any]]) -> PredictionsFile:
    """Write the predictions, gzip without a time stamp: the same predictions give the same bytes."""
    content = json.dumps({"task": task, "languages": predictions}, ensure_ascii=False, separators=(",", ":"))
    packed = gzip.compress(content.encode(), compresslevel=9, mtime=0)
    path = folder / PREDICTIONS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed)
    except OSError as error:
        raise HarnessError(
            f"expected to write {path}, found: {error.strerror or error}",
            fix="free disk space or make the folder writable, then run the same command again",
        ) from None
    return PredictionsFile(path=PREDICTIONS, sha256=hashlib.sha256(packed).hexdigest())
