"""Scores of a retrieval target at every hidden layer of one encoder, by the rule that a cell follows at its one layer.

A forward pass gives all layers. torch is imported late, so that a command which only looks can import this module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import metrics
from harness.data.folder import has_split, languages, read_split
from harness.experiment.training.checkpoints import read_checkpoint_record, weights_of
from harness.metrics import scoring
from harness.project.errors import HarnessError
from harness.project.params import Evaluation, Params, Retrieval
from harness.project.paths import Paths
from harness.project.progress import progress
from harness.project.tasks import Task

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from harness.model.forward import Encoder

LayerScores = list[dict[str, dict[str, float]]]
"""Hidden layer (0: embeddings) -> language -> metric -> points."""
MOST_BYTES = 4 * 2**30
"""Embeddings held at once; a language with more sentences takes its layers in several passes."""


def checkpoint_weights(
    recipes: Sequence[str], seeds: Sequence[int], paths: Paths, left_out: dict[str, str]
) -> dict[tuple[str, int], str]:
    """(recipe, seed) -> sha256 of the checkpoint's weights, all checked before anything runs.

    Recipes whose data may not be had are added to `left_out`.
    """
    found: dict[tuple[str, int], str] = {}
    for recipe in recipes:
        records = {seed: read_checkpoint_record(paths.checkpoint(recipe, seed)) for seed in seeds}
        reasons = [reason for record in records.values() for reason in record.get("unavailable", [])]
        if reasons:
            left_out[recipe] = "; ".join(dict.fromkeys(reasons))
        else:
            found |= {(recipe, seed): weights_of(paths.checkpoint(recipe, seed), paths)[1] for seed in seeds}
    return found


def measure_checkpoints(
    tasks: Mapping[str, Task], weights: Mapping[tuple[str, int], str], params: Params, paths: Paths
) -> dict[tuple[str, str, int], LayerScores]:
    """(recipe, target, seed) -> scores; equal weights (the baseline's are the same at all seeds) are measured once."""
    several = sum(len(target_languages(task, paths.data(name))) for name, task in tasks.items())
    by_weights: dict[str, dict[str, LayerScores]] = {}
    for (recipe, seed), sha256 in weights.items():
        if sha256 in by_weights:
            continue
        encoder, tokenizer = load_checkpoint(recipe, seed, params, paths)
        by_weights[sha256] = {}
        done = f"{len(by_weights)} of {len(set(weights.values()))}"
        with progress(f"layers: {recipe}-{seed} ({done})", several) as advance:
            for name, task in tasks.items():
                settings = retrieval_settings(name, params)
                by_weights[sha256][name] = score_layers(
                    task, paths.data(name), encoder, tokenizer, settings, params.evaluation, advance
                )
        print(f"layers: {recipe}-{seed} done ({done})", file=sys.stderr, flush=True)
    return {
        (recipe, target, seed): by_weights[sha256][target]
        for (recipe, seed), sha256 in weights.items()
        for target in tasks
    }


def retrieval_settings(target: str, params: Params) -> Retrieval:
    """How the target's sentences are embedded (params.yaml)."""
    settings = params.target[target]
    assert isinstance(settings, Retrieval)  # a cell of this target would have refused anything else
    return settings


def load_checkpoint(recipe: str, seed: int, params: Params, paths: Paths) -> tuple[Encoder, Tokenizer]:
    """The encoder that a recipe hands on at `seed`, on its device, as the cells of a retrieval target load it.

    Raises HarnessError if the checkpoint was not finished, its weights are not there, or they are not finite numbers.
    """
    from harness.model import determinism
    from harness.model.encoder import load_encoder, on_device
    from harness.model.tokenizer import load_tokenizer

    determinism.set_up(seed, params.compute.threads)
    weights, _ = weights_of(paths.checkpoint(recipe, seed), paths)
    encoder = load_encoder(paths.encoder, weights)
    if not all(bool(parameter.isfinite().all()) for parameter in encoder.parameters()):
        raise HarnessError(
            f"expected finite weights in {weights}, found nan or infinity: training of {recipe} failed at seed {seed}",
            fix=f"leave {recipe} or seed {seed} out (--recipes, --seeds)",
        )
    return on_device(encoder, params.compute), load_tokenizer(paths.encoder)


def target_languages(task: Task, data: Path) -> list[str]:
    """The languages that a retrieval target is scored in."""
    return languages(data, "test" if task.kind == "bitext" else "test_gold")


def score_layers(
    task: Task,
    data: Path,
    encoder: Encoder,
    tokenizer: Tokenizer,
    settings: Retrieval,
    evaluation: Evaluation,
    advance: Callable[..., None] = lambda *_: None,
) -> LayerScores:
    """Metrics of every hidden layer in every language; pooling and the rest as `settings` say.

    `advance` is called after each language.
    """
    from harness.model.predict import embed
    from harness.model.tokenizer import token_id

    pad, last = token_id(tokenizer, encoder.family.tokens.pad), int(encoder.config.num_hidden_layers)
    score = _score_bitext if task.kind == "bitext" else _score_mining
    found: LayerScores = [{} for _ in range(last + 1)]
    for language in target_languages(task, data):
        sides = _texts(task, data, language, evaluation.max_rows)
        size = sum(len(rows) for pair in sides.values() for rows in pair) * int(encoder.config.hidden_size) * 4
        at_once = max(1, MOST_BYTES // max(size, 1))
        for first in range(0, last + 1, at_once):
            layers = range(first, min(first + at_once, last + 1))
            vectors = {
                split: [
                    embed(encoder, tokenizer, rows, settings, pad, evaluation.batch_tokens, layers)[0] for rows in pair
                ]
                for split, pair in sides.items()
            }
            for layer in layers:
                at_layer = {split: [side[layer] for side in pair] for split, pair in vectors.items()}
                values = score(task, data, language, settings, at_layer)
                found[layer][language] = {
                    name: round(value, 10) for name, value in values.items()
                }  # as a result has it
        advance()
    return found


def _texts(task: Task, data: Path, language: str, limit: int | None) -> dict[str, tuple[list[str], list[str]]]:
    """Split -> the two lists of sentences that are embedded for it."""
    if task.kind == "bitext":
        rows = read_split(data, "test", language)[:limit]
        # The pivot sentence queries the foreign side, as in a cell.
        return {"test": ([row["target"] for row in rows], [row["source"] for row in rows])}
    return {
        split: (
            [row["text"] for row in read_split(data, f"{split}_source", language)],
            [row["text"] for row in read_split(data, f"{split}_target", language)],
        )
        for split in (["test", "dev"] if _tunes_on_dev(data, language) else ["test"])
    }


def _tunes_on_dev(data: Path, language: str) -> bool:
    return has_split(data, "dev_gold") and language in languages(data, "dev_gold")


def _score_bitext(
    task: Task, data: Path, language: str, settings: Retrieval, vectors: dict[str, list[Any]]
) -> dict[str, float]:
    pivot, foreign = vectors["test"]
    nearest = [int(index) for index in metrics.nearest_neighbour(pivot, foreign)]
    return scoring.score(task.metric, read_split(data, "test", language)[: len(nearest)], nearest, language)


def _score_mining(
    task: Task, data: Path, language: str, settings: Retrieval, vectors: dict[str, list[Any]]
) -> dict[str, float]:
    def mine(split: str) -> Sequence[Any]:
        source, target = (read_split(data, f"{split}_{side}", language) for side in ("source", "target"))
        pairs = metrics.mine_rows(source, vectors[split][0], target, vectors[split][1], settings.neighbours)
        return [[left, right, round(value, 7)] for left, right, value in pairs]  # as a cell stores them

    mined = mine("test")
    if "dev" in vectors:  # the threshold comes from the dev texts
        tuned = scoring.tuned_threshold(mine("dev"), read_split(data, "dev_gold", language))
        mined = metrics.pairs_above([tuple(row) for row in mined], tuned.threshold)
    return scoring.score(task.metric, read_split(data, "test_gold", language), mined, language)
