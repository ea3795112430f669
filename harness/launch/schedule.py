"""In which order units run: those that the longest chain of work waits for come first. Pure: no clock, no process.

List scheduling by critical path (Graham 1969; Hu 1961): whenever a slot is free, of the units whose needs are done the
one whose own time and the longest chain behind it are greatest. The same order drives a run and is simulated.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Item:
    """A unit as the schedule sees it."""

    name: str
    """Its stage."""
    needs: tuple[str, ...]
    """Names of what must have finished first; those that are no item are done."""
    seconds: float
    """How long it takes, estimated."""
    kind: str = ""
    """What is alike in cost; its first word is its sort: `cell xquad`."""


def ranks(items: Sequence[Item]) -> dict[str, float]:
    """Seconds from the start of an item to the end of the longest chain of items that begins with it."""
    behind: dict[str, float] = {}
    waiting = _followers(items)
    for item in reversed(in_order(items)):
        behind[item.name] = item.seconds + max((behind[name] for name in waiting[item.name]), default=0.0)
    return behind


class Schedule:
    """What may run next, what runs, what is left."""

    def __init__(self, items: Sequence[Item], rank: Mapping[str, float] | None = None) -> None:
        """`rank`: of those that may run, the item with the greatest comes first; default: `ranks`."""
        self.rank = rank or ranks(items)
        self.running: set[str] = set()
        self._items = {item.name: item for item in items}
        self._followers = _followers(items)
        self._missing = {item.name: sum(need in self._items for need in set(item.needs)) for item in items}
        self._order = in_order(items)
        self._place = {item.name: place for place, item in enumerate(items)}
        self._ready: list[tuple[float, int, str]] = []
        self._left = set(self._items)
        self._took: dict[str, list[float]] = {}
        self._pace: dict[str, tuple[float, float]] = {}
        for name, missing in self._missing.items():
            if not missing:
                self._push(name)

    def next(self) -> str | None:
        """The item to start now, which then counts as running; None: nothing may run before something finishes."""
        if not self._ready:
            return None
        name = heapq.heappop(self._ready)[2]
        self.running.add(name)
        return name

    def finish(self, name: str, took: float | None = None) -> None:
        """`name` has ended well: what waited for it alone may run. `took`: seconds that it ran; None: it did not."""
        self.running.discard(name)
        self._left.discard(name)
        if took is not None:
            item = self._items[name]
            self._took.setdefault(item.kind, []).append(took)
            spent, estimated = self._pace.get(_sort(item), (0.0, 0.0))
            self._pace[_sort(item)] = spent + took, estimated + item.seconds
        for follower in self._followers[name]:
            self._missing[follower] -= 1
            if not self._missing[follower] and follower in self._left:
                self._push(follower)

    def again(self, name: str) -> None:
        """`name` has to run once more."""
        self.running.discard(name)
        self._push(name)

    def fail(self, name: str) -> list[str]:
        """`name` has failed for good; returns what can't run now because it needs it."""
        self.running.discard(name)
        self._left.discard(name)
        lost, waiting = [], list(self._followers[name])
        while waiting:
            follower = waiting.pop(0)
            if follower in self._left:
                self._left.discard(follower)
                lost.append(follower)
                waiting += self._followers[follower]
        return lost

    def left_seconds(self, slots: int) -> float:
        """The least time that what has not ended can take on so many slots, by the times of what has.

        An item takes as long as the median of its kind; one of a kind that has not ended yet, its estimate times what
        those of its sort that ended took over what was estimated, or all that ended where none of its sort has.
        """
        everything = _ratio(*map(sum, zip(*self._pace.values(), strict=True))) if self._pace else 1.0
        scale = {sort: _ratio(*pace) for sort, pace in self._pace.items()}
        typical = {kind: median(times) for kind, times in self._took.items()}
        work, behind = 0.0, dict[str, float]()
        for item in reversed(self._order):
            if item.name in self._left:
                seconds = typical.get(item.kind, item.seconds * scale.get(_sort(item), everything))
                work += seconds
                after = (behind[follower] for follower in self._followers[item.name] if follower in behind)
                behind[item.name] = seconds + max(after, default=0.0)
        return max(work / slots, max(behind.values(), default=0.0))

    def _push(self, name: str) -> None:
        heapq.heappush(self._ready, (-self.rank[name], self._place[name], name))


@dataclass(frozen=True)
class Simulated:
    """How long a schedule takes when every item takes just its estimated time."""

    slots: int
    """How many items run at a time."""
    makespan_s: float
    """From the first start to the last end."""
    total_s: float
    """Of all items, one after the other."""
    chain_s: float
    """Of the longest chain of items."""

    @property
    def bound_s(self) -> float:
        """No order can take less: all work shared evenly, or the longest chain."""
        return max(self.total_s / self.slots, self.chain_s)

    @property
    def efficiency(self) -> float:
        """The bound's share of the makespan, 0 to 1."""
        return self.bound_s / self.makespan_s if self.makespan_s else 1.0


def simulate(items: Sequence[Item], slots: int, rank: Mapping[str, float] | None = None) -> Simulated:
    """Run the schedule on `slots` slots with the estimated times in place of real ones; `rank` as Schedule has it."""
    schedule, seconds = Schedule(items, rank), {item.name: item.seconds for item in items}
    now, running = 0.0, list[tuple[float, str]]()
    while True:
        while len(running) < slots and (name := schedule.next()) is not None:
            heapq.heappush(running, (now + seconds[name], name))
        if not running:
            return Simulated(slots, now, sum(seconds.values()), max(ranks(items).values(), default=0.0))
        now, name = heapq.heappop(running)
        schedule.finish(name)


def _sort(item: Item) -> str:
    return item.kind.partition(" ")[0]


def _ratio(took: float, estimated: float) -> float:
    return took / estimated if took and estimated else 1.0


def _followers(items: Sequence[Item]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {item.name: [] for item in items}
    for item in items:
        for need in set(item.needs):
            if need in found:
                found[need].append(item.name)
    return found


def in_order(items: Sequence[Item]) -> list[Item]:
    """Every item after what it needs.

    Raises ValueError where items need each other in a circle, or two have one name.
    """
    twice = [name for name, count in Counter(item.name for item in items).items() if count > 1]
    by_name, followers = {item.name: item for item in items}, _followers(items)
    missing = {item.name: sum(need in by_name for need in set(item.needs)) for item in items}
    ready = [name for name, count in missing.items() if not count]
    for name in ready:  # `ready` grows while it is walked
        for follower in followers[name]:
            missing[follower] -= 1
            if not missing[follower]:
                ready.append(follower)
    if twice or len(ready) < len(items):
        raise ValueError(f"expected items of different names in no circle, found {twice or _rest(by_name, ready)}")
    return [by_name[name] for name in ready]


def _rest(names: Iterable[str], done: Sequence[str]) -> list[str]:
    return sorted(set(names) - set(done))
