"""Which weights a checkpoint stands for: its own file, and the encoder whose word embeddings its rows are put over."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness.experiment.training.checkpoints import weights_of, write_checkpoint_record
from harness.project.errors import HarnessError
from harness.project.paths import Paths


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """An encoder, and the checkpoint of a recipe that trained it."""
    paths = Paths(tmp_path, "toy")
    for folder, content in ((paths.encoder, b"encoder"), (paths.checkpoint("mnli", 1), b"rows")):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(content)
    record = {"recipe": "mnli", "weights_sha256": sha256(b"rows"), "encoder_sha256": sha256(b"encoder")}
    write_checkpoint_record(paths.checkpoint("mnli", 1), record)
    return paths


def test_a_checkpoint_is_its_own_file_and_its_encoder(paths: Paths) -> None:
    folder = paths.checkpoint("mnli", 1)
    assert weights_of(folder, paths) == (folder / "model.safetensors", sha256(b"rows"))


@pytest.mark.parametrize("other", [b"another encoder", None])
def test_rows_are_never_put_over_another_encoder(paths: Paths, other: bytes | None) -> None:
    path = paths.encoder / "model.safetensors"
    path.unlink() if other is None else path.write_bytes(other)
    with pytest.raises(HarnessError) as caught:
        weights_of(paths.checkpoint("mnli", 1), paths)
    said = str(caught.value)
    assert str(path) in said and sha256(b"encoder") in said and "intermediate@mnli-1" in said
    assert (sha256(other) if other else "no file") in said


def test_the_baseline_stands_for_the_encoder(paths: Paths) -> None:
    folder = paths.checkpoint("none", 1)
    write_checkpoint_record(folder, {"recipe": "none", "weights_sha256": sha256(b"encoder"), "encoder_sha256": None})
    assert weights_of(folder, paths) == (paths.encoder / "model.safetensors", sha256(b"encoder"))
