"""`harness verify CLAIM`: one claim by its own cells, what it needs of a grid, and how only that is run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic import Make, Project, planted
from toy import ROOT

from harness.audit.levels import verify_all
from harness.audit.one_claim import render_single, verify_claim
from harness.audit.pin_results import pin_results
from harness.commands.main import run
from harness.launch.executor import Executor
from harness.pipeline.claim_plan import claim_units, render_claim_plan, stages_to_run
from harness.pipeline.units import State, states, units
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import grid_cells
from harness.verify.claims.needs import needs
from harness.verify.claims.registry import read_claims
from harness.verify.verdicts.verdict import ClaimVerdict

REFERENCE = ROOT / "reference"
CLAIMS = {claim.id: claim for claim in read_claims(REFERENCE / "claims.yaml")}
PUBLISHED = {"squad_v2": 8.2, "mnli": 7.5, "hellaswag": 4.0, "multi": 8.7}
STEADY = (-0.02, 0.0, 0.02)
"""Noise of gains that are told from others after three seeds and beside nine other claims."""
GRID = ("none", "mnli", "squad_v2", "squad_v1", "hellaswag", "multi", "mnli+mlm")


@pytest.fixture
def project(make_project: Make) -> Project:
    made = make_project(recipes=GRID).run(planted(PUBLISHED, noise=STEADY))
    made.claim_here()
    return made


def forget(project: Project, keep: Callable[[str], bool]) -> None:
    """Only these cells have run; what restates the whole grid is gone too."""
    for cell in grid_cells(project.params):
        if not keep(cell.id):
            shutil.rmtree(project.paths.cells / cell.id)
    project.paths.scores.unlink()


def alone(row: ClaimVerdict) -> ClaimVerdict:
    """Without what looking at several claims together adds to it."""
    return row.model_copy(update={"p_adjusted": None, "reasons": [one for one in row.reasons if "Holm" not in one]})


@pytest.mark.slow
def test_one_claim_is_judged_as_among_all(project: Project) -> None:
    whole = {row.id: row for row in verify_all(project.params, project.paths).claims}
    assert whole["english-over-mlm"].measured is not None and whole["squad-gain"].beside
    for name, row in whole.items():
        assert verify_claim(name, project.params, project.paths).claims == [row]


@pytest.mark.slow
def test_the_cells_that_a_claim_needs_are_enough(project: Project) -> None:
    whole = {row.id: row for row in verify_all(project.params, project.paths).claims}
    for name in ("mnli-gain", "hellaswag-gain", "english-over-mlm"):
        needed = {cell.id for cell in needs(CLAIMS[name], project.params).cells}
        assert needed == set(whole[name].evidence.cells)
        forget(project, needed.__contains__)
        found = verify_claim(name, project.params, project.paths)
        assert found.v0.ok and list(map(alone, found.claims)) == [alone(whole[name])]
        assert found.v0.cells_expected == len(needed)
        project.run(planted(PUBLISHED, noise=STEADY))


def test_the_exit_code_is_that_of_the_claim_alone(project: Project) -> None:
    assert verify_claim("squad-gain", project.params, project.paths).exit_code == 0
    assert verify_claim("hellaswag-gain", project.params, project.paths).exit_code == 1
    assert verify_all(project.params, project.paths).exit_code == 1


def test_the_family_is_the_registrys_whichever_claim_is_asked_for(project: Project) -> None:
    """Judged alone, the accusation would stand at a larger p than beside the registry's other nine measured claims."""
    whole = {row.id: row for row in verify_all(project.params, project.paths).claims}
    for name in ("hellaswag-gain", "squad-gain"):
        (row,) = verify_claim(name, project.params, project.paths).claims
        assert row.p_adjusted == whole[name].p_adjusted and row.p_value == whole[name].p_value
    (row,) = verify_claim("hellaswag-gain", project.params, project.paths).claims
    assert row.p_value and row.p_adjusted == pytest.approx(10 * row.p_value)
    assert "over 10 measured claims" in row.reasons[-1]
    forget(project, lambda cell: cell.startswith(("none", "hellaswag-")))  # the others then count with p = 1
    (alone_there,) = verify_claim("hellaswag-gain", project.params, project.paths).claims
    assert alone_there.p_adjusted == row.p_adjusted


def test_a_missing_cell_invalidates_the_claims_that_need_it_and_no_other(project: Project) -> None:
    forget(project, lambda cell: cell != "multi-xquad-2")
    assert verify_all(project.params, project.paths).exit_code == 3
    assert verify_claim("mnli-gain", project.params, project.paths).exit_code == 0
    found = verify_claim("multi-gain", project.params, project.paths)
    assert found.exit_code == 3 and found.claims[0].verdict == "INVALID"
    assert any("multi-xquad-2" in problem for problem in found.v0.problems)
    assert found.part and found.part.there == {"none": 27, "multi": 26} and found.part.not_looked_at == 5 * 27
    text = render_single(found, project.paths, explain=True)
    assert "none 27 of 27, multi 26 of 27; `harness verify multi-gain --run`" in text and "INVALID" in text


def test_a_changed_prediction_counts_where_it_belongs(project: Project) -> None:
    (project.paths.cells / "mnli-xquad-2" / "predictions.json.gz").write_bytes(b"other")
    assert verify_claim("mnli-gain", project.params, project.paths).exit_code == 3
    assert verify_claim("squad-gain", project.params, project.paths).exit_code == 0


