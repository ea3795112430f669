"""A file or a frame of scores -> a table: CSV, TSV, JSON lines, a JSON list, Parquet, pandas, polars, plain rows."""

from __future__ import annotations

import csv
import gc
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.verify.given.columns import Layout, find_layout
from harness.verify.given.table import Column, Floats, Names, Role, Table, Unit, to_points

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
MOST_POINTS = 1e6
"""A score beyond it is no score."""

Rows = Sequence[Sequence[Any]]


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
        table = _build(readers[kind](path), str(path), columns, unit)
        return replace(table, known={f"{SHA256}{path.name}": sha256_file(path)})


def table_of(frame: Any, columns: Mapping[str, str] | None = None, unit: Unit | None = None) -> Table:
    """The scores in a pandas or polars frame, a dict of columns, or a list of mappings.

    As `read_table`; `frame` needs `columns` and `frame[column]`, as both kinds of frames have.
    """
    source = f"the {type(frame).__module__.partition('.')[0]} frame" if hasattr(frame, "columns") else "the rows"
    return _build(_frame(frame), source, columns, unit)


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
        first = file.readline()
        file.seek(0)
        delimiter = "\t" if path.suffix.lower() == ".tsv" or ("\t" in first and "," not in first) else ","
        if ";" in first and delimiter not in first:
            delimiter = ";"
        reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            while rows := list(islice(reader, CHUNK)):
                last = reader.line_num
                if len(set(map(len, rows))) > 1 or len(rows[0]) != len(header):
                    rows = _even(rows, len(header), last, path)
                yield header, rows, last - len(rows) + 1
            if reader.line_num <= 1:
                yield header, [], 2
        except csv.Error as error:
            raise HarnessError(
                f"expected {FORMATS[path.suffix.lower()]} in {path}, found at line {reader.line_num}: {error}",
                fix="correct the value there: close each quote",
            ) from None


def _even(rows: list[list[str]], width: int, last: int, path: Path) -> list[list[str]]:
    """The rows without empty lines. Raises HarnessError for one with more or fewer values than the header."""
    for place, row in enumerate(rows):
        if row and len(row) != width:
            raise HarnessError(
                f"expected {width} values in line {last - len(rows) + 1 + place} of {path}, found {len(row)}",
                fix="quote values that hold the delimiter; write an empty value for what is lacking",
            )
    return [row for row in rows if row]


def _json_lines(path: Path) -> Iterator[tuple[list[str], Rows, int]]:
    def objects() -> Iterator[tuple[int, Any]]:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield number, json.loads(line)
                    except (ValueError, RecursionError) as error:
                        found = f"expected JSON in line {number} of {path}, found: {error}"
                        raise HarnessError(found, fix="correct that line") from None

    yield from _objects(objects(), "line", str(path))


def _json(path: Path) -> Iterator[tuple[list[str], Rows, int]]:
    from harness.project.records import read_json

    try:
        content = read_json(path)
    except ValueError as error:
        raise HarnessError(
            f"expected JSON in {path}, found: {error}", fix="correct it, or give it as JSON lines"
        ) from None
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
        for batch in file.iter_batches(CHUNK):
            yield header, list(zip(*(column.to_pylist() for column in batch.columns), strict=True)), begin
            begin += batch.num_rows
    except pa.ArrowException as error:
        raise HarnessError(f"expected Parquet in {path}, found: {error}", fix="write it again") from None


class _Building:
    """A table while its rows come in."""

    def __init__(self, layout: Layout, header: Sequence[str], source: str) -> None:
        self.layout, self.source = layout, source
        self.at = {name: place for place, name in enumerate(header)}
        self.names: dict[Role, Names] = {role: Names() for role in layout.names}
        self.scores: list[Floats] = []
        self.counts: list[Floats] = []
        if layout.is_wide:
            self.names["method"] = Names()

    def add(self, rows: Rows, begin: int) -> None:
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        times = len(self.layout.score) if self.layout.is_wide else 1
        for role, name in self.layout.names.items():
            values, names = columns[self.at[name]] * times, self.names[role]
            try:
                names.add_text(values)
            except TypeError:
                names.add(_names(values))
            if role in ("method", "task", "item", "seed") and "" in names:
                line = begin + _names(values).index("")
                raise HarnessError(f"expected a {role} in row {line} of {self.source}, found none", fix="fill it in")
        if self.layout.is_wide:
            for method in self.layout.score:
                self.names["method"].add([method] * len(rows))
        self._measure(columns, begin)

    def _measure(self, columns: Sequence[Sequence[Any]], begin: int) -> None:
        layout = self.layout
        if layout.compared:
            said, gold = (columns[self.at[name]] for name in layout.compared)
            pairs = zip(_names(said), _names(gold), strict=True)
            self.scores.append(np.array([one == other for one, other in pairs], dtype=float))
        elif layout.counts:
            each = [_numbers(columns[self.at[name]], begin, name, self.source) for name in layout.counts]
            self.counts.append(np.stack(each, axis=1))
            self.scores.append(np.zeros(len(columns[0])))
        else:
            for name in layout.score:
                self.scores.append(_numbers(columns[self.at[name]], begin, name, self.source))

    def done(self, unit: Unit | None) -> Table:
        layout, columns = self.layout, {role: names.done() for role, names in self.names.items()}
        score = np.concatenate(self.scores) if self.scores else np.zeros(0)
        if not len(score):
            raise HarnessError(f"expected scores in {self.source}, found no row", fix="give it a row per score")
        counts = np.concatenate(self.counts).astype(np.int64) if self.counts else None
        if layout.compared or layout.counts or "item" in columns:
            score, found = _items(score, counts, self.source)
        else:
            groups, name = _groups(columns, len(score))
            score, found = to_points(score, groups, name, unit, self.source)
        return Table(self.source, columns, score, found, counts, layout.found)


