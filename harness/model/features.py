"""Rows -> features: what the encoder reads and what the head learns, one function per head.

Nothing is dropped silently: truncated and split inputs are counted and end up in the cell's result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tokenizers import Encoding, Tokenizer

from harness.model.alignment import INVISIBLE, Span, context_spans, encodable, reach
from harness.model.tokenizer import SpecialTokens, token_id

Row = dict[str, Any]


@dataclass(frozen=True)
class Feature:
    """One input of the encoder (for multiple choice: one input per choice)."""

    inputs: list[list[int]]
    """Token ids with special tokens; one list, or one per choice."""
    label: Any
    """An int, a list of ints per token, or (start, end); None where there is nothing to learn."""
    row: int
    """Index of the row it was made from."""
    origin: Any = None
    """What the head needs to map predictions back: word positions, or character offsets of the context."""
    second: list[int] | None = None
    """Of each input, the first token of the second text, where the encoder's family marks it by a token type."""

    @property
    def length(self) -> int:
        """Tokens of the longest input."""
        return max(map(len, self.inputs))


@dataclass
class Features:
    """The features of a list of rows, in their order."""

    items: list[Feature] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def featurise(
    head: str,
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    tokens: SpecialTokens,
    max_length: int,
    stride: int,
    labels: Sequence[Any],
) -> Features:
    """Make the features of `rows` for `head` (classification, choice, tagging, span).

    `tokens`: the special tokens of the encoder's family. `labels`: the task's labels or tags in the order of the
    logits; unknown tags of test rows are not learnt from. Raises HarnessError if the tokenizer lacks a special token.
    """
    numbers = {label: i for i, label in enumerate(labels)}
    if head == "tagging":
        return _tagging(rows, tokenizer, tokens, max_length, numbers)
    make = {"classification": _classification, "choice": _choice, "span": _span}[head]
    return make(rows, tokenizer, tokens, max_length, stride, numbers)


def _cut(tokenizer: Tokenizer, max_length: int, strategy: str = "longest_first", stride: int = 0) -> None:
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length, stride=stride, strategy=strategy)


def _pair(row: Row) -> tuple[str, str]:
    return (row["premise"], row["hypothesis"]) if "premise" in row else (row["sentence1"], row["sentence2"])


def _second(encodings: Sequence[Encoding], tokens: SpecialTokens) -> list[int] | None:
    """Where the second text begins in each input; None where nothing marks it."""
    if not tokens.marks_second:
        return None
    return [encoding.type_ids.index(1) if 1 in encoding.type_ids else len(encoding.ids) for encoding in encodings]


def _classification(
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    tokens: SpecialTokens,
    max_length: int,
    stride: int,
    labels: dict[Any, int],
) -> Features:
    _cut(tokenizer, max_length)
    found = Features()
    for index, encoding in enumerate(tokenizer.encode_batch([_pair(row) for row in rows])):
        found.counts["truncated"] += bool(encoding.overflowing)
        second = _second([encoding], tokens)
        found.items.append(Feature([encoding.ids], labels[rows[index]["label"]], index, second=second))
    return found


def _choice(
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    tokens: SpecialTokens,
    max_length: int,
    stride: int,
    labels: dict[Any, int],
) -> Features:
    _cut(tokenizer, max_length)
    found = Features()
    for index, row in enumerate(rows):
        question = row.get("question") or ""
        endings = [f"{question} {choice}".strip() for choice in row["choices"]]
        # CommonsenseQA has no context: the question takes its place.
        pairs = (
            [(row["context"], ending) for ending in endings]
            if row["context"]
            else [(question, c) for c in row["choices"]]
        )
        encodings = tokenizer.encode_batch(pairs)
        found.counts["truncated"] += any(encoding.overflowing for encoding in encodings)
        inputs = [encoding.ids for encoding in encodings]
        found.items.append(Feature(inputs, row["label"], index, second=_second(encodings, tokens)))
    return found


def _tagging(
    rows: Sequence[Row], tokenizer: Tokenizer, tokens: SpecialTokens, max_length: int, labels: dict[Any, int]
) -> Features:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    found = Features()
    encodings = tokenizer.encode_batch([row["tokens"] for row in rows], is_pretokenized=True, add_special_tokens=False)
    begin, end, unknown = (token_id(tokenizer, name) for name in (tokens.begin, tokens.end, tokens.unknown))
    room = max_length - 2  # beside begin and end
    for index, (row, encoding) in enumerate(zip(rows, encodings, strict=True)):
        pieces = _pieces(encoding, len(row["tokens"]), unknown)
        windows = _windows(pieces, room)
        found.counts["split"] += len(windows) > 1
        for words in windows:
            ids, targets, origin = [begin], [IGNORED], []
            for word in words:
                origin.append((len(ids), word))
                kept = pieces[word][:room]
                found.counts["truncated"] += len(kept) < len(pieces[word])
                ids += kept
                targets += [labels.get(row["tags"][word], IGNORED)] + [IGNORED] * (len(kept) - 1)
            found.items.append(Feature([[*ids, end]], [*targets, IGNORED], index, origin))
    return found


