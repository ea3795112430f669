"""Text that fits a terminal."""

from __future__ import annotations

from harness.project.terminal import paragraph


def test_a_command_to_copy_is_never_broken() -> None:
    command = "`harness pin results --recipe squad_v2 --seed 4`"
    lines = paragraph(f"these cells are not pinned yet: {command}, then commit", 60, label="notes: ")
    assert lines == ["notes: these cells are not pinned yet:", f"       {command},", "       then commit"]
    assert paragraph(f"run {command}", 20) == ["run", f"    {command}"], "a line that is too long, but whole"
    assert paragraph("a ` b c d e f g h i j k l m n o p q r s t u v", 20)[0] == "a ` b c d e f g h i"
