"""What the harness says to a container engine and hears from it, as frozen records."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.project.records import StrictRecord


class Mount(StrictRecord):
    """A file or folder of this machine inside a container."""

    source: str
    """Absolute path on this machine."""
    target: str
    """Absolute path in the container."""
    read_only: bool
    """Whether the container may only read it."""


class ContainerSpec(StrictRecord):
    """One container: what runs in it, what it sees, what it may use."""

    image: str
    """Image ID or digest."""
    command: tuple[str, ...]
    """Arguments of the image's entry point."""
    user: str
    """uid:gid inside the container."""
    user_namespace: str | None
    """`host` switches an engine's remapping of users off, `keep-id` gives the caller the same number inside (Podman);
    null leaves it as it is."""
    folder: str
    """Working folder in the container."""
    environment: dict[str, str]
    """Environment variables beside the image's own."""
    labels: dict[str, str]
    """By which leftovers are found."""
    mounts: tuple[Mount, ...]
    """Everything of this machine that it sees."""
    memory_mib: int | None = Field(gt=0)
    """Memory, swap included; null: no limit."""
    pids: int | None = Field(gt=0)
    """Processes and threads; null: no limit."""
    tmp_mib: int = Field(gt=0)
    """Size of /tmp."""
    gpu: bool
    """Whether it gets the machine's GPUs."""
    gpu_ids: tuple[str, ...] = ()
    """Those that it gets, by number or UUID; empty: all."""
    terminal: bool
    """Whether it gets a terminal (progress bars)."""
    entrypoint: tuple[str, ...] = ()
    """What runs instead of the image's entry point; empty: that."""
    unlabelled: bool = False
    """Whether it runs without a label of SELinux's: the files that it sees carry none that such a label may read."""


class ContainerExit(StrictRecord):
    """How a container ended."""

    code: int
    """Exit code; 137 is a kill."""
    out_of_memory: bool
    """Whether the kernel killed it for going over its memory limit."""


class EngineFacts(StrictRecord):
    """What kind of engine it is."""

    version: str
    """Version of the engine."""
    name: Literal["Docker", "Podman"] = "Docker"
    """Whose it is."""
    rootless: bool
    """Whether it runs without root: root in its containers is then the user who owns it."""
    remapped: bool
    """Whether it maps container users to others (userns-remap)."""
    runtimes: list[str]
    """OCI runtimes it knows; `nvidia` among them where the container toolkit is set up."""
    cgroup_version: str
    """1 or 2."""
    memory_limit: bool
    """Whether it can limit memory."""
    pids_limit: bool = True
    """Whether it can limit processes."""
    selinux: bool = False
    """Whether it gives its containers labels of SELinux."""
    root_folder: str
    """Where it keeps images."""

    @property
    def kind(self) -> str:
        """In words: `Podman 4.3.1, rootless, control groups version 1`."""
        kind = "rootless" if self.rootless else "with root"
        kind += ", users remapped" if self.remapped else ""
        return f"{self.name} {self.version}, {kind}, control groups version {self.cgroup_version}"


class ImageFacts(StrictRecord):
    """What an engine knows of an image."""

    id: str
    """sha256:... of its configuration."""
    digests: tuple[str, ...]
    """name@sha256:... by which registries know it; empty for an image built here."""
    labels: dict[str, str]
    """Its labels."""
    size_bytes: int
    """Size of all layers."""
    architecture: str
    """System and processor, as linux/amd64."""
