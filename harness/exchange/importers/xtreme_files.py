"""The files of an XTREME submission as rows: labels, tags, pairs of ids, answers.

As google-research/xtreme's evaluate.py reads them (`read_label`, `read_tag`, `read_squad`), but that blank lines at a
file's end are no rows, and what it would score as wrong without a word is refused or told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from harness.exchange.importers.reading import as_list, as_object, read_bytes, read_text
from harness.project.errors import HarnessError, name_some
from harness.project.files import parse_json

Pair = tuple[str, str]


def read_labels(path: Path) -> list[str]:
    """One label a line, blanks around it aside. Raises HarnessError for a blank line before the last label."""
    lines = _lines(path)
    if "" in lines:
        raise HarnessError(
            f"expected a label in each line of {path}, found none in line {lines.index('') + 1}",
            fix="give every row its label",
        )
    return lines


def read_tags(path: Path) -> list[list[str]]:
    """The tags of each sentence: one a line, a blank line after a sentence."""
    sentences: list[list[str]] = [[]]
    for line in _lines(path):
        if line:
            sentences[-1].append(line)
        else:
            sentences.append([])
    return sentences if sentences != [[]] else []


def read_pairs(path: Path) -> list[Pair]:
    """Pairs of a source id and a target id, one a line with a tab between; HarnessError for any other line."""
    pairs = []
    for place, line in enumerate(_lines(path), start=1):
        parts = line.split("\t")
        if len(parts) != 2 and line:
            raise HarnessError(
                f"expected a source id, a tab and a target id in line {place} of {path}, found {line!r:.80}",
                fix="write the pairs' ids and nothing else",
            )
        if line:
            pairs.append((parts[0], parts[1]))
    return pairs


def read_answers(path: Path) -> dict[str, str]:
    """Question's id -> the answer predicted; HarnessError where an answer is no text."""
    answers = as_object(_json(path), str(path))
    wrong = [name for name, answer in answers.items() if not isinstance(answer, str)]
    if wrong:
        raise HarnessError(
            f"expected text as the answer to {name_some(wrong)} in {path}, found {type(answers[wrong[0]]).__name__}",
            fix="write question's id -> answer",
        )
    return answers


def read_references(path: Path) -> dict[str, list[str]]:
    """Question's id -> its right answers, from SQuAD's JSON (version 1.1) or the list under its key `data`.

    Raises HarnessError for another shape, for a question that is there twice and for one without an answer.
    """
    content = _json(path)
    articles = content.get("data") if isinstance(content, dict) else content
    found: list[tuple[str, list[str]]] = []
    try:
        for article in as_list(articles, f"`data` of {path}"):
            for paragraph in article["paragraphs"]:
                found += [(str(qa["id"]), [str(one["text"]) for one in qa["answers"]]) for qa in paragraph["qas"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise HarnessError(
            f"expected SQuAD's JSON (data, paragraphs, qas, answers, text) in {path}, found another shape: {error}",
            fix="name the folder of XTREME's labels with --labels",
        ) from None
    twice = [name for name, count in Counter(name for name, _ in found).items() if count > 1]
    lacking = [name for name, answers in found if not answers]
    if twice or lacking:
        raise HarnessError(
            f"expected each question once and with an answer in {path}, found {name_some(twice or lacking)} "
            + ("twice" if twice else "without one"),
            fix="take XTREME's own labels",
        )
    return dict(found)


def check_words(path: Path, words: Collection[str], known: Sequence[str] | None) -> None:
    """HarnessError for a word in a file of right answers that is none of the task's."""
    wrong = sorted(set(words).difference(known)) if known else []
    if known and wrong:
        raise HarnessError(
            f"expected only {', '.join(known)} in {path}, found {name_some(wrong)}", fix="take XTREME's own labels"
        )


def foreign_words(path: Path, words: Sequence[str], known: Sequence[str] | None) -> str | None:
    """A sentence on predicted words that are none of the task's: they count as wrong, as in XTREME's evaluator.

    Raises HarnessError where they are more than half of all: then the file is written in other words.
    """
    wrong = [word for word in words if known and word not in known]
    if not known or not wrong:
        return None
    named = f"{name_some(sorted(set(wrong)))} in {len(wrong)} of {len(words)} lines of {path}"
    if 2 * len(wrong) > len(words):
        raise HarnessError(f"expected {', '.join(known)}, found {named}", fix="write the task's own labels")
    return f"Counted as wrong, since the task has no such label: {named}."


def _lines(path: Path) -> list[str]:
    """The file's lines, blanks around each aside, up to the last that isn't blank."""
    return [line.strip() for line in read_text(path).rstrip().split("\n")] if read_text(path).strip() else []


def _json(path: Path) -> Any:
    return parse_json(read_bytes(path), str(path), "write it as JSON in UTF-8")
