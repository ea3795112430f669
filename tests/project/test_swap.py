"""One thing in the place of another: the old one is there until the new one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.project import swap


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "file").write_text(content)
    return path


@pytest.mark.parametrize("can", [True, False], ids=["exchange", "aside"])
def test_a_folder_takes_the_place_of_another(tmp_path: Path, can: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not can:
        monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    place = tmp_path / "deep" / "place"
    for content in ("first", "second"):
        swap.put_in_place(folder(tmp_path / "new", content), place, tmp_path / "aside")
        assert (place / "file").read_text() == content
        assert sorted(path.name for path in tmp_path.iterdir()) == ["deep"]


def test_a_file_in_the_place_of_a_folder_and_back(tmp_path: Path) -> None:
    place = folder(tmp_path / "place", "old")
    (tmp_path / "new").write_text("file")
    swap.put_in_place(tmp_path / "new", place, tmp_path / "aside")
    assert place.read_text() == "file"
    swap.put_in_place(folder(tmp_path / "new", "again"), place, tmp_path / "aside")
    assert (place / "file").read_text() == "again"


def test_a_kill_between_two_renames_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, aside = folder(tmp_path / "place", "old"), tmp_path / "aside"
    new = folder(tmp_path / "new", "new")
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if path == new:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        swap.put_in_place(new, place, aside)
    assert not place.exists()
    monkeypatch.undo()
    swap.recover(place, aside)
    assert (place / "file").read_text() == "old" and not aside.exists()
