"""Masked-language-model pretraining: masks, languages, packing, and a loss that falls."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.experiment.encoder import tokenizer_lines
from harness.experiment.training import pretrain as pretraining
from harness.experiment.training.mlm import masked_batches
from harness.experiment.training.pretrain import _batches, language_shares, mask_tokens, pretrain, sequences
from harness.experiment.training.resume import Standing
from harness.experiment.training.text import read_corpus
from harness.model.determinism import generator
from harness.model.encoder import load_encoder
from harness.model.families import XLM_ROBERTA
from harness.model.features import IGNORED
from harness.model.tokenizer import load_tokenizer
from harness.project.params import Params
from harness.project.paths import Paths

VOCABULARY, SPECIAL = 500, 4
MASK_ID = VOCABULARY - 1


def test_masks_are_80_10_10_and_never_on_special_tokens() -> None:
    ids = torch.randint(0, VOCABULARY - 1, (400, 500), generator=generator(1, "ids"))
    inputs, labels = mask_tokens(ids, SPECIAL, VOCABULARY, MASK_ID, 0.15, generator(1, "masks"))
    chosen = labels != IGNORED
    assert not chosen[ids < SPECIAL].any()
    assert inputs[~chosen].equal(ids[~chosen]) and labels[chosen].equal(ids[chosen])
    ordinary, count = int((ids >= SPECIAL).sum()), int(chosen.sum())

    def near(found: int, share: float, of: int) -> bool:
        return abs(found - share * of) < 5 * (share * (1 - share) * of) ** 0.5

    assert near(count, 0.15, ordinary)
    new, old = inputs[chosen], ids[chosen]
    masked, kept = new == MASK_ID, new == old
    assert near(int(masked.sum()), 0.8, count)
    # A random token is the old one once in a while.
    assert near(int(kept.sum()), 0.1 + 0.1 / (VOCABULARY - 1 - SPECIAL), count)
    drawn = new[~masked & ~kept]
    assert drawn.min() >= SPECIAL and drawn.max() < MASK_ID
    counts = torch.bincount(drawn, minlength=MASK_ID)[SPECIAL:MASK_ID].float()
    assert (counts > 0).float().mean() > 0.95


@pytest.mark.parametrize("exponent", [0.3, 0.7, 1.0])
def test_language_shares_are_the_published_formula(exponent: float) -> None:
    """q_i proportional to p_i ** alpha (Conneau et al. 2020, section 3.1)."""
    sizes = {"a": 900, "b": 90, "c": 10, "none": 0}
    shares = language_shares(sizes, exponent)
    assert set(shares) == {"a", "b", "c"} and sum(shares.values()) == pytest.approx(1.0)
    assert shares["a"] / shares["c"] == pytest.approx(90**exponent)
    assert shares["b"] / shares["c"] == pytest.approx(9**exponent)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(4, 99), min_size=1, max_size=40), min_size=1, max_size=12),
    st.integers(8, 30),
    st.integers(0, 9),
)
def test_sequences_are_whole_sentences_within_the_length(lines: list[list[int]], longest: int, seed: int) -> None:
    found = list(islice(sequences(lines, 0, 2, longest, np.random.Generator(np.random.PCG64(seed))), 30))
    cut = [line[: longest - 2] for line in lines]
    assert all(len(one) <= longest and one[0] == 0 and one[-1] == 2 for one in found)
    # Any sequence is a concatenation of sentences: peel them off from the front.
    for one in found:
        reachable = {0}
        body = one[1:-1]
        for place in range(len(body)):
            if place in reachable:
                reachable |= {place + len(line) for line in cut if body[place : place + len(line)] == line}
        assert len(body) in reachable


def test_batches_keep_to_the_tokens_and_mask_the_padding(toy: tuple[Params, Paths]) -> None:
    params, paths = toy
    chosen = params.encoder.pretraining
    tokenizer = load_tokenizer(paths.encoder)
    pad = tokenizer.token_to_id("<pad>")
    for ids, mask in islice(_batches(tokenizer, XLM_ROBERTA.tokens, read_corpus(paths), chosen), 60):
        mask = torch.ones_like(ids).bool() if mask is None else mask
        assert ids.shape == mask.shape and ids.shape[1] <= chosen.max_length
        assert ids.numel() <= chosen.batch_tokens
        assert (ids == pad).equal(mask == 0)


def test_masked_batches_choose_no_special_token_of_the_family(toy: tuple[Params, Paths]) -> None:
    params, paths = toy
    tokenizer, corpus = load_tokenizer(paths.encoder), read_corpus(paths)
    assert params.mlm is not None
    wider = replace(XLM_ROBERTA, first_ordinary=60, tokens=replace(XLM_ROBERTA.tokens, mask="<unk>"))
    for family in (XLM_ROBERTA, wider):
        batches = masked_batches(corpus, tokenizer, family, tokenizer.get_vocab_size(), params.mlm)
        features = [feature for batch in islice(batches(1), 8) for feature in batch]
        pairs = [pair for item in features for pair in zip(item.label, item.inputs[0], strict=True)]
        chosen = [(label, read) for label, read in pairs if label != IGNORED]
        lowest = min(label for label, _ in chosen)
        assert family.first_ordinary <= lowest < family.first_ordinary + 8
        masked = sum(read == tokenizer.token_to_id(family.tokens.mask) for _, read in chosen)
        assert 0.6 < masked / len(chosen) < 0.95


def test_the_tokenizer_sees_every_language_by_its_share() -> None:
    corpus = {"a": [f"a{i}" for i in range(900)], "b": [f"b{i}" for i in range(100)]}
    lines = tokenizer_lines(corpus, 0.3)
    small = sum(line.startswith("b") for line in lines)
    wanted = 0.1**0.3 / (0.1**0.3 + 0.9**0.3)
    assert small == pytest.approx(1000 * wanted, abs=1) and len(lines) == pytest.approx(1000, abs=1)
    assert {line for line in lines if line.startswith("b")} == set(corpus["b"])


def test_the_loss_falls(toy: tuple[Params, Paths]) -> None:
    params, paths = toy
    tokenizer, encoder = load_tokenizer(paths.encoder), load_encoder(paths.encoder)
    assert tokenizer.token_to_id(encoder.family.tokens.mask) == encoder.config.vocab_size - 1
    longer = params.encoder.pretraining.model_copy(update={"steps": 120})
    curve, _ = pretrain(encoder, tokenizer, read_corpus(paths), longer)
    losses = [point.loss for point in curve]
    assert len(losses) == 40 and curve[-1].step == 120
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3
    assert not encoder.training


class Killed(Exception):
    """Stands for the death of the process."""


def test_a_training_that_was_cut_off_goes_on_to_the_same_bytes(
    toy: tuple[Params, Paths], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, paths = toy
    tokenizer, corpus = load_tokenizer(paths.encoder), read_corpus(paths)
    settings = params.encoder.pretraining.model_copy(update={"steps": 90})
    monkeypatch.setattr(pretraining, "EVERY", 20)

    def run(standing: Standing | None, die_at: int | None = None) -> tuple[object, dict[str, torch.Tensor], list[int]]:
        torch.manual_seed(7)
        encoder = load_encoder(paths.encoder)
        for module in encoder.modules():  # dropout draws from torch's global generator, which has to be put back too
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.1
        steps: list[int] = []

        def advance() -> None:
            steps.append(len(steps) + 1)
            if len(steps) == die_at:
                raise Killed

        curve, head = pretrain(encoder, tokenizer, corpus, settings, advance, standing)
        return curve, {**encoder.state_dict(), **{f"head.{k}": v for k, v in head.state_dict().items()}}, steps

    whole_curve, whole, _ = run(None)
    for die_at in (53, 85):
        with pytest.raises(Killed):
            run(Standing(tmp_path / "kept", {"a": 1}), die_at)
    standing = Standing(tmp_path / "kept", {"a": 1})
    state = torch.load(standing.folder / "state.pt", weights_only=True)
    assert state["step"] == 80
    curve, weights, steps = run(standing)
    assert curve == whole_curve and len(steps) == 90
    assert all(weights[name].equal(tensor) for name, tensor in whole.items()) and weights.keys() == whole.keys()
    standing.done()
    assert not standing.folder.exists()


def test_what_was_kept_of_another_training_is_not_taken(tmp_path: Path) -> None:
    standing = Standing(tmp_path / "kept", {"steps": 1})
    assert standing.kept(torch.device("cpu")) is None
    standing.keep({"step": 5})
    assert standing.text("name", lambda: "first") == standing.text("name", lambda: "second") == "first"
    again = Standing(tmp_path / "kept", {"steps": 1}).kept(torch.device("cpu"))
    assert again == {"step": 5}
    assert Standing(tmp_path / "kept", {"steps": 2}).kept(torch.device("cpu")) is None
    assert not (tmp_path / "kept" / "name").exists()


def test_half_a_state_begins_anew_and_a_full_disk_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = Standing(tmp_path / "kept", {})
    standing.keep({"step": 5})

    def full(state: object, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        standing.keep({"step": 6})
    assert standing.kept(torch.device("cpu")) == {"step": 5}
    assert sorted(path.name for path in standing.folder.iterdir()) == ["identity.json", "state.pt"]
    state = standing.folder / "state.pt"
    state.write_bytes(state.read_bytes()[:100])
    assert standing.kept(torch.device("cpu")) is None
