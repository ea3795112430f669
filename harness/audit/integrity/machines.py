"""Level V0: was every recipe run on the class of machine that its baseline at the same seed was?

A gain is a difference at one seed. Where the two were made on different processors, devices or packages, sums come in
another order, and the difference holds some of that too. It decides nothing, so it is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.project.errors import name_some
from harness.project.params import BASELINE
from harness.project.provenance import machine_class, machine_in_words
from harness.project.results import Result


def check_machines(results: Mapping[str, Result]) -> list[str]:
    """Sentences on seeds whose cells come from other classes of machines than the baseline's on the same target."""
    found: dict[tuple[int, str, str], list[str]] = {}
    for name, one, baseline in _on_other_machines(results):
        words = machine_in_words(one.provenance), machine_in_words(baseline.provenance)
        found.setdefault((one.cell.seed, *words), []).append(name)
    return [
        f"seed {seed}: {name_some(names)} ran on another class of machine ({mine or 'not recorded'}) than the baseline"
        f" ({other or 'not recorded'}; packages and threads count too): their gains hold that difference"
        for (seed, mine, other), names in found.items()
    ]


def recipes_on_other_machines(results: Mapping[str, Result]) -> dict[str, list[int]]:
    """recipe -> seeds at which a cell comes from another class of machine than the baseline's on the same target."""
    found: dict[str, set[int]] = {}
    for _, one, _ in _on_other_machines(results):
        found.setdefault(one.cell.recipe, set()).add(one.cell.seed)
    return {recipe: sorted(seeds) for recipe, seeds in found.items()}


def _on_other_machines(results: Mapping[str, Result]) -> Iterator[tuple[str, Result, Result]]:
    """Name and result of each such cell, and the baseline's result."""
    ran = {name: one for name, one in results.items() if one.status != "unavailable"}
    baseline = {(one.cell.target, one.cell.seed): one for one in ran.values() if one.cell.recipe == BASELINE}
    for name, one in ran.items():
        other = baseline.get((one.cell.target, one.cell.seed))
        if other and machine_class(one.provenance) != machine_class(other.provenance):
            yield name, one, other
