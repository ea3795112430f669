"""Does a kill lose finished work, does bad input end in a traceback? A toy project is killed and fed again and again.

    python tests/campaigns/breaks.py [KILLS [BAD_INPUTS [SEED]]]      default: 40 kills, 100 bad inputs, seed 0

A kill is SIGKILL to `harness repro` alone, or to it and all that it started, at a random moment or while DVC records
what has finished. Exit code 0 if no finished unit ran again, no process was left and no traceback was seen; else 1.
Takes minutes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from toy_pipeline import Project

GRID = ("intermediate", "cell", "scores", "verdicts", "report", "metrics", "track")
LATEST_S = 25.0
"""Kills come at most so many seconds after the start."""
LEFT_S = 60.0
"""Seconds after a kill in which everything has to have ended."""
HOSTILE = ("", "[]", "{}", "3", "null", '"x"', "[" * 50_000, '{"a":' * 50_000, "<<<<<<< HEAD\n", "\0", "a: &a [*a]")
VALUES = (
    *(float("nan"), float("inf"), -1, 0, 10**29, "", "x" * 300, "../../evil", "x;touch PWNED", "\u0430", None, [], {}),
    *("\n", True, [[1]], {"x": 1}, 1e308, "none\u200b"),
)
COMMANDS = ("plan", "verify", "claims", "run scores", "degradation", "checkpoints list", "run recipe none", "profile")
RECORDS = (
    *("params.yaml", "dvc.lock", ".dvc/tmp/rwlock", ".dvc/tmp/lock", "results/toy/scores.json", "tasks/udpos.yaml"),
    *("results/toy/encoder.json", "results/toy/verdicts.json", "results/toy/cells/none-udpos-1/result.json"),
    *("results/toy/intermediate/mnli-1.json", "build/toy/checkpoints/mnli-1/checkpoint.json"),
    *("build/toy/recipes/mnli.json", "build/toy/data/udpos/manifest.json"),
)


@dataclass
class Counts:
    """What a campaign has seen."""

    kills: int = 0
    """Kills that met a running `harness repro`."""
    in_commits: int = 0
    """Of these, while DVC recorded finished units."""
    kept: int = 0
    """Finished units, counted at every kill, that were the same bytes afterwards."""
    lost: list[str] = field(default_factory=list)
    """Finished units that ran again."""
    left: list[str] = field(default_factory=list)
    """Processes that outlived the one that started them."""
    bad_inputs: int = 0
    """Commands run on bad input."""
    failures: list[str] = field(default_factory=list)
    """Tracebacks, and exit codes that nothing explains."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing of it is a fault."""
        return not (self.lost or self.left or self.failures)

    def __str__(self) -> str:
        lines = [
            f"{self.kills} kills, {self.in_commits} of them during a commit: finished units kept {self.kept} times,"
            f" lost {len(self.lost)}; processes left {len(self.left)}",
            f"{self.bad_inputs} bad inputs; tracebacks and unknown exit codes of both: {len(self.failures)}",
        ]
        return "\n".join([*lines, *self.lost, *self.left, *self.failures])


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """Start `harness` in a process group of its own, its output in a file that a kill does not wait for."""
    with (project.root.parent / "said.txt").open("w", encoding="utf-8") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=project.root,
            env=project.environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def said(project: Project) -> str:
    return (project.root.parent / "said.txt").read_text(encoding="utf-8", errors="replace")


def finished(project: Project) -> dict[str, bytes]:
    """Records of the units that have finished: one that runs again has another time."""
    found = [*project.paths.cells.glob("*/result.json"), *project.paths.results.glob("intermediate/*.json")]
    return {str(path.relative_to(project.root)): path.read_bytes() for path in found}


def forget_the_grid(project: Project) -> None:
    for folder in (project.paths.cells, project.paths.results / "intermediate", project.paths.checkpoints):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(project.root / ".dvc" / "cache" / "runs", ignore_errors=True)
    content = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))
    content["stages"] = {name: entry for name, entry in content["stages"].items() if not name.startswith(GRID)}
    (project.root / "dvc.lock").write_text(yaml.safe_dump(content), encoding="utf-8")


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        return []


def commits(process: subprocess.Popen[str]) -> bool:
    """Does DVC record finished units now?"""
    for child in children(process):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        if "harness.pipeline.dvc_stages" in words and "commit" in words:
            return True
    return False


