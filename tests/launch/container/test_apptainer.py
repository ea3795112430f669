"""Apptainer by a program of that name that notes what it was asked for and runs it: the arguments are exact."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys
from toy import ROOT

from harness.commands.main import run
from harness.experiment.inputs import units_sha256
from harness.launch.container import apptainer
from harness.launch.container.image import CODE_LABEL, WORK
from harness.launch.work import cell_work
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import Params
from harness.project.paths import OUTPUT, Paths
from harness.project.results import Cell, read_result

Toy = tuple[Params, Paths]
Command = Callable[..., tuple[int, str, str]]
Calls = Callable[[], list[list[str]]]
CELL = Cell(recipe="none", target="tatoeba", seed=1)
FAKE = f"""#!{sys.executable}
import json, os, pathlib, subprocess, sys
folder = pathlib.Path(__file__).parent
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if "APPTAINER_BIND" in os.environ or "SINGULARITYENV_X" in os.environ:
    sys.exit("these would change what the container sees")
if any(name.lower().endswith("_proxy") for name in os.environ) or sys.argv[1] == "exec" and sys.stdin.read():
    sys.exit("these would go into the container")
if sys.argv[1] == "exec" and (folder / "swap").exists():
    pathlib.Path((folder / "swap").read_text()).write_bytes(b"another image")
if sys.argv[1] == "--version":
    print("apptainer version 1.3.4")
elif sys.argv[1] == "inspect":
    print((folder / "labels").read_text())
else:
    words = sys.argv[2:]
    given = [(words[at], words[at + 1]) for at in range(len(words) - 1)]
    binds = dict(reversed(value.split(":")[:2]) for name, value in given if name == "--bind")
    variables = dict(value.split("=", 1) for name, value in given if name == "--env")
    variables[{OUTPUT!r}] = binds[variables[{OUTPUT!r}]]
    variables["PYTHONPATH"] = {str(ROOT)!r}
    command = [sys.executable, "-m", *words[words.index("harness"):]]
    project = pathlib.Path(binds["{WORK}/params.yaml"]).parent
    sys.exit(subprocess.run(command, cwd=project, env=os.environ | variables).returncode)
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Puts the program on the path; gives what it was called with."""
    folder = tmp_path / "bin"
    folder.mkdir()
    write_labels(folder, {CODE_LABEL: units_sha256()})
    (folder / "apptainer").write_text(FAKE, encoding="utf-8")
    (folder / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return lambda: [json.loads(line) for line in (folder / "calls").read_text(encoding="utf-8").splitlines()]


def write_labels(folder: Path, labels: dict[str, str] | None) -> None:
    content = {"data": {"attributes": {"labels": labels}}, "type": "container"}
    (folder / "labels").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def boxed(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A toy project whose units run under Apptainer, everything resolved."""
    paths = toy_copy[1]
    (paths.root / "harness.sif").write_bytes(b"an image")
    use(paths)
    monkeypatch.chdir(paths.root)
    for arguments in (("recipe", "none"), ("target", "tatoeba")):
        assert run(["run", *arguments]) == 0
    return toys.load_params(paths.root), paths


def use(paths: Paths, **changes: object) -> Params:
    digest = sha256_file(paths.root / "harness.sif")
    settings = {"runtime": "apptainer", "image": f"harness.sif@sha256:{digest}"} | changes
    toys.write_params(paths.root, toys.toy_settings() | settings)
    return toys.load_params(paths.root)


def test_a_unit_runs_and_its_result_names_the_files_bytes(boxed: Toy, calls: Calls) -> None:
    params, paths = boxed
    assert run(["run", "intermediate", "none", "1"]) == run(["run", "cell", "none", "tatoeba", "1"]) == 0
    result = read_result(paths.cell("none", "tatoeba", 1) / "result.json")
    assert result.status == "ok"
    assert result.provenance["image_digest"] == params.unit_image == f"sha256:{sha256_file(paths.root / 'harness.sif')}"
    assert [call[0] for call in calls()] == ["inspect", "exec", "inspect", "exec"]
    assert not list(paths.scratch.glob("*cell*"))


def test_the_whole_command_line(boxed: Toy, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    params, paths = boxed
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: type("", (), {"columns": 80, "lines": 24}))
    work, scratch = cell_work(CELL, paths), paths.scratch / "cell"
    asked = apptainer.apptainer_command(work, params, paths, scratch, paths.root / "harness.sif")
    root = paths.root
    assert asked == [
        str(Path(shutil.which("apptainer") or "")),
        "exec",
        "--containall",
        "--no-home",
        "--no-mount",
        "hostfs,bind-paths,cwd",
        "--net",
        "--network",
        "none",
        "--no-privs",
        "--pwd",
        WORK,
        "--memory",
        "4096M",
        "--memory-swap",
        "4096M",
        "--pids-limit",
        "256",
        *("--bind", f"{root}/params.yaml:{WORK}/params.yaml:ro"),
        *("--bind", f"{root}/tasks:{WORK}/tasks:ro"),
        *("--bind", f"{root}/build/toy/encoder:{WORK}/build/toy/encoder:ro"),
        *("--bind", f"{root}/build/toy/targets/tatoeba.json:{WORK}/build/toy/targets/tatoeba.json:ro"),
        *("--bind", f"{root}/build/toy/data/tatoeba:{WORK}/build/toy/data/tatoeba:ro"),
        *("--bind", f"{scratch}:/output:rw"),
        *("--env", "COLUMNS=80"),
        *("--env", f"HARNESS_IMAGE_DIGEST={params.unit_image}"),
        *("--env", "HARNESS_OUTPUT=/output"),
        *("--env", "LINES=24"),
        *("--env", "TERM=dumb"),
        f"{root}/harness.sif",
        "harness",
        "run",
        "cell",
        "none",
        "tatoeba",
        "1",
    ]


