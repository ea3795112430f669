"""The page's section on the intermediate trainings themselves: did each recipe learn its own tasks?

A recipe that did not learn its task still changes the encoder, but what it then gains or loses is no transfer of that
task. Whether it learnt it is what the training's own record says: one answer for every dev row, a score that always
giving the same answer reaches, or a loss that did not fall (`collapse_reasons` of harness.experiment.training.prepare).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from harness.audit.subject import Judged
from harness.pages.markdown import markdown_table
from harness.project.errors import HarnessError
from harness.project.params import BASELINE
from harness.project.paths import Paths
from harness.project.pinned import training_name
from harness.project.records import Record, read_json


class TaskLearnt(Record):
    """How one task of a recipe came out."""

    dev: dict[int, float]
    """Seed -> the task's own headline metric on its English dev rows, in points."""
    unlearnt: dict[int, list[str]]
    """Seed -> why its training counts as not having learnt the task; seeds that learnt it are absent."""

    @property
    def learnt(self) -> int:
        """Seeds that learnt it."""
        return len(self.dev) - len(self.unlearnt)


class RecipeTraining(Record):
    """The intermediate trainings of one recipe."""

    recipe: str
    """The recipe."""
    tasks: dict[str, TaskLearnt]
    """Its tasks."""
    seconds: list[float]
    """Wall time of each seed's training."""
    losses: list[tuple[float, float]]
    """Training loss of each seed at the first and the last point of its curve; of a mixture they are of whichever task
    gave the batches."""

    @property
    def is_mixture(self) -> bool:
        """Has it several tasks?"""
        return len(self.tasks) > 1


def read_trainings(judged: Judged, recipes: Sequence[str], paths: Paths) -> list[RecipeTraining]:
    """Those of `recipes` whose cells are judged, beside the baseline's, which trains nothing. A record that is not
    there (results that were fetched from elsewhere may lack them) leaves its seed out.

    Raises HarnessError for a record of another form.
    """
    cells = [result.cell for result in judged.checked.results.values()]
    found = []
    for recipe in recipes:
        seeds = sorted({cell.seed for cell in cells if cell.recipe == recipe})
        records = {seed: record for seed in seeds if (record := _record(judged, recipe, seed, paths)) is not None}
        if recipe != BASELINE and any(record["dev_headline"] for record in records.values()):
            found.append(_of(recipe, records))
    return found


