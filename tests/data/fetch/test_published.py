"""Published data end to end, over a real HTTP server: pin -> fetch -> build, and the pack that is sampled from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import layouts
import pytest
from hub_server import Hub, sha256
from published_world import PLACES, TASKS, Rows, lab_rows, toy_version, write_pins

from harness.audit.facts_here import read_facts
from harness.data import published
from harness.data.build import build_task
from harness.data.fetch.fetch import fetch_tasks, published_tasks
from harness.data.folder import has_split, read_manifest, read_split
from harness.data.pack import make_pack, smallest
from harness.data.pins.write import check_pin, pin_task
from harness.data.published import Published
from harness.project.errors import HarnessError
from harness.project.params import DataParams, Grid, Params, Recipe
from harness.project.paths import Paths
from harness.project.pins import Pins
from harness.project.tasks import Task, load_task
from harness.verify.claims.kinds import CountRows
from harness.verify.claims.registry import read_claims

MNLI = {"train": lab_rows("mnli", "train", "en", 30), "validation_matched": lab_rows("mnli", "dev", "en")}
XNLI = {code: lab_rows("xnli", "test", code) for code in ("en", "de", "sw")}
DEV = {code: rows[:9] for code, rows in XNLI.items()}
TATOEBA = lab_rows("tatoeba", "test", "de")
BUCC = {side: lab_rows("bucc", f"test_{side}", "ru", 24) for side in ("source", "target", "gold")}
TRANSLATED = lab_rows("xnli", "test", "de", 30)


def by_id(folder: Path, split: str, language: str) -> Rows:
    """The built rows in the order of their ids, which is that of the rows here."""
    return sorted(read_split(folder, split, language), key=lambda row: (len(row["id"]), row["id"]))


def shard(folder: str, split: str) -> str:
    return f"{folder}/{split}-00000-of-00001.parquet"


def repositories() -> dict[str, dict[str, dict[str, bytes]]]:
    """What the hub serves, at the revisions that the project's own tasks pin."""
    revisions = load_task("xnli", TASKS).pins.hub
    assert revisions
    files = {
        "nyu-mll/multi_nli": {shard("data", split): layouts.parquet_nli(rows) for split, rows in MNLI.items()},
        "google/xtreme": {
            shard("XNLI", "test"): layouts.parquet_xnli(XNLI),
            shard("XNLI", "validation"): layouts.parquet_xnli(DEV),
        },
    }
    return {name: {revisions.revisions[name]: found} for name, found in files.items()}


def addresses() -> dict[str, bytes]:
    """What lies behind the tasks' addresses, by the last part of each."""
    sides = {
        side: getattr(layouts, f"bucc_{'gold' if side == 'gold' else 'text'}")(rows) for side, rows in BUCC.items()
    }
    names = {"source": "ru-en.training.ru", "target": "ru-en.training.en", "gold": "ru-en.training.gold"}
    return {
        "multinli_1.0.zip": layouts.zipped(
            {
                "multinli_1.0/multinli_1.0_train.jsonl": layouts.nli_jsonl(MNLI["train"]),
                "multinli_1.0/multinli_1.0_dev_matched.jsonl": layouts.nli_jsonl(MNLI["validation_matched"]),
            }
        ),
        "XNLI-MT-1.0.zip": layouts.zipped({"m/multinli.train.de.tsv": layouts.xnli_mt_tsv(TRANSLATED)}),
        "XNLI-1.0.zip": layouts.zipped(
            {"XNLI-1.0/xnli.test.tsv": layouts.xnli_tsv(XNLI), "XNLI-1.0/xnli.dev.tsv": layouts.xnli_tsv(DEV)}
        ),
        "tatoeba.deu-eng.deu": layouts.text_lines(row["source"] for row in TATOEBA),
        "tatoeba.deu-eng.eng": layouts.text_lines(row["target"] for row in TATOEBA),
        "bucc2018-ru-en.training-gold.tar.bz2": layouts.tarred(
            {f"bucc2018/ru-en/{names[side]}": content for side, content in sides.items()}, "bz2"
        ),
    }


STEMS = {
    "mnli": {"train.en", "dev.en", "train_translated.de"},
    "xnli": {"train.en", "dev.en", "dev.de", "test.en", "test.de", "test.sw"},
    "tatoeba": {"test.de"},
    "bucc": {"test_source.ru", "test_target.ru", "test_gold.ru"},
    "ccg": {"train.en", "dev.en"},
    "text": set(),
}


