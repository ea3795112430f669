"""One place that scores: every metric takes the stored form of predictions and gives points worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from harness.metrics.scoring import headline, score


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


def test_predictions_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError):
        score("squad", qa(["a"], ["b"]), ["a"], "en")
