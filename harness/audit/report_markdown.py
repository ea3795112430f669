"""A Verification as Markdown, for the page that GitHub shows of a CI job: the answer, the tables, the levels."""

from __future__ import annotations

from collections.abc import Sequence

from harness.audit.levels_in_words import level_lines
from harness.audit.meaning import exit_meaning
from harness.audit.report import head_rows, tables
from harness.audit.verification import Verification
from harness.project.terminal import Column, says_something


def markdown(v: Verification) -> str:
    """What `harness verify` prints, as Markdown; every table with all its columns."""
    parts = [f"## {_cell(v.answer)}", "\n".join(f"- **{name}**: {_cell(text)}" for name, text in head_rows(v))]
    parts += [_table(table.columns(table.claims)) for table in tables(v)]
    levels = level_lines(v)
    found = [Column("level", [level.name for level in levels]), Column("", [level.word for level in levels])]
    parts.append(_table([*found, Column("found", [level.detail for level in levels])]))
    wrong = [f"- {level.name}: {_cell(sentence)}" for level in levels for sentence in level.wrong]
    wrong += [f"- `--strict`: {_cell(problem)}" for problem in v.strict]
    parts += ["\n".join(wrong)] if wrong else []
    parts.append(f"**exit code {v.exit_code}**: {exit_meaning(v)}")
    return "\n\n".join(parts) + "\n"


def _table(columns: Sequence[Column]) -> str:
    shown = [column for column in columns if column.rank <= 0 or says_something(column)]
    head = [_cell(column.header) for column in shown]
    rows = zip(*(map(_cell, column.cells) for column in shown), strict=True)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(shown), *rows))


def _cell(text: str) -> str:
    """Text that Markdown shows as it is."""
    for sign in "\\|<>*_[]":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