class World:
    """A hub, and a project whose tasks pin what it serves."""

    def __init__(self, hub: Hub, root: Path) -> None:
        self.hub, self.paths, self.store = hub, Paths(root / "project", "toy"), root / "project" / "store"
        self.paths.tasks.mkdir(parents=True)
        for name, stems in STEMS.items():
            self.write(name, toy_version(load_task(name, TASKS), hub, dict.fromkeys(PLACES, stems)))
        self.params = Params.model_construct(
            profile="toy", data=DataParams(source="published", tasks=list(STEMS)), encoder=None
        )

    def write(self, name: str, pins: Pins) -> None:
        write_pins(self.paths.tasks, name, pins)

    def pin(self, name: str) -> Task:
        return pin_task(name, self.paths.tasks, "published", store=self.store)

    def check(self, name: str) -> list[str]:
        return check_pin(name, self.paths.tasks, "published", store=self.store)

    def fetch(self, *names: str, recipes: Mapping[str, Recipe] | None = None) -> None:
        recipes = {"none": Recipe(tasks=[]), **(recipes or {})}
        grid = Grid(recipes=list(recipes), targets=[], seeds=[1])
        params = self.params.model_copy(update={"recipes": recipes, "grid": grid})
        fetch_tasks(names, params, self.paths)

    def build(self, name: str) -> Path:
        build_task(name, self.params, self.paths)
        return self.paths.data(name)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.delenv("HARNESS_CCGBANK", raising=False)
    with Hub(repositories=repositories(), addresses=addresses()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield World(hub, tmp_path)


def test_pin_fetch_build(world: World) -> None:
    stated = world.pin("xnli").pins.hub
    assert stated
    (test,) = stated.files["test.de"]
    content = world.hub.files("dataset", "google/xtreme", stated.revisions["google/xtreme"])
    assert content and (test.sha256, test.bytes) == (sha256(content[1][test.path]), len(content[1][test.path]))
    assert test.rows is None, "nothing has been fetched yet"
    world.fetch("xnli", "tatoeba", "bucc", "mnli")
    assert {line[0] for line in world.check("xnli")} == {"-", "+"}, "the counts are known now"
    pinned = world.pin("xnli").pins.hub
    assert pinned and pinned.files["test.de"][0].rows == len(XNLI["de"])
    assert world.check("xnli") == []

    folder = world.build("xnli")
    assert by_id(folder, "train", "en") == MNLI["train"]
    assert {code: by_id(folder, "test", code) for code in XNLI} == XNLI
    assert by_id(folder, "dev", "de") == DEV["de"]
    built = read_manifest(folder)
    assert built.source_pin.startswith("published (hub) sha256 ") and built.stand_in is built.unavailable is None

    assert by_id(world.build("tatoeba"), "test", "de") == TATOEBA
    mined = world.build("bucc")
    assert {side: by_id(mined, f"test_{side}", "ru") for side in BUCC} == BUCC


def test_what_was_fetched_and_built_is_what_verify_counts(world: World) -> None:
    claims = read_claims(TASKS.parent / "reference" / "claims.yaml")
    (check,) = [claim.check for claim in claims if claim.id == "mnli-size"]
    assert isinstance(check, CountRows)

    def decided() -> tuple[str, str | None, str]:
        found = check.decide(read_facts(claims, world.paths))
        return found.verdict, found.found, found.note

    world.fetch("mnli")
    assert decided() == ("NOT_TESTED", None, "no pinned count")
    world.build("mnli")
    assert decided() == ("REFUTED", "30", "counted here")
    world.pin(
        "mnli"
    )  # with the counts and hashes of what was fetched: no longer the pins that the folder was built from
    assert decided() == ("REFUTED", "30", "pinned count")


def test_a_place_that_was_not_fetched_is_passed_over(world: World) -> None:
    world.hub.faults.answer("google/xtreme", 404, times=99)
    world.fetch("xnli")
    folder = world.build("xnli")
    assert read_manifest(folder).source_pin.startswith("published (url)")
    assert by_id(folder, "test", "sw") == XNLI["sw"]


def test_bytes_that_are_not_the_pinned_ones_are_refused_whatever_other_places_have(world: World) -> None:
    world.fetch("xnli")
    (path,) = world.store.rglob("XNLI/test-*.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(HarnessError, match=r"expected sha256 .*XNLI/test-") as caught:
        world.build("xnli")
    assert "harness data fetch" in str(caught.value)
    path.unlink()
    with pytest.raises(HarnessError, match="expected the fetched file"):
        world.build("xnli")


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"rows": 13}, r"expected 13 rows \(pin\), found 12 in test\.de of task xnli .*; nothing left out"),
        ({"labels": {"neutral": 12}}, r"expected labels \{'neutral': 12\} \(pin\), found"),
        ({"reader": "parquet_pawsx"}, "layout of reader parquet_pawsx"),
    ],
)
def test_rows_that_are_not_as_pinned(world: World, update: dict[str, Any], message: str) -> None:
    world.fetch("xnli")
    pins = load_task("xnli", world.paths.tasks).pins
    assert pins.hub
    files = dict(pins.hub.files) | {"test.de": [pins.hub.files["test.de"][0].model_copy(update=update)]}
    world.write("xnli", pins.model_copy(update={"hub": pins.hub.model_copy(update={"files": files})}))
    with pytest.raises(HarnessError, match=message):
        world.build("xnli")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row | {"label": "neutral"} for row in XNLI["de"]], "that is a placeholder"),
        ([row | {"label": "-"} for row in XNLI["de"]], "`label` to be entailment, neutral or contradiction"),
    ],
)
def test_placeholder_test_labels(world: World, rows: Rows, message: str) -> None:
    hidden = layouts.parquet_xnli(XNLI | {"de": rows})
    for revision in world.hub.repositories["dataset"]["google/xtreme"]:
        world.hub.set_bytes("dataset", "google/xtreme", revision, shard("XNLI", "test"), hidden)
    world.fetch("xnli")
    with pytest.raises(HarnessError, match=message):
        world.build("xnli")


