"""The container engine, Docker or Podman: the one module that talks to it, through the docker SDK.

What Podman takes in its own way stands in harness.launch.container.podman. What an engine can't do ends as a
HarnessError with the engine's own words and what fixes it.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from harness.launch.container import podman
from harness.launch.container.engine_records import ContainerExit, ContainerSpec, EngineFacts, ImageFacts
from harness.launch.container.sockets import NAMES, EngineName, addresses, remedy
from harness.project.errors import HarnessError

PROJECT_LABEL = "harness.project"
"""Label of every container that a unit of work runs in: which project it belongs to."""
Client = Any
"""docker.DockerClient, which is not typed."""


def connect(engine: EngineName | None = None, patience_s: int = 60) -> Client:
    """A client of the engine that answers, at the addresses of harness.launch.container.sockets.

    `engine`: which; None: any. `patience_s`: longest wait for a first byte. Raises HarnessError, in one paragraph,
    where none answers.
    """
    refusals = []
    for address in addresses(engine):
        try:
            client = (
                docker.DockerClient(base_url=address.url, timeout=patience_s)
                if address.url
                else docker.from_env(timeout=patience_s)
            )
            client.ping()
            return client
        except (DockerException, requests.RequestException, OSError) as error:
            refusals.append(f"{address}: {_reason(error)}")
    wanted = NAMES[engine] if engine else "container engine"
    raise HarnessError(f"expected a {wanted} that answers, found none ({'; '.join(refusals)})", fix=remedy(engine))


def _reason(error: BaseException) -> str:
    """The system's own word at the bottom of a chain of exceptions."""
    text = str(error)
    for words in ("No such file or directory", "Permission denied", "Connection refused"):
        if words in text:
            return words.lower()
    return " ".join(text.split())


@contextmanager
def told(what: str, fix: str) -> Iterator[None]:
    """The engine's refusal as a HarnessError."""
    try:
        yield
    except APIError as error:
        said = error.explanation or str(error)
        raise HarnessError(f"expected {what}, found that the engine refuses: {said.strip()}", fix=fix) from None
    except (DockerException, requests.RequestException) as error:
        raise HarnessError(f"expected {what}, found: {_reason(error)}", fix=fix) from None


def engine_facts(client: Client) -> EngineFacts:
    """Version, kind and means of the engine."""
    with told("the engine to describe itself", remedy(None)):
        info, version = client.info(), client.version()
        if podman.is_podman(version):
            return _podman_facts(client, info, version)
    options = " ".join(info.get("SecurityOptions") or [])
    return EngineFacts(
        version=version.get("Version", "unknown"),
        rootless="name=rootless" in options,
        remapped="name=userns" in options,
        runtimes=sorted(info.get("Runtimes") or {}),
        cgroup_version=str(info.get("CgroupVersion") or "unknown"),
        memory_limit=bool(info.get("MemoryLimit", True)),
        pids_limit=bool(info.get("PidsLimit", True)),
        selinux="name=selinux" in options,
        root_folder=info.get("DockerRootDir", ""),
    )


def _podman_facts(client: Client, info: dict[str, Any], version: dict[str, Any]) -> EngineFacts:
    host = podman.host_facts(client)
    controllers = host.get("cgroupControllers") or []
    return EngineFacts(
        name="Podman",
        version=version.get("Version", "unknown"),
        rootless=bool(host["security"]["rootless"]),
        remapped=False,
        runtimes=sorted(info.get("Runtimes") or {}),
        cgroup_version=str(host.get("cgroupVersion") or "unknown").removeprefix("v"),
        memory_limit="memory" in controllers,
        pids_limit="pids" in controllers,
        selinux=bool(host["security"].get("selinuxEnabled")),
        root_folder=info.get("DockerRootDir", ""),
    )


def image_facts(client: Client, reference: str) -> ImageFacts:
    """What the engine knows of an image, by tag, ID or digest. HarnessError where it has none."""
    get = (
        f"pull it (`docker pull {reference}`, likewise `podman pull`)"
        if "@" in reference
        else "run `harness image build`, or load a saved one (`docker load`, `podman load`)"
    )
    with told(f"the image {reference}", get):
        try:
            image = client.images.get(reference)
        except (ImageNotFound, NotFound):
            raise HarnessError(f"expected the image {reference} in the engine, found none", fix=get) from None
    attributes = image.attrs
    return ImageFacts(
        id=image.id,
        digests=tuple(attributes.get("RepoDigests") or ()),
        labels=dict(image.labels or {}),
        size_bytes=int(attributes.get("Size", 0)),
        architecture=f"{attributes.get('Os')}/{attributes.get('Architecture')}",
    )


