"""A CSV file with one score a line -> Scores, for results that another program made."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.project.errors import HarnessError
from harness.verify.scores import ScoreEntry, Scores, index_rows

REQUIRED = [name for name, field in ScoreEntry.model_fields.items() if field.is_required()]
COLUMNS = f"a header with the columns {', '.join(REQUIRED)}"


def read_csv_scores(path: Path, *, encoder: str, data: str) -> Scores:
    """Read scores in points from a CSV file with a header, UTF-8, one row per recipe, target and seed.

    Columns: recipe, target, seed, score, and dev_score if there are development scores (empty where a row has none).
    `encoder` and `data` say in words what was measured: a claim whose scope is another one stays NOT_TESTED.
    Raises HarnessError, naming file and line, for a missing file, no CSV, a missing or unknown column, a value that is
    no finite number, and a second score of the same recipe, target and seed.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return index_rows(_rows(file, path), encoder, data)
    except FileNotFoundError:
        raise HarnessError(f"expected a CSV file of scores at {path}, found none", fix="name another file") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise HarnessError(f"expected CSV in UTF-8 in {path}, found: {error}", fix="save it as CSV in UTF-8") from None


def _rows(file: Iterator[str], path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Where each row stands, and its values by column; an empty value counts as none."""
    reader = csv.DictReader(file, strict=True)
    found = list(reader.fieldnames or [])
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise HarnessError(
            f"expected the column `{missing[0]}` in {path}, found {', '.join(found) or 'no header'}",
            fix=f"give it {COLUMNS}",
        )
    for row in reader:
        where = f"line {reader.line_num} of {path}"
        if None in row:
            raise HarnessError(f"expected {len(found)} values in {where}, found more", fix="quote values with a comma")
        yield where, {name: value for name, value in row.items() if value not in ("", None)}
