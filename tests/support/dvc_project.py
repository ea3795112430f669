"""A project as a user has it: its own copy of the code, its own `harness` command, a DVC repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from toy import ROOT

from harness.pipeline.grid_file import write_grid
from harness.project.paths import Paths
from harness.project.profiles import load_params

TIMEOUT_S = 600


class Pipeline:
    """A project folder, written before (params.yaml, tasks, references, profiles), made ready for `dvc repro`."""

    def __init__(self, root: Path, profile: str) -> None:
        self.root, self.paths = root, Paths(root, profile)
        shutil.copytree(ROOT / "harness", root / "harness", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("dvc.yaml", ".dvcignore"):
            shutil.copy(ROOT / name, root / name)
        command = root.parent / "bin" / "harness"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness "$@"\n')
        command.chmod(0o755)
        self.environment = os.environ | {
            "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(root),
        }
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of dozens of processes compiles the copy anew
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        self.dvc("init", "-q")
        self.dvc("config", "core.analytics", "false")
        shutil.copytree(ROOT / ".dvc" / "plots", root / ".dvc" / "plots")

    def track(self, wanted: bool) -> None:
        """Whether the pipeline has its last stage, which imports MLflow for seconds."""
        whole = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
        before, stage, after = whole.partition("\n  track:")
        plots = after.partition("\nplots:")[1:]
        assert stage and all(plots)
        (self.root / "dvc.yaml").write_text(whole if wanted else "".join([before, *plots]), encoding="utf-8")

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `dvc` in a process group of its own."""
        write_grid(load_params(self.root), self.paths)
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def dvc(self, *arguments: str, **environment: str) -> str:
        """Run `dvc` to its end; returns what it printed."""
        process = self.start(*arguments, **environment)
        out, _ = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0, out
        return out