def build_image(
    client: Client,
    folder: Path,
    tag: str,
    arguments: Mapping[str, str],
    network: str | None,
    out: IO[str],
) -> str:
    """Build folder/Dockerfile as `tag`, its output to `out`; returns the image ID.

    Raises HarnessError with the failing step's words.
    """
    fix = "see the build's output above; `harness image build --help` names what can be set"
    image = None
    with told("the image to build", fix):
        lines = client.api.build(
            path=str(folder),
            tag=tag,
            buildargs=dict(arguments),
            network_mode=network,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for line in lines:
            out.write(line.get("stream", ""))
            if "error" in line:
                raise HarnessError(f"expected the image to build, found: {line['error'].strip()}", fix=fix)
            image = line.get("aux", {}).get("ID", image)
    return image or image_facts(client, tag).id


def image_archive(client: Client, reference: str) -> Iterator[bytes]:
    """The engine's own archive of an image (`docker save`), in pieces."""
    with told(f"the archive of {reference}", "see that the engine has the image (`harness image check`)"):
        yield from client.images.get(reference).save(named=False)


def run_container(client: Client, spec: ContainerSpec) -> ContainerExit:
    """Run one container to its end, its output to this process's own; it is gone afterwards, whatever happens.

    The engine's refusals become HarnessError; an interruption kills the container and goes on.
    """
    fix = "see `harness doctor`, then run the same command again"
    with told(f"a container of {spec.image}", fix):
        container = create_container(client, spec)
        try:
            _check_made(container.attrs, spec)
            output = client.api.attach(container.id, stdout=True, stderr=True, stream=True, demux=not spec.terminal)
            container.start()
            _pass_on(output, spec.terminal)
            code = int(container.wait()["StatusCode"])
            container.reload()
            return ContainerExit(code=code, out_of_memory=bool(container.attrs["State"].get("OOMKilled")))
        finally:
            with suppress(NotFound):
                container.remove(force=True, v=True)


def create_container(client: Client, spec: ContainerSpec) -> Any:
    """A container, made and not started; raises the SDK's errors."""
    if podman.is_podman(client.version()):
        return client.containers.get(podman.create(client, spec))
    return client.containers.create(**_creation(spec))


def _check_made(attributes: dict[str, Any], spec: ContainerSpec) -> None:
    """HarnessError unless the engine made what it was asked for: engines drop what they can't hold without a word."""
    host = attributes["HostConfig"]
    memory, pids = (spec.memory_mib or 0) << 20, spec.pids or 0
    wanted_and_found = {
        "no network": ("none", host.get("NetworkMode")),
        "a read-only root": (True, host.get("ReadonlyRootfs")),
        "the user": (spec.user, attributes["Config"].get("User")),
        "no new privileges": (True, any("no-new-privileges" in one for one in host.get("SecurityOpt") or [])),
        "the memory limit (container.memory_mib)": (memory, (host.get("Memory") or 0) if memory else 0),
        "the process limit (container.pids)": (pids, (host.get("PidsLimit") or 0) if pids else 0),
    }
    for what, (wanted, found) in wanted_and_found.items():
        if wanted != found:
            raise HarnessError(
                f"expected {what} to hold in the unit's container ({wanted}), found that the engine made it {found}",
                fix="use another engine, or a newer one (`harness doctor` says what this one can); nothing has run",
            )


def _creation(spec: ContainerSpec) -> dict[str, Any]:
    """The SDK's arguments: everything that isolates a unit of work stands here."""
    mounts = [
        docker.types.Mount(target=mount.target, source=mount.source, type="bind", read_only=mount.read_only)
        for mount in spec.mounts
    ]
    some = {"device_ids": list(spec.gpu_ids)} if spec.gpu_ids else {"count": -1}
    gpus = [docker.types.DeviceRequest(capabilities=[["gpu"]], **some)] if spec.gpu else None
    memory = None if spec.memory_mib is None else f"{spec.memory_mib}m"
    return {
        "image": spec.image,
        "command": list(spec.command),
        "entrypoint": list(spec.entrypoint) or None,
        "user": spec.user,
        "userns_mode": spec.user_namespace,
        "working_dir": spec.folder,
        "environment": dict(spec.environment),
        "labels": dict(spec.labels),
        "mounts": mounts,
        "tmpfs": {"/tmp": f"rw,noexec,nosuid,nodev,size={spec.tmp_mib}m,mode=1777"},
        "read_only": True,
        "network_mode": "none",
        "ipc_mode": "none",  # no /dev/shm: it would be a second place to write to
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", *(["label=disable"] if spec.unlabelled else [])],
        "mem_limit": memory,
        "memswap_limit": memory,
        "pids_limit": spec.pids,
        "device_requests": gpus,
        "tty": spec.terminal,
        "stdin_open": False,
    }


def _pass_on(output: Any, terminal: bool) -> None:
    """Write what a container says to this process's own output as it comes."""
    decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in range(2)]
    streams = (sys.stdout, sys.stderr)
    for piece in output:
        # The terminal of the container carries both; locally the bar is on standard error.
        parts = (None, piece) if terminal else piece
        for decoder, stream, part in zip(decoders, streams, parts, strict=True):
            if part:
                stream.write(decoder.decode(part))
                stream.flush()


def labelled(client: Client, project: str) -> list[tuple[str, dict[str, str]]]:
    """Containers of units of this project, running or not: (id, labels)."""
    with told("the list of containers", remedy(None)):
        found = client.containers.list(all=True, filters={"label": f"{PROJECT_LABEL}={project}"}, ignore_removed=True)
        return [(container.id, dict(container.labels)) for container in found]


def remove_container(client: Client, identity: str) -> None:
    """Kill and remove a container; one that is gone already is fine."""
    with (
        told(f"container {identity:.12} to be removed", f"run `docker rm --force {identity:.12}` (or `podman rm`)"),
        suppress(NotFound),
    ):
        client.api.remove_container(identity, force=True, v=True)
