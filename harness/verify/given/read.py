"""A file or a frame of scores -> a table: CSV, TSV, JSON lines, a JSON list, Parquet, pandas, polars, plain rows."""

from __future__ import annotations

import csv
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from harness.project.errors import HarnessError
from harness.project.files import parse_json, sha256_file
from harness.verify.given.building import Rows, build
from harness.verify.given.table import Table, Unit

CHUNK = 100_000
"""Rows that are read at a time."""
FORMATS = {
    ".csv": "CSV",
    ".tsv": "TSV",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".json": "JSON",
    ".parquet": "Parquet",
}
"""Ending of a file's name -> its format."""
SHA256 = "sha256 of "
"""What is known of a file that was read stands behind this and its name."""
DELIMITERS = ",;|"
"""Of a CSV file: the one that its header has most often; tabs before all of them."""


def read_table(path: Path | str, columns: Mapping[str, str] | None = None, unit: Unit | None = None) -> Table:
    """The scores in a file: CSV or TSV in UTF-8 with a header, JSON lines, a JSON list of objects, or Parquet.

    columns: role -> column, where its name doesn't say it. unit: where the numbers don't say it. Columns, layouts and
    units are those of harness.verify.given.columns and `to_points`; the file's sha256 is `known`. Raises HarnessError
    that names file and line, for a file that is missing, unreadable, of another format, or holds what is no score.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise HarnessError(
            f"expected a file of scores ({', '.join(FORMATS)}), found {path}", fix="name its format in its ending"
        )
    if path.is_dir() or not path.exists():
        found = "a folder" if path.is_dir() else "none"
        raise HarnessError(f"expected a file of scores at {path}, found {found}", fix="name another file")
    readers: dict[str, Callable[[Path], Iterator[tuple[list[str], Rows, int]]]] = {
        "CSV": _csv, "TSV": _csv, "JSON lines": _json_lines, "JSON": _json, "Parquet": _parquet
    }  # fmt: skip
    with _opening(path), _nothing_collected():
        table = build(readers[kind](path), str(path), columns, unit)
        return replace(table, known={f"{SHA256}{path.name}": sha256_file(path)}, files=(path,))


def table_of(frame: Any, columns: Mapping[str, str] | None = None, unit: Unit | None = None) -> Table:
    """The scores in a pandas or polars frame, a dict of columns, or a list of mappings.

    As `read_table`; `frame` needs `columns` and `frame[column]`, as both kinds of frames have.
    """
    source = f"the {type(frame).__module__.partition('.')[0]} frame" if hasattr(frame, "columns") else "the rows"
    return build(_frame(frame), source, columns, unit)


def _frame(frame: Any) -> Iterator[tuple[list[str], Rows, int]]:
    if isinstance(frame, Mapping):
        header, values = [str(name) for name in frame], [list(column) for column in frame.values()]
    elif hasattr(frame, "columns"):
        header, values = [str(name) for name in frame.columns], [list(frame[name]) for name in frame.columns]
    else:
        yield from _objects(enumerate(frame, 1), "row", "the rows")
        return
    if len({len(column) for column in values}) > 1:
        raise HarnessError("expected columns of one length, found several", fix="give all columns as many rows")
    yield header, list(zip(*values, strict=True)), 1


def _csv(path: Path) -> Iterator[tuple[list[str], Rows, int]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = next((line for line in file if line.strip()), "")
        if "\0" in first:
            raise HarnessError(f"expected UTF-8 in {path}, found zero bytes", fix="save it in UTF-8")
        file.seek(0)
        reader = csv.reader(file, delimiter=_delimiter(path, first), strict=True, skipinitialspace=True)
        try:
            header = [name.strip() for name in next((row for row in reader if any(map(str.strip, row))), [])]
            yield header, [], reader.line_num + 1
            while rows := list(islice(reader, CHUNK)):
                begin = reader.line_num - len(rows) + 1
                if len(set(map(len, rows))) == 1 and len(rows[0]) == len(header):
                    yield header, rows, begin
                else:
                    yield from ((header, *part) for part in _even(rows, len(header), begin, path))
        except csv.Error as error:
            raise HarnessError(
                f"expected {FORMATS[path.suffix.lower()]} in {path}, found at line {reader.line_num}: {error}",
                fix="correct the value there: shorten it if it is too long, and close each quote",
            ) from None


def _delimiter(path: Path, header: str) -> str:
    if path.suffix.lower() == ".tsv" or ("\t" in header and "," not in header):
        return "\t"
    return max(DELIMITERS, key=header.count)


def _even(rows: list[list[str]], width: int, begin: int, path: Path) -> Iterator[tuple[list[list[str]], int]]:
    """The rows between empty lines, and the line of the first of each part. Raises HarnessError for a row that has more
    or fewer values than the header."""
    for there, part in groupby(enumerate(rows, begin), key=lambda numbered: any(map(str.strip, numbered[1]))):
        numbered = list(part)
        for line, row in numbered if there else ():
            if len(row) != width:
                raise HarnessError(
                    f"expected {width} values in line {line} of {path}, found {len(row)}",
                    fix="quote values that hold the delimiter; write an empty value for what is lacking",
                )
        if there:
            yield [row for _, row in numbered], numbered[0][0]


def _json_lines(path: Path) -> Iterator[tuple[list[str], Rows, int]]:
    def objects() -> Iterator[tuple[int, Any]]:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, parse_json(line, f"line {number} of {path}", fix="correct that line")

    yield from _objects(objects(), "line", str(path))


def _json(path: Path) -> Iterator[tuple[list[str], Rows, int]]:
    content = parse_json(path.read_bytes(), str(path), fix="correct it, or give it as JSON lines")
    if not isinstance(content, list):
        raise HarnessError(
            f"expected a list of objects in {path}, found {type(content).__name__}",
            fix="give a list, a score an object",
        )
    yield from _objects(enumerate(content, 1), "entry", str(path))


def _objects(rows: Iterable[tuple[int, Any]], what: str, source: str) -> Iterator[tuple[list[str], Rows, int]]:
    """Rows of mappings; the first one names the columns, a key that lacks is an empty value."""
    header: list[str] | None = None
    rows = iter(rows)
    begin = 1
    while chunk := list(islice(rows, CHUNK)):
        for number, row in chunk:
            if not isinstance(row, Mapping):
                found = f"expected an object in {what} {number} of {source}, found {type(row).__name__}"
                raise HarnessError(found, fix="give each score as an object with named values")
        if header is None:
            header = [str(key) for key in dict.fromkeys(key for _, row in chunk for key in row)]
        for number, row in chunk:
            if not row.keys() <= set(header):
                extra = next(str(key) for key in row if str(key) not in header)
                found = f"expected the keys {', '.join(header)} in {what} {number} of {source}, found `{extra}`"
                raise HarnessError(found, fix="give all rows the same keys")
        yield header, [[row.get(key) for key in header] for _, row in chunk], begin
        begin += len(chunk)
    if header is None:
        yield [], [], 1


def _parquet(path: Path) -> Iterator[tuple[list[str], Rows, int]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise HarnessError(
            f"expected pyarrow to read {path}, found none", fix="run `pip install pyarrow`, or give the scores as CSV"
        ) from None
    try:
        file = pq.ParquetFile(path)
        header, begin = list(file.schema_arrow.names), 1
        yield header, [], begin
        for batch in file.iter_batches(CHUNK):
            yield header, list(zip(*(column.to_pylist() for column in batch.columns), strict=True)), begin
            begin += batch.num_rows
    except pa.ArrowException as error:
        raise HarnessError(f"expected Parquet in {path}, found: {error}", fix="write it again") from None


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """No garbage collection meanwhile: rows hold no reference cycles, and the search takes longer than reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise HarnessError(f"expected UTF-8 in {path}, found: {error}", fix="save it in UTF-8") from None
    except OSError as error:
        raise HarnessError(
            f"expected to read {path}, found: {error.strerror or error}", fix="make it a file that can be read"
        ) from None
