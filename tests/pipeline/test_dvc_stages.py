"""Many of DVC's stages in one go: as `dvc repro` would have left them, with commands side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from harness.pipeline import dvc_stages
from harness.pipeline.dvc_stages import main
from harness.project.exits import INTERRUPTED

MEET = "touch {0}.began; for i in $(seq 200); do [ -e {1}.began ] && break; sleep 0.05; done; [ -e {1}.began ] && {2}"
"""A command that ends well only while another one runs."""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stages that wait for each other, a third made from both, and a fourth made from that."""
    monkeypatch.chdir(tmp_path)
    Repo.init(str(tmp_path), no_scm=True)
    stages = {
        "left": {"cmd": MEET.format("left", "right", "cat in > left"), "deps": ["in"], "outs": ["left"]},
        "right": {"cmd": MEET.format("right", "left", "echo 1 > right && echo made right"), "outs": ["right"]},
        "both": {"cmd": "cat left right > both", "deps": ["left", "right"], "outs": ["both"]},
        "last": {"cmd": "cp both last", "deps": ["both"], "outs": ["last"]},
    }
    Path("in").write_text("1\n", encoding="utf-8")
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")


def recorded() -> set[str]:
    return set(yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"])


def test_stages_run_side_by_side_and_dvc_finds_them_up_to_date(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["make", "2", "both"]) == 0
    assert Path("both").read_text(encoding="utf-8") == "1\n1\n" and not Path("last").exists()
    out = capfd.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("Running")][-1] == "Running stage 'both':"
    assert "made right" in out and recorded() == {"left", "right", "both"}
    assert [stage.addressing for stage in Repo().reproduce()] == ["last"]


def test_what_has_not_changed_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    main(["make", "2", "last"])
    Path("in").write_text("2\n", encoding="utf-8")
    capfd.readouterr()
    assert main(["make", "2", "last"]) == 0
    out = capfd.readouterr().out
    assert [name for name in ("left", "right", "both", "last") if f"stage '{name}'" in out] == ["left", "both", "last"]
    assert Path("last").read_text(encoding="utf-8") == "2\n1\n"
    # The first input again: DVC's cache of runs has what was made from it, and nothing runs.
    Path("in").write_text("1\n", encoding="utf-8")
    assert main(["make", "2", "last"]) == 0
    assert "Running stage" not in capfd.readouterr().out
    assert Path("last").read_text(encoding="utf-8") == "1\n1\n"


def test_a_failure_keeps_what_finished_and_starts_nothing_new(capfd: pytest.CaptureFixture[str]) -> None:
    Path("in").unlink()
    Path("in").mkdir()  # `cat in` fails
    assert main(["make", "2", "last"]) == 1
    said = capfd.readouterr()
    assert "failed to reproduce 'left'" in said.err and "Is a directory" in said.err
    assert recorded() == {"right"} and not Path("both").exists()


def test_ctrl_c_is_an_exit_code_and_keeps_what_had_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([dvc_stages.wait])

    def interrupted(*arguments: object, **options: object) -> object:
        for real in waits:  # the first time as it is, then Ctrl-C
            return real(*arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(dvc_stages, "wait", interrupted)
    assert main(["make", "2", "last"]) == INTERRUPTED
    assert recorded() <= {"left", "right"} and recorded() and not Path("last").exists()
