"""The multilingual encoder: XLM-R, built anew or read from a folder of safetensors.

A folder holds config.json, model.safetensors and tokenizer.json, so transformers' own `from_pretrained` reads it too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.models.xlm_roberta.configuration_xlm_roberta import XLMRobertaConfig

from harness.model.forward import Encoder
from harness.model.heads import TrainableHead, labelled_positions, labelled_tokens
from harness.project.errors import HarnessError
from harness.project.params import Architecture, Compute

if TYPE_CHECKING:
    from harness.model.features import Feature

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
LM_HEAD = "mlm_head.safetensors"


def new_encoder(architecture: Architecture, vocabulary_size: int) -> Encoder:
    """An encoder at its random initialisation (drawn from torch's global generator)."""
    config = XLMRobertaConfig(
        vocab_size=vocabulary_size,
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        intermediate_size=architecture.intermediate_size,
        max_position_embeddings=architecture.max_length + 2,
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=architecture.dropout,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    return Encoder(config)


def on_device(model: Encoder, compute: Compute) -> Encoder:
    """Move a model to the device, and have it compute there as `compute` says."""
    nn.Module.to(model, compute.device)  # transformers' own `to` is not typed
    model.checkpointing, model.precision = compute.gradient_checkpointing, compute.precision
    return model


def save_encoder(model: Encoder, folder: Path) -> None:
    """Write config.json and model.safetensors; HarnessError for a full disk or a folder that can't be written."""
    content = {**model.config.to_dict(), "architectures": ["XLMRobertaModel"]}
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


def load_encoder(folder: Path) -> Encoder:
    """Read an encoder folder.

    Raises HarnessError if a file is missing, or the weights do not fit the configuration (naming the first tensor).
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise HarnessError(f"expected the encoder's {name} in {folder}, found none", fix="run `dvc repro encoder`")
    model = Encoder(_read_config(folder))
    load_weights(model, folder / WEIGHTS)
    return model


def _read_config(folder: Path) -> XLMRobertaConfig:
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise HarnessError(
            f"expected JSON in {folder / CONFIG}, found: {error}", fix="run `dvc repro -f encoder`"
        ) from None
    if content.get("model_type") != "xlm-roberta":
        raise HarnessError(
            f"expected an encoder of type `xlm-roberta` in {folder / CONFIG}, found `{content.get('model_type')}`",
            fix="choose an encoder with XLM-R's architecture",
        )
    return XLMRobertaConfig(**content)


def published_encoder(folder: Path) -> tuple[Encoder, MaskedLMHead]:
    """XLM-R as it is published (XLMRobertaForMaskedLM: `roberta.*`, `lm_head.*`), as encoder and masked-LM head.

    Raises HarnessError for another architecture, or weights that do not fit the configuration.
    """
    model = Encoder(_read_config(folder))
    head = MaskedLMHead(model)
    found = _read_weights(folder / WEIGHTS)
    body = {name.removeprefix("roberta."): tensor for name, tensor in found.items() if name.startswith("roberta.")}
    body = {name: tensor for name, tensor in body.items() if not name.startswith(_NOT_WEIGHTS)}
    top = {_LM_HEAD_NAMES[name]: found[name] for name in _LM_HEAD_NAMES if name in found}
    _load(model, body, folder / WEIGHTS)
    _load(head, top, folder / WEIGHTS)
    return model, head


_NOT_WEIGHTS = ("pooler.", "embeddings.position_ids")
"""Never used here, and a counter that older releases of transformers saved among the weights."""
_LM_HEAD_NAMES = {
    "lm_head.dense.weight": "dense.weight",
    "lm_head.dense.bias": "dense.bias",
    "lm_head.layer_norm.weight": "norm.weight",
    "lm_head.layer_norm.bias": "norm.bias",
    "lm_head.bias": "bias",
}
"""Published name -> ours; the decoder's matrix is the word embeddings."""


def load_weights(model: nn.Module, path: Path) -> None:
    """Read safetensors into `model`, strictly: every tensor there, no other, every shape the same."""
    _load(model, _read_weights(path), path)


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise HarnessError(
            f"expected weights in safetensors format in {path}, found: {error}",
            fix="delete that folder and run `dvc repro`",
        ) from None


def _load(model: nn.Module, found: dict[str, Tensor], path: Path) -> None:
    wrong = _first_difference(model.state_dict(), found)
    if wrong:
        raise HarnessError(
            f"the checkpoint {path} does not fit the encoder: {wrong}",
            fix="delete the checkpoint's folder and run `dvc repro`, so that it is made from the present encoder",
        )
    model.load_state_dict(found)


def _first_difference(expected: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    for name, tensor in expected.items():
        if name not in found:
            return f"expected the tensor `{name}`, found none"
        if found[name].shape != tensor.shape:
            return f"expected `{name}` of shape {tuple(tensor.shape)}, found {tuple(found[name].shape)}"
    extra = sorted(set(found) - set(expected))
    return f"found the unknown tensor `{extra[0]}`" if extra else None


class MaskedLMHead(TrainableHead):
    """XLM-R's masked-language-model head: dense, GELU, layer norm, decoder tied to the word embeddings."""

    def __init__(self, model: Encoder) -> None:
        super().__init__()
        config = model.config
        self._embeddings = [model.embeddings.word_embeddings]  # in a list, so that they stay the encoder's alone
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        nn.init.normal_(self.dense.weight, std=config.initializer_range)
        nn.init.zeros_(self.dense.bias)

    def forward(self, states: Tensor) -> Tensor:
        """`states`: (positions, hidden) -> logits (positions, vocabulary)."""
        hidden = self.norm(nn.functional.gelu(self.dense(states)))
        return nn.functional.linear(hidden, self._embeddings[0].weight, self.bias)

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
    head = MaskedLMHead(model)
    load_weights(head, folder / LM_HEAD)
    return head.to(model.device)
