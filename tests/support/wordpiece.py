"""A tiny BERT as the hub has it: its own WordPiece tokenizer, and weights that transformers saved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM

SPECIAL = ["[PAD]", *(f"[unused{number}]" for number in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def wordpiece_tokenizer(texts: Iterable[str], lowercase: bool = False) -> Tokenizer:
    """Letter by letter, with the vocabulary that the texts need and multilingual BERT's special tokens at their ids."""
    normaliser = normalizers.BertNormalizer(lowercase=lowercase)
    letters = sorted({letter for text in texts for letter in normaliser.normalize_str(text) if not letter.isspace()})
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normaliser
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def save_tiny_bert(folder: Path, tokenizer: Tokenizer, **changed: Any) -> BertForMaskedLM:
    """Save a BERT of two layers of 16 with its masked-LM head and tokenizer, as transformers lays them out."""
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=128, type_vocab_size=2, **changed,
    )  # fmt: skip
    model = BertForMaskedLM(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith(("bias", "token_type_embeddings.weight")):  # small at first, which hides what is not read
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return model
