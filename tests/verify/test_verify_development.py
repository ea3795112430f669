"""Claims that were published on development sets are decided where these and test sets agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from synthetic import LANGUAGES, Project, flat, planted

from harness.audit.levels import verify_all
from harness.audit.one_claim import render_single, verify_claim
from harness.audit.report import render
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.profiles import read_profile
from harness.project.results import Cell, grid_cells
from harness.project.tasks import load_tasks, published_pins
from harness.verify.claims.registry import read_claims
from harness.verify.measure.development import SHARED, UNKNOWN, development_words
from harness.verify.show.table import SPLIT
from harness.verify.show.words import explain_claim
from harness.verify.verdicts.split import BY_TEST
from harness.verify.verdicts.verdict import ClaimVerdict

Make = Callable[..., Project]
GAINS, DEV_GAINS = {"squad_v2": 8.2, "mnli": 7.5}, {"squad_v2": 5.0, "mnli": 1.0}
TARGETS = ("xnli", "panx", "udpos", "xquad", "tatoeba")
OWN = ("xnli", "panx")
"""Targets to which the project gives development scores in every language."""


def write_cell(project: Project, cell: Cell, dev_gains: dict[str, float]) -> None:
    """A cell with made-up development scores: complete and kept, of one language only, or none."""
    score, dev = planted(GAINS)(cell), planted(dev_gains)(cell)
    made = flat(dev, XTREME_GROUPS[cell.target])
    if cell.target in OWN:
        project.write_developed(cell, score, dev)
    elif cell.target == "udpos":
        one = {LANGUAGES[0]: made[LANGUAGES[0]]}
        project.write_cell(cell, score, dev_by_language=one, dev_scores=made[LANGUAGES[0]])
    else:
        project.write_cell(cell, score)


def write_all(project: Project, dev_gains: dict[str, float]) -> None:
    for cell in grid_cells(project.params):
        write_cell(project, cell, dev_gains)
    project.write_scores()


@pytest.fixture
def project(make_project: Make) -> Project:
    made = make_project(recipes=("none", "squad_v2", "mnli"), targets=TARGETS)
    made.write_data(dev=OWN)
    write_all(made, DEV_GAINS)
    made.claim_here()
    path = made.paths.reference / "claims.yaml"
    entries = yaml.safe_load(path.read_text())
    for entry in entries:
        if entry.get("check", {}).get("kind") == "gain":
            entry["check"]["targets"] = list(TARGETS)
    path.write_text(yaml.safe_dump(entries, sort_keys=False))
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
        assert found.measured == pytest.approx((2 * DEV_GAINS[recipe] + 3 * GAINS[recipe]) / 5)
        assert found.lacking == {
            "udpos": "none in qab",
            "xquad": "the source language's alone",
            "tatoeba": "none",
        }


def test_a_claim_is_decided_only_where_development_and_test_sets_agree(project: Project) -> None:
    """SQuAD: +8.2 by test sets, +6.9 with development sets; MNLI: +7.5 and +4.9."""
    found = verdicts(project)
    assert found["squad-gain"].evidence.rule_gives == found["mnli-gain"].evidence.rule_gives == "REPRODUCED"
    squad, mnli = found["squad-gain"], found["mnli-gain"]
    assert (squad.verdict, mnli.verdict) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert mnli.note == "dev and test disagree"
    (said,) = [reason for reason in mnli.reasons if "so neither decides" in reason]
    assert "by test sets +7.5 [" in said and "]: REPRODUCED" in said
    assert "with the development sets of xnli, panx in their place +4.9 [" in said and "]: NOT_REPRODUCED" in said
    write_all(project, GAINS)
    found = verdicts(project)
    assert found["mnli-gain"].verdict == "REPRODUCED"
    assert any(reason.endswith("they agree") for reason in found["mnli-gain"].reasons)


def test_both_splits_stand_in_the_derivation(project: Project) -> None:
    alone = verify_claim("squad-gain", project.params, project.paths)
    text = " ".join(render_single(alone, project.paths, explain=True).split())
    adjusted = "points (interval adjusted for looks "
    assert f"on dev +5.0 {adjusted}" in text and "on the development sets of xnli, panx" in text
    instead = "on the test sets of the same; in place of these test sets the rule gives"
    assert f"+8.2 {adjusted}" in text and instead in text


def test_where_no_target_has_them_test_sets_decide_and_the_row_says_so(project: Project) -> None:
    project.write_data()
    for cell in grid_cells(project.params):
        project.write_cell(cell, planted(GAINS)(cell))
    project.write_scores()
    row = verdicts(project)["mnli-gain"]
    assert row.verdict == "REPRODUCED" and BY_TEST in row.reasons
    found = row.evidence.development
    assert found and (found.targets, found.gain, found.verdict) == ([], None, None)
    assert development_words(found).startswith("nothing: no target has development scores that count in every language")


def test_a_development_score_that_was_not_computed_again_does_not_count(project: Project) -> None:
    """One cell of PAN-X keeps no development predictions: the target counts as a whole or not at all."""
    one = Cell(recipe="mnli", target="panx", seed=2)
    made = flat(planted(DEV_GAINS)(one), XTREME_GROUPS["panx"])
    project.write_cell(one, planted(GAINS)(one), dev_by_language=made, dev_scores={})
    project.write_scores()
    row = verdicts(project)["mnli-gain"]
    found = row.evidence.development
    assert found and found.targets == ["xnli"] and found.lacking["panx"] == UNKNOWN
    assert (row.verdict, row.note, found.withheld) == ("INCONCLUSIVE", "dev scores not shown", ["mnli-panx-2"])
    assert any("(mnli-panx-2)" in reason for reason in row.reasons)
    squad = verdicts(project)["squad-gain"].evidence.development
    assert squad and squad.targets == list(OWN), "a cell of another recipe drops no target"


def test_to_withhold_development_scores_decides_nothing(project: Project) -> None:
    """SQuAD's disagree: without them the claim is as open as with them, though its rows are shown by the data alone."""
    for cell in grid_cells(project.params):
        project.write_cell(cell, planted(GAINS)(cell))
    project.write_scores()
    row = verdicts(project)["squad-gain"]
    assert (row.verdict, row.note, row.evidence.rule_gives) == ("INCONCLUSIVE", "dev scores not shown", "REPRODUCED")
    found = row.evidence.development
    assert found and found.targets == [] and len(found.withheld) == 2 * 2 * 3


