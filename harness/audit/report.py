"""What `harness verify` prints: integrity (V0), agreement with pinned results (V1, V2), the table of verdicts (V3)."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable

from harness.audit.integrity.findings import Integrity
from harness.audit.repeat.same_scores import SameScores
from harness.audit.report_rerun import show_rerun
from harness.audit.verification import Verification
from harness.project.errors import name_some
from harness.verify.published.arithmetic import Followed, arithmetic_words
from harness.verify.show.planted import planted_paragraphs, planted_table
from harness.verify.show.table import SPLIT, WIDTH, claims_paragraphs, claims_table, narrowed, reason_lines
from harness.verify.verdicts.planted import compare_with_truth, planted, planted_in_words, published
from harness.verify.verdicts.strength import LEVELS

UNDECIDED = ("INCONCLUSIVE", "UNDERPOWERED")
EXIT_REPRODUCED, EXIT_NOT_REPRODUCED, EXIT_INCONCLUSIVE = 0, 1, 2
EXIT_MEANINGS = {
    0: "everything that was decided is reproduced or confirmed",
    1: "something is not reproduced, or refuted",
    2: "something is undecided",
    3: "invalid: nothing is concluded",
}


def render(verification: Verification, width: int = WIDTH) -> str:
    """The whole report: the answer as one line, head, levels, claims, reasons, exit code; where there are fewer columns
    than the table needs, claims are paragraphs.
    """
    head, rest = (_narrow(lines, width) for lines in _around(verification))
    lines = [verification.answer, "", *head, "", *_claims(verification, width), *rest]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _around(v: Verification) -> tuple[list[str], list[str]]:
    """Lines before the claims, and lines behind them."""
    grid = v.grid.in_words
    head = [
        f"harness verify    profile {v.profile}    {grid}",
        f"judged            {_judged(v)}",
        *_told("rules", "NOT THE SHIPPED ONES", v.rules),
        *_crate_notes(v),
        *_part(v),
        f"encoder, data     {v.encoder}; {v.data}",
        f"scores            {SPLIT}",
        *_told("rows", "CUT", [f"scored were only {', '.join(v.v0.cut)}"] if v.v0.cut else []),
        *_evidence(v),
        *_level("V0 integrity", *_v0(v)),
        *_level("V1 repeat", *_v1(v)),
        *_rerun(v),
        *_level("V2 pinned", *_v2(v)),
        *_arithmetic(v),
    ]
    rest = [
        *(f"--strict: {problem}" for problem in v.strict),
        f"exit code {v.exit_code}: {_meaning(v)}",
    ]
    return head, rest


def _claims(v: Verification, width: int) -> list[str]:
    """The tables: published claims, then the laboratory's own with what was planted; each with its reasons."""
    lines: list[str] = []
    if theirs := published(v.claims):
        shown = claims_table(theirs) if width >= WIDTH else claims_paragraphs(theirs, width)
        lines += [*shown.splitlines(), "", *_narrow(reason_lines(theirs), width)]
    if own := planted(v.claims):
        answer = f"The laboratory's own claims: {planted_in_words(own)}"
        wrapped = textwrap.wrap(answer, min(width, WIDTH), subsequent_indent="    ", break_on_hyphens=False)
        shown = planted_table(own) if width >= WIDTH else planted_paragraphs(own, width)
        lines += [*wrapped, "", *shown.splitlines(), "", *_narrow(reason_lines(own), width)]
    return lines


def _narrow(lines: Iterable[str], width: int) -> list[str]:
    return [broken for line in lines for broken in narrowed(line, width)]


