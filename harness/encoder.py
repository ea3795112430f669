"""The encoder stage: corpus -> tokenizer -> masked-language-model pretraining -> encoder folder.

encoder.json, written last, marks a finished encoder and holds nothing that differs between two equal runs; the
learning curve, the provenance and the wall time go to results/<profile>/encoder.json.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.data.integrity import sha256_file
from harness.data.writing import MANIFEST
from harness.errors import HarnessError
from harness.model.encoder import WEIGHTS, new_encoder, on_device, save_encoder
from harness.model.tokenizer import FILE as TOKENIZER
from harness.model.tokenizer import save_tokenizer, train_tokenizer
from harness.params import Params
from harness.paths import Paths
from harness.progress import progress
from harness.provenance import provenance
from harness.results import write_json
from harness.training import determinism
from harness.training.pretrain import language_shares, pretrain

TOKENIZER_LINES = 200_000
"""Lines that the tokenizer is trained on, drawn by the languages' shares."""


def run_encoder(params: Params, paths: Paths) -> dict[str, Any]:
    """Make build/<profile>/encoder; returns the record that results/<profile>/encoder.json keeps."""
    began = time.monotonic()
    settings = params.encoder.pretraining
    determinism.set_up(determinism.derive(settings.seed, "encoder"), params.compute.threads)
    corpus = read_corpus(paths)
    shutil.rmtree(paths.encoder, ignore_errors=True)
    tokenizer = train_tokenizer(tokenizer_lines(corpus, settings.language_exponent), settings.vocabulary_size)
    model = on_device(new_encoder(params.encoder.architecture, tokenizer.get_vocab_size()), params.compute.device)
    with progress("encoder", settings.steps) as advance:
        curve = pretrain(model, tokenizer, corpus, settings, advance)
    save_encoder(model, paths.encoder)
    save_tokenizer(tokenizer, paths.encoder)
    identity = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "sha256": {name: sha256_file(paths.encoder / name) for name in (WEIGHTS, TOKENIZER)},
        "corpus_sha256": sha256_file(paths.corpus / MANIFEST),
    }
    write_json(paths.encoder / "encoder.json", identity)
    record = {
        **identity,
        "sentences": {language: len(lines) for language, lines in corpus.items()},
        "curve": [point.model_dump(mode="json", exclude_none=True) for point in curve],
        "provenance": provenance(paths.root, params.compute.device, params.compute.threads),
        "elapsed_s": round(time.monotonic() - began, 3),
    }
    write_json(paths.results / "encoder.json", record)
    return record


def read_corpus(paths: Paths) -> dict[str, list[str]]:
    """Language -> sentences of build/<profile>/corpus.

    Raises HarnessError if the corpus was not made or is empty.
    """
    manifest = paths.corpus / MANIFEST
    if not manifest.is_file():
        raise HarnessError(f"expected the corpus in {paths.corpus}, found none", fix="run `dvc repro corpus`")
    corpus = {path.name.split(".")[0]: _texts(path) for path in sorted(paths.corpus.glob("*.jsonl"))}
    if not any(corpus.values()):
        raise HarnessError(f"expected text in {paths.corpus}, found none", fix="pin text files in tasks/text.yaml")
    return {language: lines for language, lines in corpus.items() if lines}


def _texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        return [json.loads(line)["text"] for line in lines]


def tokenizer_lines(corpus: Mapping[str, Sequence[str]], exponent: float) -> list[str]:
    """Lines for the tokenizer: each language repeated or thinned to its share of at most TOKENIZER_LINES."""
    shares = language_shares({language: len(lines) for language, lines in corpus.items()}, exponent)
    total = min(TOKENIZER_LINES, sum(map(len, corpus.values())))
    chosen: list[str] = []
    for language, share in shares.items():
        lines, wanted = corpus[language], max(1, round(share * total))
        chosen += [lines[i * len(lines) // wanted] for i in range(wanted)]
    return chosen
