"""From cells on disk to verdicts and exit codes, on results whose truth is planted."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
import yaml
from synthetic import PUBLISHED, Make, Project, claim, flat, judge, keep_claims, planted, sha256

from harness.audit.integrity.pinned import check_pinned
from harness.audit.pin_results import pin_results
from harness.audit.report import render
from harness.audit.verification import Verification
from harness.pipeline.plan import render_plan
from harness.pipeline.times import measured_costs
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.pinned import read_pinned_manifest
from harness.project.provenance import machine
from harness.project.results import Cell, grid_cells, read_result, write_result
from harness.project.terminal import WIDTH

STEADY = (-0.05, 0.0, 0.05)
"""Noise of gains that are told from others after three seeds and beside nine other claims."""


def test_the_laboratory_decides_no_claim_but_shows_what_it_measured(make_project: Make) -> None:
    found = judge(make_project().run(planted(PUBLISHED)))
    assert found.v0.ok and found.judged == "run" and found.exit_code == 0
    assert len(found.claims) == 21 and {row.verdict for row in found.claims} == {"NOT_TESTED"}
    squad = claim(found, "squad-gain")
    assert squad.measured == pytest.approx(8.2) and squad.direction == "up" and squad.agrees
    assert squad.without_retrieval == pytest.approx(8.2) and squad.n_seeds == 3
    assert any("FacebookAI/xlm-roberta-large" in reason for reason in squad.reasons)
    assert claim(found, "english-over-mlm").reasons[-1].endswith("mnli+mlm, squad_v2+mlm, hellaswag+mlm")


def test_planted_gains_are_judged_rightly_in_scope(make_project: Make) -> None:
    gains = PUBLISHED | {"hellaswag": 4.0, "mnli": -3.0, "multi": 12.0}
    project = make_project().run(planted(gains, noise=STEADY))
    project.claim_here()
    found = judge(project)
    assert claim(found, "squad-gain").verdict == "REPRODUCED" and claim(found, "squad-gain").consistent
    for name, note in (("hellaswag", "weaker"), ("mnli", "opposite sign"), ("multi", "stronger")):
        row = claim(found, f"{name}-gain")
        assert (row.verdict, row.note, row.consistent) == ("NOT_REPRODUCED", note, False)
    assert found.exit_code == 1


def test_inconclusive_says_how_many_seeds_would_decide(make_project: Make) -> None:
    project = make_project().run(planted(PUBLISHED, noise=(-1.0, 0.0, 1.0)))
    project.claim_here()
    keep_claims(project, "squad-gain")
    found = judge(project)
    row = claim(found, "squad-gain")
    assert row.verdict == "INCONCLUSIVE" and row.seeds_needed and row.note == f"{row.seeds_needed} seeds would decide"
    assert found.exit_code == 2


def test_two_seeds_are_underpowered_and_so_are_seeds_that_change_nothing(make_project: Make) -> None:
    for name, seeds, noise in (("two", (1, 2), (-0.1, 0.1)), ("same", (1, 2, 3), (0.0, 0.0, 0.0))):
        project = make_project(seeds=seeds, name=name).run(planted(PUBLISHED, noise=noise))
        project.claim_here()
        keep_claims(project, "squad-gain")
        found = judge(project)
        assert claim(found, "squad-gain").verdict == "UNDERPOWERED" and found.exit_code == 2


def test_everything_reproduced_exits_with_0(make_project: Make) -> None:
    project = make_project().run(planted(PUBLISHED))
    project.claim_here()
    keep_claims(project, "squad-gain", "mnli-gain", "hellaswag-gain", "multi-gain")
    found = judge(project)
    assert {row.verdict for row in found.claims} == {"REPRODUCED"} and found.exit_code == 0


def test_without_retrieval_shows_where_the_average_comes_from(make_project: Make) -> None:
    def score(cell: Cell) -> float:
        gain = 30.0 if cell.target in ("bucc", "tatoeba") else 1.0
        return planted({"squad_v2": gain})(cell)

    row = claim(judge(make_project(recipes=("none", "squad_v2")).run(score)), "squad-gain")
    assert row.measured == pytest.approx((2 * 30 + 7 * 1) / 9)
    assert row.without_retrieval == pytest.approx(1.0)


ALL = (
    "none",
    "anli_plus",
    "mnli",
    "qqp",
    "squad_v2",
    "squad_v1",
    "hellaswag",
    "ccg",
    "cosmosqa",
    "commonsenseqa",
)


@pytest.mark.parametrize(
    ("helped", "verdict", "share"),
    [(9, "REPRODUCED", 1.0), (8, "REPRODUCED", 8 / 9), (7, "NOT_REPRODUCED", 7 / 9)],
)
def test_share_counts_recipes(make_project: Make, helped: int, verdict: str, share: float) -> None:
    gains = {recipe: 10.0 if place <= helped else 0.0 for place, recipe in enumerate(ALL)}
    project = make_project(recipes=ALL, targets=("bucc", "tatoeba")).run(planted(gains))
    project.claim_here()
    keep_claims(project, "retrieval-gain")
    row = judge(project).claims[0]
    assert row.verdict == verdict and row.measured == pytest.approx(share)


@pytest.mark.parametrize(("gain", "verdict"), [(-0.1, "REPRODUCED"), (-3.0, "REPRODUCED"), (2.0, "NOT_REPRODUCED")])
def test_no_gain(make_project: Make, gain: float, verdict: str) -> None:
    project = make_project(recipes=ALL, targets=("xnli",)).run(planted(dict.fromkeys(ALL, gain)))
    project.claim_here()
    keep_claims(project, "xnli-no-benefit")
    assert judge(project).claims[0].verdict == verdict


def test_best_of_takes_each_targets_best_recipe(make_project: Make) -> None:
    recipes = (*ALL, "multi")
    best = dict(
        zip(
            ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc", "tatoeba"),
            ALL[1:],
            strict=True,
        )
    )

    def score(cell: Cell) -> float:
        return planted({recipe: 5.4 if best[cell.target] == recipe else -5.0 for recipe in recipes})(cell)

    project = make_project(recipes=recipes).run(score, dev=tuple(best))
    project.claim_here()
    keep_claims(project, "best-per-target")
    change_baseline(project, "own")
    row = judge(project).claims[0]
    assert row.verdict == "REPRODUCED" and row.measured == pytest.approx(5.4)
    change_baseline(project, "xlmr_large_test")
    over = judge(project).claims[0]
    assert over.measured == pytest.approx(50 + 0.3 * 2 + 5.4 - 68.1) and over.verdict == "NOT_REPRODUCED"
    assert over.beside == {"over its own none": pytest.approx(5.4)}


def change_baseline(project: Project, baseline: str) -> None:
    path = project.paths.reference / "claims.yaml"
    entries = yaml.safe_load(path.read_text())
    entries[0]["check"]["baseline"] = baseline
    path.write_text(yaml.safe_dump(entries, sort_keys=False))


def test_best_of_takes_what_shows_only_on_the_rows_that_choose(make_project: Make) -> None:
    """A recipe that shines on development sets alone is taken, and its own test score is reported."""
    project = make_project(recipes=("none", "mnli"), targets=("xnli",))
    project.write_data(dev=("xnli",))
    for cell in grid_cells(project.params):
        luck, gain = (9.0, -1.0) if cell.recipe == "mnli" else (0.0, 0.0)
        project.write_developed(cell, 50.0 + gain, 50.0 + luck)
    project.write_scores()
    row = claim(judge(project), "best-per-target")
    assert row.measured == pytest.approx(-1.0)
    assert set(row.evidence.choices["xnli"].chosen.values()) == {"mnli"}


def test_development_rows_that_are_test_rows_choose_nothing(make_project: Make) -> None:
    """In one pack BUCC's are: who chooses by them chooses by what is reported."""
    project = make_project(recipes=("none", "mnli"), targets=("xnli", "bucc"))
    project.write_data(dev=("xnli", "bucc"), shared=("bucc",))
    for cell in grid_cells(project.params):
        score = planted({"mnli": 3.0 if cell.target == "xnli" else -9.0})(cell)
        project.write_developed(cell, score, score)
    project.write_scores()
    row = claim(judge(project), "best-per-target")
    assert row.evidence.choices["xnli"].by == "dev" and row.evidence.choices["bucc"].by == "others"
    assert any(reason.startswith("bucc: left out of the choosing") for reason in row.reasons)
    assert row.measured == pytest.approx(-3.0)


