"""inspect_ai, on logs that versions 0.3.100 and 0.3.285 wrote, read without it."""

from __future__ import annotations

import json
import sys
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from foreign_results import FILES, change, unpacked

from harness.exchange.importers import inspect_zip
from harness.exchange.importers.find import find_importer, read_given
from harness.exchange.importers.importer import Options
from harness.project.errors import HarnessError

OLD = FILES / "inspect" / "words-0.3.100.eval"
"""Compressed as zip files are."""
NEW = FILES / "inspect" / "words-two.eval"
"""Compressed with Zstandard."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log in JSON, with two scorers and two samples."""
    return unpacked("inspect/words-two.json.xz", tmp_path)


def rewritten(path: Path, **members: object) -> Path:
    """The old log with other members; None leaves one out. Names have `/` as `__`."""
    with zipfile.ZipFile(OLD) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        texts: dict[str, Any] = {name: old.read(name) for name in old.namelist()}
        texts |= {name.replace("__", "/") + ".json": value for name, value in members.items()}
        for name, value in texts.items():
            if value is not None:
                new.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    return path


def header(**changes: object) -> dict[str, Any]:
    with zipfile.ZipFile(OLD) as old:
        return {**json.loads(old.read("header.json")), **changes}


def test_a_zipped_log_is_read_with_its_items() -> None:
    given = read_given(OLD)
    (score,) = given.scores
    assert given.program == "inspect_ai 0.3.100"
    assert (score.method, score.task, score.score, score.metric) == ("mockllm/model", "words", 50.0, "exact/mean")
    assert [(each.item, each.right) for each in given.items] == [("1", 1), ("2", 1), ("3", 0), ("4", 0)]
    assert {"seed", "split", "revision"} <= set(given.unknown)
    assert find_importer(OLD).name == "inspect"


def test_without_reductions_each_samples_own_score_counts(tmp_path: Path) -> None:
    """Its letters are numbers: C for correct, I for incorrect."""
    before, after = read_given(OLD), read_given(rewritten(tmp_path / "log.eval", reductions=None))
    assert (before.scores, before.items) == (after.scores, after.items)


def test_a_log_in_json_says_which_metric_is_the_headline(log: Path) -> None:
    """Of two scorers, and another one can be asked for."""
    given = read_given(log)
    assert [(each.metric, each.score) for each in given.scores] == [("exact/mean", 50.0)]
    assert [each.right for each in given.items] == [1, 0]
    assert [each.metric for each in read_given(log, Options(metric="includes")).scores] == ["includes/accuracy"]
    change(log, "results", "headline", value=None)
    with pytest.raises(HarnessError, match=r"exact/mean, includes/accuracy.*--metric"):
        read_given(log)


def test_a_folder_of_logs_is_read_whole(log: Path) -> None:
    """Two logs of one model and task are two answers to one question, and refused."""
    (log.parent / "words.eval").write_bytes(OLD.read_bytes())
    assert sorted(each.task for each in read_given(log.parent).scores) == ["words", "words_two"]
    (log.parent / "again.eval").write_bytes(OLD.read_bytes())
    with pytest.raises(HarnessError, match=r"found one in again\.eval and one in words\.eval"):
        read_given(log.parent)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"status": "error", "error": {"message": "out of memory"}}, "the status `error`: out of memory"),
        ({"status": "cancelled"}, "the status `cancelled`"),
        ({"status": "started", "results": None}, "the status `started`"),
        ({"invalidated": True}, "declared invalid"),
        ({"results": None}, "expected keys and values in `results`"),
        ({"results": {"scores": [{"name": "exact"}]}}, "another layout"),
        ({"eval": {}}, "another layout"),
    ],
)
def test_a_log_that_is_of_no_whole_evaluation_is_refused(
    tmp_path: Path, changes: dict[str, object], found: str
) -> None:
    with pytest.raises(HarnessError, match=found):
        read_given(rewritten(tmp_path / "log.eval", header=header(**changes)))


def test_a_log_that_broke_off_is_refused(tmp_path: Path) -> None:
    """It has its journal, and no head yet."""
    with pytest.raises(HarnessError, match="the status `started`"):
        read_given(rewritten(tmp_path / "log.eval", header=None))


def test_what_was_left_out_of_an_evaluation_is_told(tmp_path: Path) -> None:
    """A limit, and samples that ended in an error."""
    about = header()["eval"]
    about["config"]["limit"] = 4
    results = {**header()["results"], "total_samples": 6}
    told = read_given(rewritten(tmp_path / "log.eval", header=header(eval=about, results=results))).remarks
    assert any("(limit 4): this is no score of the test set" in remark for remark in told)
    assert any("4 of 6 samples were completed" in remark for remark in told)


