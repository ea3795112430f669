"""Every command of every document is run here, on the pinned results, or stands below with the reason why not.

The commands run in a clone where nothing has run yet, with its settings put back before each. The pinned results are
checked once, and every command is given what was found: the numbers are what other tests are about.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from documents import ROOT, commands, documents

PROGRAMS = {
    "apptainer",
    "docker",
    "dvc",
    "git",
    "harness",
    "make",
    "mlflow",
    "pip",
    "podman",
    "python",
    "ray",
    "sbatch",
}
NOT_RUN = {
    "apptainer": "needs Apptainer; docs/containers.md says that it was not run",
    "docker": "needs a Docker engine: tests/launch/engine",
    "dvc": "trains: tests/pipeline/test_dvc.py, on a toy project",
    "git": "changes or fetches the reader's clone",
    "harness judge baseline": "needs another program's results: tests/exchange/importers",
    "harness judge base:1": "needs another program's results: tests/exchange/importers",
    "harness checkpoints drop": "needs checkpoints: tests/pipeline/test_checkpoints.py",
    "harness checkpoints export": "needs checkpoints: tests/experiment/test_encoder_folders.py",
    "harness data check": "needs a store: tests/data/fetch",
    "harness data fetch": "needs the network: tests/data/fetch, from a server of its own",
    "harness data pack": "needs fetched files: tests/data/test_packs_of_others.py",
    "harness data pin": "writes pins: tests/commands/test_main.py",
    "harness encoder pin": "needs an encoder of the reader's: tests/experiment/test_encoder_sources.py",
    "harness encoder report": "needs an encoder: tests/pages/test_encoder_report.py",
    "harness export --sign": "needs a key: tests/exchange/test_signature.py",
    "harness image": "needs a Docker engine: tests/launch/engine",
    "harness layers": "needs checkpoints: tests/pages/test_layers.py",
    "harness pin results": "needs a run: tests/audit/test_pin_results.py",
    "harness plan --gpu": "needs a measured GPU: tests/pipeline/test_cost.py",
    "harness repro": "trains: tests/commands/test_repro.py, on a toy project",
    "harness verifier report": "takes four minutes: tests/verify/test_verify_simulation.py",
    "harness verify --rerun": "trains: tests/audit/test_rerun.py",
    "harness verify --run": "trains: tests/audit/test_one_claim.py",
    "harness verify --signers": "needs a signature: tests/exchange/test_signature.py",
    "make": "makes environments, trains or serves: .ci/run",
    "pip": "needs the network",
    "podman": "needs Podman: .ci/podman",
    "python benchmarks/": "measures for minutes: tests/test_benchmarks.py, cut down",
    "python tests/campaigns/": "takes minutes to hours: tests/test_campaigns.py says where they run, cut down",
    "ray": "needs a cluster: tests/launch/cluster/test_ray_cluster.py",
}
"""Words that a command has -> why it is not run. A word that ends in / stands for all that begin with it."""
ARCHIVE = "lab-crate.zip"
FILLED = {"ID": "squad-gain", "FILE.zip": ARCHIVE, "NAME": "lab", "CLAIMS.yaml": "examples/table/claims.yaml",
          "SCORES.csv": "examples/table/scores.csv", "scores.csv": "examples/table/scores.csv", "CLAIM": "squad-gain",
          "mine.zip": ARCHIVE, "theirs.zip": ARCHIVE, "../other-clone": "."}  # fmt: skip
"""What is typed for a placeholder."""
EXIT_CODES = {
    "harness degradation --page": {2},  # spoken of without its file
    "harness diff": {2},  # spoken of without what differs
    "harness judge": {2},  # spoken of without its file
    "harness judge examples/xtreme/baseline examples/xtreme/mnli --labels examples/xtreme/labels --claim '>= +1'": {2},
    # one run of each decides nothing, and here likewise
    "harness judge examples/lm_eval/tiny-1 examples/lm_eval/tiny-2 --metric acc --baseline tiny-1 --claim '>= +1'": {2},
    "harness judge examples/table/scores.csv --claims examples/table/claims.yaml": {2},  # one claim is undecided
    "harness track --profile mini": {0, 2},  # 2 as long as nothing of it is pinned
    "harness judge --html": {2},  # likewise
    "harness judge --json": {2},  # likewise
    "harness doctor": {0, 1},  # 1 where the machine lacks something
    "harness verify --quick": {2},  # without re-scoring no planted effect is decided
    "harness verify --strict": {2},  # claims are NOT_TESTED
}
"""Every other command ends with 0."""


def has(command: tuple[str, ...], key: str) -> bool:
    """Has the command all words of the key?"""
    program, *words = key.split()
    return command[0] == program and all(
        any(said.startswith(word) if word.endswith("/") else said.partition("=")[0] == word for said in command[1:])
        for word in words
    )


def why_not(command: tuple[str, ...]) -> str | None:
    """The key of NOT_RUN that the command falls under, or None where it is to be run."""
    return next((key for key in NOT_RUN if has(command, key)), None)


def shown() -> set[tuple[str, ...]]:
    """The commands of all documents that are more than a program's name."""
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in documents()]
    return {tuple(command) for text in texts for command in commands(text) if command[0] in PROGRAMS and command[1:]}


