"""inspect_ai: a log in a zip file (.eval) or in JSON, read without inspect_ai.

`results.scores` holds the metrics of each scorer, `reductions` (or each sample's own score) the items, whose mean must
be the value stated. Layout as versions 0.3.100 and 0.3.285 write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from harness.exchange.importers.choosing import Found, choose
from harness.exchange.importers.importer import Importer, Options, Source
from harness.exchange.importers.inspect_zip import LogZip
from harness.exchange.importers.reading import as_object, check_mean, is_number, peek_object, read_object, remember
from harness.project.errors import HarnessError
from harness.verify.given.rows import Given, GivenItem

LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Correct, incorrect, partly correct, no answer: their values in inspect_ai's `value_to_float`."""
MEANS = ("accuracy", "mean")
"""Metrics that are the mean over the samples."""
SPREAD = ("stderr", "std", "var", "bootstrap_stderr", "bootstrap_std", "ci", "ci_lower", "ci_upper")
"""Metrics that are no score."""


def recognises(source: Source) -> bool:
    """Whether the source, a file or a folder of files, has a log: a zip file of its members, or JSON of its keys."""
    return any(_is_log(path) for path in _files(Path(source)))


def read(source: Source, options: Options) -> Given:
    """The score of every log's task in points, and its items.

    Without `options.metric` the one that inspect_ai names as the headline, or the only one. Raises HarnessError for a
    log that says it failed, was cancelled or is still running, and for items that don't give the value stated.
    """
    paths = [path for path in _files(Path(source)) if path == Path(source) or _is_log(path)]
    logs = [_read_log(path) for path in paths]
    founds = [_found(log, path, options) for log, path in zip(logs, paths, strict=True)]
    chosen = choose(founds, options)
    packages = {str(package) for log in logs for package in [(log["eval"].get("packages") or {}).get("inspect_ai")]}
    given = Given(f"inspect_ai {', '.join(sorted(packages))}", chosen.scores, unknown=dict(chosen.unknown))
    given.remarks.extend(chosen.remarks)
    for path, log, found, metric in zip(paths, logs, founds, chosen.metrics, strict=True):
        remember(given, path)
        _say_origin(given, path, log, options)
        if metric:
            given.items.extend(_items(log, found, metric, path, given.remarks))
    return given


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(path for path in source.iterdir() if path.suffix in (".eval", ".json"))
    return [source]


def _is_log(path: Path) -> bool:
    if path.suffix == ".json":
        return {"version", "status", "eval"} <= peek_object(path).keys()
    try:
        with closing(LogZip(path)) as log:
            return bool({"header.json", "_journal/start.json"} & log.names)
    except HarnessError:
        return False


def _read_log(path: Path) -> dict[str, Any]:
    """The log's keys, whichever way it was written. HarnessError where it isn't of a whole evaluation."""
    log = read_object(path) if path.suffix == ".json" else _unzip(path)
    status = log.get("status")
    if status != "success" or log.get("invalidated"):
        found = "one that was declared invalid" if status == "success" else f"the status `{status}`"
        error = as_object(log.get("error") or {}, f"`error` of {path}").get("message")
        raise HarnessError(
            f"expected the log of an evaluation that ended well at {path}, found {found}"
            + (f": {error:.200}" if isinstance(error, str) else ""),
            fix="finish the evaluation (`inspect eval-retry LOG`) and name its log",
        )
    return log


def _unzip(path: Path) -> dict[str, Any]:
    """A zipped log as the JSON one has it. Samples are read only where nothing sums them up."""
    with closing(LogZip(path)) as members:
        if "header.json" not in members.names:
            return {"status": "started"}
        log = as_object(members.json("header.json"), f"header.json in {path}")
        if "reductions.json" in members.names:
            log["reductions"] = members.json("reductions.json")
        else:
            names = sorted(name for name in members.names if name.startswith("samples/"))
            samples = (as_object(members.json(name), f"{name} in {path}") for name in names)
            log["samples"] = [{"id": sample["id"], "scores": sample.get("scores")} for sample in samples]
    return log


