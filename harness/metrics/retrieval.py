"""Nearest neighbours and bitext mining over sentence embeddings, as XTREME's utils_retrieve.py does them.

Upstream calls faiss on float32, whose last bits depend on the processor. Here every similarity is summed in
float64 and rounded once, to float32 for float32 input (everything after it stays float32, as upstream) and to
12 decimals for float64 input, which upstream refuses. Equal sentences therefore tie on every machine, and
ties fall as faiss and a stable sort let them fall.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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


def _pair_of_unit_rows(first: Array, second: Array, names: tuple[str, str]) -> tuple[Array, Array]:
    """Both sets normalised, in the wider of their two types; HarnessError if their dimensions differ."""
    a, b = _unit_rows(first, names[0]), _unit_rows(second, names[1])
    if a.shape[1] != b.shape[1]:
        raise HarnessError(
            f"expected {names[0]} and {names[1]} of equal dimension, found {a.shape[1]} and {b.shape[1]}"
        )
    wider = np.result_type(a, b)
    return a.astype(wider, copy=False), b.astype(wider, copy=False)


def _similarity_blocks(queries: Array, candidates: Array) -> Iterator[Array]:
    """Inner products, some queries at a time: arrays (up to 256, candidates) in the rows' own type."""
    transposed = candidates.astype(np.float64).T
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        block = queries[start : start + _QUERIES_AT_ONCE].astype(np.float64) @ transposed
        yield block.astype(np.float32) if queries.dtype == np.float32 else np.round(block, 12)


def nearest_neighbour(queries: Array, candidates: Array) -> NDArray[np.int64]:
    """The index of each query's nearest candidate by cosine; shapes (n, d) and (m, d) give (n,).

    Upstream's `similarity_search` (Tatoeba: the English sentences query the foreign ones): the smallest
    Euclidean distance between normalised vectors, which is the largest cosine, the lowest index among equals.
    An all-zero candidate has distance 1, as a candidate at cosine 0.5 has; for an all-zero query, where
    upstream's choice is rounding noise, the first candidate (an all-zero one before others) is taken. Inputs
    are left unchanged. Raises HarnessError on unequal dimensions, on no candidates and on values that are not
    finite.
    """
    q, c = _pair_of_unit_rows(queries, candidates, ("query", "candidate"))
    if len(c) == 0:
        raise HarnessError("expected at least one candidate embedding, found none")
    squared_length = c.any(axis=1).astype(c.dtype)
    best = [(2 * block - squared_length).argmax(axis=1) for block in _similarity_blocks(q, c)]
    return np.concatenate(best).astype(np.int64) if best else np.empty(0, dtype=np.int64)


def _best_k(similarities: Array, cut: float, k: int) -> Array:
    """The columns of one row's k highest similarities, best first; `cut` is the k-th highest.

    Among equals faiss puts the later column first. It reads columns in order, keeps the first k that are good
    enough, and lets each later, strictly better one push out the worst kept, of several worst the earliest
    (seen alike in faiss 1.7.4 and 1.15.1, for k below 100).
    """
    enough = np.flatnonzero(similarities >= cut)
    better = similarities[enough] > cut
    tied = enough[:k][~better[:k]]
    kept = np.concatenate([enough[better], tied[better[k:].sum() :]])
    return kept[np.lexsort((-kept, -similarities[kept]))]


def _neighbours(queries: Array, candidates: Array, k: int) -> tuple[Array, Array]:
    """Similarities and columns of each query's k nearest candidates (all, if there are fewer), best first."""
    k = min(k, len(candidates))
    similarities = np.empty((len(queries), k), dtype=queries.dtype)
    columns = np.empty((len(queries), k), dtype=np.int64)
    row = 0
    for block in _similarity_blocks(queries, candidates):
        cuts = np.partition(block, len(candidates) - k, axis=1)[:, len(candidates) - k]
        for line, cut in zip(block, cuts, strict=True):
            columns[row] = _best_k(line, cut, k)
            similarities[row] = line[columns[row]]
            row += 1
    return similarities, columns


