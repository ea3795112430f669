"""Every task file through one test, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from toy import ROOT

from harness.data.pins.write import MARKER
from harness.data.pins.yaml_block import dump_pins
from harness.data.readers import READERS
from harness.pages.tasks import TASKS_HEADER, tasks_table
from harness.project.errors import HarnessError
from harness.project.pins import GeneratedPin, Pin
from harness.project.tasks import (
    GROUP_OF_HEAD,
    HEAD_OF_KIND,
    METRICS_OF_KIND,
    Task,
    load_task,
    load_tasks,
    pin_for,
    task_names,
    unavailable,
)

TASKS = ROOT / "tasks"
INTERMEDIATE = {
    "anli_plus", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "ccg", "cosmosqa", "commonsenseqa"
}  # fmt: skip
TARGETS = {"xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc", "tatoeba"}
# XTREME's test languages per task: the language lists of google-research/xtreme's scripts (panx, udpos
# and tatoeba without those that XTREME-R added: az, gu, lt, pa, pl, qu, ro, uk; retrieval without English).
XTREME_LANGUAGES = {
    "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
    "pawsx": "de en es fr ja ko zh",
    "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh",
    "panx": "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta "
    "te th tl tr ur vi yo zh",
    "xquad": "ar de el en es hi ru th tr vi zh",
    "mlqa": "ar de en es hi vi zh",
    "tydiqa": "ar bn en fi id ko ru sw te",
    "bucc": "de fr ru zh",
    "tatoeba": "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te th "
    "tl tr ur vi zh",
}
# What the packs lack of a task, knowingly; each is said in the pin's note.
MISSING = {"panx": {"th"}, "tydiqa": {"ar", "bn", "en", "fi", "id", "ru", "te"}, "bucc": {"de", "fr", "ru"}}


def pins(task: Task) -> list[Pin]:
    return [*([task.pins.generated] if task.pins.generated else []), *task.pins.local.values()]


def test_the_files_are_the_papers_tasks() -> None:
    assert set(task_names(TASKS)) == {*INTERMEDIATE, *TARGETS, "text"}


@pytest.mark.parametrize("name", task_names(TASKS))
def test_task_file(name: str) -> None:
    task = load_task(name, TASKS)
    role = "intermediate" if name in INTERMEDIATE else "target" if name in TARGETS else "pretraining"
    assert task.role == role
    assert task.head == HEAD_OF_KIND[task.kind]
    assert task.metric in METRICS_OF_KIND[task.kind]
    assert task.group == (GROUP_OF_HEAD[task.head] if role == "target" else None)
    for words in (task.title, task.licence, task.source, task.publication):
        assert words.strip()
    for origin in task.origins:
        assert origin.name.strip() and origin.stated.strip()
        assert re.search(r" at [0-9a-f]{40}, ", origin.document), "the version that was read"
    assert task.languages == sorted(set(task.languages))
    if name in TARGETS:
        assert task.languages == XTREME_LANGUAGES[name].split()
    assert {"mini", "dev"} <= set(task.pins.local), "each pack at hand is pinned"
    for pin in pins(task):
        splits = {stem.split(".")[0] for stem in pin.files}
        if task.head not in ("retrieval", "none"):
            assert {"train", "dev"} <= splits
            trained_in = {stem.split(".")[1] for stem in pin.files if stem.startswith(("train.", "dev."))}
            assert trained_in == {pin.source_language}, "transfer is zero-shot"
        assert any(split.startswith("test") for split in splits) == (role == "target")


@pytest.mark.parametrize("name", task_names(TASKS))
def test_pins_of_the_packs(name: str) -> None:
    task = load_task(name, TASKS)
    for pack, pin in task.pins.local.items():
        for stem, parts in pin.files.items():
            for part in parts:
                assert re.fullmatch(r"[0-9a-f]{64}", part.sha256), (pack, stem)
                assert part.rows > 0
        tested = {stem.split(".")[1] for stem in pin.files if stem.startswith("test")}
        if name in TARGETS:
            assert tested == set(task.languages) - MISSING.get(name, set())
        assert pin.stand_in or pin.note, "the packs hold no task whole and unchanged, and say what they hold"


def test_pins_of_the_laboratory_world() -> None:
    for task in load_tasks(task_names(TASKS), TASKS).values():
        pin = pin_for(task, "generated")
        assert isinstance(pin, GeneratedPin)
        assert {language for stem in pin.files if re.match(r"q[a-z]{2}$", language := stem.split(".")[1])} == {
            stem.split(".")[1] for stem in pin.files
        }, "codes from ISO 639's private range: never to be taken for XTREME's"
        for stem, file in pin.files.items():
            assert file.from_task == task.borrowed_splits.get(stem.split(".")[0])


@pytest.mark.parametrize("name", sorted(INTERMEDIATE | TARGETS))
def test_published_pins(name: str) -> None:
    task = load_task(name, TASKS)
    pins = {place: pin for place in ("hub", "url", "path") if (pin := getattr(task.pins, place))}
    assert task.published, "every task of the paper is published somewhere"
    assert dump_pins(task.pins) == (TASKS / f"{name}.yaml").read_text(encoding="utf-8").partition(MARKER + "\n")[2]
    for place, pin in pins.items():
        trained = {stem for stem in pin.files if stem.startswith("train")}
        own = {stem for stem in trained if not stem.startswith("train_translated.")}
        assert own == (set() if task.head == "retrieval" else {"train.en"}), f"{place}: transfer is zero-shot"
        assert task.head == "retrieval" or "dev.en" in pin.files
        tested = {stem.split(".")[1] for stem in pin.files if stem.startswith("test")}
        assert tested == (set(task.languages) if name in TARGETS else set()), place
        assert {part.reader for parts in pin.files.values() for part in parts} <= set(READERS)
    dev = {stem.split(".")[1] for stem in pins[task.published[0]].files if stem.startswith("dev")}
    if name in ("xnli", "pawsx", "panx", "mlqa", "bucc", "udpos"):
        assert dev == set(task.languages) - ({"kk", "th", "tl", "yo"} if name == "udpos" else set())
    else:
        assert dev == (set() if name == "tatoeba" else {"en"}), "XTREME has no dev set of another language"


def test_counts_of_the_published_data() -> None:
    def rows(name: str, place: str, stem: str) -> list[int | None]:
        return [part.rows for part in getattr(load_task(name, TASKS).pins, place).files[stem]]

    for place in ("hub", "url"):
        assert rows("anli_plus", place, "train.en") == [392_702, 549_367, 16_946, 45_460, 100_459]
        assert rows("tydiqa", place, "train.en") == [3_696], "English passages only, not the file's 49,881"
        assert rows("xquad", place, "train.en") == rows("squad_v1", place, "train.en") == [87_599]
        assert rows("xnli", place, "train.en") == rows("mnli", place, "train.en") == [392_702]
        assert rows("xnli", place, "dev.en") == [2_490]
    assert rows("pawsx", "url", "train.en") == [49_401] and rows("pawsx", "hub", "train.en") == [49_175]
    assert load_task("pawsx", TASKS).published == ["url", "hub"], "the hub's copy lost rows"
    assert load_task("udpos", TASKS).published == ["url"], "the hub's copy mixes in other languages"
    gold = {"de": 9_580, "fr": 9_086, "ru": 14_435, "zh": 1_899}
    assert {code: rows("bucc", "url", f"test_gold.{code}")[0] for code in gold} == gold


def test_a_pair_of_files_is_downloaded_whole_and_an_archive_once() -> None:
    tatoeba, panx = load_task("tatoeba", TASKS).pins.url, load_task("panx", TASKS).pins.url
    assert tatoeba and panx
    assert len(tatoeba.downloads()) == len({side.url for side in tatoeba.downloads()}) == 2 * 36
    assert len(panx.downloads()) == 1


def test_what_a_machine_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_CCGBANK", raising=False)
    tasks = load_tasks(task_names(TASKS), TASKS)
    assert {name for name, task in tasks.items() if unavailable(task)} == {"ccg", "text"}
    table = {line[0]: line for line in tasks_table(tasks.values(), "published", None)}
    assert table["ccg"][-1].startswith("UNAVAILABLE: licensed by the LDC; set HARNESS_CCGBANK")
    assert table["text"][-2:] == ["none", "UNAVAILABLE: no published data is pinned for it"]
    assert table["xnli"][4:9] == ["15 of 15", "392702", str(15 * 2_490), str(15 * 5_010), "hub, url"]
    assert table["tydiqa"][5:8] == ["3696", "+", "+"], "counts that nobody has published"
    assert all(len(line) == len(TASKS_HEADER) for line in table.values())
    monkeypatch.setenv("HARNESS_CCGBANK", "/somewhere")
    assert unavailable(tasks["ccg"]) is None


def test_a_borrowed_split_is_the_other_tasks_own() -> None:
    tasks = load_tasks(task_names(TASKS), TASKS)
    borrowed = [(task, split, tasks[other]) for task in tasks.values() for split, other in task.borrowed_splits.items()]
    assert {(task.name, split, other.name) for task, split, other in borrowed} == {
        ("xnli", "train", "mnli"),
        ("xnli", "dev", "mnli"),
        ("xquad", "train", "squad_v1"),
        ("xquad", "dev", "squad_v1"),
        ("mlqa", "train", "squad_v1"),
        ("mlqa", "dev", "squad_v1"),
    }
    for task, split, other in borrowed:
        for pack in task.pins.local:
            stem = f"{split}.en"
            if (task.name, split) == ("xnli", "dev"):  # the packs have XNLI's own
                continue
            assert task.pins.local[pack].files[stem] == other.pins.local[pack].files[stem]
        mine, theirs = task.pins.generated, other.pins.generated
        assert mine and theirs
        stem = f"{split}.{mine.source_language}"
        assert (mine.version, mine.seed) == (theirs.version, theirs.seed)
        assert mine.files[stem].sha256 == theirs.files[stem].sha256
        assert mine.files[stem].rows == theirs.files[stem].rows


def test_stand_ins_are_named() -> None:
    tasks = load_tasks(task_names(TASKS), TASKS)
    named = {name for name, task in tasks.items() if task.pins.local["mini"].stand_in}
    assert named == {"ccg", "text"}
    table = {line[0]: line for line in tasks_table(tasks.values(), "local", "mini")}
    assert table["ccg"][-1].startswith("STAND-IN: UD supertags")
    assert all(len(line) == len(TASKS_HEADER) for line in table.values())
    lab = tasks_table(tasks.values(), "generated", None)
    assert {line[-1] for line in lab} == {"laboratory analogue"}


def test_the_table_counts_the_pins() -> None:
    (line,) = tasks_table([load_task("tydiqa", TASKS)], "local", "mini")
    pin = load_task("tydiqa", TASKS).pins.local["mini"]
    rows = {stem: parts[0].rows for stem, parts in pin.files.items()}
    assert line[4:9] == [
        "2 of 9",
        str(rows["train.en"]),
        str(rows["dev.en"]),
        str(rows["test.ko"] + rows["test.sw"]),
        "pack mini",
    ]
    (unpinned,) = tasks_table([load_task("tydiqa", TASKS)], "local", "other")
    assert unpinned[8] == "none"


def test_unknown_task_names_the_nearest_and_the_list() -> None:
    with pytest.raises(HarnessError, match=r"squad_v22.*did you mean `squad_v2`.*anli_plus"):
        load_task("squad_v22", TASKS)


def test_no_pin_for_the_active_source() -> None:
    task = load_task("xnli", TASKS)
    with pytest.raises(HarnessError, match="local pack 'mini'") as caught:
        pin_for(task, "local", "huge")
    assert "harness data pin xnli" in str(caught.value)
    bare = task.model_copy(update={"pins": task.pins.model_copy(update={"generated": None})})
    with pytest.raises(HarnessError, match="source generated"):
        pin_for(bare, "generated")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("licence:", "license: none\nlicence:", r"unknown key `license`.*did you mean `licence`"),
        ("metric: accuracy", "metric: span_f1", "span_f1.*does not score kind"),
        ("head: classification", "head: span", "needs head 'classification'"),
        ("group: null", "group: tagging", "group None"),
        ("role: intermediate", "role: middle", "`role`"),
        ("name: mnli", "name: xnli", "expected `name: mnli`"),
        ("title: MNLI\n", "", "`title`"),
        ("rows: 2000", "rows: '2000'", "rows"),
        ("sha256: ", "sha256: Z", "sha256"),
        ("path: mnli/", "path: ../mnli/", "path"),
        ("labels: [", "labels: [[", "expected YAML in"),
        ("languages: [en]", "languages: en", "`languages`"),
    ],
)
def test_what_a_task_file_may_not_hold(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (TASKS / "mnli.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mnli.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(HarnessError, match=message) as caught:
        load_task("mnli", tmp_path)
    assert "mnli.yaml" in str(caught.value)


def test_a_file_that_is_not_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "mnli.yaml").write_text("- a\n")
    with pytest.raises(HarnessError, match="found list"):
        load_task("mnli", tmp_path)
