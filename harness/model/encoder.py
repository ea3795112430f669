"""The multilingual encoder: built anew, or read from a folder of safetensors.

A folder holds config.json, model.safetensors and tokenizer.json, so transformers' own `from_pretrained` reads it too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from harness.model.determinism import nothing_drawn
from harness.model.families import CONFIG, XLM_ROBERTA, Family, read_config
from harness.model.features import Feature
from harness.model.forward import Encoder
from harness.model.heads import TrainableHead, labelled_positions, labelled_tokens
from harness.model.tokenizer import token_id
from harness.model.words import TrimmedWords
from harness.project.errors import HarnessError
from harness.project.params import Architecture, Compute

WEIGHTS = "model.safetensors"
LM_HEAD = "mlm_head.safetensors"


def new_encoder(architecture: Architecture, vocabulary_size: int) -> Encoder:
    """An encoder of XLM-R's family at its random initialisation (drawn from torch's global generator)."""
    family = XLM_ROBERTA
    config = family.config(
        vocab_size=vocabulary_size,
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        intermediate_size=architecture.intermediate_size,
        max_position_embeddings=architecture.max_length + family.position_offset,
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=architecture.dropout,
        type_vocab_size=family.token_types,
        layer_norm_eps=family.layer_norm_eps,
    )
    return Encoder(family, config)


def random_encoder(folder: Path) -> Encoder:
    """An encoder of the configuration in `folder` at its random initialisation (from torch's global generator)."""
    return Encoder(*read_config(folder))


def on_device(model: Encoder, compute: Compute) -> Encoder:
    """Move a model to the device, and have it compute there as `compute` says."""
    model.to(compute.device)
    model.checkpointing, model.precision = compute.gradient_checkpointing, compute.precision
    return model


def save_encoder(model: Encoder, folder: Path) -> None:
    """Write config.json and model.safetensors; HarnessError for a full disk or a folder that can't be written.

    Of trimmed word embeddings (harness.model.words) the trained rows are written, their token ids and the factor of all
    others: with the encoder that the training began from they are the whole.
    """
    words = model.embedding.words
    assert not isinstance(words, TrimmedWords) or words.is_over_the_encoder
    content = {**model.config.to_dict(), "architectures": [model.family.model.__name__]}
    for volatile in ("transformers_version", "_name_or_path", "dtype"):
        content.pop(volatile, None)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise _unwritable(folder / CONFIG, error) from None
    _save(weights, folder / WEIGHTS)


def _save(weights: dict[str, Tensor], path: Path) -> None:
    try:
        save_file(weights, str(path), metadata={"format": "pt"})
        # safetensors lets nobody but the owner read; a container or a colleague may run as another user.
        shutil.copymode(path.parent / CONFIG, path)
    except (OSError, SafetensorError) as error:  # safetensors wraps what the system says
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: Exception) -> HarnessError:
    return HarnessError(
        f"expected to write {path}, found: {error}",
        fix="free disk space or make the folder writable, then run the same command again",
    )


def load_encoder(folder: Path, weights: Path | None = None) -> Encoder:
    """Read an encoder folder; `weights`: a checkpoint's safetensors, to be read in place of the folder's own.

    A checkpoint of trimmed word embeddings is put over those of the folder. Word embeddings stay where the file is
    mapped into memory until a training takes them over (`Encoder.train_words`). Draws no random number. Raises
    HarnessError if a file is missing, or the weights do not fit the configuration (naming the first tensor).
    """
    family, config = read_config(folder)
    path = weights or folder / WEIGHTS
    if not path.is_file():
        raise HarnessError(
            f"expected the encoder's {path.name} in {path.parent}, found none", fix="run `dvc repro encoder`"
        )
    with nothing_drawn():
        model = Encoder(family, config)
    found = _read_weights(path)
    table, ids = f"{family.embeddings.words}.weight", found.get(f"{family.embeddings.words}.ids")
    of, held = (path, found) if ids is None else (folder / WEIGHTS, _read_weights(folder / WEIGHTS))
    wrong = _first_difference({table: model.embedding.words.weight}, {n: t for n, t in held.items() if n == table})
    if wrong:
        raise _does_not_fit(of, wrong)
    model.embedding.words.weight = nn.Parameter(held[table])  # rows are copied out of the mapped file, not summed in it
    if ids is not None:
        model.train_words(_trained_ids(ids, int(config.vocab_size), path))
    _load(model, found, path, taken=table)
    return model


