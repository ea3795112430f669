"""V0 and the image: results made elsewhere than params.yaml says are refused, and the table says how many images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from synthetic import Project, planted

from harness.audit.levels import verify_all
from harness.audit.report import render
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params

IMAGE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def in_containers(project: Project) -> Project:
    """The same project with `runtime: docker` and IMAGE pinned."""
    path = project.root / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | {"runtime": "docker", "image": IMAGE}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    params: Params = load_params(project.root)
    return Project(project.root, params, Paths(project.root, params.profile))


def made_in(project: Project, image: str | None, only: str = "") -> None:
    """Note in the results (or in those of one recipe) that they were made in `image`."""
    from harness.project.results import collect, grid_cells, write_result

    for result in collect(project.paths.cells, grid_cells(project.params)).values():
        if only in ("", result.cell.recipe):
            provenance = result.provenance | {"image_digest": image}
            folder = project.paths.cell(result.cell.recipe, result.cell.target, result.cell.seed)
            write_result(folder, result.model_copy(update={"provenance": provenance}))


@pytest.fixture
def boxed(make_project: Callable[..., Project]) -> Project:
    project = in_containers(make_project())
    project.run(planted({}))
    made_in(project, IMAGE)
    return project


def problems(project: Project) -> list[str]:
    return verify_all(project.params, project.paths).v0.problems


def test_results_of_the_pinned_image_are_whole(boxed: Project) -> None:
    found = verify_all(boxed.params, boxed.paths)
    assert found.v0.problems == [] and found.v0.images == [IMAGE]
    assert ", 1 image" in render(found)


def test_results_of_another_image_or_of_none_are_refused(boxed: Project) -> None:
    for image, words in ((OTHER, f"found {OTHER} in cell "), (None, "found no image in cell ")):
        made_in(boxed, image, only="mnli")
        (problem,) = problems(boxed)
        assert problem.startswith(f"expected everything made in {IMAGE}") and words in problem
        assert verify_all(boxed.params, boxed.paths).exit_code == 3


def test_an_intermediate_training_of_another_image_is_refused(boxed: Project) -> None:
    record: Path = boxed.paths.intermediate("mnli", 1)
    write_json(record, {"provenance": {"image_digest": OTHER}})
    (problem,) = problems(boxed)
    assert f"found {OTHER} in intermediate mnli-1" in problem
    write_json(record, {"provenance": {"image_digest": IMAGE}})
    assert problems(boxed) == []


def test_results_of_an_image_are_no_local_results(make_project: Callable[..., Project]) -> None:
    project = make_project().run(planted({}))
    assert problems(project) == []
    made_in(project, IMAGE)
    (problem,) = problems(project)
    assert "expected everything made in no image" in problem and f"found {IMAGE}" in problem
