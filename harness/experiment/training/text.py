"""The text that the encoder is pretrained on, and that recipes with masked LM go on with."""

from __future__ import annotations

import json
from pathlib import Path

from harness.data.folder import MANIFEST
from harness.project.errors import HarnessError
from harness.project.paths import Paths


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
