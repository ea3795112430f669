"""Small tables of given scores for tests: rows, CSV text, and the verdict on one claim."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from harness.verify.given.claim import claim_in_words
from harness.verify.given.judge import judge_table
from harness.verify.given.read import table_of
from harness.verify.given.verdict import GivenVerdict, GivenVerdicts

HEADER = ("method", "task", "seed", "score")
Row = dict[str, Any]


def made_up(
    gain: float = 7.5,
    n: int = 4,
    methods: Sequence[str] = ("none", "mnli"),
    tasks: Sequence[str] = ("xnli",),
    sd: float = 0.3,
    base: float = 70.0,
    digits: int = 2,
) -> list[Row]:
    """Scores of the first method near `base`, of the others near `base + gain`, the same on each call."""
    draw = random.Random(0)
    return [
        {
            "method": method,
            "task": task,
            "seed": seed,
            "score": round(base + (gain if method != methods[0] else 0.0) + draw.gauss(0, sd), digits),
        }
        for method in methods
        for task in tasks
        for seed in range(1, n + 1)
    ]


def as_csv(rows: Sequence[Row], delimiter: str = ",") -> str:
    """The rows as a CSV file with a header."""
    lines = [delimiter.join(rows[0]), *(delimiter.join(map(str, row.values())) for row in rows)]
    return "\n".join(lines) + "\n"


def judged(rows: Any, *claims: str, **choice: Any) -> GivenVerdicts:
    """The verdicts on claims in words about plain rows."""
    return judge_table(table_of(rows), [claim_in_words(words, n) for n, words in enumerate(claims, 1)], **choice)


def one(rows: Any, claim: str = "+7.5 +- 1.5", **choice: Any) -> GivenVerdict:
    """The verdict on a single claim."""
    (found,) = judged(rows, claim, **choice).claims
    return found
