"""Retrieval: no training, but the nearest neighbours or the mining of sentence embeddings of one hidden layer.

A cell asks at its one layer, `harness layers` at every layer; both do it by the functions here. torch is imported late,
so that a command which only looks can import this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import metrics
from harness.data.folder import has_split, languages, read_split
from harness.experiment.findings import Findings, Start
from harness.metrics import scoring
from harness.metrics.metric import Row
from harness.project.errors import HarnessError
from harness.project.params import Evaluation, Retrieval
from harness.project.tasks import Task

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from harness.model.forward import Encoder

Sides = Mapping[str, tuple[Any, Any]]
"""Split -> something of its queries, and of its candidates."""


@dataclass(frozen=True)
class Search:
    """One language of a retrieval target: what is looked for where, and the gold."""

    file: Path
    """The gold rows' file."""
    gold: list[Row]
    """The pairs that are scored: aligned sentences (bitext), or the ids of those that are translations (mining)."""
    sides: dict[str, tuple[list[Row], list[Row]]]
    """Split -> queries and candidates, each a row with a `text`; `dev` where the threshold of mining is tuned there."""
    dev_gold: list[Row]
    """Gold pairs of `dev`."""

    @property
    def sentences(self) -> int:
        """How many sentences are embedded."""
        return sum(len(rows) for pair in self.sides.values() for rows in pair)


@dataclass(frozen=True)
class Answer:
    """What one language's embeddings give."""

    predictions: list[Any]
    """Bitext: the candidate of each query, by its row. Mining: pairs of ids, with their margin where none is cut."""
    dev: dict[str, float]
    """Mining with dev texts: the F1 there, threshold tuned and scored on the same gold pairs."""


def target_languages(task: Task, data: Path) -> list[str]:
    """The languages that a retrieval target is scored in."""
    return languages(data, "test" if task.kind == "bitext" else "test_gold")


def read_search(task: Task, data: Path, language: str, limit: int | None) -> Search:
    """Read one language of the target's folder; `limit`: the first so many sentence pairs (bitext)."""
    if task.kind == "bitext":
        rows = read_split(data, "test", language)[:limit]
        # The pivot sentence queries the foreign side (jiant's and the paper's direction).
        pivot, foreign = ([{"text": row[side]} for row in rows] for side in ("target", "source"))
        return Search(data / f"test.{language}.jsonl", rows, {"test": (pivot, foreign)}, [])
    tuned = has_split(data, "dev_gold") and language in languages(data, "dev_gold")
    return Search(
        file=data / f"test_gold.{language}.jsonl",
        gold=read_split(data, "test_gold", language),
        sides={
            split: (read_split(data, f"{split}_source", language), read_split(data, f"{split}_target", language))
            for split in (["test", "dev"] if tuned else ["test"])
        },
        dev_gold=read_split(data, "dev_gold", language) if tuned else [],
    )


def embed_sides(
    search: Search,
    encoder: Encoder,
    tokenizer: Tokenizer,
    settings: Retrieval,
    evaluation: Evaluation,
    layers: Sequence[int],
) -> tuple[dict[int, Sides], int]:
    """Hidden layer -> embeddings (sentences, hidden) of every side, and how many sentences were truncated."""
    from harness.model.predict import embed
    from harness.model.tokenizer import token_id

    pad, truncated = token_id(tokenizer, encoder.family.tokens.pad), 0
    found: dict[int, dict[str, tuple[Any, Any]]] = {layer: {} for layer in layers}
    for split, pair in search.sides.items():
        both = []
        for rows in pair:
            texts = [row["text"] for row in rows]
            vectors, cut = embed(encoder, tokenizer, texts, settings, pad, evaluation.batch_tokens, layers)
            both.append(vectors)
            truncated += cut
        for layer in layers:
            found[layer][split] = (both[0][layer], both[1][layer])
    return dict(found), truncated


def answer(task: Task, search: Search, vectors: Sides, settings: Retrieval) -> Answer:
    """Predictions of one language from the embeddings of one layer."""
    if task.kind == "bitext":
        return Answer([int(index) for index in metrics.nearest_neighbour(*vectors["test"])], {})
    mined = _mine(search, "test", vectors, settings)
    if "dev" not in vectors:
        return Answer(mined, {})
    # The threshold comes from the dev texts, as XTREME has it.
    tuned = scoring.tuned_threshold(_mine(search, "dev", vectors, settings), search.dev_gold)
    above = metrics.pairs_above([tuple(row) for row in mined], tuned.threshold)
    return Answer([list(pair) for pair in above], {"f1": tuned.f1})


def _mine(search: Search, split: str, vectors: Sides, settings: Retrieval) -> list[list[Any]]:
    """Triples [source id, target id, margin], best first."""
    (source_rows, target_rows), (source, target) = search.sides[split], vectors[split]
    pairs = metrics.mine_rows(source_rows, source, target_rows, target, settings.neighbours)
    return [[left, right, round(value, 7)] for left, right, value in pairs]


def has_finite_weights(encoder: Encoder) -> bool:
    """Whether every weight is a finite number; that of a training which diverged is not."""
    return all(bool(parameter.isfinite().all()) for parameter in encoder.parameters())


def retrieve(start: Start, found: Findings) -> None:
    """Predict a retrieval target in all its languages, at the layer that params.yaml names.

    Raises HarnessError for settings of another head and for a layer that the encoder lacks.
    """
    settings, evaluation = _settings(start), start.params.evaluation
    found.count("test_truncated", 0)
    if not has_finite_weights(start.encoder):
        return found.stop("failed", ["the checkpoint's weights are not finite numbers"])
    for language in target_languages(start.task, start.data):
        search = read_search(start.task, start.data, language, evaluation.max_rows)
        vectors, truncated = embed_sides(search, start.encoder, start.tokenizer, settings, evaluation, [settings.layer])
        found.count("test_truncated", truncated)
        given = answer(start.task, search, vectors[settings.layer], settings)
        if given.dev:
            found.dev_by_language[language] = given.dev
        found.predict(language, search.file, search.gold, given.predictions)
    return None


def _settings(start: Start) -> Retrieval:
    layers, settings = start.encoder.config.num_hidden_layers, start.params.target[start.task.name]
    if not isinstance(settings, Retrieval):
        raise start.wrong_settings("how sentences are embedded (layer, pooling, ...)")
    if settings.layer > layers:
        raise HarnessError(
            f"expected target.{start.task.name}.layer of at most {layers}, the encoder's layers,"
            f" found {settings.layer}",
            fix=f"lower target.{start.task.name}.layer in params.yaml",
        )
    return settings
