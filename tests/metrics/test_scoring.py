"""The metrics by name: each takes the stored form of predictions and gives points worked out by hand."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from synthetic import METRIC
from toy import ROOT

from harness.metrics.metric import Metric
from harness.metrics.scoring import headline, items, known_metrics, metric, register, registered, score
from harness.metrics.xtreme import XTREME_GROUPS, task_score
from harness.project import tasks
from harness.project.errors import HarnessError
from harness.verify.scores import score_target


def qa(*answers: list[str]) -> list[dict[str, Any]]:
    return [{"id": str(i), "answers": {"text": texts}} for i, texts in enumerate(answers)]


@pytest.mark.parametrize(
    ("metric", "rows", "predictions", "wanted", "one"),
    [
        ("accuracy", [{"label": "a"}, {"label": "b"}], ["a", "a"], {"accuracy": 50}, 50),
        ("accuracy", [{"tags": ["A", "B"]}, {"tags": ["C", "D"]}], [["A", "B"], ["C", "X"]], {"accuracy": 75}, 75),
        # accuracy 3/4; precision 1/1, recall 1/2: F1 2/3
        (
            "accuracy_f1",
            [{"label": i} for i in (1, 1, 0, 0)],
            [1, 0, 0, 0],
            {"accuracy": 75, "f1": 200 / 3},
            (75 + 200 / 3) / 2,
        ),
        # one of two entities found, one invented: precision 1/2, recall 1/2
        ("span_f1", [{"tags": ["B-X", "I-X", "O", "B-Y"]}], [["B-X", "I-X", "B-Z", "O"]], {"f1": 50}, 50),
        # exact; `b c` against `b`: precision 1/2, recall 1: F1 2/3
        ("squad", qa(["x"], ["b"]), ["X!", "b c"], {"f1": 250 / 3, "em": 50}, (250 / 3 + 50) / 2),
        ("squad_v2", qa([], ["b"]), ["", ""], {"f1": 50, "em": 50}, 50),
        ("mlqa", qa(["der Hund"], ["b"]), ["Hund", "b"], {"f1": 100, "em": 100}, 100),
        ("bitext_accuracy", [{"id": str(i)} for i in range(4)], [0, 1, 3, 2], {"accuracy": 50}, 50),
        (
            "mining_f1",
            [{"source_id": "a", "target_id": "x"}, {"source_id": "b", "target_id": "y"}],
            [["a", "x", 1.2], ["c", "z", 1.1], ["b", "y", 0.5]],
            # the best threshold takes all three: precision 2/3, recall 1
            {"f1": 80},
            80,
        ),
    ],
)
def test_a_metric_scores_stored_predictions(
    metric: str, rows: list[dict[str, Any]], predictions: list[Any], wanted: dict[str, float], one: float
) -> None:
    found = score(metric, rows, predictions, "de")
    assert found == pytest.approx(wanted)
    assert headline(metric, found) == pytest.approx(one)


@pytest.mark.parametrize(
    ("name", "rows", "predictions", "wanted"),
    [
        ("accuracy", [{"label": "a"}, {"label": "b"}], ["a", "a"], {"correct": [1, 0]}),
        ("accuracy", [{"tags": ["A", "B"]}, {"tags": ["C"]}], [["A", "X"], ["C"]], {"correct": [1, 1], "of": [2, 1]}),
        (
            "accuracy_f1",
            [{"label": i} for i in (1, 1, 0)],
            [1, 0, 1],
            {"correct": [1, 0, 0], "f1_correct": [1, 0, 0], "f1_predicted": [1, 0, 1], "f1_gold": [1, 1, 0]},
        ),
        (
            "span_f1",
            [{"tags": ["B-X", "O", "B-Y"]}, {"tags": ["O"]}, {"tags": ["B-X"]}],
            [["B-X", "O", "B-Z"], ["B-X"], ["B-X"]],
            {"correct": [1, 0, 1], "predicted": [2, 1, 1], "gold": [2, 0, 1]},
        ),
        ("squad", qa(["x"], ["b"]), ["X!", "b c"], {"f1": [1.0, 0.666667], "em": [1, 0]}),
        ("squad_v2", qa([], ["b"]), ["", ""], {"f1": [1.0, 0.0], "em": [1, 0]}),
        ("mlqa", qa(["der Hund"], ["b"]), ["Hund", "x"], {"f1": [1.0, 0.0], "em": [1, 0]}),
        ("bitext_accuracy", [{}, {}, {}], [0, 2, 2], {"correct": [1, 0, 1]}),
        (
            "mining_f1",
            [{"source_id": "b", "target_id": "x"}, {"source_id": "a", "target_id": "y"}],
            [["c", "z"], ["b", "x"]],
            {"id": ["b", "a", "c"], "correct": [1, 0, 0], "predicted": [1, 0, 1], "gold": [1, 1, 0]},
        ),
    ],
)
def test_items_say_how_each_row_came_out(
    name: str, rows: list[dict[str, Any]], predictions: list[Any], wanted: dict[str, list[Any]]
) -> None:
    found = items(name, rows, predictions, "de")
    assert found == wanted
    total = metric(name).total
    assert total and total(found) == pytest.approx(score(name, rows, predictions, "de"), abs=1e-4)


TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y", "X", "_", "NOUN", "SCONJ", "CCONJ", "SYM"]
sentences = st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=5), min_size=1, max_size=6)


@given(gold=sentences, data=st.data())
def test_spans_of_sentences_add_up_to_the_score_whatever_the_tags(gold: list[list[str]], data: st.DataObject) -> None:
    predicted = [[data.draw(st.sampled_from(TAGS)) for _ in tags] for tags in gold]
    rows = [{"tags": tags} for tags in gold]
    found, total = items("span_f1", rows, predicted, "de"), metric("span_f1").total
    assert total and total(found)["f1"] == pytest.approx(score("span_f1", rows, predicted, "de")["f1"])
    assert all(len(column) == len(gold) for column in found.values())


pairs = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), max_size=8)


@given(gold=pairs, mined=pairs, margins=st.booleans())
def test_mined_pairs_add_up_to_the_score(
    gold: list[tuple[str, str]], mined: list[tuple[str, str]], margins: bool
) -> None:
    rows = [{"source_id": source, "target_id": target} for source, target in gold]
    predictions = [[*pair, *([1.0 / (place + 1)] if margins else [])] for place, pair in enumerate(mined)]
    found, total = items("mining_f1", rows, predictions, "de"), metric("mining_f1").total
    assert total and total(found)["f1"] == pytest.approx(score("mining_f1", rows, predictions, "de")["f1"])


def test_every_metric_of_a_task_has_items() -> None:
    assert all(each.items and each.total for each in known_metrics() if each.name != METRIC.name)


def test_predictions_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError):
        score("squad", qa(["a"], ["b"]), ["a"], "en")


def test_every_metric_that_a_task_may_name_is_there_and_no_other() -> None:
    """harness.project.tasks stands below the metrics and can't ask them for their names."""
    found = {each.name for each in known_metrics()} - {METRIC.name}
    assert found == set(get_args(tasks.Metric)) - {"none"}
    assert found == {name for names in tasks.METRICS_OF_KIND.values() for name in names} - {"none"}


