"""What is uncertain in one language's gain, over seeds and over rows, and which losses go unseen for it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from harness.verify.languages.records import PairGain, RecipeResult, Sight, TargetNoise
from harness.verify.languages.registration import Registration
from harness.verify.languages.rows import Key, Noise, RowNoise, share_of_rows
from harness.verify.statistics.resampling import Tested, add_variance, chance_to_find, moderate


def with_rows(tested: Tested, noise: RowNoise | None) -> Tested:
    """A mean over seeds with the variance of its rows too; as it is where that is not known."""
    return tested if noise is None else add_variance(tested, noise.variance)


def target_noise(results: Sequence[RecipeResult], targets: Sequence[str]) -> list[TargetNoise]:
    """Standard errors with and without rows, target by target, over all recipes' tested pairs."""
    found = []
    for target in targets:
        mine = [pair for result in results for pair in result.pairs if pair.target == target]
        tested = [pair for pair in mine if pair.q_loss is not None]
        if not tested:
            continue
        known = [pair for pair in tested if pair.error_rows is not None]
        rows = _mean_square([pair.error_rows for pair in known])
        found.append(
            TargetNoise(
                target=target,
                tested=len(tested),
                with_rows=len(known),
                seeds_points=math.sqrt(_mean_square([pair.error_seeds for pair in tested])),
                rows_points=math.sqrt(rows),
                both_points=math.sqrt(statistics.fmean(_error(pair) ** 2 for pair in tested)),
                rows_share=share_of_rows(_mean_square([pair.error_seeds for pair in known]), rows),
            )
        )
    return found


def _mean_square(errors: Sequence[float | None]) -> float:
    return statistics.fmean((error or 0.0) ** 2 for error in errors) if errors else 0.0


def _error(pair: PairGain) -> float:
    return math.hypot(pair.error_seeds or 0.0, pair.error_rows or 0.0)


def sight(
    gains: Mapping[Key, Mapping[int, float]], results: Sequence[RecipeResult], rows: Noise, registration: Registration
) -> list[Sight]:
    """The chance that the loss of ONE language on one target is shown, by loss and number of seeds.

    Each tested pair has the spread over seeds and rows that it has here, and stands alone among the m of its recipe, so
    that Benjamini and Hochberg hold it to alpha / m. With n seeds the variance over seeds is s^2 / n with d0 + n - 1
    degrees of freedom; that over rows stays.
    """
    pairs: list[tuple[Tested, RowNoise | None, int, int]] = []
    for result in results:
        family = [pair for pair in result.pairs if pair.q_loss is not None]
        keys = [(result.recipe, pair.target, pair.language) for pair in family]
        tested = moderate([list(gains[key].values()) for key in keys])
        pairs += [(one, rows.get(key), len(gains[key]), len(family)) for one, key in zip(tested, keys, strict=True)]
    if not pairs:
        return []
    here = min(n for _, _, n, _ in pairs)
    counts = sorted({here, *registration.rows.seeds})
    return [
        Sight(
            loss_points=loss,
            seeds=seeds,
            chance=_mean_chance(pairs, loss, seeds, registration),
            without_rows=_mean_chance([(one, None, n, m) for one, _, n, m in pairs], loss, seeds, registration),
        )
        for seeds in counts
        for loss in registration.rows.losses_points
    ]


def _mean_chance(
    pairs: Sequence[tuple[Tested, RowNoise | None, int, int]], loss: float, seeds: int, registration: Registration
) -> float:
    degraded = registration.degraded
    return statistics.fmean(
        chance_to_find(with_rows(_at(one, n, seeds), noise), -loss, degraded.threshold_points, degraded.alpha / m)
        for one, noise, n, m in pairs
    )


def _at(tested: Tested, n: int, seeds: int) -> Tested:
    """The same gain measured on another number of seeds."""
    return Tested(tested.mean, tested.standard_error * math.sqrt(n / seeds), tested.freedom + seeds - n)
