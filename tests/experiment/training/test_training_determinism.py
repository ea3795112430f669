"""Seeds: one documented function, golden values, streams that do not disturb each other."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.model import determinism
from harness.model.determinism import derive
from harness.model.heads import SpanHead, TokenHead, new_head

PURPOSES = st.lists(st.text("abcdef", min_size=1) | st.integers(0, 99), max_size=3)


def test_derive_is_sha256_of_seed_and_purpose() -> None:
    """The function as its docstring states it, written out a second time."""
    digest = hashlib.sha256(b"1/target/xquad").digest()
    assert derive(1, "target", "xquad") == int.from_bytes(digest[:8], "big") // 2
    # `printf 1/target/xquad | sha256sum`, first 16 digits; another function would change every pinned number.
    assert derive(1, "target", "xquad") == 0xD7A57F96594F3C4B >> 1


@given(st.integers(0, 2**31 - 1), PURPOSES, st.integers(0, 2**31 - 1), PURPOSES)
def test_other_purposes_and_seeds_give_other_streams(
    seed: int, purpose: list[str | int], other: int, elsewhere: list[str | int]
) -> None:
    first, second = derive(seed, *purpose), derive(other, *elsewhere)
    assert 0 <= first < 2**63
    same = [seed, *map(str, purpose)] == [other, *map(str, elsewhere)]
    assert (first == second) == same


def test_set_up_is_strict_and_repeats() -> None:
    determinism.set_up(derive(3, "x"), threads=1)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert torch.get_num_threads() == 1
    first = (torch.rand(3).tolist(), np.random.rand(3).tolist())
    determinism.set_up(derive(3, "x"), threads=1)
    assert (torch.rand(3).tolist(), np.random.rand(3).tolist()) == first


@pytest.mark.parametrize("head", ["classification", "choice", "tagging", "span"])
def test_a_new_head_follows_from_its_seed_alone(head: str) -> None:
    """Not from what was drawn before: so a recipe and the baseline begin with the same head."""
    first = new_head(head, 16, 3, 0.1, 5, 0.02).state_dict()
    torch.manual_seed(99)
    torch.rand(10)
    again, other = (new_head(head, 16, 3, 0.1, seed, 0.02).state_dict() for seed in (5, 6))
    assert first and list(first) == list(again)
    for name, tensor in first.items():
        assert tensor.equal(again[name])
        if name.endswith("bias"):
            assert not tensor.any()
        else:
            assert not tensor.equal(other[name]) and 0.01 < tensor.std() < 0.04


def test_losses_are_mean_cross_entropies() -> None:
    """Against the formula written out: -log of the label's share."""
    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])
    share = torch.log_softmax(logits, dim=-1)[0]
    head, labels = TokenHead(4, 2, 0.0), torch.tensor([[0, -100, 1]])
    places = head.positions(labels)
    assert isinstance(places, torch.Tensor) and places.tolist() == [0, 2]
    tagging = head.loss(logits.flatten(0, 1)[places], labels.flatten()[places])
    assert tagging.item() == pytest.approx(-(share[0, 0] + share[2, 1]).item() / 2)
    span = SpanHead(4).loss(logits, torch.tensor([[2, 1]]))
    starts, ends = torch.log_softmax(logits[0, :, 0], 0), torch.log_softmax(logits[0, :, 1], 0)
    assert span.item() == pytest.approx(-(starts[2] + ends[1]).item() / 2)
