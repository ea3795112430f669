"""Rows -> features: nothing is lost silently, and every answer can be found again from its tokens."""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from harness.data import lab
from harness.model.families import XLM_ROBERTA
from harness.model.features import IGNORED, Feature, Features, featurise
from harness.model.tokenizer import SpecialTokens, load_tokenizer, train_tokenizer
from harness.project.errors import HarnessError
from harness.project.params import Params, Training
from harness.project.paths import Paths

BEGIN, PAD, END, UNKNOWN = range(4)
TOKENS = XLM_ROBERTA.tokens
NLI = ["entailment", "neutral", "contradiction"]
WORDS = [" ".join(f"{a}{b}{c}" for c in "aeiou") for a in "klmnprst" for b in ("a", "ei", "ou", "y")]


@pytest.fixture(scope="module")
def tokenizer(toy: tuple[Params, Paths]) -> Tokenizer:
    """The toy project's own tokenizer, read anew because featurise sets its truncation."""
    return load_tokenizer(toy[1].encoder)


@cache
def small_tokenizer() -> Tokenizer:
    """Sixty pieces, letters of several scripts among them."""
    return train_tokenizer([f"{line} é ü ñ क़ กำ ½ 北京" for line in WORDS * 3], 60, TOKENS)


def qa(context: str, answer: str | None, start: int = 0, question: str = "kala mino") -> dict[str, Any]:
    answers = {"text": [], "answer_start": []} if answer is None else {"text": [answer], "answer_start": [start]}
    return {"id": "1", "question": question, "context": context, "answers": answers}


def spans(rows: list[dict[str, Any]], tokenizer: Tokenizer, max_length: int = 96, stride: int = 16) -> Features:
    return featurise("span", rows, tokenizer, TOKENS, max_length, stride, [])


def recovered(row: dict[str, Any], feature: Feature) -> str | None:
    """The text that a feature's label stands for; None for (0, 0)."""
    first, last = feature.label
    if (first, last) == (0, 0):
        return None
    text: str = row["context"][feature.origin[first][0] : feature.origin[last][1]]
    return text


def test_layout_is_xlm_rs(tokenizer: Tokenizer) -> None:
    layout = (TOKENS.begin, TOKENS.pad, TOKENS.end, TOKENS.unknown)
    assert [tokenizer.token_to_id(token) for token in layout] == [BEGIN, PAD, END, UNKNOWN]
    assert tokenizer.token_to_id(TOKENS.mask) == tokenizer.get_vocab_size() - 1
    rows = [{"premise": "kala mino", "hypothesis": "tuo", "label": "neutral"}]
    made = featurise("classification", rows, tokenizer, TOKENS, 96, 0, NLI).items[0]
    ids = made.inputs[0]
    assert ids[0] == BEGIN and ids[-1] == END and ids.count(END) == 3
    middle = ids.index(END)
    assert ids[middle + 1] == END
    tokenizer.no_truncation()
    assert ids[1:middle] == tokenizer.encode("kala mino", add_special_tokens=False).ids
    assert ids[middle + 2 : -1] == tokenizer.encode("tuo", add_special_tokens=False).ids
    assert (made.label, made.row, made.length) == (1, 0, len(ids))


def test_truncated_pairs_are_counted(tokenizer: Tokenizer) -> None:
    rows = [
        {"sentence1": "kala mino", "sentence2": "tuo", "label": 1},
        {"sentence1": "kala " * 60, "sentence2": "tuo", "label": 0},
    ]
    made = featurise("classification", rows, tokenizer, TOKENS, 24, 0, [0, 1])
    assert made.counts["truncated"] == 1
    assert made.items[0].length < made.items[1].length == 24
    assert [item.label for item in made.items] == [1, 0]


def test_every_choice_is_an_input_of_its_own(tokenizer: Tokenizer) -> None:
    rows = [
        {"context": "kala mino", "question": "ka", "choices": ["tuo", "pel", "nas"], "label": 2},
        {"context": "", "question": "ka mi", "choices": ["tuo", "pel", "nas"], "label": 0},
        {"context": "kala " * 60, "choices": ["tuo", "pel", "nas"], "label": 1},
    ]
    made = featurise("choice", rows, tokenizer, TOKENS, 32, 0, [])
    assert made.counts["truncated"] == 1
    assert [(len(item.inputs), item.label) for item in made.items] == [(3, 2), (3, 0), (3, 1)]
    tokenizer.no_truncation()
    assert made.items[0].inputs[1] == tokenizer.encode("kala mino", "ka pel").ids
    # Without a context the question takes its place.
    assert made.items[1].inputs[2] == tokenizer.encode("ka mi", "nas").ids
    assert made.items[2].length == 32


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("kalamino é北\u0301\u200b ", min_size=1, max_size=12), min_size=1, max_size=40),
    st.integers(8, 40),
)
def test_every_word_is_tagged_once_however_a_sentence_is_split(words: list[str], max_length: int) -> None:
    """Splitting covers all words in order, at most `max_length` tokens a window, one labelled token a word."""
    row = {"id": "1", "tokens": words, "tags": [f"T{i % 3}" for i in range(len(words))]}
    made = featurise("tagging", [row], small_tokenizer(), TOKENS, max_length, 0, ["T0", "T1", "T2"])
    assert [word for item in made.items for _, word in item.origin] == list(range(len(words)))
    assert made.counts["split"] == (len(made.items) > 1)
    for item in made.items:
        ids = item.inputs[0]
        assert len(ids) == len(item.label) <= max_length
        assert ids[0] == BEGIN and ids[-1] == END
        labelled = {place: label for place, label in enumerate(item.label) if label != IGNORED}
        assert labelled == {place: word % 3 for place, word in item.origin}


