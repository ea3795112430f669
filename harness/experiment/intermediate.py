"""Intermediate training: encoder -> recipe checkpoint, one per (recipe, seed).

The baseline `none` trains nothing; its checkpoint points at the encoder, so that every cell reads a checkpoint. A
recipe whose data may not be had here gets one that says so; a mixture goes on without such a task and names it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import Any

from harness.data.corpus import why_no_text
from harness.data.folder import read_manifest
from harness.experiment.inputs import intermediate_inputs
from harness.metrics import scoring
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.tasks import TRANSLATED


def run_intermediate(recipe: str, seed: int, params: Params, paths: Paths) -> dict[str, Any]:
    """Train the recipe at `seed`; writes the checkpoint and results/<profile>/intermediate/<recipe>-<seed>.json."""
    from harness.model.determinism import device_name
    from harness.project.provenance import provenance

    began = time.monotonic()
    folder = paths.output.checkpoint(recipe, seed)
    shutil.rmtree(folder, ignore_errors=True)
    inputs = intermediate_inputs(recipe, params, paths)
    resolved = inputs["recipe"]
    usable, lacking, overlaps = _what_there_is(resolved, paths)
    no_text = why_no_text(paths) if resolved["mlm"] else None
    if not resolved["tasks"]:
        outcome = _keep(folder, recipe, "ok", inputs["encoder_sha256"], planted=resolved["planted"])
    elif no_text or not usable:
        reasons = [f"{task}: {reason}" for task, reason in lacking.items()] + (
            [f"masked LM: {no_text}"] if no_text else []
        )
        outcome = _keep(folder, recipe, "unavailable", None, unavailable=reasons)
    else:
        trained, weights_sha256 = _train(resolved, usable, seed, params, paths, folder)
        outcome = (
            _keep(
                folder,
                recipe,
                trained["status"],
                weights_sha256,
                encoder_sha256=inputs["encoder_sha256"],
                left_out=lacking,
                overlaps=overlaps,
            )
            | trained
        )
    record = {
        "recipe": recipe,
        "seed": seed,
        **outcome,
        "inputs": inputs,
        "provenance": provenance(paths.root, device=device_name(params.compute.device), threads=params.compute.threads),
        "elapsed_s": round(time.monotonic() - began, 3),
    }
    write_json(paths.output.intermediate(recipe, seed), record)
    return record


def _what_there_is(resolved: dict[str, Any], paths: Paths) -> tuple[list[str], dict[str, str], dict[str, list[str]]]:
    """Tasks to train on; those whose data may not be had here -> why; translated ones -> targets that they overlap."""
    usable, lacking, overlaps = [], {}, {}
    for task in resolved["tasks"]:
        manifest = read_manifest(paths.data(task))
        translated = {name.split(".")[1] for name in manifest.files if name.startswith(f"{TRANSLATED}.")}
        missing = [language for language in resolved["translated"] if language not in translated]
        if manifest.unavailable:
            lacking[task] = manifest.unavailable
        elif missing:
            lacking[task] = f"no machine-translated rows in {', '.join(missing)}"
        else:
            usable.append(task)
            if resolved["translated"] and manifest.overlaps:
                overlaps[task] = manifest.overlaps
    return usable, lacking, overlaps


def _keep(
    folder: Path,
    recipe: str,
    status: str,
    weights_sha256: str | None,
    encoder_sha256: str | None = None,
    unavailable: Sequence[str] = (),
    left_out: Mapping[str, str] = MappingProxyType({}),
    overlaps: Mapping[str, Sequence[str]] = MappingProxyType({}),
    planted: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Write checkpoint.json, the mark of a finished checkpoint; returns what the record says of it.

    `encoder_sha256`: of the encoder that was trained, whose word embeddings the checkpoint's rows are put over.
    """
    from harness.experiment.training.checkpoints import write_checkpoint_record

    said = {"status": status, "unavailable": list(unavailable), "left_out": dict(left_out)}
    hashes = {"weights_sha256": weights_sha256, "encoder_sha256": encoder_sha256}
    content = {"recipe": recipe, **hashes, **said, "planted": list(planted)}
    write_checkpoint_record(folder, {**content, "overlaps": {task: list(names) for task, names in overlaps.items()}})
    return {"dev_scores": {}, "dev_headline": {}, "curve": [], "counts": {}, "reasons": list(unavailable)} | said


def _train(
    resolved: dict[str, Any], tasks: Sequence[str], seed: int, params: Params, paths: Paths, folder: Path
) -> tuple[dict[str, Any], str]:
    """Train on `tasks` and save the encoder; returns what the record says, and the sha256 of the weights."""
    from harness.experiment.training.checkpoints import WEIGHTS
    from harness.experiment.training.loop import Diverged, Trained, train, trim_words
    from harness.experiment.training.prepare import collapse_reasons, dev_scores, predict_split, prepare
    from harness.model import determinism
    from harness.model.encoder import load_encoder, on_device, save_encoder
    from harness.model.tokenizer import load_tokenizer, token_id
    from harness.project.files import sha256_file
    from harness.project.progress import progress
    from harness.project.tasks import load_tasks

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
        streams.append(_masked_lm(encoder, tokenizer, cap, params, paths))
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


def _masked_lm(encoder: Any, tokenizer: Any, cap: int, params: Params, paths: Paths) -> Any:
    """Masked LM on the corpus as one more stream of the mixture, with the head that the encoder was pretrained with."""
    from harness.experiment.training.loop import Stream
    from harness.experiment.training.mlm import masked_batches
    from harness.experiment.training.text import read_corpus
    from harness.model.encoder import load_masked_lm_head

    assert params.mlm is not None  # Params refuses a recipe with masked LM that has no settings
    corpus = read_corpus(paths)
    batches = masked_batches(corpus, tokenizer, encoder.family, encoder.config.vocab_size, params.mlm)
    weight = float(min(sum(map(len, corpus.values())), cap))
    return Stream("mlm", load_masked_lm_head(encoder, paths.encoder), batches, weight)
