"""The nearest neighbour of every sentence embedding, as XTREME's utils_retrieve.py has it (Tatoeba)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.metrics.similarity import Array, pair_of_unit_rows, similarity_blocks
from harness.project.errors import HarnessError


def nearest_neighbour(queries: Array, candidates: Array) -> NDArray[np.int64]:
    """The index of each query's nearest candidate by cosine; shapes (n, d) and (m, d) give (n,).

    Upstream's `similarity_search` (Tatoeba: the English sentences query the foreign ones): the smallest
    Euclidean distance between normalised vectors, which is the largest cosine, the lowest index among equals.
    An all-zero candidate has distance 1, as a candidate at cosine 0.5 has; for an all-zero query, where
    upstream's choice is rounding noise, the first candidate (an all-zero one before others) is taken. Inputs
    are left unchanged. Raises HarnessError on unequal dimensions, on no candidates and on values that are not
    finite.
    """
    q, c = pair_of_unit_rows(queries, candidates, ("query", "candidate"))
    if len(c) == 0:
        raise HarnessError("expected at least one candidate embedding, found none")
    squared_length = c.any(axis=1).astype(c.dtype)
    best = [(2 * block - squared_length).argmax(axis=1) for block in similarity_blocks(q, c)]
    return np.concatenate(best).astype(np.int64) if best else np.empty(0, dtype=np.int64)
