"""Imports finished results into MLflow: an experiment per profile, a run per recipe, under it its trainings and cells.

Results on disk are the truth and MLflow is a view of them, written by one process after the fact. An import
can be repeated at any time: a result that is in already is left alone, one that has changed replaces its old
run. Runs of results that are no longer on disk are kept. Pinned results have an experiment of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.audit.verification import Verification
from harness.exchange.tracking.cells import cell_entry
from harness.exchange.tracking.entry import Entry
from harness.exchange.tracking.held import Held, read_held
from harness.exchange.tracking.recipes import recipe_entries
from harness.exchange.tracking.store import describe_experiment, find_experiment, opened
from harness.exchange.tracking.trainings import training_entries
from harness.exchange.tracking.verdicts import note, verdicts_entry
from harness.exchange.tracking.write import Key, is_present, present_runs, write_over, write_run
from harness.project.paths import Paths
from harness.verify.scores import ScoresTable

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient


def track(
    paths: Paths,
    mlruns: Path,
    table: ScoresTable | None = None,
    verification: Verification | None = None,
    draw: Callable[[Path], None] | None = None,
) -> int:
    """Import the run's finished results or, where nothing has run, the pinned ones; returns how many cells are new.

    `table`, `verification`: their scores and the verdicts on them; without these there are no means and no verdicts.
    `draw`: draws pictures of the verdicts into a folder.
    Raises HarnessError for a result that can't be read or whose predictions are missing, before anything is
    written, and for a folder or database that can't be used.
    """
    held = read_held(paths)
    if not held.cells:
        return 0
    recipes = recipe_entries(held.cells, table)
    others = [*training_entries(held), *(cell_entry(each, paths.profile) for each in held.cells)]
    if verification is not None:  # they stand above the recipes in MLflow's lists
        after = max(each.ended_ms for each in recipes.values()) + 1000
        others.append(verdicts_entry(verification, paths, after, draw))
    with opened(mlruns) as client:
        folder = (mlruns / "artifacts").resolve() / f"{paths.profile}{'-pinned' if held.pinned else ''}"
        experiment = find_experiment(client, experiment_name(paths.profile, held.pinned), folder)
        there = present_runs(client, experiment)
        new = [entry for entry in others if not is_present(client, there.get((entry.kind, entry.name), []), entry)]
        parents = {name: _recipe(client, experiment, there, entry) for name, entry in recipes.items()}
        for entry in _with_progress(new):
            parent = None if entry.recipe is None else parents.get(entry.recipe)
            write_run(client, experiment, entry, parent)
        describe_experiment(client, experiment, _note(paths.profile, held, verification))
    return sum(entry.kind == "cell" for entry in new)


def experiment_name(profile: str, pinned: bool) -> str:
    """The name of a profile's experiment."""
    return f"{profile} (pinned)" if pinned else profile


def _recipe(client: MlflowClient, experiment: str, there: dict[Key, list[Run]], entry: Entry) -> str:
    """The id of a recipe's run, which now holds the entry."""
    for run in there.get((entry.kind, entry.name), [])[:1]:
        write_over(client, run, entry)
        return str(run.info.run_id)
    return write_run(client, experiment, entry, None)


def _note(profile: str, held: Held, verification: Verification | None) -> str:
    """The experiment's description, in Markdown."""
    whose = f"the pinned results in `reference/{profile}`" if held.pinned else f"the run in `results/{profile}`"
    about = (
        f"Imported by `harness track` from {whose}, which are the truth. A run is a recipe, with its mean gains over"
        " the baseline `none` in points; under it are its trainings and cells. `verdicts` holds what is concluded of"
        " each claim, `encoder` the pretraining."
    )
    return "\n\n".join([*([note(verification)] if verification else []), about])


def _with_progress(new: Sequence[Entry]) -> Iterable[Entry]:
    """The entries to write, with a bar on a terminal and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import track as bar

    console = Console(stderr=True)
    shown = bool(new) and console.is_terminal
    return bar(new, "importing into MLflow", console=console, transient=True, disable=not shown)
