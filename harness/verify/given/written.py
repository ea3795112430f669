"""Claims as a file holds them, from claims as they were judged: the inverse of reading a file of claims.

A number keeps all of its digits, so that whoever reads the file judges the same claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import yaml
from pydantic import ValidationError

from harness.project.errors import HarnessError, explain_validation
from harness.verify.given.claim import GivenClaim
from harness.verify.given.claims_file import ClaimEntry, ClaimsFile
from harness.verify.given.words import Amount, Bound, Expected
from harness.verify.statistics.design import STANDARD, Design


def claims_as_file(
    claims: Sequence[GivenClaim],
    *,
    baseline: str | None = None,
    split: str | None = None,
    metric: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    design: Design = STANDARD,
) -> ClaimsFile:
    """Claims and all that says what is compared; arguments are those of `judge_table`.

    Raises HarnessError for a claim that no file can hold, as one whose id has blanks.
    """
    try:
        return ClaimsFile(
            claims=[_entry(claim) for claim in claims],
            baseline=baseline,
            split=split,
            metric=metric,
            tasks=[*tasks],
            languages=[*languages],
            looks=[*design.looks],
            spending=design.spending,
        )
    except ValidationError as error:
        raise HarnessError(explain_validation(error, ClaimsFile, "the claims"), fix="rename it") from None


def claims_text(claims: ClaimsFile) -> str:
    """The claims as YAML; what is as in every file is left out, but the looks."""
    content = claims.model_dump(mode="json", exclude_defaults=True) | {"looks": claims.looks}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _entry(claim: GivenClaim) -> ClaimEntry:
    return ClaimEntry(
        id=claim.id,
        claim=in_words(claim.expected),
        says=claim.says,
        method=claim.method,
        methods=claim.methods,
        baseline=claim.baseline,
        tasks=claim.tasks,
        runs=claim.runs,
    )


def in_words(expected: Expected) -> str:
    """What is expected, in words that `parse_claim` reads back to the last digit."""
    points = _plain(expected.points)
    if isinstance(expected, Amount):
        return f"{points} +- {_plain(expected.margin_points, sign='')}"
    if isinstance(expected, Bound):
        return f"{expected.side} {points}"
    over = f" {expected.over}" if expected.over else ""
    return f"{expected.k} of {expected.of}{over} above {points}"


def _plain(number: float, sign: str = "+") -> str:
    """All digits, without an exponent."""
    return f"{Decimal(repr(number)):{sign}f}"
