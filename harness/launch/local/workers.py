"""Worker processes of this machine: each imports the libraries once and runs one unit after the other.

One pool of one worker per slot (pebble): a worker that dies takes its unit with it and nothing else. A unit writes into
a scratch folder and is fetched back when it has finished, so one that is killed leaves nothing at its place.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from harness.launch.executor import Ended, Executor, Job
from harness.launch.gpus import VISIBLE, visible_gpus
from harness.launch.unit import run_unit
from harness.launch.work import fetch_back, own_scratch, remove_old_scratch
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import OUTPUT, Paths
from harness.project.processes import LAST_S, deaf_to_ctrl_c
from harness.project.provenance import usable_cores

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
"""Environment variables that libraries read their number of threads from when they start."""
IMPORTED = ["harness.experiment.cell", "harness.experiment.intermediate", "harness.launch.local.workers"]
"""What the process that workers are forked from imports before any unit."""


@dataclass(frozen=True)
class Outcome:
    """What a worker says of a unit."""

    code: int
    """Exit code."""
    seconds: float
    """Wall time."""


class Workers:
    """An executor on worker processes; harness.launch.executor.Executor says what its functions do."""

    def __init__(self, slots: int, params: Params, paths: Paths, devices: Sequence[str] = ()) -> None:
        """`devices`: the GPU of each slot, as CUDA_VISIBLE_DEVICES names it; empty: all see what this process sees.

        Nothing starts and nothing changes before the first job.
        """
        self.slots = slots
        self._params, self._paths, self._devices = params, paths, devices
        self._in_containers = params.in_containers  # whose outputs are fetched back by what waits for them
        self._folder = own_scratch(paths)
        self._environment: dict[str, str | None] = {}
        # A process that has touched a GPU can't be forked; on a CPU, forking shares one import among all workers.
        self._context = multiprocessing.get_context("forkserver" if params.compute.device == "cpu" else "spawn")
        self._pools: list[ProcessPool | None] = [None] * slots
        self._starting: list[threading.Thread] = []
        self._running: dict[Future[Outcome], tuple[int, Job, float]] = {}

    def submit(self, job: Job) -> None:
        """Start a job on a free slot."""
        if not self._environment:
            self._prepare()
        busy = {slot for slot, _, _ in self._running.values()}
        slot = next(slot for slot in range(self.slots) if slot not in busy)
        scratch = "" if self._in_containers else str(self._scratch(job))
        call = (job.work.command, scratch, str(job.log), job.attempt)
        future: Future[Outcome] = Future()
        # The first worker waits for the imports; this process doesn't, so that Ctrl-C need not wait for them either.
        thread = threading.Thread(target=self._start, args=(slot, call, future), daemon=True)
        with deaf_to_ctrl_c():  # what is started there never hears it: this process ends its workers in order
            thread.start()
        self._starting = [*filter(threading.Thread.is_alive, self._starting), thread]
        self._running[future] = (slot, job, time.monotonic())

    def _start(self, slot: int, call: tuple[tuple[str, ...], str, str, int], future: Future[Outcome]) -> None:
        try:
            started: Future[Outcome] = self._pool(slot).schedule(run_logged, call)
        except Exception as error:
            future.set_exception(error)
        else:
            started.add_done_callback(lambda ended: _hand_on(ended, future))

    def wait(self) -> list[Ended]:
        """Wait for the first job that ends, half a second at most; fetch back what has finished."""
        done = wait(self._running, timeout=0.5, return_when=FIRST_COMPLETED).done
        return [self._ended(future) for future in done]

    def close(self) -> None:
        """End the workers and what they run; closing twice does nothing."""
        if any(thread.is_alive() for thread in self._starting):
            _kill_fork_server()
        for thread in self._starting:
            thread.join()
        pools = [pool for pool in self._pools if pool is not None]
        for pool in pools:
            pool.stop()
        for pool in pools:
            pool.join()
        shutil.rmtree(self._folder, ignore_errors=True)
        for name, value in self._environment.items():
            os.environ.pop(name)
            os.environ |= {} if value is None else {name: value}
        self._pools, self._environment, self._starting = [None] * self.slots, {}, []

    def _prepare(self) -> None:
        """What the processes to come inherit: their number of threads, and what they are forked with."""
        self._environment = {name: os.environ.get(name) for name in THREADS}
        os.environ |= dict.fromkeys(THREADS, str(self._params.compute.threads))
        remove_old_scratch(self._paths)
        if not self._in_containers:
            self._context.set_forkserver_preload(IMPORTED)
        resource_tracker.ensure_running()  # here: where it is started, it lets Ctrl-C through again

    def _pool(self, slot: int) -> ProcessPool:
        pool = self._pools[slot]
        if pool is None or not pool.active:  # a worker that died without a unit leaves a broken pool
            device = self._devices[slot] if self._devices else None
            pool = ProcessPool(
                1,
                initializer=begin,
                initargs=(str(self._paths.root), device, not self._in_containers),
                context=self._context,
            )
            if pool.active:  # its worker has started
                self._pools[slot] = pool
        return pool

    def _scratch(self, job: Job) -> Path:
        return job.work.scratch(self._folder)

    def _ended(self, future: Future[Outcome]) -> Ended:
        _, job, since = self._running.pop(future)
        try:
            outcome = future.result()
        except ProcessExpired as error:
            return Ended(job, 1, time.monotonic() - since, _how(error.exitcode))
        except Exception as error:  # the pool broke before the unit began
            return Ended(job, 1, time.monotonic() - since, f"its worker did not start: {error}")
        nothing_to_fetch = outcome.code != 0 or self._in_containers
        return Ended(job, outcome.code if nothing_to_fetch else self._fetch_back(job), outcome.seconds)

    def _fetch_back(self, job: Job) -> int:
        try:
            fetch_back(job.work, self._scratch(job), self._paths)
            return 0
        except (HarnessError, OSError) as error:
            with job.log.open("a", encoding="utf-8") as log:
                log.write(f"harness: {error}\n")
            return 2
        finally:
            shutil.rmtree(self._scratch(job), ignore_errors=True)


def _hand_on(ended: Future[Outcome], future: Future[Outcome]) -> None:
    error = ended.exception() if not ended.cancelled() else CancelledError()
    if error is None:
        future.set_result(ended.result())
    else:
        future.set_exception(error)


def _kill_fork_server() -> None:
    """End the process that workers are forked from: it imports for seconds, and whoever waits for it goes on."""
    import psutil

    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if any("multiprocessing.forkserver" in word for word in child.cmdline()):
                child.kill()


def _how(exitcode: int | None) -> str:
    code = exitcode or 0
    return f"killed by signal {-code} (by hand, or out of memory)" if code < 0 else f"ended with code {code}"


def begin(root: str, device: str | None, trains: bool) -> None:
    """What a worker does once: it ends with the process that started it, and imports what units need."""
    os.chdir(root)
    if device is not None:
        os.environ[VISIBLE] = device
    threading.Thread(target=_end_with_parent, args=(trains,), daemon=True).start()
    if trains:
        import harness.experiment.cell
        import harness.experiment.intermediate

        assert harness.experiment.cell and harness.experiment.intermediate


def _end_with_parent(trains: bool) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if not trains:  # what waits for a container removes it on the way out
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(LAST_S)
        os._exit(1)


def run_logged(command: tuple[str, ...], scratch: str, log: str, attempt: int) -> Outcome:
    """In a worker: run a unit, its outputs below `scratch` (empty: at their places), its words in the file `log`."""
    began = time.monotonic()
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w" if attempt == 1 else "a", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
        os.environ[OUTPUT] = scratch
    gc.collect()
    _forget_peak_memory()
    try:
        code = run_unit(command)
    except Exception:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.environ.pop(OUTPUT, None)
    return Outcome(code, time.monotonic() - began)


def _forget_peak_memory() -> None:
    """Have the system measure this process's peak memory anew (proc(5), clear_refs): results record the unit's own.

    Where there is no such file, the peak that a result records is that of all units of its worker so far.
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def launch_workers(
    params: Params, paths: Paths, slots: int | None = None, address: str | None = None, options: str = ""
) -> Executor:
    """The launcher of this machine: `slots` worker processes (None: `default_slots`), one GPU each where there are as
    many. It has no address and no options.
    """
    slots = slots or default_slots(params)
    devices = visible_gpus() if params.compute.device == "cuda" and not params.in_containers else ()
    return Workers(slots, params, paths, [devices[slot % len(devices)] for slot in range(slots)] if devices else ())


def default_slots(params: Params) -> int:
    """Units at a time: as many as the cores that this process may use have threads for, or one per visible GPU."""
    if params.compute.device == "cpu":
        return max(1, usable_cores() // params.compute.threads)
    return max(1, len(visible_gpus())) if not params.in_containers else 1
