"""Of the numbers that a program wrote for a test set, the one that is judged; and its scale."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from harness.exchange.importers.importer import Options
from harness.exchange.importers.reading import number
from harness.project.errors import HarnessError, name_some
from harness.verify.given.rows import GivenScore, less_is_better

DECIMALS = 10
"""Of a score in points: what a multiplication adds behind them is no part of it."""


@dataclass(frozen=True)
class Found:
    """The numbers of one test set, as the program wrote them."""

    method: str
    task: str
    values: Mapping[str, float]
    """Metric -> value in the program's unit; a metric may be a name of parts, `acc,none` or `exact/accuracy`."""
    seed: int | None = None
    language: str | None = None
    split: str | None = None
    origin: str = ""
    """The file or run that says it, for messages."""

    @property
    def where(self) -> str:
        """For messages."""
        return self.task + (f" ({self.language})" if self.language else "")


@dataclass(frozen=True)
class Chosen:
    """One metric for each test set."""

    scores: list[GivenScore]
    """In the order of what was found; a test set that lacks the metric asked for is left out."""
    metrics: list[str | None]
    """For everything found the metric taken, or None."""
    factors: dict[str, float]
    """Metric -> what its values are multiplied by to give points."""
    unknown: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def choose(found: Sequence[Found], options: Options) -> Chosen:
    """The metric asked for, or each test set's only one; scores in points.

    Raises HarnessError where a test set has several and none is asked for, where nothing has the one asked for, where
    less of it is better, where its values fit neither shares of 1 nor points, and for a second score of the same.
    """
    metrics = [_metric(each, options.metric) for each in found]
    taken = [(each, name) for each, name in zip(found, metrics, strict=True) if name]
    if not taken:
        known = sorted({name for each in found for name in each.values})
        raise HarnessError(
            f"expected the metric {options.metric or 'of some score'}, found {', '.join(known) or 'none'}",
            fix="name one of them with --metric" if known else "name results that hold a score",
        )
    _refuse_twice([each for each, _ in taken])
    values = {name: [_value(each, name) for each, other in taken if other == name] for _, name in taken}
    factors = {name: _factor(name, numbers, options.fraction) for name, numbers in values.items()}
    left = [each.where for each, name in zip(found, metrics, strict=True) if not name]
    return Chosen(
        [_score(each, name, factors[name]) for each, name in taken],
        metrics,
        factors,
        {} if options.fraction is not None else {f"scale of {name}": _SCALES[by] for name, by in factors.items()},
        [f"Left out, since they have no such metric: {name_some(left)}."] if left else [],
    )


def one_of(names: Collection[str], asked: str | None, where: str, option: str) -> str:
    """The name asked for, or the only one; HarnessError that lists them. `option`: what the user types, --metric."""
    matching = [name for name in names if asked in (None, name)]
    matching = matching or [name for name in names if asked in re.split("[,/]", name)]
    if len(matching) == 1:
        return matching[0]
    wanted = f"the {option.strip('-')} {asked}" if asked else f"one {option.strip('-')}"
    found = ", ".join(matching or names)
    raise HarnessError(f"expected {wanted} of {where}, found {found or 'none'}", fix=f"name one with {option}")


def _refuse_twice(taken: Sequence[Found]) -> None:
    first: dict[tuple[str | int | None, ...], Found] = {}
    for each in taken:
        other = first.setdefault((each.method, each.task, each.seed, each.language, each.split), each)
        if other is not each:
            raise HarnessError(
                f"expected one score of {each.method} on {each.where}"
                + (f", seed {each.seed}" if each.seed is not None else "")
                + f", found one in {other.origin} and one in {each.origin}",
                fix="name only the results that count, or give those of each seed as NAME:SEED=SOURCE",
            )


def _value(each: Found, metric: str) -> float:
    return number(each.values[metric], f"{metric} of {each.method} on {each.where}")


def _metric(each: Found, asked: str | None) -> str | None:
    """The metric of a test set that is judged; None where it lacks the one asked for, or has none."""
    if asked is None:
        names = [name for name in each.values if not less_is_better(name)]
        return one_of(names, None, each.where, "--metric") if names else None
    if less_is_better(asked):
        raise HarnessError(
            f"expected a metric of which more is better, found {asked}", fix="name another one with --metric"
        )
    if not any(asked in (name, *re.split("[,/]", name)) for name in each.values):
        return None
    return one_of(list(each.values), asked, each.where, "--metric")


def _factor(name: str, values: Sequence[float], fraction: bool | None) -> float:
    """100 for shares of 1, 1 for points."""
    if fraction is None:
        fraction = max(values) <= 1
    most = 1 if fraction else 100
    beyond = [value for value in values if not 0 <= value <= most]
    if beyond:
        raise HarnessError(
            f"expected values of {name} from 0 to {most}, found {beyond[0]:g}",
            fix="name a metric that lies there with --metric",
        )
    return 100.0 if fraction else 1.0


_SCALES = {
    100.0: "taken as shares of 1, since no value is above it, and multiplied by 100",
    1.0: "taken as points, since a value is above 1",
}


def _score(each: Found, metric: str, factor: float) -> GivenScore:
    return GivenScore(
        method=each.method,
        task=each.task,
        score=round(each.values[metric] * factor, DECIMALS),
        seed=each.seed,
        language=each.language,
        split=each.split,
        metric=metric,
    )
