"""What the project's files say of the published data: the records that facts are decided by, and what is looked up.

Pure; harness.audit.facts_here reads the files. Nothing is typed in: a number is a pinned count, or what was counted
when the pinned files were read on this machine. Where neither is there a claim stays NOT_TESTED, with what is lacking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.params import Params
from harness.project.pins import HubFile, HubPin, Part, PathPin, PublishedPin, UrlFile
from harness.project.records import Record
from harness.project.tasks import Task, published_pins
from harness.verify.statistics.intervals import Verdict

SHORT = 12
"""So many digits of a revision or sha256 are shown."""


class Finding(Record):
    """What is concluded about one fact."""

    verdict: Verdict
    """CONFIRMED, REFUTED or NOT_TESTED."""
    found: str | None = None
    """What is so, in as few words as the claim's expectation; null where nothing is known."""
    note: str
    """How it is known, in a few words."""
    reasons: list[str]
    """The evidence: pins, counts, documents; or what is lacking."""


class Lacking(Exception):
    """What it would need to decide is not there."""

    def __init__(self, note: str, reason: str) -> None:
        """`note` for the table, `reason` as a sentence."""
        super().__init__(reason)
        self.finding = Finding(verdict="NOT_TESTED", note=note, reasons=[reason])


@dataclass(frozen=True)
class Facts:
    """What the project's files say of the published data; without any, no fact can be decided."""

    tasks: Mapping[str, Task] = field(default_factory=dict)
    """Name -> task, for those that have a file."""
    profiles: Mapping[str, Params] = field(default_factory=dict)
    """Name -> profile, for those that have a file."""
    counted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Task -> stem -> rows, where the files that its pins name now were fetched, checked and read on this machine."""
    fetched: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Profile -> file of its published encoder -> sha256, as found when it was fetched to this machine."""

    def profile(self, name: str) -> Params:
        """The profile. Raises Lacking where it has no file."""
        if name not in self.profiles:
            raise Lacking(f"no profile {name}", f"there is no profiles/{name}.yaml")
        return self.profiles[name]

    def task(self, name: str) -> Task:
        """The task. Raises Lacking where it has no file."""
        if name not in self.tasks:
            raise Lacking("no such task", f"there is no tasks/{name}.yaml")
        return self.tasks[name]

    def pins(self, name: str) -> dict[str, PublishedPin]:
        """Place -> pin of a task's published rows, the first place first. Raises Lacking where none is pinned."""
        pins = published_pins(self.task(name))
        if not pins:
            raise Lacking("no published pin", f"tasks/{name}.yaml pins no published rows, only stand-ins or samples")
        return pins


def tasks_of(params: Params, role: Literal["intermediate", "target"]) -> list[str]:
    """A profile's tasks of a role: the grid's targets that are XTREME's, or the intermediate tasks of its recipes."""
    if role == "target":
        return [name for name in params.grid.targets if name in XTREME_GROUPS]
    return list(dict.fromkeys(task for recipe in params.grid.recipes for task in params.recipes[recipe].tasks))


def compared(expected: int, found: int, note: str, reasons: list[str]) -> Finding:
    """The finding on a number: it is the claimed one, or both are named."""
    if found != expected:
        reasons = [*reasons, f"the claim says {expected:,}, found {found:,}"]
    return Finding(
        verdict="CONFIRMED" if found == expected else "REFUTED", found=f"{found:,}", note=note, reasons=reasons
    )


def places(pins: Mapping[str, PublishedPin]) -> str:
    """Every place where the rows are pinned."""
    return " or ".join(_place(pin) for pin in pins.values())


def first_place(pins: Mapping[str, PublishedPin]) -> str:
    """Where the rows are looked for first."""
    return _place(next(iter(pins.values())))


def _place(pin: PublishedPin) -> str:
    """Repositories at their revisions, the hosts of files that are pinned one by one, or the licensed folder."""
    if isinstance(pin, HubPin):
        return " and ".join(f"{name} at {revision:.{SHORT}}" for name, revision in pin.revisions.items())
    if isinstance(pin, PathPin):
        return f"the folder that {pin.variable} names, {pin.why}"
    urls = {part.url for parts in pin.files.values() for part in parts}
    hosts = sorted({urlsplit(url).netloc for url in urls})
    return f"{len(urls)} file{'s' if len(urls) > 1 else ''} of {' and '.join(hosts)}"


def rows_in_words(pin: PublishedPin, parts: Sequence[Part]) -> str:
    """Where a stem's parts lie, each place once, and how many rows each part is pinned to give."""
    rows: dict[str, list[str]] = {}
    for part in parts:
        if isinstance(pin, HubPin) and isinstance(part, HubFile):
            where = f"{part.repository} at {pin.revisions[part.repository]:.{SHORT}}"
        elif isinstance(part, UrlFile):
            where = f"{part.url} (sha256 {part.sha256:.{SHORT}})"
        else:
            where = _place(pin)
        rows.setdefault(where, []).append("not stated" if part.rows is None else f"{part.rows:,}")
    return ", ".join(f"{where} {' + '.join(counts)}" for where, counts in rows.items())
