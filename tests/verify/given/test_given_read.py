"""Tables of given scores: what is read, in which form, and what is refused with its file, its row and a fix."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from given_tables import HEADER, as_csv, made_up, one

from harness.project.errors import HarnessError
from harness.verify.given.claim import claim_in_words
from harness.verify.given.judge import judge_table
from harness.verify.given.read import read_table, table_of
from harness.verify.given.table import Table

HEAD = ",".join(HEADER) + "\n"
ROWS = made_up(n=3)
PLAIN = as_csv(ROWS)
WIDE = "seed,none,mnli\n1,70.1,77.9\n2,69.8,77.0\n3,70.6,78.3\n"


def read(folder: Path, content: str | bytes, name: str = "scores.csv", **how: object) -> Table:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **how)  # type: ignore[arg-type]


def gain(table: Table) -> float | None:
    """The mean gain of mnli over none."""
    return judge_table(table, [claim_in_words("mnli: >= +1")], baseline="none").claims[0].measured


EXPECTED = gain(table_of(ROWS))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", PLAIN.replace("\n", "\r\n")),
        ("a.csv", PLAIN.replace("\n", "\r")),
        ("a.csv", "\ufeff" + PLAIN),
        ("a.csv", "\n \n" + PLAIN.replace("\n", "\n\n")),
        ("a.csv", PLAIN.replace("\n", ",\n")),
        ("a.csv", PLAIN.replace(",", ";")),
        ("a.csv", PLAIN.replace(",", "|")),
        ("a.csv", PLAIN.replace(",", "\t")),
        ("a.tsv", PLAIN.replace(",", "\t")),
        ("a.CSV", PLAIN.replace(",", " , ")),
        ("a.csv", PLAIN.replace(HEAD, "Model,Dataset,Random Seed,Accuracy\n")),
        ("a.csv", PLAIN.replace("xnli", '"xn,li"')),
        ("a.csv", PLAIN.replace(HEAD, "system,benchmark,trial,result\n")),
        ("a.csv", PLAIN.replace("xnli,", "xnli,seed ")),
        ("a.csv", PLAIN.replace("xnli,", "xnli,0").replace("mnli,xnli,02", "mnli,xnli,2.0")),
        ("a.jsonl", "\n\n".join(json.dumps(row) for row in ROWS)),
        ("a.json", json.dumps(ROWS)),
    ],
)
def test_the_same_scores_in_many_forms(tmp_path: Path, name: str, content: str) -> None:
    assert gain(read(tmp_path, content, name)) == EXPECTED


def test_parquet_with_floats_for_seeds_and_coded_names(tmp_path: Path) -> None:
    columns = {name: [row[name] for row in ROWS] for name in HEADER}
    seeds = pa.array(map(float, columns["seed"]))
    methods = pa.array(columns["method"]).dictionary_encode()
    pq.write_table(pa.table(columns | {"seed": seeds, "method": methods}), tmp_path / "a.parquet")
    assert gain(read_table(tmp_path / "a.parquet")) == EXPECTED
    pq.write_table(pa.table(columns).slice(0, 0), tmp_path / "a.parquet")
    with pytest.raises(HarnessError, match="found no row"):
        read_table(tmp_path / "a.parquet")


def test_a_wide_table_may_have_gaps_and_row_numbers(tmp_path: Path) -> None:
    """An empty cell is a score that there isn't; its method is not lost for it."""
    assert gain(read(tmp_path, WIDE)) == pytest.approx(7.567, abs=1e-3)
    table = read(tmp_path, ",seed,none,mnli,squad\n0,1,70.1,77.9,\n1,2,69.8,77.0,71\n2,3,70.6,78.3,72\n")
    assert table.names("method") == ["none", "mnli", "squad"] and len(table.score) == 8
    assert table.remarks == ("columns that don't count: (without a name)",)


def test_a_column_that_numbers_the_rows_names_no_items(tmp_path: Path) -> None:
    """Fractions of a test set each would otherwise be taken for items, and a row given twice for two of them."""
    rows = [{"id": n, **row, "score": row["score"] / 100} for n, row in enumerate(ROWS)]
    table = table_of(rows)
    assert not table.has_items and "numbers the rows" in table.remarks[0]
    with pytest.raises(HarnessError, match="one score each"):
        gain(table_of([*rows, {**rows[-1], "id": 99}]))
    assert table_of(rows, {"item": "id"}).has_items


