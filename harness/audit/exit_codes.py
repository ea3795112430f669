"""The exit code of `harness verify`, and what `--strict` fails on besides."""

from __future__ import annotations

from collections.abc import Collection

from harness.audit.integrity.findings import Integrity
from harness.audit.repeat.same_scores import SameScores
from harness.audit.subject import Judged
from harness.audit.verification import Verification
from harness.project.errors import name_some
from harness.project.params import Params
from harness.verify.claims.claim import Claim
from harness.verify.claims.registry import named_recipes
from harness.verify.verdicts.planted import compare_with_truth, planted, published
from harness.verify.verdicts.strength import ENOUGH
from harness.verify.verdicts.verdict import ClaimVerdict

EXIT_REPRODUCED, EXIT_NOT_REPRODUCED, EXIT_INCONCLUSIVE, EXIT_INVALID = 0, 1, 2, 3


def strict_problems(found: Verification) -> list[str]:
    """What `--strict` fails on besides: other rules, weak evidence, cells that look like copies, NOT_TESTED claims."""
    weak = sum(count for level, count in found.evidence.items() if level not in ENOUGH)
    untested = [claim.id for claim in found.claims if claim.verdict == "NOT_TESTED"]
    crate = found.crate
    return [
        *(["judged by other rules than the shipped ones"] if found.rules else []),
        *([f"{weak} cells are known by less than re-scoring"] if weak else []),
        *([f"{len(found.v0.suspicious)} findings look like copies"] if found.v0.suspicious else []),
        *(["recipes and their baseline ran on other classes of machines"] if found.v0.machines else []),
        *(["only a part of the rows was scored"] if found.v0.cut else []),
        *([f"{len(untested)} claims are NOT_TESTED ({name_some(untested)})"] if untested else []),
        *([f"the archive says {len(crate.contradicts)} things otherwise"] if crate and crate.contradicts else []),
    ]


def strictly(found: Verification) -> Verification:
    """The same, with exit code 2 where only `--strict` fails; 1 and 3 stay."""
    problems = strict_problems(found)
    code = EXIT_INCONCLUSIVE if problems and found.exit_code == EXIT_REPRODUCED else found.exit_code
    return found.model_copy(update={"strict": problems, "exit_code": code})


def planted_here(claims: list[Claim], params: Params, judged: Judged) -> set[str]:
    """The laboratory's own claims that the grid has the recipes of; none where nothing is judged."""
    if judged.source == "nothing":
        return set()
    grid = {*params.grid.recipes, *(judged.table.recipes if judged.table else [])}
    return {claim.id for claim in claims if claim.truth and grid.issuperset(named_recipes(claim))}


def exit_code(
    v0: Integrity, v2: SameScores | None, verdicts: list[ClaimVerdict], here: Collection[str] = frozenset()
) -> int:
    """3 invalid, else 1 something is not reproduced or a fact refuted, else 2 something is undecided, else 0.

    Claims that are NOT_TESTED and cells that are not pinned decide nothing, and what is found out of a claim's scope
    (its replication) is no verdict on it. Pinned cells made from other inputs, far away and from another encoder, or
    beyond what their pinned seeds can tell, leave V2 undecided. A claim of the laboratory's own is right or not: as
    planted it counts for nothing whatever its word, else as not reproduced, or as undecided where nothing counts. Not
    tested it is undecided too if it is one of those `here`, whose recipes the grid has.
    """
    found = {verdict.verdict for verdict in published(verdicts)}
    own = {compare_with_truth(verdict) for verdict in planted(verdicts)}
    untested = any(verdict.id in here and verdict.verdict == "NOT_TESTED" for verdict in planted(verdicts))
    if not v0.ok or any(verdict.verdict == "INVALID" for verdict in verdicts):
        return EXIT_INVALID
    wrong = found & {"NOT_REPRODUCED", "REFUTED"} or "NOT AS PLANTED" in own
    if wrong or (v2 is not None and not v2.ok):
        return EXIT_NOT_REPRODUCED
    undecided = found & {"INCONCLUSIVE", "UNDERPOWERED"} or "open" in own or untested
    if undecided or (v2 is not None and v2.is_open):
        return EXIT_INCONCLUSIVE
    return EXIT_REPRODUCED