def _meaning(v: Verification) -> str:
    """What the exit code means here: of published claims in their words, of planted effects by whether they fit."""
    theirs, own = published(v.claims), [compare_with_truth(claim) for claim in planted(v.claims)]
    said = [EXIT_MEANINGS[v.exit_code]]
    if v.exit_code == EXIT_REPRODUCED and "as planted" in own:
        said = [f"{EXIT_MEANINGS[0]}, planted effects as planted" if theirs else "planted effects came out as planted"]
    elif v.exit_code == EXIT_NOT_REPRODUCED and "NOT AS PLANTED" in own:
        said = [*(said if _differs(v) else []), "a planted effect did not come out as planted"]
    elif v.exit_code == EXIT_INCONCLUSIVE and v.strict:
        said = [*(said if _undecided(v) else []), "--strict fails"]
    untested = sum(claim.verdict == "NOT_TESTED" for claim in v.claims)
    return "; ".join([*said, *([f"{untested} of {len(v.claims)} claims NOT_TESTED"] if untested else [])])


def _differs(v: Verification) -> bool:
    """Is something found beside planted effects that is exit code 1?"""
    wrong = any(claim.verdict in ("NOT_REPRODUCED", "REFUTED") for claim in published(v.claims))
    return wrong or (v.v2 is not None and not v.v2.ok) or (v.rerun is not None and not v.rerun.ok)


def _undecided(v: Verification) -> bool:
    """Is something found that is exit code 2 without `--strict`?"""
    own = {compare_with_truth(claim) for claim in planted(v.claims)}
    is_open = any(claim.verdict in UNDECIDED for claim in published(v.claims)) or "open" in own
    untested = "not tested" in own and v.judged != "nothing"
    return is_open or untested or bool((v.v2 and v.v2.is_open) or (v.rerun and v.rerun.is_open))


def _told(name: str, word: str, sentences: list[str]) -> list[str]:
    """Sentences that stand before everything else, behind a word that can't be missed; nothing where there is none."""
    lines: list[str] = []
    for place, sentence in enumerate(sentences):
        head = f"{name if place == 0 else '':<18}"
        lines.extend(textwrap.wrap(f"{head}{word}: {sentence}", WIDTH, subsequent_indent=" " * 20))
    return lines


def _evidence(v: Verification) -> list[str]:
    """How the cells are known here, in numbers, the strongest first."""
    counts = [f"{v.evidence[level]} cells {level}" for level in LEVELS if v.evidence.get(level)]
    return [f"evidence          {', '.join(counts)}"] if counts else []


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
    return f"the PINNED results in reference/{v.profile}: {ran} has run here yet (`{fix}` runs it)"


def _nothing(v: Verification) -> str:
    """That there are no results, and what makes some."""
    if v.part:
        fix = f"`harness verify {v.part.claim} --run` runs them"
        return f"nothing: none of the cells of {v.part.claim} has run here, and nothing is pinned ({fix})"
    fix = f"`harness profile {v.profile}`, then `make repro`, runs it"
    return f"nothing: no cell has run here and nothing is pinned ({fix}); facts of the data need no run"


def _part(v: Verification) -> list[str]:
    """Which cells of the one claim are there, and how many of the grid are not looked at."""
    if v.part is None:
        return []
    there = ", ".join(f"{recipe} {count} of {v.part.each[recipe]}" for recipe, count in v.part.there.items())
    fix = "" if v.part.there == v.part.each else f"; `harness verify {v.part.claim} --run`"
    grid = f"{there or 'none needed'}{fix}; the other {v.part.not_looked_at} cells of the grid are not looked at"
    lacking = [f"not in the grid: {', '.join(v.part.lacking)}"] if v.part.lacking else []
    return _level("its cells", "", grid, lacking)


def _crate_notes(v: Verification) -> list[str]:
    """The archive's own lines: its hash, to compare with what was published, and what to know of it."""
    if v.crate is None:
        return []
    lines: list[str] = []
    first = f"sha256 {v.crate.sha256}, {v.crate.files} files as they were written; {v.crate.signature}"
    for note in (first, *v.crate.contradicts, *v.crate.notes):
        lines.extend(textwrap.wrap(note, WIDTH, initial_indent=" " * 18, subsequent_indent=" " * 20))
    return lines


def _level(name: str, word: str, detail: str, problems: Iterable[str]) -> list[str]:
    head = f"{name:<18}{word:<10}{detail}"
    lines = textwrap.wrap(head, WIDTH, subsequent_indent=" " * 28, break_on_hyphens=False)
    for problem in problems:
        lines.extend(textwrap.wrap(problem, WIDTH, initial_indent=" " * 18, subsequent_indent=" " * 20))
    return lines


