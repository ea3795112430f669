"""Out of a claim's scope: does what it says hold of what was measured here? Never a verdict on the claim itself.

Another encoder, or a world of constructed languages, neither reproduces nor refutes a published claim; but whether the
same direction is seen there is worth knowing. Each claim is tested one-sided in both directions, adjusted for the looks
of the design, and Holm's step-down covers both directions of all claims that are looked at so.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.verify.statistics.holm import adjust
from harness.verify.statistics.intervals import LEVEL
from harness.verify.statistics.p_values import show_p
from harness.verify.verdicts.verdict import ClaimVerdict, Replication


def hold_replications(verdicts: Sequence[ClaimVerdict], level: float = LEVEL) -> list[ClaimVerdict]:
    """The verdicts; those out of scope say HOLDS HERE, OPPOSITE HERE or OPEN HERE, with the reason.

    The family are both directions of every claim out of scope that the grid has all cells for, whatever came out; one
    without enough seeds counts with p = 1. At most 5 % of the time is any direction said falsely. As many verdicts come
    back, in the same order; the others stay as they are. Raises nothing.
    """
    family = [place for place, verdict in enumerate(verdicts) if verdict.replication is not None]
    tested = [p for place in family for p in verdicts[place].replication_p or (1.0, 1.0)]
    adjusted = adjust(tested)
    both = {place: (adjusted[2 * i], adjusted[2 * i + 1]) for i, place in enumerate(family)}
    return [
        _hold(verdict, both[place], len(tested), level) if place in both else verdict
        for place, verdict in enumerate(verdicts)
    ]


def _hold(verdict: ClaimVerdict, p: tuple[float, float], tests: int, level: float) -> ClaimVerdict:
    holds, opposite = p
    said: Replication = "HOLDS HERE" if holds <= level else "OPPOSITE HERE" if opposite <= level else "OPEN HERE"
    numbers = f"{show_p(holds)} for what it says, {show_p(opposite)} for its opposite"
    why = f"what the claim says, of what was measured here: {said} ({numbers}, by Holm's step-down over {tests} tests)"
    return verdict.model_copy(update={"replication": said, "replication_p": p, "reasons": [*verdict.reasons, why]})
