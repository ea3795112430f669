"""The committed dvc.lock fits the committed code: no stage of the pinned profile has run other code."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from harness.pipeline.lock import LOCK, Lock
from harness.project.profiles import read_params

PROFILE = "lab"
CODE = ("harness/", "tasks/", "reference/claims.yaml")
FOLLOWING = ("scores", "verdicts", "report", "metrics", "track")
"""Stages that only restate results: their code may change while every result stays."""


def code_of_stages(root: Path) -> Lock:
    """dvc.lock reduced to the code and task files that the stages of the profile depend on."""
    lock = Lock(root)
    made = (f"build/{PROFILE}/", f"results/{PROFILE}/")
    lock.stages = {
        stage: {"deps": [dep for dep in entry.get("deps", []) if dep["path"].startswith(CODE)]}
        for stage, entry in lock.stages.items()
        if stage.partition("@")[0] not in FOLLOWING
        and all(out["path"].startswith(made) for out in entry.get("outs", []))
    }
    return lock


def stale_stages(root: Path) -> dict[str, list[str]]:
    """Stage -> the code and task files that are no longer what it ran."""
    lock = code_of_stages(root)
    return {stage: changed for stage in lock.stages if (changed := lock.changes(stage))}


def test_the_lock_belongs_to_the_committed_code(repo_root: Path) -> None:
    if not (repo_root / LOCK).is_file():
        pytest.skip("no dvc.lock: nothing has run yet")
    active = read_params(repo_root / "params.yaml").profile
    if active != PROFILE:
        pytest.skip(f"profile {active} is active; the committed lock is that of {PROFILE}")
    lock = code_of_stages(repo_root)
    assert any(entry["deps"] for entry in lock.stages.values()), f"expected code among the dependencies in {LOCK}"
    stale = stale_stages(repo_root)
    lines = [f"{stage}: {', '.join(changed)}" for stage, changed in stale.items()]
    assert not stale, "\n".join(
        [f"{len(stale)} of {len(lock.stages)} stages of {LOCK} ran other code; `dvc repro`, then commit it:", *lines]
    )


def write_lock(root: Path, stages: dict[str, tuple[list[str], str]]) -> None:
    """A dvc.lock in which each stage has run on these files (written here) and left this output."""
    entries = {}
    for stage, (deps, out) in stages.items():
        listed = []
        for dep in deps:
            (root / dep).parent.mkdir(parents=True, exist_ok=True)
            (root / dep).write_text(dep, encoding="utf-8")
            listed.append({"path": dep, "md5": hashlib.md5(dep.encode(), usedforsecurity=False).hexdigest()})
        entries[stage] = {"cmd": "harness run", "deps": listed, "outs": [{"path": out}]}
    (root / LOCK).write_text(yaml.safe_dump({"schema": "2.0", "stages": entries}), encoding="utf-8")


def test_changed_code_makes_its_stages_stale_and_no_others(tmp_path: Path) -> None:
    write_lock(
        tmp_path,
        {
            "data@xnli": (["tasks/xnli.yaml"], "build/lab/data/xnli"),
            "cell@a": (["harness/experiment/cell.py", "build/lab/data"], "results/lab/cells/a"),
            "cell@b": (["harness/experiment/cell.py"], "results/mini/cells/b"),
            "scores": (["harness/project/results.py"], "results/lab/scores.json"),
        },
    )
    assert stale_stages(tmp_path) == {}
    for name in ("harness/experiment/cell.py", "harness/project/results.py", "build/lab/data"):
        (tmp_path / name).write_text("changed", encoding="utf-8")
    (tmp_path / "tasks" / "xnli.yaml").unlink()
    assert stale_stages(tmp_path) == {"data@xnli": ["tasks/xnli.yaml"], "cell@a": ["harness/experiment/cell.py"]}
