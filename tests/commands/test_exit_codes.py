"""Bad input and a bad world through the command line: one paragraph, exit code 2, nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys
from safetensors.torch import load_file, save_file

from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths

Command = Callable[..., tuple[int, str, str]]
Toy = tuple[Params, Paths]


def refused(outcome: tuple[int, str, str], *words: str) -> None:
    """Exit code 2 and one paragraph on standard error that holds these words and says how to fix it."""
    code, _, err = outcome
    assert code == 2, err
    assert err.startswith("harness: ") and err.count("\n") == 1 and "Traceback" not in err
    assert "To fix it: " in err and not err.rstrip().endswith("..")
    for word in words:
        assert word in err, err


@pytest.fixture
def ready(harness: Command, toy_copy: Toy) -> Command:
    """The command line in a project with a baseline's checkpoint."""
    targets = [("target", target) for target in toys.CELLS]
    for arguments in (("grid",), *targets, ("recipe", "none"), ("intermediate", "none", "1")):
        assert harness("run", *arguments)[0] == 0
    return harness


def test_the_message_is_a_sentence() -> None:
    assert str(HarnessError("expected a, found b", fix="do c")) == "expected a, found b. To fix it: do c"
    assert str(HarnessError("expected a, found b")) == "expected a, found b."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "data", "udpo"), ["`udpo`", "did you mean `udpos`?", "tatoeba"]),
        (("run", "target", "udposs"), ["name of a target", "did you mean `udpos`?"]),
        (("run", "recipe", "hellaswagg"), ["name of a recipe", "did you mean `hellaswag`?", "squad_v2"]),
        (("run", "cell", "nope", "udpos", "1"), ["name of a recipe, found `nope`", "known: none"]),
        (("run", "cell", "none", "mnli", "1"), ["name of a target, found `mnli`", "xnli"]),
        (("profile", "labb"), ["did you mean `lab`?"]),
        (("run", "recipe", "mnli", "--bad"), []),
    ],
)
def test_unknown_names(harness: Command, arguments: tuple[str, ...], words: list[str]) -> None:
    if "--bad" in arguments:
        code, _, err = harness(*arguments)
        assert code == 2 and "No such option" in err and "Traceback" not in err
    else:
        refused(harness(*arguments), *words)


def test_a_seed_that_is_no_number(harness: Command) -> None:
    code, _, err = harness("run", "cell", "none", "udpos", "one")
    assert code == 2 and "'seed'" in err and "integer" in err and "Traceback" not in err