def kill_once(project: Project, draws: random.Random, counts: Counts) -> bool:
    """Run the grid until a kill, or to its end (False)."""
    process, in_commit = start(project, "repro", "--jobs", "2"), draws.random() < 0.4
    deadline = time.monotonic() + (600 if in_commit else draws.uniform(0.2, LATEST_S))
    while process.poll() is None and time.monotonic() < deadline and not (in_commit and commits(process)):
        time.sleep(0.02)
    if in_commit:
        time.sleep(draws.uniform(0, 2.5))
    if process.poll() is not None:
        if process.returncode not in (0, 1, 2) or "Traceback" in said(project) or "FAILED" in said(project):
            counts.failures.append(f"exit code {process.returncode}: {said(project)[-2000:]}")
        return False
    below = children(process)
    counts.in_commits += commits(process)
    counts.kills += 1
    if draws.random() < 0.5:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(below, timeout=LEFT_S)
    counts.left += [f"left: {each}" for each in alive]
    for each in alive:
        each.kill()
    if "Traceback" in said(project):
        counts.failures.append(said(project)[-2000:])
    return True


def kill(project: Project, kills: int, draws: random.Random, counts: Counts) -> None:
    """Kill the grid so often; what has finished by then has to be the same bytes ever after."""
    while counts.kills < kills and counts.is_sound:
        forget_the_grid(project)
        there: dict[str, bytes] = {}
        going = True
        while going:
            going = counts.kills < kills and kill_once(project, draws, counts)
            now = finished(project)
            again = [name for name, content in there.items() if now.get(name) != content]
            counts.lost += [f"lost: {name}" for name in again]
            counts.kept += len(there) - len(again)
            there = now
            print(f"kill {counts.kills}: {len(there)} units finished, {len(again)} lost", flush=True)
    if kills and (start(project, "repro", "--jobs", "2").wait() not in (0, 1, 2) or "Traceback" in said(project)):
        counts.failures.append(said(project)[-2000:])


def spoil(text: str, draws: random.Random) -> str:
    """A file's text with something bad in it: another file, a cut, a value of another kind."""
    if draws.random() < 0.3:
        return draws.choice(HOSTILE)
    try:
        content = json.loads(json.dumps(yaml.safe_load(text), default=str))
    except (yaml.YAMLError, RecursionError):
        return text[: draws.randrange(len(text) + 1)]
    at = content
    while isinstance(at, dict | list) and at:
        key = draws.choice([*at] if isinstance(at, dict) else range(len(at)))
        if draws.random() < 0.4 or not isinstance(at[key], dict | list) or not at[key]:
            if isinstance(at, dict) and draws.random() < 0.2:
                at[str(draws.choice(VALUES))] = at.pop(key)
            else:
                at[key] = draws.choice(VALUES)
            break
        at = at[key]
    return json.dumps(content)


def feed(project: Project, bad_inputs: int, draws: random.Random, counts: Counts) -> None:
    """Run commands on a project with one spoilt file."""
    for _ in range(bad_inputs):
        path = project.root / draws.choice(RECORDS)
        before = path.read_text(encoding="utf-8") if path.is_file() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(spoilt := spoil(before or "{}", draws), encoding="utf-8")
        words = draws.choice(COMMANDS).split()
        try:
            process = start(project, *words)
            code = process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            code = 99
        counts.bad_inputs += 1
        if code not in (0, 1, 2, 3) or "Traceback" in said(project):
            what = f"{' '.join(words)} on {path.relative_to(project.root)}: {code}\n{said(project)[-1500:]}\n"
            counts.failures.append(what + f"{spoilt[:300]!r} ... {spoilt[-100:]!r}")
        path.unlink()
        if before is not None:
            path.write_text(before, encoding="utf-8")
    if (project.root / "PWNED").exists():
        counts.failures.append("a name was run as a command")


def finished_project(folder: Path) -> Project:
    """A toy project in `folder` that has run to its end."""
    project = Project(folder / "project")
    if start(project, "repro", "--jobs", "2").wait() not in (0, 1, 2) or not project.paths.scores.is_file():
        raise SystemExit(f"expected a toy project that runs, found:\n{said(project)[-3000:]}")
    return project


def campaign(project: Project, kills: int, bad_inputs: int, seed: int) -> Counts:
    """Both, in a toy project that has run to its end."""
    counts, draws = Counts(), random.Random(seed)
    feed(project, bad_inputs, draws, counts)
    kill(project, kills, draws, counts)
    return counts


def main(numbers: list[int]) -> int:
    """Run it and print what was counted."""
    kills, bad_inputs, seed = (*numbers, *(40, 100, 0)[len(numbers) :])
    with tempfile.TemporaryDirectory(prefix="breaks-") as folder:
        counts = campaign(finished_project(Path(folder)), kills, bad_inputs, seed)
    print(counts)
    return int(not counts.is_sound)


if __name__ == "__main__":
    raise SystemExit(main([int(word) for word in sys.argv[1:]]))
