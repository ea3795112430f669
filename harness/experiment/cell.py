"""One cell: checkpoint -> target training -> zero-shot predictions per language -> scores -> result.json.

A pure function of (code, params, data, weights, seed): no network, one folder written, result.json last.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from harness import metrics
from harness.data.folder import has_split, languages, read_manifest, read_split
from harness.experiment.inputs import ENCODER_FILES, read_target
from harness.experiment.planted import plant, planted_points
from harness.experiment.training.checkpoints import read_checkpoint_record, weights_of
from harness.experiment.training.loop import Diverged, train
from harness.experiment.training.prepare import (
    TrainingTask,
    collapse_reasons,
    dev_scores,
    fingerprint,
    predict_split,
    prepare,
)
from harness.metrics import scoring
from harness.metrics.xtreme import task_score
from harness.model import determinism
from harness.model.encoder import load_encoder, on_device
from harness.model.forward import Encoder
from harness.model.predict import embed
from harness.model.tokenizer import load_tokenizer, token_id
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import Params, Planted, Retrieval, Training
from harness.project.paths import Paths
from harness.project.progress import progress
from harness.project.provenance import provenance
from harness.project.results import (
    SCHEMA_VERSION,
    Cell,
    CurvePoint,
    Oracle,
    PredictionsFile,
    Result,
    Status,
    write_result,
)
from harness.project.tasks import Task, load_task

PREDICTIONS = "predictions.json.gz"
SETTINGS = ("evaluation", "compute", "settings")
"""The parts of a resolved target that are settings."""


@dataclass
class Findings:
    """What a cell finds on its way to a result."""

    status: Status = "ok"
    reasons: list[str] = field(default_factory=list)
    oracle: dict[str, Oracle] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    dev_scores: dict[str, float] = field(default_factory=dict)
    curve: list[CurvePoint] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    dev_by_language: dict[str, dict[str, float]] = field(default_factory=dict)
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
    checkpoint = read_checkpoint_record(paths.checkpoint(cell.recipe, cell.seed))
    reasons = _why_unavailable(task, checkpoint, paths)
    if reasons:
        found = Findings(status="unavailable", reasons=reasons)
        weights_sha256 = checkpoint["weights_sha256"] or ""
    else:
        found, weights_sha256 = _find(task, cell, params, paths)
        if checkpoint.get("planted") and found.status != "failed":
            _plant(found, checkpoint["planted"], task, cell, params, paths)
    scored = found.status not in ("failed", "unavailable")
    result = Result(
        schema_version=SCHEMA_VERSION,
        profile=params.profile,
        cell=cell,
        status=found.status,
        reasons=found.reasons,
        left_out=checkpoint.get("left_out", {}),
        score=round(task_score(task.group or "", found.scores), 10) if scored else None,
        scores=found.scores,
        dev_scores=_rounded(found.dev_scores),
        dev_by_language={language: _rounded(values) for language, values in found.dev_by_language.items()},
        oracle=found.oracle,
        curve=found.curve,
        counts=found.counts,
        predictions=_write_predictions(folder, cell.target, found.predictions) if found.predictions else None,
        inputs=cell_inputs(resolved, weights_sha256, checkpoint),
        provenance={
            **provenance(
                paths.root, device=determinism.device_name(params.compute.device), threads=params.compute.threads
            ),
            "params": {name: resolved[name] for name in SETTINGS},
        },
        elapsed_s=round(time.monotonic() - began, 3),
    )
    write_result(folder, result)
    return result


def _find(task: Task, cell: Cell, params: Params, paths: Paths) -> tuple[Findings, str]:
    """Load encoder and checkpoint, then train and predict, or retrieve; also the sha256 of the checkpoint's weights."""
    seed = determinism.derive(cell.seed, "target", cell.target)
    determinism.set_up(seed, params.compute.threads)
    weights, weights_sha256 = weights_of(paths.checkpoint(cell.recipe, cell.seed), paths)
    encoder = on_device(load_encoder(paths.encoder, weights), params.compute)
    run = _retrieve if task.head == "retrieval" else _train_and_predict
    tokenizer = load_tokenizer(paths.encoder)
    return run(task, paths.data(cell.target), encoder, tokenizer, params, seed, cell), weights_sha256


def _why_unavailable(task: Task, checkpoint: dict[str, Any], paths: Paths) -> list[str]:
    """Why there is nothing to train or predict here, in sentences; empty: there is."""
    reasons: list[str] = list(checkpoint.get("unavailable", []))
    target_lacks = read_manifest(paths.data(task.name)).unavailable
    if target_lacks:
        reasons.append(f"{task.title}: {target_lacks}")
    reasons += [
        f"the translated training rows of {name} share articles with the test rows of {task.name}"
        for name, targets in checkpoint.get("overlaps", {}).items()
        if task.name in targets
    ]
    return reasons


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 10) for name, value in values.items()}


def _plant(
    found: Findings, effects: list[dict[str, Any]], task: Task, cell: Cell, params: Params, paths: Paths
) -> None:
    """Change the predictions until every language's score has moved by what was planted in the recipe."""
    planted = [Planted(**effect) for effect in effects]
    pairs = task.metric == "mining_f1"
    for language, kept in found.predictions.items():
        rows = read_split(paths.data(cell.target), "test_gold" if pairs else "test", language)
        rows = rows if pairs else rows[: params.evaluation.max_rows]
        points = planted_points(planted, cell, language)
        seed = determinism.derive(cell.seed, "planted rows", cell.recipe, cell.target, language)
        kept["predictions"] = plant(task.metric, rows, kept["predictions"], language, points, seed)
        found.scores[language] = _rounded(scoring.score(task.metric, rows, kept["predictions"], language))