SHOWN = shown()
TO_RUN = sorted(command for command in SHOWN if why_not(command) is None)
TYPED = sorted({shlex.join(FILLED.get(word, word) for word in command) for command in TO_RUN})


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of a clone the commands read; nothing has run there."""
    root = tmp_path_factory.mktemp("clone")
    for name in (
        "tasks",
        "profiles",
        "reference",
        "harness",
        "examples",
        "benchmarks",
        "requirements",
        "pyproject.toml",
    ):
        (root / name).symlink_to(ROOT / name)
    for name in ("dvc.yaml", "dvc.lock", "grid.json", "params.yaml"):
        shutil.copy(ROOT / name, root / name)
    (root / "mlruns").mkdir()
    return root


@pytest.fixture(scope="module", autouse=True)
def checked_once() -> Any:
    """V0 of the pinned results, computed at the first command that asks for it."""
    from harness.audit import one_claim, subject

    known: dict[Any, Any] = {}
    check = subject.check_pinned

    def remembered(folder: Path, rescorer: Any = None, quick: bool = False, *others: Any) -> Any:
        key = (folder, rescorer is None, quick, *others)
        if key not in known:
            known[key] = check(folder, rescorer, quick, *others)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        for module in (subject, one_claim):
            patch.setattr(module, "check_pinned", remembered)
        yield


@pytest.mark.slow
@pytest.mark.parametrize("typed", TYPED)
def test_a_command_of_a_document_does_what_it_says(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    """It ends with the code that it should, says something, and shows no traceback."""
    monkeypatch.chdir(clone)
    shutil.copy(ROOT / "profiles" / "lab.yaml", clone / "params.yaml")
    program, *arguments = shlex.split(typed)
    if ARCHIVE in arguments and not Path(ARCHIVE).exists():
        assert in_process(["export"], capsys)[0] == 0
    code, out, err = (in_process if program == "harness" else in_python)(arguments, capsys)
    assert code in EXIT_CODES.get(typed, {0}), (out, err)
    assert out + err and "Traceback" not in out + err


Ran = tuple[int, str, str]


def in_process(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Ran:
    """Exit code, standard output and standard error of `harness`."""
    from harness.commands.main import run

    try:
        code = run(arguments)
    except SystemExit as left:
        code = int(left.code or 0)
    return code, *capsys.readouterr()


def in_python(arguments: list[str], _: pytest.CaptureFixture[str]) -> Ran:
    """The same of `python`, in the clone."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=os.environ.copy())
    return done.returncode, done.stdout, done.stderr


def test_every_reason_not_to_run_a_command_holds() -> None:
    """A command stands behind it, no earlier reason takes all of these, and the tests that it names are there."""
    assert sorted(set(NOT_RUN) - {why_not(command) for command in SHOWN}) == []
    named = [path for reason in NOT_RUN.values() for path in re.findall(r"(?:tests|docs|\.ci)/[\w./]*\w", reason)]
    assert len(named) > 20 and [path for path in named if not (ROOT / path).exists()] == []


def test_placeholders_that_nothing_stands_for_are_not_run() -> None:
    """A command that is run has no word for the reader to fill in."""
    left = [
        command
        for command in TO_RUN
        for word in command
        if re.search(r"^[A-Z]{2,}|[<\[]|^\.\.\.$", word) and word not in FILLED
    ]
    assert left == []


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("harness verify squad-gain --run", "harness verify --run"),
        ("harness run grid", None),
        ("python tests/campaigns/faults.py", "python tests/campaigns/"),
        ("harness export --sign=KEY", "harness export --sign"),
        ("harness export", None),
    ],
)
def test_a_reason_goes_by_the_words_of_a_command(command: str, key: str | None) -> None:
    assert why_not(tuple(command.split())) == key
