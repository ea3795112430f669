"""Row makers: what is said of claims out of their scope, HOLDS HERE, OPPOSITE HERE or nothing, the truth being known.

A word on a claim is false where the true value lies on the other side or on none: at 0 for a claimed gain, at the
threshold for "no benefit", both words are. HOLDS HERE is YES here, OPPOSITE HERE is NO. There was no older rule; the
one that stands in its place is what one would do by hand, a one-sided test of each claim by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.linalg import block_diag

from harness.verify.statistics.intervals import LEVEL
from harness.verify.statistics.simulation.draws import Cells, Flags, Numbers, draw_cells, generator
from harness.verify.statistics.simulation.kinds import NO_GAIN, cell_spread, over_baseline
from harness.verify.statistics.simulation.records import Condition, ReplicationRow, Words
from harness.verify.statistics.simulation.rules import (
    LOOKS,
    NO,
    OPEN,
    YES,
    Codes,
    Rule,
    first_decided,
    holm,
    moments,
    new_rule,
    old_rule,
    one_sided,
)
from harness.verify.statistics.simulation.studies import ACCIDENTS, USUAL, with_medians

CLAIMS = (1, 10)
"""Numbers of claims that are looked at together: one alone, and as many as the registry's measured claims."""
EFFECTS = (0.0, 0.5, 1.0, 2.0)
"""How far the first claim's truth lies on the claimed side, in margins."""
TARGETS = 9
"""Targets that a stated gain is averaged over."""
KINDS = ("gain", "no_gain")
"""Kinds of the first claim."""


def replication_rows() -> list[Callable[[int], ReplicationRow]]:
    """Every kind, number of claims and effect, sound and with collapses."""
    return [
        partial(measure_replication, kind, claims, condition, effect)
        for condition in ACCIDENTS
        for claims in CLAIMS
        for kind in KINDS
        for effect in EFFECTS
    ]


def blocks(kind: str, claims: int) -> list[Numbers]:
    """Weights, cells x claims, of claims that share cells with no other block; each value counts towards its claim."""
    if kind == "gain":
        return [over_baseline(claims, TARGETS)]
    return [-NO_GAIN.weights(), *([over_baseline(claims - 1, TARGETS)] if claims > 1 else [])]


def measure_replication(kind: str, claims: int, condition: Condition, effect: float, studies: int) -> ReplicationRow:
    """One row."""
    falls, parts = condition.startswith("collapses"), blocks(kind, claims)
    random = generator("replication", kind, claims, falls, effect)
    drawn = [
        draw_cells(random, (studies, LOOKS[-1], len(part)), cell_spread(part, USUAL), "normal", falls) for part in parts
    ]
    cells = Cells(*(np.concatenate(each, axis=2) for each in zip(*drawn, strict=True)))
    weights, truths = block_diag(*parts), np.array([effect] + [0.0] * (claims - 1))
    old, new = (
        _count(said_at_looks(rule, cells, weights, truths, condition == "collapses seen"), truths)
        for rule in (old_rule(), new_rule())
    )
    row = {"kind": kind, "claims": claims, "condition": condition, "effect": effect, "studies": studies}
    return ReplicationRow(**row, old=old, new=new)


def said_at_looks(rule: Rule, cells: Cells, weights: Numbers, truths: Numbers, seen: bool) -> Codes:
    """studies x looks x claims: the word at each look, on the first seeds alone."""
    found = []
    for n in LOOKS:
        first = Cells(cells.noise[:, :n], cells.collapsed[:, :n])
        values = first.noise @ weights + truths
        p = np.stack(one_sided(rule, *moments(values)), axis=-1)
        if rule.today and seen:
            p = _largest_of_three(rule, p, first, values, weights, truths)
        found.append(say(rule, p))
    return np.stack(found, axis=1)


def say(rule: Rule, p: Numbers) -> Codes:
    """studies x claims, from p values studies x claims x (what the claim says, its opposite): today's by Holm's
    step-down over both directions of all claims of a study."""
    together = holm(p.reshape(len(p), -1)).reshape(p.shape) if rule.today else p
    holds, opposite = together[..., 0] <= LEVEL, together[..., 1] <= LEVEL
    return np.where(holds, YES, np.where(opposite, NO, OPEN)).astype(np.int8)


def _largest_of_three(
    rule: Rule, p: Numbers, cells: Cells, values: Numbers, weights: Numbers, truths: Numbers
) -> Numbers:
    """The p values; those of a claim with a collapsed cell are the largest of these, without the cell's seed, and with
    the median of its other seeds in its place."""
    filled, held = with_medians(cells.noise, cells.collapsed), p.copy()
    for claim in range(weights.shape[1]):
        own = np.flatnonzero(weights[:, claim])
        fell: Flags = np.logical_or.reduce(cells.collapsed[:, :, own], axis=2)
        touched = np.flatnonzero(fell.any(1))
        if len(touched):
            sound: Flags = np.logical_not(fell[touched])
            replaced = filled[touched][..., own] @ weights[own, claim] + truths[claim]
            others = (moments(values[touched, :, claim], sound), moments(replaced))
            for each in others:
                again = np.nan_to_num(np.stack(one_sided(rule, *each), axis=-1), nan=1.0)
                held[touched, claim] = np.maximum(held[touched, claim], again)
    return held


def _count(by_look: Codes, truths: Numbers) -> Words:
    """Of words studies x looks x claims."""
    last = np.stack([first_decided(by_look[..., claim])[0] for claim in range(len(truths))], axis=1)
    columns = np.concatenate([by_look, last[:, None]], axis=1)
    holds, opposite = (columns == YES) & (truths <= 0), columns == NO
    right = (columns[..., 0] == YES) & (truths[0] > 0)
    return Words(
        holds_false=holds.any(2).sum(0).tolist(),
        opposite_false=opposite.any(2).sum(0).tolist(),
        any_false=(holds | opposite).any(2).sum(0).tolist(),
        right=right.sum(0).tolist(),
    )
