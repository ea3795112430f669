"""Masked LM as one stream of the training loop, for recipes that go on with it (Phang et al. 2020: `+mlm`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from harness.experiment.training.loop import Stream
from harness.experiment.training.pretrain import encode, mask_tokens, pools
from harness.experiment.training.text import read_corpus
from harness.model import determinism
from harness.model.batching import POOL
from harness.model.encoder import load_masked_lm_head
from harness.model.families import Family
from harness.model.features import Feature
from harness.model.tokenizer import token_id
from harness.project.params import MaskedLM, Params
from harness.project.paths import Paths


def masked_lm(encoder: Any, tokenizer: Tokenizer, cap: int, params: Params, paths: Paths) -> Stream:
    """Masked LM on the corpus as one more stream of the mixture, with the head that the encoder was pretrained with."""
    assert params.mlm is not None  # Params refuses a recipe with masked LM that has no settings
    corpus = read_corpus(paths)
    batches = masked_batches(corpus, tokenizer, encoder.family, encoder.config.vocab_size, params.mlm)
    weight = float(min(sum(map(len, corpus.values())), cap))
    return Stream("mlm", load_masked_lm_head(encoder, paths.encoder), batches, weight)


def masked_batches(
    corpus: Mapping[str, Sequence[str]], tokenizer: Tokenizer, family: Family, vocabulary: int, settings: MaskedLM
) -> Callable[[int], Iterator[list[Feature]]]:
    """The corpus as one stream of the training loop: seed -> endless batches, every sentence masked anew each time."""
    lines = encode(tokenizer, corpus)
    tokens = family.tokens
    mask = token_id(tokenizer, tokens.mask)
    special = [token_id(tokenizer, name) for name in (tokens.begin, tokens.pad, tokens.end, tokens.unknown)]
    first_ordinary = max(
        family.first_ordinary, *(number + 1 for number in special)
    )  # vocabularies of one family differ

    def batches(seed: int) -> Iterator[list[Feature]]:
        draws = np.random.Generator(np.random.PCG64(determinism.derive(seed, "batches")))
        masks = determinism.generator(seed, "masks")
        size = settings.batch_size
        for pool in pools(lines, tokenizer, tokens, settings, size * POOL, draws):
            for index in draws.permutation(POOL):
                masked = []
                for row, ids in enumerate(pool[index * size : (index + 1) * size]):
                    inputs, labels = mask_tokens(
                        torch.tensor([ids]),
                        first_ordinary,
                        vocabulary,
                        mask,
                        settings.mask_probability,
                        masks,
                    )
                    masked.append(Feature(inputs.tolist(), labels[0].tolist(), row))
                yield masked

    return batches
