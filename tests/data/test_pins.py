"""`harness data pin`: only the pins change, and what does not equal its pin is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from toy import ROOT
from toy_pack import PACK, World, nli_rows, write_pack

from harness.data import formats, lab
from harness.data.build import build_task
from harness.data.corpus import build_corpus
from harness.data.folder import read_manifest, read_split
from harness.data.pins.write import MARKER, check_pin, pin_task
from harness.project import files as integrity
from harness.project.errors import HarnessError
from harness.project.params import DataParams, Params
from harness.project.paths import Paths
from harness.project.pins import GeneratedPin
from harness.project.tasks import load_task, pin_for, task_names

TASKS = ROOT / "tasks"


def sorted_by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["id"])


def toy_generate(task: str, split: str, language: str, rows: int, seed: int) -> list[dict[str, Any]]:
    return [row | {"premise": f"{task} {split} {seed} {i}"} for i, row in enumerate(nli_rows(language, rows))]


@pytest.fixture
def toy_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator of a few words in two languages."""
    monkeypatch.setattr(lab, "generate", toy_generate)
    monkeypatch.setattr(lab, "GENERATOR_VERSION", 7)
    monkeypatch.setattr(lab, "TASK_LANGUAGES", {"xnli": ("qaa", "qab")})


def test_pinning_again_changes_nothing(world: World) -> None:
    before = world.task_file("xnli").read_bytes()
    assert check_pin("xnli", world.paths.tasks, "local", "toy", world.pack) == []
    pin_task("xnli", world.paths.tasks, "local", "toy", world.pack)
    assert world.task_file("xnli").read_bytes() == before


def test_only_the_pins_of_that_pack_change(world: World) -> None:
    path = world.task_file("mnli")
    text = path.read_text()
    head, _, block = text.partition(MARKER)
    words = text.replace("note: null", "note: 'half of it: yes, # really'").replace(
        "# A toy.", "# By hand.\n# Two lines."
    )
    path.write_text(words)
    other = world.pack.parent / "other"
    write_pack(other.mkdir() or other, PACK | {"mnli/dev.en.jsonl": nli_rows("new", 4)})
    pin_task("mnli", world.paths.tasks, "local", "other", other)
    written = path.read_text()
    assert written.startswith(words.rstrip("\n")), "head, comments and the other pack's pin stay"
    pins = load_task("mnli", world.paths.tasks).pins.local
    assert (pins["toy"].note, pins["other"].note) == ("half of it: yes, # really", None)
    assert pins["other"].files["dev.en"][0].rows == 4
    assert pins["other"].files["train.en"] == pins["toy"].files["train.en"]
    assert head and block


def test_check_pin_names_both_lines_and_writes_nothing(world: World) -> None:
    before = world.task_file("mnli").read_bytes()
    old = integrity.sha256_file(world.pack / "mnli/dev.en.jsonl")
    write_pack(world.pack, PACK | {"mnli/dev.en.jsonl": nli_rows("new", 4)})
    new = integrity.sha256_file(world.pack / "mnli/dev.en.jsonl")
    gone, found = check_pin("mnli", world.paths.tasks, "local", "toy", world.pack)
    assert gone.startswith("- dev.en:") and old in gone and "rows: 3" in gone
    assert found.startswith("+ dev.en:") and new in found and "rows: 4" in found
    assert world.task_file("mnli").read_bytes() == before


def test_a_pack_is_not_pinned_against_its_own_manifest(world: World) -> None:
    (world.pack / "mnli/dev.en.jsonl").write_bytes(b"{}\n")
    with pytest.raises(HarnessError, match="the pack's manifest"):
        pin_task("mnli", world.paths.tasks, "local", "toy", world.pack)


def test_what_pinning_needs(world: World, tmp_path: Path) -> None:
    tasks = world.paths.tasks
    with pytest.raises(HarnessError, match="name of the data pack"):
        pin_task("mnli", tasks, "local")
    with pytest.raises(HarnessError, match="found neither data_dir"):
        pin_task("mnli", tasks, "local", "toy")
    empty = tmp_path / "empty"
    empty.mkdir()
    write_pack(empty, {"qqp/dev.en.jsonl": nli_rows("en", 1)})
    with pytest.raises(HarnessError, match="expected files of task mnli"):
        pin_task("mnli", tasks, "local", "empty", empty)
    path = world.task_file("mnli")
    path.write_text(path.read_text().replace(MARKER, "# gone"))
    with pytest.raises(HarnessError, match="put that line back"):
        pin_task("mnli", tasks, "local", "toy", world.pack)


@pytest.mark.usefixtures("toy_lab")
def test_the_generated_source(world: World) -> None:
    sizes = {"train": 9, "dev": 3, "test": 8}
    for name in ("mnli", "xnli"):
        pin_task(name, world.paths.tasks, "generated", generated_rows=sizes)
        assert check_pin(name, world.paths.tasks, "generated", generated_rows=sizes) == []
    pin = pin_for(load_task("xnli", world.paths.tasks), "generated")
    assert isinstance(pin, GeneratedPin)
    assert list(pin.files) == ["train.qaa", "dev.qaa", "test.qaa", "test.qab"]
    assert (pin.version, pin.files["train.qaa"].from_task) == (7, "mnli")
    data = DataParams(source="generated", tasks=["xnli"])
    params = Params.model_construct(profile="toy", data=data)
    build_task("xnli", params, world.paths)
    manifest = read_manifest(world.paths.data("xnli"))
    assert manifest.stand_in == "laboratory analogue of Toy xnli"
    assert {name: file.sha256 for name, file in manifest.files.items()} == {
        f"{stem}.jsonl": file.sha256 for stem, file in pin.files.items()
    }
    assert read_split(world.paths.data("xnli"), "train", "qaa")[0]["premise"].startswith("mnli train")


