"""The training loop: one readable function for target training, intermediate training and mixtures.

One task per batch, drawn in proportion to min(examples, cap); a single task is a mixture of one. AdamW, linear
warm-up then linear decay, gradient clipping, early stopping on the source language's dev set: the set-up of jiant's
XTREME guide (see profiles/paper.yaml for numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from harness.experiment.training.learning_rate import linear_schedule
from harness.model import determinism
from harness.model.batching import collate, collate_labels
from harness.model.features import Feature
from harness.model.forward import Encoder
from harness.model.heads import TrainableHead, loss_of
from harness.model.words import TrimmedWords
from harness.project.results import CurvePoint

POINTS = 20
"""Points of the training curve that a result keeps, beside the evaluations."""
FLAT = 0.99
"""A loss that ends above this share of where it began has not fallen."""


@dataclass(frozen=True)
class Stream:
    """One task in training: its head and its batches."""

    name: str
    head: TrainableHead
    batches: Callable[[int], Iterator[list[Feature]]]
    """Seed -> endless batches of features."""
    weight: float = 1.0
    """Unnormalised chance that a batch is drawn from this task."""
    tokens: Set[int] | None = None
    """Token ids that its batches may hold; None: any, or its loss reads every word embedding."""


@dataclass(frozen=True)
class Schedule:
    """The optimiser's settings; see params.Training for the meaning of each."""

    steps: int
    learning_rate: float
    warmup_proportion: float
    weight_decay: float
    adam_epsilon: float
    max_gradient_norm: float
    evaluate_every: int | None = None
    patience: int | None = None
    keep: Literal["last", "best"] = "last"
    micro_batch: int | None = None


@dataclass
class Trained:
    """What a training found."""

    curve: list[CurvePoint] = field(default_factory=list)
    step: int = 0
    """Optimiser steps of the state that is used."""
    stopped: int = 0
    """Optimiser steps taken; fewer than scheduled where patience ran out."""

    @property
    def flat(self) -> bool:
        """Whether the loss did not fall; too short a training tells nothing."""
        return len(self.curve) >= POINTS and self.curve[-1].loss > FLAT * self.curve[0].loss


def trim_words(encoder: Encoder, streams: Sequence[Stream], pad: int) -> int:
    """Keep of the encoder's word embeddings only those to be trained that a training on `streams` would change.

    All of them where a stream reads any (masked LM: its decoder is the word embeddings). Returns how many are trained.
    """
    tokens = [stream.tokens for stream in streams]
    known = [chosen for chosen in tokens if chosen is not None]
    if len(known) < len(tokens):
        encoder.train_words(None)
        return int(encoder.config.vocab_size)
    special = range(min(encoder.family.first_ordinary, encoder.config.vocab_size))
    ids = set(special).union({pad}, *known)
    encoder.train_words(ids)
    return len(ids)


class Diverged(Exception):
    """The loss is no longer a number."""

    def __init__(self, curve: list[CurvePoint]) -> None:
        super().__init__("the training loss is not a finite number")
        self.curve = curve


