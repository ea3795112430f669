"""What a machine of a cluster does for the driver: says what it is, and runs one unit.

Ray carries the calls (harness.launch.cluster.ray_cluster) and is not known here. A machine that sees the project's
folder works in it, as a local worker does; one that doesn't lays the unit's inputs out in a folder of its own and sends
back what the unit wrote.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.experiment.inputs import units_sha256
from harness.launch.cluster.messages import Identity, NodeReport, Probe, UnitReport, UnitRequest
from harness.launch.cluster.shipping import Store, files_below, pieces_of, remove
from harness.launch.local.workers import run_logged
from harness.launch.work import Work
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import Params
from harness.project.paths import PACKAGE, Paths

NODE_FOLDER = "HARNESS_NODE_FOLDER"
"""Environment variable of a node: where it keeps what it received; default: in the system's temporary folder."""
PACKAGES = ("torch", "transformers", "tokenizers", "numpy")
"""Packages whose versions decide what numbers come out."""
PATIENCE_S = 5.0
"""How long a file that another machine has just written may take to show in a shared folder."""


def own_identity(params: Params) -> Identity:
    """The driver's side of the comparison."""
    if not params.in_containers:
        return Identity(units_sha256(), versions(), None)
    return Identity(units_sha256(), {}, params.image, params.runtime)


def versions() -> dict[str, str]:
    """Versions of the packages that decide, `none` where one is missing."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def problem_here(wanted: Identity) -> str:
    """Why this machine can't stand in for the driver's; empty: it can."""
    here = units_sha256()
    if here != wanted.code_sha256:
        return (
            f"expected the driver's code (units {wanted.code_sha256:.12}), found other code (units {here:.12})"
            f" in {PACKAGE}"
        )
    if wanted.image is not None:
        return _image_problem(wanted.image, wanted.runtime)
    found = versions()
    other = [name for name in wanted.packages if found[name] != wanted.packages[name]]
    if other:
        expected = ", ".join(f"{name} {wanted.packages[name]}" for name in other)
        return (
            f"expected the driver's {expected}, found {', '.join(f'{name} {found[name]}' for name in other)} in"
            f" {sys.executable}; start units on this node from the same environment (same lock, or same image)"
        )
    return ""


def _image_problem(image: str, runtime: str) -> str:
    from harness.launch.container.view import check_code

    try:
        if runtime == "apptainer":
            from harness.launch.container.apptainer import program

            program()  # the file is looked for, and its code compared, where the unit runs
        else:
            from harness.launch.container import engine

            client = engine.connect("podman" if runtime == "podman" else "docker")
            check_code(engine.image_facts(client, image), image)
    except HarnessError as error:
        return str(error)
    return ""


def describe(wanted: Identity, probe: Probe, name: str) -> NodeReport:
    """What this machine says of itself; where it sees the probe it leaves an answer, `name`, beside it."""
    return NodeReport(socket.gethostname(), problem_here(wanted), answers(probe, name))


def answers(probe: Probe, name: str) -> bool:
    """Whether this machine reads the driver's probe and can write beside it."""
    if not sees(probe):
        return False
    try:
        probe.file.with_name(name).write_text(probe.token, encoding="ascii")
    except OSError:
        return False
    return True


def sees(probe: Probe, patience_s: float = 0.0) -> bool:
    """Whether the probe's file is here, with its content."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return probe.file.read_text(encoding="ascii") == probe.token
        except (OSError, UnicodeDecodeError):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)


def run(request: UnitRequest, get: Callable[[Any], bytes]) -> Iterator[UnitReport | bytes]:
    """Run a unit here. Yields one report, then, where no folder is shared, the pieces of what the unit wrote."""
    began = time.monotonic()
    if request.files is None:
        if not sees(request.probe, PATIENCE_S):
            yield UnitReport(socket.gethostname(), 1, 0.0, False, request.root, "", {})
            return
        scratch = request.probe.file.with_name(uuid.uuid4().hex)
        code = _run_in(request, request.root, scratch, request.log)
        yield UnitReport(socket.gethostname(), code, time.monotonic() - began, True, scratch, "", {})
        return
    own = node_folder() / "units" / uuid.uuid4().hex
    try:
        root, scratch, log = own / "project", own / "output", own / "log.txt"
        root.mkdir(parents=True)
        Store(node_folder() / "files").lay_out(request.files, root, get)
        code = _run_in(request, root, scratch, log)
        written = [] if code else [file for place in _outputs(request, scratch) for file in files_below(place)]
        outputs = {
            file.relative_to(scratch).as_posix(): (sha256_file(file), sum(1 for _ in pieces_of(file)))
            for file in written
        }
        words = log.read_text(encoding="utf-8", errors="replace")
        yield UnitReport(socket.gethostname(), code, time.monotonic() - began, True, scratch, words, outputs)
        for file in written:
            yield from pieces_of(file)
    finally:
        remove(own)


def node_folder() -> Path:
    """Where this machine keeps what it received; HarnessError where somebody else owns that folder."""
    given = os.environ.get(NODE_FOLDER)
    folder = Path(given) if given else Path(tempfile.gettempdir()) / f"harness-node-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise HarnessError(
            f"expected a folder of this user at {folder}, found one of user {folder.stat().st_uid}",
            fix=f"set {NODE_FOLDER} to another folder before `ray start`",
        )
    return folder


def moved(work: Work, old: Path, new: Path) -> Work:
    """The same unit in a project that lies elsewhere."""
    return replace(
        work,
        inputs=tuple(new / path.relative_to(old) for path in work.inputs),
        outputs=tuple(new / path.relative_to(old) for path in work.outputs),
    )


def _outputs(request: UnitRequest, scratch: Path) -> tuple[Path, ...]:
    return moved(request.work, request.root, scratch).outputs


def _run_in(request: UnitRequest, root: Path, scratch: Path, log: Path) -> int:
    """Run the unit in the project at `root`, its outputs below `scratch`; returns its exit code."""
    with _working_in(root, log, request.attempt):
        problem = problem_here(request.identity)
        if problem:
            print(f"harness: {socket.gethostname()}: {problem}", file=sys.stderr)
            return 2
        if request.identity.image is not None:
            return _run_in_container(request, root, scratch)
        return run_logged(request.work.command, str(scratch), str(log), max(request.attempt, 2)).code  # adds to the log


def _run_in_container(request: UnitRequest, root: Path, scratch: Path) -> int:
    from harness.launch.container.container import run_work
    from harness.project.profiles import load_params

    work = replace(moved(request.work, request.root, root), outputs=_outputs(request, scratch))
    try:
        return run_work(work, load_params(root), Paths(root, request.profile), Paths(scratch, request.profile))
    except HarnessError as error:
        print(f"harness: {error}", file=sys.stderr)
        return 2
    except Exception:
        traceback.print_exc()
        return 1


@contextmanager
def _working_in(root: Path, log: Path, attempt: int) -> Iterator[None]:
    """Working folder and output are the unit's for a while: this process belongs to Ray and lives on."""
    folder, saved = os.getcwd(), [(number, os.dup(number)) for number in (1, 2)]
    log.parent.mkdir(parents=True, exist_ok=True)
    if attempt == 1:
        log.write_bytes(b"")
    try:
        os.chdir(root)
        with log.open("a", buffering=1, encoding="utf-8") as stream, redirect_stdout(stream), redirect_stderr(stream):
            for number, _ in saved:
                os.dup2(stream.fileno(), number)
            yield
    finally:
        os.chdir(folder)
        for number, copy in saved:
            os.dup2(copy, number)
            os.close(copy)
