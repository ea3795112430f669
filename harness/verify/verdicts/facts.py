"""Claims that are facts of the data: decided from the pins of the published files, the documented origins and the
profiles. Pure; harness.audit.facts_here brings the files.

Nothing is typed in here: a number is a pinned count, or what was counted when the pinned files were read on this
machine. Where neither is there the claim stays NOT_TESTED, with what is lacking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.params import HubEncoder, Params
from harness.project.pins import HubFile, HubPin, Part, PathPin, PublishedPin, UrlFile
from harness.project.records import Record
from harness.project.tasks import Task, published_pins
from harness.verify.claims.checks import CountLanguages, CountRows, CountTasks, Fact, NoSplit, OriginOf, StartsFrom
from harness.verify.statistics.intervals import Verdict

SHORT = 12
"""So many digits of a revision or sha256 are shown."""


@dataclass(frozen=True)
class Facts:
    """What the project's files say of the published data."""

    tasks: Mapping[str, Task]
    """Name -> task, for those that have a file."""
    profiles: Mapping[str, Params] = field(default_factory=dict)
    """Name -> profile, for those that have a file."""
    counted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Task -> stem -> rows, where the files that its pins name now were fetched, checked and read on this machine."""
    fetched: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Profile -> file of its published encoder -> sha256, as found when it was fetched to this machine."""


class Finding(Record):
    """What is concluded about one fact."""

    verdict: Verdict
    """REPRODUCED, NOT_REPRODUCED or NOT_TESTED."""
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


def decide(check: Fact, facts: Facts) -> Finding:
    """The verdict on one fact, with its evidence."""
    try:
        match check:
            case CountTasks():
                return _tasks(check, facts)
            case CountLanguages():
                return _languages(check, facts)
            case CountRows():
                return _rows(check, facts)
            case OriginOf():
                return _origin(check, facts)
            case NoSplit():
                return _no_split(check, facts)
            case StartsFrom():
                return _encoder(check, facts)
    except Lacking as lacking:
        return lacking.finding


def _tasks(check: CountTasks, facts: Facts) -> Finding:
    names = tasks_of(_profile(check.profile, facts), check.role)
    if check.language:
        names = [name for name in names if _task(name, facts).languages == [check.language]]
    evidence = ", ".join(f"{name} ({_first_place(_pins(name, facts))})" for name in names)
    reason = f"profiles/{check.profile}.yaml uses {len(names)} {check.role} tasks whose published rows are pinned"
    return _compared(check.expected, len(names), "pinned", [f"{reason}, first in: {evidence}"])


def tasks_of(params: Params, role: Literal["intermediate", "target"]) -> list[str]:
    """A profile's tasks of a role: the grid's targets that are XTREME's, or the intermediate tasks of its recipes."""
    if role == "target":
        return [name for name in params.grid.targets if name in XTREME_GROUPS]
    return list(dict.fromkeys(task for recipe in params.grid.recipes for task in params.recipes[recipe].tasks))


def _languages(check: CountLanguages, facts: Facts) -> Finding:
    names = tasks_of(_profile(check.profile, facts), "target")
    if not names:
        raise Lacking("no target", f"profiles/{check.profile}.yaml has no target of XTREME")
    counts = {name: len(_tested(_task(name, facts), _pins(name, facts))) for name in names}
    largest = max(counts, key=lambda name: counts[name])
    others = ", ".join(f"{name} {count}" for name, count in counts.items() if name != largest)
    where = _places(_pins(largest, facts))
    reason = f"{largest} has pinned test files in {counts[largest]} languages ({where}); the others: {others or 'none'}"
    return _compared(check.expected, counts[largest], "pinned", [reason])


def _tested(task: Task, pins: Mapping[str, PublishedPin]) -> set[str]:
    stems = (stem.split(".", 1) for pin in pins.values() for stem in pin.files)
    return {language for split, language in stems if split.startswith("test")} & set(task.languages)


def _rows(check: CountRows, facts: Facts) -> Finding:
    """Counted here where the files were read here, else by the first place that states every part's rows."""
    pins = _pins(check.task, facts)
    stem = f"{check.split}.{next(iter(pins.values())).source_language}"
    parts = {place: pin.files[stem] for place, pin in pins.items() if stem in pin.files}
    if not parts:
        raise Lacking("no such file", f"{check.task} has no file {stem} in its pins ({_places(pins)})")
    evidence = "; ".join(_rows_in_words(pins[place], listed) for place, listed in parts.items())
    here = facts.counted.get(check.task, {}).get(stem)
    found = next(filter(None, [here, *map(_stated, parts.values())]), None)
    if found is None:
        raise Lacking("no pinned count", f"no pin of {check.task} states its {check.split} rows: {evidence}")
    note, how = (
        ("pinned count", "as pinned; the files have not been counted here")
        if here is None
        else ("counted here", "counted here, in the fetched files")
    )
    return _compared(check.expected, found, note, [f"{found:,} {check.split} rows of {check.task}, {how}: {evidence}"])


