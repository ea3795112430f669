"""Two sets of results -> a record of what differs between them, claim by claim and cell by cell.

Pure: both sides were checked and judged before. Nothing is concluded from a difference; `harness verify` (V1, V2) says
whether a run is a repetition of another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from harness.audit.verification import Verification
from harness.project.provenance import machine_class
from harness.project.records import Record
from harness.project.results import Result
from harness.verify.show.table import show_interval, show_points
from harness.verify.verdicts.verdict import ClaimVerdict

MACHINE = ("cpu", "instructions", "cores", "architecture", "system")
"""What of a machine is compared; device, threads, Python, packages and image besides."""


class Side(Record):
    """One set of results, judged."""

    name: str
    """What was asked for: a profile, an archive, a folder."""
    verification: Verification
    """What `harness verify` concludes."""
    results: dict[str, Result]
    """Cell -> its result."""
    settings: dict[str, Any]
    """The settings, as params.yaml has them."""


class Change(Record):
    """Something that is not the same on both sides."""

    what: str
    """What it is: a claim's number, a setting, a package, an input."""
    a: str
    """On the first side; empty where it is not there."""
    b: str
    """On the second."""


class ScoreChange(Record):
    """A cell whose score differs."""

    cell: str
    """The cell."""
    a: float | None
    """Its score on the first side in points; null where it has none."""
    b: float | None
    """On the second."""
    same_predictions: bool
    """Are the predictions byte for byte the same?"""

    @property
    def points(self) -> float | None:
        """The second less the first, in points."""
        return None if self.a is None or self.b is None else self.b - self.a


class Diff(Record):
    """What differs between two sets of results."""

    a: str
    """The first side, in words."""
    b: str
    """The second."""
    claims: list[Change]
    """Verdicts and numbers of claims."""
    cells_in_both: int
    """Cells that both sides have."""
    same_predictions: int
    """Of these, cells whose predictions are byte for byte the same."""
    scores: list[ScoreChange]
    """Of these, cells whose score differs, the largest difference first."""
    only_a: list[str]
    """Cells that the first side alone has."""
    only_b: list[str]
    """Cells that the second side alone has."""
    inputs: dict[str, int]
    """Input of cells (data, params, encoder, ...) -> cells in both whose sha256 of it differs."""
    settings: list[Change]
    """Settings that differ."""
    machines: list[Change]
    """What differs between the machines, packages, images and commits that the results were made with."""

    @property
    def is_same(self) -> bool:
        """Does nothing differ?"""
        differs = (self.claims, self.scores, self.only_a, self.only_b, self.inputs, self.settings, self.machines)
        return not any(differs)


def compare(a: Side, b: Side) -> Diff:
    """The record. Raises nothing."""
    both = [name for name in a.results if name in b.results]
    pairs = [(a.results[name], b.results[name]) for name in both]
    scores = [_score_change(name, a.results[name], b.results[name]) for name in both]
    changed = [one for one in scores if one.a != one.b]
    return Diff(
        a=_side_in_words(a),
        b=_side_in_words(b),
        claims=[*_claims(a.verification, b.verification)],
        cells_in_both=len(both),
        same_predictions=sum(one.same_predictions for one in scores),
        scores=sorted(changed, key=lambda one: -abs(one.points if one.points is not None else 1e9)),
        only_a=[name for name in a.results if name not in b.results],
        only_b=[name for name in b.results if name not in a.results],
        inputs=_inputs(pairs),
        settings=_changes(_flat(a.settings), _flat(b.settings)),
        machines=_changes(_origins(a.results.values()), _origins(b.results.values())),
    )


def _side_in_words(side: Side) -> str:
    v = side.verification
    whose = {"run": "a run", "pinned": "pinned results", "nothing": "no results"}.get(v.judged, "an archive")
    return f"{side.name}: {whose} of profile {v.profile}, {v.encoder}; {v.data}"


def _claims(a: Verification, b: Verification) -> Iterable[Change]:
    first, second = ({claim.id: claim for claim in each.claims} for each in (a, b))
    for name in dict.fromkeys([*first, *second]):
        said = [_claim_in_words(each[name]) if name in each else "" for each in (first, second)]
        if said[0] != said[1]:
            yield Change(what=name, a=said[0], b=said[1])


def _claim_in_words(claim: ClaimVerdict) -> str:
    words: list[str] = [claim.verdict, claim.replication or ""]
    if claim.measured is not None:
        words += [show_points(claim.measured, claim.is_share), show_interval(claim.interval, claim.is_share)]
    return " ".join(filter(None, [*words, claim.found or ""]))


def _score_change(name: str, a: Result, b: Result) -> ScoreChange:
    first, second = (one.predictions.sha256 if one.predictions else None for one in (a, b))
    return ScoreChange(cell=name, a=a.score, b=b.score, same_predictions=first is not None and first == second)


def _inputs(pairs: Iterable[tuple[Result, Result]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for a, b in pairs:
        names = dict.fromkeys([*a.inputs, *b.inputs])
        counts.update(name for name in names if a.inputs.get(name) != b.inputs.get(name))
    return dict(counts)


def _origins(results: Iterable[Result]) -> dict[str, str]:
    """What results were made with -> the distinct values, in words."""
    found: dict[str, list[str]] = {}
    origins = [one.provenance for one in results if one.status != "unavailable"]
    distinct = {(machine_class(one), str(one.get("git_commit")), str(one.get("image_digest"))): one for one in origins}
    for origin in distinct.values():
        machine, packages = origin.get("machine") or {}, origin.get("packages") or {}
        facts = {name: machine.get(name) for name in MACHINE}
        facts |= {name: origin.get(name) for name in ("device", "threads", "python", "image_digest")}
        facts |= {f"package {name}": version for name, version in packages.items()}
        facts["commit"] = (origin.get("git_commit") or "")[:12] + (" + changes" if origin.get("git_dirty") else "")
        for name, value in facts.items():
            if value and str(value) not in found.setdefault(name, []):
                found[name].append(str(value))
    return {name: ", ".join(values) for name, values in found.items()}


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Settings as `a.b.c` -> value in words; a list is one value."""
    if isinstance(value, Mapping) and value:
        return {key: text for inner, each in value.items() for key, text in _flat(each, f"{name}.{inner}").items()}
    return {name.lstrip("."): str(value)}


def _changes(a: Mapping[str, str], b: Mapping[str, str]) -> list[Change]:
    names = dict.fromkeys([*a, *b])
    return [Change(what=name, a=a.get(name, ""), b=b.get(name, "")) for name in names if a.get(name) != b.get(name)]
