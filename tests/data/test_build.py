"""From a pinned source to data/<task>/ and the corpus: what is written, and everything that is refused."""

from __future__ import annotations

import errno
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy_pack import PACK, World, nli_rows, write_pack

from harness.data import folder as data_folder
from harness.data.build import build_task, mixed
from harness.data.corpus import build_corpus, fold, sentences, texts_of
from harness.data.folder import languages, read_manifest, read_split
from harness.data.pins.write import pin_task
from harness.data.sources import read_pack_manifest
from harness.project.errors import HarnessError
from harness.project.files import check_file, sha256_bytes, sha256_file
from harness.project.params import Params


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_built_folder_is_self_contained_and_described(world: World) -> None:
    returned = build_task("xnli", world.params, world.paths)
    folder = world.paths.data("xnli")
    manifest = read_manifest(folder)
    assert manifest.model_dump() == returned
    assert set(files_of(folder)) == {*manifest.files, "manifest.json"}
    assert list(manifest.files) == ["train.en.jsonl", "dev.en.jsonl", "test.de.jsonl", "test.en.jsonl"]
    for name, built in manifest.files.items():
        content = (folder / name).read_bytes()
        assert (built.sha256, built.bytes, built.rows) == (
            sha256_bytes(content),
            len(content),
            content.count(b"\n"),
        )
    assert manifest.source_language == "en"
    assert manifest.counts_dropped == {"x": 9 + 3 + 9 + 9}
    expected = [{k: v for k, v in row.items() if k != "x"} for row in PACK["xnli/test.de.jsonl"]]
    assert sorted(read_split(folder, "test", "de"), key=lambda row: row["id"]) == expected
    assert languages(folder, "test") == ["de", "en"], "the pack's language beyond the task's stays out"
    build_task("mnli", world.params, world.paths)
    assert read_split(folder, "train", "en") == read_split(world.paths.data("mnli"), "train", "en")


def test_building_again_gives_the_same_bytes(world: World) -> None:
    build_task("xnli", world.params, world.paths)
    first = files_of(world.paths.data("xnli"))
    build_task("xnli", world.params, world.paths)
    assert files_of(world.paths.data("xnli")) == first
    assert [path.name for path in world.paths.data("xnli").parent.iterdir()] == ["xnli"]


def test_parts_are_concatenated_and_gzip_is_read(world: World) -> None:
    plain = world.pack / "text_a/text.deu.jsonl"
    build_task("text", world.params, world.paths)
    before = files_of(world.paths.data("text"))["text.de.jsonl"]
    content = plain.read_bytes()
    plain.with_suffix(".jsonl.gz").write_bytes(gzip.compress(content, mtime=0))
    plain.unlink()
    manifest = json.loads((world.pack / "manifest.json").read_text())
    for entry in manifest["files"]:
        if entry["file"] == "text_a/text.deu.jsonl":
            entry |= {
                "file": "text_a/text.deu.jsonl.gz",
                "sha256": sha256_file(plain.with_suffix(".jsonl.gz")),
            }
    (world.pack / "manifest.json").write_text(json.dumps(manifest))
    pin_task("text", world.paths.tasks, "local", "toy", world.pack)
    build_task("text", world.params, world.paths)
    assert {row["id"] for row in read_split(world.paths.data("text"), "text", "de")} == {"a1", "a2", "b1"}
    assert files_of(world.paths.data("text"))["text.de.jsonl"] == before


def test_the_first_rows_of_a_file_are_a_sample_of_it() -> None:
    articles = [{"id": f"en:{article}-{number}"} for article in range(40) for number in range(25)]
    first = mixed(articles, "en")[:100]
    named = {row["id"].partition("-")[0] for row in first}
    assert len(named) >= 30, "articles among the first tenth of the rows; in the file's own order they would be 4"
    assert sorted(row["id"] for row in mixed(articles, "en")) == sorted(row["id"] for row in articles)


def test_items_that_languages_share_come_in_one_order() -> None:
    english = [{"id": f"en:item-{number}"} for number in range(50)]
    swahili = [{"id": f"sw:item-{number}"} for number in range(50) if number % 7]
    order = [row["id"].removeprefix("sw:") for row in mixed(swahili, "sw")]
    assert order == [name for row in mixed(english, "en") if (name := row["id"].removeprefix("en:")) in order]
    assert order != [row["id"].removeprefix("sw:") for row in swahili]


def test_a_manifest_beside_the_packs_names_them_by_prefix(world: World, tmp_path: Path) -> None:
    beside = tmp_path / "packs" / "toy"
    beside.mkdir(parents=True)
    write_pack(beside, PACK, prefix="toy/", manifest=tmp_path / "packs" / "manifest.json")
    assert read_pack_manifest(beside) == read_pack_manifest(world.pack)
    params = world.params.model_copy(update={"data": world.params.data.model_copy(update={"data_dir": str(beside)})})
    build_task("xnli", world.params, world.paths)
    first = files_of(world.paths.data("xnli"))
    build_task("xnli", params, world.paths)
    assert files_of(world.paths.data("xnli")) == first