def test_outside_a_project(harness: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    refused(harness("plan"), "expected a clone of the project", "params.yaml")


def test_a_mistake_in_the_settings(harness: Command, toy_copy: Toy) -> None:
    content = toys.toy_settings() | {"evalution": {}}
    toys.write_params(toy_copy[1].root, content)
    for arguments in (("plan",), ("run", "cell", "none", "udpos", "1"), ("verify",)):
        refused(harness(*arguments), "unknown key `evalution`", "did you mean `evaluation`?")


@pytest.mark.parametrize(
    ("arguments", "missing", "fix"),
    [
        (("run", "corpus"), "data/udpos/manifest.json", "dvc repro"),
        (("run", "encoder"), "corpus/manifest.json", "dvc repro corpus"),
        (("run", "recipe", "squad_v2"), "data/squad_v2/manifest.json", "dvc repro data@squad_v2"),
        (("run", "intermediate", "hellaswag", "1"), "recipes/hellaswag.json", "dvc repro recipe@hellaswag"),
        (("run", "cell", "none", "udpos", "1"), "targets/udpos.json", "dvc repro target@udpos"),
        (("run", "intermediate", "none", "1"), "encoder/model.safetensors", "dvc repro encoder"),
        (("run", "cell", "none", "udpos", "1"), "encoder/tokenizer.json", "dvc repro encoder"),
        (("run", "cell", "none", "udpos", "1"), "encoder/config.json", "dvc repro encoder"),
        (("run", "cell", "none", "udpos", "1"), "data/udpos/manifest.json", "dvc repro"),
        (("run", "cell", "none", "udpos", "1"), "data/udpos/test.qab.jsonl", "dvc repro"),
        (("run", "cell", "none", "udpos", "2"), "checkpoints/none-2/checkpoint.json", "dvc repro intermediate@none-2"),
        (("run", "scores"), "nothing", "dvc repro"),
    ],
)
def test_a_missing_input_names_the_stage_that_makes_it(
    ready: Command, toy_copy: Toy, arguments: tuple[str, ...], missing: str, fix: str
) -> None:
    (toy_copy[1].build / missing).unlink(missing_ok=True)
    refused(ready(*arguments), fix)
    assert not (toy_copy[1].cell("none", "udpos", 1) / "result.json").exists()


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_encoder(ready: Command, toy_copy: Toy, file: str) -> None:
    path = toy_copy[1].encoder / file
    path.write_bytes(path.read_bytes()[:100])
    refused(ready("run", "cell", "none", "udpos", "1"), file, "dvc repro")


def test_a_flipped_bit_in_a_checkpoint(ready: Command, toy_copy: Toy) -> None:
    paths = toy_copy[1]
    assert ready("run", "recipe", "squad_v2")[0] == 0
    assert ready("run", "intermediate", "squad_v2", "1")[0] == 0
    path = paths.checkpoint("squad_v2", 1) / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refused(ready("run", "cell", "squad_v2", "udpos", "1"), "sha256", str(path), "intermediate@squad_v2-1")


def test_a_checkpoint_that_does_not_fit_the_encoder(ready: Command, toy_copy: Toy) -> None:
    """As after a change of the encoder's size, the checkpoint's record agreeing with its weights."""
    from harness.experiment.training.checkpoints import write_checkpoint_record
    from harness.project.files import sha256_file

    paths = toy_copy[1]
    folder = paths.checkpoint("mnli", 1)
    folder.mkdir(parents=True)
    weights = load_file(paths.encoder / "model.safetensors")
    name = "embeddings.word_embeddings.weight"
    weights[name] = weights[name].repeat(1, 2)
    save_file(weights, folder / "model.safetensors")
    sha256 = sha256_file(folder / "model.safetensors")
    write_checkpoint_record(folder, {"recipe": "mnli", "weights_sha256": sha256})
    outcome = ready("run", "cell", "mnli", "udpos", "1")
    refused(outcome, "does not fit the encoder", f"`{name}` of shape (400, 16), found (400, 32)", "dvc repro")


def test_data_that_are_not_what_the_recipe_was_resolved_for(ready: Command, toy_copy: Toy) -> None:
    assert ready("run", "recipe", "squad_v2")[0] == 0
    manifest = toy_copy[1].data("squad_v2") / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    refused(ready("run", "intermediate", "squad_v2", "1"), "squad_v2", "dvc repro recipe@squad_v2")


def test_a_pin_that_the_generator_does_not_meet(ready: Command, toy_copy: Toy) -> None:
    path = toy_copy[1].tasks / "udpos.yaml"
    before = (toy_copy[1].data("udpos") / "manifest.json").read_bytes()
    lines = path.read_text().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if "test.qab:" in line)
    lines[place] = lines[place].split("sha256: ")[0] + "sha256: '" + "0" * 64 + "'}\n"
    path.write_text("".join(lines))
    refused(ready("run", "data", "udpos"), "test.qab", "0" * 64, "sha256")
    assert (toy_copy[1].data("udpos") / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("damage", [lambda text: text[:200], lambda text: "", lambda text: text.replace('"ok"', "1")])
def test_a_damaged_result(ready: Command, toy_copy: Toy, damage: Callable[[str], str]) -> None:
    assert ready("run", "cell", "none", "udpos", "1")[0] == 0
    path = toy_copy[1].cell("none", "udpos", 1) / "result.json"
    path.write_text(damage(path.read_text()))
    refused(ready("run", "scores"), str(path), "delete", "dvc repro")


def test_a_damaged_result_stops_neither_other_cells_nor_the_plan(ready: Command, toy_copy: Toy) -> None:
    """Both read other cells' wall times; the broken one is the business of `scores` and `verify`."""
    assert ready("run", "cell", "none", "tatoeba", "1")[0] == 0
    (toy_copy[1].cell("none", "tatoeba", 1) / "result.json").write_text('{"cell"')
    code, out, _ = ready("run", "cell", "none", "bucc", "1")
    assert code == 0 and "2 of 5 cells there" in out
    assert ready("plan")[0] == 0


def no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("arguments", "patched"),
    [
        (("run", "data", "udpos"), "harness.data.folder._write_bytes"),
        (("run", "corpus"), "harness.data.folder._write_bytes"),
        (("run", "recipe", "none"), "os.fsync"),
        (("run", "intermediate", "none", "1"), "os.fsync"),
        (("run", "cell", "none", "tatoeba", "1"), "pathlib.Path.write_bytes"),
        (("run", "cell", "none", "tatoeba", "1"), "os.fsync"),
        (("run", "encoder"), "pathlib.Path.write_text"),
    ],
)
def test_a_full_disk(
    ready: Command, toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], patched: str
) -> None:
    monkeypatch.setattr(patched, no_space)
    refused(ready(*arguments), "No space left on device", "free")
    assert not (toy_copy[1].cell("none", "tatoeba", 1) / "result.json").exists()


