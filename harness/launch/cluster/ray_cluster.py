"""Units of the grid as tasks of a Ray cluster: the one module that touches Ray, which it imports for `--ray` only.

Ray places units on nodes with free cores and GPUs and carries files where nodes share no folder. What a node does is in
harness.launch.cluster.node. Ray starts no unit twice: one whose node dies is reported as such, and the driver of the
grid decides (harness.launch.executor), so that nothing is recorded twice.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.launch.cluster import node
from harness.launch.cluster.driver import (
    CONNECT_S,
    append,
    check_reachable,
    environment,
    first_line,
    fitting,
    own_folder,
    resources,
    units_at_once,
    write_probe,
)
from harness.launch.cluster.messages import UnitReport, UnitRequest
from harness.launch.cluster.node_check import check_nodes, shares
from harness.launch.cluster.shipping import Shipper, remove, write_pieces
from harness.launch.executor import Ended, Executor, Job
from harness.launch.work import fetch_back
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import PACKAGE, Paths
from harness.project.provenance import usable_cores

LOCAL = "local"
"""The address that stands for a Ray of this machine alone, which begins and ends with the command."""
WAIT_S = 0.5
"""Longest wait for a unit, so that an interruption is heard."""
LOOK_S = 5.0
"""How often the cluster's nodes are looked at while units run."""
LOST_S = 120.0
"""How long units wait for a node that could run them, once none is left."""
GRACE_S = 10.0
"""How long a cancelled unit has to end by itself (a container to be removed) before it is killed."""
LOCAL_STORE_BYTES = 100_000_000
"""Object store of a Ray of this machine alone, where files need not travel."""
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Environment that Ray reads when it is imported: nothing is reported, nothing else is taken to the nodes."""
BOUNDED = {
    "RAY_GCS_SERVER_REQUEST_TIMEOUT_SECONDS": str(CONNECT_S),
    "RAY_gcs_rpc_server_connect_timeout_s": str(CONNECT_S // 2),
    "RAY_NUM_REDIS_GET_RETRIES": "1",
}
"""The same, for a cluster that runs: what answers there and is no Ray is given up within a minute, not in a quarter
of an hour."""


@dataclass(frozen=True)
class Running:
    """A unit that was handed to Ray."""

    job: Job
    """The unit."""
    since: float
    """When, by time.monotonic."""


class RayCluster:
    """An executor on a Ray cluster; harness.launch.executor.Executor says what its functions do."""

    def __init__(self, address: str, params: Params, paths: Paths, shared: bool | None = None) -> None:
        """Connect and check the nodes; `address`: host:port of the cluster's head, or `local`.

        `shared`: whether nodes read and write the project's folder; None: find out.

        Raises HarnessError where Ray is missing, nothing answers, no node has what one unit needs, or a node has
        other code or packages.
        """
        self._ray = import_ray(address)
        self._paths = paths
        self._wanted = {"CPU": float(params.compute.threads), "GPU": float(params.compute.device == "cuda")}
        self._identity = node.own_identity(params)
        self._running: dict[Any, Running] = {}
        self._looked = time.monotonic()
        self._lost_since: float | None = None
        self._folder = own_folder(paths)
        self.session = _connect(self._ray, address, environment(params, paths))
        try:
            self._probe = write_probe(self._folder)
            self._shipper = Shipper(self._ray.put)
            reports = check_nodes(self._ray, fitting(self._nodes(), self._wanted), self._identity, self._probe)
            self.slots = self._count_slots()
            self.shared = all(shares(self._probe, *answer) for answer in reports.items()) if shared is None else shared
        except BaseException:
            self.close()
            raise
        options = {"num_cpus": self._wanted["CPU"], "num_gpus": self._wanted["GPU"], "max_retries": 0}
        self._task = self._ray.remote(num_returns="streaming", **options)(run_on_node)

    def submit(self, job: Job) -> None:
        """Hand a unit to Ray, which starts it on a node with room for it."""
        root = self._paths.root
        if job.attempt == 1:
            job.log.unlink(missing_ok=True)
        request = UnitRequest(
            work=job.work,
            root=root,
            profile=self._paths.profile,
            identity=self._identity,
            probe=self._probe,
            log=job.log,
            attempt=job.attempt,
            files=None if self.shared else self._shipper.ship(job.work.inputs, root),
        )
        self._running[self._task.options(name=job.work.name).remote(request)] = Running(job, time.monotonic())

    def wait(self) -> list[Ended]:
        """Wait for the first unit that ends, half a second at most; fetch back what has finished.

        Raises HarnessError where no node that could run a unit has been there for LOST_S seconds.
        """
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=WAIT_S)
        if time.monotonic() - self._looked > LOOK_S:
            self._look_at_nodes()
        return [ended for task in ready if (ended := self._ended(task)) is not None]

    def close(self) -> None:
        """Cancel what still runs, leave the cluster (or end the local one), remove what lies in the scratch folder."""
        tasks = list(self._running)
        self._running.clear()
        for force in (False, True):
            for task in tasks:
                self._ray.cancel(task, force=force)
            if tasks:
                _, tasks = self._ray.wait(tasks, num_returns=len(tasks), timeout=GRACE_S)
        self._ray.shutdown()
        for folder in filter(None, (self._folder, self.session)):
            remove(folder)

    def _nodes(self) -> list[dict[str, Any]]:
        return [found for found in self._ray.nodes() if found["Alive"]]

    def _count_slots(self) -> int:
        return sum(units_at_once(found["Resources"], self._wanted) for found in self._nodes())

    def _look_at_nodes(self) -> None:
        """Nodes come and go: count the slots anew."""
        now, slots = time.monotonic(), self._count_slots()
        self._looked = now
        self._lost_since = None if slots else self._lost_since or now
        self.slots = slots or self.slots
        if self._lost_since is not None and now - self._lost_since > LOST_S:
            raise HarnessError(
                f"expected a node with {resources(self._wanted)} in the cluster, found none for {LOST_S:.0f} seconds:"
                " those that ran units are gone",
                fix="start nodes again and run the same command; finished units are kept",
            )

    def _ended(self, task: Any) -> Ended | None:
        """How a unit ended; None: it has to be handed out again, with its inputs, to nodes without the folder."""
        running = self._running.pop(task)
        job, exceptions = running.job, self._ray.exceptions
        try:
            report: UnitReport = self._ray.get(next(task))
            if not report.shared:
                self.shared = False
                self.submit(job)
                return None
            code = self._fetch_back(job, report, task)
            with suppress(exceptions.RayError):  # nothing more comes, but the node tidies up before its task ends
                deque(task, maxlen=0)
            return Ended(job, code, time.monotonic() - running.since)
        except exceptions.RayTaskError as error:  # a defect of ours, or a node that lacks a package
            append(job.log, f"{error}\n")
            return Ended(job, 1, time.monotonic() - running.since)
        except (exceptions.RayError, StopIteration) as error:
            return Ended(job, 1, time.monotonic() - running.since, died=first_line(error))

    def _fetch_back(self, job: Job, report: UnitReport, task: Any) -> int:
        """Move a unit's outputs to their places; returns its exit code."""
        append(job.log, report.words)
        stays = report.scratch.is_relative_to(self._folder)
        scratch = report.scratch if stays else self._folder / uuid.uuid4().hex
        try:
            if report.code == 0:
                for name, (sha256, pieces) in report.outputs.items():
                    write_pieces(scratch / name, self._take(task, pieces), sha256)
                fetch_back(job.work, scratch, self._paths)
            return report.code
        except (HarnessError, OSError) as error:
            append(job.log, f"harness: {error}\n")
            return 2
        finally:
            remove(scratch)

    def _take(self, task: Any, count: int) -> Iterator[bytes]:
        for reference in islice(task, count):
            yield self._ray.get(reference)


