"""The training of a recipe: its tasks, one of them per batch, with masked LM beside them where the recipe has it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.experiment.parts import MASKED_LM
from harness.experiment.training.checkpoints import WEIGHTS
from harness.experiment.training.loop import Diverged, Trained, train, trim_words
from harness.experiment.training.prepare import collapse_reasons, dev_scores, predict_split, prepare
from harness.metrics import scoring
from harness.model import determinism
from harness.model.encoder import load_encoder, on_device, save_encoder
from harness.model.tokenizer import load_tokenizer, token_id
from harness.project.files import sha256_file
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.progress import progress
from harness.project.tasks import load_tasks


def train_recipe(
    resolved: dict[str, Any], tasks: Sequence[str], seed: int, params: Params, paths: Paths, folder: Path
) -> tuple[dict[str, Any], str]:
    """Train on `tasks` and save the encoder; returns what the record says, and the sha256 of the weights."""
    base = determinism.derive(seed, "intermediate")
    determinism.set_up(base, params.compute.threads)
    encoder = on_device(load_encoder(paths.encoder), params.compute)
    tokenizer = load_tokenizer(paths.encoder)
    ready = [
        prepare(task, paths.data(name), params.intermediate[name], encoder, tokenizer, base, resolved["translated"])
        for name, task in load_tasks(tasks, paths.tasks).items()
    ]
    cap = resolved["mixing_cap"] or max(len(item.features.items) for item in ready)
    streams = [item.stream(float(min(len(item.features.items), cap))) for item in ready]
    steps = resolved["steps"]
    if resolved["mlm"]:
        streams.append(import_module(MASKED_LM).masked_lm(encoder, tokenizer, cap, params, paths))
        if steps is None:  # so many more that the task gets as many batches as alone
            steps = round(ready[0].steps * sum(stream.weight for stream in streams) / streams[0].weight)
    schedule = ready[0].schedule(params.compute.micro_batch, steps, resolved["learning_rate"])
    pad = token_id(tokenizer, encoder.family.tokens.pad)
    words_trained = trim_words(encoder, streams, pad)

    def evaluate(step: int) -> tuple[dict[str, float], float]:
        """Headline metric per task, and their unweighted mean."""
        found = {}
        for item in ready:
            limit = item.training.evaluation_rows
            language = item.source_language
            scores = dev_scores(item, encoder, tokenizer, params.evaluation, [language], limit)
            found[item.task.name] = scoring.headline(item.task.metric, scores[language])
        return found, fmean(found.values())

    trained, reasons, scores = Trained(), [], {}
    with progress(f"intermediate {resolved['recipe']}-{seed}", schedule.steps) as advance:
        try:
            trained = train(
                encoder,
                streams,
                schedule,
                seed=base,
                pad=pad,
                evaluate=evaluate,
                advance=advance,
            )
            status = "ok"
        except Diverged as diverged:
            trained.curve, status, reasons = diverged.curve, "failed", [str(diverged)]
    if status == "ok":
        alone = trained if len(streams) == 1 else None
        for item in ready:
            language = item.source_language
            dev = predict_split(item, encoder, tokenizer, "dev", [language], params.evaluation)[language]
            scores[item.task.name] = scoring.score(item.task.metric, dev.rows, dev.predictions, language)
            why_not = collapse_reasons(item.task, alone, dev.rows, dev.predictions)
            reasons += [f"{item.task.name}: {why}" for why in why_not]
        # A mixture has collapsed when none of its tasks was learnt.
        learnt = [item for item in ready if not any(why.startswith(f"{item.task.name}: ") for why in reasons)]
        status = "ok" if learnt else "collapsed"
    save_encoder(encoder, folder)
    counts = {f"{item.task.name}.examples": len(item.features.items) for item in ready}
    counts |= {"steps": trained.stopped or schedule.steps, "steps_used": trained.step, "words_trained": words_trained}
    metric = {item.task.name: item.task.metric for item in ready}
    record = {
        "status": status,
        "reasons": reasons,
        "dev_scores": scores,
        "dev_headline": {name: scoring.headline(metric[name], values) for name, values in scores.items()},
        "curve": [point.model_dump(mode="json") for point in trained.curve],
        "counts": counts,
    }
    return record, sha256_file(folder / WEIGHTS)
