"""Units in real containers: the same numbers, the isolation from inside, and every way a container can end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys
from boxes import ENGINE, boxed_settings, left, unheld

from harness.commands.main import run
from harness.launch.container import container, engine, view
from harness.launch.container.image import IMAGE_USER
from harness.launch.work import cell_work
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell, read_result

Toy = tuple[Params, Paths]
Docker = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
CELL = Cell(recipe="none", target="udpos", seed=1)
COMMAND = ("run", "cell", "none", "udpos", "1")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def use(paths: Paths, **changes: object) -> Params:
    """Other settings in the project, resolved anew."""
    toys.write_params(paths.root, toys.toy_settings() | changes)
    for arguments in (
        *(("recipe", recipe) for recipe in ("none", "hellaswag", "squad_v2")),
        *(("target", target) for target in toys.CELLS),
    ):
        assert run(["run", *arguments]) == 0
    return toys.load_params(paths.root)


def test_the_same_numbers_inside_and_outside(boxed: Toy, image: str) -> None:
    """A unit of every head, byte by byte: cells by their predictions, choice and SQuAD 2 by the trained weights."""
    paths = boxed[1]
    found: dict[str, dict[str, str]] = {}
    for where, changes in (("outside", {}), ("inside", boxed_settings(image))):
        use(paths, **changes)
        assert run(["run", "intermediate", "none", "1"]) == 0
        found[where] = {}
        for target in toys.CELLS:
            assert run(["run", "cell", "none", target, "1"]) == 0
            folder = paths.cell("none", target, 1)
            found[where][target] = sha256(folder / "predictions.json.gz")
            digest = read_result(folder / "result.json").provenance["image_digest"]
            assert digest == (image if where == "inside" else None)
        for recipe in ("hellaswag", "squad_v2"):
            assert run(["run", "intermediate", recipe, "1"]) == 0
            found[where][recipe] = sha256(paths.checkpoint(recipe, 1) / "model.safetensors")
            record = json.loads(paths.intermediate(recipe, 1).read_text(encoding="utf-8"))
            found[where][f"{recipe} dev"] = json.dumps(record["dev_scores"])
    assert found["inside"] == found["outside"]


def test_a_silent_unit_outlasts_the_clients_patience(boxed: Toy, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports and training say nothing for longer than the client waits for a byte: that is no failure."""
    paths = boxed[1]
    assert run(["run", "intermediate", "none", "1"]) == 0
    client = engine.connect(ENGINE, patience_s=2)
    monkeypatch.setattr(engine, "connect", lambda *_: client)
    content = toys.toy_settings() | boxed_settings(image)
    content["target"]["udpos"]["epochs"] = 80.0
    toys.write_params(paths.root, content)
    assert run(["run", "target", "udpos"]) == 0
    began = time.monotonic()
    assert run(["run", *COMMAND[1:]]) == 0
    assert time.monotonic() - began > 2 * 2, "the unit was too quick to show anything"


PROBE = """
import json, os, socket, threading
def writable(folder):
    try:
        with open(os.path.join(folder, "probe"), "w") as stream:
            stream.write("x")
        return True
    except OSError:
        return False
folders = ["/", os.getcwd(), "tasks", "build/toy/encoder", "/opt/harness", "/etc", "/var", "/usr", "/dev", "/dev/shm",
           "/root", "/home", "/run", "/var/tmp", "/run/lock", "/output", "/tmp"]
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines() if ":" in line)
routes = open("/proc/net/route").read().splitlines()[1:] + open("/proc/net/ipv6_route").read().splitlines()
try:
    socket.getaddrinfo("example.org", 443)
    resolved = True
except OSError:
    resolved = False
threads = 0
try:
    for threads in range(1000):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
except RuntimeError:
    pass
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "routes": [line for line in routes if not line.endswith("lo")], "resolved": resolved,
    "writable": [folder for folder in folders if writable(folder)],
    "capabilities": [status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd")],
    "no_new_privileges": status["NoNewPrivs"].strip(), "threads": threads,
}), flush=True)
os._exit(0)
"""


def test_isolation_from_inside(boxed: Toy, capfd: pytest.CaptureFixture[str]) -> None:
    """The container of a unit, as the unit would get it, with a program that tries what it must not be able to do."""
    params, paths = boxed
    work, client = cell_work(CELL, paths), engine.connect(ENGINE)
    facts = engine.engine_facts(client)
    user = container.container_user(facts)
    with view.scratch_folder(work.scratch(paths.scratch), container.owner(user, facts)):
        spec = container.container_spec(work, params, paths, work.scratch(paths.scratch), user, facts)
        probe = spec.model_copy(update={"entrypoint": ("python3", "-c", PROBE), "command": ()})
        box = engine.create_container(client, probe)
        try:
            box.start()
            box.wait(timeout=120)
            said = json.loads(box.logs(stderr=False).decode().splitlines()[-1])
        finally:
            box.remove(force=True)
        written = (work.scratch(paths.scratch) / "probe").stat()
    print(json.dumps(said))
    assert said["interfaces"] == ["lo"] and said["routes"] == [] and not said["resolved"]
    assert said["writable"] == ["/output", "/tmp"]
    assert written.st_uid == (os.getuid() or IMAGE_USER)  # the caller may take it, whatever the engine maps
    assert said["uid"] == (IMAGE_USER if user.startswith(str(IMAGE_USER)) else int(user.split(":")[0])) != 0
    assert set(said["capabilities"]) == {"0" * 16} and said["no_new_privileges"] == "1"
    assert said["threads"] > 0 and (params.container.pids is None or said["threads"] < params.container.pids)


