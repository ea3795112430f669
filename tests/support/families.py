"""A second encoder family, BERT, so that tests see what is read from a family's record."""

from __future__ import annotations

from dataclasses import replace

from transformers import BertConfig, BertModel

from harness.model.families import XLM_ROBERTA
from harness.model.tokenizer import SpecialTokens

BERT = replace(
    XLM_ROBERTA,  # whose embeddings and layers have the same names
    model_type="bert",
    config=BertConfig,
    model=BertModel,
    tokens=SpecialTokens(begin="[CLS]", pad="[PAD]", end="[SEP]", unknown="[UNK]", mask="[MASK]"),
    first_ordinary=104,
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
