"""A Verification as JUnit XML, which CI systems read: a test case per claim and per level.

A test fails where something is wrong and is skipped where nothing was decided, so that a CI page counts as the first
line of `harness verify` does.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.audit.levels_in_words import LevelLine, level_lines
from harness.audit.report import tables
from harness.audit.verification import Verification
from harness.verify.show.table import notes, show_interval, show_points
from harness.verify.verdicts.planted import compare_with_truth
from harness.verify.verdicts.verdict import ClaimVerdict

Outcome = Literal["passed", "failure", "skipped"]
FAILING = ("NOT_REPRODUCED", "REFUTED", "INVALID", "DIFFERS", "NOT AS PLANTED")
PASSING = ("REPRODUCED", "CONFIRMED", "ok", "quick", "as planted")
"""Words of verdicts, levels and planted effects; every other word decides nothing and is skipped."""
NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML can't hold."""


@dataclass(frozen=True)
class Case:
    """One test case."""

    suite: str
    """What it is about: `claims`, `facts`, `planted effects`, `levels` or `strict`."""
    name: str
    """The claim or the level."""
    word: str
    """What came out."""
    message: str
    """The same in a line."""
    text: str
    """Why, in sentences."""

    @property
    def outcome(self) -> Outcome:
        """What a CI system makes of the word."""
        return "failure" if self.word in FAILING else "passed" if self.word in PASSING else "skipped"


def junit(title: str, found: Sequence[Case]) -> str:
    """Test cases as JUnit XML, a suite for each kind of them."""
    root = ElementTree.Element("testsuites", {"name": title, **_counts(found)})
    for suite in dict.fromkeys(case.suite for case in found):
        inside = [case for case in found if case.suite == suite]
        element = ElementTree.SubElement(root, "testsuite", {"name": suite, **_counts(inside)})
        for case in inside:
            _add(element, case)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def cases(v: Verification) -> list[Case]:
    """The test cases: claims, facts, planted effects, levels, and what `--strict` fails on."""
    found = [_of_claim(table.name, claim) for table in tables(v) for claim in table.claims]
    found += [_of_level(level) for level in level_lines(v)]
    return found + [Case("strict", problem, "INVALID", f"--strict: {problem}", "") for problem in v.strict]


def _of_claim(suite: str, claim: ClaimVerdict) -> Case:
    word = compare_with_truth(claim) if claim.truth else claim.verdict
    share = claim.is_share
    measured = claim.found or f"{show_points(claim.measured, share)} {show_interval(claim.interval, share)}"
    told = "".join(f"; {note}" for note in notes(claim))
    said = claim.verdict if word == claim.verdict else f"{claim.verdict}, {word}"
    message = f"{said}: expected {claim.expected or 'nothing'}, found {measured}{told}"
    return Case(suite, claim.id, word, message, "\n".join([claim.text, *claim.reasons]))


def _of_level(level: LevelLine) -> Case:
    return Case("levels", level.name, level.word, f"{level.word}: {level.detail}", "\n".join(level.wrong))


def _counts(found: Sequence[Case]) -> dict[str, str]:
    outcomes = [case.outcome for case in found]
    return {
        "tests": str(len(found)),
        "failures": str(outcomes.count("failure")),
        "errors": "0",
        "skipped": str(outcomes.count("skipped")),
    }


def _add(suite: ElementTree.Element, case: Case) -> None:
    name = {"classname": case.suite, "name": NO_XML.sub("?", case.name)}
    element = ElementTree.SubElement(suite, "testcase", name)
    message, text = NO_XML.sub("?", case.message), NO_XML.sub("?", case.text)
    if case.outcome == "passed":
        ElementTree.SubElement(element, "system-out").text = "\n".join(filter(None, [message, text]))
    else:
        ElementTree.SubElement(element, case.outcome, {"message": message}).text = text
