"""`harness doctor`: can this machine do what the active profile asks, and if not, what fixes it?

Each check answers one question with OK, WARN or FAIL; it looks, and changes nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from harness.project.errors import HarnessError
from harness.project.params import Params, data_dir
from harness.project.paths import Paths
from harness.project.profiles import load_params
from harness.project.records import StrictRecord

Word = Literal["OK", "WARN", "FAIL"]
GIB = 1 << 30
DISK_WARN_GIB, DISK_FAIL_GIB = 10, 1
"""The environment takes 2 to 6 GiB, the laboratory's build/ and DVC's cache under one."""
TOOLKIT = (1, 18)
"""Oldest NVIDIA container toolkit not warned about: older ones have known ways out of the container."""
OLDEST_DRIVER = {12: 525, 13: 580}
"""Major version of CUDA -> the oldest NVIDIA driver branch that runs it (CUDA Compatibility guide, minor versions)."""


class Check(StrictRecord):
    """The answer to one question about this machine."""

    word: Word
    """OK, WARN (works, but) or FAIL (does not)."""
    what: str
    """What was looked at."""
    found: str
    """What was found."""
    remedy: str
    """What fixes it; empty where nothing needs fixing."""


def examine(root: Path) -> list[Check]:
    """Every check, in the order in which a new user meets what it is about."""
    try:
        params = load_params(root)
    except HarnessError as error:
        return [_check("FAIL", "params.yaml", error.message, error.fix or "edit params.yaml")]
    checks = [
        _check("OK", "params.yaml", f"profile {params.profile}, runtime {params.runtime}"),
        *_environment(root),
        *_pins(params, root),
        *_engine(params),
        *_gpu(params, root),
        _disk(root, "disk"),
        _memory(params),
        _clock(root),
    ]
    return checks


def render_checks(checks: list[Check]) -> str:
    """One line per check, its remedy below it."""
    width = max(len(check.what) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.word:5} {check.what:{width}}  {check.found}")
        if check.remedy:
            lines.append(f"{'':5} {'':{width}}  to fix it: {check.remedy}")
    return "\n".join(lines)


def _check(word: Word, what: str, found: str, remedy: str = "") -> Check:
    return Check(word=word, what=what, found=found, remedy=remedy)


def _guarded(what: str, question: Callable[[], str], word: Word) -> Check:
    """A check that is OK unless its question raises HarnessError, which says what fixes it."""
    try:
        return _check("OK", what, question())
    except HarnessError as error:
        return _check(word, what, error.message, error.fix or "")


def _environment(root: Path) -> Iterator[Check]:
    """Is every installed package the locked release?"""
    try:
        torch = "cpu" if version("torch").endswith("+cpu") else "cuda"
    except PackageNotFoundError:
        yield _check("FAIL", "environment", "torch is not installed", "run `make venv`")
        return
    lock = root / "requirements" / f"{torch}.txt"
    if not lock.is_file():
        yield _check("OK", "environment", "an image's own: there is no lock here to compare with")
        return
    pins = locked_versions(lock.read_text(encoding="utf-8"))
    other = [name for name, pinned in pins.items() if _installed(name) != pinned]
    if other:
        first = f"{other[0]} {_installed(other[0]) or 'missing'} instead of {pins[other[0]]}"
        yield _check("WARN", "environment", f"{len(other)} of {len(pins)} packages not as locked: {first}", "make venv")
    else:
        yield _check("OK", "environment", f"{len(pins)} packages as requirements/{lock.name} locks them")


def locked_versions(text: str) -> dict[str, str]:
    """Package -> version of the lines of a lock that apply to this system."""
    from packaging.requirements import Requirement

    found = {}
    for line in text.splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line.rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate():
                found[requirement.name] = str(requirement.specifier).removeprefix("==")
    return found


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _pins(params: Params, root: Path) -> Iterator[Check]:
    """Has every task a pin for the active source, do the claims load, is the pack there?"""
    from harness.project.tasks import load_tasks, pin_for, unavailable
    from harness.verify.claims.registry import read_all_claims

    paths = Paths(root, params.profile)

    def tasks() -> str:
        tasks = load_tasks(params.data.tasks, paths.tasks)
        if params.data.source == "published":
            missing = [f"{name} ({reason})" for name, task in tasks.items() if (reason := unavailable(task))]
            left_out = f"; unavailable: {', '.join(missing)}" if missing else ""
            return f"{len(tasks) - len(missing)} of {len(tasks)} tasks pinned for source published{left_out}"
        for task in tasks.values():
            pin_for(task, params.data.source, params.data.pack)
        return f"{len(tasks)} tasks pinned for source {params.data.source}"

    yield _guarded("pins of tasks", tasks, "FAIL")
    yield _guarded("claims", lambda: f"{len(read_all_claims(paths.reference))} load", "FAIL")
    if params.data.source == "local":
        folder = data_dir(params, root)
        if folder and folder.is_dir():
            yield _check("OK", "data pack", str(folder))
        else:
            yield _check("FAIL", "data pack", str(folder or "none named"), "set HARNESS_DATA_DIR to the pack's folder")


def _engine(params: Params) -> Iterator[Check]:
    """Is there a Docker engine, of what kind, and does it have the pinned image?"""
    from harness.launch.container import engine
    from harness.launch.container.container import check_code

    needed: Word = "FAIL" if params.runtime == "docker" else "WARN"
    try:
        client = engine.connect()
        facts = engine.engine_facts(client)
    except HarnessError as error:
        unneeded = "" if params.runtime == "docker" else " (`runtime: local` does not need one)"
        yield _check(needed, "Docker engine", error.message + unneeded, error.fix or "")
        return
    kind = "rootless" if facts.rootless else "with root"
    kind += ", users remapped" if facts.remapped else ""
    yield _check("OK", "Docker engine", f"{facts.version}, {kind}, control groups version {facts.cgroup_version}")
    if not facts.memory_limit:
        remedy = "enable the memory controller of control groups; without it container.memory_mib does nothing"
        yield _check("WARN", "memory limit", "the engine can't limit memory", remedy)
    if Path(facts.root_folder).is_dir():  # an engine on this machine
        yield _disk(Path(facts.root_folder), "disk of images")
    if params.compute.device == "cuda" and "nvidia" not in facts.runtimes:
        remedy = "run `nvidia-ctk runtime configure --runtime=docker` and restart the engine"
        yield _check("WARN", "GPU in containers", "the engine does not name the nvidia runtime", remedy)
    if params.image is None:
        yield _check("OK", "image", "none is pinned; `runtime: local` needs none")
        return

    def image() -> str:
        found = engine.image_facts(client, str(params.image))
        check_code(found, str(params.image))
        return f"{params.image} holds the code of this checkout"

    yield _guarded("image", image, needed)


def _gpu(params: Params, root: Path) -> Iterator[Check]:
    """Driver, container toolkit, and whether the driver runs the CUDA of the pinned wheels."""
    wanted = params.compute.device == "cuda"
    said = ask("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    if not said:
        if wanted:
            remedy = "install the NVIDIA driver, or set compute.device: cpu"
            yield _check("FAIL", "GPU", "nvidia-smi finds none, and compute.device is cuda", remedy)
        else:
            yield _check("OK", "GPU", "none found; compute.device is cpu")
        return
    name, driver = [part.strip() for part in said.splitlines()[0].rsplit(",", 1)]
    yield _check("OK", "GPU", f"{name}, driver {driver}")
    lock = root / "requirements" / "cuda.txt"
    if lock.is_file():
        yield driver_check(driver, lock.read_text(encoding="utf-8"), "FAIL" if wanted else "WARN")
    yield toolkit_check(ask("nvidia-ctk", "--version"), "FAIL" if wanted and params.runtime == "docker" else "WARN")


def driver_check(driver: str, lock: str, word: Word) -> Check:
    """Does the driver run the CUDA release of the pinned wheels?"""
    found = re.search(r"^nvidia-cuda-runtime(?:-cu\d+)?==(\d+)\.(\d+)", lock, re.MULTILINE)
    if not found:
        return _check("WARN", "CUDA", "requirements/cuda.txt names no CUDA runtime", "make lock")
    major, oldest = int(found[1]), OLDEST_DRIVER.get(int(found[1]))
    release = f"CUDA {found[1]}.{found[2]} of the pinned wheels"
    if oldest is None:
        return _check("WARN", "CUDA", f"{release}: the oldest driver for it is not known here", "try it")
    if int(driver.partition(".")[0]) < oldest:
        return _check(
            word, "CUDA", f"{release} needs driver {oldest}, found {driver}", f"install driver {oldest} or newer"
        )
    return _check("OK", "CUDA", f"{release} runs with driver {driver} ({oldest} or newer for CUDA {major})")


def toolkit_check(said: str, word: Word) -> Check:
    """Is NVIDIA's container toolkit there, and recent?"""
    what, oldest = "container toolkit", ".".join(map(str, TOOLKIT))
    found = re.search(r"(\d+)\.(\d+)[\d.]*", said)
    if not found:
        return _check(word, what, "nvidia-ctk not found: containers get no GPU", "install nvidia-container-toolkit")
    if (int(found[1]), int(found[2])) < TOOLKIT:
        return _check("WARN", what, f"{found[0]}, older than {oldest}", f"update nvidia-container-toolkit to {oldest}")
    return _check("OK", what, found[0])


def ask(*command: str) -> str:
    """What a command prints; empty where it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _disk(folder: Path, what: str) -> Check:
    free = shutil.disk_usage(folder).free / GIB
    word: Word = "FAIL" if free < DISK_FAIL_GIB else "WARN" if free < DISK_WARN_GIB else "OK"
    return _check(word, what, f"{free:.1f} GiB free at {folder}", "" if word == "OK" else "free space on that disk")


def _memory(params: Params) -> Check:
    import psutil

    free = psutil.virtual_memory().available / GIB
    wanted = params.container.memory_mib / 1024
    word: Word = "OK" if free >= wanted else "WARN"
    remedy = "" if word == "OK" else "close other programs, or lower container.memory_mib"
    return _check(word, "memory", f"{free:.1f} GiB available, a unit may take {wanted:.1f} GiB", remedy)


def _clock(root: Path) -> Check:
    """A clock before the last commit makes file times and certificates wrong."""
    said = ask("git", "-C", str(root), "log", "-1", "--format=%ct")
    now = time.time()
    if said.isdigit() and now + 60 < int(said):
        return _check("FAIL", "clock", "this machine's time is before the last commit's", "set the clock (ntp)")
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    return _check("OK", "clock", shown + (", after the last commit" if said else ""))
