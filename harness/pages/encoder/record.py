"""docs/encoder.md: what an encoder of any source knows, beside the same configuration at its random initialisation.

This module trains and measures both encoders and fills an `EncoderReport`; page.py turns that record into the page.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.corpus import read_corpus_manifest
from harness.data.folder import languages, read_manifest, read_split
from harness.experiment.inputs import cell_inputs
from harness.experiment.layer_scores import score_layers
from harness.metrics import scoring
from harness.pages.encoder.page import TRANSFER, plot_curve, render_page
from harness.pages.encoder.report import EncoderReport, Measured, Scores, Size
from harness.pages.whole import whole_files
from harness.project.errors import HarnessError
from harness.project.files import sha256_bytes, sha256_file
from harness.project.params import BASELINE, Params, PretrainedHere, Retrieval, Training
from harness.project.paths import Paths
from harness.project.profiles import describe_encoder
from harness.project.progress import progress
from harness.project.records import gunzip, read_json
from harness.project.results import Cell, kept_name, read_result
from harness.project.tasks import Task, load_task

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from harness.model.forward import Encoder


def write_report(params: Params, paths: Paths, out: Path) -> Path:
    """Measure, then write the page to `out` (relative to the project), and where the encoder was pretrained here
    <out>_curve.png beside it.

    Raises HarnessError if the encoder or the data of a target was not made.
    """
    report = measure_encoder(params, paths)
    out = paths.root / out
    picture = out.with_name(f"{out.stem}_curve.png")
    with whole_files(out.parent) as place:
        if report.pretraining is not None:
            plot_curve(report, place / picture.name)
        (place / out.name).write_text(render_page(report, picture.name), encoding="utf-8")
    return out


def measure_encoder(params: Params, paths: Paths) -> EncoderReport:
    """Train every trained target of the grid (first seed) and embed tatoeba, with both encoders."""
    made = _read_made(paths)
    tasks = {name: load_task(name, paths.tasks) for name in params.grid.targets}
    manifests = {name: read_manifest(paths.data(name)) for name in tasks}
    laboratory = params.data.source == "generated"
    stand_ins = {name: manifest.stand_in for name, manifest in manifests.items()}
    stand_ins["pretraining text"] = read_corpus_manifest(paths).get("stand_in")
    names = {name: f"laboratory analogue of {task.title}" if laboratory else task.title for name, task in tasks.items()}
    retrieval = params.target.get("tatoeba") if "tatoeba" in tasks else None
    return EncoderReport(
        profile=params.profile,
        names=names,
        stand_ins={} if laboratory else {name: text for name, text in stand_ins.items() if text},
        source_language=next(iter(manifests.values())).source_language,
        source=describe_encoder(params),
        size=_size(paths),
        pretraining=params.encoder.pretraining if isinstance(params.encoder, PretrainedHere) else None,
        made=made,
        seed=params.grid.seeds[0],
        retrieval_layer=retrieval.layer if isinstance(retrieval, Retrieval) else None,
        pretrained=_measure_side("pretrained", tasks, params, paths),
        random=_measure_side("random", tasks, params, paths),
        baselines={name: _baseline(task, params, paths) for name, task in tasks.items() if task.head != "retrieval"},
        shared_words=_shared_words(params, paths) if retrieval else {},
    )


def _read_made(paths: Paths) -> dict[str, Any]:
    """results/<profile>/encoder.json, if it describes the weights in build/."""
    path, weights = paths.results / "encoder.json", paths.encoder / "model.safetensors"
    try:
        made: dict[str, Any] = read_json(path)
        expected = made["sha256"]["model.safetensors"]
        found = sha256_file(weights)
    except (OSError, ValueError, LookupError, TypeError):
        raise HarnessError(
            f"expected {path} and {weights}, found no such pair", fix="run `dvc repro encoder`"
        ) from None
    if expected != found:
        raise HarnessError(
            f"expected weights with sha256 {expected} (see {path}), found {found} in {weights}",
            fix="run `dvc repro -f encoder`",
        )
    return made


def _size(paths: Paths) -> Size:
    """What the encoder's config.json says."""
    from harness.model.families import read_config

    family, config = read_config(paths.encoder)
    return Size(
        family=family.model_type,
        layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        max_length=config.max_position_embeddings - family.position_offset,
        vocabulary_size=config.vocab_size,
    )


def _measure_side(side: str, tasks: dict[str, Task], params: Params, paths: Paths) -> Measured:
    dev: dict[str, Scores] = {}
    test: dict[str, Scores] = {}
    retrieval: list[Scores] = []
    for name, task in tasks.items():
        if name == "tatoeba":
            retrieval = _retrieve_by_layer(side, params, paths)
        elif task.head != "retrieval":
            dev[name], test[name] = _train_target(side, task, params, paths)
        else:
            continue
        done = ", ".join(f"{metric} {value:.1f}" for metric, value in dev.get(name, {}).items())
        print(f"encoder report: {side}, {name} done{', dev ' + done if done else ''}", file=sys.stderr, flush=True)
    return Measured(dev=dev, test={name: test[name] for name in TRANSFER if name in test}, retrieval=retrieval)