def test_what_is_shown_beside_is_not_needed(project: Project) -> None:
    assert verify_claim("squad-gain", project.params, project.paths).claims[0].beside
    forget(project, lambda cell: cell != "squad_v1-xnli-1")
    found = verify_claim("squad-gain", project.params, project.paths)
    assert found.exit_code == 0 and found.claims[0].beside == {}


def test_facts_need_no_results(make_project: Make) -> None:
    project = make_project()
    found = verify_claim("state-of-the-art", project.params, project.paths)
    assert (found.exit_code, found.claims[0].verdict, found.v0.cells_expected) == (0, "NOT_TESTED", 0)
    assert "needs no cell" in render_single(found, project.paths, explain=False)


def test_without_cells_of_its_own_the_pinned_ones_are_judged(project: Project) -> None:
    with pytest.raises(HarnessError, match="expected the id of a claim"):
        verify_claim("squad-gains", project.params, project.paths)
    pin_results(project.params, project.paths)
    forget(project, lambda cell: cell.startswith("multi-"))
    found = verify_claim("mnli-gain", project.params, project.paths)
    assert (found.judged, found.exit_code, found.claims[0].verdict) == ("pinned", 0, "REPRODUCED")
    text = render_single(found, project.paths, explain=False)
    assert "none of its cells has run here (`harness verify mnli-gain --run`)" in text
    shutil.rmtree(project.paths.pinned)
    found = verify_claim("mnli-gain", project.params, project.paths)
    assert (found.judged, found.exit_code, found.claims[0].verdict) == ("nothing", 0, "NOT_TESTED")
    assert "`harness verify mnli-gain --run` runs them" in render_single(found, project.paths, explain=False)


def test_a_claim_needs_recipes_it_can_compare_and_names_what_the_grid_lacks(project: Project) -> None:
    part = needs(CLAIMS["english-over-mlm"], project.params)
    assert part.recipes == ["mnli", "mnli+mlm"] and part.lacking == ["squad_v2+mlm", "hellaswag+mlm"]
    part = needs(CLAIMS["xnli-no-benefit"], project.params)
    assert part.targets == ["xnli"] and part.recipes == ["none", "mnli", "squad_v2", "squad_v1", "hellaswag"]
    assert len(part.cells) == 15 and "ccg" in part.lacking
    assert needs(CLAIMS["squad-gain"], project.params).recipes == ["none", "squad_v2"]
    for name, claim in CLAIMS.items():
        if claim.measured is None:
            assert needs(claim, project.params).cells == [], name


def test_the_plan_of_a_claim_is_the_closure_of_its_cells(project: Project) -> None:
    part = needs(CLAIMS["tydiqa-gain"], project.params)
    made = [unit.stage for unit in claim_units(part, project.params, project.paths)]
    trained = [f"intermediate@{recipe}-{seed}" for recipe in part.recipes for seed in (1, 2, 3)]
    assert set(made) == {"encoder", *trained, *(f"cell@{cell.id}" for cell in part.cells)}
    assert made == [unit.stage for unit in units(project.params, project.paths) if unit.stage in set(made)]
    text = render_claim_plan("tydiqa-gain", project.params, project.paths)
    assert "5 recipes x 1 target x 3 seeds = 15 cells of the grid's 189" in text
    assert "stays NOT_TESTED: anli_plus, qqp, ccg, cosmosqa, commonsenseqa" in text
    assert f"left to run: {len(made)} of {len(made)} units" in text
    assert "needs no cell" in render_claim_plan("mnli-size", project.params, project.paths)


def fake_states(done: Callable[[str], bool]) -> Callable[..., dict[str, State]]:
    def found(params: Any, paths: Any) -> dict[str, State]:
        return {stage: "done" if done(stage) else "stale" for stage in states(params, paths)}

    return found


def test_only_stages_that_are_not_done_are_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.pipeline.claim_plan.states", fake_states(lambda stage: "none" in stage))
    stages = stages_to_run("multi-gain", project.params, project.paths)
    assert stages == [f"cell@{c.id}" for c in grid_cells(project.params) if c.recipe == "multi"]


def test_only_the_claims_stages_are_run_and_then_it_is_judged(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[list[str], bool]] = []

    def run_grid(executor: Executor, params: Params, paths: Paths, stages: list[str], to_stderr: bool) -> bool:
        asked.append((stages, to_stderr))
        return True

    (project.root / "tasks").mkdir()
    monkeypatch.chdir(project.root)
    monkeypatch.setattr("harness.pipeline.claim_plan.states", fake_states(lambda stage: "squad_v2-xnli-2" not in stage))
    monkeypatch.setattr("harness.launch.grid.reproduce_grid", run_grid)
    assert run(["verify", "squad-gain", "--run", "--json"]) == 0
    assert asked == [(["cell@squad_v2-xnli-2"], True)]
    assert json.loads(capsys.readouterr().out)["claims"][0]["verdict"] == "REPRODUCED"
    monkeypatch.setattr("harness.pipeline.claim_plan.states", fake_states(lambda stage: True))
    assert run(["verify", "squad-gain", "--run"]) == 0 and len(asked) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "--run"], "expected a claim with --run"),
        (["verify", "--explain"], "expected a claim with --explain"),
        (["plan", "--stages"], "expected --claim with --stages"),
        (["verify", "squad-gain", "--run", "--profile", "mini"], "expected --run with the active profile lab"),
        (["plan", "--claim", "squad"], "did you mean `squad-"),
    ],
)
def test_what_does_not_go_together_is_said(
    arguments: list[str],
    words: str,
    repo_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(repo_root)
    assert run(arguments) == 2
    assert words in " ".join(capsys.readouterr().err.split())