def test_seeds_count_by_number_whatever_they_are_called() -> None:
    rows = [{**row, "seed": f"seed{row['seed']}"} for row in made_up(n=11)]
    assert one(rows).seeds == [str(seed) for seed in range(1, 9)]
    rows = [{**row, "seed": {1: "--1", 2: "x10", 3: "x9", 4: -3}[row["seed"]]} for row in made_up(n=4)]
    assert one(rows).seeds == ["-3", "--1", "x9", "x10"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["expected a header", "found none"]),
        (HEAD, ["found no row"]),
        (HEAD.strip(), ["found no row"]),
        ('"met\nhod",task,seed,score\n', ["found no row"]),
        (PLAIN.replace(HEAD, ""), ["expected a header", "found the number `1`"]),
        ("method,task,seed,score,score\nnone,xnli,1,50,51\n", ["`score` 2 times", "remove or rename one"]),
        ("method,task,seed\nnone,xnli,1\n", ["column of scores", "found the columns method, task, seed"]),
        ("method,1,2\nnone,50,51\nmnli,52,53\n", ["column of scores", "a score a row"]),
        ("model,task,seed,f1,em\nnone,xnli,1,50,40\n", ["`f1` and `em`", "--column score=f1"]),
        ("seed,none,mnli,mean\n1,50,51,50.5\n", ["every column of numbers", "`mean`"]),
        (HEAD + "none,xnli,1,high\n", ["`score`", "row 2", "`high`"]),
        (HEAD + "\n\nnone,xnli,1,high\n", ["row 4", "`high`"]),
        (HEAD + "none,xnli,1,\n", ["row 2", "found nothing"]),
        (HEAD + "none,xnli,1,-\n", ["row 2", "`-`"]),
        (HEAD + "none,xnli,1,n/a\n", ["row 2", "`n/a`"]),
        (HEAD + "none,xnli,1,True\n", ["row 2", "`True`"]),
        (HEAD + "none,xnli,1,5_0\n", ["row 2", "`5_0`"]),
        (HEAD + "none,xnli,1,77.9%\n", ["`77.9%`", "as points"]),
        (HEAD + 'none,xnli,1,"77,9"\n', ["`77,9`", "decimal point"]),
        (HEAD + "none,xnli,1,77.9±0.3\n", ["`77.9±0.3`", "each seed in a row of its own"]),
        (HEAD + "none,xnli,1,nan\n", ["finite score", "row 2", "run it again"]),
        (HEAD + "none,xnli,1,-inf\n", ["finite score", "row 2"]),
        (HEAD + "none,xnli,1,1e308\n", ["finite score", "row 2", "1e308"]),
        (HEAD + "none,xnli,,50\n", ["a seed in row 2", "found none"]),
        (HEAD + "none,xnli,nan,50\n", ["a seed in every row", "`nan`", "leave the column out"]),
        (HEAD + "none,xnli,Mean,50\n", ["one seed", "`Mean`", "made from others"]),
        (HEAD + ",xnli,1,50\n", ["a method in row 2"]),
        (HEAD + "none,xnli,1,50,3\n", ["4 values", "line 2", "found 5"]),
        (HEAD + "\nnone,xnli,1\n", ["4 values", "line 3", "found 3"]),
        (HEAD + 'none,"xnli,1,50\n', ["expected CSV", "line 2", "close each quote"]),
        (HEAD + f"none,xnli,1,{'5' * 200_000}\n", ["expected CSV", "line 2", "field limit", "shorten it"]),
        (PLAIN.replace("mnli", "m\x1b[31mnli"), ["control characters", r"m\x1b[31mnli"]),
        (PLAIN.replace("mnli,xnli,2", "mnli,xnli,1"), ["one score each", "2 of mnli on xnli at seed 1"]),
    ],
)
def test_a_table_that_does_not_fit_is_a_users_error(tmp_path: Path, content: str, words: list[str]) -> None:
    with pytest.raises(HarnessError) as raised:
        gain(read(tmp_path, content))
    assert all(word in str(raised.value) for word in [*words, "scores.csv"]), str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", PLAIN.encode("utf-16"), "expected UTF-8"),
        ("a.csv", PLAIN.encode("utf-16-le"), "zero bytes"),
        ("a.csv", PLAIN.replace("mnli", "mnlé").encode("latin-1"), "expected UTF-8"),
        ("a.parquet", b"no parquet", "expected Parquet"),
        ("a.json", b"", "expected JSON"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b"{}", "found dict"),
        ("a.json", b"[1]", "entry 1"),
        ("a.jsonl", b'{"method": "none", "method": "mnli", "score": 1}', "`method` twice in line 1"),
        ("a.jsonl", b'{"method": "\\ud800", "score": 1}', "lone surrogate in line 1"),
        ("a.jsonl", b'{"method": "none", "score": 1%s}' % (b"0" * 400), "finite score"),
        ("a.jsonl", b'{"method": "none", "score": NaN}', "finite score"),
        ("a.xlsx", b"", "found .*a.xlsx.*name its format in its ending"),
    ],
)
def test_a_file_of_another_kind_is_a_users_error(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        read(tmp_path, content, name)


def test_what_is_no_file_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"at .*none.csv, found none"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(HarnessError, match="found a folder"):
        read_table(tmp_path / "folder.csv")
    os.symlink("loop.csv", tmp_path / "loop.csv")
    with pytest.raises(HarnessError, match=r"loop\.csv"):
        read_table(tmp_path / "loop.csv")


def test_fractions_become_points_and_a_mixture_is_refused() -> None:
    parts = [{**row, "score": row["score"] / 100} for row in ROWS]
    assert gain(table_of(parts)) == pytest.approx(EXPECTED) and table_of(parts).unit == "fraction"
    low = [{**row, "score": row["score"] / 100} for row in ROWS]
    assert gain(table_of(low, unit="points")) == pytest.approx((EXPECTED or math.nan) / 100)
    for which in ("none", 2):
        mixed = [{**row, "score": row["score"] / 100} if which in row.values() else row for row in ROWS]
        with pytest.raises(HarnessError, match="scores of one unit"):
            table_of(mixed)
        assert table_of(mixed, unit="points").unit == "points"
    with pytest.raises(HarnessError, match="fractions from 0 to 1"):
        table_of(ROWS, unit="fraction")
    assert gain(table_of([{**row, "score": row["score"] - 150} for row in ROWS])) == pytest.approx(EXPECTED)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"scor": "score"}, "role `scor`; did you mean `score`"),
        ({"score": "acc"}, "the column `acc`"),
        ({"method": "task", "task": "task"}, "found `task` twice"),
    ],
)
def test_a_column_that_is_named_wrongly_is_a_users_error(columns: dict[str, str], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        table_of(ROWS, columns)
