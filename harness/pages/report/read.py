"""Fills the record of the HTML report from the results that `harness verify` judges.

Nothing is computed anew: verdicts are the verification's own, means and intervals those of harness.verify. Results
that level V0 finds unsound give no number; the page then shows what is wrong with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import ValidationError

from harness.audit.levels import verify_results
from harness.audit.scope import without_planted
from harness.audit.subject import Judged, find_results
from harness.audit.verification import Verification
from harness.pages.degradation.languages import laboratory_languages, laboratory_source
from harness.pages.origin import origin_of
from harness.pages.report.cells import pairs_of
from harness.pages.report.examples import examples_of
from harness.pages.report.layers import layer_curves
from harness.pages.report.rates import error_rates
from harness.pages.report.record import Card, ClaimShown, FileHash, Report
from harness.pages.study.parts import LanguageGains, deciding_of, languages_of
from harness.pages.study.rate_gains import is_rate_variant
from harness.project.errors import HarnessError, explain_validation
from harness.project.params import BASELINE, Params
from harness.project.paths import Paths
from harness.project.pinned import MANIFEST
from harness.project.results import Cell, grid_cells
from harness.verify.claims.registry import CLAIMS, read_all_claims
from harness.verify.languages.registration import (
    LANGUAGES_FILE,
    REGISTRATION_FILE,
    load_languages,
    load_registration,
)
from harness.verify.measure.development import SOURCE_LANGUAGE
from harness.verify.scores import ScoresTable, read_table
from harness.verify.show.derivation import derivation
from harness.verify.statistics.design import DESIGN, read_design
from harness.verify.verdicts.planted import compare_with_truth, published
from harness.verify.verdicts.verdict import ClaimVerdict, Level

WEAKEST_FIRST: tuple[Level, ...] = ("scores only", "hash only", "re-scored here", "re-run here")
RATES = "docs/verifier.md"
"""The page that holds the verifier's error rates."""
RESTS_ON = ("profiles/{profile}.yaml", f"reference/{CLAIMS}", f"reference/{DESIGN}", "reference/lab_claims.yaml")
"""Files of the repository that verdicts rest on, besides the results."""


def read_report(params: Params, paths: Paths) -> Report:
    """The report on what `harness verify` judges; where nothing has run and nothing is pinned, on facts alone.

    Raises HarnessError if the registry of claims doesn't load.
    """
    judged = find_results(params, paths)
    return make_report(judged, verify_results(judged, params, paths), params, paths)


def read_report_of(verification: Verification, params: Params, paths: Paths) -> Report:
    """The same where the results were judged just before, as by the pipeline's stage: no metric is computed again."""
    return make_report(find_results(params, paths, quick=True), verification, params, paths)


def read_verdicts(paths: Paths) -> Verification:
    """The verification that the stage `verdicts` wrote. Raises HarnessError if it is missing or of another schema."""
    fix = "run `dvc repro verdicts`"
    try:
        return Verification.model_validate_json(paths.verdicts.read_bytes())
    except OSError:
        raise HarnessError(f"expected verdicts at {paths.verdicts}, found none", fix=fix) from None
    except ValidationError as error:
        raise HarnessError(explain_validation(error, Verification, str(paths.verdicts)), fix=fix) from None


def make_report(judged: Judged, verification: Verification, params: Params, paths: Paths) -> Report:
    """The record of results that were checked and judged."""
    v = verification
    table = without_planted(judged.table) if judged.table else None
    grid = [row.cell for row in table.cells] if table else _whole_grid(params, judged)
    recipes = list(dict.fromkeys(cell.recipe for cell in grid))
    shown = _claims(v, paths)
    has_results = bool(judged.checked.results) and judged.source in ("run", "pinned")
    return Report(
        title=params.title,
        verification=v,
        about=_about(v),
        cards=_cards(v),
        claims=[one for one in shown if one.verdict.truth is None and not one.verdict.is_unmeasured],
        facts=[one for one in shown if one.verdict.truth is None and one.verdict.is_unmeasured],
        planted=[one for one in shown if one.verdict.truth is not None],
        recipes=recipes,
        targets=list(dict.fromkeys(cell.target for cell in grid)),
        pairs=pairs_of(grid, judged.checked.results, table),
        languages=_languages(table, params, paths) if table else [],
        layers=layer_curves(judged, recipes, params, paths) if table else [],
        rates=error_rates(paths.root / RATES),
        examples=examples_of(judged, recipes, params, paths) if table else [],
        origin=origin_of(judged, paths) if has_results else None,
        files=_files(judged, paths),
    )