@pytest.mark.usefixtures("toy_lab")
def test_a_generator_that_no_longer_makes_the_pinned_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pin_task("mnli", world.paths.tasks, "generated", generated_rows={"train": 9, "dev": 3})
    params = Params.model_construct(profile="toy", data=DataParams(source="generated", tasks=["mnli"]))
    monkeypatch.setattr(lab, "generate", lambda *args: toy_generate(*args)[::-1])
    with pytest.raises(HarnessError, match=r"train\.qaa of the laboratory world.*raise GENERATOR_VERSION"):
        build_task("mnli", params, world.paths)
    monkeypatch.setattr(lab, "GENERATOR_VERSION", 8)
    with pytest.raises(HarnessError, match=r"expected generator version 7 .*found 8"):
        build_task("mnli", params, world.paths)


@pytest.mark.parametrize("name", ["tatoeba", "bucc", "udpos", "panx"])
def test_the_laboratory_world_makes_what_is_pinned(tmp_path: Path, name: str) -> None:
    (tmp_path / "tasks").symlink_to(TASKS)
    params = Params.model_construct(profile="lab", data=DataParams(source="generated", tasks=[name]))
    paths = Paths(tmp_path, "lab")
    manifest = build_task(name, params, paths)
    pin = pin_for(load_task(name, TASKS), "generated")
    assert {f"{stem}.jsonl" for stem in pin.files} == set(manifest["files"])
    if name == "bucc":
        folder = paths.data(name)
        for language in lab.TASK_LANGUAGES[name]:
            ids = {row["id"] for row in read_split(folder, "test_source", language)}
            assert {row["source_id"] for row in read_split(folder, "test_gold", language)} <= ids


@pytest.mark.realdata
def test_the_real_pack_is_what_the_task_files_pin(real_pack: Path) -> None:
    for name in task_names(TASKS):
        assert check_pin(name, TASKS, "local", real_pack.name, real_pack) == [], name


@pytest.mark.realdata
def test_a_cut_of_the_real_pack_takes_every_data_set_and_many_articles(real_pack: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks").symlink_to(TASKS)
    names = ["anli_plus", "squad_v1"]
    data = DataParams(source="local", pack=real_pack.name, data_dir=str(real_pack), tasks=names)
    params, paths = Params.model_construct(profile="mini", data=data), Paths(tmp_path, "mini")
    for name in names:
        build_task(name, params, paths)
    rows = read_split(paths.data("anli_plus"), "train", "en")
    whole, first = (Counter(row["id"].partition("-")[0] for row in taken) for taken in (rows, rows[:1000]))
    assert set(whole) == {"mnli", "snli", "anli"}
    for name, count in whole.items():
        assert abs(first[name] / 1000 - count / len(rows)) < 0.05, name
    questions = read_split(paths.data("squad_v1"), "train", "en")
    contexts = [len({row["context"] for row in taken}) for taken in (questions[:100], sorted_by_id(questions)[:100])]
    assert contexts[0] > 2 * contexts[1], "contexts among a hundred questions, mixed and in the order of their ids"


@pytest.mark.slow
@pytest.mark.realdata
def test_the_real_pack_builds_and_its_corpus_holds_no_evaluation_row(real_pack: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks").symlink_to(TASKS)
    names = task_names(TASKS)
    data = DataParams(source="local", pack=real_pack.name, data_dir=str(real_pack), tasks=names)
    params, paths = Params.model_construct(profile="mini", data=data), Paths(tmp_path, "mini")
    evaluated: set[str] = set()
    for name in names:
        built = build_task(name, params, paths)
        assert built["stand_in"] == load_task(name, TASKS).pins.local[real_pack.name].stand_in
        for stem, parts in load_task(name, TASKS).pins.local[real_pack.name].files.items():
            assert built["files"][f"{stem}.jsonl"]["rows"] == sum(part.rows for part in parts)
            split, language = stem.split(".")
            if split.startswith(("dev", "test")) and not split.endswith("_gold"):
                evaluated |= {
                    plain_hash(text)
                    for row in read_split(paths.data(name), split, language)
                    for text in plain_texts(row)
                }
    manifest = build_corpus(params, paths)
    kept = {
        path.name: [plain_hash(row["text"]) for _, row in formats.parse_lines(path.read_bytes(), path.name)]
        for path in paths.corpus.glob("*.jsonl")
    }
    assert len(evaluated) > 10_000
    assert not evaluated & {one for hashes in kept.values() for one in hashes}
    text = {
        plain_hash(row["text"])
        for language in manifest["languages"]
        for row in read_split(paths.data("text"), "text", language)
    }
    assert evaluated & text, "the pack does hold evaluation text, so the exclusion had work to do"
    assert sum(map(len, kept.values())) == sum(counts["kept"] for counts in manifest["languages"].values())


def plain_texts(row: dict[str, Any]) -> list[str]:
    """Every string that a model could be shown, collected independently of the code under test."""
    fields = (
        "premise",
        "hypothesis",
        "sentence1",
        "sentence2",
        "question",
        "context",
        "source",
        "target",
        "text",
    )
    return (
        [row[field] for field in fields if row.get(field)]
        + row.get("choices", [])
        + [" ".join(row.get("tokens", ["-"]))]
    )


def plain_hash(text: str) -> str:
    return integrity.sha256_bytes(" ".join(text.split()).lower().encode())
