"""Level V0: does a result's score follow from its parts, do its status and its numbers agree, does it belong here?

The same questions are put to the cells of a run and to pinned ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.audit.integrity.findings import SCORE_TOLERANCE
from harness.experiment.inputs import ENCODER_FILES
from harness.project.errors import HarnessError, name_some
from harness.project.results import Result
from harness.verify.scores import score_target

NAMED = ("params", "code", "data", "checkpoint", *ENCODER_FILES)
"""What went into every cell that ran; without one of them copies and mixtures could not be told."""
SHA256 = re.compile("[0-9a-f]{64}")


def check_result(
    result: Result, profile: str, groups: Mapping[str, str], metrics: Mapping[str, str], fix: str
) -> Iterator[str]:
    """Sentences on what is wrong with one result; `groups`, `metrics`: of its target, `fix`: what mends it."""
    name, target = result.cell.id, result.cell.target
    if result.profile != profile:
        yield f"expected profile {profile} in cell {name}, found {result.profile}; {fix}"
    if result.status in ("failed", "unavailable"):
        unexplained = result.status == "unavailable" and not result.reasons
        if result.score is not None or result.predictions is not None or unexplained:
            found = "a score, predictions or no reason"
            yield f"expected only the reason in {result.status} cell {name}, found {found}; {fix}"
        return
    if unnamed := [key for key in NAMED if not SHA256.fullmatch(result.inputs.get(key, ""))]:
        yield f"expected the sha256 of what went into cell {name}, found none of {name_some(unnamed)}; {fix}"
    if result.score is None or result.predictions is None:
        yield f"expected score and predictions in cell {name}, found status {result.status} without them; {fix}"
        return
    try:
        follows = score_target(result.scores, groups.get(target, "none"), metrics.get(target))
    except HarnessError as error:
        yield f"cell {name}: {str(error).rstrip('.')}"
        return
    if not abs(follows - result.score) <= SCORE_TOLERANCE:
        yield f"expected score {follows:.4f} in cell {name} by its languages, found {result.score:.4f}; {fix}"
