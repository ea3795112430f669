"""Logits -> predictions: the right text, tag and label, whatever shares a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import XLMRobertaModel

from harness.data.folder import read_split
from harness.model.encoder import load_encoder, load_weights, new_encoder
from harness.model.features import Feature, Features, featurise
from harness.model.forward import Encoder
from harness.model.heads import new_head
from harness.model.predict import embed, logits_of, predictions_of
from harness.model.tokenizer import load_tokenizer
from harness.project.errors import HarnessError
from harness.project.params import Evaluation, Params, Retrieval
from harness.project.paths import Paths

Toy = tuple[Params, Paths]
SETTINGS = Evaluation(batch_tokens=512, best_spans=3, max_answer_tokens=3)
CONTEXT = "aa bb cc dd ee"
OFFSETS: list[tuple[int, int] | None] = [None, None, (0, 2), (2, 5), (5, 8), (8, 11), (11, 14), None]
"""<s>, a question, five words (a word's token holds the space before it), </s>."""


@pytest.fixture(scope="module")
def encoder(toy: Toy) -> Encoder:
    return load_encoder(toy[1].encoder)


@pytest.fixture(scope="module")
def tokenizer(toy: Toy) -> Tokenizer:
    return load_tokenizer(toy[1].encoder)


def answers(windows: list[NDArray[np.float32]], row: dict[str, Any], offsets: Any = None) -> str:
    """What is answered when the span head gives these logits, one array a window."""
    items = [Feature([[0] * 8], (0, 0), 0, offsets or OFFSETS) for _ in windows]
    found = predictions_of(windows, "span", Features(items), [row], [], SETTINGS)
    assert len(found) == 1
    return str(found[0])


def scores(start: dict[int, float], end: dict[int, float]) -> NDArray[np.float32]:
    """Logits (8, 2), -9 wherever nothing is said."""
    array = np.full((8, 2), -9.0, dtype=np.float32)
    for side, values in enumerate((start, end)):
        for place, value in values.items():
            array[place, side] = value
    return array


ROW: dict[str, Any] = {"context": CONTEXT, "question": "q", "answers": {"text": ["bb"], "answer_start": [3]}}


def test_the_best_pair_of_start_and_end_is_the_answer() -> None:
    assert answers([scores({3: 2.0}, {4: 3.0})], ROW) == "bb cc"


def test_an_end_before_the_start_is_no_answer() -> None:
    logits = scores({5: 5.0, 3: 1.0}, {2: 5.0, 5: 1.0})
    assert answers([logits], ROW) == "dd"


def test_an_answer_has_at_most_so_many_tokens() -> None:
    logits = scores({2: 5.0, 4: 1.0}, {6: 5.0, 2: 0.5})
    assert answers([logits], ROW) == "cc dd ee"  # aa-ee has five tokens, cc-ee three


def test_only_the_context_can_be_an_answer() -> None:
    logits = scores({0: 9.0, 1: 9.0, 6: 1.0}, {0: 9.0, 1: 9.0, 7: 9.0, 6: 1.0})
    assert answers([logits], ROW) == "ee"


def test_only_the_n_best_positions_are_paired() -> None:
    """The three best starts are 4, 5 and 6, the three best ends 2, 3 and 6: of the pairs only those ending at 6
    are allowed."""
    logits = scores({4: 5.0, 5: 4.9, 6: 4.8, 2: 4.7}, {2: 5.0, 3: 4.9, 6: 1.0, 5: 0.9})
    assert answers([logits], ROW) == "cc dd ee"


def test_ties_go_to_the_first() -> None:
    logits = np.zeros((8, 2), dtype=np.float32)
    assert answers([logits], ROW) == "aa"
    other: list[tuple[int, int] | None] = [None, None, (0, 2), None, None, None, None, None]
    items = [Feature([[0]], (0, 0), 0, OFFSETS[:2] + [(2, 5)] + [None] * 5), Feature([[0]], (0, 0), 0, other)]
    found = predictions_of([logits, logits], "span", Features(items), [ROW], [], SETTINGS)
    assert found == ["bb"]


def test_the_best_window_answers() -> None:
    windows = [scores({3: 2.0}, {3: 2.0}), scores({4: 3.0}, {4: 3.0}), scores({5: 1.0}, {5: 1.0})]
    assert answers(windows, ROW) == "cc"


def test_no_answer_is_given_only_where_questions_may_have_none() -> None:
    logits, sure = scores({0: 5.0, 3: 1.0}, {0: 5.0, 3: 1.0}), scores({0: 1.0, 3: 5.0}, {0: 1.0, 3: 5.0})
    assert answers([logits], ROW) == "bb"
    # The key says nothing by being there: `false` in every row is the same as no key.
    assert answers([logits], ROW | {"is_impossible": False}) == "bb"
    impossible = ROW | {"is_impossible": True}
    assert answers([logits], impossible) == ""
    assert answers([sure], impossible) == "bb"
    # Over several windows the smallest null score counts: one window that sees the answer is enough.
    assert answers([logits, sure], impossible) == "bb"


def test_one_question_without_an_answer_lets_every_row_have_none() -> None:
    logits = scores({0: 5.0, 3: 1.0}, {0: 5.0, 3: 1.0})
    rows = [ROW | {"is_impossible": False}, ROW | {"is_impossible": True}]
    items = [Feature([[0] * 8], (0, 0), row, OFFSETS) for row in (0, 1)]
    assert predictions_of([logits, logits], "span", Features(items), rows, [], SETTINGS) == ["", ""]


def test_a_window_without_context_answers_nothing() -> None:
    assert answers([scores({3: 1.0}, {3: 1.0})], ROW, [None] * 8) == ""


def test_tags_of_a_split_sentence_come_back_in_order() -> None:
    rows = [{"tokens": ["a", "b", "c"]}, {"tokens": ["d"]}]
    items = [
        Feature([[0, 9, 9, 2]], [], 0, [(1, 0), (2, 1)]),
        Feature([[0, 9, 2]], [], 0, [(1, 2)]),
        Feature([[0, 9, 9, 2]], [], 1, [(2, 0)]),
    ]
    eye = np.eye(3, dtype=np.float32)
    logits = [eye[[0, 1, 2, 0]], eye[[0, 0, 0]], eye[[0, 0, 1, 0]]]
    found = predictions_of(logits, "tagging", Features(items), rows, ["X", "Y", "Z"], SETTINGS)
    assert found == [["Y", "Z", "X"], ["Y"]]


@pytest.mark.parametrize(
    ("task", "head", "split", "labels"),
    [
        ("pawsx", "classification", "dev", [0, 1]),
        ("udpos", "tagging", "dev", ["NOUN", "VERB", "ADJ"]),
        ("xquad", "span", "dev", []),
        ("hellaswag", "choice", "dev", []),
    ],
)
def test_what_shares_a_batch_changes_no_prediction(
    toy: Toy, encoder: Encoder, tokenizer: Tokenizer, task: str, head: str, split: str, labels: list[Any]
) -> None:
    """One input at a time (no padding) against all at once (much padding): equal predictions, close logits."""
    rows = read_split(toy[1].data(task), split, "qaa")
    features = featurise(head, rows, tokenizer, encoder.family.tokens, 64, 16, labels)
    outputs = len(rows[0]["choices"]) if head == "choice" else len(labels)
    made = new_head(head, 16, outputs, 0.1, 7, 0.5)
    alone, together = (logits_of(encoder, made, features.items, 1, tokens) for tokens in (1, 10**6))
    for one, other in zip(alone, together, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=2e-5)
    found = [predictions_of(logits, head, features, rows, labels, SETTINGS) for logits in (alone, together)]
    assert found[0] == found[1] and len(found[0]) == len(rows)
    first = [array.ravel()[:2] for array in alone]
    assert np.ptp(first, axis=0).max() > 1e-3  # the rows do differ, by far more than the tolerance


@pytest.mark.parametrize("batch_tokens", [10**6, 1], ids=["one batch, padded", "a batch each, without padding"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_embeddings_are_the_pooled_states_of_each_layer(
    encoder: Encoder, tokenizer: Tokenizer, pooling: str, batch_tokens: int
) -> None:
    texts = ["kala mino tuo", "pel", "kala " * 40]
    settings = Retrieval(layer=2, pooling=pooling, neighbours=4, max_length=24)  # type: ignore[arg-type]
    found, truncated = embed(encoder, tokenizer, texts, settings, 1, batch_tokens, [0, 1, 2])
    alone, _ = embed(encoder, tokenizer, texts, settings, 1, batch_tokens)
    assert list(alone) == [2] and (alone[2] == found[2]).all()
    assert truncated == 1 and sorted(found) == [0, 1, 2]
    for place, text in enumerate(texts):
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.no_grad():
            states = encoder.states(ids, None, 2)
        for layer, array in found.items():
            wanted = states[layer][0, 0] if pooling == "cls" else states[layer][0].mean(dim=0)
            np.testing.assert_allclose(array[place], wanted.numpy(), atol=2e-5)


def test_transformers_reads_the_encoder_by_itself(toy: Toy, encoder: Encoder, tokenizer: Tokenizer) -> None:
    other = XLMRobertaModel.from_pretrained(toy[1].encoder, add_pooling_layer=False, local_files_only=True)
    ids = torch.tensor([tokenizer.encode("kala mino tuo").ids])
    with torch.no_grad():
        assert torch.allclose(other.eval()(input_ids=ids).last_hidden_state, encoder.eval()(ids), atol=1e-5)


def test_a_checkpoint_of_another_size_is_refused(toy: Toy, encoder: Encoder, tmp_path: Any) -> None:
    weights = load_file(toy[1].encoder / "model.safetensors")
    wide = new_encoder(toy[0].encoder.architecture.model_copy(update={"hidden_size": 32}), len(weights))
    save_file(wide.state_dict(), tmp_path / "wide.safetensors")
    with pytest.raises(HarnessError, match=r"expected `.*` of shape \(.*16\), found .*32"):
        load_weights(encoder, tmp_path / "wide.safetensors")
    name = sorted(weights)[0]
    save_file({key: value for key, value in weights.items() if key != name}, tmp_path / "short.safetensors")
    with pytest.raises(HarnessError, match=f"expected the tensor `{name}`, found none"):
        load_weights(encoder, tmp_path / "short.safetensors")
    save_file(weights | {"pooler": torch.zeros(1)}, tmp_path / "more.safetensors")
    with pytest.raises(HarnessError, match="unknown tensor `pooler`"):
        load_weights(encoder, tmp_path / "more.safetensors")
