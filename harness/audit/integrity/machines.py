"""Level V0: was every recipe run on the class of machine that its baseline at the same seed was?

A gain is a difference at one seed. Where the two were made on different processors, devices or packages, sums come in
another order, and the difference holds some of that too. It decides nothing, so it is told.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.project.errors import name_some
from harness.project.params import BASELINE
from harness.project.provenance import machine_class, machine_in_words
from harness.project.results import Result


def check_machines(results: Mapping[str, Result]) -> list[str]:
    """Sentences on seeds whose cells come from other classes of machines than the baseline's on the same target."""
    ran = {name: one for name, one in results.items() if one.status != "unavailable"}
    baseline = {(one.cell.target, one.cell.seed): one for one in ran.values() if one.cell.recipe == BASELINE}
    found: dict[tuple[int, str, str], list[str]] = {}
    for name, one in ran.items():
        other = baseline.get((one.cell.target, one.cell.seed))
        if other and machine_class(one.provenance) != machine_class(other.provenance):
            words = machine_in_words(one.provenance), machine_in_words(other.provenance)
            found.setdefault((one.cell.seed, *words), []).append(name)
    return [
        f"seed {seed}: {name_some(names)} ran on another class of machine ({mine or 'not recorded'}) than the baseline"
        f" ({other or 'not recorded'}; packages and threads count too): their gains hold that difference"
        for (seed, mine, other), names in found.items()
    ]
