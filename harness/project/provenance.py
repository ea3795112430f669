"""Where a result comes from: commit, packages, machine, threads, image, memory."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "transformers", "tokenizers", "sentencepiece", "safetensors", "numpy")
"""The packages that a number can depend on."""
IMAGE_DIGEST = "HARNESS_IMAGE_DIGEST"
"""Environment variable: the ID or digest of the image that this process runs in, set by what starts the container."""
COMMIT, DIRTY = "HARNESS_COMMIT", "HARNESS_DIRTY"
"""Environment variables of the image: the commit that its code is from, and whether tracked files differed from it."""


def provenance(root: Path, *, device: str, threads: int) -> dict[str, Any]:
    """Everything about the present process and machine that a number may depend on.

    `device`: `cpu`, or the GPU's name and driver version (harness.model.determinism.device_name).
    """
    commit, dirty = source_commit(root)
    return {
        "git_commit": commit,
        "git_dirty": dirty,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "machine": machine(),
        "device": device,
        "threads": threads,
        "image_digest": os.environ.get(IMAGE_DIGEST),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


VECTORS = ("avx2", "avx512f", "avx512_bf16", "amx_tile")
"""Vector instructions that the kernels of a processor differ by."""


def usable_cores() -> int:
    """The cores that this process may use; all of them where the system doesn't say (macOS)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache
def machine() -> dict[str, Any]:
    """The processor and the system, as far as numbers can depend on them."""
    return {
        "cpu": _cpu_fields().get("model name") or platform.processor() or "unknown",
        "instructions": _instructions(),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
    }


def _cpu_fields() -> dict[str, str]:
    """What the kernel says of the first processor; nothing where there is no /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _instructions() -> str | None:
    """Family, model and vector instructions of the processor, by which kernels are chosen and sums rounded; None where
    they are not known. A virtual machine's processors of several generations may share one name.
    """
    fields = _cpu_fields()
    known = set(fields.get("flags", "").split())
    parts = [f"{name} {fields[name]}" for name in ("cpu family", "model") if name in fields]
    return ", ".join([*parts, *(name for name in VECTORS if name in known)]) or None


def without_bfloat16() -> bool:
    """Does the processor lack instructions that multiply bfloat16? False where its instructions are not known.

    torch then takes it apart in software, which takes many times as long as fp32 (docs/training.md).
    """
    fields = _cpu_fields()
    known = set(fields.get("flags", "").split())
    return bool(known) and not known & {"avx512_bf16", "amx_bf16"}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


_NOT_CODE = (":(exclude)dvc.lock", ":(exclude)grid.json", ":(exclude)metrics", ":(exclude)params.yaml")


def source_commit(root: Path) -> tuple[str | None, bool | None]:
    """Commit of the code and whether tracked files differ from it.

    Not counted: dvc.lock and metrics/, which the pipeline itself writes, and params.yaml, whose settings are recorded
    with every result, with grid.json, which is written from it (`harness profile`). In an image, which has no git, what
    the image was built from. (None, None) where neither is known, as where the project was unpacked into a folder of
    another repository: that one's commit says nothing of this code.
    """
    try:
        if not Path(_git(root, "rev-parse", "--show-toplevel")).samefile(root):
            raise FileNotFoundError(f"{root} is no repository of its own")
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *_NOT_CODE)
    except (OSError, subprocess.CalledProcessError):
        dirty = os.environ.get(DIRTY)
        return os.environ.get(COMMIT) or None, dirty == "true" if dirty else None
    return commit, bool(changed)


def _git(root: Path, *command: str) -> str:
    """What git says of the folder, and not of another repository that a hook's environment names."""
    elsewhere = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
    ask = ["git", "-C", str(root), *command]
    return subprocess.run(ask, capture_output=True, text=True, check=True, env=environment).stdout.removesuffix("\n")


_MACHINE = ("cpu", "instructions", "architecture", "system")


def machine_class(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """What predictions may depend on besides code, data, settings and seed: processor, device, threads, packages."""
    machine = provenance.get("machine") or {}
    packages = provenance.get("packages") or {}
    return (
        *(str(machine.get(name)) for name in _MACHINE),
        *(f"{name} {provenance.get(name)}" for name in ("device", "threads", "python")),
        *(f"{name} {version}" for name, version in sorted(packages.items())),
    )


def machine_in_words(provenance: Mapping[str, Any]) -> str:
    """The processor or the device, and Python."""
    machine, device = provenance.get("machine") or {}, provenance.get("device")
    processor = ", ".join(str(machine[name]) for name in ("cpu", "instructions") if machine.get(name))
    words = [
        processor if device in (None, "cpu") else device,
        f"Python {provenance['python']}" if "python" in provenance else None,
    ]
    return ", ".join(str(word) for word in words if word)


def machines_of(origins: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The distinct machines, with Python, device and threads, that results' provenances name."""
    return distinct(
        origin.get("machine", {}) | {name: origin[name] for name in ("python", "device", "threads") if name in origin}
        for origin in origins
    )


def distinct(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each different JSON object once, in the order of the first."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        found.setdefault(json.dumps(entry, sort_keys=True), entry)
    return list(found.values())


def commits_of(origins: Iterable[Mapping[str, Any]]) -> list[str]:
    """The distinct commits that results' provenances name, sorted."""
    return sorted({str(origin["git_commit"]) for origin in origins if origin.get("git_commit")})
