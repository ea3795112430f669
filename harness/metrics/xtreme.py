"""XTREME's scores: a task's score is the macro average of its metric over languages, by the rules of its group."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

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
GROUP_METRICS: dict[str, tuple[tuple[str, ...], ...]] = {
    "classification": (("accuracy",),),
    "tagging": (("f1",),),
    "qa": (("em",), ("f1",)),
    "retrieval": (("accuracy", "f1"),),
}
"""group -> the metrics whose means are averaged; an inner pair is a choice (Tatoeba accuracy, BUCC F1)."""


def macro_average(values: Iterable[float]) -> float:
    """Unweighted mean: of languages, of tasks."""
    return statistics.fmean(values)


def task_score(group: str, scores: Mapping[str, Mapping[str, float]]) -> float:
    """XTREME's score of one task, in points: the unweighted mean of its metric over its languages.

    Question answering: (mean EM + mean F1) / 2. `scores` is language -> metric -> points.
    Source: Hu et al. 2020, XTREME, section 3.3 and google-research/xtreme's evaluate.py.
    Raises HarnessError for an unknown group, no language, or a metric missing in a language.
    """
    if group not in GROUP_METRICS:
        raise HarnessError(f"expected a group of XTREME, found {group!r}; {nearest(group, GROUP_METRICS)}")
    if not scores:
        raise HarnessError("expected scores of at least one language, found none", fix="run the cell anew")
    return macro_average(
        macro_average(_metric(scores, language, metrics) for language in scores) for metrics in GROUP_METRICS[group]
    )


def _metric(scores: Mapping[str, Mapping[str, float]], language: str, alternatives: Sequence[str]) -> float:
    for metric in alternatives:
        if metric in scores[language]:
            return scores[language][metric]
    raise HarnessError(
        f"expected the metric {' or '.join(alternatives)} for language {language}, "
        f"found {', '.join(scores[language]) or 'none'}",
        fix="delete the cell's folder and run `dvc repro`",
    )
