"""BERT's layout: pairs, words and answers by a WordPiece tokenizer, as by the library's own."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from test_alignment import TEXT, asked, recovered, words_of_every_script
from tokenizers import Tokenizer
from transformers import BertModel, PreTrainedTokenizerFast
from wordpiece import save_tiny_bert, wordpiece_tokenizer

from harness.model.alignment import INVISIBLE
from harness.model.batching import collate
from harness.model.encoder import check_tokenizer, published_encoder
from harness.model.families import BERT
from harness.model.features import Features, featurise
from harness.project.errors import HarnessError

TOKENS = BERT.tokens


@cache
def tokenizer(lowercase: bool = False) -> Tokenizer:
    return wordpiece_tokenizer([*TEXT, "한 글 가 ガ é 北 ½ mino"], lowercase)


CASES = pytest.mark.parametrize("made", [tokenizer, partial(tokenizer, True)], ids=["cased", "lowercase"])


def spans(rows: list[dict[str, Any]], chosen: Tokenizer, max_length: int = 64) -> Features:
    return featurise("span", rows, chosen, TOKENS, max_length, 8, [])


ROWS: dict[str, list[dict[str, Any]]] = {
    "classification": [
        {"premise": "kala mino", "hypothesis": "tu", "label": "x"},
        {"premise": "ka", "hypothesis": "tuo mi " * 9, "label": "x"},
        {"premise": "", "hypothesis": "tu", "label": "x"},
    ],
    "choice": [{"context": "kala mino", "question": "ka", "choices": ["tu", "pel mino"], "label": 1}],
    "span": [asked("mino", "ka " * 12)],
}


@pytest.mark.parametrize("head", list(ROWS))
def test_pairs_are_read_as_the_librarys_model_reads_them(head: str, tmp_path: Path) -> None:
    """Ids and token types of the library's own tokenizer, and the states of its model on them."""
    chosen = tokenizer()
    original: BertModel = save_tiny_bert(tmp_path, chosen).bert
    made = featurise(head, ROWS[head], chosen, TOKENS, 48, 8, ["x"])
    encoder, _ = published_encoder(tmp_path)
    library = PreTrainedTokenizerFast(tokenizer_object=tokenizer(), pad_token="[PAD]")
    for item in made.items:
        ids, mask, second = collate([item], 0)
        types = (torch.arange(ids.shape[1]) >= (second if second is not None else ids.shape[1])[:, None]).long()
        row = ROWS[head][item.row]
        if head == "classification":
            pair = (row["premise"], row["hypothesis"])
            given = library(*pair, truncation=True, max_length=48, return_token_type_ids=True)
            assert (ids[0].tolist(), types[0].tolist()) == (given["input_ids"], given["token_type_ids"])
        whole = torch.ones_like(ids) if mask is None else mask.long()
        with torch.no_grad():
            wanted = original(input_ids=ids, attention_mask=whole, token_type_ids=types).last_hidden_state
            states = encoder.eval()(ids, mask, second=second)
        torch.testing.assert_close(states[whole.bool()], wanted[whole.bool()], atol=1e-5, rtol=1e-4)
        ends = [place for place, token in enumerate(ids[0].tolist()) if token == chosen.token_to_id("[SEP]")]
        assert second is not None and second[0] == ends[0] + 1 and types[0, ends[1]] == 1


def test_the_first_piece_of_every_word_is_tagged() -> None:
    row = {"tokens": ["kala", "mi-no", "\u200b", "tu"], "tags": ["A", "B", "A", "B"]}
    item = featurise("tagging", [row], tokenizer(), TOKENS, 32, 0, ["A", "B"]).items[0]
    pieces = [tokenizer().id_to_token(number) for number in item.inputs[0]]
    assert [(pieces[place], word) for place, word in item.origin] == [("k", 0), ("m", 1), ("[UNK]", 2), ("t", 3)]
    assert [item.label[place] for place, _ in item.origin] == [0, 1, 0, 1] and item.second is None
    assert (pieces[0], pieces[-1]) == ("[CLS]", "[SEP]")


@CASES
def test_an_answer_in_any_script_is_found_again(made: Any) -> None:
    words = [word for word in words_of_every_script()[::3] if word.strip(INVISIBLE)]
    words = [word for word in words if not any(map(str.isspace, word.strip(INVISIBLE)))]
    rows = [asked(word, "ka " if number % 2 else "") for number, word in enumerate(words)]
    found = spans(rows, made())
    wrong = [
        (ascii(word), text)
        for word, text in zip(words, recovered(rows, found), strict=True)
        if text != word.strip(INVISIBLE)
    ]
    assert len(words) > 800 and not wrong and found.counts["answers_cut"] == 0


@CASES
@pytest.mark.parametrize("edge", list("\u200b\u200c\u200e\ufeff\u061c\u00ad\u0001\u0085"))
def test_the_label_is_the_visible_answer(made: Any, edge: str) -> None:
    for row in (asked(f"{edge}mino{edge}"), asked(f" {edge} mino {edge} ", "tu", "tu"), asked("mino", f"{edge}ka ")):
        found = spans([row], made())
        assert recovered([row], found) == ["mino"] and found.counts["answers_cut"] == 0


def test_a_tokenizer_that_the_encoder_cannot_read_is_refused(tmp_path: Path) -> None:
    chosen = wordpiece_tokenizer(TEXT)
    save_tiny_bert(tmp_path, chosen)
    encoder, _ = published_encoder(tmp_path)
    check_tokenizer(chosen, encoder, tmp_path)
    larger = wordpiece_tokenizer([*TEXT, "xyz"])
    with pytest.raises(HarnessError, match=rf"expected token ids below {chosen.get_vocab_size()} \(config\.json\)"):
        check_tokenizer(larger, encoder, tmp_path)
    bare = Tokenizer.from_str(chosen.to_str())
    bare.post_processor = None  # type: ignore[assignment]
    with pytest.raises(HarnessError, match=r"that puts \[CLS\] and \[SEP\] around texts"):
        check_tokenizer(bare, encoder, tmp_path)
    encoder.config.type_vocab_size = 1
    with pytest.raises(HarnessError, match="expected token types below 1"):
        check_tokenizer(chosen, encoder, tmp_path)
