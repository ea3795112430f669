"""`harness judge --archive`: one zip file to keep, with scores, claims, verdicts and a hash of every file.

Before it is written its content is judged again, as `harness verify` does, so that what is written can be read.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import __version__
from harness.exchange.content import Crate, Root, Unit
from harness.exchange.dates import declared_date, iso_date
from harness.exchange.judged.layout import CLAIMS, LARGEST_COPY, RECORD, SCORES, SOURCE, JudgedRecord, Source
from harness.exchange.judged.read import judge_folder
from harness.exchange.judged.scores_file import scores_text
from harness.exchange.layout import COMMENT, METADATA, PREVIEW, README, VERDICTS
from harness.exchange.metadata import describe_crate
from harness.exchange.write import write_zip
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.verify.given.claims_file import ClaimsFile
from harness.verify.given.table import Table
from harness.verify.given.table import Unit as ScoreUnit
from harness.verify.given.verdict import GivenVerdicts
from harness.verify.given.written import claims_text

ABOUT = """Claims judged from scores, kept by `harness judge --archive`

scores.csv                all scores that were judged, a row each, in points
claims.yaml               what is claimed of them, and what of them is compared
verdicts.json             the verdict on each claim, for machines
ro-crate-preview.html     the same as one page for a browser
judgement.json            where the scores come from and how they were read
source/                   the tables that were read, byte for byte; another program's files, which may hold rows of
                          data sets, are not here: judgement.json has their sha256
ro-crate-metadata.json    a Process Run Crate: every file with its sha256

`harness verify FILE.zip` checks every file and judges the scores again, offline. It prints the archive's own sha256:
compare it with the one that was published. The evidence is scores only: whoever gave them vouches for them.
"""
TERMS = "Whoever made the scores says under which terms they may be passed on."


@dataclass(frozen=True)
class Judgement:
    """What was judged, and how it was asked for."""

    table: Table
    """The scores."""
    claims: ClaimsFile
    """The claims, with all that says what is compared."""
    found: GivenVerdicts
    """The verdicts."""
    command: str
    """What was typed."""
    tables: Collection[Path]
    """Those of the files that were read that are tables of scores, which go in as they are."""
    claims_file: Path | None
    """The file of claims, where there was one."""
    columns: Mapping[str, str]
    """Role -> column, as it was said."""
    unit: ScoreUnit | None
    """The unit, likewise."""


def write_judged(judged: Judgement, out: Path, page: Callable[[GivenVerdicts], str]) -> str:
    """Write the archive; returns sentences for people. `page`: makes the page for a browser.

    Raises HarnessError where a file changed since it was read, what is written can't be judged again, or the file can't
    be written; nothing is left half-written.
    """
    files = gather(judged, page)
    with tempfile.TemporaryDirectory(prefix="harness-judged-") as name:
        for path, content in files.items():
            (Path(name) / path).parent.mkdir(exist_ok=True)
            (Path(name) / path).write_bytes(content)
        if problems := judge_folder(Path(name)).contradicts:
            raise HarnessError(
                f"expected an archive that is judged as its scores were, found: {problems[0]}",
                fix="report it as a defect of the harness, with the scores and claims",
            )
    metadata = describe_crate(_crate(judged, files))
    comment = COMMENT + hashlib.sha256(metadata).hexdigest()
    sha256 = write_zip({**files, METADATA: metadata}, comment, out)
    return (
        f"written: {out}, {len(files) + 1} files, {out.stat().st_size / 1e6:.1f} MB\nsha256 {sha256}: publish it\n"
        f"check it anywhere with `harness verify {out.name}`"
    )


def gather(judged: Judgement, page: Callable[[GivenVerdicts], str]) -> dict[str, bytes]:
    """Path in the archive -> bytes, without the metadata. Raises HarnessError where a file was changed meanwhile."""
    files: dict[str, bytes] = {}
    known = judged.table.known.values()
    sources = [
        _keep(path, files, known) if path in judged.tables else _name(path, known) for path in judged.table.files
    ]
    claims_file = _keep(judged.claims_file, files, None) if judged.claims_file else None
    table = judged.table
    record = JudgedRecord(
        date=_date([*judged.table.files, *filter(None, [judged.claims_file])]),
        version=__version__,
        command=judged.command,
        source=table.source,
        unit=table.unit,
        columns=dict(table.found),
        remarks=[*table.remarks],
        known=dict(table.known),
        unknown=dict(table.unknown),
        asked_columns=dict(judged.columns),
        asked_unit=judged.unit,
        sources=sources,
        claims_file=claims_file,
    )
    try:
        return files | {
            RECORD: (record.model_dump_json(indent=1) + "\n").encode(),
            SCORES: scores_text(table).encode(),
            CLAIMS: claims_text(judged.claims).encode(),
            VERDICTS: (judged.found.model_dump_json(indent=1) + "\n").encode(),
            PREVIEW: page(judged.found).encode(),
            README: ABOUT.encode(),
        }
    except UnicodeEncodeError as error:
        raise HarnessError(f"expected names of whole characters, found: {error}", fix="rename it") from None


def _keep(path: Path, files: dict[str, bytes], known: Collection[str] | None) -> Source:
    """Put a file that was read into `files`, unless it is too large; what is said of it.

    `known`: the sha256 of what was read, where it was taken then.
    """
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if known is not None:
        _check_unchanged(path, sha256, known)
    if len(content) > LARGEST_COPY:
        return Source(name=path.name, sha256=sha256, path=None)
    ending = path.suffix.lower() if path.suffix[1:].isascii() and path.suffix[1:].isalnum() else ""
    kept = f"{SOURCE}/{len(files) + 1}{ending}"
    files[kept] = content
    return Source(name=path.name, sha256=sha256, path=kept)


def _name(path: Path, known: Collection[str]) -> Source:
    """What is said of another program's file, which stays outside: it may hold rows of a data set."""
    sha256 = sha256_file(path)
    _check_unchanged(path, sha256, known)
    return Source(name=f"{path.parent.name}/{path.name}".removeprefix("/"), sha256=sha256, path=None)


def _check_unchanged(path: Path, sha256: str, known: Collection[str]) -> None:
    if sha256 not in known:
        raise HarnessError(f"expected {path} as it was read, found it changed", fix="judge it again")


def _date(paths: Sequence[Path]) -> str:
    """When the newest of the files was last changed, unless the environment declares a date."""
    return declared_date() or iso_date(str(int(max((path.stat().st_mtime for path in paths), default=0))))


def _crate(judged: Judgement, files: Mapping[str, bytes]) -> Crate:
    record = JudgedRecord.model_validate_json(files[RECORD])
    description = (
        f"{len(judged.claims.claims)} claims judged from the scores in {judged.table.source}. Check and judge it with "
        "`harness verify FILE.zip`. The evidence is scores only: whoever gave them vouches for them."
    )
    read = [*(path for path in files if path.startswith(f"{SOURCE}/")), SCORES, CLAIMS]
    return Crate(
        root=Root("harness: claims judged from scores", description, record.date, "None stated", TERMS),
        files=files,
        units=[Unit("harness judge", {}, read, [VERDICTS, PREVIEW])],
        originals={one.path: one.name for one in [*record.sources, record.claims_file] if one and one.path},
    )
