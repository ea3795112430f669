"""Which arrays a grid becomes: every unit once, each behind what it needs, index by index; no Slurm is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.launch.executor import Job
from harness.launch.slurm.arrays import Array, plan_arrays
from harness.launch.work import Work


def job(stage: str, *needs: str, kind: str = "intermediate", seconds: float = 1.0) -> Job:
    return Job(stage, Work(stage, ("run", stage), (), ()), needs, seconds, kind, Path(f"{stage}.log"))


def grid(recipes: list[str], targets: list[str]) -> list[Job]:
    cells = [job(f"{target} after {one}", one, kind=f"cell {target}") for one in recipes for target in targets]
    return [*(job(one, "encoder", kind=f"intermediate {one}") for one in recipes), *cells]


def stages(array: Array) -> list[str]:
    return [one.stage for one in array.jobs]


def test_a_whole_grid_is_one_array_of_trainings_and_one_of_each_target_in_the_same_order() -> None:
    trainings, *cells = plan_arrays(grid(["a", "b", "c"], ["xnli", "udpos"]), {}, 100)
    assert (trainings.label, trainings.after, sorted(stages(trainings))) == ("intermediate", None, ["a", "b", "c"])
    assert sorted(array.label for array in cells) == ["cell udpos", "cell xnli"]
    for array in cells:
        assert array.after is trainings and array.by_index
        assert [name.rpartition(" ")[2] for name in stages(array)] == stages(trainings)


def test_cells_whose_checkpoint_is_there_wait_for_nothing() -> None:
    arrays = plan_arrays([one for one in grid(["a", "b"], ["xnli", "udpos"]) if one.kind.startswith("cell")], {}, 100)
    assert [array.after for array in arrays] == [None, None]
    assert sorted(len(array.jobs) for array in arrays) == [2, 2]


def test_what_waits_for_most_work_comes_first() -> None:
    jobs = [job("short", seconds=1), job("long", seconds=9)]
    jobs += [job("x1", "short", kind="cell x"), job("x2", "long", kind="cell x")]
    trainings, cells = plan_arrays(jobs, {}, 100)
    assert stages(trainings) == ["long", "short"] and stages(cells) == ["x2", "x1"] and trainings.seconds == 9


def test_trainings_with_cells_of_other_targets_are_other_arrays() -> None:
    jobs = [one for one in grid(["a", "b", "c"], ["xnli", "udpos"]) if one.stage != "udpos after c"]
    arrays = plan_arrays(jobs, {}, 100)
    alone = next(array for array in arrays if stages(array) == ["c"])
    assert [stages(array) for array in arrays if array.after is alone] == [["xnli after c"]]
    assert not any(array.by_index for array in arrays if array.after is alone), "a plain job has no index"


def test_the_cells_of_one_training_are_one_array_that_waits_for_the_whole_of_it() -> None:
    training, cells = plan_arrays(grid(["a"], ["xnli", "udpos", "bucc"]), {}, 100)
    assert cells.after is training and not cells.by_index and cells.label == "cells of 3 targets"


def test_arrays_are_split_where_slurm_takes_no_longer_ones() -> None:
    arrays = plan_arrays(grid([f"r{number}" for number in range(5)], ["xnli"]), {}, 2)
    assert [len(array.jobs) for array in arrays] == [2, 2, 1, 2, 2, 1]
    assert [array.by_index for array in arrays if array.after] == [True, True, False]


def test_cells_of_a_training_that_is_queued_already_wait_for_its_job() -> None:
    cells = [one for one in grid(["a", "b"], ["xnli", "udpos"]) if one.kind.startswith("cell")]
    arrays = plan_arrays(cells, {"a": "12_3"}, 100)
    late = [array for array in arrays if array.after_queued]
    assert [array.after_queued for array in late] == ["12_3"]
    assert sorted(stages(late[0])) == ["udpos after a", "xnli after a"]
    assert sum(len(array.jobs) for array in arrays) == 4


def test_a_unit_that_waits_for_two_is_no_cell() -> None:
    with pytest.raises(ValueError, match="expected c to wait for one unit, found"):
        plan_arrays([job("a"), job("b"), job("c", "a", "b")], {}, 100)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), unique=True),
    st.sets(st.integers(0, 5)),
    st.integers(1, 4),
)
def test_whatever_is_left_of_a_grid_every_unit_stands_in_one_array_behind_what_it_needs(
    cells: list[tuple[int, int]], queued: set[int], most: int
) -> None:
    recipes = {recipe for recipe, _ in cells}
    jobs = [job(f"r{recipe}", kind=f"intermediate r{recipe}") for recipe in sorted(recipes - queued)]
    jobs += [job(f"t{target} r{recipe}", f"r{recipe}", kind=f"cell t{target}") for recipe, target in cells]
    arrays = plan_arrays(jobs, {f"r{recipe}": f"7_{recipe}" for recipe in queued}, most)
    assert sorted(name for array in arrays for name in stages(array)) == sorted(one.stage for one in jobs)
    for place, array in enumerate(arrays):
        assert len(array.jobs) <= most
        assert array.after is None or array.after in arrays[:place]
        for index, one in enumerate(array.jobs):
            for need in one.needs:
                if need.removeprefix("r") in map(str, queued):
                    assert array.after_queued == f"7_{need.removeprefix('r')}"
                else:
                    assert array.after is not None
                    waited = array.after.jobs[index : index + 1] if array.by_index else array.after.jobs
                    assert [each.stage for each in waited] == [need]
