"""What the exit code of `harness verify` means, in words."""

from __future__ import annotations

from harness.audit.exit_codes import EXIT_INCONCLUSIVE, EXIT_NOT_REPRODUCED, EXIT_REPRODUCED
from harness.audit.verification import Verification
from harness.verify.verdicts.planted import compare_with_truth, planted, published

UNDECIDED = ("INCONCLUSIVE", "UNDERPOWERED")
EXIT_MEANINGS = {
    0: "everything that was decided is reproduced or confirmed",
    1: "something is not reproduced, or refuted",
    2: "something is undecided",
    3: "invalid: nothing is concluded",
}


def exit_meaning(v: Verification) -> str:
    """What the exit code means here: of published claims in their words, of planted effects by whether they fit."""
    theirs, own = published(v.claims), [compare_with_truth(claim) for claim in planted(v.claims)]
    said = [EXIT_MEANINGS[v.exit_code]]
    if v.exit_code == EXIT_REPRODUCED and "as planted" in own:
        said = [f"{EXIT_MEANINGS[0]}, planted effects as planted" if theirs else "planted effects came out as planted"]
    elif v.exit_code == EXIT_NOT_REPRODUCED and "NOT AS PLANTED" in own:
        said = [*(said if _differs(v) else []), "a planted effect did not come out as planted"]
    elif v.exit_code == EXIT_INCONCLUSIVE and v.strict:
        said = [*(said if _undecided(v) else []), "--strict fails"]
    untested = sum(claim.verdict == "NOT_TESTED" for claim in v.claims)
    return "; ".join([*said, *([f"{untested} of {len(v.claims)} claims NOT_TESTED"] if untested else [])])


def _differs(v: Verification) -> bool:
    """Is something found beside planted effects that is exit code 1?"""
    wrong = any(claim.verdict in ("NOT_REPRODUCED", "REFUTED") for claim in published(v.claims))
    return wrong or (v.v2 is not None and not v.v2.ok) or (v.rerun is not None and not v.rerun.ok)


def _undecided(v: Verification) -> bool:
    """Is something found that is exit code 2 without `--strict`?"""
    own = {compare_with_truth(claim) for claim in planted(v.claims)}
    is_open = any(claim.verdict in UNDECIDED for claim in published(v.claims)) or "open" in own
    untested = "not tested" in own and v.judged != "nothing"
    return is_open or untested or bool((v.v2 and v.v2.is_open) or (v.rerun and v.rerun.is_open))