def run_on_node(request: UnitRequest) -> Iterator[UnitReport | bytes]:
    """The task: runs in a process of Ray on a node."""
    import ray

    yield from node.run(request, ray.get)


def import_ray(address: str) -> ModuleType:
    """Ray, set up for this address before it is imported. Raises HarnessError where it is not installed."""
    if address == LOCAL:
        # A token for this run alone: by default Ray would write one into the user's home, for all clusters to come.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in (SETTINGS if address == LOCAL else SETTINGS | BOUNDED).items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.exceptions
        import ray.util.scheduling_strategies
    except ImportError:
        raise HarnessError(
            "expected the package `ray` for --ray, found none in this environment",
            fix="run `.venv/bin/python -m pip install 'ray>=2.50,<3'`, or `make venv`, whose lock holds it",
        ) from None
    return ray


def _connect(ray: ModuleType, address: str, environment: Mapping[str, str]) -> Path | None:
    """Connect this process to the cluster; returns the folder of a Ray of this machine alone."""
    options: dict[str, Any] = {
        "runtime_env": {"py_modules": [str(PACKAGE)], "env_vars": dict(environment)},
        "log_to_driver": False,
        "logging_level": logging.ERROR,
    }
    session = None
    if address == LOCAL:
        session = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets lie in it: the path has to be short
        options |= {"_temp_dir": str(session)}
        options |= {"num_cpus": usable_cores(), "include_dashboard": False, "object_store_memory": LOCAL_STORE_BYTES}
    else:
        check_reachable(address)
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, **options)
        signal.signal(signal.SIGTERM, terminated)  # Ray would end the process without a word to what runs here
    except (ConnectionError, RuntimeError, ValueError, TimeoutError, ray.exceptions.RayError) as error:
        found = first_line(error)
        if session is not None:
            remove(session)
            raise HarnessError(
                f"expected Ray to start on this machine, found: {found}", fix="run it without Ray: `harness repro`"
            ) from None
        raise HarnessError(
            f"expected a Ray cluster at {address} of which this machine is a node, found: {found}",
            fix=f"run the command on the cluster's head, or after `ray start --address={address}` here; a cluster with"
            " a token (RAY_AUTH_MODE, RAY_AUTH_TOKEN) wants it here too",
        ) from None
    return session


def launch_on_ray(
    params: Params, paths: Paths, slots: int | None = None, address: str | None = None, options: str = ""
) -> Executor:
    """The launcher of a Ray cluster at `address` (host:port, or `local`); it has no options.

    The cluster is checked now, so that what is wrong there is said before anything runs. Raises HarnessError as
    RayCluster does, and where `slots` is given.
    """
    if slots is not None:
        raise HarnessError(
            "expected --jobs or --ray, found both: a cluster runs as many units as it has room for",
            fix="leave --jobs out",
        )
    cluster = RayCluster(address or LOCAL, params, paths)
    how = "read and written in the shared folder" if cluster.shared else "carried to the nodes and back"
    print(f"cluster at {address}: {cluster.slots} units at a time; files are {how}", flush=True)
    return cluster
