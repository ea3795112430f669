"""Several accusations at once: Holm's step-down over the claims that were tested.

Each claim alone is accused falsely at most 5 % of the time; one of ten is accused falsely far more often. So the
accusations of a verification are looked at together, and one that doesn't survive becomes INCONCLUSIVE. REPRODUCED
needs no such care: to confirm falsely is an error about one claim, not about the paper as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.verify.statistics.holm import adjust
from harness.verify.statistics.intervals import LEVEL, show_p
from harness.verify.verdicts.verdict import ClaimVerdict

TESTED = ("REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE")


def hold_accusations(verdicts: Sequence[ClaimVerdict]) -> list[ClaimVerdict]:
    """The verdicts; an accusation tells its adjusted p value among the reasons, or is INCONCLUSIVE if it is over 5 %.

    The family are the claims that were tested on enough seeds, whatever came out. Facts of the data are not in it: they
    are looked up, not measured. As many verdicts come back, in the same order; those of the family have `p_adjusted`, a
    probability from 0 to 1. Raises nothing.
    """
    family = {
        place: verdict.p_value
        for place, verdict in enumerate(verdicts)
        if verdict.verdict in TESTED and verdict.p_value is not None
    }
    adjusted = dict(zip(family, adjust(list(family.values())), strict=True))
    return [_hold(verdict, adjusted.get(place), len(family)) for place, verdict in enumerate(verdicts)]


def _hold(verdict: ClaimVerdict, adjusted: float | None, tested: int) -> ClaimVerdict:
    if adjusted is None:
        return verdict
    found: dict[str, object] = {"p_adjusted": adjusted}
    if verdict.verdict == "NOT_REPRODUCED":
        among = "1 claim was" if tested == 1 else f"{tested} claims were"
        holm = f"{among} tested, and by Holm's step-down over them {show_p(adjusted)}"
        if adjusted <= LEVEL:
            found["reasons"] = [*verdict.reasons, f"{holm}: the accusation stands"]
        else:
            found["verdict"] = "INCONCLUSIVE"
            found["note"] = ", ".join(filter(None, [verdict.note, "not after Holm"]))
            said = verdict.evidence.sentence.replace("NOT_REPRODUCED", "INCONCLUSIVE")
            because = f"not after Holm's step-down over {tested} claims"
            said = f"{said[:-1]}, {because})" if said.endswith(")") else f"{said} ({because})"
            found["evidence"] = verdict.evidence.model_copy(update={"sentence": said})
            found["reasons"] = [*verdict.reasons, f"{holm}, over {LEVEL:.2f}: no accusation, more seeds must tell"]
    return verdict.model_copy(update=found)
