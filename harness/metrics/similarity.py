"""Similarities of sentence embeddings, as XTREME's utils_retrieve.py has them.

Upstream calls faiss on float32, whose last bits depend on the processor. Here every similarity is summed in
float64 and rounded once, to float32 for float32 input (everything after it stays float32, as upstream) and to
12 decimals for float64 input, which upstream refuses. Equal sentences therefore tie on every machine, and
ties fall as faiss and a stable sort let them fall.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.project.errors import HarnessError

Array = NDArray[Any]
_QUERIES_AT_ONCE = 256  # 256 x 14,000 similarities of 8 bytes are 29 MB


def _unit_rows(embeddings: Array, name: str) -> Array:
    """A copy with rows of length 1, zero rows left zero (faiss.normalize_L2); float64, or else float32."""
    kept = np.asarray(embeddings).dtype == np.float64
    rows: Array = np.array(embeddings, dtype=np.float64 if kept else np.float32)
    if rows.ndim != 2:
        raise HarnessError(f"expected {name} embeddings of shape (sentences, dimensions), found {rows.shape}")
    if not np.isfinite(rows).all():
        raise HarnessError(f"expected finite {name} embeddings, found nan or infinity")
    squared = np.square(rows, dtype=np.float64).sum(axis=1).astype(rows.dtype)
    some = squared > 0
    rows[some] *= (1.0 / np.sqrt(squared[some])).astype(rows.dtype)[:, None]
    return rows


def pair_of_unit_rows(first: Array, second: Array, names: tuple[str, str]) -> tuple[Array, Array]:
    """Both sets normalised, in the wider of their two types; HarnessError if their dimensions differ."""
    a, b = _unit_rows(first, names[0]), _unit_rows(second, names[1])
    if a.shape[1] != b.shape[1]:
        raise HarnessError(
            f"expected {names[0]} and {names[1]} of equal dimension, found {a.shape[1]} and {b.shape[1]}"
        )
    wider = np.result_type(a, b)
    return a.astype(wider, copy=False), b.astype(wider, copy=False)


def similarity_blocks(queries: Array, candidates: Array) -> Iterator[Array]:
    """Inner products, some queries at a time: arrays (up to 256, candidates) in the rows' own type."""
    transposed = candidates.astype(np.float64).T
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        block = queries[start : start + _QUERIES_AT_ONCE].astype(np.float64) @ transposed
        yield block.astype(np.float32) if queries.dtype == np.float32 else np.round(block, 12)
