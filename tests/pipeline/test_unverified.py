"""What nobody confirmed: values whose comment says so, and published inputs that no pin holds wholly."""

from __future__ import annotations

from pathlib import Path

import toy as toys

from harness.pipeline.unverified import render_unverified, unpinned_inputs, unverified_settings
from harness.project.pins import HubFile, HubPin, PathFile, PathPin, Pins
from harness.project.profiles import read_params
from harness.project.tasks import load_tasks

PAPER = toys.ROOT / "profiles" / "paper.yaml"

TEXT = """
# recalled, unverified: a line without a value says nothing
a: &shared
  rate: 1.0e-5 # recalled, unverified
  size: 4 # read somewhere
  name: "# recalled, unverified" # read
b:
  <<: *shared
  size: 8 # from memory: recalled, unverified
c: {x: 1, <<: *shared, y: [1, 2]} # recalled, unverified
d: # recalled, unverified
  - 1
  - 2 # recalled, unverified
e: 5
f: [3,
    4] # recalled, unverified
"""


def test_a_comment_stands_for_the_values_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT, encoding="utf-8")
    found = {item.key: item.value for item in unverified_settings(path)}
    assert found == {
        "a.rate": "1.0e-5",
        "b.rate": "1.0e-5",
        "b.size": "8",
        "c.rate": "1.0e-5",
        "c.x": "1",
        "c.y": "[1, 2]",
        "d.1": "2",
        "f": "[3, 4]",
    }
    assert {item.comment for item in unverified_settings(path) if item.key == "b.size"} == {
        "from memory: recalled, unverified"
    }


def test_the_papers_recalled_settings_are_found() -> None:
    found = {item.key: item.value for item in unverified_settings(PAPER)}
    tasks = read_params(PAPER).intermediate
    for task in tasks:
        for name in ("learning_rate", "batch_size", "epochs"):
            assert float(found[f"intermediate.{task}.{name}"]) == getattr(tasks[task], name)
    assert not any(key.startswith("target.") for key in found), "targets follow the guide, which was read"


def test_every_number_of_the_paper_profile_says_where_it_is_from() -> None:
    sources = ("guide", "command", "ours", "recalled, unverified", "jiant's code", "read in several", "hub's count")
    lines = PAPER.read_text(encoding="utf-8").splitlines()
    numbers = [line for line in lines if any(ch.isdigit() for ch in _value(line))]
    assert len(numbers) > 40
    assert [line for line in numbers if not any(source in line.partition(" # ")[2] for source in sources)] == []


def _value(line: str) -> str:
    """What a line sets: its values without keys, task names and hashes (the line above those has the source)."""
    value = line.partition(" # ")[0].partition(": ")[2]
    plain = value if "{" not in value else " ".join(part.partition(": ")[2] for part in value.strip("{}").split(","))
    is_hash = len(plain.strip()) == 64
    return "" if "[" in value or is_hash or not plain.strip()[:1].isdigit() else plain


def test_inputs_that_are_not_wholly_pinned_are_named() -> None:
    params = read_params(PAPER)
    tasks = load_tasks(["xnli", "ccg", "mnli", "pawsx"], toys.ROOT / "tasks")

    def file(rows: int | None, sha256: str | None) -> list[HubFile]:
        return [HubFile(reader="rows", repository="o/n", path="a.parquet", rows=rows, sha256=sha256)]

    files = {"train.en": file(5, "0" * 64), "test.de": file(None, "0" * 64), "test.fr": file(5, None)}
    hub = HubPin(source_language="en", note=None, revisions={"o/n": "0" * 40}, files=files)
    path = PathPin(
        source_language="en",
        note=None,
        variable="CCGBANK",
        why="licensed",
        files={"train.en": [PathFile(reader="ccg", pattern="*.auto", rows=None)]},
    )
    tasks["xnli"] = tasks["xnli"].model_copy(update={"published": ["hub"], "pins": Pins(hub=hub)})
    tasks["ccg"] = tasks["ccg"].model_copy(update={"published": ["path"], "pins": Pins(path=path)})
    for name in ("mnli", "pawsx"):
        tasks[name] = tasks[name].model_copy(update={"published": [], "pins": Pins()})
    grid = params.grid.model_copy(update={"recipes": ["none", "mnli+translated"]})
    found = unpinned_inputs(params.model_copy(update={"grid": grid}), tasks)
    assert [(item.task, item.place, item.files, item.reason) for item in found] == [
        ("xnli", "hub o/n", ["test.de"], "no count of rows"),
        ("xnli", "hub o/n", ["test.fr"], "no sha256: the revision alone pins it"),
        ("ccg", "path", ["train.en"], "no count of rows"),
        ("ccg", "path", ["train.en"], "no sha256: a licensed corpus, whose owner names the folder"),
        ("mnli", "-", ["all"], "no published pin at all"),
        ("pawsx", "-", ["all"], "no published pin at all"),
        (
            "mnli",
            "-",
            [f"train_translated.{code}" for code in params.recipes["mnli+translated"].translated],
            "no translated rows: recipe mnli+translated is unavailable",
        ),
    ]
    text = render_unverified(PAPER, params.model_copy(update={"grid": grid}), tasks)
    assert "train_translated in 14 languages" in text and "20 published inputs not wholly pinned" in text


def test_another_source_has_no_published_inputs() -> None:
    lab = read_params(toys.ROOT / "profiles" / "lab.yaml")
    assert unpinned_inputs(lab, load_tasks(lab.data.tasks, toys.ROOT / "tasks")) == []
