"""One call for notebooks and scripts: scores in any form, claims in words, verdicts out.

numpy is imported with the first call: importing harness.verify loads nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.project.errors import HarnessError
from harness.verify.given.claim import GivenClaim, claim_in_words
from harness.verify.given.claims_file import ClaimsFile, design_of, read_claims_file
from harness.verify.given.verdict import GivenVerdicts
from harness.verify.statistics.design import STANDARD, Design

if TYPE_CHECKING:
    from harness.verify.given.table import Table, Unit

Claims = str | GivenClaim | Path | ClaimsFile | Iterable[str | GivenClaim]


def judge_scores(
    scores: Any,
    claims: Claims,
    *,
    baseline: str | None = None,
    method: str | None = None,
    split: str | None = None,
    metric: str | None = None,
    tasks: Sequence[str] | str = (),
    languages: Sequence[str] | str = (),
    columns: Mapping[str, str] | None = None,
    unit: Unit | None = None,
    runs: int | None = None,
    looks: Sequence[int] | int | None = None,
) -> GivenVerdicts:
    """Judge claims on scores that any program made, as `harness judge` does.

    scores: a pandas or polars frame, a dict of columns, a list of dicts (a score each), a path of a file, or a Table.
    Scores are points (0 to 100) or fractions (0 to 1), which `unit` says where the numbers don't; in the verdicts all
    are points. `columns`: role (method, task, seed, language, split, metric, item, score) -> the column's name, where
    that isn't the role's. claims: words such as "+3.5 +- 0.5", a GivenClaim, several of these, or the Path of a file of
    claims. `method` and `runs` hold for claims in words. `looks`: after how many seeds one looks.

    Raises HarnessError for words of no known form, scores that are none, a choice that is open and a name that is not
    there. The statistics are those of harness.verify.statistics, described in docs/library.md.

    >>> from harness.verify import judge_scores
    >>> scores = {
    ...     "method": ["none"] * 4 + ["mnli"] * 4,
    ...     "seed": [1, 2, 3, 4] * 2,
    ...     "accuracy": [0.701, 0.698, 0.706, 0.703, 0.779, 0.770, 0.783, 0.776],
    ... }
    >>> found = judge_scores(scores, "+7.5 +- 1.5")
    >>> print(found.claims[0].sentence)
    REPRODUCED: mnli gains +7.50 [+6.88, +8.12] over none, at 4 seeds, claimed +7.5 +- 1.5
    >>> found.exit_code
    0
    """
    from harness.verify.given.judge import judge_table

    read = read_claims_file(claims) if isinstance(claims, Path) else claims if isinstance(claims, ClaimsFile) else None
    if unit not in (None, "points", "fraction"):
        raise HarnessError(f"expected the unit `points` or `fraction`, found `{unit}`", fix="use one of them")
    table = _table(scores, columns, unit)
    if read is not None:
        if method or runs or looks is not None:
            raise HarnessError(
                "expected method, runs and looks in the file of claims, found them beside it", fix="leave one out"
            )
        return judge_by_file(
            table, read, baseline=baseline, split=split, metric=metric, tasks=_names(tasks), languages=_names(languages)
        )
    return judge_table(
        table,
        _claims(claims, method, runs),
        baseline=baseline,
        split=split,
        metric=metric,
        tasks=_names(tasks),
        languages=_names(languages),
        design=_design(looks),
    )


def judge_by_file(
    table: Table,
    read: ClaimsFile,
    *,
    baseline: str | None = None,
    split: str | None = None,
    metric: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> GivenVerdicts:
    """The verdicts on the claims of a file. What is given here stands above what the file says.

    Raises HarnessError as `judge_table` does.
    """
    from harness.verify.given.judge import judge_table

    return judge_table(
        table,
        [entry.read() for entry in read.claims],
        baseline=baseline or read.baseline,
        split=split or read.split,
        metric=metric or read.metric,
        tasks=tasks or read.tasks,
        languages=languages or read.languages,
        design=read.design(),
    )


def _table(scores: Any, columns: Mapping[str, str] | None, unit: Unit | None) -> Table:
    from harness.verify.given.read import read_table, table_of
    from harness.verify.given.table import Table

    if isinstance(scores, Table):
        return scores
    return (read_table if isinstance(scores, (str, Path)) else table_of)(scores, columns, unit)


def _claims(claims: Any, method: str | None, runs: int | None) -> list[GivenClaim]:
    each = [claims] if isinstance(claims, (str, GivenClaim)) else list(claims)
    if strange := next((one for one in each if not isinstance(one, (str, GivenClaim))), None):
        raise HarnessError(
            f"expected claims in words or as GivenClaim, found {type(strange).__name__}",
            fix="give the Path of a file of claims alone",
        )
    return [
        one if isinstance(one, GivenClaim) else claim_in_words(one, number, method, runs)
        for number, one in enumerate(each, 1)
    ]


def _names(names: Sequence[str] | str) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _design(looks: Sequence[int] | int | None) -> Design:
    if looks is None:
        return STANDARD
    try:
        return design_of([looks] if isinstance(looks, int) else [*looks])
    except (TypeError, ValueError):
        raise HarnessError(
            f"expected ascending numbers of seeds from 2 to 200, found looks={looks}", fix="give them as [3, 5, 8]"
        ) from None
