"""Texts that hold translations among other sentences (BUCC): pairs are mined, those above a threshold count."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from harness.data.folder import has_split, languages, read_split
from harness.experiment.searches.search import Answer, Search, Sides
from harness.metrics.metric import Row
from harness.metrics.mining import mine_rows
from harness.metrics.named.mining_f1 import tuned_threshold
from harness.metrics.pairs import pairs_above
from harness.project.params import Retrieval

GOLD = "test_gold"
"""The split of the pairs that are scored."""
DEV_GOLD = "dev_gold"
"""The split of the pairs that the threshold is tuned on, where there is one."""


def read_search(data: Path, language: str, limit: int | None, others: int | None) -> Search:
    """Read one language of the target's folder. All gold pairs are looked for, whatever `limit` says; `others`: in the
    sentences of gold pairs and the first so many others of each text, in place of whole texts.
    """
    tuned = has_split(data, DEV_GOLD) and language in languages(data, DEV_GOLD)
    return Search(
        file=data / f"{GOLD}.{language}.jsonl",
        gold=read_split(data, GOLD, language),
        sides={
            split: (
                _text(data, split, "source", language, others),
                _text(data, split, "target", language, others),
            )
            for split in (["test", "dev"] if tuned else ["test"])
        },
        dev_gold=read_split(data, DEV_GOLD, language) if tuned else [],
        dev_file=data / f"{DEV_GOLD}.{language}.jsonl" if tuned else None,
    )


def _text(data: Path, split: str, side: str, language: str, others: int | None) -> list[Row]:
    """The sentences of one text, in its order: those of gold pairs, and the first `others` of the rest (None: all)."""
    rows = read_split(data, f"{split}_{side}", language)
    if others is None:
        return rows
    named = {pair[f"{side}_id"] for pair in read_split(data, f"{split}_gold", language)}
    first = {row["id"] for row in islice((row for row in rows if row["id"] not in named), others)}
    return [row for row in rows if row["id"] in named or row["id"] in first]


def answer(search: Search, vectors: Sides, settings: Retrieval) -> Answer:
    """Predictions of one language from the embeddings of one layer."""
    mined = _mine(search, "test", vectors, settings)
    if "dev" not in vectors:
        return Answer(mined)
    # The threshold comes from the dev texts, as XTREME has it.
    on_dev = _mine(search, "dev", vectors, settings)
    tuned = tuned_threshold(on_dev, search.dev_gold)
    above = pairs_above([tuple(row) for row in mined], tuned.threshold)
    return Answer([list(pair) for pair in above], {"f1": tuned.f1}, on_dev)


def _mine(search: Search, split: str, vectors: Sides, settings: Retrieval) -> list[list[Any]]:
    """Triples [source id, target id, margin], best first."""
    (source_rows, target_rows), (source, target) = search.sides[split], vectors[split]
    pairs = mine_rows(source_rows, source, target_rows, target, settings.neighbours)
    return [[left, right, round(value, 7)] for left, right, value in pairs]
