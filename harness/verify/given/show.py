"""Verdicts on given scores as text: the answer in one line, then interval, power and seeds, then how it follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.project.errors import name_some
from harness.project.terminal import WIDTH, Column, paragraph, table_lines
from harness.verify.given.choose import ONE
from harness.verify.given.verdict import Chance, GivenVerdict, GivenVerdicts, ItemEvidence, SeedScores
from harness.verify.statistics.design import STANDARD

LABEL = 10
"""Columns of a label."""


def render(found: GivenVerdicts, width: int = WIDTH, *, explain: bool = False) -> str:
    """All that is said of the verdicts, as text of `width` columns without colour. `explain`: with the derivations."""
    lines = [*paragraph(answer(found), width, indent=0), ""]
    if len(found.claims) > 1:
        lines += [*table_lines(_columns(found.claims), width), ""]
    for one in found.claims:
        lines += [*_told(one, found, width), *(["", *derivation(one, width)] if explain else []), ""]
    lines += _texts(of_source(found), width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def answer(found: GivenVerdicts) -> str:
    """The first line: the verdict of one claim with what was measured; of several how many came out how."""
    if len(found.claims) == 1:
        return found.claims[0].sentence
    counts = Counter(one.verdict for one in found.claims)
    return f"{len(found.claims)} claims: {', '.join(f'{n} {word}' for word, n in counts.items())}"


def _columns(claims: Sequence[GivenVerdict]) -> list[Column]:
    return [
        Column("verdict", [one.verdict for one in claims]),
        Column("claim", [one.claim.id for one in claims]),
        Column("claimed", [one.expected for one in claims]),
        Column("measured", ["-" if one.measured is None else value_of(one, one.measured) for one in claims]),
        Column("interval", [ends(one) for one in claims]),
        Column("seeds", [str(one.n_seeds) for one in claims], rank=1),
        Column("says", [one.claim.says for one in claims], rank=2, wraps=True),
    ]


def value_of(one: GivenVerdict, value: float) -> str:
    """A gain in points with its sign; of a claim that counts, a share in percent."""
    return f"{value:.0%}" if one.claim.expected.kind == "count" else f"{value:+z.2f}"


def measured(one: GivenVerdict) -> str:
    """What was measured with its interval; empty where nothing was."""
    if one.measured is None:
        return ""
    return f"{value_of(one, one.measured)} {ends(one) if one.interval else '(no interval)'}"


def ends(one: GivenVerdict) -> str:
    """The interval that decides, as [low, high]; `-` where there is none."""
    return f"[{value_of(one, one.interval[0])}, {value_of(one, one.interval[1])}]" if one.interval else "-"


def _told(one: GivenVerdict, found: GivenVerdicts, width: int) -> list[str]:
    head = [(one.claim.id, one.sentence)] if len(found.claims) > 1 else []
    doubts = [("doubt", doubt) for doubt in one.doubts]
    return _texts([*head, *numbers(one), *(("because", reason) for reason in one.reasons), *doubts], width)


def numbers(one: GivenVerdict) -> list[tuple[str, str]]:
    """Interval and power, a line each, where there are any; how many seeds would decide is among the reasons."""
    tasks = f" on {name_some(one.tasks)}" if one.tasks != [ONE] else ""
    which = "runs" if one.pairing == "not paired (Welch)" else "seeds"
    seeds = name_some(one.seeds) or "none"
    found = [("compared", f"{one.method} with {one.baseline}{tasks}, {one.pairing}; {which} {seeds}")]
    if one.interval:
        plain = one.plain_interval
        single = f"; of a single look at 90 % [{plain[0]:+z.2f}, {plain[1]:+z.2f}]" if plain else ""
        found.append(("interval", f"{ends(one)} adjusted for looks{'' if one.reach is None else ', points'}{single}"))
    found += _of_items(one.items) if one.items else []
    if one.power is not None:
        spread = "with this spread a gain that is exactly as claimed comes out REPRODUCED in"
        found.append(("power", f"{spread} {one.power:.0%} of cases at {one.n_seeds} seeds"))
    elif one.reach is not None:
        found.append(("power", f"with this spread a mean is decided {one.reach:.2f} points from the bound, or farther"))
    return found


def _of_items(found: ItemEvidence) -> list[tuple[str, str]]:
    """Seeds alone, rows alone and both together, each with what it speaks of."""
    parts = [("by seeds", found.seeds), ("by rows", found.rows), ("both", found.both)]
    return [
        ("items", f"{found.n_items:,}, the same for all runs; {found.how}"),
        *((label, f"{_interval(part)}: {part.population}") for label, part in parts if part),
        *([("models", found.models)] if found.models else []),
    ]


def _interval(part: Chance) -> str:
    return f"[{part.interval[0]:+z.2f}, {part.interval[1]:+z.2f}]"


def derivation(one: GivenVerdict, width: int = WIDTH) -> list[str]:
    """How the verdict follows: the scores, then each step with its numbers, the verdict last."""
    lines = [f"{one.claim.id}: {one.claim.says}", *_score_lines(one.scores, width), ""]
    return [*lines, *_texts([*one.steps, ("verdict", one.verdict)], width)]


def _score_lines(scores: Sequence[SeedScores], width: int) -> list[str]:
    rows = [(row, seed) for row in scores for seed in dict.fromkeys([*row.measured, *row.compared])]
    both = [(row.measured.get(seed), row.compared.get(seed)) for row, seed in rows]
    columns = [
        Column("method", [row.method for row, _ in rows]),
        Column("task", [row.task for row, _ in rows]),
        Column("seed", [seed for _, seed in rows]),
        Column("score", [_points(first) for first, _ in both]),
        Column("baseline", [_points(second) for _, second in both]),
        Column("gain", ["-" if None in pair else f"{pair[0] - pair[1]:+z.3f}" for pair in both]),  # type: ignore[operator]
    ]
    return table_lines(columns, width)


def _points(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def of_source(found: GivenVerdicts) -> list[tuple[str, str]]:
    """What was read, and as what."""
    unit = "points" if found.unit == "points" else "fractions from 0 to 1, times 100 here (else: --unit points)"
    columns = ", ".join(f"{role}: {column}" for role, column in found.columns.items())
    taken = "; ".join(f"{what} unknown ({taken})" for what, taken in found.unknown.items())
    told = [
        f"{found.source}, scores in {unit}",
        *([f"columns {columns}"] if columns else []),
        *([taken] if taken else []),
    ]
    looks = ", ".join(map(str, found.design.looks))
    own = "" if found.design.looks == STANDARD.looks else ", which counts only if it was fixed before any was seen"
    return [
        ("scores", "; ".join(told)),
        ("looks", f"after {looks} seeds{own}" if len(found.design.looks) > 1 else f"once, after {looks} seeds{own}"),
        *(("note", remark) for remark in found.remarks),
        *(("doubt", doubt) for doubt in found.doubts),
        ("evidence", "scores only: whoever gave them vouches for them, and that no run is left out"),
    ]


def _texts(parts: Sequence[tuple[str, str]], width: int) -> list[str]:
    wide = max((len(label) for label, _ in parts), default=0)
    return [line for label, text in parts for line in paragraph(text, width, f"{label:<{max(LABEL, wide + 1)}}")]
