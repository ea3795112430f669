"""The text an encoder is pretrained on: the built `text` task without anything that is later evaluated on.

A text row goes when it equals a field of an evaluation row, or when one of its longer sentences occurs there;
otherwise an encoder could have seen its test.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data import formats
from harness.data.folder import MANIFEST, Manifest, languages, read_manifest, read_split, write_folder
from harness.data.formats import Row
from harness.project import files as integrity
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import read_json

TEXT_TASK = "text"
# Shorter sentences ("He was born in 1950.") recur by chance, without one text being taken from the other.
SHORTEST_SENTENCE_CHARACTERS = 40
_SENTENCE_END = re.compile(r"[.!?。।！？؟]+")
# Not text that a model is tested on: identifiers, class labels, titles shared by whole articles.
_NOT_TEXT = frozenset({"id", "label", "title", "source_id", "target_id", "tags", "answers"})


@dataclass(frozen=True)
class EvaluationText:
    """Everything that evaluation rows say, folded."""

    fields: frozenset[str]
    """Whole fields; tokens joined with and without spaces."""
    sentences: frozenset[str]
    """Sentences of at least SHORTEST_SENTENCE_CHARACTERS."""
    files: dict[str, str]
    """`<task>/<file>` to sha256 of what was read."""


def fold(text: str) -> str:
    """NFC, runs of white space as one space, case folded: what counts as the same text."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def sentences(text: str) -> Iterator[str]:
    """The folded sentences of a text that are long enough to be evidence."""
    for part in _SENTENCE_END.split(fold(text)):
        sentence = part.strip()
        if len(sentence) >= SHORTEST_SENTENCE_CHARACTERS:
            yield sentence


def texts_of(row: Row) -> Iterator[str]:
    """Every text of a normalised row that a model reads."""
    for field, value in row.items():
        if field in _NOT_TEXT:
            continue
        if isinstance(value, str):
            yield value
        elif field == "tokens":
            yield " ".join(value)
            yield "".join(value)
        elif isinstance(value, list):
            yield from value


def evaluation_text(params: Params, paths: Paths) -> EvaluationText:
    """The text of all dev and test files of the profile's tasks, which must have been built."""
    fields: set[str] = set()
    found: set[str] = set()
    files: dict[str, str] = {}
    for task in params.data.tasks:
        if task == TEXT_TASK:
            continue
        folder = paths.data(task)
        for name, built in read_manifest(folder).files.items():
            split, language, _ = name.split(".")
            if not split.startswith(("dev", "test")) or split.endswith("_gold"):
                continue
            files[f"{task}/{name}"] = built.sha256
            for row in read_split(folder, split, language):
                for text in texts_of(row):
                    fields.add(fold(text))
                    found.update(sentences(text))
    fields.discard("")
    return EvaluationText(frozenset(fields), frozenset(found), files)


def build_corpus(params: Params, paths: Paths) -> dict[str, Any]:
    """Write corpus/<language>.jsonl without evaluation text; returns the report of what was kept and left out.

    The manifest, written last, holds only the text's own identity: another task's evaluation data changes the encoder
    only if it excludes other rows. The report goes to results/<profile>/corpus.json. Where the encoder is published,
    a profile without text gets an empty corpus that says so.
    Raises HarnessError where a task has not been built, or where no text is left to pretrain on.
    """
    why = _why_no_text_task(params, paths)
    if why is not None:
        return _no_text(why, params, paths)
    text = read_manifest(paths.data(TEXT_TASK))
    evaluated = evaluation_text(params, paths)
    manifest: dict[str, Any] = {"source": text.source, "stand_in": text.stand_in, "files": {}}
    counts: dict[str, dict[str, int]] = {}
    write_folder(paths.corpus, _files(paths.data(TEXT_TASK), text, evaluated, manifest, counts), manifest)
    report = {"source_pin": text.source_pin, "languages": counts, "excluded_against": evaluated.files}
    write_json(paths.results / "corpus.json", report)
    return report


def why_no_text(paths: Paths) -> str | None:
    """Why the corpus is empty, in plain words; None where it holds text. HarnessError where it was not made."""
    why: str | None = read_corpus_manifest(paths).get("unavailable")
    return why


def read_corpus_manifest(paths: Paths) -> dict[str, Any]:
    """What manifest.json says of the corpus. HarnessError where it was not made or is something else."""
    path, found = paths.corpus / MANIFEST, "none"
    try:
        content = read_json(path)
        if isinstance(content, dict):
            return content
        found = f"no record in {path}"
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        found = f"{error} in {path}"
    raise HarnessError(f"expected the corpus in {paths.corpus}, found {found}", fix="run `dvc repro -f corpus`")


def _why_no_text_task(params: Params, paths: Paths) -> str | None:
    if TEXT_TASK not in params.data.tasks:
        return "the profile names no text (data.tasks)"
    return read_manifest(paths.data(TEXT_TASK)).unavailable


def _no_text(why: str, params: Params, paths: Paths) -> dict[str, Any]:
    if params.encoder.source == "pretrained_here":
        raise HarnessError(
            f"expected text to pretrain the encoder on, found none: {why}",
            fix=f"add `{TEXT_TASK}` to data.tasks in params.yaml, from a source that has it",
        )
    write_folder(paths.corpus, [], {"source": None, "stand_in": None, "files": {}, "unavailable": why})
    report: dict[str, Any] = {"source_pin": None, "languages": {}, "excluded_against": {}, "unavailable": why}
    write_json(paths.results / "corpus.json", report)
    return report


def _files(
    folder: Path,
    text: Manifest,
    evaluated: EvaluationText,
    manifest: dict[str, Any],
    counts: dict[str, dict[str, int]],
) -> Iterator[tuple[str, bytes]]:
    for language in languages(folder, TEXT_TASK):
        rows = read_split(folder, TEXT_TASK, language)
        other = [row for row in rows if fold(row["text"]) not in evaluated.fields]
        kept = [row for row in other if evaluated.sentences.isdisjoint(sentences(row["text"]))]
        counts[language] = {
            "kept": len(kept),
            "excluded_equal": len(rows) - len(other),
            "excluded_sentence": len(other) - len(kept),
        }
        if kept:
            content = formats.encode_rows(kept)
            sha256 = integrity.sha256_bytes(content)
            manifest["files"][f"{language}.jsonl"] = {
                "rows": len(kept),
                "sha256": sha256,
                "bytes": len(content),
            }
            yield f"{language}.jsonl", content
    if not manifest["files"]:
        raise HarnessError(
            f"expected text to pretrain on, found only evaluation text in {folder} ({text.source_pin})",
            fix="pin other files for task text",
        )
