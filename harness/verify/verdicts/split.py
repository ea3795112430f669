"""Dev or test: a claim that was published on development sets is decided where test sets and development sets agree.

Test scores are judged. Where some of the claim's targets have development sets of their own in all their languages, the
rule is asked again with these in place of the test sets of the same targets. If it gives another word, the split that
was chosen would have decided, so nothing is.
"""

from __future__ import annotations

from harness.verify.claims.claim import Claim
from harness.verify.claims.evidence import Development
from harness.verify.claims.measurement import Outcome

DECIDED = ("REPRODUCED", "NOT_REPRODUCED")
BY_TEST = (
    "published on development sets, decided by test sets: no target here has development scores that count in all"
    " languages that it is tested in"
)


def hold_split(claim: Claim, outcome: Outcome, found: Development | None) -> Outcome:
    """The outcome; INCONCLUSIVE, with both values, where development sets give another word than test sets.

    `found`: what development sets say of the claim; None where nothing is known of them. Only a decided outcome
    changes; a claim of another split stays as it is.
    """
    if claim.source.split != "development" or outcome.verdict not in DECIDED:
        return outcome
    if found is None or not found.targets:
        return outcome.model_copy(update={"reasons": [*outcome.reasons, BY_TEST]})
    is_share = claim.check.unit == "share"
    test = f"{_shown(outcome.measured, outcome.interval, is_share)}: {outcome.verdict}"
    dev = f"{_shown(found.measured, found.interval, is_share)}: {found.verdict}"
    both = f"by test sets {test}; with the development sets of {', '.join(found.targets)} in their place {dev}"
    if found.verdict == outcome.verdict:
        return outcome.model_copy(update={"reasons": [*outcome.reasons, f"{both}; they agree"]})
    note = ", ".join(filter(None, [outcome.note, "dev and test disagree"]))
    said = {"verdict": "INCONCLUSIVE", "note": note, "reasons": [*outcome.reasons, f"{both}; so neither decides"]}
    return outcome.model_copy(update=said)


def _shown(value: float | None, interval: tuple[float, float] | None, is_share: bool) -> str:
    if value is None:
        return "nothing"
    ends = "" if interval is None else f" [{', '.join(_point(end, is_share) for end in interval)}]"
    return f"{_point(value, is_share)}{ends}"


def _point(value: float, is_share: bool) -> str:
    return f"{value:.0%}" if is_share else f"{value:+z.1f}"
