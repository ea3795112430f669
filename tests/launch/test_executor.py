"""The driver of a grid, on an executor that only pretends: retries, failures, what is kept, what Ctrl-C leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness.launch.executor import Ended, Executor, Job, LooksAhead, Told, render_summary, run_grid
from harness.launch.work import Work


def job(stage: str, *needs: str, seconds: float = 1.0) -> Job:
    return Job(stage, Work(stage, ("run", stage), (), (Path(stage),)), needs, seconds, "unit", Path(f"{stage}.log"))


JOBS = [job("train a", seconds=3), job("train b"), job("cell a", "train a"), job("cell b", "train b")]


class Pretended:
    """Ends one job per wait, the first submitted first, as `ends` says: `stage/attempt` -> exit code or how it died."""

    def __init__(self, slots: int = 2, ends: Mapping[str, int | str] | None = None, stop: str = "") -> None:
        self.slots, self.ends, self.stop = slots, ends or {}, stop
        self.running: list[Job] = []
        self.submitted: list[str] = []
        self.closed = 0

    def submit(self, job: Job) -> None:
        self.running.append(job)
        self.submitted.append(f"{job.stage}/{job.attempt}")
        assert len(self.running) <= self.slots

    def wait(self) -> list[Ended]:
        ended = self.running.pop(0)
        if ended.stage == self.stop:
            raise KeyboardInterrupt
        how = self.ends.get(f"{ended.stage}/{ended.attempt}", 0)
        return [Ended(ended, 1, 2.0, how) if isinstance(how, str) else Ended(ended, how, 2.0)]

    def close(self) -> None:
        self.closed += 1


def test_everything_runs_after_what_it_needs() -> None:
    executor, told = Pretended(), list[Told]()
    checked: Executor = executor
    summary = run_grid(checked, JOBS, tell=told.append)
    assert summary.ran == ["train a", "train b", "cell a", "cell b"] and executor.closed == 1
    assert not (summary.kept or summary.failed or summary.not_run or summary.retried or summary.interrupted)
    assert summary.busy_s == 8 and summary.slots == 2
    assert [one.done for one in told] == [1, 2, 3, 4] and [one.left_s for one in told] == [4, 2, 2, 0]


def test_one_that_dies_is_started_again_once() -> None:
    executor, told = Pretended(ends={"train a/1": "killed"}), list[Told]()
    summary = run_grid(executor, JOBS, tell=told.append)
    assert summary.retried == ["train a"] and set(summary.ran) == {one.stage for one in JOBS} and not summary.failed
    assert (told[0].how, told[0].why, told[0].done) == ("again", "killed", 0)
    assert "1 started again" in render_summary(summary)


@pytest.mark.parametrize(
    ("ends", "attempts"),
    [({"train a/1": "killed", "train a/2": "killed"}, 2), ({"train a/1": 2}, 1)],  # words of its own: no second try
)
def test_a_failure_takes_what_needs_it_and_the_rest_goes_on(ends: dict[str, int | str], attempts: int) -> None:
    executor = Pretended(ends=ends)
    summary = run_grid(executor, JOBS)
    assert summary.failed == {"train a": "train a.log"} and summary.not_run == {"cell a": "train a"}
    assert summary.ran == ["train b", "cell b"]
    assert sum(name.startswith("train a/") for name in executor.submitted) == attempts
    text = render_summary(summary)
    assert "FAILED   train a: train a.log" in text and "not run  cell a: it needs train a" in text


def test_what_lies_there_is_asked_for_in_its_turn_and_kept() -> None:
    executor, asked = Pretended(slots=1), list[str]()

    def keep(job: Job) -> bool:
        asked.append(job.stage)
        return job.stage in ("train a", "cell a")

    summary = run_grid(executor, JOBS, keep)
    assert summary.kept == ["train a", "cell a"] and summary.ran == ["train b", "cell b"]
    assert asked.index("train a") < asked.index("cell a") and executor.submitted == ["train b/1", "cell b/1"]
    assert "2 kept" in render_summary(summary)


@pytest.mark.parametrize(("stop", "ran"), [("train a", []), ("cell a", ["train a", "train b"])])
def test_ctrl_c_keeps_what_had_finished(stop: str, ran: Sequence[str]) -> None:
    executor = Pretended(stop=stop)
    summary = run_grid(executor, JOBS)
    assert summary.interrupted and summary.ran == ran and executor.closed == 1


def test_it_stops_when_asked_and_keeps_what_had_finished() -> None:
    executor, told = Pretended(slots=1), list[Told]()
    summary = run_grid(executor, JOBS, tell=told.append, stop=lambda: len(told) == 2)
    assert summary.interrupted and summary.ran == ["train a", "train b"] and executor.closed == 1
    assert len(executor.submitted) == 2
    assert run_grid(Pretended(), JOBS, stop=lambda: True).ran == []


def test_nothing_ended_is_no_end() -> None:
    class Slow(Pretended):
        waits = 0

        def wait(self) -> list[Ended]:
            self.waits += 1
            return super().wait() if self.waits % 3 == 0 else []

    executor = Slow()
    assert len(run_grid(executor, JOBS).ran) == 4 and executor.waits == 12


def test_a_defect_of_the_executor_closes_it() -> None:
    class Broken(Pretended):
        def wait(self) -> list[Ended]:
            raise RuntimeError("no such machine")

    executor = Broken()
    with pytest.raises(RuntimeError, match="no such machine"):
        run_grid(executor, JOBS)
    assert executor.closed == 1


class Ahead(Pretended):
    """Told of every job beforehand, as a cluster's queue is; `there`: what it has in hand already."""

    at_once, after_interruption = 3, "goes on"

    def __init__(self, there: Sequence[str] = ()) -> None:
        super().__init__(slots=10)
        self.there, self.announced = set(there), list[str]()

    def announce(self, jobs: Sequence[Job]) -> None:
        self.announced = [one.stage for one in jobs]
        self.there |= set(self.announced)

    def has(self, stage: str) -> bool:
        return stage in self.there


def test_an_executor_that_looks_ahead_hears_of_every_job_that_is_not_known_to_be_there() -> None:
    executor, asked = Ahead(), list[str]()
    assert isinstance(executor, LooksAhead) and not isinstance(Pretended(), LooksAhead)

    def keep(job: Job) -> bool:
        asked.append(job.stage)
        return job.stage in ("train a", "cell a", "cell b")

    summary = run_grid(executor, JOBS, keep)
    assert executor.announced == ["train b", "cell b"], "of cell b nothing is known before train b has run"
    assert summary.kept == ["train a", "cell a"] and summary.ran == ["train b", "cell b"] and summary.slots == 3
    assert sorted(asked) == ["cell a", "train a", "train b"], "each once, and none that the executor has in hand"


def test_nothing_is_announced_where_the_run_is_to_stop() -> None:
    executor = Ahead()
    assert run_grid(executor, JOBS, stop=lambda: True).interrupted and executor.announced == []
