"""Level V1: the same cells on the same class of machine give the same predictions, or are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from synthetic import Project, planted

from harness.audit.levels import verify_all
from harness.audit.pin_results import pin_results
from harness.audit.report import render
from harness.audit.verification import Verification
from harness.project.results import grid_cells, read_result

Make = Callable[..., Project]
ORIGIN: dict[str, Any] = {
    "machine": {"cpu": "toy", "cores": 2, "architecture": "x86_64", "system": "Linux"},
    "device": "cpu",
    "threads": 1,
    "python": "3.11.0",
    "packages": {"torch": "2.0", "numpy": "1.0"},
}

NOT_RUN = "these are the pinned results themselves, times and memory aside: nothing shows that they ran again"


def pinned(make_project: Make) -> Project:
    """A small run that was pinned, every cell made on one machine."""
    project = make_project(recipes=("none", "mnli"), targets=("xnli", "bucc")).run(planted({"mnli": 1.0}))
    remake(project, ORIGIN)
    pin_results(project.params, project.paths)
    return project


def remake(project: Project, origin: dict[str, Any], moved: dict[str, float] | None = None, **inputs: str) -> None:
    for cell in grid_cells(project.params):
        old = read_result(project.paths.cells / cell.id / "result.json")
        score = planted({"mnli": 1.0})(cell) + (moved or {}).get(cell.id, 0.0)
        project.write_cell(cell, score, provenance=origin, inputs=old.inputs | inputs)
    project.write_scores()


def judge(project: Project) -> Verification:
    return verify_all(project.params, project.paths)


def test_the_same_machine_repeats_every_prediction(make_project: Make) -> None:
    project = pinned(make_project)
    remake(project, ORIGIN | {"threads": 1, "git_commit": "another", "peak_memory_mb": 7})
    found = judge(project)
    assert found.v1 is not None and found.v1.ok and (found.v1.compared, found.v1.identical) == (12, 12)
    line = next(line for line in render(found).splitlines() if line.startswith("V1"))
    assert line.split(maxsplit=3) == ["V1", "repeat", "ok", "12 of 12 cells predict the same on toy, Python 3.11.0"]


def test_other_predictions_on_the_same_machine_are_named(make_project: Make) -> None:
    project = pinned(make_project)
    remake(project, ORIGIN | {"git_commit": "another"}, {"mnli-bucc-2": 0.001})
    found = judge(project)
    assert found.v1 is not None and found.v1.differing == ["mnli-bucc-2"] and found.v1.identical == 11
    lines = render(found).splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("V1"))
    assert lines[place].split()[2] == "DIFFERS" and lines[place + 1].strip() == "other predictions in mnli-bucc-2"
    assert found.v2 is not None and found.v2.ok


@pytest.mark.parametrize(
    "change",
    [
        {"machine": ORIGIN["machine"] | {"cpu": "other"}},
        {"machine": ORIGIN["machine"] | {"instructions": "cpu family 25, model 17, avx2, avx512f"}},
        {"python": "3.12.0"},
        {"packages": {"torch": "2.1", "numpy": "1.0"}},
        {"device": "some GPU"},
        {"threads": 4},
    ],
)
def test_another_class_of_machine_has_no_v1(make_project: Make, change: dict[str, Any]) -> None:
    project = pinned(make_project)
    remake(project, ORIGIN | change)
    found = judge(project)
    assert found.v1 is None and found.v1_note.startswith("no pinned cell was made on this class of machine (")
    assert found.v1_note in render(found) and found.v2 is not None and found.v2.compared == 12


def test_another_code_is_no_repeat(make_project: Make) -> None:
    project = pinned(make_project)
    remake(project, ORIGIN, code="1" * 64)
    found = judge(project)
    assert found.v1 is None
    assert found.v1_note == "no pinned cell was made by the same code from the same data and params"


def test_pinned_results_and_unpinned_profiles_say_why_there_is_no_v1(make_project: Make) -> None:
    project = make_project(recipes=("none",), targets=("xnli",)).run(planted({}))
    assert judge(project).v1_note == "nothing is pinned for profile lab"
    pin_results(project.params, project.paths)
    for cell in grid_cells(project.params):
        (project.paths.cells / cell.id / "result.json").unlink()
    assert judge(project).v1_note == "the pinned results are the ones judged"


def test_pinned_results_do_not_repeat_themselves(make_project: Make) -> None:
    """Copied to the place of a run, or still there from the run that was pinned."""
    project = pinned(make_project)
    found = judge(project)
    assert found.v1 is None
    assert found.v1_note == NOT_RUN
    project.run(planted({"mnli": 1.0}), provenance=ORIGIN | {"peak_memory_mb": 99}, elapsed_s=7.5)
    found = judge(project)
    assert found.v1 is None and found.v1_note == NOT_RUN, "other times are easily written"
    assert found.v2 is not None and (found.v2.compared, found.v2.copies) == (0, 12)
    cell = grid_cells(project.params)[0]
    old = read_result(project.paths.cells / cell.id / "result.json")
    project.write_cell(cell, planted({"mnli": 1.0})(cell), provenance=ORIGIN | {"git_commit": "b"}, inputs=old.inputs)
    project.write_scores()
    found = judge(project)
    assert found.v1 is not None and (found.v1.compared, found.v1.identical, found.v1.copies) == (1, 1, 11)
    assert "1 of 1 cells predict the same on toy, Python 3.11.0; 11 more are the pinned" in render(found)
