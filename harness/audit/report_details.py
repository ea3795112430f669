"""What `harness verify --details` and `--hashes` print below the levels: the evidence, and the sha256 of everything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from harness.audit.levels_in_words import evidence_words, level_lines
from harness.audit.verification import Verification
from harness.project.terminal import Column, paragraph, table_lines
from harness.verify.claims.evidence import CellEvidence
from harness.verify.show.planted import planted_lines
from harness.verify.show.table import SPLIT, by_reason, in_order
from harness.verify.verdicts.planted import planted, published

LONG_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,52}\b")
"""A commit or a sha256 in a sentence."""


def detail_lines(v: Verification, width: int, hashes: bool) -> list[str]:
    """How cells are known, what the levels looked at, and every distinct reason once, behind the claims that it is of.

    Without `hashes` no more than 12 digits of one are shown.
    """
    known = evidence_words(v)
    seen = [f"{level.name}: {sentence}" for level in level_lines(v) for sentence in level.evidence]
    theirs, own = in_order(published(v.claims)), planted(v.claims)
    sentences = [f"scores are {SPLIT}", *([f"evidence: {known}"] if known else []), *seen]
    reasons = [f"{', '.join(names)}: {reason}" for reason, names in by_reason(theirs).items()]
    effects = [f"{name}: {words}" for name, words in planted_lines(own).items()]
    effects += [f"{', '.join(names)}: {reason}" for reason, names in by_reason(own).items()]
    lines: list[str] = []
    for title, said in (("Evidence", sentences), ("Why, claim by claim", reasons), ("What was planted", effects)):
        if said:
            shown = said if hashes else [LONG_HASH.sub(r"\1", sentence) for sentence in said]
            lines += ["", title, *_set_in(shown, width)]
    return lines[1:]


def _set_in(sentences: Iterable[str], width: int) -> list[str]:
    return [f"  {line}" for sentence in sentences for line in paragraph(sentence, width - 2)]


def hash_lines(v: Verification, width: int) -> list[str]:
    """The archive, the registry, images, what was compared with dvc.lock, and each cell that a claim names."""
    crate = [f"archive {v.crate.file}: {v.crate.sha256}"] if v.crate else []
    registry = [f"registry of claims: {v.registry_sha256}"] if v.registry_sha256 else []
    images = [f"image: {image}" for image in v.v0.images]
    lock = [f"dvc.lock: {v.v0.lock}"] if v.v0.lock else []
    return ["Hashes (sha256)", *_set_in([*crate, *registry, *images, *lock], width), *cell_hashes(v.cells, width)]


def cell_hashes(cells: Mapping[str, CellEvidence], width: int, digits: int = 12) -> list[str]:
    """A line per cell: its predictions and as many of its inputs as there is room for, each by its first digits."""
    if not cells:
        return []
    inputs = list(dict.fromkeys(name for cell in cells.values() for name in cell.inputs))
    columns = [
        Column("cell", [*cells]),
        Column("predictions", [f"{cell.predictions_sha256 or '-':.{digits}}" for cell in cells.values()]),
        *(
            Column(name, [f"{cell.inputs.get(name, '-'):.{digits}}" for cell in cells.values()], rank)
            for rank, name in enumerate(inputs, start=1)
        ),
    ]
    head = f"cells by the first {digits} digits (`--json` has all of them)"
    return [f"  {line}" for line in (head, *table_lines(columns, width - 2))]
