"""XTREME's scores: a task's score is the macro average of its metric over languages, by the rules of its group."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from harness.metrics.scoring import known_metrics
from harness.project.errors import HarnessError, nearest

XTREME_GROUPS: dict[str, str] = {
    "xnli": "classification",
    "pawsx": "classification",
    "udpos": "tagging",
    "panx": "tagging",
    "xquad": "qa",
    "mlqa": "qa",
    "tydiqa": "qa",
    "bucc": "retrieval",
    "tatoeba": "retrieval",
}
"""target -> group of XTREME's nine tasks (Hu et al. 2020, table 1)."""


def macro_average(values: Iterable[float]) -> float:
    """Unweighted mean: of languages, of tasks."""
    return statistics.fmean(values)


def task_score(group: str, scores: Mapping[str, Mapping[str, float]]) -> float:
    """XTREME's score of one task, in points: the unweighted mean of its metric over its languages.

    `scores` is language -> number -> points; which numbers count, the group's metrics say (`Metric.aggregate`), so
    question answering has (mean EM + mean F1) / 2.
    Source: Hu et al. 2020, XTREME, section 3.3 and google-research/xtreme's evaluate.py.
    Raises HarnessError for an unknown group, no language, or a number missing in a language.
    """
    # Several in retrieval: Tatoeba has accuracy, BUCC F1.
    choices = list(dict.fromkeys(each.aggregate for each in known_metrics() if each.group == group))
    if not choices:
        groups = sorted(set(XTREME_GROUPS.values()))
        raise HarnessError(f"expected a group of XTREME, found {group!r}; {nearest(group, groups)}")
    if not scores:
        raise HarnessError("expected scores of at least one language, found none", fix="run the cell anew")
    names = next((names for names in choices if _have(scores, names)), None)
    if names is None:
        raise _lacking(scores, choices)
    return macro_average(macro_average(values[name] for values in scores.values()) for name in names)


def _have(scores: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> bool:
    """Whether every language has all of these numbers."""
    return all(name in values for values in scores.values() for name in names)


def _lacking(scores: Mapping[str, Mapping[str, float]], choices: Sequence[Sequence[str]]) -> HarnessError:
    language = next(
        (one for one in scores if not any(_have({one: scores[one]}, names) for names in choices)), next(iter(scores))
    )
    return HarnessError(
        f"expected {' or '.join(' and '.join(names) for names in choices)} in every language, "
        f"found {', '.join(scores[language]) or 'none'} in {language}",
        fix="delete the cell's folder and run `dvc repro`",
    )
