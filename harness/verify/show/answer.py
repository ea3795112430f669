"""The answer of a verification in one sentence: how many claims were decided, and what became of the others.

It is the first thing that a reader sees, so it counts what was not tested as plainly as what was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from harness.verify.verdicts.planted import compare_with_truth, count_as_planted, published
from harness.verify.verdicts.verdict import DECIDED, ClaimVerdict, Replication

ORDER = ("REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE", "UNDERPOWERED", "NOT_TESTED", "INVALID")
"""Verdicts on what is measured, in the order in which they are counted."""


def answer(verdicts: Sequence[ClaimVerdict]) -> str:
    """`0 of 10 measured claims decided: 10 NOT_TESTED (4 OPEN HERE); 9 of 11 facts confirmed`; of one claim its word.

    Decided are REPRODUCED and NOT_REPRODUCED. Facts are the claims that no run decides. The laboratory's own claims are
    no published ones: they are counted behind these, by whether they came out as planted. Raises nothing.
    """
    if len(verdicts) == 1:
        (only,) = verdicts
        more = only.replication or (compare_with_truth(only) if only.truth else "")
        return f"{only.id}: {only.verdict}" + (f" ({more})" if more else "")
    theirs = published(verdicts)
    measured = [verdict for verdict in theirs if not verdict.is_unmeasured]
    facts = [verdict for verdict in theirs if verdict.is_unmeasured]
    parts = (_measured(measured) if measured else "", _facts(facts) if facts else "", count_as_planted(verdicts))
    return "; ".join(filter(None, parts))


def _measured(verdicts: Sequence[ClaimVerdict]) -> str:
    by_word: dict[str, list[ClaimVerdict]] = {}
    for verdict in verdicts:
        by_word.setdefault(verdict.verdict, []).append(verdict)
    counts = [f"{len(by_word[word])} {word}{_here(by_word[word])}" for word in ORDER if word in by_word]
    decided = sum(len(by_word.get(word, [])) for word in DECIDED)
    return f"{decided} of {len(verdicts)} measured claims decided: {', '.join(counts)}"


def _facts(verdicts: Sequence[ClaimVerdict]) -> str:
    words = Counter(verdict.verdict for verdict in verdicts)
    refuted = f", {words['REFUTED']} REFUTED" if words["REFUTED"] else ""
    return f"{words['CONFIRMED']} of {len(verdicts)} facts confirmed{refuted}"


def _here(verdicts: Sequence[ClaimVerdict]) -> str:
    """What their replications say, in brackets; nothing where none is out of scope."""
    words = Counter(verdict.replication for verdict in verdicts)
    counts = [f"{words[word]} {word}" for word in get_args(Replication) if words[word]]
    return f" ({', '.join(counts)})" if counts else ""