def test_the_environment_names_the_folder(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = tmp_path / "moved"
    shutil.move(world.pack, moved)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(moved))
    assert build_task("mnli", world.params, world.paths)["files"]["dev.en.jsonl"]["rows"] == 3


def refused(world: World, message: str, name: str = "xnli", params: Params | None = None) -> None:
    """Building says `message` with a remedy, and leaves what was there before."""
    folder = world.paths.data(name)
    before = files_of(folder) if folder.exists() else None
    with pytest.raises(HarnessError, match=message) as caught:
        build_task(name, params or world.params, world.paths)
    assert caught.value.fix
    assert (files_of(folder) if folder.exists() else None) == before
    assert not [path for path in folder.parent.glob(".*")], "nothing half-written"


@pytest.mark.parametrize("built_before", [False, True])
def test_a_flipped_byte(world: World, built_before: bool) -> None:
    if built_before:
        build_task("xnli", world.params, world.paths)
    path = world.pack / "xnli/test.en.jsonl"
    expected = sha256_file(path)
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    refused(world, f"expected sha256 {expected} .*found {sha256_file(path)} in {path}")


def test_a_pack_whose_manifest_agrees_with_its_files_but_not_with_the_pin(world: World) -> None:
    pinned = sha256_file(world.pack / "mnli/train.en.jsonl")
    write_pack(world.pack, PACK | {"mnli/train.en.jsonl": nli_rows("other", 9)})
    refused(world, f"expected 9 rows with sha256 {pinned} .*pin of task xnli")


def test_rows_and_files_that_the_manifest_does_not_keep(world: World) -> None:
    manifest = world.pack / "manifest.json"
    good = manifest.read_text()
    manifest.write_text(good.replace('"examples": 9', '"rows": 8'))
    refused(world, "expected 8 rows .*found 9 in ")
    entries = json.loads(good)["files"]
    manifest.write_text(json.dumps({"files": [e for e in entries if e["file"] != "xnli/test.de.jsonl"]}))
    refused(world, "expected an entry for xnli/test.de.jsonl in the pack's manifest, found none")
    manifest.write_text('{"files": [{"file": "x"}]}')
    refused(world, "expected a list `files`")
    manifest.unlink()
    refused(world, "expected manifest.json in .* or beside it, found none")


def test_a_missing_file(world: World) -> None:
    (world.pack / "xnli/test.de.jsonl").unlink()
    refused(world, r"expected a readable file .*test\.de\.jsonl, found: No such file")


def test_a_data_dir_that_is_not_there_or_not_set(world: World, tmp_path: Path) -> None:
    data = world.params.data
    for data_dir, message in (
        (None, "found neither data_dir nor HARNESS_DATA_DIR"),
        (str(tmp_path / "nowhere"), "found no folder"),
        (str(world.paths.tasks), "expected manifest.json in"),
    ):
        params = world.params.model_copy(update={"data": data.model_copy(update={"data_dir": data_dir})})
        refused(world, message, params=params)
    shutil.copy(world.pack / "manifest.json", world.paths.tasks)
    refused(world, "found none of those that .* lists", params=params)


def test_a_pack_or_source_without_a_pin(world: World) -> None:
    other = world.params.data.model_copy(update={"pack": "other"})
    refused(
        world,
        "local pack 'other'.*found local pack 'toy'",
        params=world.params.model_copy(update={"data": other}),
    )
    generated = world.params.data.model_copy(update={"source": "generated"})
    refused(world, "source generated", params=world.params.model_copy(update={"data": generated}))


def test_a_bad_row_names_file_and_line(make_world: Callable[..., World]) -> None:
    rows = nli_rows("de", 9)
    rows[6]["label"] = "perhaps"
    world = make_world({"xnli/test.de.jsonl": rows})
    refused(world, rf"`label`.*found 'perhaps' in {world.pack}/xnli/test.de.jsonl:7")


def test_placeholder_test_labels(make_world: Callable[..., World]) -> None:
    hidden = [row | {"label": "neutral"} for row in nli_rows("de", 9)]
    refused(make_world({"xnli/test.de.jsonl": hidden}), "test.de of task xnli: that is a placeholder")


@pytest.mark.parametrize(("code", "remedy"), [(errno.ENOSPC, "free space"), (errno.EROFS, "make the folder writable")])
@pytest.mark.parametrize("built_before", [False, True])
def test_a_disk_that_refuses(
    world: World, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str, built_before: bool
) -> None:
    if built_before:
        build_task("xnli", world.params, world.paths)
    written: list[Path] = []

    def failing(path: Path, content: bytes) -> None:
        if len(written) == 2:
            raise OSError(code, "the disk refuses")
        written.append(path)
        path.write_bytes(content)

    monkeypatch.setattr(data_folder, "_write_bytes", failing)
    refused(world, f"the disk refuses.*nothing was left half-written.*{remedy}")
    assert len(written) == 2


