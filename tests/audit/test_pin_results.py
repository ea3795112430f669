"""`harness pin results` killed at any moment: the pinned results of before or the new ones, never none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic import Project, planted

from harness.audit.pin_results import pin_results
from harness.project import swap

Make = Callable[..., Project]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("can_exchange", [True, False], ids=["exchange", "aside"])
@pytest.mark.parametrize("step", range(4))
def test_a_kill_leaves_the_old_results_or_the_new(
    make_project: Make, monkeypatch: pytest.MonkeyPatch, step: int, can_exchange: bool
) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({"mnli": 1.0}))
    pinned = project.paths.pinned
    pin_results(project.params, project.paths)
    before = files(pinned)
    done: list[str] = []

    def until_killed(name: str) -> Callable[..., object]:
        do = getattr(swap, name) if name.startswith("_") else getattr(Path, name)

        def step_of(*arguments: object) -> object:
            if len(done) >= step:
                raise KeyboardInterrupt
            done.append(name)
            return do(*arguments)

        return step_of

    for name in ("_exchange", "_remove"):
        monkeypatch.setattr(swap, name, until_killed(name))
    if not can_exchange:
        monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", until_killed("rename"))
    try:
        pin_results(project.params, project.paths)
    except KeyboardInterrupt:
        pass
    else:
        assert len(done) <= step
    monkeypatch.undo()
    swap.recover(pinned, pinned.with_name(f"{pinned.name}.before"))
    assert files(pinned).keys() == before.keys()
    pin_results(project.params, project.paths)
    assert sorted(path.name for path in pinned.parent.iterdir() if path.name.startswith("lab")) == ["lab"]
