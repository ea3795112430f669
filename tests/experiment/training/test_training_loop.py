"""The training loop and its batches: schedule, mixtures, clipping, weight decay, divergence."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from harness.experiment.training import loop
from harness.experiment.training.learning_rate import linear_schedule
from harness.experiment.training.loop import Diverged, Schedule, Stream, draw_streams, train
from harness.model.batching import collate, collate_labels, prediction_batches, training_batches
from harness.model.features import IGNORED, Feature
from harness.model.forward import Positions
from harness.model.heads import SequenceHead, new_head
from harness.project.results import CurvePoint

SCHEDULE = Schedule(
    steps=10, learning_rate=0.1, warmup_proportion=0.2, weight_decay=0.5, adam_epsilon=1e-8, max_gradient_norm=1.0
)


class Bag(nn.Module):
    """The smallest encoder: an embedding per token and a layer norm."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(20, 8)
        self.norm = nn.LayerNorm(8)
        self.seen: list[Tensor] = []

    def forward(self, ids: Tensor, mask: Tensor | None, positions: Positions, second: Tensor | None) -> Tensor:
        self.seen.append(ids)
        states: Tensor = self.norm(self.words(ids))
        return states.flatten(0, 1)[positions] if isinstance(positions, Tensor) else states


def features(count: int, first: int = 4) -> list[Feature]:
    """Inputs of several lengths; the first token tells the label."""
    return [Feature([[first + i % 2] + [9] * (i % 5)], i % 2, i) for i in range(count)]


def stream(name: str = "a", count: int = 24, weight: float = 1.0, first: int = 4) -> Stream:
    head = new_head("classification", 8, 2, 0.0, 1, 0.02)
    return Stream(name, head, partial(training_batches, features(count, first), 4), weight)


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    factor = linear_schedule(10, 0.4)
    wanted = [1 / 4, 2 / 4, 3 / 4, 4 / 4, 6 / 6, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    assert [factor(done) for done in range(10)] == pytest.approx(wanted)
    assert factor(10) == 0.0


@pytest.mark.parametrize("proportion", [0.0, 1.0])
def test_a_schedule_without_warm_up_or_without_decay(proportion: float) -> None:
    values = [linear_schedule(5, proportion)(done) for done in range(5)]
    assert all(0 < value <= 1 for value in values) and max(values) == 1.0


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(1, 9), st.integers(0, 5))
def test_an_epoch_sees_every_example_once(count: int, size: int, seed: int) -> None:
    items = features(count)
    batches = training_batches(items, size, seed)
    epochs = []
    for _ in range(2):
        seen: list[int] = []
        while len(seen) < count:
            batch = next(batches)
            assert len(batch) <= size
            seen += [item.row for item in batch]
        assert sorted(seen) == list(range(count))
        epochs.append(seen)
    again = training_batches(items, size, seed)
    assert [item.row for item in next(again)] == epochs[0][: len(next(training_batches(items, size, seed)))]


def test_examples_meet_others_in_every_epoch() -> None:
    """The same batches in another order would be no new order of examples."""
    items = [Feature([[0] * 5], None, row) for row in range(64)]  # of one length: sorting by it gives no order
    batches = training_batches(items, 4, 1)
    first, second = ({frozenset(item.row for item in next(batches)) for _ in range(16)} for _ in range(2))
    assert len(first) == len(second) == 16 and len(first & second) <= 1


def test_batches_hold_similar_lengths_and_follow_the_seed() -> None:
    items = features(200)
    first = [[item.row for item in batch] for batch, _ in zip(training_batches(items, 10, 1), range(20), strict=False)]
    other = [[item.row for item in batch] for batch, _ in zip(training_batches(items, 10, 2), range(20), strict=False)]
    assert first != other
    widths = [[items[row].length for row in batch] for batch in first]
    assert sum(max(width) * len(width) for width in widths) < 1.1 * sum(item.length for item in items)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 200), st.integers(1, 4))
def test_prediction_batches_cover_each_item_once_within_the_tokens(
    lengths: list[int], batch_tokens: int, choices: int
) -> None:
    items = [Feature([[5] * length] * choices, None, i) for i, length in enumerate(lengths)]
    batches = list(prediction_batches(items, batch_tokens))
    assert sorted(index for batch in batches for index in batch) == list(range(len(items)))
    for batch in batches:
        tokens = sum(len(items[i].inputs) for i in batch) * max(items[i].length for i in batch)
        assert tokens <= batch_tokens or len(batch) == 1


