"""What a unit wrote is taken to its place: plain files only, no link followed, the old one there until then."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import toy as toys

from harness.experiment.inputs import write_target
from harness.launch import work as works
from harness.launch.unit import do_cell, do_encoder, do_intermediate
from harness.launch.work import Work, cell_work, fetch_back, own_scratch, remove_old_scratch
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell

Toy = tuple[Params, Paths]
CELL = Cell(recipe="none", target="tatoeba", seed=1)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Work, Path, Paths]:
    """A cell's work, the scratch folder in which it lies finished, and the project that it goes to."""
    paths = Paths(tmp_path / "project", "toy")
    work = cell_work(CELL, paths)
    scratch = tmp_path / "scratch"
    folder = scratch / work.outputs[0].relative_to(paths.root)
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("new")
    (tmp_path / "outside").write_text("mine")
    return work, scratch, paths


TRICKS: dict[str, Callable[[Path, Path], object]] = {
    "a link to a file": lambda folder, outside: (folder / "link").symlink_to(outside),
    "a link to a folder": lambda folder, outside: (folder / "link").symlink_to(outside.parent),
    "a link to nowhere": lambda folder, outside: (folder / "link").symlink_to("/nowhere"),
    "a second name": lambda folder, outside: os.link(outside, folder / "second"),
    "a pipe": lambda folder, outside: os.mkfifo(folder / "pipe"),
}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("deep", [False, True])
def test_anything_but_plain_files_is_refused(written: tuple[Work, Path, Paths], trick: str, deep: bool) -> None:
    work, scratch, paths = written
    TRICKS[trick](scratch / work.outputs[0].relative_to(paths.root) if deep else scratch, scratch.parent / "outside")
    with pytest.raises(HarnessError, match="to write plain files and folders, found another kind at"):
        fetch_back(work, scratch, paths)
    assert not work.outputs[0].exists()


def test_a_folder_on_the_way_that_is_a_link_is_refused(written: tuple[Work, Path, Paths]) -> None:
    work, scratch, paths = written
    (scratch / "results").rename(scratch.parent / "elsewhere")
    (scratch / "results").symlink_to(scratch.parent / "elsewhere")
    with pytest.raises(HarnessError, match="found another kind at 'results'"):
        fetch_back(work, scratch, paths)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_link_that_is_swapped_in_is_not_followed(
    written: tuple[Work, Path, Paths], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, scratch, paths = written
    outside = scratch.parent / "outside"
    os.chown(outside, 12345, 12345)
    result = scratch / work.outputs[0].relative_to(paths.root) / "result.json"
    look = os.stat

    def swap(name: Any, **how: Any) -> os.stat_result:
        found = look(name, **how)
        if name == "result.json" and not result.is_symlink():
            result.unlink()
            result.symlink_to(outside)
        return found

    monkeypatch.setattr(works.os, "stat", swap)
    with pytest.raises(OSError, match="symbolic links"):
        fetch_back(work, scratch, paths)
    assert look(outside).st_uid == 12345


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_what_another_user_wrote_becomes_roots(written: tuple[Work, Path, Paths]) -> None:
    work, scratch, paths = written
    for path in scratch.rglob("*"):
        os.chown(path, 12345, 12345)
    fetch_back(work, scratch, paths)
    assert {path.stat().st_uid for path in (work.outputs[0], *work.outputs[0].rglob("*"))} == {0}


def test_scratch_of_processes_that_are_gone_is_taken_away(tmp_path: Path) -> None:
    paths = Paths(tmp_path, "toy")
    for name in (own_scratch(paths).name, "jobs-x", "jobs-999999999"):
        (paths.scratch / name).mkdir(parents=True)
    remove_old_scratch(paths)
    assert list(paths.scratch.iterdir()) == [own_scratch(paths)]


class Failed(Exception):
    pass


def fail(*_: object, **__: object) -> None:
    raise Failed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cell", "intermediate", "encoder"])
def test_a_unit_that_fails_leaves_the_finished_one(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    params, paths = toy_copy
    for target in toys.CELLS:
        write_target(target, params, paths)
    from harness.experiment.inputs import write_recipe

    write_recipe("none", params, paths)
    assert do_intermediate("none", 1, params, paths)[0] == do_cell(CELL, params, paths)[0] == 0
    before = {
        path: path.read_bytes()
        for folder in (paths.encoder, paths.results, paths.checkpoints)
        for path in folder.rglob("*.*")
    }
    do, last = {
        "cell": (lambda: do_cell(CELL, params, paths), "harness.experiment.cell.write_result"),
        "intermediate": (
            lambda: do_intermediate("none", 1, params, paths),
            "harness.experiment.intermediate.write_json",
        ),
        "encoder": (lambda: do_encoder(params, paths), "harness.experiment.encoder.write_json"),
    }[kind]
    monkeypatch.setattr(last, fail)
    with pytest.raises(Failed):
        do()
    assert {path: path.read_bytes() for path in before} == before and not list(paths.scratch.iterdir())
    monkeypatch.undo()
    do()
    assert all(path.exists() for path in before) and not list(paths.scratch.iterdir())
