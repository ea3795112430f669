"""An XTREME submission: a folder of predictions, scored anew against the labels by XTREME's own rules.

`<folder>/<task>/test-<language>.<tsv|json>`, and a folder of labels of the same shape. XTREME's evaluator takes the
tasks that it finds and leaves the others out of its averages without a word; here every gap is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.exchange.importers.importer import Importer, Options, Source
from harness.exchange.importers.reading import remember
from harness.exchange.importers.xtreme_tasks import TASKS, Scored, XtremeTask
from harness.project.errors import HarnessError, name_some
from harness.verify.given.rows import Given, GivenItem, GivenScore

FIX = "name the folder that holds a folder for each task (xnli, pawsx, panx, ...), with test-<language>.tsv or .json"


def recognises(source: Source) -> bool:
    """Whether the folder has a file of predictions where XTREME wants one."""
    return any(_languages(Path(source) / task.folder, task) for task in TASKS.values())


def read(source: Source, options: Options) -> Given:
    """The scores of every task and language that both folders have, in points, and their items.

    By default a language's score is the number that XTREME averages: accuracy, F1, and of question answering the mean
    of exact match and F1; `options.metric` takes `f1` or `em` there.
    """
    folder = Path(source)
    if options.labels is None:
        raise HarnessError(
            f"expected the labels of the predictions in {folder}, found only predictions",
            fix="name the folder of labels, which has the same shape, with --labels",
        )
    if not options.labels.is_dir():
        raise HarnessError(f"expected a folder of labels at {options.labels}, found none", fix=FIX)
    given = Given("XTREME submission", [])
    method = options.method or folder.resolve().name
    for name, task in TASKS.items():
        for language in _both(folder, options.labels, name, task, given.remarks):
            predictions, labels = (_file(top, task, language) for top in (folder, options.labels))
            scored = task.score(predictions, labels, language, task.labels)
            key = {"method": method, "task": name, "seed": options.seed, "language": language, "split": "test"}
            _add(given, scored, options.metric, key)
            for top, path in (("predictions", predictions), ("labels", labels)):
                remember(given, path, f"{top}/{task.folder}/{path.name}")
    _check(given, folder, options)
    given.remarks.extend(_strange_folders(folder))
    return given


def _both(folder: Path, labels: Path, name: str, task: XtremeTask, remarks: list[str]) -> list[str]:
    """The task's languages that can be scored; what can't be is told."""
    predicted = _languages(folder / task.folder, task)
    if not predicted:
        remarks.append(f"{name} is missing: there are no predictions of it.")
        return []
    labelled = _languages(labels / task.folder, task)
    both = [language for language in predicted if language in labelled]
    gaps = {
        "there are no predictions of": [one for one in task.languages if one not in predicted],
        "there are no labels of": [one for one in predicted if one not in labelled],
    }
    for what, languages in gaps.items():
        if languages:
            remarks.append(
                f"{name}: {what} {', '.join(languages)}, so its {len(both)} languages have no mean that stands beside"
                f" XTREME's, which is over {len(task.languages)}."
            )
    return both


def _languages(folder: Path, task: XtremeTask) -> list[str]:
    return [language for language in task.languages if (folder / f"test-{language}.{task.suffix}").is_file()]


def _file(folder: Path, task: XtremeTask, language: str) -> Path:
    return folder / task.folder / f"test-{language}.{task.suffix}"


def _add(given: Given, scored: Scored, asked: str | None, key: dict[str, str | int | None]) -> None:
    """Put a language's score and items to the rest; one that lacks the metric asked for is told."""
    metric = asked or next(iter(scored.values))
    if metric not in scored.values:
        given.remarks.append(f"{key['task']}: {key['language']} is left out, since it has no {metric}.")
        return
    given.scores.append(GivenScore.model_validate({**key, "score": scored.values[metric], "metric": metric}))
    evidence: Sequence[object] = scored.right.get(metric, scored.counts)
    field = "right" if metric in scored.right else "counts"
    given.items.extend(
        GivenItem.model_validate({**key, "item": item, field: value})
        for item, value in zip(scored.items, evidence, strict=True)
    )
    given.remarks.extend(f"{key['task']}, {key['language']}: {remark}" for remark in scored.remarks)


def _check(given: Given, folder: Path, options: Options) -> None:
    """HarnessError where nothing was scored; what the files can't say becomes unknown."""
    if not given.scores:
        raise HarnessError(
            f"expected predictions in {folder} with labels in {options.labels}"
            + (f" that have the metric {options.metric}" if options.metric else "")
            + ", found none",
            fix=FIX,
        )
    given.unknown["revision"] = "the files don't say which model made them"
    if options.method is None:
        given.unknown["method"] = f"taken: the folder's name, {given.scores[0].method}"
    if options.seed is None:
        given.unknown["seed"] = "taken: none; NAME:SEED=SOURCE says it"


def _strange_folders(folder: Path) -> list[str]:
    """A sentence on folders that are none of XTREME's nine tasks."""
    known = {task.folder for task in TASKS.values()}
    strange = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name not in known)
    return [f"Left out, since they are none of XTREME's nine tasks: {name_some(strange)}."] if strange else []


IMPORTER = Importer(
    name="xtreme",
    about="an XTREME submission folder: predictions, scored anew against --labels by XTREME's rules",
    asks=("method", "seed", "metric", "labels"),
    recognises=recognises,
    read=read,
)
