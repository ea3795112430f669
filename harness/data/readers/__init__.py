"""Readers: the name in a pin -> the function that turns a published file's records into rows of our schemas.

A reader knows one layout and nothing of tasks; what its records lack or hold too much of is held against the schema
afterwards (`harness.data.formats`), like any other row.
"""

from __future__ import annotations

import csv
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from harness.data.formats import Row
from harness.data.readers import parquet, raw, treebanks
from harness.data.readers.given import Given, Misfit, Reader
from harness.project.errors import HarnessError, nearest

__all__ = ["READERS", "Given", "read_rows"]

READERS: dict[str, Reader] = {
    "parquet_nli": parquet.nli,
    "parquet_xnli": parquet.xnli,
    "parquet_qqp": parquet.qqp,
    "parquet_pawsx": parquet.pawsx,
    "parquet_panx": parquet.tagging("ner_tags"),
    "parquet_udpos": parquet.tagging("pos_tags"),
    "parquet_qa": parquet.qa,
    "parquet_squad_v2": parquet.squad_v2,
    "parquet_tatoeba": parquet.tatoeba,
    "parquet_hellaswag": parquet.hellaswag,
    "parquet_cosmosqa": parquet.cosmosqa,
    "parquet_commonsenseqa": parquet.commonsenseqa,
    "squad_json": raw.squad_json,
    "nli_jsonl": raw.nli_jsonl,
    "anli_jsonl": raw.anli_jsonl,
    "xnli_tsv": raw.xnli_tsv,
    "xnli_mt_tsv": raw.xnli_mt_tsv,
    "pawsx_tsv": raw.pawsx_tsv,
    "qqp_tsv": raw.qqp_tsv,
    "hellaswag_jsonl": raw.hellaswag_jsonl,
    "cosmosqa_csv": raw.cosmosqa_csv,
    "commonsenseqa_jsonl": raw.commonsenseqa_jsonl,
    "laser_tatoeba": raw.laser_tatoeba,
    "bucc_text": raw.bucc_text,
    "bucc_gold": raw.bucc_gold,
    "panx_columns": raw.panx_columns,
    "conllu": treebanks.conllu,
    "ccgbank_auto": treebanks.ccgbank_auto,
}
# What a file that is not of the expected layout makes a parser raise.
_MISFITS = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    csv.Error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_rows(reader: str, given: Given) -> Iterator[tuple[str, Row]]:
    """("file:number of the row", row) of what a reader finds in a file.

    Raises HarnessError for an unknown reader, for a file that is not of its layout, and for one without a row.
    """
    if reader not in READERS:
        raise HarnessError(
            f"expected the name of a reader, found `{reader}`; {nearest(reader, READERS)}", fix="correct the pin"
        )
    name = f"{given.path}" + (f" ({given.member})" if given.member else "")
    fix = "see that the pin names the right file and reader (`harness data pin --check` asks its source)"
    number = 0
    try:
        for number, row in enumerate(READERS[reader](given), 1):
            yield f"{name}:{number}", row
    except HarnessError as error:
        raise HarnessError(error.message, fix=error.fix or fix) from None
    except Misfit as error:
        where = f"{name}:{error.number}" + (f" ({error.name})" if error.name else "")
        raise HarnessError(f"{error} in {where} (reader {reader})", fix=fix) from None
    except _MISFITS as error:
        behind = f", behind row {number}" if number else ""
        found = f"{type(error).__name__}: {error}{behind}"
        raise HarnessError(f"expected the layout of reader {reader} in {name}, found {found}", fix=fix) from None
    if not number and not given.counts:  # another language, or lines that end in carriage returns
        where = "".join(f" with {field} {value}" for field, value in given.where.items())
        raise HarnessError(f"expected at least one row{where} in {name}, found none (reader {reader})", fix=fix)
