"""An archive of judged scores: checked byte for byte, then judged again from its scores by its claims.

Nothing that it says of itself is believed; where it says otherwise than this judging, that is told. Needs the base
install alone.
"""

from __future__ import annotations

import shlex
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from harness.exchange.contradictions import same
from harness.exchange.judged.layout import CLAIMS, RECORD, SCORES, JudgedRecord, Source
from harness.exchange.judged.scores_file import read_scores, same_rows
from harness.exchange.layout import METADATA, PREVIEW, README, VERDICTS
from harness.exchange.layout import RECORD as EXPORTED
from harness.exchange.preview import seen_page
from harness.exchange.read import BROKEN, UNREADABLE, CrateRefused, unpack
from harness.exchange.signature import Signature, check_signature
from harness.project.errors import HarnessError, explain_validation, name_some
from harness.project.files import parse_json, refuse_repeated_keys, sha256_file
from harness.verify.given.claims_file import ClaimsFile, read_claims_file
from harness.verify.given.frames import judge_by_file
from harness.verify.given.read import read_table
from harness.verify.given.show import answer, measured
from harness.verify.given.table import Table
from harness.verify.given.verdict import GivenVerdicts

LARGEST_TEXT = 64_000_000
"""Bytes of each file but the scores; the largest that is written, verdicts of thousands of claims, takes a tenth."""
OWN = (RECORD, SCORES, CLAIMS, VERDICTS, PREVIEW, README, METADATA)


@dataclass(frozen=True)
class Judged:
    """What the files of an archive give."""

    found: GivenVerdicts
    """The verdicts of this judging."""
    record: JudgedRecord
    """What the archive says of its scores' origin."""
    contradicts: list[str]
    """Where it says otherwise than this judging, in sentences."""
    notes: list[str]
    """What could not be checked, in sentences."""


@dataclass(frozen=True)
class JudgedArchive:
    """An archive that was checked and judged."""

    file: str
    """Its name."""
    sha256: str
    """Of the zip file."""
    files: int
    """So many files are as their hashes say."""
    claims_sha256: str
    """Of claims.yaml."""
    signature: Signature
    """Who signed it."""
    judged: Judged
    """What is concluded from it."""


def is_judged(path: Path) -> bool:
    """Is it an archive of judged scores, by what it holds? False for what is no zip file at all."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except BROKEN:
        return False
    return RECORD in names and EXPORTED not in names


Page = Callable[[GivenVerdicts, JudgedRecord], str]
"""Verdicts and an archive's record -> the page for a browser as this version writes it."""


def read_judged(path: Path, signers: Path | None = None, page: Page | None = None) -> JudgedArchive:
    """Check every byte of the archive, then judge its scores by its claims.

    `signers`: who may have signed it; `page`: what its page is held against, byte for byte. Raises CrateRefused if the
    archive is not as it was written, or its records are none; HarnessError if there is no such file of signers.
    """
    signature = check_signature(path, signers)
    if signature.problem:
        raise CrateRefused(path.name, [signature.problem])
    with tempfile.TemporaryDirectory(prefix="harness-judged-") as name:
        root = Path(name)
        sha256, hashed = unpack(path, root)
        try:
            judged = judge_folder(root, page)
            claims = sha256_file(root / CLAIMS)
        except ValidationError as error:
            raise CrateRefused(path.name, [explain_validation(error, JudgedRecord, RECORD)]) from None
        except UNREADABLE as error:
            problem = (
                error.message if isinstance(error, HarnessError) else f"expected our records, found {error!r:.200}"
            )
            raise CrateRefused(path.name, [problem.replace(f"{root}/", "")]) from None
    return JudgedArchive(path.name, sha256, hashed, claims, signature, judged)


def judge_folder(root: Path, page: Page | None = None) -> Judged:
    """Judge what lies unpacked in a folder; `page` as in `read_judged`.

    Raises what stands in UNREADABLE for records of another shape.
    """
    for path in root.rglob("*"):
        if path.is_file() and path.name != SCORES and path.parent == root and path.stat().st_size > LARGEST_TEXT:
            raise HarnessError(f"expected at most {LARGEST_TEXT:,} bytes of {path}, found {path.stat().st_size:,}")
    content = (root / RECORD).read_bytes()
    refuse_repeated_keys(content, RECORD)
    record = JudgedRecord.model_validate_json(content)
    table = read_scores(root / SCORES, _about(record))
    claims = read_claims_file(root / CLAIMS)
    found = judge_by_file(table, claims)
    notes: list[str] = []
    if page and (root / PREVIEW).is_file() and (root / PREVIEW).read_bytes() != page(found, record).encode():
        notes.append(f"{PREVIEW} is not the page that this version writes: believe what is said here, not the page")
    contradicts = [
        *_verdicts(root, found),
        *_page(root, found),
        *_sources(root, record, table, notes),
        *_claims(root, record, claims),
        *_more(root, record),
    ]
    return Judged(found, record, contradicts, notes)


def _about(record: JudgedRecord) -> Table:
    return Table(
        record.source, {}, np.zeros(0), record.unit, None, record.columns, tuple(record.remarks), record.known,
        record.unknown,
    )  # fmt: skip


