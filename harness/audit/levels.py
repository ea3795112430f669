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
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harness.audit.choosing import read_choosing
from harness.audit.facts_here import read_facts
from harness.audit.integrity.findings import Checked, Integrity
from harness.audit.integrity.pinned import check_pinned
from harness.audit.repeat.compare_rerun import Rerun
from harness.audit.repeat.items import Outcomes, kept_items
from harness.audit.repeat.same_bytes import SameBytes, compare_bytes, is_copy
from harness.audit.repeat.same_scores import SameScores, compare_scores, constant_answers
from harness.audit.rules import other_rules, shipped_recipes
from harness.audit.scope import left_out_of_mixture
from harness.audit.subject import Judged, find_results
from harness.audit.verification import GridSize, Part, Verification
from harness.project.errors import HarnessError, name_some
from harness.project.params import BASELINE, Params
from harness.project.paths import Paths
from harness.project.pinned import MANIFEST
from harness.project.profiles import describe_data, describe_encoder
from harness.project.results import Result, grid_cells
from harness.verify.claims.claim import Claim
from harness.verify.claims.facts import Facts
from harness.verify.claims.registry import CLAIMS, find_claim, named_recipes, read_judged_claims
from harness.verify.published.arithmetic import follow_all
from harness.verify.published.rows import PAPER, PublishedRow, read_published
from harness.verify.scores import ScoresTable, read_table
from harness.verify.show.answer import answer
from harness.verify.statistics.design import DESIGN, Design, read_design
from harness.verify.verdicts.accusations import hold_accusations
from harness.verify.verdicts.evidence import cells_of
from harness.verify.verdicts.judge import invalid, judge, untested
from harness.verify.verdicts.planted import compare_with_truth, planted, published
from harness.verify.verdicts.replication import hold_replications
from harness.verify.verdicts.strength import ENOUGH, hold_evidence
from harness.verify.verdicts.verdict import ClaimVerdict, Level, verdict_on

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
    family: ScoresTable | None = None,
) -> Verification:
    """Levels V1 to V3 on results that were checked. Raises HarnessError if the registry of claims doesn't load.

    `here`: where the pinned results lie that an archive is compared with; None if there are none. `part`: the results
    are those that this one claim needs, and no other is told; `family`: scores of whatever cells are there, by which
    the registry's other claims are judged for Holm's step-down. `rerun`: cells of these results that ran again.
    """
    ran = judged.table.recipes if judged.table else []
    claims = read_judged_claims(paths.reference, {*params.grid.recipes, *ran}, part.claim if part else None)
    if part is not None:
        compared = _compare_part(judged, params, paths, part)
        found = _conclude(claims, params, paths, judged, compared, part, family=family)
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
        copies={name for name, result in results.items() if is_copy(result, pins.get(name))},
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
    family: ScoresTable | None = None,
) -> Verification:
    """`part`: of all claims, the one that it is of is told; the others count in Holm's step-down."""
    facts, table = read_facts(claims, paths), judged.table
    levels = evidence_levels(judged, rerun)
    if judged.source == "nothing":
        verdicts = [untested(claim, params, facts) for claim in claims]
    elif table is None:
        verdicts = [invalid(claim, facts) for claim in claims]
    else:
        shipped = shipped_recipes(paths.root, params.profile)
        smaller = left_out_of_mixture(params, shipped)
        rows = read_published(paths.reference / PAPER)
        given = _Given(params, facts, smaller, read_design(paths.reference / DESIGN), rows)
        verdicts = _judge_all(claims, table, judged.checked, given, part, family)
        verdicts = hold_evidence(verdicts, levels)
    if part is not None:
        verdicts = [verdict for verdict in verdicts if verdict.id == part.claim]
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
        answer=answer(verdicts),
        claims=verdicts,
        arithmetic=[one for one in follow_all(paths.reference) if {each.id for each in verdicts} & {*one.claims}],
        cells=cells_of(table, used) if table else {},
        registry_sha256=hashlib.sha256((paths.reference / CLAIMS).read_bytes()).hexdigest(),
        exit_code=exit_code(judged.v0, compared.v2, verdicts, _planted_here(claims, params, judged)),
    )