@pytest.mark.parametrize("target", XTREME_GROUPS)
def test_a_target_is_scored_by_a_metric_of_its_group(target: str) -> None:
    task = tasks.load_task(target, ROOT / "tasks")
    assert metric(task.metric).group == task.group


def exact(rows: Any, predictions: Any, language: str) -> dict[str, float]:
    return {"hits": 100.0 * (list(rows) == list(predictions)), "rows": float(len(rows))}


EXACT = Metric(name="exact", compute=exact, headline=("hits",), aggregate=("hits",), group="tagging")


def test_a_metric_is_one_record() -> None:
    with registered(EXACT):
        found = score("exact", [{}], [{}], "de")
        assert found == {"hits": 100.0, "rows": 1.0}
        assert headline("exact", found) == task_score("tagging", {"de": found}) == 100.0
        assert task_score("tagging", {"de": {"f1": 40.0}}) == 40.0, "the other metrics of the group are as they were"
    with pytest.raises(HarnessError, match="did you mean `bitext_accuracy`"):
        metric("bitext_acuracy")
    with pytest.raises(HarnessError, match="found 'exact'"):
        metric("exact")


def test_a_name_is_given_once() -> None:
    with pytest.raises(HarnessError, match="found 'squad' a second time"):
        register(EXACT.model_copy(update={"name": "squad"}))
    assert metric("squad").group == "qa"


def test_a_record_without_a_headline_is_refused() -> None:
    for lacking in ("headline", "aggregate"):
        with pytest.raises(ValidationError, match=lacking):
            Metric(**(EXACT.model_dump() | {lacking: ()}))


def test_a_metric_that_fails_in_its_block_is_forgotten() -> None:
    with pytest.raises(ZeroDivisionError), registered(EXACT):
        _ = 1 / 0
    assert EXACT not in known_metrics()


def test_a_targets_score_follows_its_own_metric_and_not_another_of_its_group() -> None:
    both = Metric(
        name="both",
        compute=lambda rows, predictions, language: {"accuracy": 10.0, "f1": 90.0},
        headline=("f1",),
        aggregate=("f1",),
        group="classification",
    )
    with registered(both):
        found = {"de": score("both", [], [], "de"), "sw": {"accuracy": 20.0, "f1": 50.0}}
        assert metric("both").target_score(found) == 70.0
        assert score_target(found, "classification", "both") == 70.0
        assert score_target(found, "classification") == 15.0, "XTREME's rule of the group"
        with pytest.raises(HarnessError, match="expected f1 of sw by metric both, found no f1"):
            metric("both").target_score({**found, "sw": {"accuracy": 20.0}})
        with pytest.raises(HarnessError, match="at least one language"):
            metric("both").target_score({})
