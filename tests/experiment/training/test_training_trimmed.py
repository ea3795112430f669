"""A training of trimmed word embeddings is the whole training: every row, in float64, as in one that trims nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from harness.experiment.training.loop import Schedule, Stream, Trained, train, trim_words
from harness.model.batching import training_batches
from harness.model.encoder import MaskedLMHead, load_encoder, new_encoder, save_encoder
from harness.model.features import IGNORED, Feature
from harness.model.forward import Encoder
from harness.model.heads import new_head
from harness.project.errors import HarnessError
from harness.project.params import Architecture

VOCABULARY, HIDDEN = 60, 8
SCHEDULE = Schedule(
    steps=12, learning_rate=0.02, warmup_proportion=0.2, weight_decay=0.3, adam_epsilon=1e-5, max_gradient_norm=0.05
)
"""Clipping cuts every step; weight decay is so large that a row which is forgotten shows; epsilon so large that
rounding isn't blown up where a gradient is 0 but for it (a span's loss does not see a shift of all states)."""
HEADS = ["classification", "choice", "tagging", "span"]
WORDS = "embeddings.word_embeddings"
DEV = torch.tensor([[0, 5, 40, 59, 2], [0, 7, 41, 2, 1]])
"""Tokens that are trained and tokens that are not, and padding."""
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]).bool()


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def encoder() -> Encoder:
    architecture = Architecture(hidden_size=HIDDEN, layers=2, heads=2, intermediate_size=16, max_length=20, dropout=0.1)
    torch.manual_seed(0)
    return new_encoder(architecture, VOCABULARY)


def stream(kind: str, ids: Sequence[int] = range(5, 15), name: str = "a", weight: float = 1.0) -> Stream:
    """Inputs of several lengths made of these tokens, for a head of one kind."""
    draws = torch.Generator().manual_seed(1)
    items = []
    for row in range(16):
        texts = [
            [0, *(ids[i] for i in torch.randint(len(ids), (3 + row % 4,), generator=draws).tolist()), 2]
            for _ in range(3 if kind == "choice" else 1)
        ]
        label: object = row % 3
        if kind == "tagging":
            label = [IGNORED, *(token % 3 for token in texts[0][1:-1]), IGNORED]
        if kind == "span":
            label = (1 + row % 2, 2 + row % 2)
        items.append(Feature(texts, label, row))
    head = new_head(kind, HIDDEN, 3, 0.1, 1, 0.5)
    tokens = {token for item in items for text in item.inputs for token in text}
    return Stream(name, head, partial(training_batches, items, 4), weight, tokens)


def run(
    model: Encoder, streams: Sequence[Stream], schedule: Schedule, trim: bool, values: Sequence[float] = ()
) -> tuple[Trained, list[Tensor]]:
    """Train copies of the heads; also the states of DEV at every evaluation, and at the end."""
    streams = [replace(one, head=deepcopy(one.head)) for one in streams]
    seen: list[Tensor] = []

    def evaluate(step: int) -> tuple[dict[str, float], float]:
        with torch.no_grad():
            seen.append(model(DEV, MASK))
        return {}, values[len(seen) - 1]

    if trim:
        trim_words(model, streams, pad=1)
    found = train(model, streams, schedule, seed=1, pad=1, evaluate=evaluate if values else None)
    with torch.no_grad():
        return found, [*seen, model(DEV, MASK)]


def state(model: Encoder) -> dict[str, Tensor]:
    """Every weight, all rows of the word embeddings among them."""
    kept = deepcopy(model)
    kept.train_words(None)
    return kept.state_dict()


def same(whole: Encoder, trimmed: Encoder, tolerance: float = 1e-12) -> None:
    expected, found = state(whole), state(trimmed)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert float((tensor - found[name]).abs().max()) < tolerance, name


def close(expected: Sequence[Tensor], found: Sequence[Tensor]) -> None:
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        assert float((one - other)[MASK].abs().max()) < 1e-11


@pytest.mark.parametrize("micro_batch", [None, 3])
@pytest.mark.parametrize("kind", HEADS)
def test_every_row_is_that_of_the_whole_training(kind: str, micro_batch: int | None, tmp_path: Path) -> None:
    """Intermediate training, a checkpoint on disk, then target training on other tokens; some rows in both, in one,
    in neither.
    """
    whole = encoder()
    save_encoder(whole, tmp_path / "encoder")
    trimmed = load_encoder(tmp_path / "encoder")
    schedule = replace(SCHEDULE, micro_batch=micro_batch)
    close(run(whole, [stream(kind)], schedule, False)[1], run(trimmed, [stream(kind)], schedule, True)[1])
    same(whole, trimmed)

    save_encoder(trimmed, tmp_path / "checkpoint")
    held = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert held[f"{WORDS}.ids"].tolist() == sorted({*range(4), *held[f"{WORDS}.ids"].tolist()})
    assert len(held[f"{WORDS}.rows"]) < 16 and f"{WORDS}.weight" not in held
    trimmed = load_encoder(tmp_path / "encoder", tmp_path / "checkpoint" / "model.safetensors")
    same(whole, trimmed)

    after = stream(kind, range(10, 25))
    close(run(whole, [after], SCHEDULE, False)[1], run(trimmed, [after], SCHEDULE, True)[1])
    same(whole, trimmed)
    moved = state(trimmed)[f"{WORDS}.weight"] / encoder().embedding.words.weight.detach()
    assert float(moved[50:].std()) < 1e-12 and float(moved[50:].mean()) < 0.99, "unread rows shrink by one factor"


def test_a_mixture_trains_the_rows_of_all_its_tasks() -> None:
    streams = [
        stream("classification", range(5, 12), "a"),
        stream("tagging", range(10, 20), "b", weight=2.0),
        stream("span", range(30, 34), "c"),
    ]
    whole, trimmed = encoder(), encoder()
    close(run(whole, streams, SCHEDULE, False)[1], run(trimmed, streams, SCHEDULE, True)[1])
    same(whole, trimmed)
    ids = trimmed.embedding.words.ids.tolist()
    assert ids[:4] == [0, 1, 2, 3] and {11, 19, 33} <= set(ids) and not {20, 29, 34} & set(ids)


def test_the_best_state_has_the_factor_of_its_own_step() -> None:
    """And dev sets are scored on the way with the rows as they then are, those of tokens that are not trained too."""
    schedule = replace(SCHEDULE, evaluate_every=3, keep="best")
    whole, trimmed = encoder(), encoder()
    values = [10.0, 50.0, 40.0, 30.0]
    expected, seen = run(whole, [stream("span")], schedule, False, values)
    found, seen_too = run(trimmed, [stream("span")], schedule, True, values)
    assert expected.step == found.step == 6 and found.stopped == 12
    close(seen, seen_too)
    assert float((seen[1] - seen[-1]).abs().max()) < 1e-12 and not torch.allclose(seen[1], seen[3])
    same(whole, trimmed)


def test_weight_decay_of_nothing_leaves_other_rows_as_they_were() -> None:
    trimmed = encoder()
    before = trimmed.embedding.words.weight.detach().clone()
    run(trimmed, [stream("tagging")], replace(SCHEDULE, weight_decay=0.0), True)
    assert state(trimmed)[f"{WORDS}.weight"][20:].equal(before[20:])


def test_the_gradient_is_clipped_by_the_norm_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    original = torch.nn.utils.clip_grad_norm_

    def clip(*arguments: object, **options: object) -> Tensor:
        found: Tensor = original(*arguments, **options)  # type: ignore[arg-type]
        norms.append(float(found))
        return found

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clip)
    for trim in (False, True):
        run(encoder(), [stream("classification")], SCHEDULE, trim)
    assert min(norms) > SCHEDULE.max_gradient_norm, "every step is clipped"
    assert norms[:12] == pytest.approx(norms[12:], rel=1e-12)


def test_masked_lm_trains_every_row() -> None:
    """Its decoder is the word embeddings themselves, so each row has a gradient in every step."""
    model = encoder()
    head = MaskedLMHead(model)
    masked = replace(stream("tagging"), head=head, tokens=None)
    assert trim_words(model, [stream("span", name="b"), masked], pad=1) == VOCABULARY
    before = model.embedding.words.weight.detach().clone()
    train(model, [masked], replace(SCHEDULE, weight_decay=0.0), seed=1, pad=1)
    assert bool((model.embedding.words.weight != before).any(dim=1).all())
    assert head(torch.ones(1, HIDDEN)).shape == (1, VOCABULARY)


def test_the_encoders_file_is_never_written_to(tmp_path: Path) -> None:
    """Its word embeddings are mapped into memory and read from there."""
    save_encoder(encoder(), tmp_path)
    path = tmp_path / "model.safetensors"
    before = path.read_bytes()
    for trim in (True, False):
        model = load_encoder(tmp_path)
        if not trim:
            model.train_words(None)
        run(model, [stream("tagging")], SCHEDULE, trim)
    assert path.read_bytes() == before


def test_only_trained_rows_have_gradients_and_moments() -> None:
    model = encoder()
    trim_words(model, [stream("tagging")], pad=1)
    names = {name: parameter for name, parameter in model.named_parameters() if name.startswith(WORDS)}
    assert list(names) == [f"{WORDS}.rows"] and len(names[f"{WORDS}.rows"]) == 14
    with pytest.raises(IndexError):
        model.train()(torch.tensor([[0, 40, 2]]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ids": torch.tensor([0, 1, 2, 3, 60], dtype=torch.int32)}, "rising token ids below 60"),
        ({"ids": torch.tensor([-1, 1, 2, 3, 5], dtype=torch.int32)}, "rising token ids below 60"),
        ({"ids": torch.tensor([0, 1, 1, 3, 5], dtype=torch.int32)}, "rising token ids below 60"),
        ({"ids": torch.zeros(0, dtype=torch.int32)}, "rising token ids below 60"),
        ({"ids": torch.tensor([[0], [1]], dtype=torch.int32)}, "rising token ids below 60"),
        ({"ids": torch.rand(14)}, "rising token ids below 60"),
        ({"rows": torch.zeros(3, HIDDEN)}, rf"expected `{WORDS}.rows` of shape \(14, 8\), found \(3, 8\)"),
        ({"factor": None}, f"expected the tensor `{WORDS}.factor`, found none"),
        ({"weight": torch.zeros(VOCABULARY, HIDDEN)}, f"unknown tensor `{WORDS}.weight`"),
    ],
)
def test_rows_that_do_not_fit_are_refused(change: dict[str, Tensor | None], said: str, tmp_path: Path) -> None:
    model = encoder()
    save_encoder(model, tmp_path)
    trim_words(model, [stream("tagging")], pad=1)
    content: dict[str, Tensor | None] = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    content |= {f"{WORDS}.{name}": tensor for name, tensor in change.items()}
    path = tmp_path / "rows.safetensors"
    save_file({name: tensor for name, tensor in content.items() if tensor is not None}, path)
    with pytest.raises(HarnessError, match="does not fit the encoder.*" + said):
        load_encoder(tmp_path, path)


def test_in_fp32_the_rows_lie_within_rounding() -> None:
    """What docs/training.md says of the distance."""
    torch.set_default_dtype(torch.float32)
    whole, trimmed = encoder(), encoder()
    run(whole, [stream("tagging")], SCHEDULE, False)
    run(trimmed, [stream("tagging")], SCHEDULE, True)
    same(whole, trimmed, 1e-5)