def train(
    encoder: nn.Module,
    streams: Sequence[Stream],
    schedule: Schedule,
    *,
    seed: int,
    pad: int,
    evaluate: Callable[[int], tuple[dict[str, float], float]] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Trained:
    """Train `encoder` and the streams' heads together and leave them in the state that is used.

    `evaluate(step)` gives the dev metrics and the one number that is compared, in points; it is called after every
    `evaluate_every` steps and at the end. `advance` is called after each step (progress). Raises Diverged when the
    loss is not finite. Which word embeddings may change is said before (`trim_words`); the result is that of all.
    """
    determinism.seed_all(determinism.derive(seed, "dropout"))
    trimmed = [module for module in encoder.modules() if isinstance(module, TrimmedWords)]
    modules = nn.ModuleList([encoder, *[stream.head for stream in streams]])
    parameters = list(modules.parameters())
    optimiser = torch.optim.AdamW(
        _groups(modules, schedule), lr=schedule.learning_rate, eps=schedule.adam_epsilon, fused=True
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, linear_schedule(schedule.steps, schedule.warmup_proportion))
    batches = {stream.name: stream.batches(determinism.derive(seed, stream.name)) for stream in streams}
    marks = _marks(schedule.steps, POINTS)
    found, best = Trained(), _Best(schedule, modules)
    losses: list[Tensor] = []
    modules.train()
    for step, stream in zip(range(1, schedule.steps + 1), draw_streams(streams, seed), strict=False):
        losses.append(_backward(encoder, stream.head, next(batches[stream.name]), pad, schedule.micro_batch))
        torch.nn.utils.clip_grad_norm_(parameters, schedule.max_gradient_norm, foreach=True)
        learning_rate = float(rate.get_last_lr()[0])
        optimiser.step()
        for words in trimmed:
            words.decay(1 - learning_rate * schedule.weight_decay)
        optimiser.zero_grad(set_to_none=True)
        rate.step()
        advance()
        found.step = found.stopped = step
        tested = evaluate is not None and _is_tested(step, schedule)
        if step in marks or tested:
            mean = torch.stack(losses).mean().item()
            losses.clear()
            if not torch.isfinite(torch.tensor(mean)):
                raise Diverged(found.curve)
            dev = _measure(modules, evaluate, step, best) if evaluate and tested else None
            found.curve.append(CurvePoint(step=step, loss=round(mean, 6), learning_rate=learning_rate, dev=dev))
            if best.exhausted:
                break
    found.step = best.restore(found.step)
    modules.eval()
    return found


def _backward(
    encoder: nn.Module, head: TrainableHead, batch: Sequence[Feature], pad: int, micro_batch: int | None
) -> Tensor:
    """Gradients of the batch's mean loss, in as many passes as `micro_batch` asks for; returns the loss, detached."""
    size = micro_batch or len(batch)
    parts = [batch[start : start + size] for start in range(0, len(batch), size)]
    counts = [head.terms(part) for part in parts]
    total: Tensor | None = None
    for part, count in zip(parts, counts, strict=True):
        if count == 0 and len(parts) > 1:  # no label in this part, so no term of the mean
            continue
        ids, mask, second = collate(part, pad)
        labels = collate_labels(part, ids.shape[1])
        loss = loss_of(encoder, head, ids, mask, labels, second)
        if len(parts) > 1:  # each part's mean counts by its share of the batch's terms
            loss = loss * (count / sum(counts))
        loss.backward()
        total = loss.detach() if total is None else total + loss.detach()
    assert total is not None  # some example of a batch has a label
    return total


class _Best:
    """The best evaluation so far, and its state where that is the one to keep."""

    def __init__(self, schedule: Schedule, modules: nn.Module) -> None:
        self.schedule, self.modules = schedule, modules
        self.value, self.step, self.since = -float("inf"), 0, 0
        self.state: dict[str, Tensor] | None = None

    def note(self, value: float, step: int) -> None:
        """Take in one evaluation; of equals the earliest counts."""
        self.since += 1
        if value > self.value:
            self.value, self.step, self.since = value, step, 0
            if self.schedule.keep == "best":
                self.state = {name: tensor.detach().cpu().clone() for name, tensor in self.modules.state_dict().items()}

    @property
    def exhausted(self) -> bool:
        return self.schedule.patience is not None and self.since >= self.schedule.patience

    def restore(self, last: int) -> int:
        """Go back to the best state where that is kept; returns the steps of the state that is used."""
        if self.state is None or self.step == last:
            return last
        self.modules.load_state_dict(self.state)
        return self.step


def draw_streams(streams: Sequence[Stream], seed: int) -> Iterator[Stream]:
    """Endless draws of the task that gives the next batch, in proportion to the weights."""
    draws = determinism.generator(seed, "mixture")
    weights = torch.tensor([stream.weight for stream in streams], dtype=torch.float64)
    while True:
        for index in torch.multinomial(weights, 1024, replacement=True, generator=draws).tolist():
            yield streams[index]


def _groups(modules: nn.Module, schedule: Schedule) -> list[dict[str, object]]:
    """Weight decay on matrices only: biases and layer norms have one dimension."""
    parameters = [parameter for parameter in modules.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _marks(steps: int, count: int) -> set[int]:
    return {round(steps * (i + 1) / count) for i in range(count)} if count else set()


def _is_tested(step: int, schedule: Schedule) -> bool:
    return schedule.evaluate_every is not None and (step % schedule.evaluate_every == 0 or step == schedule.steps)


def _measure(
    modules: nn.Module, evaluate: Callable[[int], tuple[dict[str, float], float]], step: int, best: _Best
) -> dict[str, float]:
    """Score the dev set; nothing is drawn in evaluation mode, so training's random numbers stay as they are."""
    modules.eval()
    metrics, value = evaluate(step)
    best.note(value, step)
    modules.train()
    return metrics