def test_compare_with_a_variant_that_was_run(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli"))
    content = yaml.safe_load(project.paths.params.read_text())
    names = ["mnli", "squad_v2", "hellaswag"]
    content["recipes"] |= {f"{name}+mlm": {"tasks": [name], "mlm": True, "mixing_cap": 100} for name in names}
    content["grid"]["recipes"] = ["none", *names, *(f"{name}+mlm" for name in names)]
    project.paths.params.write_text(yaml.safe_dump(content))
    project = Project(project.root, type(project.params).model_validate(content), project.paths)
    project.run(lambda cell: planted(dict.fromkeys(names, 3.0))(cell) + (0.1 * cell.seed if "+" in cell.recipe else 0))
    project.claim_here()
    keep_claims(project, "english-over-mlm")
    row = judge(project).claims[0]
    assert row.verdict == "REPRODUCED" and row.measured == pytest.approx(2.8)


def test_a_partial_run_is_invalid_and_says_what_is_left(make_project: Make) -> None:
    project = make_project().run(planted(PUBLISHED))
    for target in ("xnli", "bucc"):
        (project.paths.cell("mnli", target, 2) / "result.json").unlink()
    found = judge(project)
    assert found.exit_code == 3 and found.v0.cells_found == 133
    assert "135 cells, found 2 that have not run (mnli-xnli-2, mnli-bucc-2); run `dvc repro`" in found.v0.problems[0]
    assert claim(found, "squad-gain").verdict == "INVALID" and claim(found, "squad-gain").measured is None


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_a_flipped_byte_in_predictions_or_data_is_invalid(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli")).run(planted(PUBLISHED))
    predictions = project.paths.cell("mnli", "xquad", 3) / "predictions.json.gz"
    flip(predictions)
    found = judge(project)
    assert found.exit_code == 3 and "mnli-xquad-3/predictions.json.gz" in found.v0.problems[0]
    flip(predictions)
    flip(project.paths.data("xnli") / "test.qaa.jsonl")
    found = judge(project)
    assert found.exit_code == 3 and "data/xnli/test.qaa.jsonl" in found.v0.problems[0]


def test_a_score_that_does_not_follow_is_invalid(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli")).run(planted(PUBLISHED))
    folder = project.paths.cell("mnli", "mlqa", 1)
    result = read_result(folder / "result.json")
    write_result(folder, result.model_copy(update={"score": 99.0}))
    found = judge(project)
    assert found.exit_code == 3 and any("cell mnli-mlqa-1" in problem for problem in found.v0.problems)


def test_a_stale_table_of_scores_is_invalid(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli")).run(planted(PUBLISHED))
    project.write_cell(Cell(recipe="mnli", target="xnli", seed=1), 70.0)
    found = judge(project)
    assert found.exit_code == 3 and "in mnli-xnli-1" in found.v0.problems[0]


def test_mixed_inputs_are_invalid_and_name_both(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli")).run(planted(PUBLISHED))
    cell = Cell(recipe="mnli", target="xnli", seed=2)
    project.write_cell(cell, 60.0, inputs={"data": "0" * 64, "params": "1" * 64})
    problems = judge(project).v0.problems
    assert any("`data` for xnli" in p and "none-xnli-1" in p and "mnli-xnli-2" in p for p in problems)
    assert any("made from the data of xnli that lies here" in p for p in problems)


def test_cells_of_another_encoder_are_invalid(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted(PUBLISHED))
    project.paths.encoder.mkdir()
    (project.paths.encoder / "model.safetensors").write_bytes(b"encoder")  # whose sha256 the results name
    assert judge(project).v0.ok
    (project.paths.encoder / "model.safetensors").write_bytes(b"weights")
    found = judge(project)
    assert found.exit_code == 3 and "from the encoder that lies here" in found.v0.problems[0]


def test_failed_and_collapsed_cells_are_named_not_dropped(make_project: Make) -> None:
    project = make_project(seeds=(1, 2, 3, 4)).run(planted(PUBLISHED))
    project.write_cell(Cell(recipe="squad_v2", target="panx", seed=4), None, predictions=None)
    project.write_cell(Cell(recipe="none", target="xnli", seed=2), 33.0, status="collapsed")
    project.write_scores()
    project.claim_here()
    found = judge(project)
    assert found.v0.ok and found.v0.failed == ["squad_v2-panx-4"] and found.v0.collapsed == ["none-xnli-2"]
    row = claim(found, "squad-gain")
    assert row.n_seeds == 3 and any("squad_v2-panx-4" in reason for reason in row.reasons)
    assert any("none-xnli-2 collapsed" in reason for reason in row.reasons)
    assert "1 failed (squad_v2-panx-4)" in render(found)


def test_seeds_behind_a_gap_do_not_count_and_are_named(make_project: Make) -> None:
    project = make_project(seeds=(1, 2, 3, 4)).run(planted(PUBLISHED))
    project.write_cell(Cell(recipe="squad_v2", target="panx", seed=2), None, predictions=None)
    project.write_scores()
    project.claim_here()
    row = claim(judge(project), "squad-gain")
    assert (row.verdict, row.n_seeds) == ("UNDERPOWERED", 1)
    assert any(reason.startswith("seeds 3, 4 did not count: the design counts 1, 2, 3") for reason in row.reasons)
    assert claim(judge(project), "mnli-gain").n_seeds == 4


def test_pinned_results_are_judged_where_nothing_has_run(make_project: Make) -> None:
    ran, clone = make_project(name="ran").run(planted(PUBLISHED)), make_project(name="clone")
    assert "135 cells" in pin_results(ran.params, ran.paths)
    (clone.paths.pinned.parent).mkdir(exist_ok=True)
    ran.paths.pinned.rename(clone.paths.pinned)
    found = judge(clone)
    assert found.judged == "pinned" and found.v0.ok and found.v0.cells_found == 135 and found.exit_code == 0
    assert claim(found, "squad-gain").measured == pytest.approx(8.2)
    assert "PINNED" in render(found)
    manifest = read_pinned_manifest(clone.paths.pinned)
    assert manifest.machines == [{"cpu": "toy", "threads": 1}] and manifest.git_commits == ["c0ffee"]
    assert not manifest.git_dirty and manifest.bytes > 0 and len(manifest.files) == 138

    flip(clone.paths.pinned / "predictions" / "multi-panx-3.json.gz")
    found = judge(clone)
    assert found.exit_code == 3 and "predictions/multi-panx-3.json.gz" in found.v0.problems[0]


def test_pinned_results_with_a_forged_manifest_are_caught(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli")).run(planted(PUBLISHED))
    pin_results(project.params, project.paths)
    folder = project.paths.pinned
    scores = json.loads((folder / "scores.json").read_text())
    scores["cells"][0]["score"] += 5
    (folder / "scores.json").write_text(json.dumps(scores))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["scores.json"] = sha256((folder / "scores.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest))
    checked = check_pinned(folder)
    assert checked.table is None and "none-xnli-1" in checked.integrity.problems[0]
    (folder / "extra").write_text("")
    assert "found extra" in check_pinned(folder).integrity.problems[0]


def test_of_real_data_only_scores_and_hashes_are_pinned(make_project: Make) -> None:
    made = make_project(recipes=("none", "mnli"))
    data = made.params.data.model_copy(update={"source": "local", "pack": "mini"})
    project = Project(made.root, made.params.model_copy(update={"data": data}), made.paths).run(planted(PUBLISHED))
    pin_results(project.params, project.paths)
    folder = project.paths.pinned
    assert sorted(path.name for path in folder.iterdir()) == [
        "costs.json", "manifest.json", "results.jsonl", "scores.json"
    ]  # fmt: skip
    assert not read_pinned_manifest(folder).predictions
    project.run_again(planted(PUBLISHED))
    found = judge(project)
    assert found.v2 is not None and found.v2.identical == found.v2.compared == 54, "hashes are enough to compare by"
    shutil.rmtree(project.paths.results)
    assert judge(project).judged == "pinned" and judge(project).v0.ok
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"predictions": True}))
    assert "found others" in check_pinned(folder).integrity.problems[0]


def test_pinned_costs_are_what_the_plan_of_a_clone_estimates_by(make_project: Make) -> None:
    ran, clone = make_project(name="ran").run(planted(PUBLISHED)), make_project(name="clone")
    for seed, seconds in ((1, 4.0), (2, 8.0), (3, 90.0)):
        cell = Cell(recipe="mnli", target="xnli", seed=seed)
        ran.write_cell(cell, planted(PUBLISHED)(cell), elapsed_s=seconds)
        write_json(ran.paths.results / "intermediate" / f"mnli-{seed}.json", {"recipe": "mnli", "elapsed_s": seconds})
    write_json(ran.paths.results / "encoder.json", {"elapsed_s": 120.0})
    pin_results(ran.params, ran.paths)
    content = (ran.paths.pinned / "costs.json").read_bytes()
    assert read_pinned_manifest(ran.paths.pinned).files["costs.json"] == sha256(content)
    assert json.loads(content)["machine"] == machine()

    ran.paths.pinned.rename(clone.paths.pinned)
    seconds_here, where = measured_costs(clone.paths)
    # Of the 15 cells of xnli 12 took the 1.0 s of the fixture.
    assert seconds_here == {"encoder": 120.0, "intermediate mnli": 8.0} | {
        f"cell {target}": 1.0 for target in clone.params.grid.targets
    }
    assert where == f"the pinned run ({machine()['cpu']}, {machine()['cores']} cores)"
    assert "of work by the pinned run" in render_plan(clone.params, clone.paths)


def test_a_broken_run_is_not_pinned(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli")).run(planted(PUBLISHED))
    (project.paths.cell("mnli", "xnli", 1) / "result.json").unlink()
    with pytest.raises(HarnessError, match="have not run"):
        pin_results(project.params, project.paths)
    assert not project.paths.pinned.exists()


def test_a_repeated_run_is_identical_to_the_pinned_one(make_project: Make) -> None:
    project = make_project().run(planted(PUBLISHED))
    pin_results(project.params, project.paths)
    project.run_again(planted(PUBLISHED))
    found = judge(project)
    assert found.v2 is not None and found.v2.ok and found.v2.identical == found.v2.compared == 135
    assert found.v2.largest_difference_points == 0 and found.exit_code == 0 and not found.v2.copies


def test_the_pinned_cells_themselves_repeat_nothing(make_project: Make) -> None:
    """`harness repro --pinned` copies them: their records are equal."""
    project = make_project(recipes=("none", "mnli"), targets=("xnli", "bucc")).run(planted(PUBLISHED))
    pin_results(project.params, project.paths)
    found = judge(project)
    assert found.v2 is not None and (found.v2.compared, found.v2.copies) == (0, 12) and found.exit_code == 0
    line = next(line for line in render(found).splitlines() if line.startswith("V2 pinned"))
    assert line.split()[2:6] == ["-", "these", "12", "cells"]
    cell = Cell(recipe="mnli", target="xnli", seed=1)
    project.write_cell(cell, planted(PUBLISHED)(cell) + 0.1)
    project.write_scores()
    found = judge(project)
    assert found.v2 is not None and (found.v2.compared, found.v2.copies) == (1, 11)
    assert "1 cells, 0 identical" in render(found) and "11 more are the pinned ones themselves" in render(found)


@pytest.mark.parametrize(("moved", "exit_code"), [(0.3, 0), (30.0, 1)])
def test_one_moved_cell_within_and_beyond_the_pinned_spread(make_project: Make, moved: float, exit_code: int) -> None:
    project = make_project().run(planted(PUBLISHED))
    pin_results(project.params, project.paths)
    cell = Cell(recipe="mnli", target="xnli", seed=1)
    project.run_again(lambda one: planted(PUBLISHED)(one) + (moved if one == cell else 0.0))
    found = judge(project)
    assert found.v2 is not None and found.v2.identical == 134 and found.exit_code == exit_code
    assert found.v2.largest_difference_points == pytest.approx(moved) and found.v2.largest_in == cell.id
    assert f"in {cell.id}, whose tolerance is {found.v2.tolerance_points[cell.id]:.2f}" in render(found)
    assert bool(found.v2.outside) == (exit_code == 1)


def test_a_shift_of_a_whole_target_is_seen_where_its_cells_pass(make_project: Make) -> None:
    project = make_project().run(planted(PUBLISHED))
    pin_results(project.params, project.paths)
    project.run_again(lambda cell: planted(PUBLISHED)(cell) + (1.2 if cell.target == "panx" else 0.0))
    found = judge(project)
    assert found.v2 is not None and all((limit or 0.0) > 1.2 for limit in found.v2.tolerance_points.values())
    assert [line.split(":")[0] for line in found.v2.outside] == ["target panx"] and found.exit_code == 1


@pytest.mark.parametrize(("moved", "word", "exit_code"), [(0.3, "ok", 0), (30.0, "UNDECIDED", 2)])
def test_another_draw_of_the_pretraining_is_not_accused(
    make_project: Make, moved: float, word: str, exit_code: int
) -> None:
    project = make_project().run(planted(PUBLISHED))
    pin_results(project.params, project.paths)
    cell = Cell(recipe="mnli", target="xnli", seed=1)
    project.write_cell(cell, planted(PUBLISHED)(cell) + moved)
    for each in grid_cells(project.params):
        result = read_result(project.paths.cell(each.recipe, each.target, each.seed) / "result.json")
        start = {"checkpoint": "e" * 64} if each.recipe == "none" else {}
        other = result.model_copy(update={"inputs": result.inputs | {"encoder": "e" * 64} | start})
        write_result(project.paths.cell(each.recipe, each.target, each.seed), other)
    project.write_scores()
    found = judge(project)
    assert found.v2 is not None and found.v2.ok and not found.v2.outside and found.v2.compared == 135
    assert bool(found.v2.undecided) == (word == "UNDECIDED") and found.exit_code == exit_code
    assert f"V2 pinned     {word} " in render(found)
    assert ("another draw of the pretraining" in render(found)) == (word == "UNDECIDED")


def test_cells_made_from_other_params_are_not_compared(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli")).run(planted(PUBLISHED))
    pin_results(project.params, project.paths)
    for cell in grid_cells(project.params):
        if cell.target == "xnli":
            score = planted(PUBLISHED)(cell)
            old = read_result(project.paths.cells / cell.id / "result.json")
            project.write_cell(cell, score, inputs=old.inputs | {"params": "2" * 64})
    project.write_scores()
    found = judge(project)
    assert found.v2 is not None and len(found.v2.not_comparable) == 6 and found.exit_code == 2


def test_cells_beyond_the_pinned_grid_are_counted_and_decide_nothing(make_project: Make) -> None:
    small, large = make_project(seeds=(1, 2, 3), name="small"), make_project(seeds=(1, 2, 3, 4), name="large")
    pin_results(small.params, small.run(planted(PUBLISHED)).paths)
    large.run_again(planted(PUBLISHED))
    small.paths.pinned.rename(large.paths.pinned)
    found = judge(large)
    assert found.v2 is not None and found.v2.compared == 135 and len(found.v2.not_pinned) == 45
    assert found.exit_code == 0 and "45 cells of the run are not pinned" in render(found)


def test_the_table_reads_well(make_project: Make) -> None:
    project = make_project().run(planted(PUBLISHED | {"hellaswag": 4.0}, noise=STEADY))
    project.claim_here()
    text = render(judge(project))
    lines = text.splitlines()
    assert lines[-1] == "More: --details (evidence), --hashes (sha256), `harness verify CLAIM --explain`"
    assert max(map(len, lines)) <= WIDTH and text.isascii()
    header = next(line for line in lines if line.startswith("verdict"))
    assert (
        lines[0]
        == "4 of 10 measured claims decided: 3 REPRODUCED, 1 NOT_REPRODUCED, 6 NOT_TESTED; 0 of 11 facts confirmed"
    )
    squad = next(line for line in lines if " squad-gain " in line)
    assert squad.split()[:6] == ["REPRODUCED", "squad-gain", "+8.2", "+-", "1.5", "+8.2"]
    assert squad.index("+8.2 +- 1.5") == header.index("claimed")
    weak = next(line for line in lines if " hellaswag-gain " in line)
    assert weak.startswith("NOT_REPRODUCED") and weak.endswith("weaker")
    assert lines[-2] == "exit code 1: something is not reproduced, or refuted; 17 of 21 claims NOT_TESTED"
    assert sum(line.startswith(("REPRODUCED", "NOT_", "INCONCLUSIVE", "UNDERPOWERED")) for line in lines) == 21


def test_many_failed_and_collapsed_cells_keep_the_width(make_project: Make) -> None:
    project = make_project().run(planted(PUBLISHED))
    for cell in grid_cells(project.params):
        if cell.recipe == "hellaswag" and cell.target == "tatoeba":
            project.write_cell(cell, None, predictions=None)
        elif cell.recipe == "hellaswag":
            project.write_cell(cell, planted(PUBLISHED)(cell), status="collapsed")
    project.write_scores()
    text = render(judge(project))
    assert max(map(len, text.splitlines())) <= WIDTH
    words = " ".join(text.split())
    assert "24 collapsed (hellaswag-xnli-1, " in words and "3 failed (hellaswag-tatoeba-1, " in words


def test_json_round_trips(make_project: Make) -> None:
    found = judge(make_project().run(planted(PUBLISHED)))
    assert Verification.model_validate_json(found.model_dump_json()) == found


def test_predictions_of_the_fixture_are_what_they_claim(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted(PUBLISHED))
    stored = project.paths.cell("mnli", "xnli", 1) / "predictions.json.gz"
    said = json.loads(gzip.decompress(stored.read_bytes()))["languages"]["qaa"]["predictions"]
    assert said == [{"accuracy": pytest.approx(58.6)}]
    assert flat(50.0, "qa")["qaa"] == {"em": 51.0, "f1": 51.0}
