"""Which column of somebody's table is which: by its name, or as it is said.

A table is long (a score a row: method, seed, task, score) or wide (a method a column: seed, baseline, method), and the
names of the columns are whatever people call them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from harness.project.errors import HarnessError, nearest
from harness.verify.given.table import ROLES, Role

CALLED: dict[str, tuple[str, ...]] = {
    "method": ("method", "model", "system", "recipe", "approach", "model_name", "run_name", "name", "condition"),
    "task": ("task", "dataset", "benchmark", "target", "task_name", "test_set", "testset"),
    "seed": ("seed", "random_seed", "run", "trial", "repetition", "replicate"),
    "language": ("language", "lang", "locale", "language_code"),
    "split": ("split", "subset", "partition"),
    "metric": ("metric", "metric_name", "measure"),
    "item": ("item", "id", "item_id", "example_id", "doc_id", "question_id", "guid", "idx"),
    "score": (
        "score", "value", "accuracy", "acc", "f1", "em", "exact_match", "bleu", "metric_value", "result", "points",
    ),
    "right": ("right", "correct", "is_correct", "is_right", "hit"),
    "prediction": ("prediction", "predicted", "pred", "output"),
    "gold": ("gold", "label", "target_label", "reference", "answer"),
    "n_correct": ("n_correct", "true_positives", "tp"),
    "n_predicted": ("n_predicted", "predicted_count"),
    "n_gold": ("n_gold", "gold_count"),
}  # fmt: skip
"""What is looked for -> names of columns that say it, small letters, blanks and hyphens as `_`."""
COUNTS = ("n_correct", "n_predicted", "n_gold")
INDEX = re.compile(r"(?:unnamed: ?\d+|index|level_\d+)?", re.IGNORECASE)
"""Names under which programs write the number of a row."""


SETTING = re.compile(
    r"setting_.*|lr|(.*_)?learning_rate|(.*_)?batch(_size)?|bs|(n|num|max|total)?_?(train(ing)?)?_?(epochs?|steps?|updates)"
    r"|dropout|weight_decay|wd|warm_?up(_.*)?|temperature|top_[pk]|(n|num)?_?(few)?_?shots?|num_fewshot"
    r"|max_(seq_)?len(gth)?|optimi[sz]er|prompt(_template|_id)?|template|hidden_size|(n|num)_layers|hyper_?param(eter)?s?"
)
"""Names of columns that say how a run was made, small letters, blanks and hyphens as `_`."""


def is_setting(name: str) -> bool:
    """Does the column say how a run was made?"""
    return bool(SETTING.fullmatch(_plain(name)))


def may_be_method(name: str) -> bool:
    """Could a column of numbers be a method by its name: is it neither a row's number nor called like a role?"""
    return not INDEX.fullmatch(name) and not any(_plain(name) in CALLED[role] for role in ROLES)


class NoScores(HarnessError):
    """Neither a column of scores nor columns of methods."""


@dataclass(frozen=True)
class Layout:
    """Where a table says what."""

    names: dict[Role, str]
    """What stands in rows as a name -> its column."""
    score: tuple[str, ...] = ()
    """The column of scores; of a wide table all columns of methods."""
    is_wide: bool = False
    """Is each of `score` a method?"""
    compared: tuple[str, str] | None = None
    """(prediction, gold), where an item is right if they are equal."""
    counts: tuple[str, str, str] | None = None
    """(correct, predicted, gold), where items are judged by F1."""
    ignored: tuple[str, ...] = ()
    """Columns that say nothing that is asked for."""

    @property
    def found(self) -> dict[str, str]:
        """Role -> column, for what is said of it."""
        values = ", ".join(self.compared or self.counts or self.score)
        names = {str(role): column for role, column in self.names.items()}
        return names | {("methods" if self.is_wide else "score"): values}