def _stated(parts: Sequence[Part]) -> int | None:
    counts = [part.rows for part in parts if part.rows is not None]
    return sum(counts) if len(counts) == len(parts) else None


def _origin(check: OriginOf, facts: Facts) -> Finding:
    """Every task must have the origin; where the claim names none, what is documented is shown."""
    documented = {name: _task(name, facts).origins for name in check.tasks}
    names = list(dict.fromkeys(origin.name for origins in documented.values() for origin in origins))
    found = ", ".join(names) or None
    statements = [(name, origin.stated, origin.document) for name, origins in documented.items() for origin in origins]
    reasons = [f"{name}: {stated} ({document})" for name, stated, document in dict.fromkeys(statements)]
    if check.origin is None:
        return Finding(verdict="NOT_TESTED", found=found, note="words break off", reasons=[check.reason, *reasons])
    if undocumented := [name for name, origins in documented.items() if not origins]:
        raise Lacking("no document", f"no public document on the origin of {', '.join(undocumented)} is recorded")
    reasons += [f"{name} is pinned, first in {_first_place(_pins(name, facts))}" for name in check.tasks]
    holds = all(check.origin in [origin.name for origin in origins] for origins in documented.values())
    return Finding(verdict="REPRODUCED" if holds else "NOT_REPRODUCED", found=found, note="documented", reasons=reasons)


def _no_split(check: NoSplit, facts: Facts) -> Finding:
    pins = {name: _pins(name, facts) for name in check.tasks}
    having = {name: stem for name, places in pins.items() if (stem := _stem_of(places, check.split))}
    lacking = f"no {check.split} file"
    reasons = [f"{name} has {having.get(name, lacking)} in {_places(places)}" for name, places in pins.items()]
    notes = [f"{name}: {pin.note}" for name, places in pins.items() for pin in places.values() if pin.note]
    return Finding(
        verdict="NOT_REPRODUCED" if having else "REPRODUCED",
        found=", ".join(having) or "none",
        note="pinned",
        reasons=[*reasons, *notes, check.reason],
    )


def _stem_of(pins: Mapping[str, PublishedPin], split: str) -> str | None:
    stems = (stem for pin in pins.values() for stem in pin.files)
    return next((stem for stem in stems if stem.split(".", 1)[0] == split), None)


def _encoder(check: StartsFrom, facts: Facts) -> Finding:
    encoder = _profile(check.profile, facts).encoder
    if not isinstance(encoder, HubEncoder):
        raise Lacking("no pin", f"profiles/{check.profile}.yaml pins no published encoder")
    here = facts.fetched.get(check.profile, {})
    checked = all(here.get(name) == sha256 for name, sha256 in encoder.files.items())
    how = "fetched to this machine, and checked then" if checked else "not fetched to this machine"
    files = ", ".join(f"{name} {sha256:.{SHORT}}" for name, sha256 in encoder.files.items())
    pin = f"{encoder.repository} at {encoder.revision:.{SHORT}} ({encoder.parameters:,} parameters; sha256 of {files})"
    return Finding(
        verdict="REPRODUCED" if encoder.repository == check.repository else "NOT_REPRODUCED",
        found=encoder.repository.rpartition("/")[2],
        note="checked here" if checked else "pinned",
        reasons=[f"profiles/{check.profile}.yaml starts from {pin}; {how}"],
    )


def _compared(expected: int, found: int, note: str, reasons: list[str]) -> Finding:
    if found != expected:
        reasons = [*reasons, f"the claim says {expected:,}, found {found:,}"]
    return Finding(
        verdict="REPRODUCED" if found == expected else "NOT_REPRODUCED", found=f"{found:,}", note=note, reasons=reasons
    )


def _profile(name: str, facts: Facts) -> Params:
    if name not in facts.profiles:
        raise Lacking(f"no profile {name}", f"there is no profiles/{name}.yaml")
    return facts.profiles[name]


def _task(name: str, facts: Facts) -> Task:
    if name not in facts.tasks:
        raise Lacking("no such task", f"there is no tasks/{name}.yaml")
    return facts.tasks[name]


def _pins(name: str, facts: Facts) -> dict[str, PublishedPin]:
    pins = published_pins(_task(name, facts))
    if not pins:
        raise Lacking("no published pin", f"tasks/{name}.yaml pins no published rows, only stand-ins or samples")
    return pins


def _places(pins: Mapping[str, PublishedPin]) -> str:
    return " or ".join(_place(pin) for pin in pins.values())


def _first_place(pins: Mapping[str, PublishedPin]) -> str:
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


def _rows_in_words(pin: PublishedPin, parts: Sequence[Part]) -> str:
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
