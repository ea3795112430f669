"""A task's folder of rows -> what the loop trains on and what the cell scores: labels, features, head, dev scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from harness.data.folder import read_manifest, read_split
from harness.experiment.training.loop import Schedule, Stream, Trained
from harness.metrics import scoring
from harness.model import determinism
from harness.model.batching import training_batches
from harness.model.features import Features, Row, featurise
from harness.model.forward import Encoder
from harness.model.heads import Head, new_head
from harness.model.predict import logits_of, predictions_of
from harness.model.tokenizer import token_id
from harness.project.errors import HarnessError
from harness.project.params import Evaluation, Training
from harness.project.tasks import TRANSLATED, Task

CHANCE_MARGIN = 1.0
"""A dev score must beat the best constant answer by this many points to count as learnt."""


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
        batches = partial(training_batches, self.features.items, self.training.batch_size)
        tokens = {token for item in self.features.items for ids in item.inputs for token in ids}
        return Stream(self.task.name, self.head, batches, weight, tokens)

    @property
    def steps(self) -> int:
        """Optimiser steps of the task's own epochs."""
        return max(1, round(self.training.epochs * len(self.features.items) / self.training.batch_size))

    def schedule(
        self, micro_batch: int | None, steps: int | None = None, learning_rate: float | None = None
    ) -> Schedule:
        """The optimiser's settings; a recipe may set the steps and the learning rate."""
        chosen = self.training
        return Schedule(
            steps=steps or self.steps,
            learning_rate=learning_rate or chosen.learning_rate,
            warmup_proportion=chosen.warmup_proportion,
            weight_decay=chosen.weight_decay,
            adam_epsilon=chosen.adam_epsilon,
            max_gradient_norm=chosen.max_gradient_norm,
            evaluate_every=chosen.evaluate_every,
            patience=chosen.patience,
            keep=chosen.keep,
            micro_batch=micro_batch,
        )


def prepare(
    task: Task,
    folder: Path,
    training: Training,
    encoder: Encoder,
    tokenizer: Tokenizer,
    seed: int,
    translated: Sequence[str] = (),
) -> TrainingTask:
    """Read the task's training rows (`translated`: the machine-translated ones of these languages), make features and
    a new head.

    Raises HarnessError if the encoder has fewer positions than the task's max_length.
    """
    if training.max_length > encoder.max_length:
        raise HarnessError(
            f"expected max_length of `{task.name}` at most {encoder.max_length}, the encoder's longest input,"
            f" found {training.max_length}",
            fix="lower max_length of the task, or raise encoder.architecture.max_length, in params.yaml",
        )
    language = read_manifest(folder).source_language
    rows = (translated_rows(folder, translated) if translated else read_split(folder, "train", language))[
        : training.max_examples
    ]
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
    tokens = encoder.family.tokens
    features = featurise(task.head, rows, tokenizer, tokens, training.max_length, training.doc_stride, labels)
    return TrainingTask(task, folder, language, labels, training, head, features)


def translated_rows(folder: Path, languages: Sequence[str]) -> list[Row]:
    """The machine-translated rows: row i in the i-th language in turn, so that parallel files give every row once.

    A recipe then trains on as many rows, and takes as many steps, as in the source language.
    """
    columns = [read_split(folder, TRANSLATED, language) for language in languages]
    longest = max(map(len, columns))
    turns = ((columns[i % len(columns)], i) for i in range(longest))
    return [rows[i] for rows, i in turns if i < len(rows)]


def labels_of(task: Task, rows: Sequence[Row]) -> list[Any]:
    """The task's labels in the order of the logits: as declared, else the tags of the training rows, sorted."""
    if task.labels is not None:
        return list(task.labels)
    if task.kind == "tagging":
        return sorted({tag for row in rows for tag in row["tags"]})
    return []


@dataclass(frozen=True)
class Predicted:
    """What a model says of one language's rows."""

    rows: list[Row]
    """Gold rows."""
    predictions: list[Any]
    """One for each row, in the same order."""
    counts: Counter[str]
    """Inputs that were truncated or split."""