def test_gpus_and_limits_as_the_profile_says(boxed: Toy, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = boxed[1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    compute = toys.toy_settings()["compute"] | {"device": "cuda"}
    params = use(paths, compute=compute, container={"memory_mib": None, "pids": None, "tmp_mib": 256})
    file = paths.root / "harness.sif"
    asked = apptainer.apptainer_command(cell_work(CELL, paths), params, paths, paths.scratch, file)
    assert "--nv" in asked and "CUDA_VISIBLE_DEVICES=1" in asked
    assert not {"--memory", "--memory-swap", "--pids-limit"} & set(asked)


def test_variables_of_the_caller_change_nothing(boxed: Toy, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPTAINER_BIND", "/etc")
    monkeypatch.setenv("SINGULARITYENV_X", "1")
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert run(["run", "intermediate", "none", "1"]) == 0


def test_a_units_own_mistake_is_its_exit_code(boxed: Toy, calls: Calls, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "cell", "none", "tatoeba", "1"]) == 2  # no checkpoint
    assert "expected a finished checkpoint" in capfd.readouterr().err
    assert not boxed[1].cell("none", "tatoeba", 1).exists()


def test_what_is_not_there_or_not_as_pinned_is_named(
    boxed: Toy, calls: Calls, harness: Command, tmp_path: Path
) -> None:
    paths, unit = boxed[1], ("run", "intermediate", "none", "1")
    file = paths.root / "harness.sif"
    file.write_bytes(b"another image")
    code, _, err = harness(*unit)
    assert code == 2 and "to have the sha256" in err and "harness image pin harness.sif" in err
    file.unlink()
    code, _, err = harness(*unit)
    assert code == 2 and f"expected the image {file}, found none" in err and "oci-archive:" in err
    file.write_bytes(b"an image")
    write_labels(tmp_path / "bin", None)
    code, _, err = harness(*unit)
    assert code == 2 and "to hold the code of this checkout" in err and "Traceback" not in err
    (tmp_path / "bin" / "labels").write_text("no JSON", encoding="utf-8")
    code, _, err = harness(*unit)
    assert code == 2 and "to be an Apptainer image" in err and "Traceback" not in err


def test_a_file_that_is_put_in_its_place_while_a_unit_runs_is_noticed(
    boxed: Toy, calls: Calls, harness: Command, tmp_path: Path
) -> None:
    paths = boxed[1]
    (tmp_path / "bin" / "swap").write_text(str(paths.root / "harness.sif"))
    code, _, err = harness("run", "intermediate", "none", "1")
    assert code == 2 and "to have the sha256" in err and not paths.intermediate("none", 1).exists()


def test_a_file_that_was_changed_and_dated_back_is_read_again(boxed: Toy) -> None:
    params, paths = boxed
    file = paths.root / "harness.sif"
    assert apptainer.check_file(params, paths) == file
    before = file.stat()
    file.write_bytes(b"AN IMAGE")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(HarnessError, match="to have the sha256"):
        apptainer.check_file(params, paths)


def test_no_apptainer_is_one_paragraph(boxed: Toy, harness: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    code, _, err = harness("run", "intermediate", "none", "1")
    assert code == 2 and err.count("\n") == 1 and "expected the program `apptainer` on the path, found none" in err


def test_pin_and_check_a_file(boxed: Toy, calls: Calls, harness: Command, tmp_path: Path) -> None:
    paths = boxed[1]
    (paths.root / "images").mkdir()
    (paths.root / "images" / "other.sif").write_bytes(b"other")
    code, out, err = harness("image", "pin", "images/other.sif")
    assert code == 0 and "image is now images/other.sif@sha256:" in out, err
    params = toys.load_params(paths.root)
    assert params.image == f"images/other.sif@sha256:{sha256_file(paths.root / 'images' / 'other.sif')}"
    code, out, _ = harness("image", "check")
    assert code == 1 and "fits    code that units run" in out and "DIFFERS source commit" in out
    code, _, err = harness("image", "save")
    assert code == 2 and "a file that can be kept as it is" in err
    code, _, err = harness("image", "pin", "nothing.sif")
    assert code == 2 and "expected the image nothing.sif, found none" in err


def test_a_path_that_bind_cannot_say_is_refused() -> None:
    with pytest.raises(HarnessError, match="without colons and commas"):
        apptainer.refuse_separators("/data/a:b")


@pytest.mark.parametrize(
    ("runtime", "image", "words"),
    [
        ("apptainer", "sha256:" + "0" * 64, "FILE.sif@sha256"),
        ("docker", "harness.sif@sha256:" + "0" * 64, "an image ID or digest"),
        ("podman", None, "needs `image`"),
        ("apptainer", "harness.sif", "never a tag"),
    ],
)
def test_runtime_and_image_have_to_fit(toy_copy: Toy, runtime: str, image: str | None, words: str) -> None:
    root = toy_copy[1].root
    toys.write_params(root, toys.toy_settings() | {"runtime": runtime, "image": image})
    with pytest.raises(HarnessError) as caught:
        toys.load_params(root)
    assert words in str(caught.value)
