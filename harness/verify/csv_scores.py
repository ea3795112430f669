"""A CSV file with one score a line -> Scores, for results that another program made."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.project.errors import HarnessError, nearest
from harness.verify.scores import ScoreEntry, Scores, index_rows

REQUIRED = [name for name, field in ScoreEntry.model_fields.items() if field.is_required()]
COLUMNS = f"a header with the columns {', '.join(REQUIRED)}"


def read_csv_scores(path: Path | str, *, encoder: str, data: str) -> Scores:
    """Read scores in points from a CSV file with a header, UTF-8, one row per recipe, target and seed.

    Columns: recipe, target, seed, score, and dev_score if there are development scores (empty where a row has none);
    blanks around names and values don't count. Scores are points between -1e6 and 1e6.
    `encoder` and `data` say in words what was measured: a claim whose scope is another one stays NOT_TESTED.
    Raises HarnessError, naming file and line, for a file that is missing or can't be read, no CSV, a missing, unknown
    or repeated column, a value that is no such number, and a second score of the same recipe, target and seed.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return index_rows(_rows(file, path), encoder, data)
    except FileNotFoundError:
        raise HarnessError(f"expected a CSV file of scores at {path}, found none", fix="name another file") from None
    except IsADirectoryError:
        fix = "name a file in that folder"
        raise HarnessError(f"expected a CSV file of scores at {path}, found a folder", fix=fix) from None
    except OSError as error:
        raise HarnessError(
            f"expected to read {path}, found: {error.strerror or error}", fix="make it a file that can be read"
        ) from None
    except UnicodeDecodeError as error:
        raise HarnessError(f"expected UTF-8 in {path}, found: {error}", fix="save it as CSV in UTF-8") from None


def _rows(file: Iterator[str], path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Where each row stands, and its values by column; an empty value counts as none."""
    reader = csv.DictReader(file, strict=True, skipinitialspace=True)
    with _reading(reader, path):
        found = [name.strip() for name in reader.fieldnames or []]
    _check_header(found, path)
    reader.fieldnames = found
    while True:
        with _reading(reader, path):
            row = next(reader, None)
        if row is None:
            return
        where = f"line {reader.line_num} of {path}"
        if None in row:
            raise HarnessError(f"expected {len(found)} values in {where}, found more", fix="quote values with a comma")
        yield where, {name: value.strip() for name, value in row.items() if value and value.strip()}


@contextmanager
def _reading(reader: csv.DictReader[str], path: Path) -> Iterator[None]:
    """What the CSV reader refuses becomes a HarnessError that names the line."""
    try:
        yield
    except csv.Error as error:
        raise HarnessError(
            f"expected CSV in {path}, found at line {reader.reader.line_num}: {error}",
            fix="correct the value there: shorten it if it is too long, and close each quote",
        ) from None


def _check_header(found: Sequence[str], path: Path) -> None:
    listed = ", ".join(found) or "no header"
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise HarnessError(f"expected the column `{missing[0]}` in {path}, found {listed}", fix=f"give it {COLUMNS}")
    unknown = [name for name in found if name not in ScoreEntry.model_fields]
    if unknown:
        words = f"unknown column `{unknown[0]}` in the header of {path}; {nearest(unknown[0], ScoreEntry.model_fields)}"
        raise HarnessError(words, fix="rename or remove that column")
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice:
        raise HarnessError(
            f"expected each column once in the header of {path}, found `{twice}` {found.count(twice)} times: {listed}",
            fix="remove or rename one of them",
        )
