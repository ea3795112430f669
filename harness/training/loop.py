"""The training loop: one readable function for target training, intermediate training and mixtures.

One task per batch, drawn in proportion to min(examples, cap); a single task is a mixture of one. AdamW, linear
warm-up then linear decay, gradient clipping: the set-up of jiant's XTREME guide (see profiles/paper.yaml for numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.model.features import Feature
from harness.model.heads import Head
from harness.results import CurvePoint
from harness.training import determinism
from harness.training.batching import collate, collate_labels, training_batches

POINTS = 20
"""Points of the training curve that a result keeps."""


@dataclass(frozen=True)
class Stream:
    """One task in training: its features and its head."""

    name: str
    head: Head
    items: Sequence[Feature]
    batch_size: int
    weight: float
    """Unnormalised chance that a batch is drawn from this task."""


@dataclass(frozen=True)
class Schedule:
    """The optimiser's settings; see params.Training for the meaning of each."""

    steps: int
    learning_rate: float
    warmup_proportion: float
    weight_decay: float
    adam_epsilon: float
    max_gradient_norm: float
    evaluations: int = 0


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
    evaluate: Callable[[], dict[str, float]] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> list[CurvePoint]:
    """Train `encoder` and the streams' heads together; returns the training curve.

    Raises Diverged when the loss is not finite. `advance` is called after each step (progress).
    """
    determinism.seed_all(determinism.derive(seed, "dropout"))
    device = next(encoder.parameters()).device
    modules = nn.ModuleList([encoder, *[stream.head for stream in streams]])
    optimiser = torch.optim.AdamW(
        _groups(modules, schedule), lr=schedule.learning_rate, eps=schedule.adam_epsilon, fused=True
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, linear_schedule(schedule.steps, schedule.warmup_proportion))
    batches = {
        stream.name: training_batches(stream.items, stream.batch_size, determinism.derive(seed, stream.name))
        for stream in streams
    }
    marks = _marks(schedule.steps, POINTS)
    tests = _marks(schedule.steps, schedule.evaluations)
    curve: list[CurvePoint] = []
    losses: list[Tensor] = []
    modules.train()
    for step, stream in zip(range(1, schedule.steps + 1), draw_streams(streams, seed), strict=False):
        batch = next(batches[stream.name])
        ids, mask = collate(batch, pad)
        labels = collate_labels(batch, ids.shape[1])
        states = encoder(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
        loss = stream.head.loss(stream.head(states), labels.to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(modules.parameters(), schedule.max_gradient_norm)
        learning_rate = rate.get_last_lr()[0]
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        rate.step()
        losses.append(loss.detach())
        advance()
        if step in marks or step in tests:
            dev = _measure(modules, evaluate) if step in tests and evaluate else None
            mean = torch.stack(losses).mean().item()
            curve.append(CurvePoint(step=step, loss=round(mean, 6), learning_rate=learning_rate, dev=dev))
            losses.clear()
            if not torch.isfinite(torch.tensor(mean)):
                raise Diverged(curve[:-1])
    modules.eval()
    return curve


def linear_schedule(steps: int, warmup_proportion: float) -> Callable[[int], float]:
    """Factor of the peak learning rate before step `done` + 1: up over the warm-up, then down to 0 at the end."""
    warmup = max(1, round(steps * warmup_proportion))

    def factor(done: int) -> float:
        return (done + 1) / warmup if done < warmup else max(0.0, (steps - done) / max(1, steps - warmup))

    return factor


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


def _measure(modules: nn.Module, evaluate: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Score the dev set; nothing is drawn in evaluation mode, so training's random numbers stay as they are."""
    modules.eval()
    scores = evaluate()
    modules.train()
    return scores
