"""The laboratory's own claims: did the verdict come out as what was planted makes right?

Pure. A published claim's truth is unknown; of a planted effect it is known, so here the verifier itself is looked at.
An INCONCLUSIVE that is right is a success, and a REPRODUCED that is wrong a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from harness.verify.verdicts.strength import ENOUGH
from harness.verify.verdicts.verdict import ClaimVerdict

Finding = Literal["as planted", "NOT AS PLANTED", "open", "not tested"]
"""How a verdict stands to what was planted: the right word; another; none that counts, as the evidence is weak or the
seeds are too few; or nothing was tested."""


def published(verdicts: Sequence[ClaimVerdict]) -> list[ClaimVerdict]:
    """Those on published claims, in their order."""
    return [verdict for verdict in verdicts if verdict.truth is None]


def planted(verdicts: Sequence[ClaimVerdict]) -> list[ClaimVerdict]:
    """Those on the laboratory's own claims, in their order."""
    return [verdict for verdict in verdicts if verdict.truth is not None]


def compare_with_truth(verdict: ClaimVerdict) -> Finding:
    """How the verdict on one of the laboratory's own claims stands to what was planted.

    Raises ValueError for a published claim, whose truth nobody knows.
    """
    if verdict.truth is None:
        raise ValueError(f"nothing was planted for the claim {verdict.id}")
    if verdict.verdict in ("NOT_TESTED", "INVALID"):
        return "not tested"
    if verdict.verdict == "UNDERPOWERED" or verdict.evidence_level not in ENOUGH:
        return "open"
    return "as planted" if verdict.verdict == verdict.truth.verdict else "NOT AS PLANTED"


def count_as_planted(verdicts: Sequence[ClaimVerdict]) -> str:
    """How many of the laboratory's own claims came out right, in a few words; empty where there are none."""
    found = [compare_with_truth(verdict) for verdict in planted(verdicts)]
    return f"{found.count('as planted')} of {len(found)} planted effects found as planted" if found else ""


def planted_in_words(verdicts: Sequence[ClaimVerdict]) -> str:
    """The answer on the laboratory's own claims in one line; empty where there are none."""
    found = {verdict.id: compare_with_truth(verdict) for verdict in planted(verdicts)}
    if not found:
        return ""
    others = []
    for word in ("NOT AS PLANTED", "open", "not tested"):
        if named := [name for name, finding in found.items() if finding == word]:
            others.append(f"{word}: {', '.join(named)}")
    return "; ".join([count_as_planted(verdicts), *others])