def _trained_ids(ids: Tensor, vocabulary: int, path: Path) -> list[int]:
    """The token ids that a checkpoint has rows of, rising and each of the vocabulary."""
    listed = [] if ids.ndim != 1 or ids.is_floating_point() else ids.tolist()
    if not listed or listed[0] < 0 or listed[-1] >= vocabulary or any(a >= b for a, b in pairwise(listed)):
        raise _does_not_fit(path, f"expected rising token ids below {vocabulary}, found others")
    return listed


def published_encoder(folder: Path, with_head: bool = True) -> tuple[Encoder, MaskedLMHead | None]:
    """An encoder as its library publishes it, and its masked-LM head, which the same file holds (None: not asked for).

    The encoder's weights may stand alone, without the prefix that they have beside a head. Raises HarnessError for a
    family that is not known, weights that do not fit the configuration, and a head that is not there.
    """
    with nothing_drawn():
        model = Encoder(*read_config(folder))
        head = MaskedLMHead(model) if with_head else None
    family, path = model.family, folder / WEIGHTS
    found = {_present_name(name): tensor for name, tensor in _read_weights(path).items()}
    prefix = family.prefix if any(name.startswith(family.prefix) for name in found) else ""
    body = {name.removeprefix(prefix): found[name] for name in found if name.startswith(prefix)}
    _load(model, {name: tensor for name, tensor in body.items() if not name.startswith(family.unused)}, path)
    if head is not None:
        if not any(name in found for name in family.lm_head):
            raise HarnessError(
                f"expected the encoder's masked-LM head in {path} (encoder.masked_lm_head), found the encoder alone",
                fix="set `masked_lm_head: false` in the encoder's settings in params.yaml, and leave recipes with `mlm`"
                " out of grid.recipes",
            )
        _load(head, {ours: found[name] for name, ours in family.lm_head.items() if name in found}, path)
    return model, head