def test_a_full_disk_while_weights_are_written(ready: Command, toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """safetensors hides the system's error in one of its own."""
    from safetensors import SafetensorError

    def full(*_: object, **__: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("harness.model.encoder.save_file", full)
    assert ready("run", "recipe", "squad_v2")[0] == 0
    refused(ready("run", "intermediate", "squad_v2", "1"), "model.safetensors", "No space left on device", "free")
    assert not (toy_copy[1].checkpoint("squad_v2", 1) / "checkpoint.json").exists()


@pytest.mark.parametrize(
    ("arguments", "blocked"),
    [
        (("run", "data", "udpos"), "build/toy/data"),
        (("run", "recipe", "none"), "build/toy/recipes"),
        (("run", "intermediate", "none", "1"), "build/toy/checkpoints"),
        (("run", "intermediate", "squad_v2", "1"), "build/toy/checkpoints"),
        (("run", "cell", "none", "tatoeba", "1"), "results"),
    ],
)
def test_a_folder_that_cannot_be_written(
    ready: Command, toy_copy: Toy, arguments: tuple[str, ...], blocked: str
) -> None:
    """A file where the folder should be: writing fails for every user, root too."""
    assert ready("run", "recipe", "squad_v2")[0] == 0
    root = toy_copy[1].root
    (root / blocked).rename(root / "aside")
    (root / blocked).write_text("in the way")
    refused(ready(*arguments), str(root / blocked))


def test_interrupted_by_hand(ready: Command, monkeypatch: pytest.MonkeyPatch, toy_copy: Toy) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.experiment.cell.write_result", interrupt)
    code, _, err = ready("run", "cell", "none", "tatoeba", "1")
    assert code == 130 and err.startswith("harness: interrupted") and err.count("\n") == 1
    assert not (toy_copy[1].cell("none", "tatoeba", 1) / "result.json").exists()


@pytest.mark.slow
def test_killed_before_its_result_is_written(ready: Command, toy_copy: Toy) -> None:
    """kill -9 between the predictions and result.json: the old result stays; the next run is whole."""
    paths = toy_copy[1]
    assert ready("run", "cell", "none", "udpos", "1")[0] == 0
    folder = paths.cell("none", "udpos", 1)
    wanted = (folder / "predictions.json.gz").read_bytes()
    before = (folder / "result.json").read_bytes()
    scores = json.loads(before)["scores"]
    code = (
        "import os, signal, harness.experiment.cell, harness.commands.main\n"
        "harness.experiment.cell.write_result = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "harness.commands.main.run(['run', 'cell', 'none', 'udpos', '1'])"
    )
    environment = os.environ | {"PYTHONPATH": str(toys.ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.root, env=environment, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert (folder / "result.json").read_bytes() == before and list(paths.scratch.glob("jobs-*/*/results/*"))
    assert ready("run", "cell", "none", "udpos", "1")[0] == 0
    assert not list(paths.scratch.iterdir())
    assert (folder / "predictions.json.gz").read_bytes() == wanted
    assert json.loads((folder / "result.json").read_text())["scores"] == scores


def test_a_defect_is_not_dressed_up_as_a_users_mistake(harness: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("harness.pipeline.plan.render_plan", broken)
    with pytest.raises(ZeroDivisionError):
        harness("plan")