def find_layout(
    header: Sequence[str], source: str, asked: Mapping[str, str] | None = None, numeric: Sequence[str] | None = None
) -> Layout:
    """The layout of a table with these columns.

    asked: role -> column, as the user said it. numeric: columns whose values are numbers, for wide tables.
    Raises HarnessError for a repeated or empty name, a column that isn't there, two columns that could be the same
    thing, and where neither scores nor methods are found.
    """
    check_header(header, source)
    asked = dict(asked or {})
    if twice := next((name for name in asked.values() if list(asked.values()).count(name) > 1), None):
        raise HarnessError(f"expected one role of each column, found `{twice}` twice", fix="leave one --column out")
    for role, column in asked.items():
        if role not in CALLED:
            raise HarnessError(
                f"expected --column ROLE=NAME, found the role `{role}`; {nearest(role, CALLED)}",
                fix="use one of these roles",
            )
        if column not in header:
            raise HarnessError(
                f"expected the column `{column}` in {source}, found none; {nearest(column, header)}",
                fix="name one that is there",
            )
    free = [name for name in header if name not in asked.values()]
    found: dict[str, str] = dict(asked)
    for role in CALLED:
        if role not in found and (own := _one(role, free, source)):
            found[role] = own
            free.remove(own)
    if not found and (number := next((name for name in header if _is_number(name)), None)):
        raise HarnessError(
            f"expected a header in {source}, found the number `{number}` in its first line",
            fix="name the columns there, as in method,task,seed,score",
        )
    names: dict[Role, str] = {role: found[role] for role in ROLES if role in found}
    if all(role in found for role in COUNTS) and "item" in names:
        correct, predicted, gold = (found[role] for role in COUNTS)
        return Layout(names, counts=(correct, predicted, gold), ignored=_rest(header, names, COUNTS, found))
    if "right" in found and "item" in names:
        return Layout(names, (found["right"],), ignored=_rest(header, names, ("right",), found))
    if "score" in found:
        return Layout(names, (found["score"],), ignored=_rest(header, names, ("score",), found))
    if "prediction" in found and "gold" in found and "item" in names:
        compared = (found["prediction"], found["gold"])
        return Layout(names, compared=compared, ignored=_rest(header, names, ("prediction", "gold"), found))
    return _wide(header, names, source, numeric or [])


def _wide(header: Sequence[str], names: dict[Role, str], source: str, numeric: Sequence[str]) -> Layout:
    free = [name for name in numeric if name not in names.values()]
    methods = tuple(name for name in free if may_be_method(name))
    if "method" in names or len(methods) < 2:
        raise NoScores(
            f"expected a column of scores in {source}, found the columns {', '.join(header)}",
            fix="name it with --column score=NAME, a score a row; in a wide table each method has a column of numbers,"
            " a seed a row",
        )
    ignored = tuple(name for name in header if name not in {*methods, *names.values()})
    return Layout(names, methods, is_wide=True, ignored=ignored)


def _rest(
    header: Sequence[str], names: Mapping[Role, str], read: Sequence[str], found: Mapping[str, str]
) -> tuple[str, ...]:
    used = {*names.values(), *(found[role] for role in read)}
    return tuple(name for name in header if name not in used)


def _one(role: str, free: Sequence[str], source: str) -> str | None:
    called = CALLED[role]
    columns = [name for name in free if _plain(name) in called]
    exact = [name for name in columns if _plain(name) == role]
    if len(columns) > 1 and not exact:
        raise HarnessError(
            f"expected one column of {role}s in {source}, found {' and '.join(f'`{name}`' for name in columns)}",
            fix=f"say which with --column {role}={columns[0]}",
        )
    return next(iter(exact or columns), None)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _is_number(name: str) -> bool:
    with suppress(ValueError):
        return bool(str(float(name)))
    return False


def check_header(header: Sequence[str], source: str) -> None:
    """Raises HarnessError where there is none, and for a name that stands there twice."""
    if not header or not any(name.strip() for name in header):
        raise HarnessError(f"expected a header in {source}, found none", fix="name the columns in its first line")
    twice = next((name for name in header if name and list(header).count(name) > 1), None)
    if twice is not None:
        raise HarnessError(
            f"expected each column once in {source}, found `{twice}` {list(header).count(twice)} times",
            fix="remove or rename one of them",
        )
