"""Halves of test items, from what cells keep: they choose and report, and share no item."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from harness.audit.choosing import read_choosing, shares_rows
from harness.audit.halves import BLOCK, places, read_halves
from harness.audit.integrity.made import DataManifest
from harness.audit.integrity.pinned import check_pinned
from harness.project.results import Cell
from harness.verify.claims.registry import read_claims
from harness.verify.scores import CellScore, ScoresTable, read_table


def row(target: str, score: float) -> CellScore:
    cell = Cell(recipe="none", target=target, seed=1)
    kept: dict[str, Any] = {"scores": {}, "predictions_sha256": None, "inputs": {}}
    return CellScore(cell=cell, status="ok", score=score, dev_score=None, **kept)


TABLE = ScoresTable(
    profile="lab",
    encoder="e",
    data="d",
    groups={"xnli": "classification", "bucc": "retrieval"},
    cells=[row("xnli", 50.0), row("bucc", 50.0)],
)


def write(path: Path, task: str, metric: str, test: dict[str, dict[str, list[Any]]]) -> Path:
    content = json.dumps({"task": task, "metric": metric, "test": test, "dev": {}}).encode()
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


def test_items_go_in_blocks_and_mined_pairs_by_their_id() -> None:
    counts = {"correct": [0] * (3 * BLOCK)}
    first, second = places(counts, 0), places(counts, 1)
    assert first == [*range(BLOCK), *range(2 * BLOCK, 3 * BLOCK)] and second == list(range(BLOCK, 2 * BLOCK))
    named = {"id": [f"s-{n}" for n in range(40)], "gold": [1] * 40}
    some = {"id": named["id"][::-1], "gold": [1] * 40}
    halves = [{named["id"][n] for n in places(named, half)} for half in (0, 1)]
    assert halves[0] | halves[1] == set(named["id"]) and not halves[0] & halves[1]
    assert halves[0] == {some["id"][n] for n in places(some, 0)}


def test_each_half_has_its_own_score(tmp_path: Path) -> None:
    right = [1] * BLOCK + [0] * BLOCK
    items = {"de": {"correct": right}, "en": {"correct": [1] * (2 * BLOCK)}}
    files = {"none-xnli-1": write(tmp_path / "xnli", "xnli", "accuracy", items)}
    assert read_halves(TABLE, files, {"none"}, {"xnli"}) == {("none", "xnli"): {1: (100.0, 50.0)}}
    assert read_halves(TABLE, files, {"mnli"}, {"xnli"}) == read_halves(TABLE, files, {"none"}, {"bucc"}) == {}


def test_what_can_not_be_split_has_no_halves(tmp_path: Path) -> None:
    few = write(tmp_path / "few", "xnli", "accuracy", {"de": {"correct": [1] * BLOCK}})
    other = tmp_path / "other"
    other.write_bytes(b"no archive")
    for path in (few, other, tmp_path / "none"):
        assert read_halves(TABLE, {"none-xnli-1": path}, {"none"}, {"xnli"}) == {}


@pytest.mark.parametrize(
    ("files", "same"),
    [
        ({"test.de.jsonl": "1", "dev.de.jsonl": "2"}, False),
        ({"test.de.jsonl": "1", "test.fr.jsonl": "2", "dev.fr.jsonl": "2"}, True),
        ({"test_gold.de.jsonl": "1", "dev_gold.de.jsonl": "1"}, True),
        ({"test.de.jsonl": "1", "train.de.jsonl": "1"}, False),
    ],
)
def test_development_rows_that_are_test_rows_are_seen(files: dict[str, str], same: bool) -> None:
    assert shares_rows(DataManifest(sha256="", source="local", source_pin="", files=files, rows={})) is same


def test_the_laboratory_has_halves_of_every_target(repo_root: Path) -> None:
    """No target there has development sets in all its languages, and each cell keeps its items."""
    checked = check_pinned(repo_root / "reference" / "lab")
    assert checked.table and len(checked.items) == len(checked.table.cells)
    claims = read_claims(repo_root / "reference" / "claims.yaml")
    development, halves = read_choosing(claims, checked.table, checked, read_table(checked.table))
    assert set(development.lacking) == set(checked.table.targets)
    scores = read_table(checked.table)
    chosen = {one for one in scores.by_pair if one[0] in ("none", "mnli")}
    assert chosen <= set(halves)
    for pair in chosen:
        for seed, (first, second) in halves[pair].items():
            assert (first + second) / 2 == pytest.approx(scores.by_pair[pair][seed], abs=6.0)