def _pieces(encoding: Encoding, words: int, unknown: int) -> list[list[int]]:
    """Token ids per word; a word that the normaliser empties keeps one unknown token, so that it gets a tag."""
    pieces: list[list[int]] = [[] for _ in range(words)]
    for token, word in zip(encoding.ids, encoding.word_ids, strict=True):
        assert word is not None  # special tokens are not added here
        pieces[word].append(token)
    return [found or [unknown] for found in pieces]


def _windows(pieces: list[list[int]], room: int) -> list[list[int]]:
    """Word indices cut into consecutive windows of at most `room` tokens (XTREME splits long sentences)."""
    windows: list[list[int]] = [[]]
    used = 0
    for word, found in enumerate(pieces):
        size = min(len(found), room)
        if windows[-1] and used + size > room:
            windows.append([])
            used = 0
        windows[-1].append(word)
        used += size
    return windows


def question_room(max_length: int, stride: int) -> int:
    """Tokens that a question may have; a longer one is cut and counted (XTREME cuts at 64 tokens).

    At most half the input, and so few that beside it and four special tokens a window advances by a quarter stride.
    """
    return min(max_length // 2, max_length - 4 - stride - max(1, stride // 4))


def _span(
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    tokens: SpecialTokens,
    max_length: int,
    stride: int,
    labels: dict[Any, int],
) -> Features:
    found = Features()
    room = question_room(max_length, stride)
    tokenizer.no_truncation()
    questions = encodable([row["question"] for row in rows], tokenizer)
    asked = tokenizer.encode_batch([question.text for question in questions], add_special_tokens=False)
    contexts = encodable([row["context"] for row in rows], tokenizer)
    _cut(tokenizer, max_length, "only_second", stride)
    pairs = []
    for question, encoding, context in zip(questions, asked, contexts, strict=True):
        long = len(encoding.ids) > room
        found.counts["truncated"] += long
        pairs.append((_beginning(question.text, encoding, room) if long else question.text, context.text))
    for index, encoding in enumerate(tokenizer.encode_batch(pairs)):
        windows = [encoding, *encoding.overflowing]
        found.counts["split"] += len(windows) > 1
        spans = context_spans(windows, contexts[index], rows[index]["context"])
        answer = _answer_place(rows[index], spans)
        labels_of_windows = [_answer_tokens(answer, window) for window in spans]
        for window, span, label in zip(windows, spans, labels_of_windows, strict=True):
            found.items.append(Feature([window.ids], label, index, span, _second([window], tokens)))
        lost = all(label == (0, 0) for label in labels_of_windows)
        found.counts["answers_cut"] += bool(rows[index]["answers"]["text"]) and lost
    return found


def _beginning(text: str, encoding: Encoding, tokens: int) -> str:
    """The text up to the end of its token of this number."""
    end = encoding.offsets[tokens - 1][1]
    return text[: reach(encoding.offsets, text).get(end, end)]


@dataclass(frozen=True)
class _Place:
    """Where a row's first answer stands in its context."""

    start: int
    """Its first visible character."""
    end: int
    """One past its last."""
    tokens: Span
    """The characters of all tokens that it is made of, in whichever window."""


def _answer_place(row: Row, windows: Sequence[Sequence[Span | None]]) -> _Place | None:
    """The place of the row's first answer; None where it has none, or no visible one.

    What can't be seen at the answer's ends (white space, direction marks, control characters) is not looked for.
    """
    text = row["answers"]["text"][0] if row["answers"]["text"] else ""
    visible = text.strip(INVISIBLE)
    if not visible:
        return None
    start = row["answers"]["answer_start"][0] + len(text) - len(text.lstrip(INVISIBLE))
    end = start + len(visible)
    touched = [span for window in windows for span in window if span and span[0] < end and span[1] > start]
    if not touched:
        return None
    return _Place(start, end, _hull(touched))


def _answer_tokens(answer: _Place | None, window: Sequence[Span | None]) -> tuple[int, int]:
    """First and last token of an answer in this window; (0, 0) if it is not wholly inside."""
    if answer is None:
        return 0, 0
    inside = [i for i, span in enumerate(window) if span and span[0] < answer.end and span[1] > answer.start]
    if not inside:
        return 0, 0
    own = _hull(window[i] for i in inside)
    return (inside[0], inside[-1]) if own == answer.tokens else (0, 0)


def _hull(spans: Iterable[Span | None]) -> Span:
    """From the first character of at least one span to the last."""
    known = [span for span in spans if span]
    return min(start for start, _ in known), max(end for _, end in known)


IGNORED = -100
"""Label of a position that no loss is taken of (cross_entropy's default)."""