def _encoder(side: str, params: Params, paths: Paths, seed: int) -> tuple[Encoder, Tokenizer]:
    """A fresh encoder of one side on its device, everything seeded as a cell of the baseline `none` is."""
    from harness.model import determinism
    from harness.model.encoder import load_encoder, on_device, random_encoder
    from harness.model.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(paths.encoder)
    chosen = params.encoder
    drawn_from = chosen.pretraining.seed if isinstance(chosen, PretrainedHere) else params.grid.seeds[0]
    determinism.set_up(determinism.derive(drawn_from, "encoder"), params.compute.threads)
    model = load_encoder(paths.encoder) if side == "pretrained" else random_encoder(paths.encoder)
    determinism.seed_all(seed)
    return on_device(model, params.compute), tokenizer


def _train_target(side: str, task: Task, params: Params, paths: Paths) -> tuple[Scores, Scores]:
    """Dev metrics (for tagging the accuracy per token too), and F1 per test language of POS and NER."""
    from harness.experiment.training.loop import Diverged, train, trim_words
    from harness.experiment.training.prepare import predict_split, prepare
    from harness.model import determinism
    from harness.model.tokenizer import token_id

    settings, data = params.target[task.name], paths.data(task.name)
    if not isinstance(settings, Training):
        raise HarnessError(
            f"expected target.{task.name} in params.yaml to say how it is trained, found settings of another kind",
            fix=f"copy target.{task.name} from profiles/lab.yaml",
        )
    seed = determinism.derive(params.grid.seeds[0], "target", task.name)
    encoder, tokenizer = _encoder(side, params, paths, seed)
    ready = prepare(task, data, settings, encoder, tokenizer, seed)
    schedule = ready.schedule(params.compute.micro_batch)
    stream, pad = ready.stream(), token_id(tokenizer, encoder.family.tokens.pad)
    trim_words(encoder, [stream], pad)
    with progress(f"encoder report: {side}, {task.name}", schedule.steps) as advance:
        try:
            train(
                encoder,
                [stream],
                schedule,
                seed=seed,
                pad=pad,
                advance=advance,
            )
        except Diverged:
            return {}, {}

    def scores(split: str, chosen: list[str]) -> dict[str, Scores]:
        found = {}
        for language, made in predict_split(ready, encoder, tokenizer, split, chosen, params.evaluation).items():
            found[language] = scoring.score(task.metric, made.rows, made.predictions, language)
            if task.kind == "tagging":
                found[language] |= scoring.score("accuracy", made.rows, made.predictions, language)
        return found

    source = ready.source_language
    test = scores("test", languages(data, "test")) if task.name in TRANSFER else {}
    return scores("dev", [source])[source], {language: values["f1"] for language, values in test.items()}


def _retrieve_by_layer(side: str, params: Params, paths: Paths) -> list[Scores]:
    """Accuracy of every hidden layer in every language; of the pretrained encoder as the baseline's cell kept it."""
    kept = _kept_layers(params, paths) if side == "pretrained" else None
    if kept:
        return kept
    encoder, tokenizer = _encoder(side, params, paths, params.grid.seeds[0])
    task, settings = load_task("tatoeba", paths.tasks), params.target["tatoeba"]
    assert isinstance(settings, Retrieval)
    layers = score_layers(task, paths.data("tatoeba"), encoder, tokenizer, settings, params.evaluation)
    return [{language: scores["accuracy"] for language, scores in layer.items()} for layer in layers]


def _kept_layers(params: Params, paths: Paths) -> list[Scores] | None:
    """The same from the baseline's first cell, where that is of the encoder, the data and the settings here."""
    cell = Cell(recipe=BASELINE, target="tatoeba", seed=params.grid.seeds[0])
    folder = paths.cell(cell.recipe, cell.target, cell.seed)
    try:
        result = read_result(folder / "result.json")
        if result.inputs != cell_inputs(cell, params, paths) or "layers" not in result.kept:
            return None
        packed = (folder / kept_name("layers")).read_bytes()
        if sha256_bytes(packed) != result.kept["layers"].sha256:
            return None
        layers = json.loads(gunzip(packed))["layers"]
        return [
            {language: points["accuracy"] for language, points in layers[str(layer)].items()}
            for layer in range(len(layers))
        ]
    except (HarnessError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _baseline(task: Task, params: Params, paths: Paths) -> Scores:
    """Majority and bag of words on the dev rows, learnt from the rows that the encoders train on."""
    from harness.data.lab.baselines import baselines

    data, settings = paths.data(task.name), params.target[task.name]
    assert isinstance(settings, Training)
    source = read_manifest(data).source_language
    train = read_split(data, "train", source)[: settings.max_examples]
    found = baselines(task.name, train, read_split(data, "dev", source)[: params.evaluation.max_rows])
    return {name: found[name] for name in ("majority", "bag_of_words")}


def _shared_words(params: Params, paths: Paths) -> Scores:
    from harness.data.lab.baselines import baselines

    data, limit = paths.data("tatoeba"), params.evaluation.max_rows
    return {
        language: baselines("tatoeba", [], read_split(data, "test", language)[:limit])["bag_of_words"]
        for language in languages(data, "test")
    }
