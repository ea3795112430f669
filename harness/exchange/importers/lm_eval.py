"""lm-evaluation-harness: results_<time>.json, and samples_<task>_<time>.jsonl beside it where `--log_samples` was on.

`results` maps a task to `<metric>,<filter>` -> value; rows of groups, which are averages over tasks, are left out. The
samples' mean must be the value stated. Layout as version 0.4.13 writes it; older ones lack some keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.exchange.importers.choosing import Found, choose
from harness.exchange.importers.importer import Importer, Options, Source
from harness.exchange.importers.lm_eval_samples import read_items, samples_beside
from harness.exchange.importers.reading import as_object, is_number, peek_object, read_object, remember
from harness.verify.given.rows import Given

NOT_A_METRIC = ("alias", "name", "sample_len", "sample_count", " ", "samples")


def recognises(source: Source) -> bool:
    """Whether the file, or a file of the folder, has the keys of such results."""
    return any({"results", "configs", "n-shot"} <= peek_object(path).keys() for path in _files(Path(source)))


def read(source: Source, options: Options) -> Given:
    """Scores in points of every task of every results file, and items where there are samples.

    Of a folder every model's files are read: a model's name is its method. Raises HarnessError for two files of one
    model that both have a task, and for samples that don't give the value stated.
    """
    found: list[tuple[Found, Path, dict[str, Any]]] = []
    contents = {path: read_object(path) for path in _files(Path(source))}
    versions = sorted({str(content.get("lm_eval_version") or "") for content in contents.values()})
    given = Given(f"lm-evaluation-harness {', '.join(versions)}".strip(), [])
    for path, content in contents.items():
        remember(given, path)
        _say_origin(given, path, content)
        found += [(each, path, content) for each in _tasks(content, path, options)]
    chosen = choose([each for each, _, _ in found], options)
    given.scores.extend(chosen.scores)
    given.unknown.update(chosen.unknown)
    given.remarks.extend(chosen.remarks)
    for (each, path, content), metric in zip(found, chosen.metrics, strict=True):
        samples = samples_beside(path, each.task)
        if metric and samples:
            remember(given, samples)
            given.items.extend(read_items(samples, each, metric, content, given.remarks))
    if options.seed is None:
        given.unknown["seed"] = "the files say only the evaluation's, not a training's; taken: none"
    if not given.items:
        given.unknown["items"] = "none beside the results, or none of this metric: evaluate with --log_samples"
    return given


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted([*source.glob("results*.json"), *source.glob("*/results*.json")])
    return [source] if source.suffix == ".json" else []


def _tasks(content: Mapping[str, Any], path: Path, options: Options) -> Iterator[Found]:
    """The tasks of one results file, without groups."""
    groups = {name for name, inner in (content.get("group_subtasks") or {}).items() if inner}
    groups |= set(content.get("groups") or {})
    config = content.get("config") or {}
    for task, values in as_object(content.get("results"), f"`results` of {path}").items():
        if task in groups:
            continue
        where = f"`results.{task}` of {path}"
        yield Found(
            options.method or str(content.get("model_name") or config.get("model_args") or path.parent.name),
            task,
            dict(_metrics(as_object(values, where), content, task)),
            options.seed,
            split=_split(content, task) or options.split,
            origin=path.name,
        )


def _metrics(values: Mapping[str, Any], content: Mapping[str, Any], task: str) -> Iterator[tuple[str, Any]]:
    """Metric -> value, without standard errors, counts, and metrics of which the program says that less is better."""
    better = (content.get("higher_is_better") or {}).get(task) or {}
    for name, value in values.items():
        metric = name.partition(",")[0]
        if metric in NOT_A_METRIC or metric.endswith("_stderr") or better.get(metric) is False:
            continue
        if is_number(value):
            yield name, value


def _split(content: Mapping[str, Any], task: str) -> str | None:
    """The split that the program scores: the test split, where the task has one, else the validation split."""
    config = (content.get("configs") or {}).get(task) or {}
    split = config.get("test_split") or config.get("validation_split")
    return str(split) if split else None


def _say_origin(given: Given, path: Path, content: Mapping[str, Any]) -> None:
    """What the file says of its own making, and what of it a reader must know."""
    config = content.get("config") or {}
    said = {
        "transformers_version": content.get("transformers_version"),
        "git_hash": content.get("git_hash"),
        "model": content.get("model_name"),
        "model_revision": config.get("model_sha") or None,
        "date": content.get("date"),
        "evaluation_seed": config.get("torch_seed"),
    }
    given.known.update({f"{name} of {path.name}": str(value) for name, value in said.items() if value})
    if not said["model_revision"]:
        given.unknown["revision"] = f"{path.name} names no commit of the model"
    for task, counts in (content.get("n-samples") or {}).items():
        if counts.get("effective") != counts.get("original"):
            given.remarks.append(
                f"{task}: only {counts.get('effective')} of {counts.get('original')} rows were evaluated (limit"
                f" {config.get('limit')}): this is no score of the test set."
            )
    if config.get("limit") is not None and not content.get("n-samples"):
        given.remarks.append(f"{path.name}: evaluated with limit {config['limit']}: no score of a whole test set.")


IMPORTER = Importer(
    name="lm-eval",
    about="lm-evaluation-harness: results_*.json or its folder, items from samples_*.jsonl beside it",
    asks=("method", "seed", "split", "metric", "fraction"),
    recognises=recognises,
    read=read,
)
