"""Rows of every kind of task: a raw JSON line -> the normalised row, or an error with file, line and field.

Plain checks instead of a validation library: a pack has several hundred thousand rows, and a row either fits
its schema exactly (extra keys are dropped) or the whole file is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from harness.project.errors import HarnessError
from harness.project.files import parse_json

Row = dict[str, Any]
MEND = "correct that row, or take the file from its source again and pin it (`harness data pin TASK`)"
# Below this many rows a split may by chance hold one label only (eight rows of two labels: 1 in 128).
FEWEST_ROWS_TO_JUDGE_LABELS = 8


def row_kind(kind: str, split: str) -> str:
    """The schema of one file: mining tasks have texts and gold pairs, all others one schema."""
    if kind != "mining":
        return kind
    return "mining_gold" if split.endswith("_gold") else "text"


def normalise_row(kind: str, raw: object, where: str, labels: Collection[Any] | None = None) -> Row:
    """The row with exactly its schema's keys, in the schema's order.

    `where` is "file:line" for messages; `labels` the closed set of labels or tags, if the task has one.
    Raises HarnessError naming the field, what was expected and what was found.
    """
    if not isinstance(raw, dict):
        raise _misfit("a JSON object", raw, where)
    row = {"id": _text(raw, "id", where), **_SCHEMAS[kind](raw, where)}
    if labels is not None:
        field = "tags" if kind == "tagging" else "label"
        for value in row[field] if kind == "tagging" else (row[field],):
            if value not in labels:
                raise _misfit(f"field `{field}` to be one of {', '.join(map(str, labels))}", value, where)
    return row


def normalise_rows(
    kind: str,
    raw_rows: Iterable[tuple[str, object]],
    labels: Collection[Any] | None = None,
    dropped: Counter[str] | None = None,
) -> list[Row]:
    """All rows of a file from (where, raw row) pairs; ids must be unique, as QA scores are keyed by them.

    `dropped` counts, per key, the rows whose key the schema has no place for.
    """
    rows, seen = [], set()
    for where, raw in raw_rows:
        row = normalise_row(kind, raw, where, labels)
        if dropped is not None and isinstance(raw, dict):
            dropped.update(raw.keys() - row.keys())
        if row["id"] in seen:
            raise _misfit("field `id` to be unique in the file", row["id"], where)
        seen.add(row["id"])
        rows.append(row)
    return rows


def parse_lines(content: bytes, name: str) -> Iterator[tuple[str, object]]:
    """JSON lines as ("name:line", value) pairs. Only \\n ends a line: JSON may hold U+2028 raw."""
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, 1):
        where = f"{name}:{number}"
        yield where, parse_json(line, where, MEND)


def encode_rows(rows: Iterable[Row]) -> bytes:
    """Normalised rows as JSON lines; the same rows give the same bytes everywhere."""
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows]
    return "".join(lines).encode("utf-8")


def refuse_placeholder_labels(kind: str, rows: list[Row], where: str) -> None:
    """Refuse a test split whose labels are all equal: XTREME's download hides its test labels that way."""
    if len(rows) < FEWEST_ROWS_TO_JUDGE_LABELS:
        return
    if kind == "tagging":
        found = {tag for row in rows for tag in row["tags"]}
    elif kind == "qa":
        found = {text for row in rows for text in row["answers"]["text"]}
    elif kind in ("nli", "paraphrase", "multiple_choice"):
        found = {row["label"] for row in rows}
    else:
        return
    if len(found) < 2:
        raise HarnessError(
            f"expected test labels that differ, found {sorted(found)} in all {len(rows)} rows of {where}: "
            "that is a placeholder",
            fix="take the split with its gold labels, and pin it",
        )


def check_gold(gold: Sequence[Row], sources: Collection[str], targets: Collection[str], where: str) -> None:
    """Refuse gold pairs that can't be found: ids that the texts lack, and a pair that is listed twice.

    `where` is the file of the gold pairs; `sources` and `targets` are the ids of the texts on either side.
    """
    seen: dict[tuple[str, str], int] = {}
    for number, row in enumerate(gold, 1):
        for side, known in (("source", sources), ("target", targets)):
            name = row[f"{side}_id"]
            if name not in known:
                near = " (without the blanks around it there is one)" if name.strip() in known else ""
                raise _misfit(f"field `{side}_id` to be the id of a {side} text{near}", name, f"{where}:{number}")
        first = seen.setdefault((row["source_id"], row["target_id"]), number)
        if first != number:
            pair = (row["source_id"], row["target_id"])
            raise _misfit(f"every gold pair once (it is in row {first} too)", pair, f"{where}:{number}")


def _misfit(expected: str, found: object, where: str) -> HarnessError:
    return HarnessError(f"expected {expected}, found {found!r:.120} in {where}", fix=MEND)