def test_a_score_that_its_samples_contradict_is_refused(log: Path) -> None:
    change(log, "results", "scores", 0, "metrics", "mean", "value", value=0.8)
    with pytest.raises(HarnessError, match=r"the stated 0\.8 of exact/mean .* whose mean is 0\.5"):
        read_given(log)


def test_a_score_that_is_no_number_is_refused(log: Path) -> None:
    change(log, "results", "scores", 0, "metrics", "mean", "value", value=float("nan"))
    with pytest.raises(HarnessError, match="expected a finite number"):
        read_given(log)


def test_a_metric_that_is_no_mean_has_no_items(log: Path) -> None:
    """Scores of several parts, and metrics of other kinds."""
    change(log, "reductions", 0, "samples", 0, "value", value={"a": 1})
    given = read_given(log)
    assert len(given.scores) == 1 and given.items == [] and "no items" in given.remarks[0]


@pytest.mark.skipif(hasattr(zipfile, "ZIP_ZSTANDARD"), reason="this Python reads Zstandard")
def test_a_log_in_zstandard_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert find_importer(NEW).name == "inspect"
    with pytest.raises(HarnessError, match=r"inspect log convert --to json`, or `pip install zstandard"):
        read_given(NEW)


def test_a_log_in_zstandard_is_read_where_the_package_is_there() -> None:
    if not hasattr(zipfile, "ZIP_ZSTANDARD"):
        pytest.importorskip("zstandard")
    assert [each.score for each in read_given(NEW).scores] == [50.0]
    limited = read_given(FILES / "inspect" / "words-limited.eval")
    assert limited.remarks == [
        "words: only some of its 4 samples were evaluated (limit 2): this is no score of the test set."
    ]


class Identity:
    """In place of zstandard: what is packed stays as it is."""

    def stream_reader(self, packed: BytesIO) -> BytesIO:
        return packed


@pytest.mark.skipif(hasattr(zipfile, "ZIP_ZSTANDARD"), reason="this Python reads Zstandard")
def test_members_in_zstandard_are_found_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their place in the file and their sum, with a package that stands in for the real one."""
    package = ModuleType("zstandard")
    package.ZstdDecompressor, package.ZstdError = Identity, zlib.error  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "zstandard", package)
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as stored:
        for name, value in (("header", header()), ("reductions", [])):
            stored.writestr(f"{name}.json", json.dumps(value))
        places = [info.header_offset for info in stored.infolist()]
    content = bytearray(path.read_bytes())
    for place in places:
        content[place + 8] = inspect_zip.ZSTANDARD
    for at in range(len(content) - 4):
        if content[at : at + 4] == b"PK\x01\x02":
            content[at + 10] = inspect_zip.ZSTANDARD
    path.write_bytes(content)
    assert [each.score for each in read_given(path).scores] == [50.0]
    content[places[0] + 60] ^= 1
    path.write_bytes(content)
    with pytest.raises(HarnessError, match="wrong checksum"):
        read_given(path)


def test_a_log_that_unpacks_to_more_than_fits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One member, or all that are read together: nothing is unpacked beyond that."""
    monkeypatch.setattr(inspect_zip, "LARGEST_JSON", 10_000)
    with pytest.raises(HarnessError, match="when unpacked"):
        read_given(rewritten(tmp_path / "one.eval", header=b" " * 100_000))
    monkeypatch.setattr(inspect_zip, "MOST_BYTES", 10_000)
    with pytest.raises(HarnessError, match="when unpacked"):
        read_given(rewritten(tmp_path / "all.eval", reductions=None))


def test_a_broken_zip_file_is_refused(tmp_path: Path) -> None:
    """Cut off, changed, or with a member twice."""
    path = tmp_path / "log.eval"
    content = OLD.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(HarnessError, match="none of them wrote"):
        read_given(path)
    with pytest.raises(HarnessError, match="expected a zip file"):
        read_given(path, program="inspect")
    with zipfile.ZipFile(OLD) as old:
        place = old.getinfo("header.json").header_offset
    path.write_bytes(content[: place + 80] + b"\0\0\0\0\0\0" + content[place + 86 :])
    with pytest.raises(HarnessError, match=r"expected to unpack header\.json"):
        read_given(path)
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as twice:
        twice.writestr("header.json", "{}")
    with pytest.raises(HarnessError):
        read_given(path, program="inspect")
