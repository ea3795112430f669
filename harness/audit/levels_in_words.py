"""Levels V0, V1 and V2 in words, a line each: what was looked at, what is wrong of it, and the evidence behind it.

What is wrong is always printed; evidence is printed where a reader asks for it (`harness verify --details`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from harness.audit.integrity.findings import Integrity
from harness.audit.repeat.same_scores import SameScores
from harness.audit.report_rerun import show_rerun
from harness.audit.verification import Verification
from harness.project.errors import name_some
from harness.verify.published.arithmetic import Followed, arithmetic_words
from harness.verify.verdicts.strength import LEVELS

RERUN = "V1 re-run"
"""The level that has a line of its own, since it was asked for."""


@dataclass(frozen=True)
class LevelLine:
    """What one level found."""

    name: str
    """The level."""
    word: str
    """`ok`, `quick`, `INVALID`, `DIFFERS`, `UNDECIDED`, or `-` where it was not looked at."""
    detail: str
    """What was looked at, or why nothing was, in words."""
    wrong: list[str] = field(default_factory=list)
    """What a reader must not miss, in sentences."""
    evidence: list[str] = field(default_factory=list)
    """More of it, in sentences."""


def level_lines(v: Verification) -> list[LevelLine]:
    """A line per level; neighbours that looked at nothing for the same reason share one."""
    lines = [_v0(v), _v1(v), *_rerun(v), _v2(v), *_arithmetic(v)]
    joined: list[LevelLine] = []
    for (word, detail, _), group in groupby(lines, key=lambda line: (line.word, line.detail, line.name == RERUN)):
        alike = list(group)
        if len(alike) > 1 and word == "-":
            joined.append(LevelLine(", ".join(line.name.split()[0] for line in alike), word, detail))
        else:
            joined += alike
    return joined


def evidence_words(v: Verification) -> str:
    """How the cells are known here, in numbers, the strongest first; empty where nothing is judged."""
    return ", ".join(f"{v.evidence[level]} cells {level}" for level in LEVELS if v.evidence.get(level))


def _v0(v: Verification) -> LevelLine:
    name, v0 = "V0 integrity", v.v0
    if v.judged == "nothing":
        return LevelLine(name, "-", v.v2_note)
    parts = [f"{v0.hashes} hashes", f"{v0.cells_found} of {v0.cells_expected} cells", *_rescored(v0)]
    if v0.images:
        parts.append(f"{len(v0.images)} image{'s' if len(v0.images) > 1 else ''}")
    for word, cells in (("collapsed", v0.collapsed), ("failed", v0.failed), ("unavailable", [*v0.unavailable])):
        if cells:
            parts.append(f"{len(cells)} {word} ({name_some(cells)})")
    word = "INVALID" if not v0.ok else "quick" if v0.skipped else "ok"
    quick = [f"a quick look left out: {'; '.join(v0.skipped)}"] if v0.skipped else []
    suspicious = [f"SUSPICIOUS: {sentence}" for sentence in v0.suspicious]
    wrong = [*_some(v0.problems), *quick, *_some(suspicious), *_some(v0.machines)]
    return LevelLine(name, word, ", ".join(parts), wrong, _v0_evidence(v0))


def _rescored(v0: Integrity) -> list[str]:
    """How many cells were scored again, as a part of the line; nothing where none could be."""
    of = v0.rescored + len(v0.not_rescored)
    if not of or v0.skipped:
        return []
    return ["all re-scored" if v0.rescored == of == v0.cells_found else f"{v0.rescored} of {of} re-scored"]


def _v0_evidence(v0: Integrity) -> list[str]:
    of = v0.rescored + len(v0.not_rescored)
    rescored = [f"{v0.rescored} of {of} cells re-scored from predictions and gold rows"] if of else []
    why = [f"{count} cells not re-scored: {why}" for why, count in Counter(v0.not_rescored.values()).items()]
    reasons = [f"unavailable: {reason}" for reason in dict.fromkeys(v0.unavailable.values())]
    return [*([] if v0.skipped else [*rescored, *_some(why)]), *_some(reasons), *v0.one_draw]


def _v1(v: Verification) -> LevelLine:
    name = "V1 repeat"
    if v.v1 is None:
        return LevelLine(name, "-", v.v1_note)
    differing = [f"other predictions in {name_some(v.v1.differing)}"] if v.v1.differing else []
    detail = f"{v.v1.identical} of {v.v1.compared} cells predict the same on {v.v1.machine}"
    if v.v1.copies:
        detail += f"; {v.v1.copies} more are the pinned ones themselves"
    return LevelLine(name, "ok" if v.v1.ok else "DIFFERS", detail, differing)


def _rerun(v: Verification) -> list[LevelLine]:
    """Cells run again, where that was asked for."""
    if v.rerun is None:
        return [LevelLine(RERUN, "-", v.rerun_note)] if v.rerun_note else []
    word, detail, cells = show_rerun(v.rerun)
    return [LevelLine(RERUN, word, detail, cells)]


def _v2(v: Verification) -> LevelLine:
    name = "V2 pinned"
    if v.v2 is None:
        return LevelLine(name, "-", v.v2_note)
    problems = _some(v.v2.outside)
    if v.v2.left_open:
        problems += ["what the spread of pinned seeds can't decide on:", *_some(v.v2.left_open)]
    if v.v2.undecided:
        problems.append("this encoder is another draw of the pretraining than the pinned one (sums in another order):")
        problems.append("how far such draws differ was not measured, so what follows decides nothing")
        problems += _some(v.v2.undecided)
    if v.v2.not_comparable:
        found = "were made from other data or params than here, or are unavailable here"
        problems.append(f"{len(v.v2.not_comparable)} pinned cells {found}")
    if v.v2.not_pinned:
        problems.append(f"{len(v.v2.not_pinned)} cells of the run are not pinned")
    word = "DIFFERS" if not v.v2.ok else "UNDECIDED" if v.v2.is_open else "ok" if v.v2.compared else "-"
    return LevelLine(name, word, _compared(v.v2), problems)


def _compared(v2: SameScores) -> str:
    """What level V2 compared, in words."""
    if not v2.compared:
        copies = (
            f"these {v2.copies} cells are the pinned ones themselves, times aside: nothing shows that they ran again"
        )
        return copies if v2.copies else "no pinned cell to compare with"
    detail = (
        f"{v2.compared} cells, {v2.identical} identical, largest difference {v2.largest_difference_points:.2f} points"
    )
    if v2.largest_in:
        tolerance = v2.tolerance_points[v2.largest_in]
        held = "whose pinned seeds show no spread" if tolerance is None else f"whose tolerance is {tolerance:.2f}"
        detail += f" in {v2.largest_in}, {held}"
    if v2.by_items:
        detail += f"; items of {v2.by_items} cells compared"
    if v2.copies:
        detail += f"; {v2.copies} more are the pinned ones themselves"
    return detail


def _arithmetic(v: Verification) -> list[LevelLine]:
    """Published arithmetic: how many numbers follow; each by itself where one claim is judged, or it doesn't follow."""
    if not v.arithmetic:
        return []
    counts = Counter(one.word for one in v.arithmetic)
    words = ", ".join(f"{count} {word}" for word, count in counts.items())
    state = "DIFFERS" if counts["INCONSISTENT"] else "ok" if counts["CONSISTENT"] else "-"
    wrong = [one for one in v.arithmetic if v.part or one.word == "INCONSISTENT"]
    others = [one for one in v.arithmetic if one not in wrong]
    return [LevelLine("arithmetic", state, f"of published numbers: {words}", _follow(wrong), _follow(others))]


def _follow(found: Iterable[Followed]) -> list[str]:
    return [f"{one.id} ({', '.join(one.claims)}): {arithmetic_words(one)}" for one in found]


def _some(sentences: Sequence[str], most: int = 8) -> list[str]:
    more = [f"and {len(sentences) - most} more"] if len(sentences) > most else []
    return [*sentences[:most], *more]
