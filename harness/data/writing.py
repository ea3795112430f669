"""Writes a folder of data files whole or not at all, its manifest last."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.project.errors import HarnessError

MANIFEST = "manifest.json"
_FIX = {
    errno.ENOSPC: "free space on that disk and run the command again",
    errno.EDQUOT: "free space in your quota and run the command again",
    errno.EROFS: "make the folder writable, or work in a clone on a disk that is",
    errno.EACCES: "make the folder writable for you and run the command again",
    errno.EPERM: "make the folder writable for you and run the command again",
}


def write_folder(folder: Path, files: Iterable[tuple[str, bytes]], manifest: dict[str, Any]) -> None:
    """Replace `folder` by one that holds `files` and manifest.json.

    `files` may be lazy and may complete `manifest` while it is consumed. Everything goes to a sibling folder
    first, which is renamed at the end; an OSError (full disk, read-only folder) leaves what was there and
    becomes a HarnessError.
    """
    partial, old = folder.parent / f".{folder.name}.partial", folder.parent / f".{folder.name}.old"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, content in files:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            _write_bytes(partial / name, content)
        _write_bytes(partial / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    except OSError as error:
        raise HarnessError(
            f"expected to write {folder}, found: {error.strerror or error}; nothing was left half-written",
            fix=_FIX.get(error.errno or 0, "see that the folder can be made and written, and run the command again"),
        ) from None
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
