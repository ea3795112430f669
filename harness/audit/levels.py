"""`harness verify`: the levels in order, and the exit code.

V0 (integrity) of the results that harness.audit.subject finds comes first, then V1 and V2 (against the pinned ones:
the same predictions on the same class of machine, scores within a tolerance elsewhere), then V3, claim by claim, and
the accusations once more together (Holm). Cells are run again, which is level V1 too, where that is asked for, by
harness.audit.rerun. There is no way round a level that fails. Claims that are facts of the data are decided by the
pins of the published files, whichever profile is active, whatever was run and where nothing was.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harness.audit.facts_here import read_facts
from harness.audit.integrity.findings import Integrity
from harness.audit.integrity.pinned import check_pinned
from harness.audit.repeat.compare_rerun import Rerun
from harness.audit.repeat.items import Outcomes, kept_items
from harness.audit.repeat.same_bytes import SameBytes, compare_bytes
from harness.audit.repeat.same_scores import SameScores, compare_scores, constant_answers
from harness.audit.rules import other_rules, shipped_recipes
from harness.audit.scope import left_out_of_mixture
from harness.audit.subject import Judged, find_results
from harness.audit.verification import GridSize, Part, Verification
from harness.project.errors import HarnessError, name_some
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import MANIFEST
from harness.project.profiles import describe_data, describe_encoder
from harness.project.results import Result, grid_cells
from harness.verify.claims.claim import Claim
from harness.verify.claims.facts import Facts
from harness.verify.claims.registry import CLAIMS, find_claim, read_claims
from harness.verify.measure.development import read_development
from harness.verify.scores import ScoresTable, read_table
from harness.verify.verdicts.accusations import hold_accusations
from harness.verify.verdicts.evidence import cells_of
from harness.verify.verdicts.judge import invalid, judge, untested
from harness.verify.verdicts.strength import ENOUGH, hold_evidence
from harness.verify.verdicts.verdict import ClaimVerdict, Level

EXIT_REPRODUCED, EXIT_NOT_REPRODUCED, EXIT_INCONCLUSIVE, EXIT_INVALID = 0, 1, 2, 3
NOTHING = "nothing to check: no cell has run here and nothing is pinned"


@dataclass(frozen=True)
class Comparison:
    """Levels V1 and V2, each with why there is none, in words."""

    v1: SameBytes | None
    v1_note: str
    v2: SameScores | None
    v2_note: str


def verify_all(params: Params, paths: Paths, quick: bool = False) -> Verification:
    """Judge the run of the active profile, or the pinned results where nothing has run; where there are none either,
    the facts of the data are all that is decided.

    A quick look hashes no large file and computes no metric again; level V0 then says what it left out.
    Raises HarnessError if the registry of claims doesn't load.
    """
    return verify_results(find_results(params, paths, quick), params, paths)


def verify_results(
    judged: Judged,
    params: Params,
    paths: Paths,
    here: Paths | None = None,
    part: Part | None = None,
    rerun: Rerun | None = None,
) -> Verification:
    """Levels V1 to V3 on results that were checked. Raises HarnessError if the registry of claims doesn't load.

    `here`: where the pinned results lie that an archive is compared with; None if there are none. `part`: the results
    are those that this one claim needs, and no other claim is judged. `rerun`: cells of these results that ran again.
    """
    claims = read_claims(paths.reference / CLAIMS)
    if part is not None:
        compared = _compare_part(judged, params, paths, part)
        found = _conclude([find_claim(part.claim, claims)], params, paths, judged, compared, part)
        return found.model_copy(update={"part": part})
    if judged.source == "nothing":
        return _conclude(claims, params, paths, judged, _no_comparison(NOTHING))
    if judged.source != "pinned":
        return _conclude(claims, params, paths, judged, _against_pinned(judged, params, paths, here), rerun=rerun)
    note = "the pinned results are the ones judged: nothing has run here yet"
    more = ""
    if judged.table and [row.cell for row in judged.table.cells] != grid_cells(params):
        more = "; params.yaml asks for another grid by now"
    return _conclude(claims, params, paths, judged, Comparison(None, note, None, note + more), rerun=rerun)


def _compare_part(judged: Judged, params: Params, paths: Paths, part: Part) -> Comparison:
    """Levels V1 and V2 on the cells of one claim, or why there are none."""
    if not part.there:
        return _no_comparison("the claim needs no cell of this grid")
    if judged.source == "nothing":
        return _no_comparison("nothing to check: none of its cells has run here and nothing is pinned")
    if judged.source == "pinned":
        return _no_comparison("the pinned results are the ones judged: none of its cells has run here yet")
    return _against_pinned(judged, params, paths, None)


def _against_pinned(judged: Judged, params: Params, paths: Paths, here: Paths | None) -> Comparison:
    """Levels V1 and V2 of a run, or of an archive against the pinned results of the checkout `here`."""
    table = judged.table
    if table is None:
        return _no_comparison("needs V0")
    kept, found = (paths, judged.pinned) if judged.source == "run" else (here, None)
    if kept is None:
        return _no_comparison("no checkout here whose pinned results these could be compared with")
    if found is None and judged.source == "crate" and (kept.pinned / MANIFEST).is_file():
        found = check_pinned(kept.pinned)
    if found is None:
        return _no_comparison(f"nothing is pinned for profile {table.profile}")
    if found.table is None:
        raise HarnessError(
            f"expected sound pinned results to compare with, found: {found.integrity.problems[0]}",
            fix=f"run `git checkout -- reference/{table.profile}`",
        )
    v1, v1_note = compare_bytes(judged.checked.results, found.results)
    results, pins = judged.checked.results, found.results
    v2 = compare_scores(
        table,
        found.table,
        copies={name for name, result in results.items() if pins.get(name) == result},
        items=lambda name: _items(paths, judged.holds, name, results),
        pinned_items=lambda name: _items(kept, "pinned", name, pins),
        constant=constant_answers(table.targets, paths.tasks),
    )
    return Comparison(v1, v1_note, v2, "")


def _items(paths: Paths, holds: Literal["run", "pinned"], name: str, results: Mapping[str, Result]) -> Outcomes | None:
    """What a cell of a run, or of pinned results, keeps of its items."""
    if name not in results or "items" not in results[name].kept:
        return None
    return kept_items(paths, holds, name)


def _no_comparison(note: str) -> Comparison:
    return Comparison(None, note, None, note)


def _conclude(
    claims: list[Claim],
    params: Params,
    paths: Paths,
    judged: Judged,
    compared: Comparison,
    part: Part | None = None,
    rerun: Rerun | None = None,
) -> Verification:
    facts, table = read_facts(claims, paths), judged.table
    levels = evidence_levels(judged, rerun)
    if judged.source == "nothing":
        verdicts = [untested(claim, params, facts) for claim in claims]
    elif table is None:
        verdicts = [invalid(claim, facts) for claim in claims]
    else:
        shipped = shipped_recipes(paths.root, params.profile)
        smaller = left_out_of_mixture(params, shipped)
        verdicts = _judge_all(claims, params, table, judged.checked.results, facts, part, smaller)
        verdicts = hold_evidence(verdicts, levels)
    used = [name for verdict in verdicts for name in verdict.evidence.cells]
    return Verification(
        profile=params.profile,
        encoder=table.encoder if table else describe_encoder(params),
        data=table.data if table else describe_data(params),
        grid=_grid(params, table),
        judged=judged.source,
        rules=other_rules(paths.root, params),
        evidence=dict(Counter(levels.values())),
        v0=judged.v0,
        v1=compared.v1,
        v1_note=compared.v1_note,
        v2=compared.v2,
        v2_note=compared.v2_note,
        rerun=rerun,
        claims=verdicts,
        cells=cells_of(table, used) if table else {},
        registry_sha256=hashlib.sha256((paths.reference / CLAIMS).read_bytes()).hexdigest(),
        exit_code=exit_code(judged.v0, compared.v2, verdicts),
    )


def _judge_all(
    claims: list[Claim],
    params: Params,
    table: ScoresTable,
    results: Mapping[str, Result],
    facts: Facts,
    part: Part | None,
    smaller: Mapping[str, dict[str, str]],
) -> list[ClaimVerdict]:
    """`smaller`: recipe -> the tasks that the profile's mixture of that name does without."""
    scores = read_table(table)
    left_out = {name: scores.left_out.get(name, {}) | smaller.get(name, {}) for name in {**scores.left_out, **smaller}}
    scores = replace(scores, left_out=left_out)
    development = read_development(table, results, scores)
    if part is not None:  # what the grid has beyond this part is not lacking, only not looked at
        beyond = [recipe for recipe in params.grid.recipes if recipe not in part.there]
        recipes = list(dict.fromkeys([*scores.recipes, *beyond]))
        scores = replace(scores, recipes=recipes, targets=params.grid.targets)
    return hold_accusations([judge(claim, scores, facts, development) for claim in claims])


