"""Answers are found again from their tokens in every script, composed or not, and whatever the normaliser deletes."""

from __future__ import annotations

import io
import sys
import unicodedata
from functools import cache
from itertools import groupby
from typing import Any

import pytest
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from harness.model.alignment import INVISIBLE
from harness.model.families import XLM_ROBERTA
from harness.model.features import Features, featurise
from harness.model.tokenizer import train_tokenizer

TOKENS = XLM_ROBERTA.tokens
TEXT = [" ".join(f"{a}{b}{c}" for c in "aeiou") for a in "klmnprst" for b in ("a", "ei", "ou", "y")] * 3
LETTERS_A_SCRIPT = 2
"""Of every script so many letters are tried, and all its marks."""


@cache
def trained_here() -> Tokenizer:
    return train_tokenizer([f"{line} 한 글 가 ガ é 北 ½" for line in TEXT], 60, TOKENS)


@cache
def as_xlm_r() -> Tokenizer:
    """The same pieces behind XLM-R's normaliser (SentencePiece's nmt_nfkc) and its splitting at white space."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT),
        model_writer=made,
        vocab_size=30,
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    model = sentencepiece_model_pb2.ModelProto.FromString(made.getvalue())
    tokenizer = Tokenizer.from_str(trained_here().to_str())
    tokenizer.normalizer = normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    return tokenizer


TOKENIZERS = pytest.mark.parametrize("tokenizer", [trained_here, as_xlm_r])


def asked(word: str, before: str = "ka ", after: str = " mi", question: str = "kala") -> dict[str, Any]:
    answers = {"text": [word], "answer_start": [len(before)]}
    return {"id": "1", "question": question, "context": before + word + after, "answers": answers}


def spans(rows: list[dict[str, Any]], tokenizer: Tokenizer, max_length: int = 64) -> Features:
    return featurise("span", rows, tokenizer, TOKENS, max_length, 8, [])


def recovered(rows: list[dict[str, Any]], made: Features) -> list[str | None]:
    """What each feature's label stands for, without what can't be seen at its ends; None for (0, 0)."""
    found: list[str | None] = []
    for item in made.items:
        first, last = item.label
        context = rows[item.row]["context"]
        text = None if last == 0 else context[item.origin[first][0] : item.origin[last][1]].strip(INVISIBLE)
        found.append(text)
    return found


def words_of_every_script() -> list[str]:
    """Of each script in Unicode's names: some letters, and every mark and every odd letter behind a letter."""
    words = []
    known = [(unicodedata.name(chr(code), ""), chr(code)) for code in range(sys.maxunicode + 1)]
    for _, named in groupby((pair for pair in known if pair[0]), key=lambda pair: pair[0].split()[0]):
        letters = 0
        base = "a"
        for _name, character in named:
            category = unicodedata.category(character)
            if category[0] == "L":
                base = character if category != "Lm" else base
                letters += 1
                changed = unicodedata.normalize("NFKC", character) != character
                if letters > LETTERS_A_SCRIPT and not (changed and letters % 20 == 0):
                    continue
            elif category[0] not in "MN":
                continue
            words.append(base + character)
    return words


@TOKENIZERS
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_answer_in_any_script_is_found_again(tokenizer: Any, form: str) -> None:
    words = [unicodedata.normalize(form, word) for word in words_of_every_script()]
    words = [word for word in words if word.strip(INVISIBLE) and not any(map(str.isspace, word.strip(INVISIBLE)))]
    scripts = {unicodedata.name(word[0]).split()[0] for word in words}
    assert len(words) > 2500 and {"BENGALI", "TAMIL", "MALAYALAM", "SINHALA", "KANNADA", "HALFWIDTH"} <= scripts
    rows = [asked(word, "ka " if number % 2 else "") for number, word in enumerate(words)]
    made = spans(rows, tokenizer())
    wrong = [
        (ascii(word), found)
        for word, found in zip(words, recovered(rows, made), strict=True)
        if found != word.strip(INVISIBLE)
    ]
    assert not wrong and made.counts["answers_cut"] == 0


@TOKENIZERS
@pytest.mark.parametrize(
    "word",
    [
        "\u1112\u1161\u11ab\u1100\u1173\u11af",  # Hangul jamo
        "\uac00\u11a8",  # a syllable and a final jamo
        "\u0995\u09c7\u09be",  # a Bengali vowel sign in two parts
        "\u0b95\u0bc6\u0bbe",  # Tamil
        "\u0d15\u0d46\u0d3e",  # Malayalam
        "\u0d9a\u0dd9\u0dcf\u0dca",  # Sinhala, in three
        "\u0c95\u0cc6\u0cc2\u0cd5",  # Kannada
        "\uff76\uff9e\uff8a\uff9f",  # halfwidth katakana and its marks
        "a\u0327\u0301",
        "\u00bd\ufb01\ufdfa",
    ],
)
def test_what_the_normaliser_composes_belongs_to_the_answer_and_to_no_other(tokenizer: Any, word: str) -> None:
    for row in (asked(word), asked(word, "", ""), asked("mi", f"{word} ", f" {word}")):
        assert recovered([row], spans([row], tokenizer())) == row["answers"]["text"]


@TOKENIZERS
@pytest.mark.parametrize(
    "edge",
    list("\u200b\u200c\u200d\u200e\u200f\ufeff\u202a\u2066\u061c\u00ad\u0001\u007f\u0085\u2060"),
)
def test_the_label_is_the_visible_answer(tokenizer: Any, edge: str) -> None:
    """Signs at an answer's ends that can't be seen cost no label, whatever the tokenizer does with them."""
    for row in (
        asked(f"{edge}mino{edge}"),
        asked(f"{edge}{edge}mino", "", ""),
        asked(f" {edge} mino {edge} ", "tuo", "tuo"),
        asked("mino", f"{edge}ka{edge} ", f"{edge} tuo"),
    ):
        made = spans([row], tokenizer())
        assert recovered([row], made) == ["mino"] and made.counts["answers_cut"] == 0


@TOKENIZERS
def test_a_deleted_sign_moves_no_offset(tokenizer: Any) -> None:
    """Behind a control character at a text's beginning a tokenizer's offsets are all one too small."""
    row = asked("mino", "\u0001\u0002ka \u00bd\u0001 e\u0001\u0301 ", " tuo\u0001")
    item = spans([row], tokenizer()).items[0]
    context = row["context"]
    shown = [context[span[0] : span[1]].strip(INVISIBLE) for span in item.origin if span]
    assert "".join(shown).count("mino") == 1 and recovered([row], spans([row], tokenizer())) == ["mino"]
    assert not any("m" in text and text.strip("mino") for text in shown), shown


def test_an_invisible_answer_is_counted_as_cut() -> None:
    made = spans([asked("\u200e\u200f", "ka", "mi")], trained_here())
    assert [item.label for item in made.items] == [(0, 0)] and made.counts["answers_cut"] == 1


def test_composed_and_decomposed_text_give_the_same_features() -> None:
    """Token for token, windows and a question that is cut included; the places are those of each text."""
    composed = "한 글 가 é ガ " * 12
    features = {}
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, composed)
        word = unicodedata.normalize(form, "글")
        row = asked(word, text, f" {text}", question=text)
        features[form] = spans([row], trained_here(), 40)
        assert unicodedata.normalize("NFC", "".join(filter(None, recovered([row], features[form])))).strip("글") == ""
    first, second = features["NFC"], features["NFD"]
    assert first.counts == second.counts == {"truncated": 1, "split": 1, "answers_cut": 0}
    assert [(item.inputs, item.label) for item in first.items] == [(item.inputs, item.label) for item in second.items]