def _v0(v: Verification) -> tuple[str, str, list[str]]:
    if v.judged == "nothing":
        return "-", v.v2_note, []
    parts = [f"{v.v0.hashes} hashes", f"{v.v0.cells_found} of {v.v0.cells_expected} cells"]
    if v.v0.images:
        parts.append(f"{len(v.v0.images)} image{'s' if len(v.v0.images) > 1 else ''}")
    unavailable = [*v.v0.unavailable]
    for word, cells in (("collapsed", v.v0.collapsed), ("failed", v.v0.failed), ("unavailable", unavailable)):
        if cells:
            parts.append(f"{len(cells)} {word} ({name_some(cells)})")
    reasons = [f"unavailable: {reason}" for reason in dict.fromkeys(v.v0.unavailable.values())]
    word = "INVALID" if not v.v0.ok else "quick" if v.v0.skipped else "ok"
    suspicious = [f"SUSPICIOUS: {sentence}" for sentence in v.v0.suspicious]
    return (
        word,
        ", ".join(parts),
        [*_looked_at(v.v0), *_some(v.v0.problems + reasons), *_some(suspicious), *_some(v.v0.machines), *v.v0.one_draw],
    )


def _looked_at(v0: Integrity) -> list[str]:
    """What V0 looked at besides hashes, and what it had to leave out."""
    if v0.skipped:
        return [f"a quick look left out: {'; '.join(v0.skipped)}"]
    of = v0.rescored + len(v0.not_rescored)
    rescored = [f"{v0.rescored} of {of} cells re-scored from predictions and gold rows"] if of else []
    why = [f"{count} cells not re-scored: {why}" for why, count in Counter(v0.not_rescored.values()).items()]
    return ["; ".join([*rescored, *([v0.lock] if v0.lock else [])]), *_some(why)] if rescored or v0.lock else []


def _v1(v: Verification) -> tuple[str, str, list[str]]:
    if v.v1 is None:
        return "-", v.v1_note, []
    differing = [f"other predictions in {name_some(v.v1.differing)}"] if v.v1.differing else []
    detail = f"{v.v1.identical} of {v.v1.compared} cells predict the same on {v.v1.machine}"
    if v.v1.copies:
        detail += f"; {v.v1.copies} more are the pinned ones themselves"
    return ("ok" if v.v1.ok else "DIFFERS"), detail, differing


def _rerun(v: Verification) -> list[str]:
    """Cells run again, where that was asked for."""
    if v.rerun is None:
        return _level("V1 re-run", "-", v.rerun_note, []) if v.rerun_note else []
    return _level("V1 re-run", *show_rerun(v.rerun))


def _v2(v: Verification) -> tuple[str, str, list[str]]:
    if v.v2 is None:
        return "-", v.v2_note, []
    detail = _compared(v.v2)
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
    return word, detail, problems


def _arithmetic(v: Verification) -> list[str]:
    """Published arithmetic: how many numbers follow; each by itself where one claim is judged, or it doesn't follow."""
    if not v.arithmetic:
        return []
    counts = Counter(one.word for one in v.arithmetic)
    words = ", ".join(f"{count} {word}" for word, count in counts.items())
    told = [f"{one.id} ({', '.join(one.claims)}): {arithmetic_words(one)}" for one in _telling(v)]
    state = "DIFFERS" if counts["INCONSISTENT"] else "ok" if counts["CONSISTENT"] else "-"
    more = "" if v.part else "; `harness claims arithmetic` shows the numbers"
    return _level("published numbers", state, f"{words}, without a run{more}", told)


def _telling(v: Verification) -> list[Followed]:
    return [one for one in v.arithmetic if v.part or one.word == "INCONSISTENT"]


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


def _some(sentences: list[str], most: int = 8) -> list[str]:
    more = [f"and {len(sentences) - most} more"] if len(sentences) > most else []
    return sentences[:most] + more