def has_masked_lm_head(folder: Path) -> bool:
    """Whether an encoder's file as its library publishes it holds a masked-LM head; errors as `published_encoder`."""
    family, _ = read_config(folder)
    path = folder / WEIGHTS
    try:
        with safe_open(str(path), framework="pt") as file:
            names = {_present_name(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)
    except (OSError, SafetensorError) as error:
        raise _no_weights(path, error) from None
    return not names.isdisjoint(family.lm_head)


def _present_name(name: str) -> str:
    """A tensor's name today: releases before PyTorch had layer norms called their two parts gamma and beta."""
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        if name.endswith(f"LayerNorm{old}"):
            return name.removesuffix(old) + new
    return name


def encoder_of(family: Family, config: Mapping[str, Any], weights: dict[str, Tensor], source: Path) -> Encoder:
    """An encoder of a family with these weights, which `source` gave; HarnessError where they don't fit."""
    with nothing_drawn():
        model = Encoder(family, family.config(**config))
    _load(model, weights, source)
    return model


def size_of(model: Encoder) -> int:
    """Its parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def check_tokenizer(tokenizer: Tokenizer, model: Encoder, where: Path) -> None:
    """HarnessError where a tokenizer gives what the encoder can't read: ids, token types, or no special tokens."""
    tokens, config = model.family.tokens, model.config
    known = {name: token_id(tokenizer, name) for name in tokens.names()}
    tokenizer.no_truncation()
    tokenizer.no_padding()
    pair = tokenizer.encode("a", "b")
    for what, most, found in (
        ("token ids", config.vocab_size, max(tokenizer.get_vocab(with_added_tokens=True).values())),
        ("token types", config.type_vocab_size, max(pair.type_ids) if tokens.marks_second else 0),
    ):
        if found >= most:
            raise HarnessError(
                f"expected {what} below {most} (config.json) from the tokenizer in {where}, found {found}",
                fix="use the tokenizer that the encoder was made with",
            )
    if pair.ids[0] != known[tokens.begin] or pair.ids[-1] != known[tokens.end]:
        raise HarnessError(
            f"expected a tokenizer in {where} that puts {tokens.begin} and {tokens.end} around texts, found one that"
            f" gives {' '.join(pair.tokens)}",
            fix="save the tokenizer with its post-processor",
        )


def load_weights(model: nn.Module, path: Path) -> None:
    """Read safetensors into `model`, strictly: every tensor there, no other, every shape the same."""
    _load(model, _read_weights(path), path)


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise _no_weights(path, error) from None


def _no_weights(path: Path, error: Exception) -> HarnessError:
    return HarnessError(
        f"expected weights in safetensors format in {path}, found: {error}",
        fix="delete that folder and run `dvc repro`, or put the file there again that it was made from",
    )


def _load(model: nn.Module, found: dict[str, Tensor], path: Path, taken: str = "") -> None:
    wrong = _first_difference(model.state_dict(), found)
    if wrong:
        raise _does_not_fit(path, wrong)
    # Copied, not taken over: the file is mapped into memory at places that torch would not choose, which may change the
    # last bits of a sum. `taken` stays there.
    model.load_state_dict({name: tensor for name, tensor in found.items() if name != taken}, strict=False)


def _does_not_fit(path: Path, wrong: str) -> HarnessError:
    return HarnessError(
        f"the checkpoint {path} does not fit the encoder: {wrong}",
        fix="delete the checkpoint's folder and run `dvc repro`, so that it is made from the present encoder",
    )


def _first_difference(expected: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    for name, tensor in expected.items():
        if name not in found:
            return f"expected the tensor `{name}`, found none"
        if found[name].shape != tensor.shape:
            return f"expected `{name}` of shape {tuple(tensor.shape)}, found {tuple(found[name].shape)}"
        if found[name].is_floating_point() != tensor.is_floating_point():
            numbers = "floating-point numbers" if tensor.is_floating_point() else "whole numbers"
            return f"expected `{name}` as {numbers}, found {found[name].dtype}"
    extra = sorted(set(found) - set(expected))
    return f"found the unknown tensor `{extra[0]}`" if extra else None


class MaskedLMHead(TrainableHead):
    """The masked-language-model head: dense, GELU, layer norm, decoder tied to the word embeddings."""

    def __init__(self, model: Encoder) -> None:
        super().__init__()
        config = model.config
        self._encoder = [model]  # in a list, so that its word embeddings stay its own alone
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        nn.init.normal_(self.dense.weight, std=config.initializer_range)
        nn.init.zeros_(self.dense.bias)

    def forward(self, states: Tensor) -> Tensor:
        """`states`: (positions, hidden) -> logits (positions, vocabulary)."""
        hidden = self.norm(nn.functional.gelu(self.dense(states)))
        return nn.functional.linear(hidden, self._encoder[0].embedding.words.weight, self.bias)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy; `labels`: (positions,)."""
        return nn.functional.cross_entropy(logits, labels)

    def positions(self, labels: Tensor) -> Tensor:
        """The chosen positions; no states and no logits are made of the others."""
        return labelled_positions(labels)

    def terms(self, batch: Sequence[Feature]) -> int:
        """Chosen positions."""
        return labelled_tokens(batch)


def save_masked_lm_head(head: MaskedLMHead, folder: Path) -> None:
    """Write the head beside its encoder, for recipes that go on with masked LM."""
    _save({name: tensor.detach().cpu().contiguous() for name, tensor in head.state_dict().items()}, folder / LM_HEAD)


def load_masked_lm_head(model: Encoder, folder: Path) -> MaskedLMHead:
    """The head that the encoder was pretrained with; HarnessError where it is missing or does not fit."""
    with nothing_drawn():
        head = MaskedLMHead(model)
    load_weights(head, folder / LM_HEAD)
    return head.to(model.device)
