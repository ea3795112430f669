"""An archive that was written before the code moved into its rooms still verifies: its layout is a promise."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from harness.commands.main import run

STORED = Path(__file__).parent / "before_the_rooms.zip.xz"
"""`harness export` of a run of profile ci at commit 83869fb."""
SHA256 = "13d6d0e2edcf641bf847d1a4710add5d1d7153f724da0f80dfd6b0369c1a2006"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "ci-run.zip"
    path.write_bytes(lzma.decompress(STORED.read_bytes()))
    return path


@pytest.mark.slow
def test_an_older_archive_is_whole_and_judged(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["verify", str(archive), "--hashes"])
    out = capsys.readouterr().out
    assert f"sha256 {SHA256:.12}, 222 files as they were written" in out and f": {SHA256}\n" in out
    assert "V0 integrity  ok" in out and "72 of 72 cells, all re-scored" in out
    assert "CONFIRMED   mnli-size" in out and "another verdict on" not in out
    assert code == 0


def test_an_older_archive_with_another_byte_is_refused(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(archive.read_bytes())
    place = content.index(b'"score": ')
    content[place + 9] ^= 1
    archive.write_bytes(content)
    assert run(["verify", str(archive)]) == 3
    assert "as it was written" in (captured := capsys.readouterr()).out + captured.err
