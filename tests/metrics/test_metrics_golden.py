"""The metrics against numbers that upstream's own code gave for the cases in golden.json.

How they were made: google-research/xtreme's evaluate.py (commit 838c13b69daafb9328785d16caae2711e4012123;
functions accuracy, f1, bucc_f1), third_party/evaluate_squad.py, third_party/evaluate_mlqa.py (read in the
fork yuhsinchan/xtreme at 3a981694a074c0bf016e9525cb5353d6aae63148; the same text as facebookresearch/MLQA
mlqa_evaluation_v1.py at 5ef5c731a96acb7008b51aac4acb5fa9dff4f297) and third_party/utils_retrieve.py
(4940374c91213da89b28feec25413788566ad7d9; mine_bitext, read_candidate2score, bucc_optimize, bucc_extract, the
scores of bucc_eval, similarity_search), and SQuAD's official evaluate-v2.0.py, run under Python 3.11 with
seqeval 1.2.2, faiss-cpu 1.15.1 and numpy 2.4.6. One change: `np.argsort` in mine_bitext sorts stably, because
numpy's default order of equal margins depends on the processor.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.metrics import (
    best_threshold,
    mine_bitext,
    mine_rows,
    mlqa,
    nearest_neighbour,
    pair_f1,
    pairs_above,
    span_f1,
    squad,
    squad_v2,
)

GOLDEN: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "golden.json").read_text("utf-8"))
EXACT = 1e-9
FLOAT32 = 2e-6  # upstream's margins carry float32 noise that differs from one processor to the next


def cases(kind: str) -> pytest.MarkDecorator:
    ids = [" ".join([case.get("language", ""), case["name"]]).strip() for case in GOLDEN[kind]]
    return pytest.mark.parametrize("case", GOLDEN[kind], ids=ids)


@cases("squad")
def test_squad(case: dict[str, Any]) -> None:
    score = squad(case["predictions"], case["references"])
    assert (score.f1, score.em) == pytest.approx((case["f1"], case["em"]), abs=EXACT)


@cases("squad_v2")
def test_squad_v2(case: dict[str, Any]) -> None:
    score = squad_v2(case["predictions"], case["references"])
    assert (score.f1, score.em) == pytest.approx((case["f1"], case["em"]), abs=EXACT)


@cases("mlqa")
def test_mlqa(case: dict[str, Any]) -> None:
    score = mlqa(case["predictions"], case["references"], case["language"])
    assert (score.f1, score.em) == pytest.approx((case["f1"], case["em"]), abs=EXACT)


@cases("span_f1")
def test_span_f1(case: dict[str, Any]) -> None:
    assert span_f1(case["gold"], case["predicted"]) == pytest.approx(case["f1"], abs=EXACT)


@cases("best_threshold")
def test_best_threshold(case: dict[str, Any]) -> None:
    mined, gold = [tuple(m) for m in case["mined"]], [tuple(g) for g in case["gold"]]
    best = best_threshold(mined, gold)
    expected = (case["threshold"], case["precision"], case["recall"], case["f1"])
    assert (best.threshold, best.precision, best.recall, best.f1) == pytest.approx(expected, abs=EXACT)
    assert pair_f1(pairs_above(mined, best.threshold), gold) == pytest.approx(case["f1"], abs=EXACT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@cases("mine_bitext")
def test_mine_bitext(case: dict[str, Any], dtype: type) -> None:
    mined = mine_bitext(np.array(case["source"], dtype), np.array(case["target"], dtype), case["k"])
    assert [pair[:2] for pair in mined] == [tuple(pair[:2]) for pair in case["mined"]]
    # Vectors of signs in 4 or 16 dimensions have exact similarities, so there even float32 leaves no noise.
    tolerance = EXACT if dtype is np.float32 and "tie" in case["name"] else FLOAT32
    assert [pair[2] for pair in mined] == pytest.approx([pair[2] for pair in case["mined"]], rel=tolerance)


@cases("mine_rows")
def test_mine_rows(case: dict[str, Any]) -> None:
    sources = [{"id": f"s{i}", "text": text} for i, text in enumerate(case["source_texts"])]
    targets = [{"id": f"t{i}", "text": text} for i, text in enumerate(case["target_texts"])]
    source, target = (np.array(case[side], np.float32) for side in ("source", "target"))
    mined = mine_rows(sources, source, targets, target, case["k"])
    assert [pair[:2] for pair in mined] == [tuple(pair[:2]) for pair in case["mined"]]
    assert [pair[2] for pair in mined] == pytest.approx([pair[2] for pair in case["mined"]], rel=FLOAT32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@cases("nearest_neighbour")
def test_nearest_neighbour(case: dict[str, Any], dtype: type) -> None:
    nearest = nearest_neighbour(np.array(case["queries"], dtype), np.array(case["candidates"], dtype))
    assert nearest.tolist() == case["nearest"]