def _record(judged: Judged, recipe: str, seed: int, paths: Paths) -> dict[str, Any] | None:
    is_run = judged.source == "run"
    path = paths.intermediate(recipe, seed) if is_run else paths.pinned / training_name(recipe, seed)
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        record: dict[str, Any] = content if is_run else content["record"]
        return {
            "dev_headline": {str(task): float(points) for task, points in (record.get("dev_headline") or {}).items()},
            "reasons": [str(reason) for reason in record.get("reasons") or []],
            "elapsed_s": float(record.get("elapsed_s") or 0.0),
            "losses": [float(point["loss"]) for point in record.get("curve") or []],
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HarnessError(
            f"expected the record of a training in {path}, found another form: {' '.join(str(error).split())}",
            fix=f"run `dvc repro -f intermediate@{recipe}-{seed}`, or `git checkout -- reference` if it is pinned",
        ) from None


def _of(recipe: str, records: dict[int, dict[str, Any]]) -> RecipeTraining:
    tasks: dict[str, TaskLearnt] = {}
    for seed, record in records.items():
        for task, points in record["dev_headline"].items():
            one = tasks.setdefault(task, TaskLearnt(dev={}, unlearnt={}))
            one.dev[seed] = points
            why = [reason.removeprefix(f"{task}: ") for reason in record["reasons"] if reason.startswith(f"{task}: ")]
            if why:
                one.unlearnt[seed] = why
    return RecipeTraining(
        recipe=recipe,
        tasks=tasks,
        seconds=[record["elapsed_s"] for record in records.values()],
        losses=[(losses[0], losses[-1]) for record in records.values() if (losses := record["losses"])],
    )


def on_trainings(trainings: Sequence[RecipeTraining]) -> str:
    """The sentence on how many recipes learnt their own task, which stands beside the answer; empty without any."""
    parts = [f"{', '.join(recipes)} at {word}" for word, recipes in _single(trainings).items()]
    for one in trainings:
        if one.is_mixture:
            some = [task for task, found in one.tasks.items() if found.learnt]
            named = f" ({', '.join(some)})" if 0 < len(some) < len(one.tasks) else ""
            parts.append(f"of {one.recipe}'s {len(one.tasks)} tasks {len(some)} at one seed or more{named}")
    if not parts:
        return ""
    lacking = any(found.unlearnt for one in trainings for found in one.tasks.values())
    then = (
        " Where nothing was learnt, a gain or loss is no evidence of transfer; where the loss fell all the same, more "
        "may have been learnt than dev rows show."
    )
    return f"By dev rows of their own tasks, recipes learnt these: {'; '.join(parts)}.{then if lacking else ''}"


def _single(trainings: Sequence[RecipeTraining]) -> dict[str, list[str]]:
    """`2 of 3 seeds` -> recipes of one task that learnt it at so many, from all seeds to none."""
    found: dict[str, list[str]] = {}
    order = sorted(trainings, key=lambda one: -_share(one))
    for one in order:
        if not one.is_mixture:
            (task,) = one.tasks.values()
            n = len(task.dev)
            word = {0: f"none of {n} seeds", n: f"all {n} seeds"}.get(task.learnt, f"{task.learnt} of {n} seeds")
            single = {0: "no seed (of one)", 1: "the one seed"}
            found.setdefault(single[task.learnt] if n == 1 else word, []).append(one.recipe)
    return found


def _share(one: RecipeTraining) -> float:
    return fmean(task.learnt / len(task.dev) for task in one.tasks.values())


def trainings_section(trainings: Sequence[RecipeTraining], most_rows: int | None = None) -> str:
    """Dev scores of every recipe on its own tasks, or nothing where no record is there. `most_rows`: so many dev rows
    are scored.
    """
    if not trainings:
        return ""
    rows_said = "" if most_rows is None else f" on {most_rows:,} dev rows"
    rows = [
        (
            one.recipe,
            task,
            ", ".join(f"{seed}: {points:.1f}" for seed, points in found.dev.items()),
            f"{found.learnt} of {len(found.dev)}",
            _loss(one),
            "; ".join(dict.fromkeys(_sign(why) for reasons in found.unlearnt.values() for why in reasons)) or "-",
        )
        for one in trainings
        for task, found in one.tasks.items()
    ]
    return "\n\n".join(
        [
            "## What the intermediate trainings learnt",
            f"{on_trainings(trainings)} *Learnt*: none of the signs of a training that failed, which are one answer "
            "for every dev row, a score no higher than always giving the same answer, and, in a recipe of one task, a "
            f"loss that did not fall. None of them is proof{rows_said}, and answering spans has no constant to beat, "
            "so that a low score there counts as learnt.",
            markdown_table(
                ("recipe", "task", "dev score at seed", "learnt", "mean loss", "signs of failure"), rows, "llllll"
            ),
        ]
    )


def _loss(one: RecipeTraining) -> str:
    """Mean over seeds of the loss at the first and the last point of the curve."""
    if one.is_mixture or not one.losses:
        return "-"
    first, last = (fmean(losses[place] for losses in one.losses) for place in (0, 1))
    return f"{first:.2f} to {last:.2f}"


def _sign(reason: str) -> str:
    """A reason of the record without what differs from seed to seed."""
    _, constant, points = reason.rpartition("always the same answer gives ")
    return constant + points if constant else reason.partition(":")[0]


def in_hours(seconds: float) -> str:
    """`7.1 h`, or minutes below an hour."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
