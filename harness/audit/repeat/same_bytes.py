"""Level V1 against the pins: did the run that is judged give the pinned predictions, byte by byte? Nothing runs here.

Only cells that this run and the pinned results made on machines of one class, by the same code and settings from the
same rows, are compared. What differs here is not deterministic; whether it matters is for level V2. A cell that equals
the pinned one in all that its record holds but wall time and peak memory, commit and machine included, counts as the
pinned one (copied, taken over, or pinned from here): nothing shows that it ran again, so it repeats nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.project.provenance import machine_class, machine_in_words
from harness.project.records import Record
from harness.project.results import Result

SAME_INPUTS = ("data", "params", "code")
"""Inputs that make a cell the same experiment, run by the same code."""


class SameBytes(Record):
    """What level V1 found."""

    machine: str
    """The class of machine, in words."""
    compared: int
    """Cells that both made on this class of machine, by the same code from the same data and params."""
    identical: int
    """Of these, cells whose predictions have the same sha256."""
    differing: list[str]
    """The others."""
    copies: int = 0
    """Cells beside these that are the pinned ones themselves."""

    @property
    def ok(self) -> bool:
        """Every prediction is repeated."""
        return not self.differing


def compare_bytes(run: Mapping[str, Result], pinned: Mapping[str, Result]) -> tuple[SameBytes | None, str]:
    """Level V1, or None and why it can't be had, in words."""
    both = [(name, new, pinned[name]) for name, new in run.items() if name in pinned and _both_ran(new, pinned[name])]
    pairs = [(name, new, old) for name, new, old in both if not is_copy(new, old)]
    if both and not pairs:
        return (
            None,
            "these are the pinned results themselves, times and memory aside: nothing shows that they ran again",
        )
    here = [(name, new, old) for name, new, old in pairs if _class(new) == _class(old)]
    repeated = [(name, new, old) for name, new, old in here if _same_inputs(new, old)]
    if not repeated:
        machine = machine_in_words(next(iter(run.values())).provenance) if run else "this machine"
        why = "by the same code from the same data and params" if here else f"on this class of machine ({machine})"
        return None, f"no pinned cell was made {why}"
    differing = [name for name, new, old in repeated if _sha256(new) != _sha256(old)]
    return SameBytes(
        machine=machine_in_words(repeated[0][1].provenance),
        compared=len(repeated),
        identical=len(repeated) - len(differing),
        differing=differing,
        copies=len(both) - len(pairs),
    ), ""


def is_copy(new: Result, old: Result | None) -> bool:
    """Is the record the pinned one, whatever wall time and peak memory it names? Those are easily written anew, and
    a cell that ran again at another commit or elsewhere says so.
    """
    return old is not None and _timeless(new) == _timeless(old)


def _timeless(result: Result) -> Result:
    provenance = {name: value for name, value in result.provenance.items() if name != "peak_memory_mb"}
    return result.model_copy(update={"provenance": provenance, "elapsed_s": 0.0})


def _both_ran(new: Result, old: Result) -> bool:
    return "unavailable" not in (new.status, old.status)


def _class(result: Result) -> tuple[str, ...]:
    return machine_class(result.provenance)


def _same_inputs(new: Result, old: Result) -> bool:
    return all(new.inputs.get(name) == old.inputs.get(name) for name in SAME_INPUTS)


def _sha256(result: Result) -> str | None:
    return result.predictions.sha256 if result.predictions else None
