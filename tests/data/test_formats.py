"""Rows against their schemas: what is kept, what is refused, and how the refusal reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.data.formats import (
    encode_rows,
    normalise_row,
    normalise_rows,
    parse_lines,
    refuse_placeholder_labels,
    row_kind,
)
from harness.project.errors import HarnessError

NLI = {"id": "1", "premise": "p", "hypothesis": "h", "label": "neutral"}
PARAPHRASE = {"id": "1", "sentence1": "a", "sentence2": "b", "label": 1}
TAGGING = {"id": "1", "tokens": ["a", "b"], "tags": ["O", "B-PER"]}
QA = {
    "id": "1",
    "question": "q?",
    "context": "a𝄞b",
    "answers": {"text": ["b"], "answer_start": [2]},
    "title": "t",
}
IMPOSSIBLE = QA | {"answers": {"text": [], "answer_start": []}, "is_impossible": True}
CHOICE = {"id": "1", "context": "", "question": "q", "choices": ["a", "b"], "label": 1}
BITEXT = {"id": "1", "source": "s", "target": "t"}
GOLD = {"id": "1", "source_id": "a", "target_id": "b"}
TEXT = {"id": "1", "text": "t"}
GOOD = [
    ("nli", NLI, "id premise hypothesis label"),
    ("paraphrase", PARAPHRASE, "id sentence1 sentence2 label"),
    ("tagging", TAGGING, "id tokens tags"),
    ("qa", QA, "id question context answers title"),
    ("qa", IMPOSSIBLE, "id question context answers is_impossible title"),
    ("multiple_choice", CHOICE, "id context question choices label"),
    ("bitext", BITEXT, "id source target"),
    ("mining_gold", GOLD, "id source_id target_id"),
    ("text", TEXT, "id text"),
]


@pytest.mark.parametrize(("kind", "row", "keys"), GOOD)
def test_a_good_row_keeps_exactly_its_schema_in_order(kind: str, row: dict[str, Any], keys: str) -> None:
    shuffled = {"extra": 1, **dict(reversed(row.items()))}
    normal = normalise_row(kind, shuffled, "f:1")
    assert list(normal) == keys.split()
    assert normal == row


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        (
            "nli",
            NLI | {"label": "maybe"},
            "`label` to be entailment, neutral or contradiction, found 'maybe'",
        ),
        ("nli", NLI | {"label": 0}, "`label` to be text, found 0"),
        (
            "nli",
            {k: v for k, v in NLI.items() if k != "premise"},
            "`premise`.*found only id, hypothesis, label",
        ),
        ("nli", NLI | {"id": 7}, "`id` to be text, found 7"),
        ("nli", [1], "a JSON object, found"),
        ("nli", NLI | {"premise": "\ud800"}, "lone surrogate"),
        ("paraphrase", PARAPHRASE | {"label": True}, "whole number from 0 to 1, found True"),
        ("paraphrase", PARAPHRASE | {"label": -1}, "whole number from 0 to 1, found -1"),
        ("tagging", TAGGING | {"tags": ["O"]}, r"as many `tags` as `tokens`, found \(2, 1\)"),
        ("tagging", TAGGING | {"tokens": [], "tags": []}, "at least one token"),
        ("tagging", TAGGING | {"tokens": ["a", None]}, "`tokens` to be text, found None"),
        ("tagging", TAGGING | {"tokens": "ab"}, "`tokens` to be a list of texts"),
        (
            "qa",
            QA | {"answers": {"text": ["b"], "answer_start": [1]}},
            "'b' at code point 1 of the context, found '𝄞'",
        ),
        (
            "qa",
            QA | {"answers": {"text": ["b"], "answer_start": [-1]}},
            "`answer_start` to be a whole number",
        ),
        ("qa", QA | {"answers": {"text": ["b"], "answer_start": []}}, "list 1 numbers, one per text"),
        ("qa", QA | {"answers": {"text": [], "answer_start": []}}, "at least one elsewhere"),
        ("qa", QA | {"is_impossible": True}, "no answer where `is_impossible` is true"),
        ("qa", QA | {"is_impossible": 0}, "`is_impossible` to be true or false"),
        ("qa", QA | {"answers": ["b"]}, "`answers` to hold `text` and `answer_start`"),
        ("multiple_choice", CHOICE | {"label": 2}, "whole number from 0 to 1, found 2"),
        ("multiple_choice", CHOICE | {"choices": ["a"], "label": 0}, "at least two"),
        ("bitext", BITEXT | {"target": None}, "`target` to be text, found None"),
        ("text", {"id": "1"}, "`text`"),
    ],
)
def test_a_bad_row_names_field_expected_found_and_line(kind: str, row: object, message: str) -> None:
    with pytest.raises(HarnessError, match=message) as caught:
        normalise_row(kind, row, "folder/file.jsonl:17")
    assert "folder/file.jsonl:17" in str(caught.value)
    assert caught.value.fix


def test_labels_and_tags_outside_the_closed_set() -> None:
    with pytest.raises(HarnessError, match="`tags` to be one of O, B-LOC, found 'B-PER'"):
        normalise_row("tagging", TAGGING, "f:1", ["O", "B-LOC"])
    with pytest.raises(HarnessError, match="`label` to be one of entailment"):
        normalise_row("nli", NLI, "f:1", ["entailment"])
    assert normalise_row("tagging", TAGGING, "f:1", ["O", "B-PER"]) == TAGGING


def test_ids_are_unique_in_a_file() -> None:
    with pytest.raises(HarnessError, match="`id` to be unique in the file, found '1' in f:2"):
        normalise_rows("text", [("f:1", TEXT), ("f:2", TEXT)])


def test_lines_end_at_newlines_only_and_are_numbered() -> None:
    rows = [TEXT | {"text": "one\u2028still one\x85 and \u000b"}, TEXT | {"id": "2", "text": "é"}]
    content = encode_rows(rows)
    assert content.decode().count("\n") == 2
    assert list(parse_lines(content, "f")) == [("f:1", rows[0]), ("f:2", rows[1])]
    assert list(parse_lines(content.rstrip(b"\n"), "f")) == list(parse_lines(content, "f"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"id": "1"}\n{"id":\n', r"expected JSON.*f:2"),
        (b"{}\n\n{}\n", r"f:2"),
        (b"{}\n\xff\xfe\n", r"expected UTF-8.*f:2"),
    ],
)
def test_broken_lines(content: bytes, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        list(parse_lines(content, "f"))


def test_encoded_rows_are_compact_and_not_escaped() -> None:
    assert encode_rows([{"id": "1", "text": "é"}]) == '{"id":"1","text":"é"}\n'.encode()
    assert json.loads(encode_rows([QA])) == QA


@pytest.mark.parametrize(
    ("kind", "row"),
    [("nli", NLI), ("paraphrase", PARAPHRASE), ("multiple_choice", CHOICE), ("qa", QA)],
)
def test_placeholder_labels_are_refused(kind: str, row: dict[str, Any]) -> None:
    with pytest.raises(HarnessError, match="placeholder"):
        refuse_placeholder_labels(kind, [row] * 8, "test.de")
    refuse_placeholder_labels(kind, [row] * 7, "test.de")
    other: dict[str, Any] = {
        "nli": {"label": "entailment"},
        "qa": {"answers": {"text": ["a"], "answer_start": [0]}},
    }
    refuse_placeholder_labels(kind, [row] * 8 + [row | other.get(kind, {"label": 0})], "test.de")


def test_placeholder_tags_are_refused() -> None:
    outside = TAGGING | {"tags": ["O", "O"]}
    with pytest.raises(HarnessError, match="placeholder"):
        refuse_placeholder_labels("tagging", [outside] * 8, "test.de")
    refuse_placeholder_labels("tagging", [TAGGING] * 8, "test.de")


def test_mining_tasks_have_two_schemas() -> None:
    assert row_kind("mining", "test_source") == row_kind("mining", "test_target") == "text"
    assert row_kind("mining", "test_gold") == "mining_gold"
    assert row_kind("nli", "test") == "nli"
