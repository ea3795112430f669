"""The encoder's making and intermediate trainings as runs in MLflow, with their training curves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.exchange.tracking.cells import MARKED, RED
from harness.exchange.tracking.entry import DataInput, Entry, Value, curve_values, read_record
from harness.exchange.tracking.held import Held, file_ms
from harness.exchange.tracking.names import NOTE_TAG, STATUS_TAG, flatten, source_tags
from harness.project.errors import HarnessError
from harness.project.results import CurvePoint


def training_entries(held: Held) -> Iterator[Entry]:
    """The encoder's entry, where its record is there, then those of the intermediate trainings that trained.

    Raises HarnessError for a record of another form.
    """
    ended = held.cells[0].ended_ms if held.pinned and held.cells else None
    for path in [*([held.encoder] if held.encoder.is_file() else []), *held.trainings]:
        try:
            record, sha256 = read_record(path), hashlib.sha256(path.read_bytes()).hexdigest()
            when = ended or file_ms(path)
            if path == held.encoder:
                yield _encoder(record, path, sha256, when)
            elif _trained(record):
                yield _training(record, path, sha256, when)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise HarnessError(
                f"expected the record of a training in {path}, found another form: {' '.join(str(error).split())}",
                fix="run `dvc repro` to make it anew, or `git checkout -- reference` if it is a pinned one",
            ) from None


def _trained(record: Mapping[str, Any]) -> bool:
    """Did it train? The baseline's and planted recipes' trainings hand the encoder on as it is."""
    return bool(record.get("curve")) or record["status"] != "ok"


def _encoder(record: Mapping[str, Any], path: Path, sha256: str, ended_ms: int) -> Entry:
    origin = record.get("provenance") or {}
    corpus = (record.get("made_from") or {}).get("corpus_sha256")
    tags = flatten({"provenance": origin, "sha256": record.get("sha256") or {}})
    tags |= source_tags("harness run encoder", origin) | {STATUS_TAG: "ok"}
    tags[NOTE_TAG] = f"The encoder that every training starts from: {record['parameters']:,} parameters."
    sentences = record.get("sentences") or {}
    rows = sum(sentences.values()) or None
    return Entry(
        kind="encoder",
        name="encoder",
        title="encoder",
        sha256=sha256,
        ended_ms=ended_ms,
        elapsed_s=float(record.get("elapsed_s") or 0.0),
        tags=tags,
        params=flatten({"parameters": record["parameters"], "count.sentences": sentences}),
        values=curve_values(_curve(record)),
        inputs=[DataInput("corpus", str(corpus), "pretraining", "tasks/text.yaml", rows)] if corpus else [],
        files=[(path.name, path)],
    )


def _training(record: Mapping[str, Any], path: Path, sha256: str, ended_ms: int) -> Entry:
    recipe, seed, status = str(record["recipe"]), int(record["seed"]), str(record["status"])
    origin = record.get("provenance") or {}
    tags = flatten({"provenance": origin})
    tags |= source_tags(f"harness run intermediate {recipe} {seed}", origin) | {STATUS_TAG: status}
    why = "; ".join(record.get("reasons") or [])
    tags[NOTE_TAG] = (
        f"Intermediate training of recipe `{recipe}`, seed {seed}: {status}.{f' Why: {why}.' if why else ''}"
    )
    dev = {f"dev/{task}": float(value) for task, value in (record.get("dev_headline") or {}).items()}
    counts = {f"count.{what}": str(value) for what, value in (record.get("counts") or {}).items()}
    single = dev | {"elapsed_s": float(record.get("elapsed_s") or 0.0)}
    title = f"{recipe}-{seed} training"
    return Entry(
        kind="training",
        name=f"{recipe}-{seed}",
        title=f"{title} ({status})" if status in MARKED else title,
        sha256=sha256,
        ended_ms=ended_ms,
        elapsed_s=float(record.get("elapsed_s") or 0.0),
        recipe=recipe,
        status="FAILED" if status in RED else "FINISHED",
        tags=tags,
        params={"recipe": recipe, "seed": str(seed), **counts},
        values=[*(Value(name, value) for name, value in single.items()), *curve_values(_curve(record))],
        inputs=list(_inputs(record)),
        files=[(path.name, path)],
    )


def _curve(record: Mapping[str, Any]) -> Iterable[CurvePoint]:
    return [CurvePoint.model_validate(point) for point in record.get("curve") or []]


def _inputs(record: Mapping[str, Any]) -> Iterator[DataInput]:
    tasks = ((record.get("inputs") or {}).get("recipe") or {}).get("tasks") or {}
    for task, entry in tasks.items():
        if entry.get("data_sha256"):
            rows = (record.get("counts") or {}).get(f"{task}.examples")
            yield DataInput(task, str(entry["data_sha256"]), "training", f"tasks/{task}.yaml", rows)
