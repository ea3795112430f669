"""From a run on disk to the record of `harness study`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest
from synthetic import Project, planted, sha256

from harness.audit.pin_results import pin_results
from harness.pages.study.record import EncoderMade, read_study
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.results import Cell, grid_cells, read_result, write_result
from harness.verify.languages.registration import LANGUAGES_FILE, REGISTRATION_FILE

Make = Callable[..., Project]
WEIGHTS = sha256(b"weights")


def run_with_encoder(make_project: Make, repo_root: os.PathLike[str]) -> Project:
    project = make_project(recipes=("none", "mnli"), targets=("xnli", "bucc"))
    project.paths.tasks.symlink_to(os.path.join(repo_root, "tasks"))
    for name in (LANGUAGES_FILE, REGISTRATION_FILE):
        shutil.copy(os.path.join(repo_root, "reference", name), project.paths.reference / name)
    project.write_data()
    for cell in grid_cells(project.params):
        start = {"checkpoint": WEIGHTS} if cell.recipe == "none" else {}
        project.write_cell(cell, planted({"mnli": 2.0})(cell), inputs={"encoder": WEIGHTS} | start)
    project.write_scores()
    return project


def test_a_run_is_described_by_its_own_files(make_project: Make, repo_root: os.PathLike[str]) -> None:
    project = run_with_encoder(make_project, repo_root)
    for day, cell in enumerate(grid_cells(project.params)):
        path = project.paths.cells / cell.id / "result.json"
        os.utime(path, (86400 * day, 86400 * day))
    study = read_study(project.params, project.paths)
    assert study.verification.judged == "run" and study.encoder is None
    assert study.provenance.when == "cells written 1970-01-01 to 1970-01-12 (UTC)"
    assert study.provenance.machines == [{"cpu": "toy", "threads": 1}] and study.provenance.git_commits == ["c0ffee"]
    assert study.gains["mnli"]["xnli"] and study.gains["mnli"]["xnli"].mean == pytest.approx(2.0)
    assert set(study.task_notes) == {"laboratory analogue"}


def test_seeds_from_two_classes_of_machine_are_known(make_project: Make, repo_root: os.PathLike[str]) -> None:
    project = run_with_encoder(make_project, repo_root)
    assert read_study(project.params, project.paths).other_machines == {}
    for target in ("xnli", "bucc"):
        folder = project.paths.cell("mnli", target, 2)
        result = read_result(folder / "result.json")
        write_result(folder, result.model_copy(update={"provenance": result.provenance | {"threads": 8}}))
    assert read_study(project.params, project.paths).other_machines == {"mnli": [2]}


def test_the_encoders_record_counts_only_for_the_weights_that_cells_started_from(
    make_project: Make, repo_root: os.PathLike[str]
) -> None:
    project = run_with_encoder(make_project, repo_root)
    record = {"parameters": 7, "curve": [{"step": step, "loss": 9.0 - step} for step in (1, 2, 3, 4)]}
    write_json(project.paths.results / "encoder.json", record | {"sha256": {"model.safetensors": WEIGHTS}})
    made = read_study(project.params, project.paths).encoder
    assert made == EncoderMade(parameters=7, steps=4, final_loss=5.0, earlier_loss=6.0)
    write_json(project.paths.results / "encoder.json", record | {"sha256": {"model.safetensors": sha256(b"other")}})
    assert read_study(project.params, project.paths).encoder is None
    write_json(project.paths.results / "encoder.json", {"sha256": {}})
    with pytest.raises(HarnessError, match=r"encoder\.json"):
        read_study(project.params, project.paths)


def test_pinned_results_keep_the_encoders_record(make_project: Make, repo_root: os.PathLike[str]) -> None:
    project = run_with_encoder(make_project, repo_root)
    record = {"parameters": 7, "curve": [], "sha256": {"model.safetensors": WEIGHTS}}
    write_json(project.paths.results / "encoder.json", record)
    pin_results(project.params, project.paths)
    shutil.rmtree(project.paths.results)
    study = read_study(project.params, project.paths)
    assert study.verification.judged == "pinned"
    assert study.encoder == EncoderMade(parameters=7, steps=None, final_loss=None)


def test_a_run_with_a_missing_cell_is_refused(make_project: Make, repo_root: os.PathLike[str]) -> None:
    project = run_with_encoder(make_project, repo_root)
    (project.paths.cells / Cell(recipe="mnli", target="xnli", seed=1).id / "result.json").unlink()
    with pytest.raises(HarnessError, match="mnli-xnli-1"):
        read_study(project.params, project.paths)