def test_test_rows_labelled_minus_one_are_a_placeholder(world: World) -> None:
    task = load_task("mnli", world.paths.tasks)
    assert task.pins.hub
    files = {"train.en": task.pins.hub.files["train.en"], "test.en": task.pins.hub.files["dev.en"]}
    hub = task.pins.hub.model_copy(update={"files": files})
    world.write("mnli", task.pins.model_copy(update={"hub": hub, "url": None}))
    for revision in world.hub.repositories["dataset"]["nyu-mll/multi_nli"]:
        hidden = layouts.parquet_nli(MNLI["validation_matched"], unlabelled=4)
        name = shard("data", "validation_matched")
        world.hub.set_bytes("dataset", "nyu-mll/multi_nli", revision, name, hidden)
    world.fetch("mnli")
    with pytest.raises(HarnessError, match=r"found 4 rows labelled -1 in test\.en"):
        Published(load_task("mnli", world.paths.tasks), world.store).rows("test.en")


def test_translated_rows_are_fetched_for_recipes_that_name_them(world: World) -> None:
    world.fetch("mnli")
    assert not has_split(world.build("mnli"), "train_translated")
    world.fetch("mnli", recipes={"mnli_de": Recipe(tasks=["mnli"], translated=["de"])})
    folder = world.build("mnli")
    assert by_id(folder, "train_translated", "de") == TRANSLATED
    assert read_manifest(folder).source_pin.startswith("published (hub and url)")
    world.fetch("xnli", recipes={"xnli_de": Recipe(tasks=["xnli"], translated=["de"])})
    assert not has_split(world.build("xnli"), "train_translated"), "nobody has published any"


def test_what_is_not_published_is_not_fetched(world: World) -> None:
    assert published_tasks(world.params, world.paths) == [name for name in STEMS if name != "text"]
    with pytest.raises(HarnessError, match="text has nothing to fetch"):
        world.fetch("text")


def test_a_pin_that_the_hub_does_not_know(world: World) -> None:
    pins = load_task("xnli", world.paths.tasks).pins
    assert pins.hub
    other = dict(pins.hub.revisions) | {"google/xtreme": "b" * 40}
    world.write("xnli", pins.model_copy(update={"hub": pins.hub.model_copy(update={"revisions": other})}))
    with pytest.raises(HarnessError, match=r"b{40}.*\(pins\.hub of task xnli\)"):
        world.check("xnli")
    files = dict(pins.hub.files)
    files["test.de"] = [files["test.de"][0].model_copy(update={"path": shard("xnli", "test")})]
    world.write("xnli", pins.model_copy(update={"hub": pins.hub.model_copy(update={"files": files})}))
    with pytest.raises(HarnessError, match=r"expected xnli/test-.*pins.hub of task xnli\), found none; did you mean"):
        world.check("xnli")
    path = world.paths.tasks / "xnli.yaml"
    path.write_text(path.read_text().replace(pins.hub.revisions["google/xtreme"], "main"))
    with pytest.raises(HarnessError, match="revisions"):
        world.check("xnli")


