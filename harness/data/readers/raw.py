"""Readers of the files that the data sets' authors serve: JSON, TSV, CSV, CoNLL-U, plain text, in archives or not."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator
from typing import Any

from harness.data.formats import Row
from harness.data.readers.given import (
    NOT_LABELLED,
    Given,
    Misfit,
    answers,
    columns,
    content,
    contents,
    header_of,
    lines,
    number_of,
)
from harness.project.files import parse_json

BROKEN = "broken lines"
NLI_LABELS = ("entailment", "neutral", "contradiction", "contradictory")
ANLI_LABELS = {"e": "entailment", "n": "neutral", "c": "contradiction"}


def squad_json(given: Given) -> Iterator[Row]:
    """SQuAD v1.1 and v2.0, XQuAD, MLQA, TyDiQA-GoldP (`where: {language: english}`: the first part of its ids)."""
    wanted = given.where.get("language")
    for article in parse_json(content(given), str(given.path))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                if wanted in (None, question["id"].partition("-")[0]):
                    yield from _question(question, paragraph["context"], given)


def _question(question: dict[str, Any], context: str, given: Given) -> Iterator[Row]:
    texts = [answer["text"] for answer in question["answers"]]
    found = answers(texts, [answer["answer_start"] for answer in question["answers"]], context, given.counts)
    if found is None:
        given.counts["rows whose answers are not in the context"] += 1
        return
    row = {"id": question["id"], "question": question["question"], "context": context, "answers": found}
    yield row | {key: question[key] for key in ("is_impossible",) if key in question}


def nli_jsonl(given: Given) -> Iterator[Row]:
    """MultiNLI and SNLI: pairs on which the annotators did not agree (`-`) are left out and counted."""
    for number, record in enumerate(_json_lines(given)):
        if record["gold_label"] == "-":
            given.counts[NOT_LABELLED] += 1
            continue
        yield {
            "id": str(number),
            "premise": record["sentence1"],
            "hypothesis": record["sentence2"],
            "label": record["gold_label"],
        }


def anli_jsonl(given: Given) -> Iterator[Row]:
    """One round of ANLI."""
    for number, record in enumerate(_json_lines(given)):
        yield {
            "id": str(number),
            "premise": record["context"],
            "hypothesis": record["hypothesis"],
            "label": ANLI_LABELS[record["label"]],
        }


def xnli_tsv(given: Given) -> Iterator[Row]:
    """XNLI: all languages in one file; ids count within the language, so they name the same pair in each."""
    found = [row for row in _table(given) if row["language"] == given.where["language"]]
    for number, row in enumerate(found):
        yield {
            "id": str(number),
            "premise": row["sentence1"],
            "hypothesis": row["sentence2"],
            "label": row["gold_label"],
        }


def xnli_mt_tsv(given: Given) -> Iterator[Row]:
    """MultiNLI's training pairs, machine-translated by XNLI's authors (columns premise, hypo, label under a header)."""
    for number, (premise, hypothesis, label) in enumerate(_columns(given, 3, NLI_LABELS)):
        label = "contradiction" if label == "contradictory" else label
        yield {"id": str(number), "premise": premise, "hypothesis": hypothesis, "label": label}


def pawsx_tsv(given: Given) -> Iterator[Row]:
    """PAWS-X: columns id, sentence1, sentence2, label under a header; quotes are text."""
    for number, first, second, label in _columns(given, 4, ("0", "1")):
        yield {"id": number, "sentence1": first, "sentence2": second, "label": number_of(label)}


def qqp_tsv(given: Given) -> Iterator[Row]:
    """GLUE's Quora question pairs: broken lines, which lack a column or have too many, are left out and counted."""
    for row in _table(given, count_broken=True):
        yield {
            "id": row["id"],
            "sentence1": row["question1"],
            "sentence2": row["question2"],
            "label": number_of(row["is_duplicate"]),
        }


def hellaswag_jsonl(given: Given) -> Iterator[Row]:
    """HellaSwag."""
    for number, record in enumerate(_json_lines(given)):
        yield {
            "id": str(number),
            "context": record["ctx"],
            "choices": record["endings"],
            "label": number_of(record["label"]),
        }


