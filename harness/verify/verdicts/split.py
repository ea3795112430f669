"""Dev or test: a claim that was published on development sets is decided where test sets and development sets agree.

Test scores are judged. Where some of the claim's targets have development sets of their own in all their languages, the
rule is asked again with these in place of the test sets of the same targets. If it gives another word, the split that
was chosen would have decided, so nothing is. Nor is it where there are such sets and cells don't show their scores.
"""

from __future__ import annotations

from harness.project.errors import name_some
from harness.verify.claims.claim import Claim
from harness.verify.claims.evidence import Development
from harness.verify.claims.measurement import Outcome
from harness.verify.verdicts.verdict import DECIDED

BY_TEST = (
    "published on development sets, decided by test sets: no target here has development scores that count in all"
    " languages that it is tested in"
)


def hold_split(claim: Claim, outcome: Outcome, found: Development | None) -> Outcome:
    """The outcome; INCONCLUSIVE, with both values, where development sets give another word than test sets, and where
    cells withhold what their development sets say.

    `found`: what development sets say of the claim; None where nothing is known of them. Only a decided outcome
    changes; a claim of another split stays as it is.
    """
    if claim.source.split != "development" or outcome.verdict not in DECIDED:
        return outcome
    if found is not None and found.withheld:
        named = name_some(found.withheld)
        why = (
            f"published on development sets, and cells of targets that have such rows in all languages show no scores"
            f" of them that count ({named}): what these say is not known, so nothing is decided"
        )
        return _left_open(outcome, "dev scores not shown", why)
    if found is None or not found.targets:
        return outcome.model_copy(update={"reasons": [*outcome.reasons, BY_TEST]})
    is_share = claim.check.unit == "share"
    test = f"{_shown(outcome.measured, outcome.interval, is_share)}: {outcome.verdict}"
    dev = f"{_shown(found.measured, found.interval, is_share)}: {found.verdict}"
    both = f"by test sets {test}; with the development sets of {', '.join(found.targets)} in their place {dev}"
    if found.verdict == outcome.verdict:
        return outcome.model_copy(update={"reasons": [*outcome.reasons, f"{both}; they agree"]})
    return _left_open(outcome, "dev and test disagree", f"{both}; so neither decides")


def _left_open(outcome: Outcome, note: str, why: str) -> Outcome:
    note = ", ".join(filter(None, [outcome.note, note]))
    said = {"verdict": "INCONCLUSIVE", "note": note, "reasons": [*outcome.reasons, why]}
    return outcome.model_copy(update=said)


def _shown(value: float | None, interval: tuple[float, float] | None, is_share: bool) -> str:
    if value is None:
        return "nothing"
    ends = "" if interval is None else f" [{', '.join(_point(end, is_share) for end in interval)}]"
    return f"{_point(value, is_share)}{ends}"


def _point(value: float, is_share: bool) -> str:
    return f"{value:z.0%}" if is_share else f"{value:+z.1f}"