def slow_cell(paths: Paths, image: str) -> None:
    """Settings with which the cell takes minutes."""
    content = toys.toy_settings() | boxed_settings(image)
    content["target"]["udpos"] |= {"epochs": 4000.0}
    toys.write_params(paths.root, content)
    assert run(["run", "target", "udpos"]) == 0
    assert run(["run", "intermediate", "none", "1"]) == 0


def wait_for_container(paths: Paths, seconds: float = 60) -> str:
    """ID of the running container of the project's unit."""
    client, deadline = engine.connect(ENGINE), time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = client.containers.list(filters={"label": f"{engine.PROJECT_LABEL}={container.project_id(paths)}"})
        if found:
            return str(found[0].id)
        time.sleep(0.1)
    raise AssertionError("the container did not start")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_stops_the_container(boxed: Toy, image: str, start: Start, number: signal.Signals) -> None:
    paths = boxed[1]
    slow_cell(paths, image)
    process = start(*COMMAND)
    wait_for_container(paths)
    time.sleep(1)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "harness: interrupted" in err and "Traceback" not in err
    assert left(paths) == [] and not paths.cell("none", "udpos", 1).exists()
    assert not cell_work(CELL, paths).scratch(paths.scratch).exists()


def test_a_killed_container_is_told_of(boxed: Toy, image: str, start: Start, docker: Docker) -> None:
    paths = boxed[1]
    slow_cell(paths, image)
    process = start(*COMMAND)
    assert docker("kill", wait_for_container(paths)).returncode == 0
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "cell none-udpos-1 was killed before it finished" in err
    assert left(paths) == []


def test_leftovers_of_a_crash_are_removed_by_the_next_run(boxed: Toy, image: str, start: Start) -> None:
    paths = boxed[1]
    slow_cell(paths, image)
    process = start(*COMMAND)
    identity = wait_for_container(paths)
    process.kill()
    process.communicate(timeout=60)
    assert left(paths) == [identity]  # it works on, and nobody waits for it
    use(paths, **boxed_settings(image))
    process = start(*COMMAND)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "removed 1 container(s) that an interrupted run had left" in err and out.startswith("cell none-udpos-1: ")
    assert left(paths) == [] and (paths.cell("none", "udpos", 1) / "result.json").is_file()


def test_a_limit_that_the_engine_cannot_hold_is_refused(boxed: Toy, image: str, start: Start) -> None:
    if not unheld():
        pytest.skip("this engine holds every limit")
    paths = boxed[1]
    use(paths, **boxed_settings(image) | {"container": {"memory_mib": 4096, "pids": 256, "tmp_mib": 256}})
    process = start(*COMMAND)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2 and all(name in err for name in unheld()) and "null" in err, err
    assert "rootless, control groups version" in err and "Traceback" not in err
    assert left(paths) == [] and not paths.cell("none", "udpos", 1).exists()


def test_a_container_out_of_memory_is_told_as_that(boxed: Toy, image: str, start: Start) -> None:
    if "memory_mib" in unheld():
        pytest.skip("NOT TESTED: this engine can't limit memory on this machine")
    paths = boxed[1]
    use(paths, **boxed_settings(image))
    assert run(["run", "intermediate", "none", "1"]) == 0  # else the cell ends before it imports anything large
    use(paths, **boxed_settings(image, memory_mib=80, pids=64, tmp_mib=16))
    process = start(*COMMAND)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert "cell none-udpos-1 was killed by the kernel" in err and "80 MiB" in err
    assert "raise container.memory_mib in params.yaml" in err and "Traceback" not in err
    assert left(paths) == [] and not paths.cell("none", "udpos", 1).exists()


def test_a_users_mistake_inside_is_told_as_outside(boxed: Toy, start: Start) -> None:
    """No checkpoint: the unit's own paragraph and exit code come through."""
    process = start(*COMMAND)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "expected a finished checkpoint" in err and "Traceback" not in err
    assert "dvc repro intermediate@none-1" in err


def test_an_image_of_other_code_is_refused(
    boxed: Toy, start: Start, docker: Docker, tmp_path: Path, image: str
) -> None:
    base = image.removeprefix("sha256:") if ENGINE == "podman" else image
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nLABEL harness.units.sha256=other\n", encoding="utf-8")
    other = "sha256:" + docker("build", "-q", str(tmp_path)).stdout.strip().removeprefix("sha256:")
    paths = boxed[1]
    toys.write_params(paths.root, toys.toy_settings() | boxed_settings(other))
    process = start(*COMMAND)
    _, err = process.communicate(timeout=60)
    docker("rmi", other)
    assert process.returncode == 2 and "to hold the code of this checkout" in err and "harness image build" in err


def test_the_doctor_sees_engine_and_image(boxed: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["doctor"])
    out = capsys.readouterr().out
    assert code == 0 and f"OK    {ENGINE.capitalize()} " in out and "OK    image" in out, out