def _grid(params: Params, table: ScoresTable | None) -> GridSize:
    of, cells = (params.grid, len(params.grid.cells)) if table is None else (table, len(table.cells))
    whole = len(of.recipes) * len(of.targets) * len(of.seeds)
    return GridSize(
        recipes=of.recipes, targets=of.targets, seeds=of.seeds, cells=cells if cells < whole and table else None
    )


def evidence_levels(judged: Judged, rerun: Rerun | None = None) -> dict[str, Level]:
    """Cell -> how its numbers are known here, of every judged cell that has a score."""
    again = {one.cell.id for one in rerun.cells if one.repeats} if rerun else set()
    if judged.table is None:
        return {}
    return {
        row.cell.id: "re-run here" if row.cell.id in again else _level(row.cell.id, judged.v0)
        for row in judged.table.cells
        if row.score is not None
    }


def _level(name: str, v0: Integrity) -> Level:
    if v0.skipped:  # a quick look: not even the hash was computed
        return "scores only"
    return "hash only" if name in v0.not_rescored else "re-scored here"


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


def exit_code(v0: Integrity, v2: SameScores | None, verdicts: list[ClaimVerdict]) -> int:
    """3 invalid, else 1 something is not reproduced, else 2 something is undecided, else 0.

    Claims that are NOT_TESTED and cells that are not pinned decide nothing; pinned cells made from other
    inputs, far away and from another encoder, or beyond what their pinned seeds can tell, leave V2 undecided.
    """
    found = {verdict.verdict for verdict in verdicts}
    if not v0.ok or "INVALID" in found:
        return EXIT_INVALID
    if "NOT_REPRODUCED" in found or (v2 is not None and not v2.ok):
        return EXIT_NOT_REPRODUCED
    if found & {"INCONCLUSIVE", "UNDERPOWERED"} or (v2 is not None and v2.is_open):
        return EXIT_INCONCLUSIVE
    return EXIT_REPRODUCED
