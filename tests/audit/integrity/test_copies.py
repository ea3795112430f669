"""Copied cells are named, near copies with their figure; what is equal by right, and poor models, are left in peace."""

from __future__ import annotations

from pathlib import Path

import pytest
from forge import Lab, make_lab

from harness.audit.integrity.copies import Copies, check_copies
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.results import Result


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


def check(lab: Lab, quick: bool = False) -> Copies:
    lab.write()
    results = {name: Result.model_validate(one) for name, one in lab.results.items()}
    return check_copies(
        results, XTREME_GROUPS, lambda one: lab.paths.pinned / "predictions" / f"{one.cell.id}.json.gz", quick
    )


def test_honest_results_are_not_accused_and_one_draw_is_told(lab: Lab) -> None:
    found = check(lab)
    assert (found.problems, found.suspicious) == ([], [])
    assert found.notes == ["recipe none on tatoeba: no seed enters, its 3 cells are one draw"]


@pytest.mark.parametrize("recipe", ["none", "mnli"])
def test_a_seed_that_is_another_ones_copy_is_named_with_it(lab: Lab, recipe: str) -> None:
    """With a checkpoint of its own: predictions and curve still give it away."""
    checkpoint = None if recipe == "none" else "c" * 64
    lab.copy_cell(f"{recipe}-pawsx-1", recipe, 4, checkpoint)
    said = check(lab, quick=True).problems
    assert len(said) == 2 and all(f"{recipe}-pawsx-1 and {recipe}-pawsx-4" in one for one in said)
    assert "expected predictions of their own" in said[0] and "training curves" in said[1]


def test_one_checkpoint_is_of_one_recipe_and_seed(lab: Lab) -> None:
    lab.results["mnli-pawsx-2"]["inputs"]["checkpoint"] = lab.results["mnli-pawsx-1"]["inputs"]["checkpoint"]
    lab.results["squad_v2-udpos-3"]["inputs"]["checkpoint"] = lab.results["mnli-pawsx-3"]["inputs"]["checkpoint"]
    said = " ".join(check(lab, quick=True).problems)
    assert "checkpoints of their own in cells mnli-pawsx-1 and mnli-pawsx-2" in said
    assert "cells mnli-pawsx-3 and squad_v2-udpos-3" in said


def test_only_the_baseline_starts_from_the_encoder_itself(lab: Lab) -> None:
    lab.results["mnli-pawsx-1"]["inputs"]["checkpoint"] = lab.results["mnli-pawsx-1"]["inputs"]["encoder"]
    lab.results["none-udpos-2"]["inputs"]["checkpoint"] = "d" * 64
    trained, baseline = check(lab, quick=True).problems
    if "none-udpos-2" in trained:
        trained, baseline = baseline, trained
    assert "expected a trained checkpoint of recipe mnli in cell mnli-pawsx-1, found the encoder itself" in trained
    assert "expected cell none-udpos-2 to start from the encoder itself" in baseline


@pytest.mark.parametrize("target", ["pawsx", "udpos", "tatoeba"])
def test_a_near_copy_is_named_with_the_figure_and_the_command(lab: Lab, target: str) -> None:
    """One answer in fifty is another one, and the curve is shaken in the fourth digit."""
    lab.copy_cell(f"mnli-{target}-1", "mnli", 2, lab.results[f"mnli-{target}-2"]["inputs"]["checkpoint"])
    for answers in lab.answers(f"mnli-{target}-2").values():
        for row in range(0, len(answers), 50):
            said = answers[row]
            answers[row] = said[::-1] if target == "udpos" else next(one for one in answers if one != said)
    for place, point in enumerate(lab.results[f"mnli-{target}-2"]["curve"]):
        point["loss"] = round(point["loss"] + 1e-4 * (place % 3), 6)
    found = check(lab)
    assert found.problems == []
    assert f"cells mnli-{target}-1 and mnli-{target}-2 give other answers to" in found.suspicious[0]
    assert f"`harness verify --cell mnli-{target}-1 --cell mnli-{target}-2`" in found.suspicious[0]
    assert any("training curves" in one for one in found.suspicious) == (target != "tatoeba")


def test_equal_dev_scores_on_every_target_are_suspicious(lab: Lab) -> None:
    for name in lab.names(target="pawsx"):  # a third target that trains
        lab.results[name.replace("pawsx", "xnli")] = lab.results[name] | {
            "cell": lab.results[name]["cell"] | {"target": "xnli"}
        }
    results = {name: Result.model_validate(one) for name, one in lab.results.items()}
    same = {name: one.dev_scores for name, one in results.items() if name.startswith("mnli") and name.endswith("-1")}
    changed = {
        name: one.model_copy(update={"dev_scores": same[name[:-1] + "1"]})
        for name, one in results.items()
        if name.startswith("mnli") and name.endswith("-3")
    }
    before, after = (
        check_copies(rows, XTREME_GROUPS, lambda one: Path("none"), quick=True) for rows in (results, results | changed)
    )
    assert before.suspicious == []
    assert "recipe mnli at seed 1 and recipe mnli at seed 3 have equal dev scores on all of 3" in after.suspicious[0]


def test_answers_that_are_all_the_same_are_no_copy(lab: Lab) -> None:
    """Collapsed models: one label to every row, one tag to every token, whatever the rows' length."""
    for name in (*lab.names("mnli", "pawsx"), *lab.names("mnli", "udpos")):
        for answers in lab.answers(name).values():
            answers[:] = [["NOUN"] * len(one) if isinstance(one, list) else answers[0] for one in answers]
    found = check(lab)
    assert (found.problems, found.suspicious) == ([], [])


def test_poor_models_that_say_nearly_the_same_are_no_copies(lab: Lab) -> None:
    """Every seed answers all but its own few rows with the most common label."""
    for seed, name in enumerate(lab.names("mnli", "pawsx")):
        for answers in lab.answers(name).values():
            other = next(one for one in answers if one != answers[0])
            answers[:] = [other if row % 40 == seed else answers[0] for row in range(len(answers))]
    assert check(lab).suspicious == []


def test_a_copy_whose_file_was_written_anew_is_a_copy(lab: Lab) -> None:
    """Other bytes, another checkpoint and another curve, the same answers."""
    name = lab.copy_cell("mnli-pawsx-1", "mnli", 4, "c" * 64)
    lab.predictions[name]["written"] = "anew"
    for point in lab.results[name]["curve"]:
        point["loss"] += 1.0
    (said,) = check(lab).problems
    assert "expected answers of their own in cells mnli-pawsx-1 and mnli-pawsx-4" in said