def _whole_grid(params: Params, judged: Judged) -> list[Cell]:
    """The grid of the settings, without cells that an effect is planted in: no score of it is shown."""
    if judged.source == "nothing":
        return []
    return [cell for cell in grid_cells(params) if not params.recipes[cell.recipe].planted]


def _about(v: Verification) -> str:
    """What was run, and how that stands to what the claims are about."""
    measured = [one for one in published(v.claims) if not one.is_unmeasured]
    if v.judged == "nothing":
        return f"Nothing has run in profile {v.profile} and nothing is pinned; facts of the data need no run."
    if not v.v0.ok:
        return "The results are not whole, so nothing is concluded from them."
    run = f"This run used {v.encoder} on {v.data}"
    if any(one.verdict != "NOT_TESTED" for one in measured):
        return f"{run}."
    return f"{run}; the claims are about XLM-R Large on XTREME, so they stay open."


def _cards(v: Verification) -> list[Card]:
    v0 = v.v0
    if v.judged == "nothing":
        return [Card(value=v.judged, label="results judged")]
    of = v0.rescored + len(v0.not_rescored)
    levels = [level for level in WEAKEST_FIRST if v.evidence.get(level)]
    cards = [
        Card(value="INVALID" if v0.problems else "quick" if v0.skipped else "ok", label="integrity (V0)",
             is_alarm=bool(v0.problems)),
        Card(value=f"{v0.cells_found}/{v0.cells_expected}", label="cells there",
             is_alarm=v0.cells_found < v0.cells_expected),
        Card(value=f"{v0.rescored}/{of}", label="cells re-scored", is_alarm=v0.rescored < of),
        Card(value=f"{v0.hashes:,}", label="hashes checked"),
        Card(value=str(len(v0.collapsed)), label="collapsed"),
    ]  # fmt: skip
    lost = {"failed": len(v0.failed), "unavailable": len(v0.unavailable)}
    cards += [Card(value=str(count), label=word, is_alarm=word == "failed") for word, count in lost.items() if count]
    grid = f"{len(v.grid.recipes)} x {len(v.grid.targets)} x {len(v.grid.seeds)}"
    cards.append(Card(value=grid, label="recipes x targets x seeds"))
    cards += [Card(value=levels[0], label="weakest evidence")] if levels else []
    return [*cards, Card(value=v.judged, label="results judged")]


def _claims(v: Verification, paths: Paths) -> list[ClaimShown]:
    claims = {claim.id: claim for claim in read_all_claims(paths.reference)}
    return [
        ClaimShown(
            verdict=verdict,
            source=f"{claim.source.document}, {claim.source.version}; {claim.source.place}",
            derivation=derivation(claim, verdict, v.cells),
            outcome=_outcome(verdict),
        )
        for verdict in v.claims
        if (claim := claims.get(verdict.id)) is not None
    ]


def _outcome(verdict: ClaimVerdict) -> str:
    return compare_with_truth(verdict) if verdict.truth else ""


def _languages(table: ScoresTable, params: Params, paths: Paths) -> list[LanguageGains]:
    """Gains by language on the targets that decide; empty where the tables of languages are not here."""
    sizes, registration = paths.reference / LANGUAGES_FILE, paths.reference / REGISTRATION_FILE
    recipes = [recipe for recipe in table.recipes if recipe != BASELINE and not is_rate_variant(recipe)]
    if not recipes or not sizes.is_file() or not registration.is_file():
        return []
    known, source = load_languages(sizes), SOURCE_LANGUAGE
    if params.data.source == "generated":
        known, source = laboratory_languages(known), laboratory_source()
    scores, design = read_table(table), read_design(paths.reference / DESIGN)
    targets = deciding_of(scores, recipes, design).targets
    return languages_of(table, recipes, targets, known, source, load_registration(registration))


def _files(judged: Judged, paths: Paths) -> list[FileHash]:
    results: Sequence[str] = ()
    if judged.source == "pinned":
        results = [f"reference/{paths.profile}/{MANIFEST}"]
    elif judged.source == "run":
        results = [f"results/{paths.profile}/scores.json"]
    names = [name.format(profile=paths.profile) for name in (*RESTS_ON, *results)]
    there = [name for name in names if (paths.root / name).is_file()]
    return [FileHash(path=name, sha256=hashlib.sha256((paths.root / name).read_bytes()).hexdigest()) for name in there]
