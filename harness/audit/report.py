"""What `harness verify` prints: the answer, what was measured, tables of verdicts, a line per level, the exit code.

One screen. Evidence and hashes stand behind it where they are asked for; what is wrong is never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.audit.levels_in_words import LevelLine, evidence_words, level_lines
from harness.audit.meaning import exit_meaning
from harness.audit.report_details import detail_lines, hash_lines
from harness.audit.verification import Verification
from harness.project.terminal import WIDTH, Column, fitting, paragraph, table_lines
from harness.verify.show.planted import planted_columns
from harness.verify.show.table import claims_columns, facts_columns, in_order, notes
from harness.verify.verdicts.planted import compare_with_truth, planted, published
from harness.verify.verdicts.strength import ENOUGH
from harness.verify.verdicts.verdict import ClaimVerdict

HEAD, LEVEL, WORD = 9, 14, 10
"""Columns of a label in the head, of a level's name, and of its word."""
NAMED = 2
"""So many claims are named behind a note; more are counted."""
STYLES = {
    "bold green": r"\b(REPRODUCED|CONFIRMED|CONSISTENT|HOLDS HERE)\b|(?<!NOT )(?<!found )(?<!effects )\bas planted\b|✓",
    "bold red": r"(?m)\b(NOT_REPRODUCED|REFUTED|INVALID|DIFFERS|INCONSISTENT|OPPOSITE HERE|NOT AS PLANTED)\b"
    r"|\b(SUSPICIOUS|CUT|NOT THE SHIPPED ONES)\b|^--strict:.*|✗",
    "yellow": r"\b(INCONCLUSIVE|UNDERPOWERED|UNDECIDED|OPEN HERE|PINNED)\b",
    "dim": r"(?m)\b(NOT_TESTED|NOT_CHECKABLE)\b|^More: .*|·",
    "bold": r"(?m)\A(.+\n)+(?=\n)|^verdict .*|^exit code \d",
}
"""A style of rich -> the words of a report that a terminal shows in it."""


@dataclass(frozen=True)
class Table:
    """A table of verdicts."""

    name: str
    """What its rows are."""
    claims: list[ClaimVerdict]
    """Its rows."""
    columns: Callable[..., list[Column]]
    """What it shows of them."""


def render(
    v: Verification,
    width: int = WIDTH,
    *,
    details: bool = False,
    hashes: bool = False,
    symbols: bool = False,
    explain: bool = False,
) -> str:
    """The whole report as text of `width` columns, without colour.

    `details`: with the evidence; `hashes`: with the sha256 of everything; `symbols`: with a sign before each verdict;
    `explain`: a derivation follows, so that there is no more to name.
    """
    lines = [*paragraph(v.answer, width, indent=0), "", *_labelled(head_rows(v), width), ""]
    for table in tables(v):
        lines += [*_table(table, width, symbols, details), ""]
    if v.part and not explain:
        lines += [*paragraph(v.claims[0].evidence.sentence, width, indent=0), ""]
    lines += [line for level in level_lines(v) for line in _level(level, width)]
    if details:
        lines += ["", *detail_lines(v, width, hashes)]
    if hashes:
        lines += ["", *hash_lines(v, width)]
    lines += ["", *closing_lines(v, width)] if details or hashes else closing_lines(v, width)
    lines += [] if explain else _more(v, details, hashes)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def tables(v: Verification) -> list[Table]:
    """Published claims that are measured, facts of the data, the laboratory's own claims; those that there are."""
    theirs = in_order(published(v.claims))
    found = [
        Table("claims", [claim for claim in theirs if not claim.is_unmeasured], claims_columns),
        Table("facts", [claim for claim in theirs if claim.is_unmeasured], facts_columns),
        Table("planted effects", planted(v.claims), planted_columns),
    ]
    return [table for table in found if table.claims]


def _table(table: Table, width: int, symbols: bool, details: bool) -> list[str]:
    columns = table.columns(table.claims, symbols)
    shown, _ = fitting(columns, width)
    lines = table_lines(columns, width)
    if not any(column.header == "note" for column in shown):
        told = table.claims if details else [claim for claim in table.claims if not _is_well(claim)]
        lines += _notes(told, len(table.claims), width, details)
    return lines


def _is_well(claim: ClaimVerdict) -> bool:
    """Did it come out as claimed, or as planted? Its note can wait."""
    return compare_with_truth(claim) == "as planted" if claim.truth else claim.verdict in ("REPRODUCED", "CONFIRMED")


