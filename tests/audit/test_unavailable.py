"""Cells whose data may not be had or used: counted, named with the reason, and never a verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
from synthetic import Project, planted

from harness.audit.integrity.pinned import check_pinned
from harness.audit.levels import verify_all
from harness.audit.pin_results import pin_results
from harness.audit.report import render
from harness.audit.scores import write_scores
from harness.audit.verification import Verification
from harness.pipeline.plan import render_plan
from harness.pipeline.times import measured_costs
from harness.project.files import write_json
from harness.project.results import Cell, collect, grid_cells
from harness.project.terminal import WIDTH
from harness.verify.verdicts.verdict import ClaimVerdict

Make = Callable[..., Project]
LICENSED = "ccg needs CCGbank, which the LDC licenses; HARNESS_CCGBANK names no folder"
OVERLAP = "its machine-translated training rows share articles with the test rows of xquad"
NINE = ("anli_plus", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "ccg", "cosmosqa", "commonsenseqa")


def judge(project: Project) -> Verification:
    return verify_all(project.params, project.paths)


def claim(verification: Verification, name: str) -> ClaimVerdict:
    return next(found for found in verification.claims if found.id == name)


def withhold(project: Project, reasons: Mapping[str, str], target: str | None = None) -> Project:
    """Make the cells of these recipes (on one target, or all) unavailable, each with its reason."""
    for cell in grid_cells(project.params):
        if cell.recipe in reasons and target in (None, cell.target):
            project.write_cell(cell, None, status="unavailable", reasons=[reasons[cell.recipe]], inputs={})
            (project.paths.cells / cell.id / "predictions.json.gz").unlink()
    project.write_scores()
    return project


def test_an_unavailable_recipe_is_no_problem_and_is_named_with_its_reason(make_project: Make) -> None:
    project = make_project(recipes=("none", *NINE)).run(planted(dict.fromkeys(NINE, 8.0)))
    found = judge(withhold(project, {"ccg": LICENSED}))
    assert found.v0.ok and found.exit_code == 0 and found.v0.statuses["unavailable"] == 27
    assert found.v0.unavailable == {f"ccg-{t}-{s}": LICENSED for t in found.grid.targets for s in (1, 2, 3)}
    assert len(found.grid.recipes) == 10 and not found.v0.failed
    text = render(found, details=True)
    words = " ".join(text.split())
    assert "27 unavailable (ccg-xnli-1, ccg-xnli-2, ccg-xnli-3 and 24 more)" in words
    assert f"unavailable: {LICENSED}" in words and max(map(len, text.splitlines())) <= WIDTH
    assert write_scores(project.params, project.paths).startswith("scores of 270 of 270 cells (27 unavailable)")


def test_claims_say_which_recipes_are_unavailable_and_why(make_project: Make) -> None:
    project = make_project(recipes=("none", *NINE)).run(planted(dict.fromkeys(NINE, 8.0)))
    withhold(project, {"ccg": LICENSED}).claim_here()
    row = claim(judge(project), "retrieval-gain")
    assert row.verdict == "NOT_TESTED" and row.note == "8 of 8 recipes, 1 unavailable (ccg)"
    assert f"ccg is unavailable: {LICENSED}" in row.reasons and row.n_seeds == 3 and row.measured == 1.0
    assert claim(judge(project), "mnli-gain").verdict == "REPRODUCED"


def test_a_recipe_withheld_from_one_target_leaves_that_target_out_for_all(make_project: Make) -> None:
    def score(cell: Cell) -> float:
        return planted({"mnli": 9.0 if cell.target == "xquad" else 0.0, "squad_v2": 3.0})(cell)

    project = make_project(recipes=("none", "squad_v2", "mnli"), targets=("xnli", "xquad")).run(score)
    withhold(project, {"mnli": OVERLAP}, target="xquad").claim_here()
    row = claim(judge(project), "mnli-gain")
    assert row.verdict == "NOT_TESTED" and row.measured == pytest.approx(0.0, abs=0.1) and row.n_seeds == 3
    assert row.note == "lacks 7 targets, 1 unavailable (mnli on xquad)"
    assert f"mnli on xquad is unavailable: {OVERLAP}" in row.reasons
    other = claim(judge(project), "squad-gain")
    assert other.note == "lacks 7 targets" and not any("unavailable" in reason for reason in other.reasons)


def test_a_mixture_that_lacks_a_task_is_not_the_one_claimed(make_project: Make) -> None:
    project = make_project().run(planted({"multi": 8.7, "mnli": 7.5}))
    for cell in grid_cells(project.params):
        if cell.recipe == "multi":
            project.write_cell(cell, planted({"multi": 8.7})(cell), left_out={"ccg": LICENSED})
    project.write_scores()
    project.claim_here()
    row = claim(judge(project), "multi-gain")
    assert row.verdict == "NOT_TESTED" and row.note == "multi without ccg"
    assert row.measured == pytest.approx(8.7)
    assert row.reasons == [
        f"multi was mixed without ccg ({LICENSED}), so it is not the mixture that the claim is about"
    ]
    assert claim(judge(project), "mnli-gain").verdict == "REPRODUCED"
    assert "multi without ccg" in claim(judge(project), "best-per-target").note


@pytest.mark.parametrize(("score", "reasons"), [(50.0, [LICENSED]), (None, [])])
def test_an_unavailable_cell_holds_its_reason_and_nothing_else(
    make_project: Make, score: float | None, reasons: list[str]
) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({}))
    cell = Cell(recipe="mnli", target="xnli", seed=2)
    project.write_cell(cell, score, status="unavailable", reasons=reasons)
    found = judge(project)
    assert found.exit_code == 3 and "unavailable cell mnli-xnli-2" in found.v0.problems[0]


def test_what_was_not_made_need_not_be_made_in_the_image(make_project: Make) -> None:
    project = make_project(recipes=("none", "ccg"), targets=("xnli",))
    image = "sha256:" + "a" * 64
    changed = {"runtime": "docker", "image": image}
    project = Project(project.root, project.params.model_copy(update=changed), project.paths)
    project.write_data()
    for cell in grid_cells(project.params):
        project.write_cell(cell, 50.0 + cell.seed, provenance={"image_digest": image})
    withhold(project, {"ccg": LICENSED})
    write_json(project.paths.intermediate("ccg", 1), {"recipe": "ccg", "status": "unavailable"})
    assert judge(project).v0.problems == []


def test_unavailable_cells_are_pinned_and_not_compared(make_project: Make) -> None:
    ran, here = make_project(name="ran").run(planted({})), make_project(name="here").run(planted({}))
    withhold(ran, {"multi": LICENSED})
    pin_results(ran.params, ran.paths)
    ran.run_again(planted({}))
    withhold(ran, {"multi": LICENSED})
    pinned = check_pinned(ran.paths.pinned)
    integrity = pinned.integrity
    assert pinned.table is not None and len(integrity.unavailable) == 27 and integrity.cells_found == 135
    again = judge(ran)
    assert again.v2 is not None and again.v2.compared == again.v2.identical == 108
    assert again.v2.not_pinned == again.v2.not_comparable == [] and again.exit_code == 0

    ran.paths.pinned.rename(here.paths.pinned)  # here the data is there, and nothing is pinned to hold it against
    found = judge(here)
    assert found.v2 is not None and len(found.v2.not_pinned) == 27 and found.exit_code == 0

    withhold(here, {"mnli": LICENSED})  # pinned with data that is not here: V2 can't decide
    found = judge(here)
    assert found.v2 is not None and len(found.v2.not_comparable) == 27 and found.exit_code == 2


def test_the_plan_marks_what_is_unavailable_and_takes_no_cost_from_it(make_project: Make) -> None:
    project = make_project(recipes=("none", "ccg"), targets=("xnli", "panx")).run(planted({}))
    assert "u = some unavailable" not in render_plan(project.params, project.paths)
    for cell in grid_cells(project.params):
        if cell.recipe == "ccg":
            project.write_cell(cell, None, status="unavailable", reasons=[LICENSED], predictions=None, elapsed_s=0.0)
    write_json(project.paths.intermediate("ccg", 1), {"recipe": "ccg", "status": "unavailable", "elapsed_s": 0.0})
    assert measured_costs(project.paths)[0] == {"cell xnli": 1.0, "cell panx": 1.0}
    text = render_plan(project.params, project.paths)
    assert "u = some unavailable" in text
    assert re.search(r"^ccg +0u +0u$", text, re.MULTILINE) and re.search(r"^none +0 +0$", text, re.MULTILINE)


def test_results_carry_reasons_and_what_was_left_out(make_project: Make) -> None:
    project = make_project(recipes=("none", "multi"), targets=("xnli",)).run(planted({}))
    cell = Cell(recipe="multi", target="xnli", seed=1)
    project.write_cell(cell, 51.0, left_out={"ccg": LICENSED})
    assert collect(project.paths.cells, [cell])[cell.id].left_out == {"ccg": LICENSED}
