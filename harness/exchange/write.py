"""`harness export`: one zip file to keep, with everything that a verdict rests on and a hash of every file.

gather.py collects and judges, metadata.py describes it as a Process Run Crate; layout.py names its files, and read.py
reads and checks it. signature.py signs it.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from harness.exchange.gather import Preview, gather
from harness.exchange.layout import COMMENT, METADATA
from harness.exchange.metadata import describe
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip file: the first that the format knows."""
PLAIN_FILE = 0o100644 << 16
UNIX = 3


def export(
    params: Params,
    paths: Paths,
    settings: Path,
    out: Path,
    agent: str | None = None,
    preview: Preview | None = None,
) -> str:
    """Write the archive of what `harness verify` judges; returns sentences for people.

    `settings`: the params file of the profile; `preview`: makes the page for a browser that lies in it. Raises
    HarnessError if level V0 finds a problem, if no date is known, or if the file can't be written; nothing is left
    half-written.
    """
    content = gather(params, paths, settings, preview)
    metadata = describe(content, agent)
    comment = COMMENT + hashlib.sha256(metadata).hexdigest()
    sha256 = write_zip({**content.files, METADATA: metadata}, comment, out)
    holds = "the run" if content.record.holds == "run" else "the pinned results (nothing has run here yet)"
    size = out.stat().st_size / 1e6
    said = f"written: {out}, {len(content.files) + 1} files, {size:.1f} MB: {holds}\nsha256 {sha256}"
    if withheld := content.record.withheld:
        said += f"\n{len(withheld)} predictions are in it by their hashes only: {content.record.withheld_because}"
    return f"{said}\ncheck it anywhere with `harness verify {out.name}`"


def write_zip(files: Mapping[str, bytes], comment: str, out: Path) -> str:
    """Write the files in the order of their names; returns the zip file's sha256.

    Nothing is compressed, as another release of zlib gives other bytes for the same content.
    """
    partial = out.with_name(out.name + ".partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            archive.comment = comment.encode("ascii")
            for name in sorted(files):
                info = zipfile.ZipInfo(name, ZIP_TIME)
                info.external_attr, info.create_system = PLAIN_FILE, UNIX
                archive.writestr(info, files[name])
        with partial.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        partial.replace(out)
    except OSError as error:
        raise HarnessError(
            f"expected to write {out}, found: {error.strerror or error}",
            fix="free disk space, or name another file with --out",
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return sha256
