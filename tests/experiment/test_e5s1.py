"""The layout e5s1: the weights that its description states, and one paragraph for any other file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel
from wheels import PIECES, SMALL_PARAMETERS, Small

from harness.experiment.e5s1 import convert
from harness.model.encoder import encoder_of, size_of
from harness.model.families import XLM_ROBERTA
from harness.model.tokenizer import rebuilt_tokenizer
from harness.project.errors import HarnessError

PARTS = {
    **{"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value"},
    **{"ao": "attention.output.dense", "aln": "attention.output.LayerNorm"},
    **{"fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm"},
}


@pytest.fixture
def small(tmp_path: Path) -> tuple[Small, Path]:
    made = Small()
    path = tmp_path / "model.bin"
    path.write_bytes(made.content())
    return made, path


def as_bert(made: Small) -> BertModel:
    """The model that the file was made from, with all rows, positions from 0 and two token types."""
    config = BertConfig(
        vocab_size=len(PIECES) + made.unused_rows, hidden_size=made.hidden, num_hidden_layers=made.layers,
        num_attention_heads=made.heads, intermediate_size=made.inner, max_position_embeddings=made.positions,
        type_vocab_size=made.types, layer_norm_eps=1e-12,
    )  # fmt: skip
    names = {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.pos": "embeddings.position_embeddings.weight",
        "emb.type": "embeddings.token_type_embeddings.weight",
        "emb.ln.w": "embeddings.LayerNorm.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
    }
    for layer in range(made.layers):
        for short, part in PARTS.items():
            for letter, kind in (("w", "weight"), ("b", "bias")):
                names[f"l{layer}.{short}.{letter}"] = f"encoder.layer.{layer}.{part}.{kind}"
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict({names[name]: torch.from_numpy(values) for name, values in made.weights.items()})
    return model.eval()


def test_the_states_are_those_of_the_model_in_the_file(small: tuple[Small, Path]) -> None:
    found = convert(small[1])
    encoder = encoder_of(XLM_ROBERTA, found.config, found.weights, small[1]).eval()
    assert size_of(encoder) == SMALL_PARAMETERS and encoder.max_length == small[0].positions
    assert encoder.config.layer_norm_eps == 1e-12 and found.config["vocab_size"] == len(PIECES)
    ids = torch.tensor([[0, 9, 30, 5, 12, 2], [0, 40, 7, 8, 6, 2]])
    with torch.no_grad():
        wanted = as_bert(small[0])(input_ids=ids, output_hidden_states=True).hidden_states
        states = encoder.states(ids, None, small[0].layers)
    for one, other in zip(states, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_the_vocabulary_is_the_files(small: tuple[Small, Path]) -> None:
    tokenizer = rebuilt_tokenizer(convert(small[1]).pieces, XLM_ROBERTA.tokens)
    assert [tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())] == PIECES
    assert tokenizer.encode("Ｂad  a\u00a0b ").tokens[1:-1] == ["\u2581", "B", *"ad\u2581a\u2581b"]
    pair = tokenizer.encode("a", "b").tokens
    assert pair == ["<s>", "\u2581", "a", "</s>", "</s>", "\u2581", "b", "</s>"]


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.004, 0.05, 0.1, 0.2, 0.5, 0.9, 0.99999])
def test_a_file_that_was_cut_is_named(small: tuple[Small, Path], share: float) -> None:
    content = small[1].read_bytes()
    small[1].write_bytes(content[: int(len(content) * share)])
    with pytest.raises(HarnessError, match=r"is not of the layout e5s1: .*expected .*, found .*encoder\.layout"):
        convert(small[1])


@pytest.mark.parametrize("place", range(0, 400, 9))
def test_other_bytes_in_the_head_are_refused_or_read_never_a_traceback(small: tuple[Small, Path], place: int) -> None:
    content = bytearray(small[1].read_bytes())
    content[place] ^= 0xFF
    small[1].write_bytes(bytes(content))
    try:
        found = convert(small[1])
    except HarnessError as error:
        assert "is not of the layout e5s1" in error.message
    else:
        assert place >= 36 and len(found.pieces) == len(PIECES), "epsilon, a score or a letter may be any"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"E5S1", b"GGUF", "expected the magic b'E5S1', found b'GGUF'"),
        (b"E5S1\x01", b"E5S1\x02", "expected version 1, found 2"),
        (b"l1.fo.w", b"l1.xx.w", "expected the tensor l1.fo.w, found none"),
        (b"<mask>", b"<musk>", "found .* to '<musk>'"),
    ],
)
def test_another_layout_is_named(small: tuple[Small, Path], old: bytes, new: bytes, said: str) -> None:
    small[1].write_bytes(small[1].read_bytes().replace(old, new, 1))
    with pytest.raises(HarnessError, match=said):
        convert(small[1])


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    made = Small()
    content = bytearray(made.content())
    content[made.head_bytes : made.head_bytes + 2] = np.float16(np.inf).tobytes()
    (tmp_path / "model.bin").write_bytes(bytes(content))
    with pytest.raises(HarnessError, match=r"expected finite weights in emb\.word"):
        convert(tmp_path / "model.bin")
