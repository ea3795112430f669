"""Numbers that upstream's own code gave for the cases in tests/metrics/golden.json.

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

import pytest

GOLDEN: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "metrics" / "golden.json").read_text("utf-8")
)
EXACT = 1e-9
FLOAT32 = 2e-6  # upstream's margins carry float32 noise that differs from one processor to the next


def cases(kind: str) -> pytest.MarkDecorator:
    ids = [" ".join([case.get("language", ""), case["name"]]).strip() for case in GOLDEN[kind]]
    return pytest.mark.parametrize("case", GOLDEN[kind], ids=ids)
