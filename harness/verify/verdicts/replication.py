"""Out of a claim's scope: does what it says hold of what was measured here? Never a verdict on the claim itself.

Another encoder, or a world of constructed languages, neither reproduces nor refutes a published claim; but whether the
same direction is seen there is worth knowing. Each claim is tested one-sided in both directions, adjusted for the looks
of the design, and Holm's step-down covers both directions of every measured claim out of scope. As in
harness.verify.verdicts.accusations the family is fixed by the registry: what can't be tested counts with p = 1 in both
directions, so nobody gains by leaving recipes or cells out.

The design says over which of its targets a claim is replicated (reference/design.yaml).
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.project.params import BASELINE
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.measurement import Measurement, Outcome
from harness.verify.measure.values import measure
from harness.verify.scores import Scores
from harness.verify.statistics.aggregate import aggregate, in_words
from harness.verify.statistics.design import Design
from harness.verify.statistics.holm import adjust
from harness.verify.statistics.intervals import LEVEL
from harness.verify.statistics.p_values import show_p
from harness.verify.verdicts.collapses import collapsed_cells, hold_collapses
from harness.verify.verdicts.verdict import ClaimVerdict, Replication

TESTED_WITHOUT = "whether it holds of what was measured is tested without"
"""How the sentence begins that says what a replication leaves out."""
HELD_BY_COLLAPSES = "collapsed cells hold the replication back"
"""How the sentence begins that says what they do to it."""


def replicate(
    check: Measured,
    found: Measurement,
    scores: Scores,
    outcome: Outcome,
    kept: Outcome,
    n_claim: int | None,
    design: Design,
) -> tuple[Outcome, list[str]]:
    """The outcome `kept` with the value and the p values of a replication over the targets that the design names, and
    sentences that say so, and what collapsed cells do to it; its own value and p values where those targets are all of
    the check's, or none of them. `outcome`: `kept` before collapsed cells held it back. Raises nothing.
    """
    left_out, unlearnt = not_deciding(found.targets, scores, design)
    if not left_out:
        sound = sound_seeds(check, found, scores)
        return kept.model_copy(update={"sound_seeds": sound}), held_words(outcome, kept, sound, design)
    others = [target for target in check.targets if target not in left_out]
    part = check.model_copy(update={"targets": others})
    measured = measure(part, scores, design)
    plain = part.outcome(measured, scores, n_claim, design)
    there = hold_collapses(part, measured, scores, plain, n_claim, design)
    mean, sound = aggregate(measured.values, design), sound_seeds(part, measured, scores)
    why = f" (not learnt by {BASELINE}: {', '.join(unlearnt)})" if unlearnt else ""
    value = f", where it is {in_words(mean)}" if mean else ""
    said = f"{TESTED_WITHOUT} {', '.join(left_out)}{why}{value}"
    changed = {
        "replication_p": there.replication_p,
        "replicated": mean,
        "replicated_without": left_out,
        "sound_seeds": sound,
    }
    return kept.model_copy(update=changed), [said, *held_words(plain, there, sound, design)]


def sound_seeds(check: Measured, found: Measurement, scores: Scores) -> int | None:
    """Of the seeds that count, those at which no cell collapsed; None where none did at any."""
    hit = {seed for _, _, seed in collapsed_cells(check, found, scores)}
    return len(set(found.seeds) - hit) if hit else None


def held_words(plain: Outcome, held: Outcome, sound: int | None, design: Design) -> list[str]:
    """What collapsed cells do to a replication: its p values as the scores are, and as held back. Empty where they do
    nothing.
    """
    if sound is None or plain.replication_p is None or plain.replication_p == held.replication_p:
        return []
    few = ""
    if sound < design.looks[0]:
        few = f"; with fewer than {design.looks[0]} such seeds no effect of any size can be shown"
    p, kept = plain.replication_p, held.replication_p or (1.0, 1.0)
    return [
        f"{HELD_BY_COLLAPSES}: what is shown must also be without the seeds of collapsed cells, which leaves {sound}"
        f"{few}; before Holm's step-down {show_p(kept[0])} for what it says and {show_p(kept[1])} for its opposite,"
        f" and with collapsed cells as they are {show_p(p[0])} and {show_p(p[1])}"
    ]


def not_deciding(targets: Sequence[str], scores: Scores, design: Design) -> tuple[list[str], list[str]]:
    """Those of `targets` that a replication leaves out by the design, and those of them that the baseline never learnt.
    Both empty where that would leave all of them out, or the design leaves none. Raises nothing.
    """
    unlearnt = [target for target in targets if _never_learnt(target, scores, design)]
    left_out = [target for target in targets if target in scores.retrieval or target in unlearnt]
    if design.replication_over == "all targets" or len(left_out) == len(targets):
        return [], []
    return left_out, unlearnt


def _never_learnt(target: str, scores: Scores, design: Design) -> bool:
    """Did the baseline collapse on the target at each of its own seeds that count? No recipe's cells matter to it."""
    seeds = design.in_order(scores.by_pair.get((BASELINE, target), {}))
    return bool(seeds) and all((BASELINE, target, seed) in scores.collapsed for seed in seeds)


def hold_replications(verdicts: Sequence[ClaimVerdict], level: float = LEVEL) -> list[ClaimVerdict]:
    """The verdicts; those out of scope say HOLDS HERE, OPPOSITE HERE or OPEN HERE, with the reason.

    The family are both directions of every measured claim of `verdicts` that is out of scope: give those of the whole
    registry. One that lacks cells or seeds, or whose replication is not told, counts with p = 1. At most 5 % of the
    time is any direction said falsely. As many verdicts come back, in the same order; those without a replication stay
    as they are. Raises nothing.
    """
    family = {place: verdict.replication_p for place, verdict in enumerate(verdicts) if verdict.replication_p}
    tested = [p for both in family.values() for p in both]
    adjusted = adjust(tested)
    both = {place: (adjusted[2 * i], adjusted[2 * i + 1]) for i, place in enumerate(family)}
    return [
        _hold(verdict, both[place], len(tested), level)
        if verdict.replication is not None and place in both
        else verdict
        for place, verdict in enumerate(verdicts)
    ]


def _hold(verdict: ClaimVerdict, p: tuple[float, float], tests: int, level: float) -> ClaimVerdict:
    holds, opposite = p
    said: Replication = "HOLDS HERE" if holds <= level else "OPPOSITE HERE" if opposite <= level else "OPEN HERE"
    numbers = f"{show_p(holds)} for what it says, {show_p(opposite)} for its opposite"
    why = f"what the claim says, of what was measured here: {said} ({numbers}, by Holm's step-down over {tests} tests)"
    return verdict.model_copy(update={"replication": said, "replication_p": p, "reasons": [*verdict.reasons, why]})