def test_a_licensed_corpus(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world.build("ccg")
    assert read_manifest(folder).unavailable == "licensed by the LDC; set HARNESS_CCGBANK to your copy's folder"
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    with pytest.raises(HarnessError, match="expected rows of task ccg, found none: licensed by the LDC"):
        read_split(folder, "train", "en")
    assert read_manifest(world.build("text")).unavailable == "no published data is pinned for it"

    assert world.check("ccg") == [], "nothing can be asked"

    corpus = tmp_path / "ccgbank"
    sections = {"00": 3, "01": 5, "02": 4, "13": 6, "21": 2, "22": 9}
    for section, count in sections.items():
        rows = [row | {"id": f"wsj_{section}{row['id']}"} for row in lab_rows("ccg", "train", "en", count)]
        (corpus / "data" / "AUTO" / section).mkdir(parents=True)
        (corpus / "data" / "AUTO" / section / f"wsj_{section}01.auto").write_bytes(layouts.ccgbank_auto(rows))
    monkeypatch.setenv("HARNESS_CCGBANK", str(tmp_path / "elsewhere"))
    with pytest.raises(HarnessError, match=r"data/AUTO/0\[2-9\].*elsewhere \(HARNESS_CCGBANK\), found none"):
        world.build("ccg")
    monkeypatch.setenv("HARNESS_CCGBANK", str(corpus))
    folder = world.build("ccg")
    assert len(read_split(folder, "train", "en")) == 4 + 6 + 2
    assert [row["id"] for row in by_id(folder, "dev", "en")] == ["wsj_000", "wsj_001", "wsj_002"]
    pinned = world.pin("ccg").pins.path
    assert pinned and [part.rows for part in pinned.files["train.en"]] == [4, 6, 2]


def test_a_pack_is_sampled_by_the_packs_rule(world: World, tmp_path: Path) -> None:
    def sized(name: str, files: dict[str, tuple[str, int]]) -> None:
        pins = load_task(name, world.paths.tasks).pins
        parts = {stem: [{"path": path, "rows": rows, "sha256": "0" * 64}] for stem, (path, rows) in files.items()}
        local = {"source_language": "en", "stand_in": None, "note": None, "files": parts}
        new = Pins.model_validate({"local": {"small": local}}).local
        world.write(name, pins.model_copy(update={"local": new, "generated": None}))

    sized("mnli", {"train.en": ("mnli/train.en.jsonl.gz", 7), "dev.en": ("mnli/dev.en.jsonl", 4)})
    tests = {f"test.{code}": (f"xnli/test.{code}.jsonl", 5) for code in XNLI}
    sized("xnli", {"train.en": ("mnli/train.en.jsonl.gz", 7), "dev.en": ("xnli/dev.en.jsonl", 99)} | tests)
    sides = {f"test_{side}.ru": (f"bucc/test_{side}.ru.jsonl", 6) for side in ("source", "target")}
    sized("bucc", sides | {"test_gold.ru": ("bucc/test_gold.ru.jsonl", 3)})
    world.fetch("mnli", "xnli", "bucc")
    data = DataParams(source="local", pack="small", tasks=["xnli", "mnli", "bucc", "text"])
    params = world.params.model_copy(update={"data": data})
    out = tmp_path / "tiny"
    lines = make_pack(params, world.paths, world.store, out)
    assert lines[0] == "left out text: no published data is pinned for it"
    assert lines[-1].endswith(f"HARNESS_DATA_DIR={out} harness data pin xnli mnli bucc --pack tiny")

    kept = {code: {row["id"] for row in pack_rows(out, f"xnli/test.{code}.jsonl")} for code in XNLI}
    assert kept["en"] == kept["de"] == kept["sw"] and len(kept["en"]) == 5, "parallel items"
    assert len(pack_rows(out, "xnli/dev.en.jsonl")) == len(DEV["en"]), "all there are"
    drawn = [row["premise"] for row in pack_rows(out, "mnli/train.en.jsonl")]
    assert drawn == [row["premise"] for row in smallest(MNLI["train"], 7, "mnli")]
    pairs = pack_rows(out, "bucc/test_gold.ru.jsonl")
    for side in ("source", "target"):
        sentences = pack_rows(out, f"bucc/test_{side}.ru.jsonl")
        assert {row[f"{side}_id"] for row in pairs} <= {row["id"] for row in sentences}
        assert (len(pairs), len(sentences)) == (3, 6)

    for name in ("xnli", "mnli"):
        pin_task(name, world.paths.tasks, "local", "tiny", out)
    local = params.model_copy(
        update={"data": DataParams(source="local", pack="tiny", data_dir=str(out), tasks=["xnli"])}
    )
    build_task("xnli", local, world.paths)
    assert len(read_split(world.paths.data("xnli"), "train", "en")) == 7
    with pytest.raises(HarnessError, match="already there"):
        make_pack(params, world.paths, world.store, out)
    with pytest.raises(HarnessError, match="source `local`"):
        make_pack(world.params, world.paths, world.store, tmp_path / "other")


def pack_rows(folder: Path, path: str) -> Rows:
    return [json.loads(line) for line in (folder / path).read_text(encoding="utf-8").splitlines()]


def test_the_store_is_hashed_once_per_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fetch("xnli")
    asked: list[str] = []
    found = published.stored_file

    def counting(folder: Path, name: str, pinned: str | None) -> Path:
        asked.append(name)
        return found(folder, name, pinned)

    monkeypatch.setattr(published, "stored_file", counting)
    Published(load_task("xnli", world.paths.tasks), world.store)
    assert len(asked) == len(set(asked)) == 3
