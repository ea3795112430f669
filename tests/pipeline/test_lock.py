"""dvc.lock as DVC itself writes it: our hashes and comparisons against a real run of DVC."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.pipeline.lock import Lock
from harness.project.errors import HarnessError

DVC_YAML = """
stages:
  make:
    cmd: mkdir -p out && cp -r in/. out/ && cp one.txt out/one
    deps: [in, one.txt]
    params: [number, table.small, table.listed, gone]
    outs: [out]
  item:
    matrix:
      word: [a, b]
    cmd: cp one.txt ${item.word}.out
    deps: [one.txt]
    outs: ['${item.word}.out']
"""
PARAMS = {"number": 3, "table": {"small": 1e-8, "listed": [1, 2.5e-05, {"x": 1e30}], "other": 1}, "gone": None}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny project after `dvc repro`."""
    root = tmp_path_factory.mktemp("dvc")
    (root / "in" / "a").mkdir(parents=True)
    # Names that sort differently as whole paths, by parts, and by bytes.
    for name in ("a/b.txt", "a-b.txt", "a.txt", "B.txt", "é.txt", "a/é ü.txt", "empty"):
        (root / "in" / name).write_text("" if name == "empty" else name, encoding="utf-8")
    (root / "in" / "windows.txt").write_bytes(b"a\r\nb\r\n")
    (root / "one.txt").write_text("one\n", encoding="utf-8")
    (root / "dvc.yaml").write_text(DVC_YAML, encoding="utf-8")
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for arguments in (["init", "-q"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, check=True, timeout=120)
    return root


@pytest.mark.slow
def test_a_fresh_run_is_unchanged(ran: Path) -> None:
    lock = Lock(ran)
    assert set(lock.stages) == {"make", "item@a", "item@b"}
    assert [dep["path"] for dep in lock.stages["make"]["deps"]] == ["in", "one.txt"]
    for stage in lock.stages:
        assert lock.changes(stage) == [] and lock.outputs_differ(stage) == []


def named(entry: dict[str, Any]) -> dict[str, Any]:
    """What the harness compares of a stage: paths with their md5s, and settings."""
    paths = {key: [(one["path"], one.get("md5")) for one in entry.get(key, [])] for key in ("deps", "outs")}
    return paths | {"params": entry.get("params", {})}


def compare_with_yaml(root: Path) -> None:
    content = (root / "dvc.lock").read_text(encoding="utf-8")
    expected = yaml.safe_load(content)["stages"]
    assert {name: named(entry) for name, entry in Lock(root).stages.items()} == {
        name: named(entry) for name, entry in expected.items()
    }


def test_stages_are_read_as_a_yaml_reader_reads_them(ran: Path, repo_root: Path) -> None:
    compare_with_yaml(ran)
    compare_with_yaml(repo_root)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("path: a.out", "path: 'a.out'"),
        ("path: a.out", 'path: "a\\u002eout" # of a'),
        ("item@a:", "'item@a':"),
        ("cmd: cp one.txt a.out", "cmd: |\n      cp one.txt\n      a.out"),
        ("cmd: cp one.txt a.out", "cmd: cp one.txt\n      a.out"),
        ("path: a.out\n      hash: md5", "path: a.out\n      hash: md5\n      isexec: true"),
        ("schema: '2.0'\n", ""),
    ],
)
def test_other_forms_of_the_same_are_read_too(ran: Path, tmp_path: Path, old: str, new: str) -> None:
    text = (ran / "dvc.lock").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "dvc.lock").write_text(text.replace(old, new), encoding="utf-8")
    compare_with_yaml(tmp_path)
    assert {name: named(entry) for name, entry in Lock(tmp_path).stages.items()} == {
        name: named(entry) for name, entry in Lock(ran).stages.items()
    }


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"stages:\n  a@b: {", "flow"),
        (b"\xff\xfe", "decode"),
        (b"stages:\n  a:\n   - [\n", "parsing"),
        (b"", "an empty file"),
        (b"\n# nothing\n", "no stages"),
        (b"[]", "no stages"),
        (b"stages: 3\n", "no stages"),
        (b"<<<<<<< HEAD\nstages:\n=======\nstages:\n>>>>>>> theirs\n", "a merge that is not finished"),
        (b"stages:\n  a:\n    cmd: x\n  a:\n    cmd: y\n", "two entries of one stage: a"),
        (b"stages:\n  a: 3\n", "no entry of a stage"),
        (b"stages:\n  a:\n    cmd: x\n    deps: 3\n", "no list of files"),
        (b"stages:\n  a:\n    cmd: x\n    deps:\n    - path: /\n", "no path inside the project"),
        (b"stages:\n  a:\n    cmd: x\n    outs:\n    - path: a/../../b\n", "no path inside the project"),
        (b"stages:\n  a:\n    cmd: x\n    params: [1]\n", "no settings by file"),
        (b"stages:\n  a: " + b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (b"- " * 100_000, "nested deeper"),
    ],
)
def test_what_is_no_lock_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "dvc.lock").write_bytes(content)
    with pytest.raises(HarnessError, match=r"expected .*dvc.lock as DVC writes it, found: ") as refused:
        Lock(tmp_path)
    assert found in refused.value.message and "git checkout -- dvc.lock" in str(refused.value.fix)


