"""How long units take: medians of this machine's finished units, else of the pinned run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from random import Random
from statistics import median
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.pipeline.units import Unit
from harness.project.errors import HarnessError, explain_validation
from harness.project.paths import Paths
from harness.project.records import read_json

COSTS = "costs.json"
"""Among pinned results: median wall seconds by kind of unit, and the machine."""
LONGEST_S = 1e9
"""Seconds of the longest unit that is believed, thirty years."""
SAMPLE = 500
"""Results that are enough to say what cells cost: every cell that finishes asks (`remaining`), and would read all."""


class _Machine(BaseModel):
    """What is said of the machine of a pinned run; more of it is recorded."""

    model_config = ConfigDict(strict=True)

    cpu: str
    """Its processor."""
    cores: int | None
    """How many cores it has."""


class _Costs(BaseModel):
    """What costs.json holds."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    seconds: dict[Annotated[str, Field(pattern=r"^\w+( \S+)?$")], Annotated[float, Field(ge=0, le=LONGEST_S)]]
    """Median wall seconds by kind of unit."""
    machine: _Machine
    """The machine."""


def measured_costs(paths: Paths) -> tuple[dict[str, float], str]:
    """Median wall time in seconds by kind of unit, and where it was measured; of a large grid over SAMPLE cells."""
    own = _own_times(paths)
    if own:
        return {kind: median(times) for kind, times in own.items()}, "this machine's finished units"
    seconds, machine = _pinned_costs(paths)
    if seconds:
        return seconds, f"the pinned run ({machine['cpu']}, {machine['cores']} cores)"
    return {}, "nothing measured yet"


def unit_seconds(chosen: Iterable[Unit], paths: Paths) -> dict[str, float]:
    """Stage -> estimated wall time, for a schedule: only the ratios have to be right.

    A kind's median on this machine; else the pinned run's, scaled by the kinds that both have; else the median of all
    kinds of the same sort (intermediate trainings, cells); else a second.
    """
    own = {kind: median(times) for kind, times in _own_times(paths).items()}
    pinned, _ = _pinned_costs(paths)
    scale = median([own[kind] / pinned[kind] for kind in own.keys() & pinned if pinned[kind]] or [1.0])
    known = {kind: seconds * scale for kind, seconds in pinned.items()} | own
    sorts: dict[str, list[float]] = {}
    for kind, seconds in known.items():
        sorts.setdefault(kind.split()[0], []).append(seconds)
    return {unit.stage: known.get(unit.kind, median(sorts.get(unit.kind.split()[0], [1.0]))) for unit in chosen}


def _pinned_costs(paths: Paths) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds by kind of unit in the pinned run, and its machine; nothing where nothing is pinned.

    Raises HarnessError where they can't be read.
    """
    path = paths.pinned / COSTS
    if not path.is_file():
        return {}, {}
    fix = f"take the committed file back (`git checkout -- {path.relative_to(paths.root)}`)"
    try:
        found = _Costs.model_validate(read_json(path))
    except ValidationError as error:
        raise HarnessError(explain_validation(error, _Costs, str(path)), fix=fix) from None
    except (OSError, ValueError) as error:
        raise HarnessError(f"expected measured times in {path}, found: {error!s:.200}", fix=fix) from None
    return dict(found.seconds), found.machine.model_dump()


def _own_times(paths: Paths) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    cells = sorted(paths.cells.glob("*/result.json"))
    for path in cells if len(cells) <= SAMPLE else Random(0).sample(cells, SAMPLE):
        _note(times, path, lambda content: f"cell {content['cell']['target']}")
    for path in sorted((paths.results / "intermediate").glob("*.json")):
        _note(times, path, lambda content: f"intermediate {content['recipe']}")
    _note(times, paths.results / "encoder.json", lambda content: "encoder")
    return times


def _note(times: dict[str, list[float]], path: Path, kind: Callable[[dict[str, Any]], str]) -> None:
    """Add a record's wall time; one that can't be read costs an estimate nothing (`harness verify` names it), and one
    of something unavailable says nothing of what it costs where the data is there.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        content = read_json(path)
        if content.get("status") == "unavailable":
            return
        of, seconds = kind(content), content["elapsed_s"]
        if isinstance(seconds, int | float) and 0 <= seconds <= LONGEST_S:
            times.setdefault(of, []).append(seconds)
