"""Dropout of 16 bits an element: how many are dropped, what is kept, and attention against the formula."""

from __future__ import annotations

import pytest
import torch

from harness.model import dropout as drop


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9, 0.0001])
def test_as_many_are_dropped_as_wanted_and_the_mean_stays(probability: float) -> None:
    torch.manual_seed(3)
    kept = drop.mask(torch.ones(400, 1000), probability)
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    share = 1 - float(kept.double().mean())
    assert abs(share - probability) < 5 * (probability * (1 - probability) / kept.numel()) ** 0.5 + 2**-17
    assert drop.scale(probability) == pytest.approx(1 / (1 - probability), rel=1e-4)


def test_neighbours_are_drawn_apart() -> None:
    """Four elements share one random word; neither these nor rows go together."""
    torch.manual_seed(3)
    kept = drop.mask(torch.ones(1000, 400), 0.5) - 0.5
    for shift in (1, 2, 3, 4, 400):
        flat = kept.flatten()
        assert abs(float((flat[shift:] * flat[:-shift]).mean()) * 4) < 0.01
    by_place = kept.view(-1, 4).mean(dim=0)
    assert float(by_place.abs().max()) < 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_draws_follow_the_seed_and_have_the_type_of_what_is_dropped(dtype: torch.dtype) -> None:
    states = torch.ones(7, 3, dtype=dtype)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(drop.dropout(states, 0.5))
    assert found[0].equal(found[1]) and not found[0].equal(found[2])
    assert found[0].dtype == dtype and set(found[0].unique().tolist()) == {0.0, 2.0}
    assert drop.dropout(states, 0.0) is states


def test_a_residual_connection_adds_what_is_kept() -> None:
    states, added = torch.full((50, 40), 3.0), torch.full((50, 40), 2.0, requires_grad=True)
    torch.manual_seed(1)
    found = drop.add_dropped(states, added, 0.25)
    values = sorted(set(found.unique().tolist()))
    assert values == pytest.approx([3.0, 3.0 + 2.0 / 0.75])
    found.sum().backward()
    assert added.grad is not None
    assert added.grad.equal((found > 3).float() / 0.75), "what was dropped learns nothing"


def test_attention_is_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """Softmax of the scaled products over the keys that may be attended to; then weights are dropped and scaled."""
    torch.manual_seed(5)
    query, key, value = (torch.randn(2, 3, 4, 8, dtype=torch.float64) for _ in range(3))
    attended = torch.tensor([[True, True, True, False], [True, False, False, False]])[:, None, None, :]
    torch.manual_seed(9)
    found = drop.attend(query, key, value, attended, 0.5)
    torch.manual_seed(9)
    scores = (query @ key.mT) / 8**0.5
    weights = scores.masked_fill(~attended, -torch.inf).softmax(dim=-1)
    kept = drop.mask(weights, 0.5)
    assert torch.allclose(found, (weights * kept * 2) @ value, atol=1e-12)
    whole = drop.attend(query, key, value, attended, 0.0)
    monkeypatch.setattr(drop, "mask", lambda like, probability: torch.ones_like(like))
    monkeypatch.setattr(drop, "scale", lambda probability: 1.0)
    assert torch.allclose(drop.attend(query, key, value, attended, 0.5), whole, atol=1e-12)


def test_the_smallest_chance_is_one_level_and_the_largest_keeps_some() -> None:
    assert drop.scale(1e-12) == drop.LEVELS / (drop.LEVELS - 1) and drop.scale(0.9999999) == drop.LEVELS
    assert drop.mask(torch.ones(50), 1e-12).shape == (50,)
