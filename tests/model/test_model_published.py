"""A published encoder, as transformers saves XLM-R, taken apart into encoder and masked-LM head."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from harness.model.encoder import (
    load_encoder,
    load_masked_lm_head,
    published_encoder,
    save_encoder,
    save_masked_lm_head,
)
from harness.project.errors import HarnessError


@pytest.fixture
def published(tmp_path: Path) -> tuple[XLMRobertaForMaskedLM, Path]:
    """A small model in the layout of the hub's repositories."""
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=20,
        type_vocab_size=1,
    )
    model = XLMRobertaForMaskedLM(config).eval()
    torch.nn.init.normal_(model.lm_head.bias)
    model.save_pretrained(tmp_path / "hub")
    return model, tmp_path / "hub"


def test_encoder_and_head_compute_what_the_published_model_does(
    published: tuple[XLMRobertaForMaskedLM, Path], tmp_path: Path
) -> None:
    original, folder = published
    parts = published_encoder(folder)
    save_encoder(parts[0], tmp_path / "ours")
    save_masked_lm_head(parts[1], tmp_path / "ours")
    encoder = load_encoder(tmp_path / "ours").eval()
    head = load_masked_lm_head(encoder, tmp_path / "ours")
    ids, mask = torch.tensor([[0, 7, 9, 2], [0, 8, 2, 1]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    with torch.no_grad():
        expected = original(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = encoder(ids, mask)
        assert torch.allclose(states[mask.bool()], expected.hidden_states[-1][mask.bool()], atol=1e-5)
        assert torch.allclose(head(states)[mask.bool()], expected.logits[mask.bool()], atol=1e-5)


def test_the_head_goes_on_with_the_encoders_own_embeddings(published: tuple[XLMRobertaForMaskedLM, Path]) -> None:
    encoder, head = published_encoder(published[1])
    assert "embeddings" not in " ".join(head.state_dict()), "they are trained and saved once"
    with torch.no_grad():
        before = head(torch.ones(1, 16))
        encoder.embeddings.word_embeddings.weight.mul_(2)
        assert not head(torch.ones(1, 16)).equal(before)


@pytest.mark.parametrize("gone", ["roberta.encoder.layer.1.output.dense.weight", "lm_head.dense.bias"])
def test_a_tensor_that_is_missing_is_named(published: tuple[XLMRobertaForMaskedLM, Path], gone: str) -> None:
    path = published[1] / "model.safetensors"
    weights = load_file(path)
    del weights[gone]
    save_file(weights, path)
    with pytest.raises(HarnessError, match=gone.split(".", 1)[1].removeprefix("roberta.")):
        published_encoder(published[1])


def test_another_architecture_is_refused(published: tuple[XLMRobertaForMaskedLM, Path]) -> None:
    config = published[1] / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"xlm-roberta"', '"bert"'), encoding="utf-8")
    with pytest.raises(HarnessError, match="expected an encoder of type `xlm-roberta`"):
        published_encoder(published[1])
