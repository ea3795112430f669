"""Cells that were run again (level V1) as lines for people: a word per cell, and where one that is not the same first
differs.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, get_args

from harness.audit.repeat.compare_rerun import LanguageDifference, Outcome, Rerun, RerunCell

SHOWN_LANGUAGES = 3
"""So many languages of a cell are shown; `--json` holds all."""
SHOWN_CHARACTERS = 48
"""A longer prediction is cut."""
INDENT = "  "
ONLY_HASH = "of the recorded predictions only the hash is kept: it is another, and which rows differ can't be said"


def show_rerun(rerun: Rerun) -> tuple[str, str, list[str]]:
    """The level's word, its detail, and a line or more per cell."""
    from tabulate import tabulate

    counts = Counter(one.outcome for one in rerun.cells)
    found = ", ".join(f"{counts[outcome]} {outcome}" for outcome in get_args(Outcome) if counts[outcome])
    drawn = "named" if rerun.seed is None else f"drawn with seed {rerun.seed}"
    detail = f"{len(rerun.cells)} of {rerun.candidates} cells, {drawn}: {found}"
    rows = [
        (one.outcome, one.cell.id, f"score {one.score:.2f}", _again(one), f"{one.elapsed_s:.1f} s")
        for one in rerun.cells
    ]
    table = tabulate(rows, tablefmt="plain", colalign=("left", "left", "left", "left", "right")).splitlines()
    lines = [line for row, one in zip(table, rerun.cells, strict=True) for line in (row, *_differences(one))]
    return "DIFFERS" if not rerun.ok else "UNDECIDED" if rerun.is_open else "ok", detail, lines


def _again(one: RerunCell) -> str:
    return "re-run without a score" if one.score_again is None else f"re-run {one.score_again:.2f}"


def _differences(one: RerunCell) -> list[str]:
    more = len(one.languages) - SHOWN_LANGUAGES
    lines = [one.reason] if one.reason else []
    lines += [] if one.rows_kept or one.predictions_sha256 == one.predictions_sha256_again else [ONLY_HASH]
    lines += [_language(language) for language in one.languages[:SHOWN_LANGUAGES]]
    lines += [f"and {more} more languages (`--json` shows all)"] if more > 0 else []
    lines += [f"kept: {one.kept}"] if one.kept else []
    return [INDENT + line for line in lines]


def _language(found: LanguageDifference) -> str:
    parts = [] if found.differing is None else [f"{found.differing} of {found.rows} rows differ"]
    if found.first_row is not None:
        parts.append(f"first row {found.first_row}: recorded {_short(found.recorded)}, re-run {_short(found.again)}")
    parts += [f"{metric} {_points(old)}, re-run {_points(new)}" for metric, (old, new) in found.scores.items()]
    return f"{found.language}: {'; '.join(parts)}"


def _short(prediction: Any) -> str:
    text = json.dumps(prediction, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def _points(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
