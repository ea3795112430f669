"""The encoder families: all that tells one architecture from another, in one record each.

A family is a library's model with the names of its parts, its special tokens and the layout of its published weights.
A new one is one more record in FAMILIES; no other file names a family's parts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel
from transformers.models.xlm_roberta.configuration_xlm_roberta import XLMRobertaConfig
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from harness.model.tokenizer import SpecialTokens
from harness.project.errors import HarnessError

CONFIG = "config.json"
Part = TypeVar("Part")
"""A part of a model: the dotted name that the library gives it, or the module itself."""


@dataclass(frozen=True)
class Embeddings(Generic[Part]):
    """The parts that turn token ids into the states below the first layer."""

    words: Part
    """A vector per piece of the vocabulary."""
    positions: Part
    """A vector per position."""
    types: Part
    """A vector per token type."""
    norm: Part
    """Layer norm of the sum of the three."""
    dropout: Part
    """Dropout after it."""


@dataclass(frozen=True)
class Layer(Generic[Part]):
    """The parts of one layer, named from the layer: self-attention, feed-forward, a layer norm after each."""

    query: Part
    """Linear map to the queries of all attention heads."""
    key: Part
    """Linear map to their keys."""
    value: Part
    """Linear map to their values."""
    attention_output: Part
    """Linear map of what was attended to."""
    attention_dropout: Part
    """Dropout before it is added to the layer's input."""
    attention_norm: Part
    """Layer norm of that sum."""
    inner: Part
    """Linear map to the wide states, before GELU."""
    output: Part
    """Linear map back."""
    output_dropout: Part
    """Dropout before it is added to the attention's sum."""
    output_norm: Part
    """Layer norm of that sum."""


@dataclass(frozen=True)
class Family:
    """One architecture of encoders with absolute positions and layer norms after each sum."""

    model_type: str
    """What config.json calls it."""
    config: Callable[..., PreTrainedConfig]
    """The library's class of configurations."""
    model: type[PreTrainedModel]
    """The library's class of models without a head."""
    tokens: SpecialTokens
    """Texts of the special tokens."""
    first_ordinary: int
    """Token ids below this one are special."""
    position_offset: int
    """Number of the first token's position; the configuration counts so many positions more than an input may have."""
    token_types: int
    """Token types that a new encoder knows; every token has the first, unless `tokens` marks a pair's second text."""
    layer_norm_eps: float
    """Of a new encoder's layer norms."""
    embeddings: Embeddings[str]
    """Names of the embedding's parts."""
    layers: str
    """Name of the list of layers."""
    layer: Layer[str]
    """Names of a layer's parts."""
    prefix: str
    """What the names of an encoder's weights begin with where it was published with its masked-LM head."""
    unused: tuple[str, ...]
    """Beginnings of the names, after the prefix, of what a published file may hold beside weights that are used."""
    lm_head: Mapping[str, str]
    """Published name -> ours of the masked-LM head's weights; the decoder's matrix is the word embeddings."""

    def embeddings_of(self, model: nn.Module) -> Embeddings[Any]:
        """The modules that embed."""
        return Embeddings(**_found(self.embeddings, model))

    def layers_of(self, model: nn.Module) -> list[Layer[Any]]:
        """The modules of every layer, first to last."""
        return [Layer(**_found(self.layer, layer)) for layer in attrgetter(self.layers)(model)]


def _found(names: Embeddings[str] | Layer[str], module: nn.Module) -> dict[str, Any]:
    return {part.name: attrgetter(getattr(names, part.name))(module) for part in fields(names)}


