"""How long the inputs of the active profile's tasks are, on its built data and with its own tokenizer.

    python benchmarks/lengths.py [TASK ...]

Needs `build/<profile>/data` and `build/<profile>/encoder`. The counts go into benchmarks/lengths.json; `harness plan`
then counts tokens by them instead of taking every input to be as long as `max_length` allows.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from harness.data.folder import has_split, languages, read_manifest, read_split
from harness.experiment.training.prepare import labels_of
from harness.model.families import read_config
from harness.model.features import Row, featurise
from harness.model.tokenizer import load_tokenizer
from harness.pipeline.cost import Length
from harness.project.params import Params, Retrieval, Training
from harness.project.paths import Paths, project_root
from harness.project.profiles import describe_encoder, load_params
from harness.project.tasks import Task, load_tasks

RESULTS = Path(__file__).parent / "lengths.json"


def measure(task: Task, settings: Training | Retrieval, params: Params, paths: Paths, command: str) -> Iterator[Length]:
    """Lengths of the rows trained on, where there are any, and of the rows predicted."""
    folder, tokenizer = paths.data(task.name), load_tokenizer(paths.encoder)
    tokens = read_config(paths.encoder)[0].tokens
    source = read_manifest(folder).source_language
    train = [] if isinstance(settings, Retrieval) else read_split(folder, "train", source)
    wanted = ("test", "test_source", "test_target") if task.role == "target" else ()
    splits = [split for split in wanted if has_split(folder, split)]
    predicted = [
        row for split in splits for code in languages(folder, split) for row in read_split(folder, split, code)
    ]
    if train:
        predicted += read_split(folder, "dev", source)

    def sizes(rows: list[Row]) -> list[int]:
        if isinstance(settings, Retrieval):
            tokenizer.enable_truncation(settings.max_length)
            return [
                len(encoding.ids) for encoding in tokenizer.encode_batch([text for row in rows for text in _texts(row)])
            ]
        labels = labels_of(task, train)
        made = featurise(task.head, rows, tokenizer, tokens, settings.max_length, settings.doc_stride, labels)
        return [len(ids) for feature in made.items for ids in feature.inputs]

    parts: tuple[tuple[Literal["train", "predict"], list[Row]], ...] = (("train", train), ("predict", predicted))
    for split, rows in parts:
        if rows:
            found = sizes(rows)
            yield Length(
                encoder=describe_encoder(params),
                task=task.name,
                split=split,
                max_length=settings.max_length,
                rows=len(rows),
                inputs=len(found),
                tokens=sum(found),
                measured_on=datetime.now(UTC).date().isoformat(),
                command=command,
            )


def _texts(row: dict[str, Any]) -> list[str]:
    return [row["text"]] if "text" in row else [row["source"], row["target"]]


def add(entry: Length, path: Path) -> None:
    """Put an entry into the file, in the place of the one of the same encoder, task, split and max_length."""
    given = ("encoder", "task", "split", "max_length")
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    new = entry.model_dump()
    kept = [old for old in found if any(old[name] != new[name] for name in given)]
    listed = sorted([*kept, new], key=lambda item: [str(item[name]) for name in given])
    path.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


def main(names: list[str]) -> None:
    root = project_root()
    params = load_params(root)
    paths = Paths(root, params.profile)
    command = shlex.join(["python", "benchmarks/lengths.py", *names])
    for name, task in load_tasks(names or params.data.tasks, paths.tasks).items():
        settings = params.target.get(name) or params.intermediate.get(name)
        for entry in measure(task, settings, params, paths, command) if settings else ():
            add(entry, RESULTS)
            print(
                f"{name} {entry.split}: {entry.tokens / entry.rows:.1f} tokens a row, {entry.rows:,} rows", flush=True
            )


if __name__ == "__main__":
    main(sys.argv[1:])
