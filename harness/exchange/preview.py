"""The page for a browser in an archive, held against what is found in it: its answer, its verdicts and their numbers.

Only the text that a reader sees is looked at. What stands around it is prose, and is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from harness.audit.verification import Verification
from harness.exchange.layout import PREVIEW
from harness.project.errors import name_some
from harness.verify.show.table import show_interval, show_points
from harness.verify.verdicts.verdict import ClaimVerdict

VOID = ("meta", "link", "br", "img", "hr", "input")
"""Elements without an end."""


def preview_contradictions(root: Path, found: Verification) -> Iterator[str]:
    """Sentences on what the page says otherwise than `found`; none where the archive has no page."""
    if not (root / PREVIEW).is_file():
        return
    page = seen_page(root / PREVIEW)
    if page.answers != [found.answer]:
        yield f"{PREVIEW} in it opens with another answer than this judging"
    other = [claim.id for claim in found.claims if page.verdicts.get(claim.id) != [_word(claim.verdict)]]
    if other:
        yield f"{PREVIEW} in it has another verdict on {name_some(other)} than this judging"
    numbers = [claim.id for claim in found.claims if claim.id not in other and not _shows(page, claim)]
    if numbers:
        yield f"{PREVIEW} in it has other numbers on {name_some(numbers)} than this judging"
    if more := sorted(page.verdicts.keys() - {claim.id for claim in found.claims}):
        yield f"{PREVIEW} in it speaks of claims that its registry lacks: {name_some(more)}"


def seen_page(path: Path) -> Seen:
    """What a page says to its reader."""
    page = Seen()
    page.feed(path.read_bytes().decode("utf-8", errors="replace"))
    return page


def _word(verdict: str) -> str:
    return verdict.replace("_", " ").lower()


def _shows(page: Seen, claim: ClaimVerdict) -> bool:
    if claim.measured is None:
        return claim.id not in page.numbers
    wanted = f"{show_points(claim.measured, claim.is_share)} {show_interval(claim.interval, claim.is_share)}"
    return [text.partition(" over ")[0] for text in page.numbers.get(claim.id, [])] == [wanted]


class Seen(HTMLParser):
    """Reads the answer, and the verdict word and numbers of each claim, off the page's text."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.answers: list[str] = []
        """What stands where the answer stands."""
        self.verdicts: dict[str, list[str]] = {}
        """Claim -> its verdict words, in small letters."""
        self.numbers: dict[str, list[str]] = {}
        """Claim -> what was measured."""
        self._claim: str | None = None
        self._open: list[tuple[str, list[str] | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag in VOID:
            return
        given = {name: value or "" for name, value in attrs}
        self._claim = given.get("data-claim", self._claim)
        self._open.append((tag, self._place(given)))

    def _place(self, given: dict[str, str]) -> list[str] | None:
        """Where the text of an element belongs; None where it is prose."""
        kinds = given.get("class", "").split()
        places = {"verdict": self.verdicts, "numbers": self.numbers}
        kept = next((places[kind] for kind in kinds if kind in places), None)
        if given.get("id") == "answer":
            into = self.answers
        elif kept is not None and self._claim is not None:
            into = kept.setdefault(self._claim, [])
        else:
            return None
        into.append("")
        return into

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and all that are open in it."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Text, which belongs to every element that is open."""
        for _, into in self._open:
            if into is not None:
                text = data.strip("✓✗?~∅! ") if into is not self.answers else data
                into[-1] = f"{into[-1]}{text}"