XLM_ROBERTA = Family(
    model_type="xlm-roberta",
    config=XLMRobertaConfig,
    model=XLMRobertaModel,
    tokens=SpecialTokens(begin="<s>", pad="<pad>", end="</s>", unknown="<unk>", mask="<mask>"),
    first_ordinary=4,  # begin, padding, end, unknown; the mask is the vocabulary's last
    position_offset=2,  # positions are counted from behind the padding's token id, 1
    token_types=1,
    layer_norm_eps=1e-5,
    embeddings=Embeddings(
        words="embeddings.word_embeddings",
        positions="embeddings.position_embeddings",
        types="embeddings.token_type_embeddings",
        norm="embeddings.LayerNorm",
        dropout="embeddings.dropout",
    ),
    layers="encoder.layer",
    layer=Layer(
        query="attention.self.query",
        key="attention.self.key",
        value="attention.self.value",
        attention_output="attention.output.dense",
        attention_dropout="attention.output.dropout",
        attention_norm="attention.output.LayerNorm",
        inner="intermediate.dense",
        output="output.dense",
        output_dropout="output.dropout",
        output_norm="output.LayerNorm",
    ),
    prefix="roberta.",
    unused=("pooler.", "embeddings.position_ids"),  # older releases saved the numbers of positions among the weights
    lm_head={
        "lm_head.dense.weight": "dense.weight",
        "lm_head.dense.bias": "dense.bias",
        "lm_head.layer_norm.weight": "norm.weight",
        "lm_head.layer_norm.bias": "norm.bias",
        "lm_head.bias": "bias",
    },
)
"""XLM-R (Conneau et al. 2020)."""
BERT = replace(
    XLM_ROBERTA,  # whose embeddings and layers have the same names
    model_type="bert",
    config=BertConfig,
    model=BertModel,
    tokens=SpecialTokens(begin="[CLS]", pad="[PAD]", end="[SEP]", unknown="[UNK]", mask="[MASK]", marks_second=True),
    first_ordinary=104,  # padding, 99 that are unused, unknown, begin, end, mask
    position_offset=0,
    token_types=2,
    layer_norm_eps=1e-12,
    prefix="bert.",
    lm_head={
        "cls.predictions.transform.dense.weight": "dense.weight",
        "cls.predictions.transform.dense.bias": "dense.bias",
        "cls.predictions.transform.LayerNorm.weight": "norm.weight",
        "cls.predictions.transform.LayerNorm.bias": "norm.bias",
        "cls.predictions.bias": "bias",
    },
)
"""BERT (Devlin et al. 2019), the multilingual one among them: `[CLS] A [SEP] B [SEP]`, B marked by its token type."""
FAMILIES = {family.model_type: family for family in (XLM_ROBERTA, BERT)}
"""Every family by the `model_type` of its config.json."""
USUAL: dict[str, Any] = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""What a configuration says, or leaves unsaid, of an encoder as it is computed here. Where positions are counted from
behind the padding's token id, that id is one of these, too."""


def read_config(folder: Path) -> tuple[Family, PreTrainedConfig]:
    """The family of an encoder's folder, and its configuration.

    Raises HarnessError where config.json is missing or no JSON, names a type that no family has, or asks for a variant
    of the architecture that the forward pass here doesn't compute.
    """
    path = folder / CONFIG
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HarnessError(
            f"expected the encoder's {CONFIG} in {folder}, found none", fix="run `dvc repro encoder`"
        ) from None
    except ValueError as error:
        raise HarnessError(f"expected JSON in {path}, found: {error}", fix="run `dvc repro -f encoder`") from None
    model_type = content.get("model_type") if isinstance(content, dict) else None
    family = FAMILIES.get(str(model_type))
    if family is None:
        known = " or ".join(f"`{name}`" for name in FAMILIES)
        raise HarnessError(
            f"expected an encoder of type {known} in {path}, found `{model_type}`",
            fix=f"choose an encoder of type {known}",
        )
    padding = {"pad_token_id": family.position_offset - 1} if family.position_offset else {}
    for name, usual in {**USUAL, **padding}.items():
        if content.get(name, usual) != usual:
            raise HarnessError(
                f"expected {name} {usual!r} in {path}, found {content[name]!r}: another encoder than is computed here",
                fix="choose an encoder without that variant",
            )
    try:
        return family, family.config(**content)
    except Exception as error:  # the library raises no narrower class
        problem = " ".join(str(error).split())
        raise HarnessError(
            f"expected a configuration of type `{model_type}` in {path}, found: {problem:.200}",
            fix="use the config.json that the encoder was saved with",
        ) from None
