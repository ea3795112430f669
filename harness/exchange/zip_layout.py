"""Does a zip file hold its listed files and nothing else? Bytes before, between and behind them are nobody's.

A zip file is read from its end, so that a program finds its files whatever else lies there; what `harness export`
writes has one file after the other from the first byte, then the directory, then the comment.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LOCAL, LOCAL_SIZE = b"PK\x03\x04", 30
ENTRY_SIZE, END_SIZE, END_64_SIZE = 46, 22, 56 + 20
"""Bytes of a directory entry, of the end of the directory, and of what stands before that end in large archives."""


def stray_bytes(path: Path, archive: zipfile.ZipFile) -> list[str]:
    """Sentences on bytes of the archive that belong to no file of it; none where every byte has its place."""
    with path.open("rb") as stream:
        return list(_stray(stream, path.stat().st_size, archive))


def _stray(stream: BinaryIO, size: int, archive: zipfile.ZipFile) -> Iterator[str]:
    place = 0
    for info in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if info.header_offset != place:
            found = f"found it at byte {info.header_offset:,}"
            yield f"expected a whole zip file with {info.filename} at byte {place:,}, {found}"
            return
        stream.seek(place)
        header = stream.read(LOCAL_SIZE)
        if len(header) < LOCAL_SIZE or header[:4] != LOCAL:
            yield f"expected the head of {info.filename} at byte {place:,}, found something else"
            return
        name, extra = struct.unpack("<HH", header[26:30])
        if (extra or info.extra or info.comment) and info.file_size < zipfile.ZIP64_LIMIT:
            yield f"expected only the name and the bytes of {info.filename}, found more in its head"
            return
        said = struct.unpack("<LLL", header[14:26])
        if said != (info.CRC, info.compress_size, info.file_size) and info.file_size < zipfile.ZIP64_LIMIT:
            yield f"expected the sum and the sizes of {info.filename} as the directory gives them, found others"
            return
        place += LOCAL_SIZE + name + extra + info.compress_size
    start = archive.start_dir
    entries = sum(ENTRY_SIZE + len(one.orig_filename.encode()) + len(one.extra) for one in archive.infolist())
    rest = size - start - entries - END_SIZE - len(archive.comment)
    if start != place or rest not in (0, END_64_SIZE):
        files = f"the {len(archive.infolist())} files"
        yield f"expected a whole zip file and nothing beside {files}, found {start - place + rest:,} bytes more"
