"""How well the scheduler of `harness repro` fills 1 to 512 GPUs with the grid of profile `paper`, simulated.

    python benchmarks/schedule.py [--profile NAME] [--gpu NAME] [--slots N ...]

Every unit takes its estimated time (harness.pipeline.cost): at speeds measured on a device (--gpu, see
benchmarks/throughput.json), else in relative units, the tokens it predicts plus three times those it trains on. No
order can end before the bound: all work shared evenly, or the longest chain of an intermediate training and a cell.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import kept
from pydantic import TypeAdapter

from harness.launch.schedule import Item, simulate
from harness.pipeline.cost import GridCost, Length, UnitCost, estimate
from harness.pipeline.speeds import Throughput, hours, speeds_for
from harness.pipeline.units import units
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths, project_root
from harness.project.profiles import read_profile
from harness.project.stages import matrix_of, recipe_of
from harness.project.tasks import load_tasks

SLOTS = (1, 8, 64, 512)
TRAINING = 3
"""Passes through the network per token trained on, in forward passes: backward takes two (Kaplan et al. 2020, 2.1)."""


def costs(found: GridCost, params: Params, gpu: str | None, speeds: list[Throughput]) -> tuple[dict[str, float], str]:
    """Kind of unit, as harness.pipeline.plan names it -> its cost; and the unit of cost in words.

    Raises HarnessError where the device was not measured. What nobody has counted costs
    as much as the greatest of its kind.
    """
    measured = speeds_for(params, gpu, speeds) if gpu else []
    if gpu and not measured:
        raise HarnessError(f"expected a speed measured on {gpu}, found none", fix="python benchmarks/throughput.py")

    def cost(unit: UnitCost) -> float | None:
        if unit.train_tokens is None or unit.predict_tokens is None:
            return None
        if measured:
            alone = found.model_copy(update={"units": [unit.model_copy(update={"runs": 1})]})
            return hours(alone, measured).both
        return (TRAINING * unit.train_tokens + unit.predict_tokens) / 1e9

    counted = {unit: cost(unit) for unit in found.units}
    greatest = {
        kind: max(value for unit, value in counted.items() if unit.kind == kind and value is not None)
        for kind in {unit.kind for unit, value in counted.items() if value is not None}
    }
    made = {
        f"{unit.kind} {unit.name}": greatest[unit.kind] if value is None else value for unit, value in counted.items()
    }
    return made, f"hours on {gpu}" if measured else "1e9 token passes"


def items_of(params: Params, paths: Paths, cost: dict[str, float], unavailable: dict[str, str]) -> list[Item]:
    """The grid's intermediate trainings and cells; the baseline's, and those of a recipe without data, take no time."""
    made = []
    for unit in units(params, paths):
        recipe = recipe_of(unit.stage)
        if unit.kind != "encoder":
            made.append(Item(unit.stage, unit.needs, 0.0 if recipe in unavailable else cost.get(unit.kind, 0.0)))
    return made


def in_levels(items: list[Item], slots: int) -> float:
    """Makespan where every intermediate training ends before the first cell starts, the longest first in each level."""
    levels = [[item for item in items if matrix_of(item.name) == matrix] for matrix in ("intermediate", "cell")]
    return sum(simulate(level, slots).makespan_s for level in levels)


def tables(items: list[Item], slots: Sequence[int], what: str) -> list[kept.Table]:
    """What the scheduler reaches, and what other orders of the same units would."""
    found = [simulate(items, count) for count in slots]
    as_listed = {item.name: -float(place) for place, item in enumerate(items)}
    longest = {item.name: item.seconds for item in items}
    reached = [
        [
            one.slots,
            f"{one.bound_s:,.2f}",
            "longest chain" if one.bound_s == one.chain_s else "all work",
            f"{one.makespan_s:,.2f}",
            f"{100 * one.total_s / one.slots / one.makespan_s:.1f} %",
            f"{100 * one.efficiency:.1f} %",
        ]
        for one in found
    ]
    orders = [
        [
            one.slots,
            *(
                f"{100 * one.bound_s / makespan:.1f} %"
                for makespan in (
                    simulate(items, one.slots, as_listed).makespan_s,
                    in_levels(items, one.slots),
                    simulate(items, one.slots, longest).makespan_s,
                    one.makespan_s,
                )
            ),
        ]
        for one in found
    ]
    return [
        kept.Table(
            caption=f"Makespan of the {what}",
            columns=["GPUs", "bound", "bound is", "makespan", "GPUs busy", "bound / makespan"],
            rows=reached,
        ),
        kept.Table(
            caption="The same bound / makespan by the order in which units start",
            columns=["GPUs", "as listed", "all trainings first, longest first", "longest first", "critical path"],
            rows=orders,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="paper")
    parser.add_argument("--gpu", help="a device of benchmarks/throughput.json")
    parser.add_argument("--slots", type=int, nargs="+", default=SLOTS)
    chosen = parser.parse_args()
    root = project_root()
    params, paths = read_profile(root, chosen.profile), Paths(root, chosen.profile)
    lengths = paths.benchmarks / "lengths.json"
    known = TypeAdapter(list[Length]).validate_json(lengths.read_bytes()) if lengths.is_file() else []
    speeds = TypeAdapter(list[Throughput]).validate_json((paths.benchmarks / "throughput.json").read_bytes())
    found = estimate(params, load_tasks(params.data.tasks, paths.tasks), known)
    cost, unit = costs(found, params, chosen.gpu, speeds)
    items = items_of(params, paths, cost, found.unavailable)
    unknown = found.total("train_tokens")[1] + found.total("predict_tokens")[1]
    remarks = ["Simulated: every unit takes just its estimated time. `harness repro` orders by critical path."]
    if not chosen.gpu:
        remarks.append(f"No GPU's speed: a token trained on counts as {TRAINING} predicted ones; ratios matter.")
    if unknown:
        remarks.append(
            f"Nobody has counted {', '.join(dict.fromkeys(unknown))}: each takes as long as the longest of its kind."
        )
    if found.unavailable:
        remarks.append(f"Without data, so without cost: {', '.join(found.unavailable)}.")
    made = kept.found(
        f"Schedule of profile {chosen.profile} on many GPUs",
        tables(items, chosen.slots, f"{len(items):,} units of profile {chosen.profile}, in {unit}"),
        remarks,
        packages=(),
    )
    kept.keep("schedule", made)
    print(kept.show(made))


if __name__ == "__main__":
    main()
