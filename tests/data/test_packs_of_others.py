"""Packs that somebody else made: stale gold pairs, rows that no parser takes, files in languages of other names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy import ROOT
from toy_pack import HEAD, PACK, World, nli_rows, write_pack

from harness.commands.main import run
from harness.data.build import build_task
from harness.data.pins.write import MARKER, pin_task, unused_files
from harness.project.errors import HarnessError
from harness.project.files import sha256_bytes
from harness.project.params import DataParams, Params
from harness.project.paths import Paths
from harness.project.tasks import load_task

Rows = list[dict[str, Any]]
Mining = Callable[[Rows], tuple[Params, Paths]]


def gold(*pairs: tuple[str, str]) -> Rows:
    return [{"id": str(number), "source_id": one, "target_id": two} for number, (one, two) in enumerate(pairs)]


PAIRS = (("s0", "t0"), ("s1", "t1"), ("s2", "t2"))


@pytest.fixture
def mining(tmp_path: Path) -> Mining:
    """A project with the BUCC task and a pack of three sentences a side."""

    def make(pairs: Rows) -> tuple[Params, Paths]:
        pack, paths = tmp_path / "toy", Paths(tmp_path / "project", "toy")
        sides = {
            f"bucc2018/dev_{side}.jsonl": [{"id": f"{short}{i}", "text": f"{short} {i}"} for i in range(3)]
            for side, short in (("source.zh", "s"), ("target.en", "t"))
        }
        write_pack(pack, sides | {"bucc2018/dev_gold.zh-en.jsonl": pairs})
        paths.tasks.mkdir(parents=True)
        head = (ROOT / "tasks" / "bucc.yaml").read_text().partition(MARKER)[0].replace("published: [url]", "")
        (paths.tasks / "bucc.yaml").write_text(head)
        pin_task("bucc", paths.tasks, "local", "toy", pack)
        data = DataParams(source="local", pack="toy", data_dir=str(pack), tasks=["bucc"])
        return Params.model_construct(profile="toy", data=data), paths

    return make


def test_gold_pairs_that_the_texts_have_are_built(mining: Mining) -> None:
    params, paths = mining(gold(*PAIRS, ("s0", "t1")))  # one sentence may have two translations
    assert build_task("bucc", params, paths)["files"]["test_gold.zh.jsonl"]["rows"] == 4


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ((*PAIRS, ("s9", "t0")), r"`source_id` to be the id of a source text, found 's9'.*zh-en.jsonl:4"),
        ((PAIRS[0], ("s1", "t9")), r"`target_id` to be the id of a target text, found 't9'.*zh-en.jsonl:2"),
        ((("t0", "s0"),), r"`source_id` .*found 't0'.*:1"),
        ((PAIRS[0], ("s1", "t1 ")), r"without the blanks around it there is one\), found 't1 '.*:2"),
        (((" s0", "t0"),), r"without the blanks.*found ' s0'.*:1"),
        ((*PAIRS, PAIRS[1]), r"every gold pair once \(it is in row 2 too\), found \('s1', 't1'\).*:4"),
    ],
)
def test_gold_pairs_that_the_texts_lack_are_refused(
    pairs: tuple[tuple[str, str], ...], message: str, mining: Mining
) -> None:
    params, paths = mining(gold(*pairs))
    with pytest.raises(HarnessError, match=message) as caught:
        build_task("bucc", params, paths)
    assert caught.value.fix and not paths.data("bucc").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id":"z","x":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"id":"z","x":' + "9" * 5000 + "}", "digits"),
        ('{"id":"z","x\\ud800":1}', "a lone surrogate"),
        ('{"id":"z","x":{"y":"\\ud800"}}', "a lone surrogate"),
        ('{"id":"z","id":"y"}', "found `id` twice"),
        ('{"id":"z","x":{"y":1,"y":2}}', "found `y` twice"),
    ],
)
def test_a_row_that_no_parser_takes_is_named(line: str, message: str, world: World) -> None:
    path = world.pack / "xnli" / "test.de.jsonl"
    old = path.read_bytes()
    new = old + line.encode() + b"\n"
    manifest = world.pack / "manifest.json"
    text = manifest.read_text().replace(sha256_bytes(old), sha256_bytes(new))
    manifest.write_text(text.replace('test.de.jsonl", "examples": 9', 'test.de.jsonl", "examples": 10'))
    path.write_bytes(new)
    refused = rf"{message}.* in .*test\.de\.jsonl:10"
    pinned = world.task_file("xnli").read_text()
    with pytest.raises(HarnessError, match=refused) as caught:
        pin_task("xnli", world.paths.tasks, "local", "toy", world.pack)
    assert caught.value.fix and "\n" not in str(caught.value)
    assert world.task_file("xnli").read_text() == pinned
    by_hand = pinned.replace(f"rows: 9, sha256: {sha256_bytes(old)}", f"rows: 10, sha256: {sha256_bytes(new)}")
    world.task_file("xnli").write_text(by_hand)
    with pytest.raises(HarnessError, match=refused):
        build_task("xnli", world.params, world.paths)
    assert not world.paths.data("xnli").exists()


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"files": [], "files": []}', "\ud800", '{"files": ' + "9" * 5000 + "}"]
)
def test_a_manifest_that_no_parser_takes_is_named(content: str, world: World) -> None:
    (world.pack / "manifest.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(HarnessError, match=r"manifest\.json") as caught:
        pin_task("xnli", world.paths.tasks, "local", "toy", world.pack)
    assert caught.value.fix and "\n" not in str(caught.value)


def test_files_that_match_no_language_are_named(make_world: Callable[..., World]) -> None:
    odd = {f"xnli/test{code}.jsonl": nli_rows("x", 9) for code in (".de-DE", ".DE", ".de_DE", ".d.e", "")}
    other = {"xnli/testing.de.jsonl": nli_rows("x", 9), "mnli/train.de.jsonl": nli_rows("x", 9)}
    world = make_world(odd | other)
    task = load_task("xnli", world.paths.tasks)
    lines = unused_files(task, world.pack)
    # The toy pack has a test file in `xx`; training rows in another language of the task are left out by design.
    assert [line.split(": ")[1] for line in lines] == sorted([*odd, "xnli/test.xx.jsonl"])
    assert all("no language of task xnli (de, en)" in line and "pack_codes" in line for line in lines)
    assert unused_files(load_task("text", world.paths.tasks), world.pack) == []


def test_a_new_pin_has_no_other_packs_note(world: World) -> None:
    path = world.task_file("mnli")
    path.write_text(path.read_text().replace("note: null", "note: only of toy"))
    other = world.pack.parent / "other"
    other.mkdir()
    write_pack(other, PACK)
    pin_task("mnli", world.paths.tasks, "local", "other", other)
    pins = load_task("mnli", world.paths.tasks).pins.local
    assert (pins["toy"].note, pins["other"].note) == ("only of toy", None)
    pin_task("mnli", world.paths.tasks, "local", "toy", world.pack)
    assert load_task("mnli", world.paths.tasks).pins.local["toy"].note == "only of toy"


def test_the_command_says_which_files_it_does_not_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, pack = tmp_path / "project", tmp_path / "toy"
    root.mkdir()
    (root / "params.yaml").write_text((ROOT / "profiles" / "lab.yaml").read_text())
    labels, nothing = "[0, 1]", "null"
    write_pack(pack, {f"pawsx/{name}.jsonl": _pairs() for name in ("train.en", "dev.en", "test.de", "test.zh-CN")})
    (root / "tasks").mkdir()
    head = HEAD.format(
        name="pawsx",
        role="intermediate",
        kind="paraphrase",
        head="classification",
        metric="accuracy",
        group=nothing,
        labels=labels,
        languages="[de, en, zh]",
    )
    patterns = "pack_files: {train: [pawsx/train], dev: [pawsx/dev], test: [pawsx/test]}\n"
    (root / "tasks" / "pawsx.yaml").write_text(head + patterns)
    monkeypatch.chdir(root)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(pack))
    for check in ([], ["--check"]):
        assert run(["data", "pin", "pawsx", "--pack", "toy", *check]) == 0
        said = capsys.readouterr().out
        assert "not used: pawsx/test.zh-CN.jsonl: `zh-CN` is no language of task pawsx" in said


def _pairs() -> Rows:
    return [{"id": str(i), "sentence1": "a", "sentence2": "b", "label": i % 2} for i in range(8)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": 5}, "a name in `file`"),
        ({"examples": 9.0}, "a whole number in `rows`"),
        ({"examples": True}, "a whole number in `rows`"),
        ({"examples": "9"}, "a whole number in `rows`"),
        ({"sha256": None}, "a text in `sha256`"),
        ({"sha256": "0" * 64}, "one entry for xnli/test.de.jsonl in .* found two that differ"),
    ],
)
def test_an_entry_of_the_manifest_that_is_none_is_named(changes: dict[str, Any], message: str, world: World) -> None:
    path = world.pack / "manifest.json"
    content = json.loads(path.read_text())
    entry = next(one for one in content["files"] if one["file"].endswith("xnli/test.de.jsonl"))
    content["files"].insert(0, entry | changes)
    path.write_text(json.dumps(content))
    with pytest.raises(HarnessError, match=message) as caught:
        pin_task("xnli", world.paths.tasks, "local", "toy", world.pack)
    assert caught.value.fix and "\n" not in str(caught.value)


def test_a_file_without_a_row_is_not_pinned(make_world: Callable[..., World]) -> None:
    world = make_world()
    write_pack(world.pack, PACK | {"xnli/test.de.jsonl": []})
    with pytest.raises(HarnessError, match=r"at least one row in .*test\.de\.jsonl"):
        pin_task("xnli", world.paths.tasks, "local", "toy", world.pack)


@pytest.mark.parametrize("name", ["test-de.jsonl", "test_de.jsonl", "test.de.json", "test.de.JSONL", "Test.de.jsonl"])
def test_a_file_whose_name_is_nearly_right_is_named(name: str, make_world: Callable[..., World]) -> None:
    world = make_world({f"xnli/{name}": nli_rows("x", 9)})
    lines = unused_files(load_task("xnli", world.paths.tasks), world.pack)
    assert f"not used: xnli/{name}: expected xnli/test.LANGUAGE.jsonl (or .jsonl.gz); rename the file" in lines