def test_a_folder_that_cannot_be_made(world: World) -> None:
    world.paths.build.parent.mkdir()
    world.paths.build.write_text("a file where a folder belongs")
    with pytest.raises(HarnessError, match="expected to write"):
        build_task("xnli", world.params, world.paths)


def test_reading_what_is_not_there(world: World) -> None:
    folder = world.paths.data("xnli")
    with pytest.raises(HarnessError, match=r"expected built data in .*dvc repro data@xnli"):
        read_split(folder, "test", "de")
    build_task("xnli", world.params, world.paths)
    with pytest.raises(HarnessError, match=r"expected split 'text' .*found only dev, test, train"):
        read_split(folder, "text", "de")
    with pytest.raises(HarnessError, match=r"expected language 'fr' .*found only de, en"):
        read_split(folder, "test", "fr")
    (folder / "test.de.jsonl").unlink()
    with pytest.raises(HarnessError, match="its manifest lists it"):
        read_split(folder, "test", "de")
    (folder / "manifest.json").write_text("{")
    with pytest.raises(HarnessError, match="expected JSON"):
        read_manifest(folder)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(HarnessError, match="expected the key `task`"):
        read_manifest(folder)


def test_the_corpus_holds_no_evaluation_text(world: World) -> None:
    for name in world.params.data.tasks:
        build_task(name, world.params, world.paths)
    report = build_corpus(world.params, world.paths)
    manifest = json.loads((world.paths.corpus / data_folder.MANIFEST).read_text())
    kept = [json.loads(line) for line in (world.paths.corpus / "de.jsonl").read_text().splitlines()]
    assert {row["id"] for row in kept} == {"a1", "b1"}, "a2 is the premise of a German test row, folded"
    assert report["languages"]["de"] == {"kept": 2, "excluded_equal": 1, "excluded_sentence": 0}
    assert manifest["files"]["de.jsonl"]["sha256"] == sha256_file(world.paths.corpus / "de.jsonl")
    assert set(report["excluded_against"]) == {
        "mnli/dev.en.jsonl",
        "xnli/dev.en.jsonl",
        "xnli/test.de.jsonl",
        "xnli/test.en.jsonl",
    }
    first = files_of(world.paths.corpus)
    build_corpus(world.params, world.paths)
    assert files_of(world.paths.corpus) == first


def test_a_row_that_shares_a_long_sentence_goes(make_world: Callable[..., World]) -> None:
    shared = "A sentence that is long enough to be taken for evidence"
    test = nli_rows("de", 9)
    test[0]["premise"] = f"Before. {shared.upper()}! After it."
    rows = [
        {"id": "long", "text": f"Other words. {shared}."},
        {"id": "short", "text": "Before. Words of its own."},
    ]
    world = make_world({"xnli/test.de.jsonl": test, "text_b/text.de.jsonl": rows})
    for name in world.params.data.tasks:
        build_task(name, world.params, world.paths)
    report = build_corpus(world.params, world.paths)
    assert report["languages"]["de"] == {"kept": 2, "excluded_equal": 1, "excluded_sentence": 1}
    assert "long" not in (world.paths.corpus / "de.jsonl").read_text()


def test_a_corpus_of_nothing_but_evaluation_text_is_refused(make_world: Callable[..., World]) -> None:
    only = [{"id": "1", "text": "premise de 1"}]
    world = make_world({"text_a/text.deu.jsonl": only, "text_b/text.de.jsonl": [{"id": "2", "text": "é"}]})
    for name in world.params.data.tasks:
        build_task(name, world.params, world.paths)
    with pytest.raises(HarnessError, match="found only evaluation text"):
        build_corpus(world.params, world.paths)
    assert not world.paths.corpus.exists()


def test_a_corpus_needs_every_task_built(world: World) -> None:
    build_task("text", world.params, world.paths)
    with pytest.raises(HarnessError, match="dvc repro data@mnli"):
        build_corpus(world.params, world.paths)


def test_what_counts_as_text_of_a_row() -> None:
    row: dict[str, Any] = {
        "id": "i",
        "title": "t",
        "question": "q",
        "context": "c",
        "answers": {"text": ["a"], "answer_start": [0]},
    }
    assert list(texts_of(row)) == ["q", "c"]
    assert list(texts_of({"id": "i", "tokens": ["a", "b"], "tags": ["O", "O"]})) == ["a b", "ab"]
    assert list(texts_of({"id": "i", "context": "c", "choices": ["x", "y"], "label": 0})) == ["c", "x", "y"]
    assert fold("  E\u0301A\u00a0b\n") == fold("\u00e9a b")
    assert list(sentences("Short. " + "x" * 40 + "। " + "y" * 39 + "。")) == ["x" * 40]


def test_check_file_counts_a_last_line_without_newline(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n{}")
    assert check_file(path, sha256_file(path), 2) == b"{}\n{}"
    broken = tmp_path / "b.jsonl.gz"
    broken.write_bytes(b"not gzip")
    with pytest.raises(HarnessError, match="expected gzip"):
        check_file(broken, sha256_file(broken), 1)
