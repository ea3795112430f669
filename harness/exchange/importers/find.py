"""All importers by name, and the one that a source is of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from harness.exchange.importers import inspect_log, jiant, lm_eval, mlflow, trainer, xtreme
from harness.exchange.importers.importer import Importer, Options, Source
from harness.exchange.importers.mlflow_server import is_address
from harness.project.errors import HarnessError, check_known
from harness.verify.given.rows import Given

IMPORTERS: Mapping[str, Importer] = {
    each.name: each
    for each in (
        xtreme.IMPORTER,
        lm_eval.IMPORTER,
        inspect_log.IMPORTER,
        trainer.IMPORTER,
        mlflow.IMPORTER,
        jiant.IMPORTER,
    )
}
"""Short name -> the importer. Asked in this order, the first that recognises a source takes it."""
SHAPE = (AttributeError, LookupError, TypeError, ValueError, OverflowError, OSError, RecursionError)
"""What reading JSON of another shape may raise."""


def find_importer(source: Source) -> Importer:
    """The importer that recognises the source; HarnessError, naming those that were tried, where none does."""
    _check_there(source)
    for each in IMPORTERS.values():
        with suppress(*SHAPE):
            if each.recognises(source):
                return each
    raise HarnessError(
        f"expected results of {', '.join(IMPORTERS)} at {source}, found what none of them wrote",
        fix="name what the program wrote, or give scores in a file that says its format in its ending, as scores.csv",
    )


def read_given(source: Source, options: Options | None = None, program: str | None = None) -> Given:
    """What a source says, by the importer of this name or the one that recognises it.

    Raises HarnessError for a source that isn't there or is none of a known program's, for an option that means nothing
    to its importer, and for whatever the importer refuses.
    """
    options = options or Options()
    _check_there(source)
    if program is not None:
        check_known(program, IMPORTERS, "program")
    importer = IMPORTERS[program] if program else find_importer(source)
    strange = [each.name for each in fields(Options) if getattr(options, each.name) is not None]
    strange = [name for name in strange if name not in importer.asks]
    if strange:
        raise HarnessError(
            f"expected options that results of {importer.name} make use of"
            f" ({', '.join(f'--{name}' for name in importer.asks)}), found --{strange[0]}",
            fix=f"leave --{strange[0]} out",
        )
    try:
        return importer.read(source, options)
    except SHAPE as error:
        raise HarnessError(
            f"expected results as {importer.name} writes them at {source}, found another layout"
            f" ({type(error).__name__}: {error!s:.200})",
            fix="get the files anew as the program wrote them",
        ) from None


def _check_there(source: Source) -> None:
    if not is_address(source) and not Path(source).exists():
        raise HarnessError(f"expected a file or a folder at {source}, found none", fix="name the one that is there")
