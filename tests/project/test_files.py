"""JSON and YAML are read in one place: nothing is written twice in silence, and nothing ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.project.errors import HarnessError
from harness.project.files import parse_json, read_yaml, refuse_repeated_keys


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', "every key once, found `a` twice in f:7"),
        (b'{"x": [{"k": 1, "\\u006b": 2}]}', "found `k` twice in f:7"),
        (b'{"x": [{"k": 1,\n"y": 3,\n"k": 2}]}', "found `k` twice in f:7, line 3"),
        (b'{"a\\ud800": 1, "a\\ud800": 2}', "twice"),
        (b"[" * 100_000, "nested too deeply in f:7"),
        (b'{"a":' * 100_000, "nested too deeply in f:7"),
        (b"1" * 5000, "digits.* in f:7"),
        (b'{"a\\ud800": 1}', "a lone surrogate in f:7"),
        (b'{"a": ["\\udc00"]}', "a lone surrogate in f:7"),
        (b"\xff", "expected UTF-8.* in f:7"),
        (b'{"a": ', "expected JSON .*in f:7"),
    ],
)
def test_json_that_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(HarnessError, match=message) as caught:
        parse_json(content, "f:7", "the fix")
    assert caught.value.fix == "the fix" and "\n" not in str(caught.value)
    str(caught.value).encode()


def test_json_that_is_read() -> None:
    assert parse_json('{"a": {"k": "\\ud83d\\ude00"}, "b": {"k": [1, null]}}', "f") == {
        "a": {"k": "😀"},
        "b": {"k": [1, None]},
    }


def test_records_that_pydantic_reads_have_every_key_once() -> None:
    with pytest.raises(HarnessError, match=r"found `score` twice in result\.json, line 2"):
        refuse_repeated_keys(b'{"score": 1,\n"score": 2}', "result.json")
    for other in (b'{"score": 1}', b"{", b"\xff", b"[" * 100_000):  # what is wrong here, its own reader says
        refuse_repeated_keys(other, "result.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"the key `a` twice at line 3, column 1"),
        ("a: 1\nb: {c: [{x: 1, x: 2}]}\n", r"the key `x` twice at line 2"),
        ("a: &one {x: 1, x: 2}\nb: *one\n", r"the key `x` twice at line 1"),
        ("[" * 100_000, "nested deeper"),
        ("{a: " * 100_000, "nested deeper"),
        ("- " * 100_000 + "\n", "nested deeper"),
        ("a: [1\n", "line 2"),
        ("a: 1\n? [1]\n: 2\n", "unhashable"),
    ],
)
def test_yaml_that_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(HarnessError, match=f"expected YAML in {path}.*{message}") as caught:
        read_yaml(path)
    assert caught.value.fix and "\n" not in str(caught.value)


def test_yaml_that_is_read(tmp_path: Path) -> None:
    """A merged mapping's keys may be said again: that is what merging is for."""
    text = "a: &one {x: 1, y: 2}\nb: {<<: *one, y: 3}\nc: {<<: *one, y: 4}\nd: [{x: 1}, {x: 1}]\n"
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert read_yaml(path) == yaml.safe_load(text)


def test_every_yaml_file_of_the_project_has_every_key_once(repo_root: Path) -> None:
    paths = [path for folder in ("tasks", "profiles", "reference") for path in (repo_root / folder).glob("*.yaml")]
    assert len(paths) > 25
    for path in paths:
        assert read_yaml(path) == yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
