"""The image that units of work run in: what it is built from, how it is pinned, whether it fits this checkout.

Its labels carry the source commit, the hash of the lock it was installed from, the hash of the code that units run and
the digest of its base, so that a checkout can be compared with an image without starting it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from harness.experiment.inputs import units_sha256
from harness.launch.container.engine_records import ImageFacts
from harness.launch.container.sockets import EngineName
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import SIF
from harness.project.profiles import read_params
from harness.project.provenance import source_commit
from harness.project.records import StrictRecord

DOCKERFILE, TAG = "Dockerfile", "harness:latest"
WORK = "/work"
"""The project's folder in the image."""
IMAGE_USER = 10001
"""uid and gid of the image's own user (Dockerfile: USER)."""
COMMIT_LABEL = "org.opencontainers.image.revision"
BASE_LABEL = "org.opencontainers.image.base.digest"
LOCK_LABEL, CODE_LABEL, TORCH_LABEL, DIRTY_LABEL = (
    "harness.lock.sha256",
    "harness.units.sha256",
    "harness.torch",
    "harness.source.dirty",
)
TORCH_BUILDS = ("cpu", "cuda")
"""Builds of torch that there is a lock for."""


SOURCE = "source commit"


class Finding(StrictRecord):
    """One thing compared between an image and this checkout."""

    what: str
    """What was compared."""
    fits: bool
    """Whether they agree."""
    found: str
    """What was found, in words."""


def lock_path(root: Path, torch: str) -> Path:
    """The lock that an image is installed from."""
    return root / "requirements" / f"{torch}.txt"