def _notes(verdicts: Sequence[ClaimVerdict], of: int, width: int, named: bool) -> list[str]:
    """The notes below a table that has no room for them, each with the claims that it is on, or how many of the table's
    these are.
    """
    claims: dict[str, list[str]] = {}
    for verdict in verdicts:
        for note in notes(verdict):
            claims.setdefault(note, []).append(verdict.id)
    if of == 1:
        return paragraph(", ".join(claims), width, label="notes: ") if claims else []
    said = [
        f"{note} ({', '.join(names) if named or len(names) <= NAMED else f'{len(names)} of {of}'})"
        for note, names in claims.items()
    ]
    return paragraph(", ".join(said), width, label="notes: ") if said else []


def head_rows(v: Verification) -> list[tuple[str, str]]:
    """Label and sentence: what was measured and whose results are judged; then what a reader must not miss of it."""
    return [
        ("profile", f"{v.profile}: {v.grid.in_words}; {v.encoder}; {v.data}"),
        ("judged", _judged(v)),
        *_part(v),
        *[("rules", f"NOT THE SHIPPED ONES: {sentence}") for sentence in v.rules],
        *([("rows", f"CUT: scored were only {', '.join(v.v0.cut)}")] if v.v0.cut else []),
        *_crate(v),
        *([("evidence", evidence_words(v))] if any(level not in ENOUGH for level in v.evidence) else []),
    ]


def _labelled(rows: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Paragraphs behind their labels; one that is the same as before is not said again."""
    lines: list[str] = []
    before = ""
    for name, text in rows:
        lines += paragraph(text, width, label=f"{'' if name == before else name:<{HEAD}}")
        before = name
    return lines


def _judged(v: Verification) -> str:
    if v.crate:
        return f"the crate {v.crate.file}: {'a run' if v.crate.holds == 'run' else 'pinned results'}"
    if v.part and not v.part.there:
        return f"{v.part.claim} alone, which needs no cell of this grid"
    if v.judged == "run":
        return f"the run in results/{v.profile}"
    if v.judged == "nothing":
        return _nothing(v)
    ran, fix = ("none of its cells", f"harness verify {v.part.claim} --run") if v.part else ("nothing", "make repro")
    return f"PINNED results in reference/{v.profile}: {ran} has run here (`{fix}`)"


def _nothing(v: Verification) -> str:
    """That there are no results, and what makes some."""
    if v.part:
        fix = f"`harness verify {v.part.claim} --run` runs them"
        return f"nothing: none of the cells of {v.part.claim} has run here, and nothing is pinned ({fix})"
    fix = f"`harness profile {v.profile}`, then `make repro`, runs it"
    return f"nothing: no cell has run here and nothing is pinned ({fix}); facts of the data need no run"


def _part(v: Verification) -> list[tuple[str, str]]:
    """Which cells of the one claim are there, and how many of the grid are not looked at."""
    if v.part is None:
        return []
    there = ", ".join(f"{recipe} {count} of {v.part.each[recipe]}" for recipe, count in v.part.there.items())
    fix = "" if v.part.there == v.part.each else f"; `harness verify {v.part.claim} --run`"
    grid = f"{there or 'none needed'}{fix}; the other {v.part.not_looked_at} cells of the grid are not looked at"
    lacking = [("cells", f"not in the grid: {', '.join(v.part.lacking)}")] if v.part.lacking else []
    return [("cells", grid), *lacking]


def _crate(v: Verification) -> list[tuple[str, str]]:
    """The archive's own lines: the start of its hash, who signed it, and what to know of it."""
    if v.crate is None:
        return []
    first = f"sha256 {v.crate.sha256:.12}, {v.crate.files} files as they were written; {v.crate.signature}"
    return [("archive", note) for note in (first, *v.crate.contradicts, *v.crate.notes)]


def _level(level: LevelLine, width: int) -> list[str]:
    lines = paragraph(level.detail, width, label=f"{level.name:<{LEVEL}}{level.word:<{WORD}}")
    for sentence in level.wrong:
        lines += [" " * 4 + line for line in paragraph(sentence, width - 4)]
    return lines


def closing_lines(v: Verification, width: int) -> list[str]:
    """What `--strict` fails on, and the exit code with what it means."""
    strict = [line for problem in v.strict for line in paragraph(f"--strict: {problem}", width)]
    return [*strict, *paragraph(f"exit code {v.exit_code}: {exit_meaning(v)}", width)]


def _more(v: Verification, details: bool, hashes: bool) -> list[str]:
    """The options that show more; nothing where there is no more."""
    explain = "--explain (step by step)" if v.part else "`harness verify CLAIM --explain`" if not v.crate else ""
    options = ("" if details else "--details (evidence)", "" if hashes else "--hashes (sha256)", explain)
    left = ", ".join(filter(None, options))
    return [f"More: {left}"] if left else []