def _verdicts(root: Path, found: GivenVerdicts) -> Iterator[str]:
    said, here = parse_json((root / VERDICTS).read_bytes(), VERDICTS), found.model_dump(mode="json")
    told, own = said.pop("claims"), here.pop("claims")
    claims, judged = ({one["claim"]["id"]: one for one in each} for each in (told, own))
    if [one["claim"]["id"] for one in told] != [*judged]:
        names = sorted(claims.keys() ^ judged.keys()) or [*judged]
        yield f"{VERDICTS} in it has other claims than {CLAIMS}, or in another order: {name_some(names)}"
    both = [name for name in judged if name in claims]
    words = [name for name in both if claims[name].get("verdict") != judged[name]["verdict"]]
    if words:
        told = [f"{name} ({claims[name].get('verdict')!s:.40}, judged {judged[name]['verdict']})" for name in words]
        yield f"{VERDICTS} in it has another verdict than this judging on {name_some(told)}"
    others = [name for name in both if name not in words and not same(claims[name], judged[name])]
    if others:
        what = [f"{name} ({', '.join(_differing(claims[name], judged[name]))})" for name in others]
        yield f"{VERDICTS} in it says otherwise than this judging on {name_some(what)}"
    if whole := _differing(said, here):
        yield f"{VERDICTS} in it says otherwise than this judging: {', '.join(whole)}"


def _differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [
        f"{name!s:.40}" for name in dict.fromkeys([*other, *one])
        if name not in one or name not in other or not same(one[name], other[name])
    ]  # fmt: skip


def _page(root: Path, found: GivenVerdicts) -> Iterator[str]:
    if not (root / PREVIEW).is_file():
        yield f"{PREVIEW} is left out"
        return
    page = seen_page(root / PREVIEW)
    if page.answers != [answer(found)]:
        yield f"{PREVIEW} in it opens with another answer than this judging"
    words = {one.claim.id: [one.verdict.replace("_", " ").lower()] for one in found.claims}
    if other := _unlike(words, page.verdicts):
        yield f"{PREVIEW} in it has another verdict on {name_some(other)} than this judging"
    numbers = {one.claim.id: [measured(one)] for one in found.claims if one.measured is not None}
    seen = {name: [text.partition(" over ")[0] for text in texts] for name, texts in page.numbers.items()}
    if other := _unlike(numbers, seen):
        yield f"{PREVIEW} in it has other numbers on {name_some(other)} than this judging"


def _unlike(one: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _sources(root: Path, record: JudgedRecord, table: Table, notes: list[str]) -> Iterator[str]:
    """The files that were read, against their hashes and, where there is one alone, against the scores."""
    for one in record.sources:
        yield from _hashed(root, one)
        if one.sha256 not in record.known.values():
            yield f"{RECORD} in it doesn't know the sha256 of {one.name}"
    if not _is_one_file(record) or record.sources[0].path is None:
        notes.append(
            f"{SCORES} was not compared with what it was read from, which is not one file in the archive; what"
            " is known and noted of it is as it was given"
        )
        return
    path = root / record.sources[0].path
    if path.suffix == ".parquet" and not _has_pyarrow():
        notes.append(f"{SCORES} was not compared with {record.sources[0].name}: `pip install pyarrow` reads it")
    elif path.is_file():
        read = read_table(path, record.asked_columns, record.asked_unit)
        if not same_rows(replace(read, source=table.source), table):
            yield f"{SCORES} in it holds other scores than {record.sources[0].name}, which it was read from"
        if (read.unit, dict(read.found)) != (table.unit, dict(table.found)):
            yield f"{RECORD} in it names another unit or other columns than {record.sources[0].name} has"
        told = [*read.remarks], [*read.known.values()], dict(read.unknown)
        if told != (record.remarks, [*record.known.values()], record.unknown):
            yield f"{RECORD} in it says something of {record.sources[0].name} that is not read from it"


def _is_one_file(record: JudgedRecord) -> bool:
    """Is all that was read one table, without a name or a seed said beside it?"""
    said = takewhile(lambda word: not word.startswith("--"), shlex.split(record.command)[2:])
    return len(record.sources) == 1 and list(said) == [record.source]


def _has_pyarrow() -> bool:
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None


def _claims(root: Path, record: JudgedRecord, claims: ClaimsFile) -> Iterator[str]:
    """The claims as they were given in a file, against those that were judged."""
    if record.claims_file is None:
        return
    yield from _hashed(root, record.claims_file)
    if record.claims_file.path is None or not (root / record.claims_file.path).is_file():
        return
    given = read_claims_file(root / record.claims_file.path)
    if [one.read() for one in given.claims] != [one.read() for one in claims.claims]:
        yield f"{CLAIMS} in it has other claims than {record.claims_file.name}, which was given"
    for what in ("baseline", "split", "metric", "tasks", "languages"):
        own = getattr(given, what)
        if own and own != getattr(claims, what):
            yield f"{CLAIMS} in it has another `{what}` than {record.claims_file.name}, which was given"
    if (given.looks, given.spending) != (claims.looks, claims.spending):
        yield f"{CLAIMS} in it has other looks than {record.claims_file.name}, which was given"


def _hashed(root: Path, one: Source) -> Iterator[str]:
    if one.path is None:
        return
    path = root / one.path
    if not path.is_file():
        yield f"{one.name} is not in it, which {RECORD} names"
    elif sha256_file(path) != one.sha256:
        yield f"{one.name} in it is not the file that {RECORD} names: its sha256 is another"


def _more(root: Path, record: JudgedRecord) -> Iterator[str]:
    """What somebody put beside what is written is read as if it were part of that."""
    named = {one.path for one in [*record.sources, record.claims_file] if one}
    there = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    if more := [name for name in there if name not in OWN and name not in named]:
        yield f"it holds what `harness judge` doesn't write: {name_some(more)}"