def test_a_stage_that_never_ran_says_so(ran: Path, tmp_path: Path) -> None:
    assert Lock(ran).changes("item@c") == ["never run"]
    assert Lock(tmp_path).stages == {} and Lock(tmp_path).changes("make") == ["never run"]


def test_caches_of_python_are_no_change(ran: Path) -> None:
    cache = ran / "in" / "a" / "__pycache__"
    cache.mkdir()
    (cache / "x.cpython-311.pyc").write_bytes(b"x")
    try:
        assert Lock(ran).changes("make") == []
    finally:
        (cache / "x.cpython-311.pyc").unlink()
        cache.rmdir()


@pytest.mark.parametrize("where", ["in/a/b.txt", "one.txt"])
def test_a_changed_file_is_named(ran: Path, where: str) -> None:
    path = ran / where
    before = path.read_bytes()
    path.write_bytes(before + b"!")
    try:
        assert Lock(ran).changes("make") == [where.split("/")[0]]
        path.unlink()
        assert Lock(ran).changes("make") == [where.split("/")[0]]
    finally:
        path.write_bytes(before)
    assert Lock(ran).changes("make") == []


def test_a_renamed_file_is_a_change(ran: Path) -> None:
    (ran / "in" / "a.txt").rename(ran / "in" / "c.txt")
    try:
        assert Lock(ran).changes("make") == ["in"]
    finally:
        (ran / "in" / "c.txt").rename(ran / "in" / "a.txt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": 4}, ["params.yaml:number"]),
        ({"table": PARAMS["table"] | {"small": 2e-8}}, ["params.yaml:table.small"]),  # type: ignore[operator]
        ({"table": PARAMS["table"] | {"listed": [1, 2.5e-05, {"x": 2}]}}, ["params.yaml:table.listed"]),  # type: ignore[operator]
        ({"table": PARAMS["table"] | {"other": 2}}, []),  # type: ignore[operator]
        ({"table": None}, ["params.yaml:table.small", "params.yaml:table.listed"]),
    ],
)
def test_a_changed_setting_is_named(ran: Path, change: dict[str, object], said: list[str]) -> None:
    (ran / "params.yaml").write_text(yaml.safe_dump(PARAMS | change), encoding="utf-8")
    try:
        assert sorted(Lock(ran).changes("make")) == sorted(said)
    finally:
        (ran / "params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")


def test_outputs_that_are_not_the_recorded_bytes_are_named(ran: Path) -> None:
    path = ran / "out" / "a.txt"
    path.write_text("other")
    (ran / "a.out").unlink()
    try:
        lock = Lock(ran)
        assert lock.outputs_differ("make") == ["out"]
        assert lock.outputs_differ("item@a") == ["a.out"] and lock.outputs_differ("item@b") == []
    finally:
        path.write_text("a.txt")
        (ran / "a.out").write_text("one\n")


def test_weights_are_weighed(ran: Path) -> None:
    path = ran / "out" / "a.txt"
    before = path.read_bytes()

    def differs() -> list[list[str]]:
        weighed = Lock(ran, is_weighed=lambda path: path == "out")
        return [weighed.outputs_differ("make"), Lock(ran).outputs_differ("make")]

    try:
        assert differs() == [[], []]
        path.write_bytes(before[::-1])
        assert differs() == [[], ["out"]]  # the same size: for DVC to find
        path.write_bytes(before + b"!")
        assert differs() == [["out"], ["out"]]
        path.unlink()
        assert differs() == [["out"], ["out"]]
    finally:
        path.write_bytes(before)
