"""How light the commands are: which heavy packages each of them may import, and no other. No time is asserted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import toy as toys
from commands import COMMANDS

from harness.experiment.cell import run_cell
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell

Toy = tuple[Params, Paths]
HEAVY = (
    "datasets",
    "docker",
    "dvc",
    "huggingface_hub",
    "matplotlib",
    "mlflow",
    "pandas",
    "pyarrow",
    "ray",
    "rocrate",
    "scipy",
    "scipy.stats",
    "sklearn",
    "submitit",
    "tokenizers",
    "torch",
    "transformers",
)
"""A tenth of a second (scipy without its statistics) to several seconds each."""
STATISTICS = ("scipy",)
MORE_STATISTICS = ("scipy", "scipy.stats")
PICTURES = ("matplotlib",)
TRACKING = ("mlflow", "pandas", "pyarrow", "scipy")

IN_A_PROJECT: dict[str, tuple[str, ...]] = {
    "--help": (),
    "checkpoints list": (),
    "claims": (),
    "claims arithmetic": (),
    "claims show squad-gain": (),
    "data pin --check tatoeba": (),
    "doctor": ("docker",),
    "plan": (),
    "plan --claim squad-gain": (),
    "plan --claim squad-gain --stages": (),
    "plan --profile paper": (),
    "plan --slurm": (),
    "plan --unverified": (),
    "profile": (),
    "profile lab": (),
    "run corpus": (),
    "run data tatoeba": (),
    "run grid": (),
    "run metrics": (),
    "run recipe none": (),
    "run scores": (),
    "run target tatoeba": (),
    "run report": (),
    "run track": TRACKING,
    "run verdicts": (),
    "tasks": (),
    "track": TRACKING,
    "verify": (),
    "verify --json": (),
    "verify --quick": (),
    "verify squad-gain": (),
}
"""Command -> what it may import, in a project one of whose cells has run: too few to compute an interval of."""
ON_PINNED_RESULTS: dict[str, tuple[str, ...]] = {
    "claims plot --profile lab --out {folder}/claims.png": STATISTICS + PICTURES,
    "degradation --profile lab": MORE_STATISTICS,
    "degradation --profile lab --figures {folder}": MORE_STATISTICS + PICTURES,
    "degradation --profile lab --page {folder}/page.md": MORE_STATISTICS + PICTURES,
    "export --profile lab --out {folder}/crate.zip": (*STATISTICS, "rocrate"),
    "diff lab lab": STATISTICS,
    "judge examples/table/scores.csv --claim mnli:+7.5+-1.5": STATISTICS,
    "report --profile lab --out {folder}/report.html": STATISTICS,
    "study --profile lab --out {folder}/study.md": STATISTICS + PICTURES,
    "verify --profile lab": STATISTICS,
    "verify --profile lab --quick": STATISTICS,
    "verify squad-gain --profile lab --explain": STATISTICS,
}
"""The same in this checkout, on the pinned results of the laboratory."""
WORKERS = (
    "checkpoints drop",
    "checkpoints export",
    "data check",
    "data fetch",
    "data pack",
    "encoder pin",
    "encoder report",
    "image build",
    "image check",
    "image pin",
    "image save",
    "layers",
    "pin results",
    "repro",
    "run cell",
    "run encoder",
    "run intermediate",
    "verifier report",
)
"""Commands that train, load, fetch, build, simulate or run for long: whatever they import is little beside that."""
EXIT_CODES = {
    **{"data pin --check tatoeba": 2, "run metrics": 2, "run report": 2},
    **{"verify": 3, "verify --json": 3, "verify --quick": 3},
}
"""Where it is not 0: the toy's pins are not those of full size, four of five cells are missing, and there are no
verdicts yet to report."""
CODE = f"""
import sys
from harness.commands.main import run
code = run(sys.argv[1:])
print("\\nimported:", *[name for name in {HEAVY!r} if name in sys.modules])
sys.exit(code)
"""


@pytest.fixture(scope="module")
def ran(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A copy of the toy project in which one cell has run: there is something to plan and to verify."""
    params, paths = toy
    copy = Paths(tmp_path_factory.mktemp("ran") / "project", params.profile)
    shutil.copytree(paths.root, copy.root)
    shutil.copy(copy.params, copy.root / "profiles" / "toy.yaml")
    write_recipe("none", params, copy)
    write_target("tatoeba", params, copy)
    run_intermediate("none", 1, params, copy)
    run_cell(Cell(recipe="none", target="tatoeba", seed=1), params, copy)
    return copy


