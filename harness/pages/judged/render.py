"""Verdicts on given scores -> one HTML file, on the page that all reports share (harness.pages.report.page).

Everything on it follows from the verdicts. Names in somebody's file are hostile input: they are shown as text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.pages.judged.gains import forest_of, gain_tables
from harness.pages.report.page import render_page
from harness.pages.report.record import Card
from harness.project.files import write_text
from harness.verify.given.read import SHA256
from harness.verify.given.show import answer, ends, measured, numbers, value_of
from harness.verify.given.verdict import GivenVerdict, GivenVerdicts
from harness.verify.statistics.p_values import show_p

HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Known:
    """What the source says of where its results come from."""

    name: str
    """What it is about."""
    value: str
    """What it says."""

    @property
    def is_hash(self) -> bool:
        """Is it a sha256?"""
        return HASH.fullmatch(self.value) is not None


def write_judged(found: GivenVerdicts, out: Path, commands: Sequence[str], files: Mapping[str, str]) -> int:
    """Write the page to `out`; returns its size in bytes. Raises HarnessError where it can't be written."""
    page = render_judged(found, commands, files)
    write_text(out, page)
    return len(page.encode())


def render_judged(found: GivenVerdicts, commands: Sequence[str], files: Mapping[str, str]) -> str:
    """The whole page; the same verdicts give the same bytes.

    `commands`: what to type to judge the scores again; `files`: name -> sha256 of what was read besides the scores.
    """
    drawn, forest = forest_of(found)
    known = [Known(name, value) for name, value in found.known.items()]
    return render_page(
        "judge.html.j2",
        {"forest": forest} if forest else {},
        found=found,
        answer=answer(found),
        cards=_cards(found),
        drawn=drawn,
        tables=gain_tables(found.claims),
        hashes={one.name.replace(SHA256, ""): one.value for one in known if one.is_hash} | {**files},
        told=[one for one in known if not one.is_hash],
        commands=[*commands],
        numbers=numbers,
        measured=measured,
        value=value_of,
        ends=ends,
        p=_p_words,
        unit="points" if found.unit == "points" else "fractions from 0 to 1, shown here times 100, as points",
    )


def _cards(found: GivenVerdicts) -> list[Card]:
    counts = Counter(one.verdict for one in found.claims)
    seeds = sorted({one.n_seeds for one in found.claims})
    pairings = sorted({"paired" if one.pairing == "paired by seed" else "not paired" for one in found.claims})
    words = [Card(value=f"{n} of {len(found.claims)}", label=_word(word)) for word, n in counts.items()]
    return [
        *(words if len(found.claims) > 1 else [Card(value=_word(found.claims[0].verdict), label="one claim")]),
        Card(value=f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}", label="seeds"),
        Card(value=" and ".join(pairings), label="with the baseline, by seed"),
        Card(value=found.unit if found.unit == "points" else "fractions", label="unit of the scores"),
        Card(value="scores only", label="evidence"),
    ]


def _word(verdict: str) -> str:
    return verdict.replace("_", " ").lower()


def _p_words(one: GivenVerdict, of: int) -> str:
    """p value of "the claim holds", alone and over all claims; empty where there is none."""
    if one.p_value is None:
        return ""
    alone = f"of “the claim holds”, alone: {show_p(one.p_value)}"
    together = f"; by Holm's step-down over {of} claims {show_p(one.p_adjusted)}" if one.p_adjusted is not None else ""
    return alone + (together if of > 1 else "")
