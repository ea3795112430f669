"""What is known only by its author's word decides no claim."""

from __future__ import annotations

import pytest

from harness.verify import Claim, Scores, judge
from harness.verify.verdicts.strength import hold_evidence
from harness.verify.verdicts.verdict import ClaimVerdict, Level

SCOPE = {"encoder": "an encoder", "data": "rows"}


def verdict(gain: float) -> ClaimVerdict:
    """On a claimed gain of 7.5 points, of three seeds."""
    rows = [
        {"recipe": recipe, "target": "xnli", "seed": seed, "score": 60 + 0.1 * seed + (recipe == "mnli") * gain}
        for recipe in ("none", "mnli")
        for seed in (1, 2, 3)
    ]
    rows[-1]["score"] += 0.2
    claim = Claim.model_validate(
        {
            "id": "mnli-gain",
            "text": "t",
            "verified": True,
            "confidence": 0.9,
            "source": {"document": "d", "version": "1", "place": "p", "split": "test", "statistic": "s", "n_claim": 1},
            "scope": SCOPE,
            "check": {
                "kind": "gain",
                "recipe": "mnli",
                "targets": ["xnli"],
                "expected_points": 7.5,
                "margin": {
                    "practical_points": 1.5,
                    "reference_sd_points": None,
                    "rounding_points": 0.05,
                    "reason": "r",
                },
                "reason": "r",
            },
        }
    )
    return judge(claim, Scores.from_rows(rows, **SCOPE))


def levels(weakest: Level) -> dict[str, Level]:
    strong: dict[str, Level] = {f"{r}-xnli-{s}": "re-run here" for r in ("none", "mnli") for s in (1, 2, 3)}
    return strong | {"mnli-xnli-2": weakest}


@pytest.mark.parametrize("gain", [7.5, 0.0])
@pytest.mark.parametrize("level", ["hash only", "scores only"])
def test_one_weak_cell_leaves_a_claim_open_and_says_why(gain: float, level: Level) -> None:
    alone = verdict(gain)
    assert alone.verdict == ("REPRODUCED" if gain else "NOT_REPRODUCED") and alone.evidence_level == "scores only"
    (held,) = hold_evidence([alone], levels(level))
    assert held.verdict == "INCONCLUSIVE" and held.evidence_level == level and f"evidence: {level}" in held.note
    assert "1 of 6 cells" in held.reasons[-1] and "harness verify --rerun" in held.reasons[-1]
    assert "INCONCLUSIVE" in held.evidence.sentence and alone.verdict not in held.evidence.sentence.replace(
        "INCONCLUSIVE", ""
    )


def test_rescored_cells_decide_and_a_cell_that_nobody_names_has_scores_only() -> None:
    alone = verdict(7.5)
    (held,) = hold_evidence([alone], levels("re-scored here"))
    assert (held.verdict, held.evidence_level) == ("REPRODUCED", "re-scored here")
    (unknown,) = hold_evidence([alone], {})
    assert (unknown.verdict, unknown.evidence_level) == ("INCONCLUSIVE", "scores only")
