"""Reads an archive that `harness export` wrote: a zip file that is an RO-Crate, checked before a byte of it is used.

Needs nothing but the standard library and the records: whoever keeps an archive can check it offline, on any machine.
"""

from __future__ import annotations

import hashlib
import json
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from pydantic import ValidationError

from harness.audit.exit_codes import EXIT_INCONCLUSIVE, EXIT_REPRODUCED
from harness.audit.integrity.findings import Checked
from harness.audit.integrity.made import read_data_manifest
from harness.audit.integrity.pinned import check_pinned
from harness.audit.integrity.rescore import Rescorer
from harness.audit.integrity.run import Archived, check_run
from harness.audit.levels import verify_results
from harness.audit.scope import confirm
from harness.audit.subject import Judged
from harness.audit.verification import CrateSource, Verification
from harness.exchange.contradictions import contradictions
from harness.exchange.layout import COMMENT, METADATA, PARAMS, RECORD, CrateRecord, data_manifest
from harness.exchange.signature import check_signature
from harness.exchange.zip_layout import stray_bytes
from harness.experiment.inputs import ENCODER_FILES
from harness.project.errors import MOST_NAMED, HarnessError, explain_validation, name_some
from harness.project.files import parse_json, refuse_repeated_keys
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.project.results import Result

