"""The laboratory world: constructed languages over one space of meanings, with an analogue of every task.

`generate` gives the rows of a task; the same version, task, split, language, rows and seed give the same
rows on every machine. Labels follow from meanings. Its tasks are laboratory analogues and share nothing but
their form with the data sets they are named after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.data.lab import choice, nli, paraphrase, qa, retrieval, tagging, text
from harness.data.lab.languages import (
    LANGUAGES,
    SOURCE_LANGUAGE,
    TASK_LANGUAGES,
    TRANSLATED_LANGUAGES,
    TRANSLATED_TASKS,
    Language,
    corpus_rows,
    language,
)
from harness.data.lab.streams import GENERATOR_VERSION
from harness.project.errors import HarnessError

__all__ = [
    "GENERATOR_VERSION",
    "LANGUAGES",
    "SOURCE_LANGUAGE",
    "TASK_LANGUAGES",
    "TRANSLATED",
    "TRANSLATED_LANGUAGES",
    "TRANSLATED_TASKS",
    "Language",
    "corpus_rows",
    "generate",
    "splits",
]

Rows = list[dict[str, Any]]
TRANSLATED = "train_translated"
"""The split of machine-translated training rows: the rows of `train`, in another language."""
_QUESTIONS = ("squad_v1", "squad_v2", "hellaswag", "cosmosqa", "commonsenseqa")
_INTERMEDIATE = ("mnli", "anli_plus", "qqp", "ccg", *_QUESTIONS)
_OWN_TRAINING = ("pawsx", "udpos", "panx", "tydiqa")
_MAKERS: dict[str, Callable[[str, str, str, int, int], Rows]] = (
    dict.fromkeys(("mnli", "xnli", "anli_plus"), nli.rows)
    | dict.fromkeys(("pawsx", "qqp"), paraphrase.rows)
    | dict.fromkeys(("udpos", "panx", "ccg"), tagging.rows)
    | dict.fromkeys(("squad_v1", "squad_v2", "xquad", "mlqa", "tydiqa"), qa.rows)
    | dict.fromkeys(("hellaswag", "cosmosqa", "commonsenseqa"), choice.rows)
    | {"tatoeba": retrieval.tatoeba, "bucc": retrieval.bucc, "text": text.rows}
)


def splits(task: str, code: str) -> tuple[str, ...]:
    """The splits that a task has in a language; none where the language is not one of the task's."""
    if task == "text":
        return ("text",)
    if task == "bucc":
        return ("test_source", "test_target", "test_gold") if code in TASK_LANGUAGES[task] else ()
    if task in TRANSLATED_TASKS and code in TRANSLATED_LANGUAGES:
        return (TRANSLATED,)
    own = ("train", "dev") if code == SOURCE_LANGUAGE and task in (*_INTERMEDIATE, *_OWN_TRAINING) else ()
    return own + (("test",) if code in TASK_LANGUAGES.get(task, ()) else ())


def generate(task: str, split: str, language: str, rows: int, seed: int) -> Rows:
    """`rows` rows of one split of a task's laboratory analogue in one language, in the row schema of its
    kind.

    Raises HarnessError for an unknown task, language or split, and for text in the language without a
    corpus. For bucc `rows` counts the sentences of one side, and test_gold returns the pairs among them.
    """
    if task not in _MAKERS:
        raise HarnessError(
            f"expected a task of the laboratory world ({', '.join(_MAKERS)}), found {task!r}",
            fix="name one of these",
        )
    code = _known(language)
    if split not in splits(task, code):
        found = ", ".join(splits(task, code)) or "none"
        raise HarnessError(
            f"expected a split that {task} has in {code} ({found}), found {split!r}",
            fix="name one of these splits",
        )
    return _MAKERS[task](task, "train" if split == TRANSLATED else split, code, rows, seed)


def _known(code: str) -> str:
    """The code of a language of the table, or a HarnessError."""
    return language(code).code
