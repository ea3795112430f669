"""A task's folder of rows -> what the loop trains on and what the cell scores: labels, features, head, dev scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from harness import scoring
from harness.data.integrity import sha256_file
from harness.data.reading import read_manifest, read_split
from harness.data.writing import MANIFEST
from harness.errors import HarnessError
from harness.model.features import Features, Row, featurise
from harness.model.heads import Head, new_head
from harness.model.predict import predict
from harness.model.tokenizer import PAD, token_id
from harness.params import Evaluation, Training
from harness.tasks import Task
from harness.training import determinism
from harness.training.loop import Schedule, Stream


@dataclass(frozen=True)
class TrainingTask:
    """One task made ready to train: its head, its features and how it is scored."""

    task: Task
    folder: Path
    source_language: str
    labels: list[Any]
    training: Training
    head: Head
    features: Features

    def stream(self, weight: float = 1.0) -> Stream:
        """The task as one stream of the loop."""
        return Stream(self.task.name, self.head, self.features.items, self.training.batch_size, weight)

    @property
    def steps(self) -> int:
        """Optimiser steps of the task's own epochs."""
        return max(1, round(self.training.epochs * len(self.features.items) / self.training.batch_size))

    def schedule(self, steps: int | None = None, learning_rate: float | None = None) -> Schedule:
        """The optimiser's settings; a recipe may set the steps and the learning rate."""
        chosen = self.training
        return Schedule(
            steps=steps or self.steps,
            learning_rate=learning_rate or chosen.learning_rate,
            warmup_proportion=chosen.warmup_proportion,
            weight_decay=chosen.weight_decay,
            adam_epsilon=chosen.adam_epsilon,
            max_gradient_norm=chosen.max_gradient_norm,
            evaluations=chosen.evaluations,
        )


def prepare(
    task: Task, folder: Path, training: Training, encoder: XLMRobertaModel, tokenizer: Tokenizer, seed: int
) -> TrainingTask:
    """Read the task's training rows, make features and a new head.

    Raises HarnessError if the encoder has fewer positions than the task's max_length.
    """
    positions = encoder.config.max_position_embeddings - 2
    if training.max_length > positions:
        raise HarnessError(
            f"expected max_length of `{task.name}` at most {positions}, the encoder's longest input,"
            f" found {training.max_length}",
            fix="lower max_length of the task, or raise encoder.architecture.max_length, in params.yaml",
        )
    language = read_manifest(folder).source_language
    rows = read_split(folder, "train", language)[: training.max_examples]
    labels = labels_of(task, rows)
    config = encoder.config
    outputs = len(rows[0]["choices"]) if task.head == "choice" else len(labels)
    head = new_head(
        task.head,
        config.hidden_size,
        outputs,
        config.hidden_dropout_prob,
        determinism.derive(seed, task.name),
        config.initializer_range,
    ).to(encoder.device)
    features = featurise(task.head, rows, tokenizer, training.max_length, training.doc_stride, labels)
    return TrainingTask(task, folder, language, labels, training, head, features)


def labels_of(task: Task, rows: Sequence[Row]) -> list[Any]:
    """The task's labels in the order of the logits: as declared, else the tags of the training rows, sorted."""
    if task.labels is not None:
        return list(task.labels)
    if task.kind == "tagging":
        return sorted({tag for row in rows for tag in row["tags"]})
    return []


def predict_split(
    ready: TrainingTask,
    encoder: XLMRobertaModel,
    tokenizer: Tokenizer,
    split: str,
    language: str,
    settings: Evaluation,
) -> tuple[list[Row], list[Any], Features]:
    """Gold rows (the first `max_rows`), their predictions, and the features with their counts."""
    rows = read_split(ready.folder, split, language)[: settings.max_rows]
    training = ready.training
    features = featurise(ready.task.head, rows, tokenizer, training.max_length, training.doc_stride, ready.labels)
    pad = token_id(tokenizer, PAD)
    return (
        rows,
        predict(encoder, ready.task.head, ready.head, features, rows, ready.labels, pad, settings),
        features,
    )


def dev_scores(
    ready: TrainingTask, encoder: XLMRobertaModel, tokenizer: Tokenizer, settings: Evaluation
) -> dict[str, float]:
    """Metrics of the source language's dev split, in points."""
    rows, predictions, _ = predict_split(ready, encoder, tokenizer, "dev", ready.source_language, settings)
    return scoring.score(ready.task.metric, rows, predictions, ready.source_language)


def is_constant(predictions: Sequence[Any]) -> bool:
    """Whether a model says the same thing of everything: one label, one tag, or one answer."""
    flat = (
        [tag for item in predictions for tag in item]
        if predictions and isinstance(predictions[0], list)
        else list(predictions)
    )
    return len(flat) > 1 and len(set(flat)) == 1


def data_sha256(folder: Path) -> str:
    """Identity of a data folder: the sha256 of its manifest, which holds every file's sha256."""
    read_manifest(folder)  # its error names the stage that makes the folder
    return sha256_file(folder / MANIFEST)


def fingerprint(content: Any) -> str:
    """sha256 of a JSON-able value in canonical form."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
