"""A published encoder, as transformers saves it with its masked-LM head, read as encoder and head."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM, PreTrainedModel, XLMRobertaForMaskedLM

from harness.model.encoder import (
    load_encoder,
    load_masked_lm_head,
    published_encoder,
    save_encoder,
    save_masked_lm_head,
)
from harness.model.families import BERT, XLM_ROBERTA, Family
from harness.model.forward import Encoder
from harness.project.errors import HarnessError

PUBLISHED = {"xlm-roberta": XLMRobertaForMaskedLM, "bert": BertForMaskedLM}
Published = tuple[PreTrainedModel, Path]


@pytest.fixture(params=[XLM_ROBERTA, BERT], ids=lambda family: family.model_type)
def family(request: pytest.FixtureRequest) -> Family:
    found: Family = request.param
    return found


@pytest.fixture
def published(family: Family, tmp_path: Path) -> Published:
    """A small model in the layout of the hub's repositories."""
    torch.manual_seed(0)
    config = family.config(
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=20,
        type_vocab_size=family.token_types,
    )
    model = PUBLISHED[family.model_type](config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # zero at first, which would hide one that is not read
            torch.nn.init.normal_(parameter)
    model.save_pretrained(tmp_path / "hub")
    return model, tmp_path / "hub"


def test_encoder_and_head_compute_what_the_published_model_does(published: Published, tmp_path: Path) -> None:
    original, folder = published
    parts = published_encoder(folder)
    assert parts[1] is not None
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


def test_the_head_goes_on_with_the_encoders_own_embeddings(published: Published) -> None:
    encoder, head = published_encoder(published[1])
    assert head is not None
    assert "embeddings" not in " ".join(head.state_dict()), "they are trained and saved once"
    with torch.no_grad():
        before = head(torch.ones(1, 16))
        encoder.embedding.words.weight.mul_(2)
        assert not head(torch.ones(1, 16)).equal(before)


@pytest.mark.parametrize("gone", ["encoder.layer.1.output.dense.weight", "dense.bias"])
def test_a_tensor_that_is_missing_is_named(family: Family, published: Published, gone: str) -> None:
    path = published[1] / "model.safetensors"
    weights = load_file(path)
    theirs = {ours: name for name, ours in family.lm_head.items()}
    del weights[theirs.get(gone, f"{family.prefix}{gone}")]
    save_file(weights, path)
    with pytest.raises(HarnessError, match=f"expected the tensor `{gone}`, found none"):
        published_encoder(published[1])


def test_what_is_saved_says_its_architecture(family: Family, published: Published, tmp_path: Path) -> None:
    save_encoder(published_encoder(published[1])[0], tmp_path / "ours")
    content = json.loads((tmp_path / "ours" / "config.json").read_text(encoding="utf-8"))
    assert (content["model_type"], content["architectures"]) == (family.model_type, [family.model.__name__])


def test_loading_draws_no_random_number(published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from torch's generator nor, after a failure or none, is anything left switched off."""
    torch.use_deterministic_algorithms(True)
    monkeypatch.setattr("torch.utils.deterministic.fill_uninitialized_memory", True)  # a unit may have run before
    before = torch.get_rng_state()
    encoder, head = published_encoder(published[1])
    assert head is not None
    save_encoder(encoder, tmp_path)
    save_masked_lm_head(head, tmp_path)
    load_masked_lm_head(load_encoder(tmp_path), tmp_path)
    save_file({"none": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(HarnessError, match="does not fit"):
        load_encoder(tmp_path, tmp_path / "other.safetensors")
    assert torch.get_rng_state().equal(before)
    assert torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    one, other = Encoder(encoder.family, encoder.config), Encoder(encoder.family, encoder.config)
    assert not torch.get_rng_state().equal(before)
    assert not one.embedding.words.weight.equal(other.embedding.words.weight)


def test_weights_are_read_from_the_checkpoint_that_is_named(published: Published, tmp_path: Path) -> None:
    encoder, _ = published_encoder(published[1])
    save_encoder(encoder, tmp_path)
    changed = {name: tensor + 1 for name, tensor in encoder.state_dict().items()}
    save_file(changed, tmp_path / "checkpoint.safetensors")
    for path, wanted in ((None, encoder.state_dict()), (tmp_path / "checkpoint.safetensors", changed)):
        found = load_encoder(tmp_path, path).state_dict()
        assert found.keys() == wanted.keys() and all(found[name].equal(wanted[name]) for name in wanted)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(HarnessError, match=r"expected the encoder's model\.safetensors in .*, found none"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"model_type": "electra"}', "expected an encoder of type `xlm-roberta` or `bert` in .*, found `electra`"),
        ("{}", "expected an encoder of type `xlm-roberta` or `bert` in .*, found `None`"),
        ("[]", "expected an encoder of type `xlm-roberta` or `bert` in .*, found `None`"),
        ('{"model_type": "bert", "hidden_act": "gelu_new"}', "expected hidden_act 'gelu' in .*, found 'gelu_new'"),
        ('{"model_type": "xlm-roberta", "position_embedding_type": "relative_key"}', "position_embedding_type"),
        ('{"model_type": "xlm-roberta", "pad_token_id": 0}', "expected pad_token_id 1 in .*, found 0: another encoder"),
        ('{"model_type": "bert", "is_decoder": true}', "expected is_decoder False in .*, found True"),
        ('{"model_type": "bert", "hidden_size": "wide"}', "expected a configuration of type `bert` in "),
        ("{", "expected JSON in "),
        (None, r"expected the encoder's config\.json in .*, found none"),
    ],
)
def test_a_configuration_that_no_family_has_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    for read in (load_encoder, published_encoder):
        with pytest.raises(HarnessError, match=said):
            read(tmp_path)


def test_an_encoder_that_was_saved_alone_has_the_same_states(published: Published, tmp_path: Path) -> None:
    """Without its head, and so without the prefix of the names; with a pooler, which is not used."""
    original, folder = published
    body = original.base_model
    body.save_pretrained(tmp_path / "alone")
    config = json.loads((tmp_path / "alone" / "config.json").read_text(encoding="utf-8"))
    weights = load_file(tmp_path / "alone" / "model.safetensors")
    save_file(weights | {"pooler.dense.weight": torch.zeros(16, 16)}, tmp_path / "alone" / "model.safetensors")
    assert config["model_type"] == original.config.model_type and "embeddings.LayerNorm.weight" in weights
    encoder, head = published_encoder(tmp_path / "alone", with_head=False)
    assert head is None
    wanted = published_encoder(folder)[0].state_dict()
    found = encoder.state_dict()
    assert found.keys() == wanted.keys() and all(found[name].equal(wanted[name]) for name in wanted)
    with pytest.raises(HarnessError, match=r"expected the encoder's masked-LM head .*masked_lm_head: false"):
        published_encoder(tmp_path / "alone")


def test_layer_norms_may_have_their_old_names(published: Published, tmp_path: Path) -> None:
    """gamma and beta, as files have that were made before PyTorch had layer norms."""
    path = published[1] / "model.safetensors"
    wanted = published_encoder(published[1])
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    weights = {}
    for name, tensor in load_file(path).items():
        tail = ".".join(name.split(".")[-2:])
        weights[name.removesuffix(tail) + old.get(tail, tail)] = tensor
    assert sum(name.endswith((".gamma", ".beta")) for name in weights) >= 10
    save_file(weights, path)
    for one, other in zip(published_encoder(published[1]), wanted, strict=True):
        assert one is not None and other is not None
        assert all(tensor.equal(other.state_dict()[name]) for name, tensor in one.state_dict().items())


def test_weights_that_are_whole_numbers_are_refused(published: Published) -> None:
    """Quantised weights have the names and shapes, and another meaning."""
    path = published[1] / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("layer.0.output.dense.weight"))
    save_file(weights | {name: weights[name].mul(100).to(torch.int8)}, path)
    with pytest.raises(HarnessError, match=r"as floating-point numbers, found torch\.int8"):
        published_encoder(published[1])