def cell_inputs(resolved: dict[str, Any], weights_sha256: str, checkpoint: dict[str, Any]) -> dict[str, str]:
    """sha256 of everything that goes into a cell, by name, from its resolved target and its checkpoint."""
    planted = {"planted": fingerprint(checkpoint["planted"])} if checkpoint.get("planted") else {}
    return {
        "params": fingerprint({name: resolved[name] for name in SETTINGS}),
        "code": fingerprint(resolved["code"]),
        "data": resolved["data_sha256"],
        "checkpoint": weights_sha256,
        **{name: resolved["encoder_sha256"][file] for name, file in ENCODER_FILES.items()},
        **planted,
    }


def inputs_here(cell: Cell, params: Params, paths: Paths) -> dict[str, str]:
    """What a cell run now would be made from, as its result's `inputs` say it."""
    checkpoint = paths.checkpoint(cell.recipe, cell.seed)
    record = read_checkpoint_record(checkpoint)
    weights_sha256 = weights_of(checkpoint, paths)[1] if record["weights_sha256"] else ""
    return cell_inputs(read_target(cell.target, params, paths), weights_sha256, record)


def _train_and_predict(
    task: Task,
    data: Path,
    encoder: Encoder,
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
    schedule = ready.schedule(params.compute.micro_batch)
    found.counts = {"train_examples": len(ready.features.items), "steps": schedule.steps}
    found.counts |= {f"train_{name}": count for name, count in sorted(ready.features.counts.items())}
    others = [language for language in languages(data, "dev") if language != ready.source_language]
    watch = _Watch(ready, encoder, tokenizer, params, others)
    with progress(f"cell {cell.id}", schedule.steps) as advance:
        try:
            trained = train(
                encoder,
                [ready.stream()],
                schedule,
                seed=seed,
                pad=token_id(tokenizer, encoder.family.tokens.pad),
                evaluate=watch,
                advance=advance,
            )
        except Diverged as diverged:
            found.status, found.curve, found.reasons = "failed", diverged.curve, [str(diverged)]
            return found
    found.curve = trained.curve
    found.counts |= {"steps": trained.stopped, "steps_used": trained.step}
    found.oracle = watch.oracle(trained.step)
    source = ready.source_language
    dev = predict_split(ready, encoder, tokenizer, "dev", [source], params.evaluation)[source]
    found.dev_scores = scoring.score(task.metric, dev.rows, dev.predictions, source)
    found.reasons = collapse_reasons(task, trained, dev.rows, dev.predictions)
    found.status = "collapsed" if found.reasons else "ok"
    found.dev_by_language = dev_scores(ready, encoder, tokenizer, params.evaluation, others)
    tested = predict_split(ready, encoder, tokenizer, "test", languages(data, "test"), params.evaluation)
    for language, test in tested.items():
        for name, count in sorted(test.counts.items()):
            found.counts[f"test_{name}"] = found.counts.get(f"test_{name}", 0) + count
        scores = scoring.score(task.metric, test.rows, test.predictions, language)
        found.keep(language, data / f"test.{language}.jsonl", test.predictions, scores)
    return found


class _Watch:
    """Scores the dev set during training, and beside it, for the record only, those of the target languages."""

    def __init__(
        self,
        ready: TrainingTask,
        encoder: Encoder,
        tokenizer: Tokenizer,
        params: Params,
        others: Sequence[str],
    ) -> None:
        self.task, self.others = ready.task, others
        self.seen: dict[str, dict[int, float]] = {language: {} for language in others}
        self.source = ready.source_language
        self._score = partial(
            dev_scores, ready, encoder, tokenizer, params.evaluation, limit=ready.training.evaluation_rows
        )

    def __call__(self, step: int) -> tuple[dict[str, float], float]:
        metrics = self._score([self.source, *self.others])
        for language in self.others:
            self.seen[language][step] = scoring.headline(self.task.metric, metrics[language])
        return metrics[self.source], scoring.headline(self.task.metric, metrics[self.source])

    def oracle(self, used: int) -> dict[str, Oracle]:
        """What choosing by each language's own dev set would have given; empty where nothing was evaluated."""
        found = {}
        for language, values in self.seen.items():
            if used in values:
                best = max(values, key=lambda step: values[step])  # the earliest of equals
                found[language] = Oracle(used=values[used], best=values[best], best_step=best)
        return found


def _retrieve(
    task: Task,
    data: Path,
    encoder: Encoder,
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
        found.status, found.reasons = "failed", ["the checkpoint's weights are not finite numbers"]
        return found
    pad, limit = token_id(tokenizer, encoder.family.tokens.pad), params.evaluation.max_rows

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

    def mine(split: str, language: str) -> list[list[Any]]:
        sides = [read_split(data, f"{split}_{side}", language) for side in ("source", "target")]
        source, target = (vectors([row["text"] for row in rows]) for rows in sides)
        pairs = metrics.mine_rows(sides[0], source, sides[1], target, settings.neighbours)
        return [[left, right, round(value, 7)] for left, right, value in pairs]

    tuned = languages(data, "dev_gold") if has_split(data, "dev_gold") else []
    for language in languages(data, "test_gold"):
        mined = mine("test", language)
        if language in tuned:  # the threshold comes from the dev texts, as XTREME has it
            on_dev = scoring.tuned_threshold(mine("dev", language), read_split(data, "dev_gold", language))
            found.dev_by_language[language] = {"f1": on_dev.f1}
            mined = [list(pair) for pair in metrics.pairs_above([tuple(row) for row in mined], on_dev.threshold)]
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
