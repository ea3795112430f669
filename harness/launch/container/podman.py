"""What Podman takes in its own way: its facts, and the making of a container.

Everything else goes through its Docker-compatible address, as with Docker. The making does not: there Podman 4 lays a
writable tmpfs over /run and /var/tmp of a read-only root and ignores requests for GPUs, and the docker SDK has no
`keep-id`. Limits that Podman can't hold it drops, so they are looked at before and afterwards.
"""

from __future__ import annotations

from typing import Any

from docker.errors import APIError

from harness.launch.container.engine_records import ContainerSpec

API = "/v4.0.0/libpod"
"""Podman's own address, since its version 4."""
Client = Any


def is_podman(version: dict[str, Any]) -> bool:
    """Whether an engine's answer to `version` is Podman's."""
    return any(part.get("Name") == "Podman Engine" for part in version.get("Components") or [])


def host_facts(client: Client) -> dict[str, Any]:
    """What Podman says of its host; the compatible address says wrongly that limits hold and that root runs it."""
    found: dict[str, Any] = _checked(client.api.get(f"{client.api.base_url}{API}/info"))["host"]
    return found


def create(client: Client, spec: ContainerSpec) -> str:
    """Make a container, not started; returns its ID."""
    made = _checked(client.api.post(f"{client.api.base_url}{API}/containers/create", json=creation(spec)))
    return str(made["Id"])


def creation(spec: ContainerSpec) -> dict[str, Any]:
    """The body of the request: everything that isolates a unit of work stands here."""
    tmp = ["rw", "noexec", "nosuid", "nodev", f"size={spec.tmp_mib}m", "mode=1777"]
    binds = [
        {
            "type": "bind",
            "source": mount.source,
            "destination": mount.target,
            "options": ["rbind", "rprivate", "nosuid", "nodev", "ro" if mount.read_only else "rw"],
        }
        for mount in spec.mounts
    ]
    limits = {}
    if spec.memory_mib is not None:
        limits["memory"] = {"limit": spec.memory_mib << 20, "swap": spec.memory_mib << 20}
    if spec.pids is not None:
        limits["pids"] = {"limit": spec.pids}
    return {
        "image": spec.image,
        "command": list(spec.command),
        **({"entrypoint": list(spec.entrypoint)} if spec.entrypoint else {}),
        "user": spec.user,
        "work_dir": spec.folder,
        "env": dict(spec.environment),
        "labels": dict(spec.labels),
        "mounts": [*binds, {"type": "tmpfs", "source": "tmpfs", "destination": "/tmp", "options": tmp}],
        "read_only_filesystem": True,
        "image_volume_mode": "ignore",  # a volume of the image would be another place to write to
        "netns": {"nsmode": "none"},
        "ipcns": {"nsmode": "none"},  # no /dev/shm, likewise
        **({"userns": {"nsmode": spec.user_namespace}} if spec.user_namespace else {}),
        "cap_drop": ["all"],
        "no_new_privileges": True,
        **({"selinux_opts": ["disable"]} if spec.unlabelled else {}),
        "resource_limits": limits,
        "devices": [{"path": f"nvidia.com/gpu={one}"} for one in (spec.gpu_ids or ("all",))] if spec.gpu else [],
        "httpproxy": False,
        "systemd": "false",
        "terminal": spec.terminal,
        "stdin": False,
    }


def _checked(answer: Any) -> dict[str, Any]:
    """The content of an answer. Raises APIError with Podman's own words where it refuses."""
    content = answer.json() if answer.content else {}
    if not answer.ok:
        raise APIError(str(answer.reason), response=answer, explanation=content.get("message"))
    return content
