"""Several accusations at once: Holm's step-down over all measured claims of the registry.

Each claim alone is accused falsely at most 5 % of the time; one of ten is accused falsely far more often. So the
accusations of a verification are looked at together, and one that doesn't survive becomes INCONCLUSIVE. REPRODUCED
needs no such care: to confirm falsely is an error about one claim, not about the paper as a whole. The family is
fixed by the registry: what was not tested counts with p = 1, so nobody gains by judging a few claims chosen afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.verify.claims.kinds import group_of
from harness.verify.statistics.holm import adjust
from harness.verify.statistics.intervals import LEVEL
from harness.verify.statistics.p_values import show_p
from harness.verify.verdicts.verdict import ClaimVerdict

TESTED = ("REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE")


def hold_accusations(verdicts: Sequence[ClaimVerdict], level: float = LEVEL) -> list[ClaimVerdict]:
    """The verdicts; an accusation tells its adjusted p value among the reasons, or is INCONCLUSIVE if it is over 5 %.

    The family are all of `verdicts` whose claims are measured: give those of the whole registry. One that was not
    tested, or on too few seeds, counts with p = 1. Facts of the data are not in it: they are looked up, not measured.
    As many verdicts come back, in the same order; those that were tested have `p_adjusted`, a probability from 0 to 1.
    Raises nothing.
    """
    family = {place: _p(verdict) for place, verdict in enumerate(verdicts) if group_of(verdict.kind) == "measured"}
    adjusted = dict(zip(family, adjust([1.0 if p is None else p for p in family.values()]), strict=True))
    return [
        _hold(verdict, adjusted[place], len(family), level) if family.get(place) is not None else verdict
        for place, verdict in enumerate(verdicts)
    ]


def _p(verdict: ClaimVerdict) -> float | None:
    return verdict.p_value if verdict.verdict in TESTED else None


def _hold(verdict: ClaimVerdict, adjusted: float, family: int, level: float) -> ClaimVerdict:
    found: dict[str, object] = {"p_adjusted": adjusted}
    if verdict.verdict == "NOT_REPRODUCED":
        among = "1 measured claim" if family == 1 else f"{family} measured claims"
        holm = f"by Holm's step-down over {among} {show_p(adjusted)}"
        if adjusted <= level:
            found["reasons"] = [*verdict.reasons, f"{holm}: the accusation stands"]
        else:
            found["verdict"] = "INCONCLUSIVE"
            found["note"] = ", ".join(filter(None, [verdict.note, "not after Holm"]))
            said = verdict.evidence.sentence.replace("NOT_REPRODUCED", "INCONCLUSIVE")
            because = f"not after Holm's step-down over {family} claims"
            said = f"{said[:-1]}, {because})" if said.endswith(")") else f"{said} ({because})"
            found["evidence"] = verdict.evidence.model_copy(update={"sentence": said})
            found["reasons"] = [*verdict.reasons, f"{holm}, over {level:.2f}: no accusation, more seeds must tell"]
    return verdict.model_copy(update=found)
