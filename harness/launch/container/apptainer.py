"""A unit of work in an Apptainer container, where a cluster offers nothing else: no daemon, one file as the image.

The image is a .sif file, pinned by the sha256 of its bytes and built from the archive that `harness image save` writes.
The container sees what an engine's container sees (harness.launch.container.container).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness.launch.container.engine_records import ImageFacts
from harness.launch.container.image import WORK, Finding, compare, write_image
from harness.launch.container.view import check_code, environment, interruptible, mounts, scratch_folder
from harness.launch.work import Work, fetch_back
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.processes import starting

PROGRAM = "apptainer"
BUILD = (
    "build it from the saved image (`apptainer build FILE.sif oci-archive:ARCHIVE`), then `harness image pin FILE.sif`"
)
OWN_VARIABLES = ("APPTAINER", "SINGULARITY")
"""How variables begin that would change what a container sees; the caches' places are none of them."""
KEPT = ("APPTAINER_CACHEDIR", "APPTAINER_TMPDIR")


def run_in_apptainer(work: Work, params: Params, paths: Paths, into: Paths | None = None) -> int:
    """Run a unit in a container of the pinned .sif file and move its outputs to their places; returns its exit code.

    With `into`, the unit's outputs lie below that folder and not in the project, which stays as it is.

    Raises HarnessError where there is no Apptainer or file, the file has other bytes or holds other code, or the unit
    was killed.
    """
    file = check_file(params, paths)
    check_code(sif_facts(file), str(params.image))
    outputs = into or paths
    scratch = work.scratch(outputs.scratch)
    command = apptainer_command(work, params, paths, scratch, file)
    with scratch_folder(scratch), interruptible(), starting("Apptainer"):
        code = subprocess.run(command, env=clean_environment(), stdin=subprocess.DEVNULL, check=False).returncode
        if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
            limit = params.container.memory_mib
            asked = f", or it wanted more than its container's {limit} MiB" if limit is not None else ""
            raise HarnessError(
                f"{work.name} was killed before it finished (by hand, or the machine ran out of memory{asked})",
                fix="free memory or raise container.memory_mib, and run `dvc repro` again; finished stages are kept",
            )
        if code == 0:
            check_file(params, paths)  # it may have been replaced meanwhile: then what ran is not what was pinned
            fetch_back(work, scratch, outputs)
    return code if code >= 0 else 128 - code


def apptainer_command(work: Work, params: Params, paths: Paths, scratch: Path, file: Path) -> list[str]:
    """The whole command line: everything that isolates a unit of work stands here."""
    limits = params.container
    arguments = [
        *(
            "--containall",
            "--no-home",
            "--no-mount",
            "hostfs,bind-paths,cwd",
        ),  # no folder of the machine but those below
        *("--net", "--network", "none"),
        "--no-privs",  # no capabilities, no new privileges, also where root calls
        *("--pwd", WORK),
    ]
    if limits.memory_mib is not None:
        arguments += ["--memory", f"{limits.memory_mib}M", "--memory-swap", f"{limits.memory_mib}M"]
    if limits.pids is not None:
        arguments += ["--pids-limit", str(limits.pids)]
    if params.compute.device == "cuda":
        arguments.append("--nv")
    for mount in mounts(work, paths, scratch):
        refuse_separators(mount.source)
        arguments += ["--bind", f"{mount.source}:{mount.target}:{'ro' if mount.read_only else 'rw'}"]
    for name, value in sorted({**environment(params), **_devices()}.items()):
        arguments += ["--env", f"{name}={value}"]
    return [program(), "exec", *arguments, str(file), "harness", *work.command]


