"""A toy project for the data stage: three tasks, and a data pack of a few rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.project.files import sha256_bytes
from harness.project.params import Params
from harness.project.paths import Paths

HEAD = """# A toy.
name: {name}
title: Toy {name}
role: {role}
kind: {kind}
head: {head}
metric: {metric}
group: {group}
labels: {labels}
languages: {languages}
licence: public domain
source: made here
publication: none
"""
LABELS = ["entailment", "neutral", "contradiction"]


def nli_rows(language: str, count: int) -> list[dict[str, Any]]:
    """Rows with a key that the schema has no place for."""
    return [
        {
            "id": f"{language}-{i}",
            "premise": f"premise {language} {i}",
            "hypothesis": "é",
            "label": LABELS[i % 3],
            "x": 1,
        }
        for i in range(count)
    ]


PACK: dict[str, list[dict[str, Any]]] = {
    "mnli/train.en.jsonl": nli_rows("en", 9),
    "mnli/dev.en.jsonl": nli_rows("en-dev", 3),
    "xnli/test.de.jsonl": nli_rows("de", 9),
    "xnli/test.en.jsonl": nli_rows("en", 9),
    "xnli/test.xx.jsonl": nli_rows("xx", 9),
    "text_a/text.deu.jsonl": [
        {"id": "a1", "text": "Ein Satz."},
        {"id": "a2", "text": "  Premise   DE\u00a04 "},
    ],
    "text_b/text.de.jsonl": [{"id": "b1", "text": "Noch ein Satz."}],
}


@dataclass(frozen=True)
class World:
    """A project folder with toy tasks, its pack, and params for the `local` source."""

    paths: Paths
    params: Params
    pack: Path

    def task_file(self, name: str) -> Path:
        return self.paths.tasks / f"{name}.yaml"


def write_pack(
    folder: Path, rows: dict[str, list[dict[str, Any]]], prefix: str = "", manifest: Path | None = None
) -> None:
    """A data pack; its manifest lies in it, or at `manifest` with paths that begin with `prefix`."""
    entries = []
    for name, lines in rows.items():
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines).encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        entries.append({"file": prefix + name, "examples": len(lines), "sha256": sha256_bytes(content)})
    (manifest or folder / "manifest.json").write_text(json.dumps({"files": entries}))


def write_heads(tasks: Path) -> None:
    """Three task files without pins."""
    tasks.mkdir()
    common = {"kind": "nli", "head": "classification", "metric": "accuracy", "labels": str(LABELS)}
    mnli = HEAD.format(name="mnli", role="intermediate", group="null", languages="[en]", **common)
    xnli = HEAD.format(name="xnli", role="target", group="classification", languages="[de, en]", **common)
    text = HEAD.format(
        name="text",
        role="pretraining",
        kind="text",
        head="none",
        metric="none",
        group="null",
        labels="null",
        languages="[de]",
    )
    (tasks / "mnli.yaml").write_text(mnli + "pack_files: {train: [mnli/train], dev: [mnli/dev]}\n")
    splits = "pack_files: {train: [mnli/train], dev: [mnli/dev], test: [xnli/test]}\n"
    (tasks / "xnli.yaml").write_text(xnli + "borrowed_splits: {train: mnli}\n" + splits)
    (tasks / "text.yaml").write_text(text + "pack_files: {text: [text_a/text, text_b/text]}\npack_codes: {deu: de}\n")
