"""`harness verify`: the levels in order.

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

from harness.audit.choosing import read_choosing
from harness.audit.exit_codes import exit_code, planted_here
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
from harness.verify.verdicts.planted import planted, published
from harness.verify.verdicts.replication import hold_replications
from harness.verify.verdicts.strength import hold_evidence
from harness.verify.verdicts.verdict import ClaimVerdict, Level, verdict_on

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
    note = "the pinned results are the ones judged"
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
        return _no_comparison("the pinned results are the ones judged")
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
        exit_code=exit_code(judged.v0, compared.v2, verdicts, planted_here(claims, params, judged)),
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