def _devices() -> dict[str, str]:
    """The GPUs that this process was given: `--nv` shows a container all of the machine's."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {} if given is None else {"CUDA_VISIBLE_DEVICES": given}


def refuse_separators(path: str) -> None:
    """HarnessError where a path holds what separates the parts of `--bind`, which knows no way to quote it."""
    if set(path) & set(":,"):
        raise HarnessError(
            f"expected paths without colons and commas under runtime `apptainer`, found {path}",
            fix="move the project to a folder with another name",
        )


def clean_environment() -> dict[str, str]:
    """This process's variables without those that make Apptainer mount or set more, and without proxies, which it hands
    on to every container.
    """
    return {name: one for name, one in os.environ.items() if name in KEPT or not _is_handed_on(name)}


def _is_handed_on(name: str) -> bool:
    return name.startswith(OWN_VARIABLES) or name.lower().endswith("_proxy")


def program() -> str:
    """The path of the program. HarnessError where there is none."""
    found = shutil.which(PROGRAM)
    if found is None:
        raise HarnessError(
            "expected the program `apptainer` on the path, found none",
            fix="load the cluster's module (`module load apptainer`) or install it, or set `runtime: local`",
        )
    return found


def check_file(params: Params, paths: Paths) -> Path:
    """The pinned .sif file. HarnessError where it is not there or has other bytes."""
    name, _, wanted = str(params.image).rpartition("@sha256:")
    file = paths.root / name
    if not file.is_file():
        raise HarnessError(f"expected the image {file}, found none", fix=BUILD)
    found = _sha256_once(file)
    if found != wanted:
        raise HarnessError(
            f"expected {file} to have the sha256 {wanted:.12} that params.yaml pins, found {found:.12}",
            fix=f"put the pinned file there, or run `harness image pin {name}` to use this one",
        )
    return file


_known: dict[tuple[str | int, ...], str] = {}


def _sha256_once(file: Path) -> str:
    """The file's sha256; read once by a process as long as place, size, times and inode stay the same.

    Raises HarnessError where it is written meanwhile.
    """
    key = _state(file)
    if key not in _known:
        found = sha256_file(file)
        if _state(file) != key:
            raise HarnessError(f"expected {file} to stay as it is, found it changed meanwhile", fix="run it again")
        _known[key] = found
    return _known[key]


def _state(file: Path) -> tuple[str | int, ...]:
    """What changes when the file does; the time of change can't be set back."""
    seen = file.stat()
    return str(file), seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino


def sif_facts(file: Path) -> ImageFacts:
    """What Apptainer reads of an image without starting it. HarnessError where it can't."""
    command = [program(), "inspect", "--json", "--labels", str(file)]
    try:
        done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True)
        labels = json.loads(done.stdout)["data"]["attributes"]["labels"] or {}
    except (subprocess.CalledProcessError, OSError, ValueError, KeyError, TypeError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise HarnessError(f"expected {file} to be an Apptainer image, found: {said.strip()}", fix=BUILD) from None
    size = file.stat().st_size
    return ImageFacts(id=f"sha256:{_sha256_once(file)}", digests=(), labels=labels, size_bytes=size, architecture="")


def pin_file(root: Path, reference: str) -> str:
    """Write a .sif file's place, from the project where it lies in it, and its sha256 into params.yaml; returns a line
    for people.
    """
    file = _found(root, reference)
    facts = sif_facts(file)
    place = file.relative_to(root.resolve()) if file.is_relative_to(root.resolve()) else file
    fixed = f"{place}@{facts.id}"
    write_image(root / "params.yaml", fixed)
    return f"params.yaml: image is now {fixed} (for `runtime: apptainer`, {facts.size_bytes / 1e6:.0f} MB)"


def compare_file(root: Path, reference: str) -> list[Finding]:
    """Compare a .sif file's labels with this checkout, without starting it."""
    return compare(root, sif_facts(_found(root, reference)).labels)


def _found(root: Path, reference: str) -> Path:
    """The file that a reference names, from the working folder or the project. HarnessError where there is none."""
    given = Path(reference.partition("@")[0])
    for file in (given, root / given):
        if file.is_file():
            return file.resolve()
    raise HarnessError(f"expected the image {given}, found none", fix=BUILD)


def said_version() -> str:
    """What `apptainer --version` says; HarnessError where there is none."""
    done = subprocess.run([program(), "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or f"it says nothing ({done.stderr.strip() or 'no error'})"