def test_a_word_longer_than_the_input_is_cut_and_counted(tokenizer: Tokenizer) -> None:
    row = {"tokens": ["kalamino" * 20, "tuo"], "tags": ["A", "B"]}
    made = featurise("tagging", [row], tokenizer, TOKENS, 16, 0, ["A", "B"])
    assert made.counts["truncated"] == 1 and made.counts["split"] == 1
    assert next(item.length for item in made.items) == 16


def test_special_tokens_are_the_familys() -> None:
    """A tokenizer with other special tokens: their ids frame a window and stand for a word that has no piece."""
    other = SpecialTokens(begin="[CLS]", pad="[PAD]", end="[SEP]", unknown="[UNK]", mask="[MASK]")
    tokenizer = train_tokenizer(WORDS * 3, 60, other)
    assert tokenizer.get_vocab().keys().isdisjoint(vars(TOKENS).values())
    row = {"id": "1", "tokens": ["ka", "\u00a0"], "tags": ["A", "A"]}
    ids = featurise("tagging", [row], tokenizer, other, 16, 0, ["A"]).items[0].inputs[0]
    names = [tokenizer.id_to_token(i) for i in ids]
    assert (names[0], names[-2], names[-1]) == ("[CLS]", "[UNK]", "[SEP]")
    moved = replace(other, begin="[MASK]", end="[PAD]", unknown="[SEP]")
    ids = featurise("tagging", [row], tokenizer, moved, 16, 0, ["A"]).items[0].inputs[0]
    assert [tokenizer.id_to_token(i) for i in (ids[0], ids[-2], ids[-1])] == ["[MASK]", "[SEP]", "[PAD]"]
    with pytest.raises(HarnessError, match="expected the special token <s>"):
        featurise("tagging", [row], tokenizer, TOKENS, 16, 0, ["A"])


def test_a_tag_that_training_never_saw_is_not_learnt_from(tokenizer: Tokenizer) -> None:
    made = featurise("tagging", [{"tokens": ["kala"], "tags": ["NEW"]}], tokenizer, TOKENS, 16, 0, ["A"])
    assert set(made.items[0].label) == {IGNORED}


@pytest.mark.parametrize("task", ["squad_v1", "squad_v2"])
@pytest.mark.parametrize(("max_length", "stride"), [(96, 32), (40, 20)])
def test_answers_of_the_laboratory_are_found_again(
    tokenizer: Tokenizer, task: str, max_length: int, stride: int
) -> None:
    rows = lab.generate(task, "train", "qaa", 80, 3)
    made = spans(rows, tokenizer, max_length, stride)
    found: dict[int, list[str]] = {index: [] for index in range(len(rows))}
    for item in made.items:
        text = recovered(rows[item.row], item)
        if text is not None:
            found[item.row].append(text.strip())
    for index, row in enumerate(rows):
        wanted = row["answers"]["text"]
        assert set(found[index]) == set(wanted[:1]), row
    assert made.counts["answers_cut"] == 0
    assert any(not row["answers"]["text"] for row in rows) == (task == "squad_v2")


