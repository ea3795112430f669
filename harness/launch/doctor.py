"""`harness doctor`: can this machine do what the active profile asks, and if not, what fixes it?

Each check answers one question; it looks, and changes nothing. harness.launch.doctor_offers has what units can run on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.launch.doctor_checks import GIB, Check, Word, ask, check, disk, guarded
from harness.launch.doctor_offers import offers
from harness.project.errors import HarnessError
from harness.project.params import Params, data_dir
from harness.project.paths import Paths
from harness.project.profiles import load_params
from harness.project.terminal import paragraph, terminal_width

TOOLKIT = (1, 18)
"""Oldest NVIDIA container toolkit not warned about: older ones have known ways out of the container."""
OLDEST_DRIVER = {12: 525, 13: 580}
"""Major version of CUDA -> the oldest NVIDIA driver branch that runs it (CUDA Compatibility guide, minor versions)."""


def examine(root: Path) -> list[Check]:
    """Every check, in the order in which a new user meets what it is about."""
    try:
        params = load_params(root)
    except HarnessError as error:
        return [check("FAIL", "params.yaml", error.message, error.fix or "edit params.yaml")]
    checks = [
        check("OK", "params.yaml", f"profile {params.profile}, runtime {params.runtime}"),
        *_environment(root),
        *_pins(params, root),
        *offers(params, root),
        *_gpu(params, root),
        disk(root, "disk"),
        _memory(params),
        _clock(root),
    ]
    return checks


def render_checks(checks: list[Check]) -> str:
    """One line per check, its remedy below it; what is not there and not asked for takes no second line."""
    longest, width = max(len(one.what) for one in checks), terminal_width()
    lines = []
    for one in checks:
        to_have_it = f"; to have it: {one.remedy}" if one.word == "NONE" else ""
        label = f"{one.word:5} {one.what:{longest}}  "
        lines += paragraph(f"{one.found}{to_have_it}", width, label)
        if one.remedy and not to_have_it:
            lines += paragraph(f"to fix it: {one.remedy}", width, " " * len(label))
    return "\n".join(lines)


def _environment(root: Path) -> Iterator[Check]:
    """Is every installed package the locked release?"""
    try:
        torch = "cpu" if version("torch").endswith("+cpu") else "cuda"
    except PackageNotFoundError:
        yield check("FAIL", "environment", "torch is not installed", "run `make venv`")
        return
    lock = root / "requirements" / f"{torch}.txt"
    if not lock.is_file():
        yield check("OK", "environment", "an image's own: there is no lock here to compare with")
        return
    pins = locked_versions(lock.read_text(encoding="utf-8"))
    other = [name for name, pinned in pins.items() if _installed(name) != pinned]
    if other:
        first = f"{other[0]} {_installed(other[0]) or 'missing'} instead of {pins[other[0]]}"
        yield check("WARN", "environment", f"{len(other)} of {len(pins)} packages not as locked: {first}", "make venv")
    else:
        yield check("OK", "environment", f"{len(pins)} packages as requirements/{lock.name} locks them")


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

    yield guarded("pins of tasks", tasks, "FAIL")
    yield guarded("claims", lambda: f"{len(read_all_claims(paths.reference))} load", "FAIL")
    if params.data.source == "local":
        folder = data_dir(params, root)
        if folder and folder.is_dir():
            yield check("OK", "data pack", str(folder))
        else:
            yield check("FAIL", "data pack", str(folder or "none named"), "set HARNESS_DATA_DIR to the pack's folder")


def _gpu(params: Params, root: Path) -> Iterator[Check]:
    """Driver, container toolkit, and whether the driver runs the CUDA of the pinned wheels."""
    wanted = params.compute.device == "cuda"
    said = ask("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    if not said:
        if wanted:
            remedy = "install the NVIDIA driver, or set compute.device: cpu"
            yield check("FAIL", "GPU", "nvidia-smi finds none, and compute.device is cuda", remedy)
        else:
            yield check("OK", "GPU", "none found; compute.device is cpu")
        return
    name, driver = [part.strip() for part in said.splitlines()[0].rsplit(",", 1)]
    yield check("OK", "GPU", f"{name}, driver {driver}")
    lock = root / "requirements" / "cuda.txt"
    if lock.is_file():
        yield driver_check(driver, lock.read_text(encoding="utf-8"), "FAIL" if wanted else "WARN")
    yield toolkit_check(ask("nvidia-ctk", "--version"), "FAIL" if wanted and params.in_containers else "WARN")


def driver_check(driver: str, lock: str, word: Word) -> Check:
    """Does the driver run the CUDA release of the pinned wheels?"""
    found = re.search(r"^nvidia-cuda-runtime(?:-cu\d+)?==(\d+)\.(\d+)", lock, re.MULTILINE)
    if not found:
        return check("WARN", "CUDA", "requirements/cuda.txt names no CUDA runtime", "make lock")
    major, oldest = int(found[1]), OLDEST_DRIVER.get(int(found[1]))
    release = f"CUDA {found[1]}.{found[2]} of the pinned wheels"
    if oldest is None:
        return check("WARN", "CUDA", f"{release}: the oldest driver for it is not known here", "try it")
    if int(driver.partition(".")[0]) < oldest:
        return check(
            word, "CUDA", f"{release} needs driver {oldest}, found {driver}", f"install driver {oldest} or newer"
        )
    return check("OK", "CUDA", f"{release} runs with driver {driver} ({oldest} or newer for CUDA {major})")


def toolkit_check(said: str, word: Word) -> Check:
    """Is NVIDIA's container toolkit there, and recent?"""
    what, oldest = "container toolkit", ".".join(map(str, TOOLKIT))
    found = re.search(r"(\d+)\.(\d+)[\d.]*", said)
    if not found:
        return check(word, what, "nvidia-ctk not found: containers get no GPU", "install nvidia-container-toolkit")
    if (int(found[1]), int(found[2])) < TOOLKIT:
        return check("WARN", what, f"{found[0]}, older than {oldest}", f"update nvidia-container-toolkit to {oldest}")
    return check("OK", what, found[0])


def _memory(params: Params) -> Check:
    import psutil

    free = psutil.virtual_memory().available / GIB
    if params.container.memory_mib is None:
        return check("OK", "memory", f"{free:.1f} GiB available, a unit may take all of it")
    wanted = params.container.memory_mib / 1024
    word: Word = "OK" if free >= wanted else "WARN"
    remedy = "" if word == "OK" else "close other programs, or lower container.memory_mib"
    return check(word, "memory", f"{free:.1f} GiB available, a unit may take {wanted:.1f} GiB", remedy)


def _clock(root: Path) -> Check:
    """A clock before the last commit makes file times and certificates wrong."""
    said = ask("git", "-C", str(root), "log", "-1", "--format=%ct")
    now = time.time()
    if said.isdigit() and now + 60 < int(said):
        return check("FAIL", "clock", "this machine's time is before the last commit's", "set the clock (ntp)")
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    return check("OK", "clock", shown + (", after the last commit" if said else ""))