def test_padding_is_masked_and_never_learnt_from() -> None:
    batch = [Feature([[0, 7, 2], [0, 2]], [1, 2, IGNORED], 0), Feature([[0, 8, 8, 2], [2]], [0, 1, 1, IGNORED], 1)]
    ids, mask, second = collate(batch, pad=1)
    assert second is None
    assert ids.tolist() == [[0, 7, 2, 1], [0, 2, 1, 1], [0, 8, 8, 2], [2, 1, 1, 1]]
    assert mask is not None and mask.int().tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    assert collate_labels(batch, 4).tolist() == [[1, 2, IGNORED, IGNORED], [0, 1, 1, IGNORED]]
    assert collate(batch[:1] * 2, pad=1)[1] is not None and collate([Feature([[0, 2], [0, 3]], 1, 0)], pad=1)[1] is None
    assert collate_labels([Feature([[0]], (3, 4), 0)], 9).tolist() == [[3, 4]]


def test_training_learns_and_keeps_the_curve() -> None:
    advanced: list[int] = []
    steps = Schedule(**(vars(SCHEDULE) | {"steps": 60, "evaluate_every": 25}))
    trained = train(
        Bag(),
        [stream()],
        steps,
        seed=1,
        pad=1,
        evaluate=lambda step: ({"accuracy": 50.0}, 50.0),
        advance=lambda: advanced.append(1),
    )
    curve = trained.curve
    assert len(advanced) == trained.step == trained.stopped == 60 and not trained.flat
    assert [point.step for point in curve] == sorted({*range(3, 61, 3), 25, 50, 60})
    assert curve[-1].loss < 0.1 < curve[0].loss
    assert [point.step for point in curve if point.dev] == [25, 50, 60]
    factor = linear_schedule(60, 0.2)
    assert [point.learning_rate for point in curve] == pytest.approx([0.1 * factor(p.step - 1) for p in curve])


def test_scoring_the_dev_set_on_the_way_changes_nothing() -> None:
    """Evaluations in between draw no random numbers: the weights at the end are the same."""
    ends = []
    for every in (None, 2):
        torch.manual_seed(3)
        encoder, head = Bag(), SequenceHead(8, 2, 0.3)
        one = Stream("a", head, partial(training_batches, features(24), 4))
        schedule = Schedule(**(vars(SCHEDULE) | {"evaluate_every": every}))
        train(encoder, [one], schedule, seed=1, pad=1, evaluate=lambda step, e=encoder: ({"dev": e.training}, 0.0))
        ends.append([parameter.clone() for parameter in (*encoder.parameters(), *head.parameters())])
    assert all(one.equal(other) for one, other in zip(*ends, strict=True))


def weights_after(micro_batch: int | None, head_kind: str = "classification") -> list[Tensor]:
    torch.manual_seed(3)
    encoder, head = Bag(), new_head(head_kind, 8, 3, 0.0, 1, 0.02)
    items = features(24)
    if head_kind == "tagging":  # some of the tokens have no label
        items = [Feature(f.inputs, [i % 3 if i else IGNORED for i in range(f.length)], f.row) for f in items]
    one = Stream("a", head, partial(training_batches, items, 6))
    train(encoder, [one], Schedule(**(vars(SCHEDULE) | {"micro_batch": micro_batch})), seed=1, pad=1)
    return [parameter.detach().clone() for parameter in (*encoder.parameters(), *head.parameters())]


@pytest.mark.parametrize("kind", ["classification", "tagging"])
@pytest.mark.parametrize("micro_batch", [1, 4, 6])
def test_the_effective_batch_does_not_depend_on_the_micro_batch(kind: str, micro_batch: int) -> None:
    """Each part counts by its own number of labels, so the mean is that of the whole batch."""
    for whole, parts in zip(weights_after(None, kind), weights_after(micro_batch, kind), strict=True):
        assert torch.allclose(whole, parts, atol=1e-5)


def early(values: list[float], **settings: object) -> tuple[Bag, loop.Trained, list[Tensor]]:
    """Train with dev scores made up by the test; also the word embeddings at each evaluation."""
    encoder, seen = Bag(), []

    def evaluate(step: int) -> tuple[dict[str, float], float]:
        seen.append(encoder.words.weight.detach().clone())
        return {"accuracy": values[len(seen) - 1]}, values[len(seen) - 1]

    schedule = Schedule(**(vars(SCHEDULE) | {"steps": 20, "evaluate_every": 4} | settings))
    return encoder, train(encoder, [stream()], schedule, seed=1, pad=1, evaluate=evaluate), seen


