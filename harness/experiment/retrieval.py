"""Retrieval: no training, but the nearest neighbours or the mining of sentence embeddings of one hidden layer.

A cell predicts at its one layer; what every other layer would have given is scored beside it, from the same forward
passes, and kept (`harness layers` and the encoder's page show it). torch is imported late, so that a command which only
looks can import this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.folder import languages
from harness.experiment.findings import Findings, Start, rounded
from harness.experiment.parts import search_of
from harness.experiment.searches.search import Answer, Search, Sides
from harness.metrics import scoring
from harness.project.errors import HarnessError
from harness.project.params import Evaluation, Retrieval
from harness.project.tasks import Task

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from harness.model.forward import Encoder

MOST_BYTES = 4 * 2**30
"""Embeddings held at once; a language with more sentences takes its layers in several passes."""
MOST_BY_LAYER = 50_000
"""Sentences of a language; with more (BUCC as published), a search takes minutes, and is made at the cell's layer."""


def _kind(task: Task) -> Any:
    return import_module(search_of(task.kind))


def target_languages(task: Task, data: Path) -> list[str]:
    """The languages that a retrieval target is scored in."""
    return languages(data, _kind(task).GOLD)


def read_search(task: Task, data: Path, language: str, settings: Retrieval, evaluation: Evaluation) -> Search:
    """Read one language of the target's folder, as much of it as the settings say: the first `max_rows` sentence pairs
    (bitext), or texts cut to `max_others` (mining).
    """
    found: Search = _kind(task).read_search(data, language, evaluation.max_rows, settings.max_others)
    return found


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
    found: Answer = _kind(task).answer(search, vectors, settings)
    return found


def answers(
    task: Task,
    search: Search,
    encoder: Encoder,
    tokenizer: Tokenizer,
    settings: Retrieval,
    evaluation: Evaluation,
    layers: Sequence[int],
) -> Iterator[tuple[int, Answer, int]]:
    """Each of the hidden layers with the answer of one language there, and how many sentences were truncated.

    A layer other than the cell's whose embeddings are no finite numbers is left out; that of the cell raises
    HarnessError.
    """
    at_once = max(1, MOST_BYTES // max(search.sentences * int(encoder.config.hidden_size) * 4, 1))
    for first in range(0, len(layers), at_once):
        some = layers[first : first + at_once]
        vectors, truncated = embed_sides(search, encoder, tokenizer, settings, evaluation, some)
        for layer in some:
            if layer == settings.layer:
                yield layer, answer(task, search, vectors.pop(layer), settings), truncated
            else:
                with suppress(HarnessError):
                    yield layer, answer(task, search, vectors.pop(layer), settings), truncated


def has_finite_weights(encoder: Encoder) -> bool:
    """Whether every weight is a finite number; that of a training which diverged is not."""
    return all(bool(parameter.isfinite().all()) for parameter in encoder.parameters())


def run(start: Start, found: Findings) -> None:
    """Predict a retrieval target in all its languages, at the layer that params.yaml names.

    Raises HarnessError for settings of another head and for a layer that the encoder lacks.
    """
    settings, evaluation = _settings(start), start.params.evaluation
    found.count("test_truncated", 0)
    if not has_finite_weights(start.encoder):
        return found.stop("failed", ["the checkpoint's weights are not finite numbers"])
    for language in target_languages(start.task, start.data):
        search = read_search(start.task, start.data, language, settings, evaluation)
        few = search.sentences <= MOST_BY_LAYER
        layers = range(start.encoder.config.num_hidden_layers + 1) if few else [settings.layer]
        for layer, given, truncated in answers(
            start.task, search, start.encoder, start.tokenizer, settings, evaluation, layers
        ):
            metrics = scoring.score(start.task.metric, search.gold, given.predictions, language)
            found.layers.setdefault(layer, {})[language] = rounded(metrics)
            if layer == settings.layer:
                found.count("test_truncated", truncated)
                _keep(search, given, language, found)
    return None


def _keep(search: Search, given: Answer, language: str, found: Findings) -> None:
    """The cell's own answer."""
    if given.dev:
        assert search.dev_file
        found.dev_by_language[language] = given.dev
        found.predict_dev(language, search.dev_file, search.dev_gold, given.dev_predictions)
    found.predict(language, search.file, search.gold, given.predictions)


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
