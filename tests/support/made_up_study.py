"""Studies made up from planted gains, for tests of the page that `harness study` writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import toy as toys

from harness.audit.facts_here import read_facts
from harness.audit.integrity.findings import Integrity
from harness.audit.verification import GridSize, Verification
from harness.metrics.xtreme import XTREME_GROUPS
from harness.pages.origin import Origin
from harness.pages.study.page import render_page
from harness.pages.study.record import Study, make_study
from harness.project.paths import Paths
from harness.project.results import Cell, Status
from harness.verify.claims.claim import Claim
from harness.verify.claims.facts import Facts
from harness.verify.claims.registry import CLAIMS, read_claims
from harness.verify.languages.registration import (
    LANGUAGES_FILE,
    REGISTRATION_FILE,
    load_languages,
    load_registration,
)
from harness.verify.scores import CellScore, ScoresTable, read_table
from harness.verify.statistics.design import DESIGN, read_design
from harness.verify.verdicts.judge import judge
from harness.verify.verdicts.replication import hold_replications

NOISE = {1: -0.5, 2: 0.0, 3: 0.5, 4: -0.2, 5: 0.2}
LICENSED = "CCGbank is licensed"
REFERENCE = toys.ROOT / "reference"
REGISTERED = read_design(REFERENCE / DESIGN)
LANGUAGES = load_languages(REFERENCE / LANGUAGES_FILE)
NUMBERS = ("accuracy", "f1", "em")
"""Whatever a target's score is made of."""
Gains = Mapping[str, float | Mapping[str, float]]


def score_of(gains: Gains, cell: Cell) -> float:
    """A baseline that moves with the seed, plus the planted gain (of the recipe, or on each target) and noise."""
    if cell.recipe == "none":
        return 50.0 + cell.seed
    planted = gains[cell.recipe]
    gain = planted if isinstance(planted, float) else planted.get(cell.target, 0.0)
    return 50.0 + cell.seed + gain + NOISE[cell.seed]


@cache
def published() -> tuple[list[Claim], Facts]:
    """The registry of claims, and the facts that decide those on data."""
    paths = Paths(toys.ROOT, "lab")
    claims = read_claims(paths.reference / CLAIMS)
    return claims, read_facts(claims, paths)


def make(
    gains: Gains,
    targets: tuple[str, ...] = tuple(XTREME_GROUPS),
    seeds: tuple[int, ...] = (1, 2, 3),
    change: Callable[[Cell], dict[str, Any]] = lambda cell: {},
    encoder: str = "a small encoder",
    data: str = "data pack toy",
    languages: Mapping[str, float] | None = None,
    **known: Any,
) -> Study:
    """The study of a made-up grid by the registered design; `change` replaces fields of a cell's row. `languages`: what
    a recipe gains in each beyond its gain.
    """
    rows = []
    for cell in [Cell(recipe=r, target=t, seed=s) for r in ("none", *gains) for t in targets for s in seeds]:
        score = score_of(gains, cell)
        beyond = {code: more if cell.recipe != "none" else 0.0 for code, more in (languages or {}).items()}
        points = {code: dict.fromkeys(NUMBERS, score + more) for code, more in beyond.items()}
        fields = dict(
            cell=cell, status="ok", score=score, dev_score=score, scores=points, predictions_sha256=None, inputs={}
        )
        rows.append(CellScore(**(fields | change(cell))))
    table = ScoresTable(
        profile="lab", encoder=encoder, data=data, groups={t: XTREME_GROUPS[t] for t in targets}, cells=rows
    )
    named = {status: [row.cell.id for row in rows if row.status == status] for status in ("ok", "collapsed", "failed")}
    unavailable = {row.cell.id: row.reasons[0] for row in rows if row.status == "unavailable"}
    counts = {status: len(cells) for status, cells in (*named.items(), ("unavailable", [*unavailable]))}
    v0 = Integrity(
        hashes=1, cells_expected=len(rows), cells_found=len(rows), statuses=counts, collapsed=named["collapsed"],
        failed=named["failed"], unavailable=unavailable, problems=[], images=[],
    )  # fmt: skip
    claims, facts = published()
    scores = read_table(table)
    verification = Verification(
        profile="lab", encoder=encoder, data=data, judged="pinned", v0=v0, v2=None, v2_note="", exit_code=0,
        grid=GridSize(recipes=["none", *gains], targets=list(targets), seeds=list(seeds)),
        answer="an answer", claims=hold_replications([judge(c, scores, facts, design=REGISTERED) for c in claims]),
    )  # fmt: skip
    machine = dict(cpu="some cpu", cores=2, device="cpu", threads=1, python="3.11.2")
    made = Origin(machines=[machine], git_commits=["c0ffee" * 6], git_dirty=False, when="pinned 2020-05-26 (UTC)")
    beside = dict(title="made up", task_notes={}, provenance=made, encoder=None, languages=LANGUAGES, design=REGISTERED)
    beside["registration"] = load_registration(REFERENCE / REGISTRATION_FILE)
    return make_study(table, verification, **(beside | known))


def page_of(study: Study) -> str:
    """Its page, beside which pictures are named after `x`."""
    return render_page(study, "x")


def row(page: str, start: str, section: str) -> list[str]:
    """The cells of the one table row of a section that begins so."""
    part = page[page.index(f"## {section}") :].split("\n## ")[0]
    lines = [line for line in part.splitlines() if re.match(rf"\| *{re.escape(start)} *\|", line)]
    assert len(lines) == 1, lines
    return [cell.strip() for cell in lines[0].strip("|").split("|")]


def gains_row(page: str, recipe: str) -> list[str]:
    return row(page, recipe, "Gains by recipe and target")


def status(which: Status, recipe: str, target: str | None = None, seeds: tuple[int, ...] = (1, 2, 3)) -> Any:
    """A change that gives the cells of a recipe (on one target, or all) a status."""

    def change(cell: Cell) -> dict[str, Any]:
        if cell.recipe != recipe or target not in (None, cell.target) or cell.seed not in seeds:
            return {}
        lost = {} if which == "collapsed" else {"score": None, "dev_score": None}
        return {"status": which, "reasons": [LICENSED]} | lost

    return change
