"""Scores of a retrieval target at every hidden layer of one encoder, by the rule that a cell follows at its one layer.

A forward pass gives all layers. torch is imported late, so that a command which only looks can import this module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.experiment.findings import rounded
from harness.experiment.retrieval import answers, has_finite_weights, read_search, target_languages
from harness.experiment.training.checkpoints import load_checkpoint, read_checkpoint_record, weights_of
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


def checkpoint_weights(
    trainings: Sequence[tuple[str, int]], paths: Paths, left_out: dict[str, str]
) -> dict[tuple[str, int], str]:
    """(recipe, seed) -> sha256 of the checkpoint's weights, all checked before anything runs.

    Recipes whose data may not be had are added to `left_out`.
    """
    found: dict[tuple[str, int], str] = {}
    for recipe in dict.fromkeys(recipe for recipe, _ in trainings):
        seeds = [seed for one, seed in trainings if one == recipe]
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
        encoder, tokenizer = load_encoder_of(recipe, seed, params, paths)
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


def load_encoder_of(recipe: str, seed: int, params: Params, paths: Paths) -> tuple[Encoder, Tokenizer]:
    """The encoder that a recipe hands on at `seed`, on its device, as the cells of a retrieval target load it.

    Raises HarnessError if the checkpoint was not finished, its weights are not there, or they are not finite numbers.
    """
    from harness.model import determinism

    determinism.set_up(seed, params.compute.threads)
    folder = paths.checkpoint(recipe, seed)
    encoder, tokenizer = load_checkpoint(folder, params, paths)
    if not has_finite_weights(encoder):
        raise HarnessError(
            f"expected finite weights in {folder}, found nan or infinity: training of {recipe} failed at seed {seed}",
            fix=f"leave {recipe} or seed {seed} out (--recipes, --seeds)",
        )
    return encoder, tokenizer


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
    last = int(encoder.config.num_hidden_layers)
    found: LayerScores = [{} for _ in range(last + 1)]
    for language in target_languages(task, data):
        search = read_search(task, data, language, settings, evaluation)
        for layer, given, _ in answers(task, search, encoder, tokenizer, settings, evaluation, range(last + 1)):
            found[layer][language] = rounded(scoring.score(task.metric, search.gold, given.predictions, language))
        advance()
    return found