MAX_BYTES = 4 * 10**9
"""Most bytes that an archive may unpack to. The whole published grid takes well under a tenth of that."""
MAX_FILES = 100_000
"""Most files in an archive."""
CHUNK = 1 << 20
LAB = "reference/lab_claims.yaml"
MEND = "get the archive anew from whoever made it, or make it anew with `harness export` or `harness judge --archive`"
UNREADABLE = (HarnessError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading records of another shape may raise, where somebody wrote hashes that fit them."""
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
"""What reading a damaged zip file may raise."""


class CrateRefused(HarnessError):
    """The archive is not what `harness export` wrote: nothing in it is judged."""

    def __init__(self, name: str, problems: list[str]) -> None:
        """`problems`: sentences, each naming a file of the archive."""
        more = f"; and {len(problems) - MOST_NAMED} more" if len(problems) > MOST_NAMED else ""
        super().__init__(f"INVALID archive {name}: {'; '.join(problems[:MOST_NAMED])}{more}", fix=MEND)
        self.name = name
        self.problems = problems


@dataclass(frozen=True)
class CrateRead:
    """What an archive holds, checked and judged."""

    verification: Verification
    """What is concluded from it."""
    results: Mapping[str, Result]
    """Cell -> its result."""
    params: Params
    """Its settings."""


def verify_crate(path: Path, here: Paths | None, signers: Path | None = None) -> Verification:
    """Check every byte of the archive, then judge what it holds by the claims and pins that it holds.

    Arguments and errors as `read_crate` has them.
    """
    return read_crate(path, here, signers).verification


def read_crate(path: Path, here: Paths | None, signers: Path | None = None) -> CrateRead:
    """As `verify_crate`, with the results and settings that were judged.

    `here`: the checkout whose pinned results V2 compares with, and whose gold rows its predictions are scored by; None
    outside of one. `signers`: who may have signed it; the exit code is then never 0 without such a signature. Raises
    CrateRefused if the archive is not as it was written or its signature doesn't hold, HarnessError if there is no
    such file.
    """
    if not path.is_file():
        raise HarnessError(f"expected an archive at {path}, found none", fix="write one with `harness export`")
    signature = check_signature(path, signers)
    if signature.problem:
        raise CrateRefused(path.name, [signature.problem])
    with tempfile.TemporaryDirectory(prefix="harness-crate-") as name:
        root = Path(name)
        sha256, hashed = unpack(path, root)
        try:
            read, source = _judge(root, path.name, sha256, hashed, here)
            found = read.verification
            signed = source.model_copy(update={"signature": signature.words, "signed_by": signature.signer})
            lacks = signers is not None and signature.signer is None and found.exit_code == EXIT_REPRODUCED
            code = EXIT_INCONCLUSIVE if lacks else found.exit_code
            return replace(read, verification=found.model_copy(update={"crate": signed, "exit_code": code}))
        except ValidationError as error:
            raise CrateRefused(path.name, [explain_validation(error, CrateRecord, RECORD)]) from None
        except UNREADABLE as error:
            problem = error.message if isinstance(error, HarnessError) else f"expected our records, found {error!r}"
            raise CrateRefused(path.name, [problem.replace(f"{root}/", "")]) from None


def unpack(path: Path, folder: Path, max_bytes: int = MAX_BYTES) -> tuple[str, int]:
    """Check the archive and write its files below `folder`; returns its sha256 and how many files were hashed.

    Raises CrateRefused, naming files, if it is no whole zip file, holds a name that leads out of it, unpacks to more
    than `max_bytes`, or differs from its metadata in any file.
    """
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise CrateRefused(path.name, [f"expected a whole zip file, found: {error}"]) from None
    with archive:
        infos = archive.infolist()
        if problems := [*_unsafe(infos, max_bytes)] or stray_bytes(path, archive):
            raise CrateRefused(path.name, problems)
        listed = _listed(archive, path.name)
        names = {info.filename for info in infos} - {METADATA}
        problems = [f"expected {name}, which {METADATA} lists, found none" for name in sorted(listed.keys() - names)]
        problems += [
            f"expected only files that {METADATA} lists, found {name}" for name in sorted(names - listed.keys())
        ]
        for name in sorted(names & listed.keys()):
            problems += _extract(archive, name, listed[name], folder / name)
    if problems:
        raise CrateRefused(path.name, problems)
    return sha256, len(listed) + 1


def _unsafe(infos: list[zipfile.ZipInfo], max_bytes: int) -> Iterable[str]:
    """Sentences on what must not even be read."""
    names = Counter(info.filename for info in infos)
    size = sum(info.file_size for info in infos)
    if len(infos) > MAX_FILES or size > max_bytes:
        limit = f"at most {MAX_FILES:,} files and {max_bytes:,} bytes unpacked"
        yield f"expected {limit}, found {len(infos):,} files and {size:,} bytes"
    folders = {parent.as_posix() for name in names for parent in PurePosixPath(name).parents}
    for info in infos:
        name, mode = info.filename, info.external_attr >> 16
        plain = all(part not in ("", ".", "..") for part in name.split("/"))
        if not plain or "\\" in name or ":" in name or not name.isprintable() or name != info.orig_filename:
            yield f"expected plain relative names, found {info.orig_filename!r}"
        elif names[name] > 1 or name in folders:
            yield f"expected one file of each name, found {name} {'as a folder too' if name in folders else 'twice'}"
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            yield f"expected only plain files, found {name}, which is none"


def _listed(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """File -> sha256 by the archive's metadata, whose own hash stands in the zip file's comment."""
    try:
        content = archive.read(METADATA)
        wanted = archive.comment.decode("ascii").strip()
    except KeyError:
        raise CrateRefused(name, [f"expected {METADATA}, found none"]) from None
    except BROKEN as error:
        raise CrateRefused(name, [f"expected {METADATA} as it was written, found it changed ({error})"]) from None
    if wanted != COMMENT + hashlib.sha256(content).hexdigest():
        found = "it changed" if wanted.startswith(COMMENT) else "a zip file without that comment"
        raise CrateRefused(name, [f"expected {METADATA} with the hash in the zip file's comment, found {found}"])
    try:
        graph = parse_json(content, METADATA)["@graph"]
        listed = [
            (unquote(entity["@id"]), str(entity["sha256"]))
            for entity in graph
            if entity["@type"] == "File" and not entity["@id"].startswith("#")
        ]
    except (HarnessError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = error.message if isinstance(error, HarnessError) else f"none ({error!r})"
        raise CrateRefused(name, [f"expected a sha256 of every file in {METADATA}, found: {found}"]) from None
    twice = [file for file, count in Counter(file for file, _ in listed).items() if count > 1]
    if twice:
        raise CrateRefused(name, [f"expected every file once in {METADATA}, found {name_some(twice)} again"])
    return dict(listed)


def _extract(archive: zipfile.ZipFile, name: str, expected: str, target: Path) -> list[str]:
    """Write one file of the archive; returns what is wrong with it."""
    digest = hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, target.open("wb") as sink:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                sink.write(chunk)
    except BROKEN as error:
        problem = error.strerror or error if isinstance(error, OSError) else error
        return [f"expected {name:.200} as it was written, found it changed ({problem})"]
    found = digest.hexdigest()
    return [] if found == expected else [f"expected sha256 {expected:.12}... of {name}, found {found:.12}...: changed"]


def _judge(root: Path, name: str, sha256: str, hashed: int, here: Paths | None) -> tuple[CrateRead, CrateSource]:
    """Levels V0, V2 and V3 of the unpacked archive."""
    content = (root / RECORD).read_bytes()
    refuse_repeated_keys(content, RECORD)
    record = CrateRecord.model_validate_json(content)
    params = read_params(root / PARAMS)
    paths = Paths(root, record.profile)
    if params.profile != record.profile:
        raise HarnessError(f"expected the settings of profile {record.profile}, found those of {params.profile}")
    if present := [name for name in record.withheld if (root / name).exists()]:
        raise HarnessError(f"expected predictions to be withheld, as {RECORD} says, found {name_some(present)}")
    checked = confirm(_check(record, root, params, paths, here), params, paths)
    v0 = checked.integrity.model_copy(update={"hashes": checked.integrity.hashes + hashed})
    judged = Judged("crate", replace(checked, integrity=v0), holds=record.holds)
    pinned = Paths(here.root, record.profile) if here else None
    found = verify_results(judged, params, paths, pinned)
    source = CrateSource(
        file=name,
        sha256=sha256,
        holds=record.holds,
        files=hashed,
        notes=_notes(record, root, here),
        contradicts=contradictions(record, root, found, checked.results),
    )
    return CrateRead(found, checked.results, params), source


def _check(record: CrateRecord, root: Path, params: Params, paths: Paths, here: Paths | None) -> Checked:
    """Level V0 of a run or of pinned results, without the rows, weights and predictions that the archive leaves out;
    gold rows that were built here serve where the cells name the same.
    """
    rescorer = Rescorer(params, paths, Paths(here.root, record.profile) if here else None)
    if record.holds == "pinned":
        return check_pinned(paths.pinned, rescorer, withheld=frozenset(record.withheld))
    manifests = {task: read_data_manifest((root / data_manifest(task)).read_bytes()) for task in params.data.tasks}
    encoder: dict[str, str] = {}
    if (described := paths.results / "encoder.json").is_file():
        made = json.loads(described.read_bytes())["sha256"]
        encoder = {key: made[file] for key, file in ENCODER_FILES.items() if file in made}
    return check_run(params, paths, rescorer, archived=Archived(manifests, encoder, frozenset(record.withheld)))


def _notes(record: CrateRecord, root: Path, here: Paths | None) -> list[str]:
    """What a reader must know of the archive besides the table."""
    notes = []
    if record.withheld:
        notes.append(f"{len(record.withheld)} predictions are in it by their hashes only: {record.withheld_because}")
    if here:
        judged_by = [f"reference/{name}.yaml" for name in ("claims", "design", "paper", "arithmetic")] + [
            "profiles/paper.yaml"
        ]
        judged_by += [LAB] if (root / LAB).is_file() else []  # an archive from before has none, and needs none
        judged_by += [f"tasks/{path.name}" for path in sorted((root / "tasks").glob("*.yaml"))]
        differing = [name for name in judged_by if _read(root / name) != _read(here.root / name)]
        if differing:
            notes.append(f"judged by its own {name_some(differing)}, which differs from this checkout's")
    return notes


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
