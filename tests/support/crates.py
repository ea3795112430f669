"""Archives to break: the files of one, written again with changes and, where asked, with hashes that fit them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from harness.exchange.layout import COMMENT, METADATA
from harness.exchange.write import write_zip


def read_all(path: Path) -> tuple[dict[str, bytes], str]:
    """The files of an archive and its comment."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}, archive.comment.decode()


def metadata_of(files: Mapping[str, bytes]) -> bytes:
    """The least metadata that lists these files with their hashes."""
    graph = [
        {"@id": quote(name), "@type": "File", "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]
    return json.dumps({"@graph": graph}).encode()


def comment_of(metadata: bytes) -> str:
    return COMMENT + hashlib.sha256(metadata).hexdigest()


def small(out: Path, **files: bytes) -> Path:
    """A little archive whose hashes are right."""
    metadata = metadata_of(files)
    write_zip({**files, METADATA: metadata}, comment_of(metadata), out)
    return out


def changed(source: Path, out: Path, changes: Mapping[str, bytes | None], forge: bool = False) -> Path:
    """A copy of an archive with other contents of some files (None: left out); `forge`: with hashes that fit them."""
    files, comment = read_all(source)
    files |= {name: content for name, content in changes.items() if content is not None}
    for name in [name for name, content in changes.items() if content is None]:
        del files[name]
    if forge:
        files.pop(METADATA)
        files[METADATA] = metadata_of(files)
        comment = comment_of(files[METADATA])
    write_zip(files, comment, out)
    return out
