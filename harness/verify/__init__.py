"""The library of verdicts: scores in, verdicts out. It needs no project, no run and no model.

A claim says what was published and how it is judged. Scores are points by recipe, target and seed; the recipe `none`
is the baseline. Seeds count in the design's order, 1, 2, 3, ... up to the first gap: who numbers them otherwise gives
`judge` a `Design` with an order of his own. A verdict is REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, UNDERPOWERED,
NOT_TESTED or INVALID; on a fact of the data CONFIRMED, REFUTED or NOT_TESTED. Here a claimed gain of 7.5 points is
judged by eight scores: two recipes on one target at four seeds.

>>> from harness.verify import Claim, Scores, judge
>>> rows = [
...     {"recipe": "none", "target": "xnli", "seed": 1, "score": 70.1},
...     {"recipe": "none", "target": "xnli", "seed": 2, "score": 69.8},
...     {"recipe": "none", "target": "xnli", "seed": 3, "score": 70.6},
...     {"recipe": "none", "target": "xnli", "seed": 4, "score": 70.3},
...     {"recipe": "mnli", "target": "xnli", "seed": 1, "score": 77.9},
...     {"recipe": "mnli", "target": "xnli", "seed": 2, "score": 77.0},
...     {"recipe": "mnli", "target": "xnli", "seed": 3, "score": 78.3},
...     {"recipe": "mnli", "target": "xnli", "seed": 4, "score": 77.6},
... ]
>>> scores = Scores.from_rows(rows, encoder="XLM-R Large", data="XTREME")
>>> claim = Claim(
...     id="mnli-gain",
...     text="Training on MNLI first gains 7.5 points.",
...     verified=True,
...     confidence=0.9,
...     source={"document": "a paper", "version": "v1", "place": "table 2", "split": "test",
...             "statistic": "gain in points", "n_claim": 1},
...     scope={"encoder": "XLM-R Large", "data": "XTREME"},
...     check={"kind": "gain", "recipe": "mnli", "targets": ["xnli"], "expected_points": 7.5,
...            "margin": {"practical_points": 1.5, "reference_sd_points": None, "rounding_points": 0.05,
...                       "reason": "a smaller difference changes no conclusion"},
...            "reason": "the claim names the recipe and the target"},
... )
>>> verdict = judge(claim, scores)
>>> verdict.verdict, verdict.expected, round(verdict.measured, 2), verdict.n_seeds
('REPRODUCED', '+7.5 +- 1.5', 7.5, 4)
>>> for part in verdict.evidence.sentence.split("; "):
...     print(part)
training on mnli first changed the score by +7.5 points (interval adjusted for looks +6.9 to +8.1) on xnli, 4 seeds
expected +7.5 +- 1.5: REPRODUCED

Scores that another program made need none of that: `judge_scores` takes a pandas or polars frame, plain rows or a file,
and claims in words, and judges as `harness judge` does (docs/library.md).

>>> from harness.verify import judge_scores
>>> frame = {"method": ["none"] * 4 + ["mnli"] * 4, "seed": [1, 2, 3, 4] * 2,
...          "accuracy": [0.701, 0.698, 0.706, 0.703, 0.779, 0.770, 0.783, 0.776]}
>>> print(judge_scores(frame, "+7.5 +- 1.5"))
claim-1: REPRODUCED: mnli gains +7.50 [+6.88, +8.12] over none, at 4 seeds, claimed +7.5 +- 1.5

From the ground up: `scores` is a table of scores; `statistics` has intervals, tests and power; `claims` the registry
and, in `claims.kinds`, one file per kind of claim; `measure` a value per seed; `verdicts` what is concluded; `show` its
words. Beside them `languages` says how much a recipe helps or harms each language, and `given` judges claims in a few
words on tables that another program wrote (`harness judge`).
"""

from harness.verify.claims.claim import Claim
from harness.verify.claims.facts import Facts
from harness.verify.claims.registry import find_claim, read_claims
from harness.verify.given.claim import GivenClaim, claim_in_words
from harness.verify.given.frames import judge_scores
from harness.verify.given.verdict import GivenVerdict, GivenVerdicts
from harness.verify.scores import Scores, ScoresTable, mean_gain, paired_gains, read_scores, read_table
from harness.verify.statistics.decision import Decision, decide, seeds_to_decide
from harness.verify.statistics.design import Design, read_design
from harness.verify.statistics.holm import adjust
from harness.verify.statistics.intervals import (
    Interval,
    Published,
    Verdict,
    band,
    margin,
    prediction_interval,
    t_interval,
)
from harness.verify.verdicts.accusations import hold_accusations
from harness.verify.verdicts.judge import judge
from harness.verify.verdicts.replication import hold_replications
from harness.verify.verdicts.strength import hold_evidence
from harness.verify.verdicts.verdict import ClaimVerdict, Level

__all__ = [
    "Claim",
    "ClaimVerdict",
    "Decision",
    "Design",
    "Facts",
    "GivenClaim",
    "GivenVerdict",
    "GivenVerdicts",
    "Interval",
    "Level",
    "Published",
    "Scores",
    "ScoresTable",
    "Verdict",
    "adjust",
    "band",
    "claim_in_words",
    "decide",
    "find_claim",
    "hold_accusations",
    "hold_evidence",
    "hold_replications",
    "judge",
    "judge_scores",
    "margin",
    "mean_gain",
    "paired_gains",
    "prediction_interval",
    "read_claims",
    "read_design",
    "read_scores",
    "read_table",
    "seeds_to_decide",
    "t_interval",
]
