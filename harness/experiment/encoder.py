"""The encoder stage: a tokenizer and masked-language-model pretraining on the corpus, or a published encoder.

encoder.json, written last, marks a finished encoder and holds nothing that differs between two equal runs; the
learning curve, the provenance and the wall time go to results/<profile>/encoder.json.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
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
    new_encoder,
    on_device,
    published_encoder,
    save_encoder,
    save_masked_lm_head,
)
from harness.model.families import XLM_ROBERTA
from harness.model.tokenizer import FILE as TOKENIZER
from harness.model.tokenizer import save_tokenizer, train_tokenizer
from harness.project.errors import HarnessError
from harness.project.files import sha256_file, write_json
from harness.project.params import HubEncoder, Params, PretrainedHere, store_dir
from harness.project.paths import Paths
from harness.project.progress import progress
from harness.project.provenance import provenance

TOKENIZER_LINES = 200_000
"""Lines that the tokenizer is trained on, drawn by the languages' shares."""


def run_encoder(params: Params, paths: Paths) -> dict[str, Any]:
    """Make build/<profile>/encoder; returns the record that results/<profile>/encoder.json keeps."""
    began = time.monotonic()
    chosen = params.encoder
    shutil.rmtree(paths.encoder, ignore_errors=True)
    record = (
        _pretrain(chosen, params, paths) if chosen.source == "pretrained_here" else _from_hub(chosen, params, paths)
    )
    identity = {
        "parameters": record.pop("parameters"),
        "sha256": {name: sha256_file(paths.encoder / name) for name in (WEIGHTS, TOKENIZER, LM_HEAD)},
        "made_from": record.pop("made_from"),
    }
    write_json(paths.encoder / "encoder.json", identity)
    record = {
        **identity,
        **record,
        "provenance": provenance(
            paths.root, device=determinism.device_name(params.compute.device), threads=params.compute.threads
        ),
        "elapsed_s": round(time.monotonic() - began, 3),
    }
    write_json(paths.results / "encoder.json", record)
    return record


def _pretrain(chosen: PretrainedHere, params: Params, paths: Paths) -> dict[str, Any]:
    """Tokenizer and masked-language-model pretraining on the corpus; a killed process goes on where it stood."""
    settings = chosen.pretraining
    determinism.set_up(determinism.derive(settings.seed, "encoder"), params.compute.threads)
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
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "made_from": {"corpus_sha256": corpus_sha256},
        "sentences": {language: len(lines) for language, lines in corpus.items()},
        "curve": [point.model_dump(mode="json", exclude_none=True) for point in curve],
    }


def _from_hub(chosen: HubEncoder, params: Params, paths: Paths) -> dict[str, Any]:
    """The published encoder, from verified files in the store: encoder and masked-LM head in two files, as ours."""
    from harness.data.fetch.store import model_folder

    folder = model_folder(store_dir(params, paths.root), chosen)
    model, head = published_encoder(folder)
    found = sum(parameter.numel() for parameter in model.parameters())
    pooler = model.config.hidden_size * (model.config.hidden_size + 1)  # part of the published count, never used here
    if found + pooler != chosen.parameters:
        raise HarnessError(
            f"expected {chosen.parameters:,} parameters in {folder} (encoder.parameters), found {found + pooler:,}",
            fix="correct encoder.parameters, or pin the revision that was meant",
        )
    save_encoder(model, paths.encoder)
    save_masked_lm_head(head, paths.encoder)
    shutil.copyfile(folder / TOKENIZER, paths.encoder / TOKENIZER)
    return {
        "parameters": found,
        "made_from": {"repository": chosen.repository, "revision": chosen.revision, "sha256": chosen.files},
    }


def tokenizer_lines(corpus: Mapping[str, Sequence[str]], exponent: float) -> list[str]:
    """Lines for the tokenizer: each language repeated or thinned to its share of at most TOKENIZER_LINES."""
    shares = language_shares({language: len(lines) for language, lines in corpus.items()}, exponent)
    total = min(TOKENIZER_LINES, sum(map(len, corpus.values())))
    chosen: list[str] = []
    for language, share in shares.items():
        lines, wanted = corpus[language], max(1, round(share * total))
        chosen += [lines[i * len(lines) // wanted] for i in range(wanted)]
    return chosen