def _items(score: Floats, counts: Any, source: str) -> tuple[Floats, Unit]:
    if counts is not None and ((counts < 0).any() or (counts[:, 0] > counts[:, 1:].min(axis=1)).any()):
        raise HarnessError(
            f"expected counts of 0 or more in {source}, and no more correct than predicted or gold ones",
            fix="correct the row",
        )
    if (score < 0).any() or (score > 1).any():
        worst = float(score[(score < 0) | (score > 1)][0])
        raise HarnessError(
            f"expected how much of an item is right, from 0 to 1, in {source}, found {worst:g}",
            fix="write 1 for right and 0 for wrong; for a score per test set leave the column of items out",
        )
    return score * 100, "fraction"


def _groups(columns: Mapping[Role, Column], n: int) -> tuple[Any, Callable[[int], str]]:
    """A number of the method on the task per row, and its words."""
    method, task = columns.get("method"), columns.get("task")
    zero = np.zeros(n, dtype=np.int64)
    tasks = len(task.names) if task else 1
    groups = (method.codes.astype(np.int64) if method else zero) * tasks + (task.codes if task else zero)

    def name(group: int) -> str:
        first = method.names[group // tasks] if method else "the scores"
        return first + (f" on {task.names[group % tasks]}" if task else "")

    return groups, name


def _build(
    parts: Iterator[tuple[list[str], Rows, int]], source: str, asked: Mapping[str, str] | None, unit: Unit | None
) -> Table:
    building: _Building | None = None
    for header, rows, begin in parts:
        if building is None:
            numeric = [
                name for place, name in enumerate(header) if rows and all(_is_number(row[place]) for row in rows[:50])
            ]
            building = _Building(find_layout(header, source, asked, numeric), header, source)
        building.add(rows, begin)
    assert building is not None, "every reader gives a first part"
    return building.done(unit)


def _names(values: Sequence[Any]) -> list[str]:
    try:
        return list(map(str.strip, values))
    except TypeError:
        return [_name(value) for value in values]


def _name(value: Any) -> str:
    """A value as a name: a whole number without its decimals, since frames make floats of columns with gaps."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _is_number(value: Any) -> bool:
    try:
        float(str(value).strip())
    except ValueError:
        return False
    return not isinstance(value, bool)


def _numbers(values: Sequence[Any], begin: int, column: str, source: str) -> Floats:
    """Finite numbers. Raises HarnessError naming the row of the first that is none."""
    try:
        read = float if "_" not in "".join(values) else _plain_float
    except TypeError:
        read = _plain_float
    try:
        found = np.fromiter(map(read, values), dtype=float, count=len(values))
    except (TypeError, ValueError):
        found = np.array([_number(value, begin + place, column, source) for place, value in enumerate(values)])
    bad = ~(np.abs(found) <= MOST_POINTS)
    if bad.any():
        place = int(np.argmax(bad))
        raise HarnessError(
            f"expected a finite score in column `{column}`, row {begin + place} of {source}, found {values[place]}",
            fix="a run that failed is no score: leave the row out and say so, or run it again",
        )
    return found


def _plain_float(value: Any) -> float:
    if isinstance(value, str) and "_" in value:
        raise ValueError("digits with a line between them, which Python alone takes for a number")
    return float(value)


def _number(value: Any, line: int, column: str, source: str) -> float:
    text = _name(value) if not isinstance(value, bool) else ("1" if value else "0")
    text = {"true": "1", "false": "0"}.get(text.lower(), text)
    with suppress(ValueError):
        return _plain_float(text)
    others = {",": "write it with a decimal point", "%": "write it without the sign, as points"}
    fix = next((fix for sign, fix in others.items() if sign in text), "correct that value, or leave the row out")
    raise HarnessError(
        f"expected a number in column `{column}`, row {line} of {source}, found {f'`{text}`' if text else 'nothing'}",
        fix=fix,
    )


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """No search for circles meanwhile: millions of rows have none, and looking for them takes longer than reading."""
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