def _found(log: Mapping[str, Any], path: Path, options: Options) -> Found:
    """The metrics of every scorer; of all but the headline only where one is asked for."""
    about = as_object(log.get("eval"), f"`eval` of {path}")
    results = as_object(log.get("results"), f"`results` of {path}")
    values = {
        f"{score['name']}/{name}": metric["value"]
        for score in results["scores"]
        for name, metric in score["metrics"].items()
        if name not in SPREAD and is_number(metric["value"])
    }
    headline = results.get("headline") or {}
    key = f"{headline.get('score')}/{headline.get('metric')}"
    return Found(
        options.method or str(about["model"]),
        options.task or str(about["task"]),
        {key: values[key]} if options.metric is None and key in values else values,
        options.seed,
        split=options.split,
        origin=path.name,
    )


def _say_origin(given: Given, path: Path, log: Mapping[str, Any], options: Options) -> None:
    """What the log says of its making, and what of it a reader must know."""
    about, results = log["eval"], log["results"]
    revision = about.get("revision") or {}
    said = {
        "created": about.get("created"),
        "commit": revision.get("commit"),
        "dataset": about.get("dataset", {}).get("name"),
    }
    given.known.update({f"{name} of {path.name}": str(value) for name, value in said.items() if value})
    if not revision.get("commit"):
        given.unknown["revision"] = "a log says which model was asked, not of which revision it was"
    if options.seed is None:
        given.unknown["seed"] = "a log says none of a training; taken: none"
    if options.split is None:
        given.unknown["split"] = "a log says which data set, not which split; taken: none"
    config = about.get("config") or {}
    cuts = [f"{name} {config[name]}" for name in ("limit", "sample_id") if config.get(name) is not None]
    if cuts:
        given.remarks.append(
            f"{about['task']}: only some of its {about['dataset'].get('samples')} samples were evaluated"
            f" ({', '.join(cuts)}): this is no score of the test set."
        )
    done, of = results.get("completed_samples"), results.get("total_samples")
    if done != of:
        given.remarks.append(
            f"{about['task']}: {done} of {of} samples were completed; the score leaves out the others."
        )


def _items(log: Mapping[str, Any], found: Found, metric: str, path: Path, remarks: list[str]) -> Sequence[GivenItem]:
    """How each sample came out, over epochs the mean that inspect_ai made; none where the metric is no mean of them."""
    scorer, _, name = metric.rpartition("/")
    pairs = list(_values(log, scorer))
    once = len(dict(pairs)) == len(pairs) > 0
    if name not in MEANS or not once or any(value is None or not 0 <= value <= 1 for _, value in pairs):
        remarks.append(f"{found.task}: no items, since {metric} is no mean of values from 0 to 1 that the log holds.")
        return []
    values = [value for _, value in pairs if value is not None]
    check_mean(values, found.values[metric], f"{metric} of {found.task} in {path}")
    keys = {"method": found.method, "task": found.task, "seed": found.seed, "split": found.split}
    return [GivenItem.model_validate({**keys, "item": item, "right": value}) for item, value in pairs]


def _values(log: Mapping[str, Any], scorer: str) -> Iterator[tuple[str, float | None]]:
    """Sample's id -> its value by a scorer; None where it is no single number."""
    for reduction in log.get("reductions") or []:
        if reduction["scorer"] == scorer:
            yield from ((str(each["sample_id"]), _as_number(each["value"])) for each in reduction["samples"])
            return
    for sample in log.get("samples") or []:
        if scorer in (sample.get("scores") or {}):
            yield str(sample["id"]), _as_number(sample["scores"][scorer]["value"])


def _as_number(value: Any) -> float | None:
    if isinstance(value, str):
        return LETTERS.get(value)
    return float(value) if isinstance(value, bool | int | float) else None


IMPORTER = Importer(
    name="inspect",
    about="inspect_ai: a log (.eval or .json) or a folder of them, with its samples",
    asks=("method", "task", "seed", "split", "metric", "fraction"),
    recognises=recognises,
    read=read,
)
