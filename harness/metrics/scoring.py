"""Predictions + gold rows -> numbers in points: the metrics of the tasks, each one record, found by name.

One place for cells, dev scores and re-scoring. Imports no torch: a stored prediction is scored again without a model.
One metric more is one file more in harness/metrics/named, and its name among those that harness.project.tasks lets a
task file give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.metrics.metric import Items, Metric, Row
from harness.project.errors import HarnessError, nearest

_NAMED = "harness.metrics.named"
_ADDED: dict[str, Metric] = {}
"""Metrics beside those of harness/metrics/named."""


def module_of(name: str) -> str:
    """The module of a metric of harness/metrics/named."""
    return f"{_NAMED}.{name}"


@cache
def _names() -> list[str]:
    return sorted(path.stem for path in (Path(__file__).parent / "named").glob("[a-z]*.py"))


def register(added: Metric) -> None:
    """Make a metric known by its name; HarnessError where the name is taken."""
    if added.name in _ADDED or added.name in _names():
        raise HarnessError(
            f"expected a name that no metric has, found {added.name!r} a second time", fix="choose another name"
        )
    _ADDED[added.name] = added


@contextmanager
def registered(added: Metric) -> Iterator[None]:
    """As `register`, inside a `with` block only."""
    register(added)
    try:
        yield
    finally:
        del _ADDED[added.name]


def metric(name: str) -> Metric:
    """The metric of this name; HarnessError, with the names there are, for any other."""
    if name in _ADDED:
        return _ADDED[name]
    if name not in _names():
        raise HarnessError(
            f"expected the name of a metric, found {name!r}; {nearest(name, [*_names(), *_ADDED])}",
            fix="use one of those names",
        )
    found: Metric = import_module(module_of(name)).METRIC
    return found


def known_metrics() -> list[Metric]:
    """Every metric: those of harness/metrics/named by name, then the others in the order in which they were added."""
    return [metric(name) for name in _names()] + list(_ADDED.values())


def score(name: str, rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    """Numbers of one language by the metric `name`, in points.

    `rows`: gold rows in file order (mining: the gold pairs); `predictions`: one per row in the same order: a label, a
    list of tags, an answer, a choice's index, the index of the retrieved row. Mining: the mined triples, whose
    threshold is then tuned on these gold pairs (optimistic), or the pairs that a threshold tuned elsewhere left.
    """
    return metric(name).compute(rows, predictions, language)


def headline(name: str, values: Mapping[str, float]) -> float:
    """The one number of a language, in points: SQuAD mean of F1 and EM, QQP of accuracy and F1, else the only one."""
    return metric(name).one_number(values)


def items(name: str, rows: Sequence[Row], predictions: Sequence[Any], language: str) -> Items:
    """How every item came out, as numbers; arguments as `score` has them. Empty for a metric that has no items."""
    found = metric(name).items
    return found(rows, predictions, language) if found else {}
