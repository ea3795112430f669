"""A page and its pictures are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.pages import whole
from harness.pages.whole import whole_files
from harness.project.errors import HarnessError

OLD = {"page.md": "old", "page.png": "old", "other.txt": "kept"}


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in OLD.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_is_interrupted_leaves_the_folder_as_it_was(folder: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), whole_files(folder) as place:
        (place / "page.png").write_text("new")
        raise error
    assert content(folder) == OLD


def test_all_files_take_their_places_the_page_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(whole.Path, "replace", lambda path, to: (order.append(path.name), replace(path, to))[1])
    with whole_files(folder) as place:
        for name in ("page.md", "a.png", "page.png"):
            (place / name).write_text("new")
        assert content(place).keys() == {"page.md", "a.png", "page.png"} and (folder / "page.md").read_text() == "old"
    assert content(folder) == {"page.md": "new", "page.png": "new", "a.png": "new", "other.txt": "kept"}
    assert order == ["a.png", "page.png", "page.md"]


def test_a_folder_that_can_not_be_is_said(folder: Path) -> None:
    with pytest.raises(HarnessError, match=r"expected to write .*other\.txt"), whole_files(folder / "other.txt"):
        pass
