"""The gain on development sets stands beside the judged one where it can be had, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from synthetic import LANGUAGES, Project, flat, planted

from harness.audit.levels import verify_all
from harness.audit.one_claim import render_single, verify_claim
from harness.audit.report import render
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.profiles import read_profile
from harness.project.results import Cell, grid_cells
from harness.project.tasks import load_tasks, published_pins
from harness.verify.claims.registry import read_claims
from harness.verify.measure.development import development_words
from harness.verify.show.table import SPLIT
from harness.verify.show.words import explain_claim
from harness.verify.verdicts.verdict import ClaimVerdict

Make = Callable[..., Project]
GAINS, DEV_GAINS = {"squad_v2": 8.2, "mnli": 7.5}, {"squad_v2": 5.0, "mnli": 1.0}
TARGETS = ("xnli", "panx", "udpos", "xquad", "tatoeba")
OWN = ("xnli", "panx")
"""Targets to which the project gives development scores in every language."""


def dev_of(cell: Cell) -> Mapping[str, Any]:
    """Made-up development scores: complete, of one language only, or none."""
    made = flat(planted(DEV_GAINS)(cell), XTREME_GROUPS[cell.target])
    if cell.target in OWN:
        return {"dev_by_language": made, "dev_scores": {}}
    if cell.target == "udpos":
        return {"dev_by_language": {LANGUAGES[0]: made[LANGUAGES[0]]}, "dev_scores": made[LANGUAGES[0]]}
    return {}


@pytest.fixture
def project(make_project: Make) -> Project:
    made = make_project(recipes=("none", "squad_v2", "mnli"), targets=TARGETS)
    made.write_data()
    for cell in grid_cells(made.params):
        made.write_cell(cell, planted(GAINS)(cell), **dev_of(cell))
    made.write_scores()
    made.claim_here()
    return made


def verdicts(project: Project) -> dict[str, ClaimVerdict]:
    return {row.id: row for row in verify_all(project.params, project.paths).claims}


def test_it_is_computed_over_the_targets_that_have_it_in_every_language(project: Project) -> None:
    for name, recipe in (("squad-gain", "squad_v2"), ("mnli-gain", "mnli")):
        found = verdicts(project)[name].evidence.development
        assert found and found.gain and found.on_test and found.targets == list(OWN)
        means = (found.gain.mean, found.on_test.mean)
        assert means == (pytest.approx(DEV_GAINS[recipe]), pytest.approx(GAINS[recipe]))
        assert list(found.gain.values) == [1, 2, 3] and found.gain.interval
        assert found.lacking == {
            "udpos": "none in qab",
            "xquad": "the source language's alone",
            "tatoeba": "none",
        }


def test_it_is_shown_beside_and_decides_nothing(project: Project) -> None:
    with_dev = verdicts(project)
    alone = verify_claim("squad-gain", project.params, project.paths)
    text = " ".join(render_single(alone, project.paths, explain=True).split())
    adjusted = "points (interval adjusted for looks "
    assert f"on dev +5.0 {adjusted}" in text and "on the development sets of xnli, panx" in text
    assert f"+8.2 {adjusted}" in text and "on the test sets of the same; it decides nothing" in text
    for cell in grid_cells(project.params):
        project.write_cell(cell, planted(GAINS)(cell), **{**dev_of(cell), "dev_by_language": {}})
    project.write_scores()
    without = verdicts(project)
    for name, row in with_dev.items():
        bare = row.model_copy(update={"evidence": row.evidence.model_copy(update={"development": None})})
        other = without[name].evidence.model_copy(update={"development": None})
        assert bare == without[name].model_copy(update={"evidence": other}), name
    found = without["squad-gain"].evidence.development
    assert found and (found.targets, found.gain, found.on_test) == ([], None, None)
    assert development_words(found).startswith("no gain to show: no target has development scores in every language")


def test_only_mean_gains_that_were_published_on_development_sets_have_it(project: Project) -> None:
    having = {name for name, row in verdicts(project).items() if row.evidence.development}
    assert having >= {"squad-gain", "mnli-gain", "xnli-no-benefit"}
    assert not having & {"best-per-target", "retrieval-gain", "tydiqa-gain", "mnli-size"}


def test_each_claim_says_which_split_is_judged(repo_root: Path, project: Project) -> None:
    assert SPLIT in render(verify_all(project.params, project.paths))
    for claim in read_claims(repo_root / "reference" / "claims.yaml"):
        text = " ".join(explain_claim(claim).split())
        measured = claim.source.split != "none"
        assert ("judged on test sets" in text) is measured, claim.id
        assert ("though the source's split is development" in text) is (claim.source.split == "development")


def test_the_readme_names_the_targets_that_have_development_sets(repo_root: Path) -> None:
    """By the pins: of the published data these five, of the laboratory and the packs none."""
    targets = read_profile(repo_root, "paper").grid.targets
    complete, elsewhere = [], []
    for task in load_tasks(targets, repo_root / "tasks").values():
        short = task.title.split()[0]  # BUCC 2018 is BUCC there
        published = [pin.files for pin in published_pins(task).values()]
        complete += [short] if all(map(is_complete, published)) else []
        others = [*task.pins.local.values(), *filter(None, [task.pins.generated])]
        elsewhere += [short for pin in others if is_complete(pin.files)]
    assert elsewhere == []
    named = f"exist for {', '.join(complete[:-1])} and {complete[-1]} of the published data"
    assert named in " ".join((repo_root / "README.md").read_text(encoding="utf-8").split())


def is_complete(files: Mapping[str, Any]) -> bool:
    """Has every language with test rows development rows?"""
    stems = [stem.partition(".") for stem in files]
    tested = {language for split, _, language in stems if split in ("test", "test_gold")}
    return tested <= {language for split, _, language in stems if split in ("dev", "dev_gold")}
