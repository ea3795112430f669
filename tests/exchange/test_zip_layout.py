"""A byte of an archive that belongs to no file of it is refused, wherever it lies."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from crates import comment_of, metadata_of, small

from harness.exchange.layout import METADATA
from harness.exchange.read import CrateRefused, unpack


def places(path: Path) -> list[int]:
    """Before the first file, between two, before the directory, behind everything."""
    with zipfile.ZipFile(path) as archive:
        return [*(info.header_offset for info in archive.infolist()), archive.start_dir, path.stat().st_size]


@pytest.mark.parametrize("more", [b"\0", b"PK\x03\x04", b"#!/bin/sh\n" * 20])
def test_stray_bytes_are_refused_everywhere(tmp_path: Path, more: bytes) -> None:
    path = small(tmp_path / "small.zip", a=b"first", b=b"second")
    assert unpack(path, tmp_path / "whole")[1] == 3
    packed = path.read_bytes()
    for place in places(path):
        path.write_bytes(packed[:place] + more + packed[place:])
        with pytest.raises(CrateRefused):
            unpack(path, tmp_path / str(place))


def test_what_hides_in_the_head_of_a_file_is_refused(tmp_path: Path) -> None:
    path, metadata = tmp_path / "hidden.zip", metadata_of({"a": b"x"})
    for where in ("extra", "comment"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.comment = comment_of(metadata).encode()
            info = zipfile.ZipInfo("a")
            setattr(info, where, b"\xff\xff\x04\x00more")
            archive.writestr(info, b"x")
            archive.writestr(METADATA, metadata)
        with pytest.raises(CrateRefused, match="found more in its head"):
            unpack(path, tmp_path / where)