def pinned_base(root: Path) -> str:
    """The base image that the Dockerfile names: the default of its BASE_IMAGE."""
    path = root / DOCKERFILE
    found = (
        re.search(r"^ARG BASE_IMAGE=(\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE) if path.is_file() else None
    )
    if not found:
        raise HarnessError(
            f"expected `ARG BASE_IMAGE=...` in {path}, found none", fix=f"run `git checkout -- {DOCKERFILE}`"
        )
    return found[1]


def build_arguments(root: Path, torch: str, base: str, base_digest: str, pip_args: str) -> dict[str, str]:
    """The Dockerfile's arguments for this checkout."""
    commit, dirty = source_commit(root)
    return {
        "BASE_IMAGE": base,
        "BASE_DIGEST": base_digest,
        "TORCH": torch,
        "PIP_ARGS": pip_args,
        "LOCK_SHA256": sha256_file(lock_path(root, torch)),
        "UNITS_SHA256": units_sha256(),
        "SOURCE_COMMIT": commit or "",
        "SOURCE_DIRTY": "" if dirty is None else str(dirty).lower(),
    }


def build(
    root: Path,
    torch: str,
    base: str | None,
    tag: str,
    network: str | None,
    pip_args: str,
    asked: EngineName | None = None,
) -> str:
    """Build the image of this checkout as `tag`; returns a line for people.

    `base`: another image than the Dockerfile's; one without a digest is resolved to its ID in the engine. `asked`: the
    engine; None: any that answers.
    """
    from harness.launch.container import engine

    client, base = engine.connect(asked), base or pinned_base(root)
    digest = base.partition("@")[2] or engine.image_facts(client, base).id
    arguments = build_arguments(root, torch, base, digest, pip_args)
    identity = engine.build_image(client, root, tag, arguments, network, sys.stderr)
    facts = engine.image_facts(client, identity)
    return (
        f"built {tag} ({facts.size_bytes / 1e6:.0f} MB, torch {torch}): {facts.id}\n"
        "`harness image pin` writes that ID into params.yaml; `runtime: docker` or `podman` there makes units run in it"
    )


def pin(root: Path, reference: str, asked: EngineName | None = None) -> str:
    """Write the image's digest (its ID, for an image built here) into params.yaml; returns a line for people."""
    from harness.launch.container import engine

    facts = engine.image_facts(engine.connect(asked), reference)
    fixed = _fixed(reference, facts)
    write_image(root / "params.yaml", fixed)
    return f"params.yaml: image is now {fixed} ({facts.architecture}, {facts.size_bytes / 1e6:.0f} MB)"


def _fixed(reference: str, facts: ImageFacts) -> str:
    """A registry's digest by the name given, else the ID; Podman's digests of an image built here are no registry's."""
    name = reference.partition("@")[0].rpartition(":")[0] or reference.partition("@")[0]
    registered = [one for one in facts.digests if one.startswith(f"{name}@") and not one.startswith("localhost/")]
    return registered[0] if registered else facts.id


def is_sif(reference: str) -> bool:
    """Whether a reference names an Apptainer image."""
    return reference.partition("@")[0].endswith(SIF)


def write_image(path: Path, image: str) -> None:
    """Change the line `image:` of a params file, and nothing else in it."""
    text = path.read_text(encoding="utf-8")
    changed, count = re.subn(r"^image: *[^\s#]+", f"image: {image}", text, flags=re.MULTILINE)
    if count != 1:
        raise HarnessError(
            f"expected one line `image: ...` in {path}, found {count}", fix="copy that line from profiles/lab.yaml"
        )
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(changed, encoding="utf-8")
        read_params(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def check(root: Path, reference: str, asked: EngineName | None = None) -> list[Finding]:
    """Compare an image's labels with this checkout, without starting it."""
    from harness.launch.container import engine

    facts = engine.image_facts(engine.connect(asked), reference)
    return compare(root, facts.labels)


def save(reference: str, out: Path | None, asked: EngineName | None = None) -> str:
    """Keep an image as an OCI archive with its sha256; returns a line for people."""
    if is_sif(reference):
        raise HarnessError(
            f"expected an image of an engine to save, found {reference}, which is a file that can be kept as it is",
            fix="copy that file, with its sha256 from params.yaml",
        )
    from harness.launch.container import engine
    from harness.launch.container.oci_archive import CHUNK, write_archive
    from harness.project.progress import progress

    client = engine.connect(asked, patience_s=3600)  # an engine may gather the whole archive before it sends any of it
    facts = engine.image_facts(client, reference)
    out = out or Path(f"harness-image-{facts.id.partition(':')[2]:.12}.oci.tar")
    with progress(f"saving {facts.id:.19} (MiB)", max(1, facts.size_bytes // CHUNK)) as advance:
        digest = write_archive(engine.image_archive(client, facts.id), out, advance)
    size = f"{out.stat().st_size / 1e6:.0f} MB"
    back = f"`docker load -i {out}` brings it back (or `podman load`)"
    return f"saved {facts.id} to {out} ({size}), sha256 {digest}; {back}"


def compare(root: Path, labels: dict[str, str]) -> list[Finding]:
    """The labels of an image against the checkout at `root`."""
    torch = labels.get(TORCH_LABEL, "")
    lock = lock_path(root, torch)
    here = sha256_file(lock) if torch and lock.is_file() else "none"
    return [
        _same(f"lock (requirements/{torch or '?'}.txt)", labels.get(LOCK_LABEL), here),
        _same("code that units run", labels.get(CODE_LABEL), units_sha256()),
        _source(root, labels, lock),
    ]


def _same(what: str, label: str | None, here: str) -> Finding:
    if label == here:
        return Finding(what=what, fits=True, found=f"sha256 {here:.12} in both")
    return Finding(what=what, fits=False, found=f"{(label or 'no label')[:12]} in the image, {here:.12} here")


def _source(root: Path, labels: dict[str, str], lock: Path) -> Finding:
    """Is what the image was built from unchanged since its commit? Later commits of other files do no harm."""
    commit = labels.get(COMMIT_LABEL)
    if not commit:
        return Finding(what=SOURCE, fits=False, found="the image names none")
    if labels.get(DIRTY_LABEL) == "true":
        return Finding(what=SOURCE, fits=False, found=f"{commit} with changes that are in no commit")
    inside = ("harness", "pyproject.toml", DOCKERFILE, str(lock.relative_to(root)))
    command = ["git", "-C", str(root), "diff", "--name-only", commit, "--", *inside]
    try:
        changed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return Finding(what=SOURCE, fits=False, found=f"{commit} is no commit of this checkout's history")
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return Finding(what=SOURCE, fits=False, found=f"{commit}; since then changed: {changed[0]}{more}")
    return Finding(what=SOURCE, fits=True, found=f"{commit}, nothing that the image holds has changed since")
