"""The schedule: needs before what needs them, the longest chain first, and never far from the least possible time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.launch.schedule import Item, Schedule, ranks, simulate


def item(name: str, seconds: float, *needs: str) -> Item:
    return Item(name, needs, seconds)


GRID = [
    item("train short", 1),
    item("train long", 5, "encoder"),  # `encoder` is no item: it is done
    item("cell a", 4, "train short"),
    item("cell b", 1, "train long"),
    item("cell c", 2, "train long"),
]


def test_a_rank_is_the_longest_chain_that_begins_there() -> None:
    assert ranks(GRID) == {"train short": 5, "train long": 7, "cell a": 4, "cell b": 1, "cell c": 2}


def test_what_most_work_waits_for_comes_first_and_needs_are_kept() -> None:
    schedule = Schedule(GRID)
    assert [schedule.next(), schedule.next(), schedule.next()] == ["train long", "train short", None]
    assert schedule.left_seconds(1) == 13 and schedule.left_seconds(8) == 7
    schedule.finish("train short")
    assert schedule.next() == "cell a" and schedule.next() is None
    schedule.finish("train long")
    assert [schedule.next(), schedule.next(), schedule.next()] == ["cell c", "cell b", None]
    for name in ("cell a", "cell b", "cell c"):
        schedule.finish(name)
    assert not schedule.running and schedule.left_seconds(1) == 0


def test_what_is_left_is_told_by_the_times_of_what_has_ended() -> None:
    trainings = [Item(f"train {number}", (), 1.0, "training") for number in range(3)]
    cells = [Item(f"cell {number}", (f"train {number}",), 2.0, "cell") for number in range(3)]
    schedule = Schedule([*trainings, *cells])
    assert schedule.left_seconds(1) == 9
    schedule.finish("train 0", 0.0)
    assert schedule.left_seconds(1) == 6 + 0, "a kind whose units take no time"
    schedule.finish("train 1", 30.0)
    assert schedule.left_seconds(1) == 15 + 3 * 2 * 15, "a median; 30 s for 2 that were estimated, so 15 times"
    schedule.finish("cell 0")
    assert schedule.left_seconds(1) == 15 + 2 * 2 * 15, "one that was there already says nothing"
    schedule.finish("cell 1", 4.0)
    assert schedule.left_seconds(1) == 15 + 4
    assert schedule.left_seconds(8) == 15 + 4, "the longest chain"


def test_one_sort_says_nothing_of_another_that_has_been_timed() -> None:
    kinds = ("train a", "train b", "cell x", "cell y")
    schedule = Schedule([Item(kind, (), 2.0, kind) for kind in kinds])
    schedule.finish("train a", 6.0)
    assert schedule.left_seconds(1) == 3 * 6, "no cell has ended: three times slower, as the training was"
    schedule.finish("cell x", 2.0)
    assert schedule.left_seconds(1) == 6 + 2


def test_a_failure_takes_what_needs_it_and_nothing_else() -> None:
    schedule = Schedule(GRID)
    schedule.next()
    assert schedule.fail("train long") == ["cell b", "cell c"]
    assert schedule.next() == "train short"
    schedule.finish("train short")
    assert schedule.next() == "cell a" and schedule.next() is None


def test_what_runs_again_takes_its_turn() -> None:
    schedule = Schedule(GRID)
    schedule.next()
    schedule.again("train long")
    assert schedule.running == set() and schedule.next() == "train long"


@pytest.mark.parametrize("items", [[item("a", 1, "b"), item("b", 1, "a")], [item("a", 1), item("a", 1)]])
def test_circles_and_twins_are_refused(items: list[Item]) -> None:
    with pytest.raises(ValueError, match="no circle"):
        Schedule(items)


@st.composite
def grids(draw: st.DrawFn) -> list[Item]:
    """Items of which each needs some of those before it."""
    seconds = draw(st.lists(st.floats(0.1, 100), min_size=1, max_size=30))
    return [
        item(str(place), value, *draw(st.sets(st.sampled_from([str(one) for one in range(place)] or [""]), max_size=3)))
        for place, value in enumerate(seconds)
    ]


@given(grids(), st.integers(1, 8))
def test_any_grid_ends_within_grahams_bound(items: list[Item], slots: int) -> None:
    """List scheduling takes at most total/slots + (1 - 1/slots) x longest chain (Graham 1969)."""
    found = simulate(items, slots)
    assert found.bound_s <= found.makespan_s * (1 + 1e-9)
    assert found.makespan_s <= (found.total_s / slots + (1 - 1 / slots) * found.chain_s) * (1 + 1e-9)


@given(grids(), st.integers(1, 4))
def test_every_item_starts_once_and_after_its_needs(items: list[Item], slots: int) -> None:
    schedule, done = Schedule(items), list[str]()
    while True:
        while len(schedule.running) < slots and (name := schedule.next()) is not None:
            needs = next(one.needs for one in items if one.name == name)
            assert set(needs) - {""} <= set(done)
        if not schedule.running:
            break
        ended = min(schedule.running)
        schedule.finish(ended)
        done.append(ended)
    assert sorted(done) == sorted(one.name for one in items)


def test_one_slot_wastes_nothing() -> None:
    found = simulate(GRID, 1)
    assert found.makespan_s == found.total_s == 13 and found.efficiency == 1
    assert simulate([], 4).efficiency == 1
