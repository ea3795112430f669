"""Training rows that a target and an intermediate task have in common, by their pins."""

from __future__ import annotations

from typing import Any

import toy as toys
from made_up_study import make, page_of

from harness.pages.study.shared import SharedRows, shared_rows
from harness.project.profiles import read_params
from harness.project.tasks import load_tasks

MINI = read_params(toys.ROOT / "profiles" / "mini.yaml")


def found(**changed: Any) -> dict[tuple[str, str], SharedRows]:
    params = MINI.model_copy(update=changed)
    tasks = load_tasks(params.data.tasks, toys.ROOT / "tasks").values()
    return {(one.target, one.task): one for one in shared_rows(tasks, params)}


def test_files_of_equal_bytes_are_found_in_the_pins_and_cut_as_the_profile_cuts_them() -> None:
    pairs = found()
    assert pairs.keys() == {("xnli", "mnli"), ("xnli", "anli_plus"), ("xquad", "squad_v1"), ("mlqa", "squad_v1")}
    assert [key for key, one in pairs.items() if not one.is_whole] == [("xnli", "anli_plus")]
    assert pairs["xnli", "anli_plus"].task_rows == 2900, "of the task's own files"
    one = pairs["xnli", "mnli"]
    assert (one.target_rows, one.task_rows, one.common) == (1600, 2900, 1600)
    less = MINI.intermediate | {"mnli": MINI.intermediate["mnli"].model_copy(update={"max_examples": 1000})}
    assert found(intermediate=less)["xnli", "mnli"].common == 1000
    whole = MINI.intermediate | {"mnli": MINI.intermediate["mnli"].model_copy(update={"max_examples": None})}
    assert found(intermediate=whole)["xnli", "mnli"].task_rows == 8999
    assert found(data=read_params(toys.ROOT / "profiles" / "paper.yaml").data) == {}, "nobody states their hashes"


def test_the_page_says_how_many_of_how_many() -> None:
    whole = SharedRows(target="xnli", task="mnli", target_rows=1600, task_rows=2900)
    part = whole.model_copy(update={"task_rows": 1000})
    assert "all 1,600 that it trains on are among the 2,900" in page_of(make({"mnli": 1.0}, shared=[whole]))
    assert "1,000 of 1,600 that it trains on are among the 1,000" in page_of(make({"mnli": 1.0}, shared=[part]))
    some = whole.model_copy(update={"task": "anli_plus", "is_whole": False, "mixtures": ["multi"]})
    page = page_of(make({"anli_plus": 1.0}, shared=[some]))
    assert (
        "xnli trains on 1,600 rows of a file that anli_plus draws from among others, for its 2,900, and so does" in page
    )
    assert "shares with an intermediate" not in page_of(make({"mnli": 1.0}))
