"""The members of an inspect_ai log in a zip file, read without unpacking it and with bounds on what they hold.

inspect_ai compresses with Zstandard since 2026, which Python's zipfile reads from version 3.14 on; before, the package
`zstandard` reads it, where it is installed.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from harness.project.errors import HarnessError
from harness.project.files import parse_json
from harness.project.records import LARGEST_JSON

ZSTANDARD = 93
"""The method's number in a zip file."""
MOST_MEMBERS = 1_000_000
MOST_BYTES = 2**32
"""Of all members of a log that are read, unpacked."""
LOCAL_SIZE = 30
"""Bytes of a member's head before its name."""
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    struct.error,
)
"""What reading a damaged zip file may raise."""
FIX = "get the log anew, or write it as JSON with `inspect log convert --to json`"


class LogZip:
    """An open log. Raises HarnessError where the file is no whole zip file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._left = MOST_BYTES
        try:
            self._zip = zipfile.ZipFile(path)
        except BROKEN as error:
            raise HarnessError(f"expected a zip file at {path}, found: {error}", fix=FIX) from None
        self.names = set(self._zip.namelist())
        if len(self.names) > MOST_MEMBERS or len(self.names) < len(self._zip.namelist()):
            self.close()
            raise HarnessError(f"expected each member once, and not millions, in {path}, found others", fix=FIX)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def json(self, name: str) -> Any:
        """What a member holds. Raises HarnessError where it is lacking, broken or too large, or can't be unpacked."""
        where = f"{name} in {self.path}"
        try:
            content = self._content(self._zip.getinfo(name))
        except KeyError:
            raise HarnessError(f"expected {where}, found no such member", fix=FIX) from None
        except BROKEN as error:
            raise HarnessError(f"expected to unpack {where}, found: {error}", fix=FIX) from None
        return parse_json(content, where, FIX)

    def _content(self, info: zipfile.ZipInfo) -> bytes:
        if info.compress_type == ZSTANDARD and not hasattr(zipfile, "ZIP_ZSTANDARD"):
            content = self._zstandard(info)
        else:
            with self._zip.open(info) as stream:
                content = stream.read(LARGEST_JSON + 1)
        self._left -= len(content)
        if len(content) > LARGEST_JSON or self._left < 0:
            raise ValueError(f"more than {LARGEST_JSON >> 20} MiB, or with others {MOST_BYTES >> 20}, when unpacked")
        return content

    def _zstandard(self, info: zipfile.ZipInfo) -> bytes:
        try:
            zstandard = import_module("zstandard")
        except ModuleNotFoundError:
            raise HarnessError(
                f"expected a log that Python can unpack at {self.path}, found one compressed with Zstandard",
                fix="write it as JSON with `inspect log convert --to json`, or `pip install zstandard`",
            ) from None
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            name, extra = struct.unpack("<HH", file.read(LOCAL_SIZE)[26:])
            file.seek(name + extra, 1)
            packed = BytesIO(file.read(min(info.compress_size, LARGEST_JSON)))
        try:
            with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
                content: bytes = stream.read(LARGEST_JSON + 1)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
        if zlib.crc32(content) != info.CRC and len(content) <= LARGEST_JSON:
            raise ValueError("a wrong checksum")
        return content
