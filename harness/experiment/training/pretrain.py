"""Masked-language-model pretraining of the encoder on the corpus, as XLM-R is pretrained (Conneau et al. 2020).

One encoder serves every recipe and seed, as XLM-R does in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from harness.experiment.training.learning_rate import linear_schedule
from harness.experiment.training.resume import EVERY, Standing
from harness.model import determinism
from harness.model.encoder import MaskedLMHead
from harness.model.features import IGNORED
from harness.model.forward import Encoder, padded
from harness.model.heads import loss_of
from harness.model.tokenizer import SpecialTokens, token_id
from harness.project.params import MaskedLM, Pretraining
from harness.project.results import CurvePoint

POINTS = 40
"""Points of the learning curve that are kept."""
BETAS = (0.9, 0.98)
"""AdamW's betas in pretraining: a shorter memory of squared gradients than the default, ours."""


def language_shares(sizes: Mapping[str, int], exponent: float) -> dict[str, float]:
    """Chance that a sequence comes from each language: (share of the corpus) ** exponent, normalised."""
    total = sum(sizes.values())
    raised = {language: (size / total) ** exponent for language, size in sizes.items() if size}
    return {language: value / sum(raised.values()) for language, value in raised.items()}


def sequences(
    lines: Sequence[Sequence[int]], begin: int, end: int, max_length: int, draws: np.random.Generator
) -> Iterator[list[int]]:
    """Endless sequences of one language, one row of the corpus each, every row once per pass.

    Rows are not packed together: an unrelated neighbour in the same input only distracts a small model.
    """
    while True:
        for index in draws.permutation(len(lines)):
            yield [begin, *lines[index][: max_length - 2], end]


def mask_tokens(
    ids: Tensor, special: int, vocabulary: int, mask: int, probability: float, draws: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Choose `probability` of the ordinary tokens; of these 80 % become `mask`, 10 % random, 10 % stay.

    `ids`: (batch, length); ids below `special` are special. Returns inputs and labels, IGNORED where not chosen.
    """
    chance = torch.rand(ids.shape, generator=draws)
    chosen = (chance < probability) & (ids >= special)
    if not chosen.any():  # a small batch may draw none: then its likeliest ordinary token is chosen
        chosen.view(-1)[chance.masked_fill(ids < special, 2.0).argmin()] = True
    labels = ids.masked_fill(~chosen, IGNORED)
    how = torch.rand(ids.shape, generator=draws)
    random_ids = torch.randint(special, vocabulary - 1, ids.shape, generator=draws)
    inputs = torch.where(chosen & (how < 0.8), mask, ids)
    return torch.where(chosen & (how >= 0.9), random_ids, inputs), labels


def pretrain(
    model: Encoder,
    tokenizer: Tokenizer,
    corpus: Mapping[str, Sequence[str]],
    settings: Pretraining,
    advance: Callable[[], None] = lambda: None,
    standing: Standing | None = None,
) -> tuple[list[CurvePoint], MaskedLMHead]:
    """Train `model` in place on `corpus` (language -> sentences); returns the learning curve and the head.

    `advance` is called once per step (progress). With `standing`, where the training stands is kept, and a training
    that was cut off goes on from there; its result is the same to the last bit.
    """
    head = MaskedLMHead(model).to(model.device)
    parameters = [*model.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, betas=BETAS, weight_decay=settings.weight_decay, fused=True
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, linear_schedule(settings.steps, settings.warmup_proportion))
    masks = determinism.generator(settings.seed, "masks")
    marks = {round(settings.steps * (i + 1) / POINTS) for i in range(POINTS)}
    family, vocabulary = model.family, model.config.vocab_size
    mask_id = token_id(tokenizer, family.tokens.mask)
    curve: list[CurvePoint] = []
    losses: list[float] = []
    done = 0
    if standing and (kept := standing.kept(model.device)):
        parts: dict[str, Any] = {"model": model, "head": head, "optimiser": optimiser, "rate": rate}
        for name, part in parts.items():
            part.load_state_dict(kept[name])
        masks.set_state(kept["masks"])
        curve, losses, done = [CurvePoint(**point) for point in kept["curve"]], kept["losses"], kept["step"]
        for _ in range(done):
            advance()
    batches = islice(_batches(tokenizer, family.tokens, corpus, settings), done, None)
    model.train()
    for step in range(done + 1, settings.steps + 1):
        ids, attention = next(batches)
        inputs, labels = mask_tokens(ids, family.first_ordinary, vocabulary, mask_id, settings.mask_probability, masks)
        loss = loss_of(model, head, inputs, attention, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        learning_rate = rate.get_last_lr()[0]
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        rate.step()
        losses.append(loss.item())
        advance()
        if step in marks:
            curve.append(CurvePoint(step=step, loss=round(float(np.mean(losses)), 6), learning_rate=learning_rate))
            losses.clear()
        if standing and step % EVERY == 0:
            standing.keep(
                {
                    "step": step,
                    "model": model.state_dict(),
                    "head": head.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "rate": rate.state_dict(),
                    "masks": masks.get_state(),
                    "curve": [point.model_dump(mode="json") for point in curve],
                    "losses": losses,
                }
            )
    model.eval()
    return curve, head


def _batches(
    tokenizer: Tokenizer, tokens: SpecialTokens, corpus: Mapping[str, Sequence[str]], settings: Pretraining
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Endless batches of about `batch_tokens` tokens: token ids and mask, similar lengths together."""
    pad = token_id(tokenizer, tokens.pad)
    draws = np.random.Generator(np.random.PCG64(determinism.derive(settings.seed, "batches")))
    for pool in pools(encode(tokenizer, corpus), tokenizer, tokens, settings, 1024, draws):
        batches: list[list[list[int]]] = [[]]
        for ids in pool:
            if batches[-1] and (len(batches[-1]) + 1) * len(ids) > settings.batch_tokens:
                batches.append([])
            batches[-1].append(ids)
        for index in draws.permutation(len(batches)):
            yield padded(batches[index], pad)


def encode(tokenizer: Tokenizer, corpus: Mapping[str, Sequence[str]]) -> dict[str, list[list[int]]]:
    """Language -> token ids of its lines, special tokens not included."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return {
        language: [encoding.ids for encoding in tokenizer.encode_batch(list(lines), add_special_tokens=False)]
        for language, lines in corpus.items()
    }


def pools(
    lines: Mapping[str, Sequence[Sequence[int]]],
    tokenizer: Tokenizer,
    tokens: SpecialTokens,
    settings: Pretraining | MaskedLM,
    size: int,
    draws: np.random.Generator,
) -> Iterator[list[list[int]]]:
    """Endless pools of `size` sequences, languages drawn by their shares, shortest first."""
    begin, end = token_id(tokenizer, tokens.begin), token_id(tokenizer, tokens.end)
    shares = language_shares({language: len(ids) for language, ids in lines.items()}, settings.language_exponent)
    streams = [sequences(lines[language], begin, end, settings.max_length, draws) for language in shares]
    chances = list(shares.values())
    while True:
        pool = [next(streams[i]) for i in draws.choice(len(streams), size=size, p=chances)]
        pool.sort(key=len)
        yield pool
