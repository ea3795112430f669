"""The learning rate over a training: of the loop, and of pretraining, which must not change when the loop does."""

from __future__ import annotations

from collections.abc import Callable


def linear_schedule(steps: int, warmup_proportion: float) -> Callable[[int], float]:
    """Factor of the peak learning rate before step `done` + 1: up over the warm-up, then down to 0 at the end."""
    warmup = max(1, round(steps * warmup_proportion))

    def factor(done: int) -> float:
        return (done + 1) / warmup if done < warmup else max(0.0, (steps - done) / max(1, steps - warmup))

    return factor
