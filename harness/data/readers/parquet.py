"""Readers of the hub's Parquet files; class names come from a file's own `huggingface` metadata, never from here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.data.formats import Row
from harness.data.readers.given import NOT_LABELLED, Given, Misfit, Reader, answers, number_of

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile


def nli(given: Given) -> Iterator[Row]:
    """MultiNLI, SNLI, ANLI, GLUE's MNLI: rows without a gold label (-1) are left out and counted."""
    names = _class_names(given, "label")
    for number, record in _numbered(given, "premise", "hypothesis", "label"):
        if record["label"] == -1:
            given.counts[NOT_LABELLED] += 1
            continue
        yield {
            "id": number,
            "premise": record["premise"],
            "hypothesis": record["hypothesis"],
            "label": _class(record["label"], names, number),
        }


def xnli(given: Given) -> Iterator[Row]:
    """XTREME's XNLI: all languages in one file; ids count within the language, so they name the same pair in each."""
    for number, record in _numbered(given, "language", "sentence1", "sentence2", "gold_label"):
        yield {
            "id": number,
            "premise": record["sentence1"],
            "hypothesis": record["sentence2"],
            "label": record["gold_label"],
        }


def qqp(given: Given) -> Iterator[Row]:
    """GLUE's Quora question pairs."""
    names = _class_names(given, "label")
    if names != ["not_duplicate", "duplicate"]:
        raise ValueError(f"classes {names} instead of not_duplicate, duplicate")
    for number, record in _numbered(given, "question1", "question2", "label"):
        yield {
            "id": number,
            "sentence1": record["question1"],
            "sentence2": record["question2"],
            "label": record["label"],
        }


def pawsx(given: Given) -> Iterator[Row]:
    """XTREME's PAWS-X: labels are text."""
    for number, record in _numbered(given, "sentence1", "sentence2", "label"):
        yield {
            "id": number,
            "sentence1": record["sentence1"],
            "sentence2": record["sentence2"],
            "label": number_of(record["label"]),
        }


def tagging(column: str) -> Reader:
    """A reader of tokens and of the tags in `column`."""

    def read(given: Given) -> Iterator[Row]:
        names = _class_names(given, column)
        for number, record in _numbered(given, "tokens", column):
            tags = [_class(tag, names, number) for tag in record[column]]
            yield {"id": number, "tokens": record["tokens"], "tags": tags}

    return read


def qa(given: Given) -> Iterator[Row]:
    """SQuAD v1.1, XQuAD, MLQA, TyDiQA-GoldP (`where: {language: english}`: the first part of its ids)."""
    wanted = given.where.get("language")
    for record in _records(given, "id", "question", "context", "answers"):
        if wanted not in (None, record["id"].partition("-")[0]):
            continue
        found = answers(record["answers"]["text"], record["answers"]["answer_start"], record["context"], given.counts)
        if found is None:
            given.counts["rows whose answers are not in the context"] += 1
            continue
        yield {key: record[key] for key in ("id", "question", "context")} | {"answers": found}


def squad_v2(given: Given) -> Iterator[Row]:
    """SQuAD v2.0: a question without answers can't be answered."""
    for row in qa(given):
        yield row | {"is_impossible": not row["answers"]["text"]}


def tatoeba(given: Given) -> Iterator[Row]:
    """XTREME's Tatoeba: sentences keep the line end of the file that they were read from."""
    for number, record in _numbered(given, "source_sentence", "target_sentence"):
        yield {
            "id": number,
            "source": record["source_sentence"].rstrip("\r\n"),
            "target": record["target_sentence"].rstrip("\r\n"),
        }


def hellaswag(given: Given) -> Iterator[Row]:
    """HellaSwag: the label is text."""
    for number, record in _numbered(given, "ctx", "endings", "label"):
        yield {
            "id": number,
            "context": record["ctx"],
            "choices": record["endings"],
            "label": number_of(record["label"]),
        }


def cosmosqa(given: Given) -> Iterator[Row]:
    """CosmosQA: four answers in columns of their own."""
    choices = [f"answer{i}" for i in range(4)]
    for number, record in _numbered(given, "context", "question", *choices, "label"):
        yield {
            "id": number,
            "context": record["context"],
            "question": record["question"],
            "choices": [record[choice] for choice in choices],
            "label": record["label"],
        }


def commonsenseqa(given: Given) -> Iterator[Row]:
    """CommonsenseQA: the right choice is named by its letter."""
    for record in _records(given, "id", "question", "choices", "answerKey"):
        yield {
            "id": record["id"],
            "context": "",
            "question": record["question"],
            "choices": record["choices"]["text"],
            "label": record["choices"]["label"].index(record["answerKey"]),
        }


def _numbered(given: Given, *columns: str) -> Iterator[tuple[str, Row]]:
    """(number from 0, record) of the records asked for."""
    wanted = [
        record
        for record in _records(given, *columns)
        if all(record[field] == value for field, value in given.where.items())
    ]
    return ((str(number), record) for number, record in enumerate(wanted))


def _records(given: Given, *columns: str) -> Iterator[Row]:
    file = _open(given)
    lacking = [column for column in columns if column not in file.schema_arrow.names]
    if lacking:
        raise ValueError(f"no column {', '.join(lacking)}, only {', '.join(file.schema_arrow.names)}")
    for batch in file.iter_batches(columns=list(columns)):
        yield from batch.to_pylist()


def _class(value: int, names: Sequence[str], record: str) -> str:
    """The name of a class; `Misfit` for a number that has none (Python would count -1, a placeholder, from the end)."""
    if not 0 <= value < len(names):
        why = ": that is a placeholder" if value == -1 else ""
        raise Misfit(int(record) + 1, f"a class from 0 to {len(names) - 1} ({', '.join(names)}){why}", value)
    return names[value]


def _class_names(given: Given, column: str) -> list[str]:
    """The names of a column's classes, from the metadata that the hub's library writes into the file."""
    described = (_open(given).schema_arrow.metadata or {}).get(b"huggingface", b"{}")
    feature: Any = json.loads(described).get("info", {}).get("features", {}).get(column, {})
    names = feature.get("names", feature.get("feature", {}).get("names"))
    if not names:
        raise ValueError(f"no `huggingface` metadata that names the classes of column {column}")
    return list(names)


def _open(given: Given) -> ParquetFile:
    from pyarrow.parquet import ParquetFile

    return ParquetFile(given.path)
