"""Records that a hand, a disk or a stranger has spoilt: an exit code and a sentence, in bounded memory and time."""

from __future__ import annotations

import gzip
import json
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import psutil
import pytest
import toy as toys

from harness.audit.scores import write_scores
from harness.commands.main import run
from harness.experiment.inputs import write_recipe, write_target
from harness.launch.unit import do_cell, do_intermediate
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell

pytestmark = pytest.mark.slow
ROOM = 3 << 30
"""Bytes of memory that a command may take beyond what the tests have."""
LONGEST_S = 60.0
RECORDS = (
    *("results/toy/cells/none-tatoeba-1/result.json", "results/toy/cells/none-tatoeba-1/predictions.json.gz"),
    *("results/toy/scores.json", "results/toy/encoder.json", "results/toy/intermediate/none-1.json"),
    *("results/toy/corpus.json", "build/toy/encoder/encoder.json", "build/toy/checkpoints/none-1/checkpoint.json"),
    *("build/toy/recipes/none.json", "build/toy/targets/tatoeba.json", "build/toy/data/tatoeba/manifest.json"),
    *("build/toy/corpus/manifest.json", "reference/toy/costs.json", "reference/toy/encoder.json", "dvc.lock"),
)
HOSTILE: dict[str, bytes] = {
    "a list": b"[]",
    "text": b'"x"',
    "nothing": b"",
    "an empty object": b"{}",
    "nested deeply": b'{"a":' * 100_000,
    "bytes": b"\xff\xfe\x00",
    "a long number": b'{"elapsed_s": ' + b"9" * 5_000 + b"}",
}
COMMANDS = (("plan",), ("verify",), ("run", "scores"), ("checkpoints", "list"))
PAGES = (
    *(("study", "--out", "page.md"), ("degradation", "--page", "page.md"), ("layers", "--out", "page.md"), ("track",)),
    *(("encoder", "report", "--out", "page.md"), ("export", "--out", "kept.zip")),
)


@pytest.fixture(scope="module")
def spoilt(toy: tuple[Params, Paths], tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A toy project with one cell, whose records a test may spoil and put back."""
    root = tmp_path_factory.mktemp("hostile") / "project"
    shutil.copytree(toy[1].root, root)
    content = toys.toy_settings()
    content["grid"] = {"recipes": ["none"], "targets": ["tatoeba"], "seeds": [1]}
    toys.write_params(root, content)
    params, paths = toys.load_params(root), Paths(root, toys.PROFILE)
    write_recipe("none", params, paths)
    write_target("tatoeba", params, paths)
    assert do_intermediate("none", 1, params, paths)[0] == 0
    assert do_cell(Cell(recipe="none", target="tatoeba", seed=1), params, paths)[0] == 0
    write_scores(params, paths)
    paths.pinned.mkdir(parents=True)
    costs = {"seconds": {"cell tatoeba": 1.5}, "machine": {"cpu": "x", "cores": 2}}
    (paths.pinned / "costs.json").write_text(json.dumps(costs), encoding="utf-8")
    shutil.copy(paths.results / "encoder.json", paths.pinned / "encoder.json")
    (root / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n", encoding="utf-8")
    return paths


@contextmanager
def bounded() -> Iterator[None]:
    """Memory for what runs here is limited, as is its time."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    began = time.monotonic()
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert time.monotonic() - began < LONGEST_S


def fields_changed(content: bytes) -> Iterator[bytes]:
    """The record with each of its fields of another kind, the kinds in turn."""
    found: Any = json.loads(content)
    for name, value in zip(found, cycle(("x", None, {"x": [float("nan")]})), strict=False):
        yield json.dumps(found | {name: value}).encode()


def check(paths: Paths, record: str, contents: Iterator[bytes] | list[bytes], commands: tuple[Any, ...]) -> None:
    path = paths.root / record
    before = path.read_bytes()
    try:
        for content in contents:
            path.write_bytes(content)
            for command in commands:
                with bounded():
                    code = run(list(command))  # an exception here would be a traceback
                assert code in (0, 1, 2, 3), (content[:200], command)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_that_is_something_else(spoilt: Paths, record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spoilt.root)
    check(spoilt, record, [HOSTILE["a list"]], (*COMMANDS, *PAGES))
    for content, command in zip(HOSTILE.values(), cycle(COMMANDS), strict=False):
        check(spoilt, record, [content], (command,))


@pytest.mark.parametrize("record", [name for name in RECORDS if name.endswith(".json") and "manifest" not in name])
def test_a_field_of_another_kind(spoilt: Paths, record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spoilt.root)
    check(spoilt, record, fields_changed((spoilt.root / record).read_bytes()), (("verify",),))


def test_a_small_file_that_unpacks_to_gigabytes(spoilt: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sha256 is what the result says, as a stranger's archive would have it."""
    from harness.project.files import sha256_bytes

    monkeypatch.chdir(spoilt.root)
    packed = gzip.compress(bytes(1 << 30), compresslevel=9)
    result = spoilt.root / RECORDS[0]
    before = result.read_bytes()
    content = json.loads(before)
    content["predictions"]["sha256"] = sha256_bytes(packed)
    result.write_text(json.dumps(content), encoding="utf-8")
    try:
        check(spoilt, RECORDS[1], [packed], (("verify",), ("export", "--out", "kept.zip")))
    finally:
        result.write_bytes(before)
