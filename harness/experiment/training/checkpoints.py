"""Checkpoints: the encoder that a recipe hands on, one folder per (recipe, seed), checkpoint.json written last.

Of the word embeddings a checkpoint holds the rows that were trained, their token ids and the factor of all others
(harness.model.words). Together with the encoder that was trained, whose sha256 the record names, it is the whole. After
masked LM, which trains every row, it is the whole by itself.

The baseline's checkpoint holds no weights, nor does one with planted effects: they point at the pretrained encoder.
That of a recipe whose data may not be had holds none either, and says why.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.project.errors import HarnessError
from harness.project.files import sha256_file, write_json
from harness.project.params import BASELINE, Params
from harness.project.paths import Paths
from harness.project.stages import stage_in

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from harness.model.forward import Encoder

FILE = "checkpoint.json"
WEIGHTS = "model.safetensors"


def write_checkpoint_record(folder: Path, content: dict[str, Any]) -> None:
    """Write checkpoint.json, the mark of a finished checkpoint."""
    write_json(folder / FILE, content)


def read_checkpoint_record(folder: Path) -> dict[str, Any]:
    """Read checkpoint.json.

    Raises HarnessError if the checkpoint was not finished.
    """
    try:
        content: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return content
    except (OSError, ValueError):
        raise HarnessError(
            f"expected a finished checkpoint in {folder}, found none",
            fix=f"run `dvc repro {stage_in('intermediate', folder.name)}`",
        ) from None


def weights_of(folder: Path, paths: Paths) -> tuple[Path, str]:
    """The safetensors file that a checkpoint stands for, and its sha256, checked against the record.

    The encoder that was trained is checked too.
    """
    record = read_checkpoint_record(folder)
    untrained = record["recipe"] == BASELINE or record.get("planted")
    path = (paths.encoder if untrained else folder) / WEIGHTS
    expected = {path: record["weights_sha256"]}
    if record.get("encoder_sha256"):
        expected |= {paths.encoder / WEIGHTS: record["encoder_sha256"]}
    for file, sha256 in expected.items():
        found = sha256_file(file) if file.is_file() else "no file"
        if found != sha256:
            raise HarnessError(
                f"expected {file} with sha256 {sha256} (see {folder / FILE}), found {found}",
                fix=f"run `dvc repro -f {stage_in('intermediate', folder.name)}`",
            )
    return path, record["weights_sha256"]


def load_checkpoint(folder: Path, params: Params, paths: Paths) -> tuple[Encoder, Tokenizer]:
    """The encoder with a checkpoint's weights, on its device, and its tokenizer.

    Raises HarnessError if the checkpoint was not finished or its weights are not there. torch is imported late: a
    command that only reads records can import this module.
    """
    from harness.model.encoder import load_encoder, on_device
    from harness.model.tokenizer import load_tokenizer

    weights, _ = weights_of(folder, paths)
    return on_device(load_encoder(paths.encoder, weights), params.compute), load_tokenizer(paths.encoder)