@dataclass(frozen=True)
class _Given:
    """What every claim of a verification is judged by, beside scores."""

    params: Params
    facts: Facts
    smaller: Mapping[str, dict[str, str]]
    """Recipe -> the tasks that the profile's mixture of that name does without."""
    design: Design
    published: Mapping[str, PublishedRow]


def _judge_all(
    claims: list[Claim],
    table: ScoresTable,
    checked: Checked,
    given: _Given,
    part: Part | None,
    scored: ScoresTable | None,
) -> list[ClaimVerdict]:
    """Every claim's verdict. With a `part` the others are judged by `scored`, or count as not tested without one."""
    if part is None:
        verdicts = _judge_by(claims, table, checked, given, None)
    else:
        named = find_claim(part.claim, claims)
        others = [claim for claim in claims if claim is not named]
        (one,) = _judge_by([named], table, checked, given, part)
        judged = _judge_by(others, scored or table.model_copy(update={"cells": []}), checked, given, None)
        by_id = {verdict.id: verdict for verdict in [one, *judged]}
        verdicts = [by_id[claim.id] for claim in claims]
    level = given.design.level
    families = (published(verdicts), planted(verdicts))  # each is corrected for its own number of claims
    return [one for family in families for one in hold_replications(hold_accusations(family, level), level)]


def _judge_by(
    claims: list[Claim], table: ScoresTable, checked: Checked, given: _Given, part: Part | None
) -> list[ClaimVerdict]:
    scores, grid = read_table(table), given.params.grid
    names = {**scores.left_out, **given.smaller}
    left_out = {name: scores.left_out.get(name, {}) | given.smaller.get(name, {}) for name in names}
    scores = replace(scores, left_out=left_out)
    development, halves = read_choosing(claims, table, checked, scores)
    scores = replace(scores, dev_by_pair=development.scores.by_pair, halves=halves)
    if part is not None:  # what the grid has beyond this part is not lacking, only not looked at
        beyond = [recipe for recipe in grid.recipes if recipe not in part.there]
        recipes = list(dict.fromkeys([*scores.recipes, *beyond]))
        scores = replace(scores, recipes=recipes, targets=grid.targets)
    verdicts = [judge(claim, scores, given.facts, development, given.design, given.published) for claim in claims]
    return [hold_planted(claim, one, table, given.params) for claim, one in zip(claims, verdicts, strict=True)]


def hold_planted(claim: Claim, verdict: ClaimVerdict, table: ScoresTable, params: Params) -> ClaimVerdict:
    """The verdict; NOT_TESTED where one of the laboratory's own claims names a recipe that nothing is planted in.

    Its truth is known of planted effects alone: the settings must plant them, and every cell must name them (`planted`
    among its inputs).
    """
    if claim.truth is None or verdict.verdict == "NOT_TESTED":
        return verdict
    why = []
    for name in named_recipes(claim):
        if name == BASELINE:
            continue
        recipe = params.recipes.get(name)
        cells = [row.cell.id for row in table.cells if row.cell.recipe == name and row.score is not None]
        bare = [row.cell.id for row in table.cells if row.cell.id in cells and "planted" not in row.inputs]
        if recipe is None or not recipe.planted:
            why.append(f"the settings plant nothing in the recipe `{name}`, so what is right of it is not known")
        elif bare:
            why.append(f"cells of the recipe `{name}` name no planted effect among their inputs: {name_some(bare)}")
    return verdict_on(claim, "NOT_TESTED", note="not planted", reasons=why) if why else verdict


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


def _planted_here(claims: list[Claim], params: Params, judged: Judged) -> set[str]:
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
