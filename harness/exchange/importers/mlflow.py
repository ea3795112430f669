"""MLflow: the finished runs of one experiment, from its database of SQLite or from a server; one score a run.

MLflow gives names no meaning. What a run is of is looked up in its params, under the names that are usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.exchange.importers.choosing import Found, choose, one_of
from harness.exchange.importers.importer import Importer, Options, Source
from harness.exchange.importers.mlflow_run import Run
from harness.exchange.importers.mlflow_server import experiment_in, is_address, server_experiments, server_runs
from harness.exchange.importers.mlflow_sqlite import file_experiments, file_runs, is_database
from harness.exchange.importers.reading import remember, whole_number
from harness.project.errors import HarnessError, name_some
from harness.verify.given.rows import Given

PARAMS: Mapping[str, tuple[str, ...]] = {
    "method": ("method", "recipe", "system", "model", "model_name", "model_name_or_path"),
    "task": ("task", "target", "task_name", "dataset", "dataset_name"),
    "seed": ("seed", "random_seed", "random_state"),
    "language": ("language", "lang"),
    "split": ("split",),
}
"""What a score says -> the params that say it, the first that a run has."""


def recognises(source: Source) -> bool:
    """Whether the source is a server's address, or a database with MLflow's tables."""
    return is_address(source) or is_database(Path(source))


def read(source: Source, options: Options) -> Given:
    """The last value of the metric of every finished run, in points.

    Raises HarnessError where no experiment can be told, where two runs are of the same method, task, seed and
    language, and where a run's params don't say the task and `options.task` doesn't either.
    """
    server = is_address(source)
    experiments = server_experiments(str(source)) if server else file_experiments(Path(source))
    experiment = _experiment(experiments, options.experiment or experiment_in(str(source)), str(source))
    runs = server_runs(str(source), experiment) if server else file_runs(Path(source), experiment)
    given = Given("MLflow", [], known={"experiment": f"{experiments[experiment]} (id {experiment})"})
    if not server:
        remember(given, Path(source))
    finished = [run for run in runs if run.status == "FINISHED"]
    others = [f"{run.name} ({run.status})" for run in runs if run.status != "FINISHED"]
    if others:
        given.remarks.append(f"Left out, since they are not finished: {name_some(others)}.")
    found = [_found(run, options, given.unknown) for run in finished]
    chosen = choose(found, options)
    given.scores.extend(chosen.scores)
    given.unknown.update(chosen.unknown)
    given.remarks.extend(chosen.remarks)
    commits = sorted({run.tags[tag] for run in finished for tag in ("mlflow.source.git.commit",) if tag in run.tags})
    if commits:
        given.known["commits"] = ", ".join(commits)
    else:
        given.unknown["revision"] = "no run has the tag mlflow.source.git.commit"
    return given


def _experiment(experiments: Mapping[str, str], asked: str | None, where: str) -> str:
    """The id of the experiment asked for by id or name, or of the only one."""
    if asked in experiments:
        return str(asked)
    name = one_of(list(experiments.values()), asked, where, "--experiment")
    return next(each for each, other in experiments.items() if other == name)


def _found(run: Run, options: Options, unknown: dict[str, str]) -> Found:
    said = {
        what: next((run.params[name] for name in names if name in run.params), None) for what, names in PARAMS.items()
    }
    task = options.task or said["task"]
    if not task:
        raise HarnessError(
            f"expected a param that names the task ({', '.join(PARAMS['task'])}) of run {run.name}, found none",
            fix="name the task of all runs with --task",
        )
    method = options.method or said["method"]
    if not method:
        unknown["method"] = f"taken: the runs' names, since they have no param {', '.join(PARAMS['method'])}"
    seed = options.seed if options.seed is not None else whole_number(said["seed"])
    if seed is None:
        unknown["seed"] = f"not in the params ({', '.join(PARAMS['seed'])}) of {run.name}; taken: none"
    split = said["split"] or options.split
    if split is None:
        unknown["split"] = "not in the params; name it with --split"
    return Found(method or run.name, task, run.metrics, seed, said["language"], split, f"run {run.name} ({run.id})")


IMPORTER = Importer(
    name="mlflow",
    about="MLflow: the finished runs of an experiment, from its SQLite file or a server's address",
    asks=("method", "task", "seed", "split", "metric", "experiment", "fraction"),
    recognises=recognises,
    read=read,
)