def run(arguments: list[str], root: Path) -> tuple[int, set[str]]:
    """Exit code and the heavy packages of one command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(toys.ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    _, marker, imported = done.stdout.rpartition("imported:")
    assert marker, done.stderr
    return done.returncode, set(imported.split())


def test_every_command_stands_in_a_table() -> None:
    listed = [*IN_A_PROJECT, *ON_PINNED_RESULTS, *WORKERS]
    lacking = [name for name in COMMANDS if not any(f"{words} ".startswith(f"{name} ") for words in listed)]
    assert not lacking, f"say in a table of this file what these commands may import: {lacking}"
    unknown = [words for words in listed[1:] if not any(f"{words} ".startswith(f"{name} ") for name in COMMANDS)]
    assert not unknown, f"no such commands: {unknown}"


@pytest.mark.slow
@pytest.mark.parametrize("words", IN_A_PROJECT)
def test_what_a_command_imports(ran: Paths, words: str) -> None:
    before = ran.params.read_bytes()
    code, imported = run(words.split(), ran.root)
    ran.params.write_bytes(before)
    assert imported <= set(IN_A_PROJECT[words])
    assert code == EXIT_CODES.get(words, 0) or words == "doctor"  # that one speaks of this machine


@pytest.mark.slow
@pytest.mark.parametrize("words", ON_PINNED_RESULTS)
def test_what_a_command_on_results_imports(words: str, tmp_path: Path) -> None:
    code, imported = run([word.format(folder=tmp_path) for word in words.split()], toys.ROOT)
    assert code == (2 if "--quick" in words else 0)  # at a quick look the laboratory's own claims stay open
    assert imported <= set(ON_PINNED_RESULTS[words])


HELP = ("--version", "--help", *(f"{words} -h" for words in COMMANDS))
ONE_AFTER_THE_OTHER = f"""
import sys
from harness.commands.main import run
for words in {HELP!r}:
    code = run(words.split())
    light = ["pydantic"] if words in ("--version", "--help") else []  # needed by every command that does something
    imported = [name for name in [*light, *{HEAVY!r}] if name in sys.modules]
    assert (code, imported) == (0, []), f"harness {{words}}: exit code {{code}}, imported {{imported}}"
print("all")
"""


def test_help_and_version_import_nothing_heavy(tmp_path: Path) -> None:
    """In one process: what is imported stays, and the first command that imports anything heavy is named."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(toys.ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and done.stdout.endswith("all\n"), done.stderr


@pytest.mark.parametrize(
    ("shell", "typed"),
    [("bash", {"COMP_WORDS": "harness cla", "COMP_CWORD": "1"}), ("zsh", {"_TYPER_COMPLETE_ARGS": "harness cla"})],
)
def test_completion_imports_nothing_heavy(shell: str, typed: dict[str, str], tmp_path: Path) -> None:
    """The shell asks at every press of the key."""
    code = f"""
import atexit, sys
atexit.register(lambda: print("imported:", *[name for name in {HEAVY!r} if name in sys.modules]))
from harness.commands.main import main
main()
"""
    environment = os.environ | typed | {"PYTHONPATH": str(toys.ROOT), "_HARNESS_COMPLETE": f"complete_{shell}"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "claims" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "imported:"
