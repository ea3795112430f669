"""How strong the evidence behind a verdict is: the level of its weakest cell, and what may be concluded at that level.

Whoever has only scores, or hashes of predictions that nobody here has seen, has the author's word. Such a claim is
neither REPRODUCED nor NOT_REPRODUCED.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from harness.verify.verdicts.verdict import DECIDED, ClaimVerdict, Level

LEVELS: tuple[Level, ...] = get_args(Level)
"""From the strongest to the weakest."""
ENOUGH: tuple[Level, ...] = ("re-run here", "re-scored here")
"""Levels at which a claim may be decided."""


def hold_evidence(verdicts: Sequence[ClaimVerdict], levels: Mapping[str, Level]) -> list[ClaimVerdict]:
    """The verdicts, each with the level of its weakest cell; INCONCLUSIVE where that is too weak for what was decided.

    `levels`: cell -> its level; a cell that is not named has scores only. As many verdicts come back, in the same
    order. Facts of the data rest on no cell and stay as they are. Raises nothing.
    """
    return [_hold(verdict, levels) for verdict in verdicts]


def _hold(verdict: ClaimVerdict, levels: Mapping[str, Level]) -> ClaimVerdict:
    cells = verdict.evidence.cells
    if not cells:
        return verdict
    weakest = max((levels.get(name, LEVELS[-1]) for name in cells), key=LEVELS.index)
    found: dict[str, object] = {"evidence_level": weakest}
    if weakest not in ENOUGH and verdict.verdict in DECIDED:
        weak = sum(levels.get(name, LEVELS[-1]) not in ENOUGH for name in cells)
        found["verdict"] = "INCONCLUSIVE"
        found["note"] = ", ".join(filter(None, [verdict.note, f"evidence: {weakest}"]))
        found["reasons"] = [
            *verdict.reasons,
            f"the evidence on {weak} of {len(cells)} cells is {weakest}: nothing here shows that the numbers follow"
            " from predictions; whoever has data and checkpoints runs `harness verify --rerun N`, which needs no trust",
        ]
        said = verdict.evidence.sentence.replace(verdict.verdict, "INCONCLUSIVE")
        found["evidence"] = verdict.evidence.model_copy(update={"sentence": f"{said} (the evidence is {weakest})"})
    if weakest not in ENOUGH and verdict.replication not in (None, "OPEN HERE"):
        found["replication"] = "OPEN HERE"
        why = f"the evidence is {weakest}, so nothing is concluded of what was measured here either: OPEN HERE"
        found["reasons"] = [*verdict.reasons, why]
    return verdict.model_copy(update=found)
