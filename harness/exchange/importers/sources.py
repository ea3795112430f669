"""What a user names as scores -> one table: a file of scores, or results of another program, one source or several.

Each source may say whose it is: NAME=SOURCE, or NAME:SEED=SOURCE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.exchange.importers.find import find_importer, read_given
from harness.exchange.importers.importer import Options
from harness.exchange.importers.mlflow_server import is_address
from harness.project.errors import HarnessError
from harness.project.names import LARGEST_SEED
from harness.verify.given.read import FORMATS, read_table
from harness.verify.given.rows import Given
from harness.verify.given.table import Column, Role, Table, Unit, from_given, join


class Named(NamedTuple):
    """A source, and whose it is."""

    source: str
    """A file, a folder or a server's address."""
    method: str | None = None
    """The method; None where its files say it."""
    seed: int | None = None
    """The seed, likewise."""


def parse_source(words: str) -> Named:
    """What NAME:SEED=SOURCE names. What exists as a file by all of these words is a source without a name.

    Raises HarnessError for a name without a source, and for a seed that is none.
    """
    if "=" not in words or Path(words).exists() or is_address(words):
        return Named(words)
    name, _, source = words.partition("=")
    method, colon, seed = name.rpartition(":") if ":" in name else (name, "", "")
    if colon and not (seed.isdecimal() and seed.isascii() and int(seed) <= LARGEST_SEED):
        method, colon = name, ""
    if not method.strip() or not source.strip():
        raise HarnessError(
            f"expected NAME=FILE or NAME:SEED=FILE, found `{words}`", fix="put it as in mnli:1=results/mnli-1"
        )
    return Named(source.strip(), method.strip(), int(seed) if colon else None)


def read_sources(
    sources: Sequence[str],
    columns: Mapping[str, str] | None = None,
    unit: Unit | None = None,
    options: Options | None = None,
) -> Table:
    """All sources as one table. `columns` and `unit` are of tables, `options` of other programs' results.

    Raises HarnessError as the readers do, and for options that mean nothing to what is read.
    """
    if not sources:
        raise HarnessError("expected scores, found none", fix="name them: `harness judge scores.csv --claim ...`")
    options, named = options or Options(), [parse_source(words) for words in sources]
    are_tables = [is_table(each.source) for each in named]
    if columns and not any(are_tables):
        raise HarnessError(f"expected --column beside a table, found {named[0].source}", fix="leave --column out")
    if all(are_tables):
        _refuse_options(options, named[0].source)
        return join([_of_file(each, columns, unit) for each in named])
    read = [
        _of_file(each, columns, unit) if is_file else _given(each, unit, options)
        for each, is_file in zip(named, are_tables, strict=True)
    ]
    return join(_alike([each.source for each in named], read, options))


def _refuse_options(options: Options, source: str) -> None:
    if options.labels or options.experiment:
        what = "labels" if options.labels else "experiment"
        raise HarnessError(f"expected --{what} beside another program's results, found {source}", fix="leave it out")


def _alike(sources: Sequence[str], read: Sequence[Table | Given], options: Options) -> list[Table]:
    """Tables of all, made to fit those that were given as tables: scores beside scores, in their unit, and under one
    name what was said of all (metric, split)."""
    files = [each for each in read if isinstance(each, Table)]
    if any(not table.has_items for table in files):
        read = [each if isinstance(each, Table) else _without_items(each) for each in read]
    tables = []
    for source, each in zip(sources, read, strict=True):
        table = each if isinstance(each, Table) else from_given(each, source)
        if files and table is not each and not table.has_items:
            table = replace(table, unit=files[0].unit)
        table = _named(table, "metric", options.metric, table is not each)
        tables.append(_named(table, "split", options.split) if files else table)
    return tables


def _named(table: Table, role: Role, name: str | None, anyway: bool = False) -> Table:
    """The table whose rows have this name, unless it has such a column; `anyway`: whatever it has."""
    if name is None or (role in table.columns and not anyway):
        return table
    column = Column(np.zeros(len(table.score), dtype=np.int32), [name])
    return replace(table, columns={**table.columns, role: column})


def _without_items(given: Given) -> Given:
    if not given.items:
        return given
    left = f"items of {given.program} don't count, as what it is compared with has none: other rows are not allowed for"
    return replace(given, items=[], remarks=[*given.remarks, left])


def is_table(source: str) -> bool:
    """Is it a table of scores, and not what one of the known programs wrote?"""
    path = Path(source)
    if is_address(source) or path.is_dir() or path.suffix.lower() not in FORMATS:
        return False
    if path.suffix.lower() != ".json" or not path.is_file():
        return True
    try:
        find_importer(source)
    except HarnessError:
        return True
    return False


def tables_of(sources: Sequence[str]) -> list[Path]:
    """Those of the sources that are tables, as files."""
    named = [parse_source(words).source for words in sources]
    return [Path(source) for source in named if is_table(source)]


ANYWAY = ("method", "seed", "task", "split", "metric")
"""What an option says of a table as well: an importer that makes nothing of it is not given it."""


def _given(named: Named, unit: Unit | None, options: Options) -> Given:
    """What another program's files say."""
    given = replace(
        options,
        method=named.method or options.method,
        seed=options.seed if named.seed is None else named.seed,
        fraction=None if unit is None else unit == "fraction",
    )
    importer = find_importer(named.source)
    kept = {name: value for name in Options.__dataclass_fields__ if (value := getattr(given, name)) is not None}
    kept = {name: value for name, value in kept.items() if name in importer.asks or name not in ANYWAY}
    return read_given(named.source, Options(**kept), importer.name)


def _of_file(named: Named, columns: Mapping[str, str] | None, unit: Unit | None) -> Table:
    table = read_table(named.source, columns, unit)
    table = table if named.method is None else _with(table, "method", named.method)
    return table if named.seed is None else _with(table, "seed", str(named.seed))


def _with(table: Table, role: Role, name: str) -> Table:
    """The table whose rows are all of this method, or seed. Raises HarnessError where it has such a column."""
    if role in table.columns:
        raise HarnessError(
            f"expected no column of {role}s in {table.source}, whose {role} was said to be `{name}`, found one",
            fix=f"leave `{name}` out, or the column",
        )
    return _named(table, role, name)
