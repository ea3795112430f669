"""Encoders that come in from a folder and go out to one: the settings that pin it, and a checkpoint that is whole.

No unit of work runs this; what it writes is read by transformers alone.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from harness.experiment.training.checkpoints import read_checkpoint_record, weights_of
from harness.model.encoder import (
    WEIGHTS,
    check_tokenizer,
    has_masked_lm_head,
    load_encoder,
    published_encoder,
    save_encoder,
    size_of,
)
from harness.model.families import CONFIG, read_config
from harness.model.tokenizer import FILE as TOKENIZER
from harness.model.tokenizer import load_tokenizer
from harness.project.errors import HarnessError, check_known, writing
from harness.project.files import sha256_file
from harness.project.params import LocalEncoder, Params
from harness.project.paths import Paths

FILES = (CONFIG, WEIGHTS, TOKENIZER)


def pinned_folder(folder: Path, root: Path) -> LocalEncoder:
    """The settings that pin an encoder's folder as it lies there, once it loads; in the project its path is relative.

    Raises HarnessError where a file is missing, or config, weights and tokenizer don't fit together.
    """
    place = folder.resolve()
    for name in FILES:
        if not (place / name).is_file():
            raise HarnessError(
                f"expected {', '.join(FILES)} in {place}, found no {name}",
                fix="save model and tokenizer there with transformers (`save_pretrained`), the weights as safetensors",
            )
    with_head = has_masked_lm_head(place)
    model, _ = published_encoder(place, with_head)
    check_tokenizer(load_tokenizer(place), model, place)
    return LocalEncoder(
        source="local",
        name=re.sub(r"[^\w.-]+", "-", place.name) or "encoder",
        folder=str(place.relative_to(root) if place.is_relative_to(root) else place),
        parameters=size_of(model),
        masked_lm_head=with_head,
        files={name: sha256_file(place / name) for name in FILES},
    )


def export_checkpoint(name: str, folder: Path, params: Params, paths: Paths) -> int:
    """Write the encoder that a recipe hands on at a seed to a new folder, as transformers reads it; returns its bytes.

    `name`: recipe and seed, as `mnli-1`. The head of an intermediate task is no part of a checkpoint. Raises
    HarnessError for a name that the grid lacks, a checkpoint that was not finished or has no weights, and a folder that
    holds something.
    """
    names = {f"{recipe}-{seed}": (recipe, seed) for recipe, seed in params.grid.trainings}
    check_known(name, names, "checkpoint")
    checkpoint = paths.checkpoint(*names[name])
    reasons = read_checkpoint_record(checkpoint).get("unavailable")
    if reasons:
        raise HarnessError(
            f"expected weights in {checkpoint}, found that {names[name][0]} could not be trained: {'; '.join(reasons)}",
            fix="choose another checkpoint (`harness checkpoints list`)",
        )
    weights, _ = weights_of(checkpoint, paths)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HarnessError(
            f"expected a new or an empty folder, found something in {folder}",
            fix="name another folder; nothing is overwritten",
        )
    model = load_encoder(paths.encoder, weights)
    model.train_words(None)  # every row of the word embeddings, where the checkpoint holds those that were trained
    part = folder.with_name(f".{folder.name}.partial")
    with writing(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_encoder(model, part)
        shutil.copyfile(paths.encoder / TOKENIZER, part / TOKENIZER)
        (part / "tokenizer_config.json").write_text(_tokenizer_config(paths.encoder), encoding="utf-8")
        part.replace(folder)
    return sum(path.stat().st_size for path in folder.iterdir())


def _tokenizer_config(encoder: Path) -> str:
    """What transformers wants to know of a tokenizer beside tokenizer.json, which it is to take as it is."""
    family, config = read_config(encoder)
    tokens = family.tokens
    content = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens.begin,
        "cls_token": tokens.begin,
        "eos_token": tokens.end,
        "sep_token": tokens.end,
        "pad_token": tokens.pad,
        "unk_token": tokens.unknown,
        "mask_token": tokens.mask,
        "model_max_length": config.max_position_embeddings - family.position_offset,
        # Without marks of the second text there is one token type, whatever the tokenizer says.
        "model_input_names": ["input_ids", "attention_mask", *(["token_type_ids"] if tokens.marks_second else [])],
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
