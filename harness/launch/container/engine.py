"""The Docker engine: the one module that talks to it, through the docker SDK.

What the engine can't do ends as a HarnessError with the engine's own words and what fixes it.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from harness.launch.container.engine_records import ContainerExit, ContainerSpec, EngineFacts, ImageFacts
from harness.project.errors import HarnessError

NO_ENGINE = (
    "start it (`sudo systemctl start docker`, or Docker Desktop), see that your user may reach it, or set"
    " `runtime: local` in params.yaml to work without containers; `harness doctor` says more"
)
PROJECT_LABEL = "harness.project"
"""Label of every container that a unit of work runs in: which project it belongs to."""
Client = Any
"""docker.DockerClient, which is not typed."""


def connect(patience_s: int = 60) -> Client:
    """A client of the engine that answers: DOCKER_HOST's, the system's, or the user's own (rootless).

    `patience_s`: longest wait for a first byte. Raises HarnessError, in one paragraph, where none answers.
    """
    refusals = []
    for address in _addresses():
        try:
            client = (
                docker.DockerClient(base_url=address, timeout=patience_s)
                if address
                else docker.from_env(timeout=patience_s)
            )
            client.ping()
            return client
        except (DockerException, requests.RequestException, OSError) as error:
            refusals.append(f"{address or os.environ['DOCKER_HOST']}: {_reason(error)}")
    raise HarnessError(f"expected a Docker engine that answers, found none ({'; '.join(refusals)})", fix=NO_ENGINE)


def _addresses() -> list[str | None]:
    """Where an engine may listen; None stands for what the environment says."""
    if os.environ.get("DOCKER_HOST"):
        return [None]
    own = Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")) / "docker.sock"
    return ["unix:///var/run/docker.sock", *([f"unix://{own}"] if own.exists() else [])]


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
    with told("the engine to describe itself", NO_ENGINE):
        info, version = client.info(), client.version()
    options = " ".join(info.get("SecurityOptions") or [])
    return EngineFacts(
        version=version.get("Version", "unknown"),
        rootless="name=rootless" in options,
        remapped="name=userns" in options,
        runtimes=sorted(info.get("Runtimes") or {}),
        cgroup_version=str(info.get("CgroupVersion") or "unknown"),
        memory_limit=bool(info.get("MemoryLimit", True)),
        root_folder=info.get("DockerRootDir", ""),
    )


def image_facts(client: Client, reference: str) -> ImageFacts:
    """What the engine knows of an image, by tag, ID or digest. HarnessError where it has none."""
    get = (
        f"run `docker pull {reference}`"
        if "@" in reference
        else "run `harness image build`, or `docker load` a saved one"
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
        container = client.containers.create(**_creation(spec))
        try:
            output = client.api.attach(container.id, stdout=True, stderr=True, stream=True, demux=not spec.terminal)
            container.start()
            _pass_on(output, spec.terminal)
            code = int(container.wait()["StatusCode"])
            container.reload()
            return ContainerExit(code=code, out_of_memory=bool(container.attrs["State"].get("OOMKilled")))
        finally:
            with suppress(NotFound):
                container.remove(force=True, v=True)


def _creation(spec: ContainerSpec) -> dict[str, Any]:
    """The SDK's arguments: everything that isolates a unit of work stands here."""
    mounts = [
        docker.types.Mount(target=mount.target, source=mount.source, type="bind", read_only=mount.read_only)
        for mount in spec.mounts
    ]
    some = {"device_ids": list(spec.gpu_ids)} if spec.gpu_ids else {"count": -1}
    gpus = [docker.types.DeviceRequest(capabilities=[["gpu"]], **some)] if spec.gpu else None
    return {
        "image": spec.image,
        "command": list(spec.command),
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
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{spec.memory_mib}m",
        "memswap_limit": f"{spec.memory_mib}m",
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
    with told("the list of containers", NO_ENGINE):
        found = client.containers.list(all=True, filters={"label": f"{PROJECT_LABEL}={project}"}, ignore_removed=True)
        return [(container.id, dict(container.labels)) for container in found]


def remove_container(client: Client, identity: str) -> None:
    """Kill and remove a container; one that is gone already is fine."""
    with told(f"container {identity:.12} to be removed", f"run `docker rm --force {identity:.12}`"), suppress(NotFound):
        client.api.remove_container(identity, force=True, v=True)