def predict_split(
    ready: TrainingTask,
    encoder: Encoder,
    tokenizer: Tokenizer,
    split: str,
    languages: Sequence[str],
    settings: Evaluation,
    limit: int | None = None,
) -> dict[str, Predicted]:
    """Language -> its rows (the first `limit`, else `max_rows`) and their predictions.

    Inputs of all languages share forward passes, so that each pass holds inputs of about one length.
    """
    training, tokens, rows, features = ready.training, encoder.family.tokens, {}, {}
    for language in languages:
        rows[language] = read_split(ready.folder, split, language)[: limit or settings.max_rows]
        features[language] = featurise(
            ready.task.head, rows[language], tokenizer, tokens, training.max_length, training.doc_stride, ready.labels
        )
    items = [item for each in features.values() for item in each.items]
    logits = iter(logits_of(encoder, ready.head, items, token_id(tokenizer, tokens.pad), settings.batch_tokens))
    found = {}
    for language, each in features.items():
        own = list(islice(logits, len(each.items)))
        predictions = predictions_of(own, ready.task.head, each, rows[language], ready.labels, settings)
        found[language] = Predicted(rows[language], predictions, each.counts)
    return found


def dev_scores(
    ready: TrainingTask,
    encoder: Encoder,
    tokenizer: Tokenizer,
    settings: Evaluation,
    languages: Sequence[str],
    limit: int | None = None,
) -> dict[str, dict[str, float]]:
    """Language -> metrics of its dev split, in points."""
    found = predict_split(ready, encoder, tokenizer, "dev", languages, settings, limit)
    return {
        language: scoring.score(ready.task.metric, dev.rows, dev.predictions, language)
        for language, dev in found.items()
    }


def collapse_reasons(task: Task, trained: Trained | None, rows: Sequence[Row], predictions: Sequence[Any]) -> list[str]:
    """Why a model counts as collapsed, in sentences, from its dev predictions and its training; empty: it learnt.

    `trained`: None for a task of a mixture, whose loss goes up and down with the task that gives the batch. A
    collapsed model stays in every average: leaving it out would make a recipe that collapses often look good.
    """
    reasons = []
    if is_constant(predictions):
        reasons.append("it says the same of every dev row")
    constant = best_constant(task, rows)
    if constant is not None:
        found = scoring.headline(task.metric, scoring.score(task.metric, rows, predictions, ""))
        if found < constant + CHANCE_MARGIN:
            reasons.append(f"dev score {found:.1f}, and always the same answer gives {constant:.1f}")
    if trained and trained.flat:
        first, last = trained.curve[0].loss, trained.curve[-1].loss
        reasons.append(f"its loss did not fall: {first:.3f} to {last:.3f}")
    return reasons


def best_constant(task: Task, rows: Sequence[Row]) -> float | None:
    """Headline of the best answer that is the same for every row; None where the metric has no such level to beat."""
    if not scoring.metric(task.metric).constant_answer or not rows:
        return None
    tags = "tags" in rows[0]
    common = Counter(gold for row in rows for gold in (row["tags"] if tags else [row["label"]]))
    # The most common answer has the best accuracy; with two labels the other one may have the better F1.
    return max(
        scoring.headline(task.metric, scoring.score(task.metric, rows, _always(answer, rows, tags), ""))
        for answer, _ in common.most_common(2)
    )


def _always(answer: Any, rows: Sequence[Row], tags: bool) -> list[Any]:
    return [[answer] * len(row["tags"]) for row in rows] if tags else [answer] * len(rows)


def is_constant(predictions: Sequence[Any]) -> bool:
    """Whether a model says the same thing of everything: one label, one tag, or one answer."""
    flat = (
        [tag for item in predictions for tag in item]
        if predictions and isinstance(predictions[0], list)
        else list(predictions)
    )
    return len(flat) > 1 and len(set(flat)) == 1
