"""Which importer takes a source, and what all of them refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import pytest
from foreign_results import FILES, PREDICTIONS, change, copied, write_files

from harness.exchange.importers.find import IMPORTERS, find_importer, read_given
from harness.exchange.importers.importer import Options
from harness.exchange.importers.reading import read_bytes
from harness.project.errors import HarnessError


def test_every_importer_says_what_it_is_and_asks_for_known_options() -> None:
    known = {each.name for each in fields(Options)}
    for name, importer in IMPORTERS.items():
        assert importer.name == name and "\n" not in importer.about and len(importer.about) < 100
        assert set(importer.asks) <= known


@pytest.mark.parametrize("program", IMPORTERS)
def test_each_source_is_recognised_by_one_importer_alone(tmp_path: Path, program: str) -> None:
    sources = {
        "xtreme": write_files(tmp_path, PREDICTIONS),
        "lm-eval": FILES / "lm-eval",
        "inspect": FILES / "inspect",
        "trainer": FILES / "trainer",
        "mlflow": "https://mlflow.example.org/#/experiments/4",
        "jiant": FILES / "jiant",
    }
    assert [name for name, each in IMPORTERS.items() if each.recognises(sources[program])] == [program]


def test_what_nobody_wrote_is_refused_with_the_programs_that_were_tried(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n")
    for source in (tmp_path, tmp_path / "a.csv", str(tmp_path)):
        with pytest.raises(HarnessError, match="expected results of xtreme, lm-eval, inspect, trainer, mlflow, jiant"):
            find_importer(source)
    with pytest.raises(HarnessError, match=r"expected a file or a folder at .*gone"):
        read_given(tmp_path / "gone")
    with pytest.raises(HarnessError, match="did you mean `inspect`"):
        read_given(tmp_path, program="inspct")


@pytest.mark.parametrize("program", IMPORTERS)
def test_another_programs_source_is_refused_in_a_paragraph(program: str) -> None:
    """Whatever the user names, no importer falls over it."""
    options = Options(task="x") if "task" in IMPORTERS[program].asks else Options()
    for name in (
        "lm-eval/tiny-1",
        "trainer/all_results.json",
        "trainer/README.md",
        "jiant",
        "inspect/words-two.json.xz",
    ):
        source = FILES / name
        if not IMPORTERS[program].recognises(source):
            with pytest.raises(HarnessError, match="To fix it"):
                read_given(source, options, program)


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every key of a JSON value, of lists the first two places."""
    if at:
        yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*at, key))


@pytest.mark.parametrize(
    ("folder", "pattern", "options"),
    [
        ("lm-eval/tiny-1", "results_*.json", Options(metric="acc")),
        ("trainer", "eval_results.json", Options(task="x", split="eval", metric="accuracy")),
        ("trainer", "trainer_state.json", Options(task="x", split="eval", metric="accuracy")),
        ("jiant", "val_metrics.json", Options(metric="f1")),
    ],
)
def test_no_value_of_another_kind_makes_an_importer_fall_over(
    tmp_path: Path, folder: str, pattern: str, options: Options
) -> None:
    """Any value at any key, a seeded choice of them: it is read, or refused in words."""
    copy = copied(folder, tmp_path)
    (path,) = copy.glob(pattern)
    whole = path.read_text("utf-8")
    values = (None, -1, "x", [], {}, [1], {"a": 1}, float("nan"), 10**400, True)
    changes = [(keys, value) for keys in places(json.loads(whole)) for value in values]
    for keys, value in Random(1).sample(changes, 50):
        change(path, *keys, value=value)
        with suppress(HarnessError):
            read_given(copy, options)
        path.write_text(whole, "utf-8")


def test_an_option_that_means_nothing_there_is_refused() -> None:
    with pytest.raises(HarnessError, match="leave --labels out"):
        read_given(FILES / "lm-eval", Options(labels=Path("labels")))


def test_only_plain_files_of_bounded_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe never ends, and a sparse file costs nothing to make."""
    monkeypatch.setattr("harness.exchange.importers.reading.LARGEST_JSON", 1 << 20)
    with (tmp_path / "large.json").open("wb") as stream:
        stream.truncate((1 << 20) + 1)
    with pytest.raises(HarnessError, match="a plain file of at most 1 MiB"):
        read_bytes(tmp_path / "large.json")
    with pytest.raises(HarnessError, match="expected a readable file"):
        read_bytes(tmp_path / "gone.json")
    os.mkfifo(tmp_path / "results_pipe.json")
    with pytest.raises(HarnessError, match="none of them wrote"):
        find_importer(tmp_path)
    with pytest.raises(HarnessError, match="a plain file"):
        read_given(tmp_path / "results_pipe.json", program="lm-eval")


def test_no_importer_needs_the_program_whose_files_it_reads() -> None:
    code = (
        "import sys; import harness.exchange.importers.find;"
        "print([name for name in ('mlflow', 'inspect_ai', 'lm_eval', 'transformers', 'torch', 'numpy', 'scipy')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