LETTERS = st.text("kalaminoé½ﬁ北京กำक़\u0301\u0323.,-", min_size=1, max_size=8).filter(
    lambda word: not unicodedata.combining(word[0])
)
GAPS = st.sampled_from([" ", "  ", "\u00a0", "\n"])


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(st.tuples(LETTERS, GAPS), min_size=2, max_size=30), st.integers(24, 60))
def test_answers_are_found_again_in_any_text(
    data: st.DataObject, parts: list[tuple[str, str]], max_length: int
) -> None:
    """Words of several scripts, composed and decomposed, with any white space: some window holds the whole answer,
    and what its tokens cover is that answer, apart from white space around it."""
    context = "".join(word + gap for word, gap in parts)
    first = data.draw(st.integers(0, len(parts) - 1))
    last = data.draw(st.integers(first, min(first + 1, len(parts) - 1)))
    start = sum(len(word) + len(gap) for word, gap in parts[:first])
    answer = "".join(word + gap for word, gap in parts[first : last + 1])
    answer = answer if data.draw(st.booleans()) else answer.strip()
    row = qa(context, answer, start, question="ka")
    tokenizer = small_tokenizer()
    tokenizer.no_truncation()
    needed = len(tokenizer.encode(answer, add_special_tokens=False).ids) + 2
    stride = (max_length - 6) * 4 // 5 - 6
    made = spans([row], tokenizer, max_length, stride)
    texts = [text for item in made.items if (text := recovered(row, item)) is not None]
    assert all(text.strip() == answer.strip() for text in texts)
    if needed <= stride:
        assert texts
    assert made.counts["answers_cut"] == (not texts)
    assert all(item.length <= max_length for item in made.items)


@pytest.mark.parametrize("answer", ["cafe\u0301", "mino\u0323\u0302", "½", "ﬁ", "กำ", " kala ", "क\u093c"])
def test_an_answer_keeps_what_the_normaliser_composes_or_splits(tokenizer: Tokenizer, answer: str) -> None:
    """NFKC gives other characters than the text has; the offsets are the text's all the same."""
    row = qa(f"tuo {answer} pel", answer, 4)
    item = spans([row], tokenizer).items[0]
    text = recovered(row, item)
    assert text is not None and text.strip() == answer.strip()


def test_a_long_context_is_read_in_overlapping_windows(tokenizer: Tokenizer) -> None:
    context = " ".join(f"kala{i} mino" for i in range(40))
    row = qa(context, "kala39", context.index("kala39"))
    made = spans([row], tokenizer, 48, 12)
    assert made.counts == {"truncated": 0, "split": 1, "answers_cut": 0}
    covered = [[span for span in item.origin if span] for item in made.items]
    assert covered[0][0][0] == 0 and covered[-1][-1][1] == len(context)
    for before, after in itertools.pairwise(covered):
        assert before[-12:] == after[:12]
    assert [item.label == (0, 0) for item in made.items] == [True] * (len(made.items) - 1) + [False]


def test_an_answer_longer_than_a_window_is_counted(tokenizer: Tokenizer) -> None:
    context = "kala mino tuo " * 20
    made = spans([qa(context, context.strip(), 0), qa(context, None)], tokenizer, 40, 20)
    assert {item.label for item in made.items} == {(0, 0)}
    assert made.counts["answers_cut"] == 1


def test_unanswerable_questions_point_at_the_first_token(tokenizer: Tokenizer) -> None:
    made = spans([qa("kala mino tuo", None) | {"is_impossible": True}], tokenizer)
    assert [item.label for item in made.items] == [(0, 0)]


def test_a_long_question_is_cut_and_counted_and_the_context_kept(tokenizer: Tokenizer) -> None:
    row = qa("kala mino tuo", "mino", 5, question="pel " * 200)
    made = spans([row], tokenizer, 48, 12)
    assert made.counts == {"truncated": 1, "split": 0, "answers_cut": 0}
    item = made.items[0]
    assert item.origin.index(next(span for span in item.origin if span)) == 24 + 3  # half of 48, `<s>` and two `</s>`
    text = recovered(row, item)
    assert text is not None and text.strip() == "mino"


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 64), st.data())
def test_windows_advance_with_every_stride_that_is_allowed(max_length: int, data: st.DataObject) -> None:
    """However long the question: the last window reaches the end of the context."""
    longest = (max_length - 6) * 4 // 5
    stride = data.draw(st.integers(0, longest))
    context = "kala mino tuo " * 12 + "end"
    row = qa(context, "kala", 0, question="pel " * data.draw(st.sampled_from([1, 4, 100])))
    items = spans([row], small_tokenizer(), max_length, stride).items
    assert max(span[1] for span in items[-1].origin if span) == len(context)
    assert all(item.length <= max_length for item in items)


def test_a_stride_longer_than_a_window_is_refused(toy: tuple[Params, Paths]) -> None:
    content = toy[0].intermediate["squad_v2"].model_dump() | {"max_length": 96}
    assert Training.model_validate(content | {"doc_stride": 72}).doc_stride == 72
    with pytest.raises(ValueError, match="doc_stride must be at most 72 with max_length 96, found 73"):
        Training.model_validate(content | {"doc_stride": 73})


def test_a_corpus_too_small_for_the_vocabulary_is_a_users_error() -> None:
    with pytest.raises(HarnessError, match=r"lower encoder\.pretraining\.vocabulary_size"):
        train_tokenizer(["kala mino"], 4000, TOKENS)