def test_training_stops_when_patience_runs_out_and_goes_back_to_the_best_state() -> None:
    encoder, trained, seen = early([50.0, 70.0, 70.0, 60.0, 90.0], patience=2, keep="best")
    assert (trained.step, trained.stopped) == (8, 16), "of equals the earliest is kept"
    assert encoder.words.weight.equal(seen[1]) and not seen[1].equal(seen[-1])
    assert trained.curve[-1].step == 16


def test_the_last_state_is_used_unless_the_best_is_asked_for() -> None:
    encoder, trained, seen = early([90.0, 50.0, 50.0, 50.0, 50.0])
    assert (trained.step, trained.stopped) == (20, 20)
    assert encoder.words.weight.equal(seen[-1])


def test_the_last_state_is_evaluated_too() -> None:
    encoder, trained, seen = early([10.0, 20.0, 30.0], steps=10, keep="best")
    assert [point.step for point in trained.curve if point.dev] == [4, 8, 10]
    assert trained.step == 10 and encoder.words.weight.equal(seen[-1])


def test_a_loss_that_does_not_fall_is_flat() -> None:
    falling = [CurvePoint(step=i, loss=1.0 / i, learning_rate=0.1) for i in range(1, 21)]
    level = [CurvePoint(step=i, loss=1.1, learning_rate=0.1) for i in range(1, 21)]
    assert loop.Trained(level).flat and not loop.Trained(falling).flat
    assert not loop.Trained(level[:5]).flat, "too short to tell"


def test_streams_are_drawn_in_proportion_and_one_per_batch() -> None:
    weights = {"a": 1.0, "b": 3.0, "c": 6.0}
    streams = [stream(name, weight=weight) for name, weight in weights.items()]
    draws = draw_streams(streams, 5)
    counts = Counter(next(draws).name for _ in range(6000))
    for name, weight in weights.items():
        share = weight / 10
        deviation = (share * (1 - share) * 6000) ** 0.5
        assert abs(counts[name] - 6000 * share) < 4 * deviation


def test_a_mixture_trains_every_head_on_its_own_rows() -> None:
    encoder = Bag()
    streams = [stream("a", first=4), stream("b", first=6)]
    before = [one.head.out.weight.clone() for one in streams]
    schedule = Schedule(**(vars(SCHEDULE) | {"steps": 40}))
    train(encoder, streams, schedule, seed=1, pad=1)
    kinds = [{int(row[0]) // 2 for row in ids} for ids in encoder.seen]
    assert all(len(kind) == 1 for kind in kinds)
    assert {kind for kinds_of_batch in kinds for kind in kinds_of_batch} == {2, 3}
    assert all(not one.head.out.weight.equal(was) for one, was in zip(streams, before, strict=True))


def test_a_loss_that_is_no_number_stops_the_training() -> None:
    encoder = Bag()
    with torch.no_grad():
        encoder.words.weight[9] = float("nan")
    with pytest.raises(Diverged) as caught:
        train(encoder, [stream()], SCHEDULE, seed=1, pad=1)
    assert all(point.loss == point.loss for point in caught.value.curve)
    assert len(encoder.seen) < SCHEDULE.steps


def test_biases_and_layer_norms_are_not_decayed() -> None:
    modules = nn.ModuleList([Bag(), new_head("classification", 8, 2, 0.0, 1, 0.02)])
    decayed, free = loop._groups(modules, SCHEDULE)
    names = {id(parameter): name for name, parameter in modules.named_parameters()}
    assert decayed["weight_decay"] == SCHEDULE.weight_decay and free["weight_decay"] == 0.0
    assert {names[id(p)] for p in decayed["params"]} == {"0.words.weight", "1.dense.weight", "1.out.weight"}
    assert {names[id(p)] for p in free["params"]} == {"0.norm.weight", "0.norm.bias", "1.dense.bias", "1.out.bias"}


def test_gradients_are_clipped_to_the_global_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by the optimiser: no step has a gradient longer than the limit, and some had one without it."""
    norms: list[float] = []
    original = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, closure: None = None) -> None:
        squares = [p.grad.square().sum() for g in self.param_groups for p in g["params"] if p.grad is not None]
        norms.append(float(torch.stack(squares).sum().sqrt()))
        original(self, closure)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    for limit in (1e9, 0.01):
        train(Bag(), [stream()], Schedule(**(vars(SCHEDULE) | {"max_gradient_norm": limit})), seed=1, pad=1)
    free, clipped = norms[:10], norms[10:]
    assert max(free) > 0.01
    assert len(clipped) == 10 and max(clipped) < 0.0101
