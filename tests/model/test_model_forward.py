"""The encoder's own forward pass against the library's: the same states and gradients, whatever is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from harness.model.families import BERT, XLM_ROBERTA, Family
from harness.model.forward import ALL, FIRST, Encoder, Positions, padded

PAD = 1
INPUTS = [[0, 7, 9, 2], [0, 8, 2], [0, 9, 9, 5, 6, 2]]
PLACES = torch.tensor([1, 2, 7, 13, 16])
"""Places in (3 inputs * 6 tokens), none of them padding."""


@pytest.fixture(scope="module", params=[XLM_ROBERTA, BERT], ids=lambda family: family.model_type)
def models(request: pytest.FixtureRequest) -> tuple[Encoder, PreTrainedModel]:
    family: Family = request.param
    torch.manual_seed(0)
    config = family.config(
        vocab_size=20, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=20, type_vocab_size=family.token_types,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    ours, theirs = Encoder(family, config), family.model(config, add_pooling_layer=False)
    for parameter in ours.parameters():  # the library's first state has biases of zero, which would hide a missing one
        torch.nn.init.normal_(parameter, std=0.3)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def of_all(states: Tensor, positions: Positions) -> Tensor:
    if isinstance(positions, Tensor):
        return states.flatten(0, 1)[positions]
    return states[:, :1] if positions == FIRST else states


def gradients(model: torch.nn.Module, states: Callable[[], Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    found = states()
    (found * torch.linspace(-1, 1, found.numel()).view(found.shape)).sum().backward()
    return found.detach(), {name: value.grad for name, value in model.named_parameters() if value.grad is not None}


@pytest.mark.parametrize("positions", [ALL, FIRST, PLACES], ids=["all", "first", "places"])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("inputs", [INPUTS, INPUTS[2:] * 3], ids=["padding", "no padding"])
def test_states_and_gradients_are_the_librarys(
    models: tuple[Encoder, PreTrainedModel], positions: Positions, checkpointing: bool, inputs: list[list[int]]
) -> None:
    ours, theirs = models
    ours.train()
    ours.checkpointing = checkpointing
    ids, mask = padded(inputs, PAD)
    whole = (ids != PAD).long()
    tokens = whole.bool() if isinstance(positions, str) and positions == ALL else torch.ones(1, dtype=torch.bool)

    def wanted() -> Tensor:
        states = of_all(theirs(input_ids=ids, attention_mask=whole).last_hidden_state, positions)
        return states[tokens] if positions is ALL else states

    def found() -> Tensor:
        states: Tensor = ours(ids, mask, positions)
        return states[tokens] if positions is ALL else states

    (expected, expected_gradients), (states, own_gradients) = gradients(theirs, wanted), gradients(ours, found)
    torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)
    assert own_gradients.keys() == expected_gradients.keys()
    for name, gradient in own_gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[name], atol=2e-4, rtol=1e-3, msg=name)


def test_the_states_of_each_layer_are_the_librarys(models: tuple[Encoder, PreTrainedModel]) -> None:
    ours, theirs = models
    ids, mask = padded(INPUTS, PAD)
    whole = ids != PAD
    with torch.no_grad():
        wanted = theirs.eval()(input_ids=ids, attention_mask=whole.long(), output_hidden_states=True).hidden_states
        found = ours.eval().states(ids, mask, 3)
        assert len(ours.states(ids, mask, 1)) == 2
    assert len(found) == len(wanted) == 4
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one[whole], other[whole], atol=1e-5, rtol=1e-4)


def test_bf16_hands_on_fp32(models: tuple[Encoder, PreTrainedModel]) -> None:
    ours, _ = models
    ids, mask = padded(INPUTS, PAD)
    with torch.no_grad():
        exact = ours.eval()(ids, mask, FIRST)
        ours.precision = "bf16"
        try:
            rough = ours(ids, mask, FIRST)
        finally:
            ours.precision = "fp32"
    assert rough.dtype == torch.float32 and 0 < (rough - exact).abs().max() < 0.2


def test_the_longest_input_uses_every_position(models: tuple[Encoder, PreTrainedModel]) -> None:
    ours, _ = models
    assert ours.max_length == 20 - ours.family.position_offset
    with torch.no_grad():
        assert ours.eval()(torch.full((1, ours.max_length), 5)).shape == (1, ours.max_length, 16)
        with pytest.raises(RuntimeError):
            ours(torch.full((1, ours.max_length + 1), 5))


@pytest.mark.parametrize("inputs", [INPUTS, INPUTS[2:] * 3], ids=["padding", "no padding"])
def test_a_second_text_has_the_librarys_token_type(
    models: tuple[Encoder, PreTrainedModel], inputs: list[list[int]]
) -> None:
    """States and gradients, the types' own among them; one input has no second text."""
    ours, theirs = models
    if ours.family != BERT:
        assert not ours.family.tokens.marks_second
        return
    ids, mask = padded(inputs, PAD)
    second = torch.tensor([2, 6, 4])
    types = (torch.arange(ids.shape[1]) >= second[:, None]).long()
    whole = (ids != PAD).long()

    def wanted() -> Tensor:
        return theirs(input_ids=ids, attention_mask=whole, token_type_ids=types).last_hidden_state[whole.bool()]

    def found() -> Tensor:
        states: Tensor = ours(ids, mask, ALL, second)[whole.bool()]
        return states

    (expected, expected_gradients), (states, own_gradients) = gradients(theirs, wanted), gradients(ours, found)
    torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)
    assert own_gradients["embeddings.token_type_embeddings.weight"].abs().min(dim=1).values.min() > 0
    for name, gradient in own_gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[name], atol=2e-4, rtol=1e-3, msg=name)
    with torch.no_grad():
        assert not ours(ids, mask)[whole.bool()].allclose(states, atol=1e-3)