def cosmosqa_csv(given: Given) -> Iterator[Row]:
    """CosmosQA: quoted CSV."""
    table = csv.DictReader(io.StringIO(content(given).decode("utf-8-sig"), newline=""))
    header_of(table.fieldnames or ())
    for number, row in enumerate(table):
        if None in row or None in row.values():
            raise Misfit(table.line_num, f"{len(table.fieldnames or ())} columns", list(row.values()))
        yield {
            "id": str(number),
            "context": row["context"],
            "question": row["question"],
            "choices": [row[f"answer{i}"] for i in range(4)],
            "label": number_of(row["label"]),
        }


def commonsenseqa_jsonl(given: Given) -> Iterator[Row]:
    """CommonsenseQA: the right choice is named by its letter."""
    for record in _json_lines(given):
        question = record["question"]
        yield {
            "id": record["id"],
            "context": "",
            "question": question["stem"],
            "choices": [choice["text"] for choice in question["choices"]],
            "label": [choice["label"] for choice in question["choices"]].index(record["answerKey"]),
        }


def laser_tatoeba(given: Given) -> Iterator[Row]:
    """Tatoeba as LASER serves it: two files of sentences, line by line."""
    if given.beside is None:
        raise ValueError("only one of the two sides")
    sources, targets = lines(content(given)), lines(given.beside.read_bytes())
    if len(sources) != len(targets):
        raise ValueError(f"{len(sources)} sentences beside {len(targets)}")
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        yield {"id": str(number), "source": source, "target": target}


def bucc_text(given: Given) -> Iterator[Row]:
    """One side of BUCC 2018: id, tab, sentence."""
    for number, (name, *text) in columns(content(given)):
        if len(text) != 1:
            raise Misfit(number, "an id, a tab and a sentence", [name, *text])
        yield {"id": name, "text": text[0]}


def bucc_gold(given: Given) -> Iterator[Row]:
    """BUCC 2018's parallel pairs: id of the foreign sentence, tab, id of the English one."""
    for number, found in columns(content(given)):
        if len(found) != 2:
            raise Misfit(number, "two ids with a tab between them", found)
        yield {"id": str(number - 1), "source_id": found[0], "target_id": found[1]}


def panx_columns(given: Given) -> Iterator[Row]:
    """PAN-X: one token a line, `LANGUAGE:token`, tab, tag; an empty line ends a sentence.

    Every token of a file has the same prefix: without one, a token that holds a colon would lose what is before it.
    """
    tokens: list[str] = []
    tags: list[str] = []
    prefix, sentences = "", 0
    for number, found in columns(content(given) + b"\n\n"):
        if found != [""]:
            if len(found) != 2:
                raise Misfit(number, "a token, a tab and a tag", found)
            prefix = prefix or _prefix(found[0])
            if not prefix or not found[0].startswith(prefix):
                raise Misfit(number, f"a token after `{prefix or 'LANGUAGE:'}`", found[0])
            tokens.append(found[0].removeprefix(prefix))
            tags.append(found[1])
        elif tokens:
            yield {"id": str(sentences), "tokens": tokens, "tags": tags}
            tokens, tags, sentences = [], [], sentences + 1


def _prefix(token: str) -> str:
    """`en:` of `en:word`; empty where there is none."""
    match = re.match(r"[a-z]{2,}(-[a-z]+)*:", token)
    return match[0] if match else ""


def _columns(given: Given, count: int, labels: Collection[str]) -> Iterator[list[str]]:
    """The tab-separated lines below a header; those with another number of columns are left out and counted.

    A first line that ends in one of the `labels` is a row: without a header it would be lost.
    """
    for number, found in columns(content(given)):
        if number == 1:
            if found[-1] in labels:
                raise Misfit(number, f"a header of {count} columns", found)
            continue
        if len(found) == count:
            yield found
        else:
            given.counts[BROKEN] += 1


def _json_lines(given: Given) -> Iterator[Row]:
    return (parse_json(line, f"{given.path}:{number}") for number, line in enumerate(lines(content(given)), 1) if line)


def _table(given: Given, count_broken: bool = False) -> Iterator[dict[str, str]]:
    """The rows of tab-separated files under a header, in which quotes and carriage returns are text.

    A line with another number of columns than the header is refused, or left out and counted (`count_broken`).
    """
    for name, text in contents(given):
        header: list[str] = []
        for number, found in columns(text):
            if number == 1:
                header = header_of(found, name if given.member else None)
            elif len(found) == len(header):
                yield dict(zip(header, found, strict=True))
            elif count_broken:
                given.counts[BROKEN] += 1
            elif found != [""]:
                raise Misfit(number, f"{len(header)} columns", found, name if given.member else None)