def _best_by_margin(similarities: Array, columns: Array, mean: Array, other_mean: Array) -> tuple[Array, Array]:
    """For each row the column of its best-margined neighbour (the first of equals) and that margin.

    Ratio margin (Artetxe and Schwenk 2019): the similarity over the mean of both sides' means over their k
    neighbours.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # all-zero rows: nan or infinity, as upstream
        margins = (similarities / ((mean[:, None] + other_mean[columns]) / 2)).astype(np.float64)
    rows = np.arange(len(margins))
    return columns[rows, margins.argmax(axis=1)], margins.max(axis=1)


def mine_bitext(source: Array, target: Array, k: int = 4) -> list[tuple[int, int, float]]:
    """Pairs (row of source, row of target, ratio margin), best first; shapes (n, d) and (m, d).

    Upstream's `mine_bitext` with retrieval `max`: each row of either side proposes its best-margined
    neighbour among its k nearest by cosine; proposals are taken by falling margin (equal ones: sources before
    targets, lower rows first), each row at most once; those at or below margin 0 use up their rows but are
    left out. With fewer than k rows on the other side all of them are neighbours. Rows are taken as distinct
    sentences: `mine_rows` treats repeated sentences as upstream does. A margin is a float32 number for
    float32 input (see the module's note); it differs from upstream's by float32 rounding, about 1e-7. Inputs
    are left unchanged. Empty sides give an empty list. Raises HarnessError on unequal dimensions, on k below
    1 and on values that are not finite.
    """
    if k < 1:
        raise HarnessError(f"expected at least 1 neighbour, found k={k}")
    x, y = _pair_of_unit_rows(source, target, ("source", "target"))
    if len(x) == 0 or len(y) == 0:
        return []
    forward, forward_columns = _neighbours(x, y, k)
    backward, backward_columns = _neighbours(y, x, k)
    forward_mean, backward_mean = forward.mean(axis=1), backward.mean(axis=1)
    to_target, forward_margin = _best_by_margin(forward, forward_columns, forward_mean, backward_mean)
    to_source, backward_margin = _best_by_margin(backward, backward_columns, backward_mean, forward_mean)
    sources = np.concatenate([np.arange(len(x)), to_source]).tolist()
    targets = np.concatenate([to_target, np.arange(len(y))]).tolist()
    margins = np.concatenate([forward_margin, backward_margin])
    return _take_each_row_once(sources, targets, margins)


def _take_each_row_once(sources: list[int], targets: list[int], margins: Array) -> list[tuple[int, int, float]]:
    """Go down the proposals by margin; take a pair if both rows are free, list it if the margin exceeds 0."""
    mined = []
    taken_sources: set[int] = set()
    taken_targets: set[int] = set()
    for proposal in np.argsort(-margins, kind="stable").tolist():
        i, j, margin = sources[proposal], targets[proposal], float(margins[proposal])
        if i in taken_sources or j in taken_targets:
            continue
        taken_sources.add(i)
        taken_targets.add(j)
        if margin > 0:
            mined.append((i, j, margin))
    return mined


def _last_rows(texts: Sequence[str]) -> list[int]:
    """For each distinct text, in order of first appearance, the row where it appears last, as upstream."""
    last = {text: row for row, text in enumerate(texts)}
    return list(last.values())


def mine_rows(
    source_rows: Sequence[Mapping[str, str]],
    source: Array,
    target_rows: Sequence[Mapping[str, str]],
    target: Array,
    k: int = 4,
) -> list[tuple[str, str, float]]:
    """Mined pairs (source id, target id, ratio margin), best first, as XTREME has them for BUCC.

    Rows are {id, text}; `source` and `target` embed them, in order. Equal texts are mined as one sentence
    with the last one's embedding (`text_load_unify`, `unique_embeddings`); pairs with a text that occurs more
    than once, white space at its ends aside, are then dropped, since their id is unclear (`read_sent2id`).
    Raises HarnessError as `mine_bitext` does, and when there are not as many embeddings as rows.
    """
    for name, rows, embeddings in (("source", source_rows, source), ("target", target_rows, target)):
        if len(rows) != len(embeddings):
            raise HarnessError(f"expected one {name} embedding for each of {len(rows)} rows, found {len(embeddings)}")
    source_last = _last_rows([row["text"] for row in source_rows])
    target_last = _last_rows([row["text"] for row in target_rows])
    source_count = Counter(row["text"].strip() for row in source_rows)
    target_count = Counter(row["text"].strip() for row in target_rows)
    pairs = []
    for i, j, margin in mine_bitext(np.asarray(source)[source_last], np.asarray(target)[target_last], k):
        s, t = source_rows[source_last[i]], target_rows[target_last[j]]
        if source_count[s["text"].strip()] == target_count[t["text"].strip()] == 1:
            pairs.append((s["id"], t["id"], margin))
    return pairs