def _get(raw: Row, field: str, expected: str, where: str) -> Any:
    if field not in raw:
        raise HarnessError(
            f"expected field `{field}` ({expected}), found only {', '.join(raw) or 'no field'} in {where}",
            fix=MEND,
        )
    return raw[field]


def _text(raw: Row, field: str, where: str) -> str:
    value = _get(raw, field, "text", where)
    if not isinstance(value, str):
        raise _misfit(f"field `{field}` to be text", value, where)
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise _misfit(f"field `{field}` to be valid Unicode (no lone surrogate)", value, where) from None
    return value


def _texts(raw: Row, field: str, where: str) -> list[str]:
    values = _get(raw, field, "list of texts", where)
    if not isinstance(values, list):
        raise _misfit(f"field `{field}` to be a list of texts", values, where)
    return [_text({field: value}, field, where) for value in values]


def _integer(value: object, field: str, limit: int, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
        raise _misfit(f"field `{field}` to be a whole number from 0 to {limit - 1}", value, where)
    return value


def _nli(raw: Row, where: str) -> Row:
    label = _text(raw, "label", where)
    if label not in ("entailment", "neutral", "contradiction"):
        raise _misfit("field `label` to be entailment, neutral or contradiction", label, where)
    return {
        "premise": _text(raw, "premise", where),
        "hypothesis": _text(raw, "hypothesis", where),
        "label": label,
    }


def _paraphrase(raw: Row, where: str) -> Row:
    label = _integer(_get(raw, "label", "0 or 1", where), "label", 2, where)
    return {
        "sentence1": _text(raw, "sentence1", where),
        "sentence2": _text(raw, "sentence2", where),
        "label": label,
    }


def _tagging(raw: Row, where: str) -> Row:
    tokens, tags = _texts(raw, "tokens", where), _texts(raw, "tags", where)
    if len(tokens) != len(tags) or not tokens:
        raise _misfit("at least one token and as many `tags` as `tokens`", (len(tokens), len(tags)), where)
    return {"tokens": tokens, "tags": tags}


def _qa(raw: Row, where: str) -> Row:
    row: Row = {"question": _text(raw, "question", where), "context": _text(raw, "context", where)}
    row["answers"] = _answers(_get(raw, "answers", "texts and their starts", where), row["context"], where)
    if "is_impossible" in raw:
        if not isinstance(raw["is_impossible"], bool):
            raise _misfit("field `is_impossible` to be true or false", raw["is_impossible"], where)
        row["is_impossible"] = raw["is_impossible"]
    if bool(row["answers"]["text"]) == row.get("is_impossible", False):
        expected = "no answer where `is_impossible` is true and at least one elsewhere"
        raise _misfit(expected, row["answers"]["text"], where)
    if "title" in raw:
        row["title"] = _text(raw, "title", where)
    return row


def _answers(answers: object, context: str, where: str) -> Row:
    if not isinstance(answers, dict):
        raise _misfit("field `answers` to hold `text` and `answer_start`", answers, where)
    texts, starts = _texts(answers, "text", where), _get(answers, "answer_start", "list of numbers", where)
    if not isinstance(starts, list) or len(starts) != len(texts):
        raise _misfit(f"field `answer_start` to list {len(texts)} numbers, one per text", starts, where)
    for text, start in zip(texts, starts, strict=True):
        start = _integer(start, "answer_start", len(context) + 1, where)
        if context[start : start + len(text)] != text:
            found = context[start : start + len(text)]
            raise _misfit(f"the answer {text!r:.80} at code point {start} of the context", found, where)
    return {"text": texts, "answer_start": list(starts)}


def _multiple_choice(raw: Row, where: str) -> Row:
    row: Row = {"context": _text(raw, "context", where)}
    if "question" in raw:
        row["question"] = _text(raw, "question", where)
    row["choices"] = _texts(raw, "choices", where)
    if len(row["choices"]) < 2:
        raise _misfit("field `choices` to hold at least two", row["choices"], where)
    row["label"] = _integer(_get(raw, "label", "index of a choice", where), "label", len(row["choices"]), where)
    return row


def _of_texts(*fields: str) -> Callable[[Row, str], Row]:
    def schema(raw: Row, where: str) -> Row:
        return {field: _text(raw, field, where) for field in fields}

    return schema


_SCHEMAS: dict[str, Callable[[Row, str], Row]] = {
    "nli": _nli,
    "paraphrase": _paraphrase,
    "tagging": _tagging,
    "qa": _qa,
    "multiple_choice": _multiple_choice,
    "bitext": _of_texts("source", "target"),
    "mining_gold": _of_texts("source_id", "target_id"),
    "text": _of_texts("text"),
}
