"""Bitext mining over sentence embeddings, as XTREME's utils_retrieve.py does it (BUCC)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from harness.metrics.similarity import Array, pair_of_unit_rows, similarity_blocks
from harness.project.errors import HarnessError


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
    for block in similarity_blocks(queries, candidates):
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
    x, y = pair_of_unit_rows(source, target, ("source", "target"))
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