def test_development_rows_that_are_test_rows_do_not_count(project: Project) -> None:
    project.write_data(dev=OWN, shared=["panx"])
    write_all(project, DEV_GAINS)
    found = verdicts(project)["mnli-gain"].evidence.development
    assert found and found.targets == ["xnli"] and found.lacking["panx"] == SHARED


def test_only_claims_that_were_published_on_development_sets_have_it(project: Project) -> None:
    found = verdicts(project)
    having = {name for name, row in found.items() if row.evidence.development}
    assert having >= {"squad-gain", "mnli-gain", "xnli-no-benefit"}
    assert not having & {"best-per-target", "mnli-size"}


def test_each_claim_says_which_split_is_judged(repo_root: Path, project: Project) -> None:
    assert SPLIT in render(verify_all(project.params, project.paths), details=True)
    for claim in read_claims(repo_root / "reference" / "claims.yaml"):
        text = " ".join(explain_claim(claim).split())
        measured = claim.source.split != "none"
        assert ("judged on test sets" in text) is measured, claim.id
        assert ("though the source's split is development" in text) is (claim.source.split == "development")


def test_the_page_on_reading_names_the_targets_that_have_development_sets(repo_root: Path) -> None:
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
    assert named in " ".join((repo_root / "docs" / "reading.md").read_text(encoding="utf-8").split())


def is_complete(files: Mapping[str, Any]) -> bool:
    """Has every language with test rows development rows?"""
    stems = [stem.partition(".") for stem in files]
    tested = {language for split, _, language in stems if split in ("test", "test_gold")}
    return tested <= {language for split, _, language in stems if split in ("dev", "dev_gold")}
