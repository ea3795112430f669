"""What of a table is compared: what must be the same for all methods is, and what is open is asked for."""

from __future__ import annotations

import random
from typing import Any

import pytest
from given_tables import HEADER, Row, judged, made_up, one

from harness.project.errors import HarnessError
from harness.verify.given.claim import claim_in_words
from harness.verify.given.judge import judge_table
from harness.verify.given.read import table_of

ROWS = made_up()
LANGUAGES = [{**row, "language": language} for row in ROWS for language in ("en", "de", "fr")]
ITEMS = [
    {"method": method, "task": "xnli", "item": n, "correct": int(random.Random(f"{method}{n}").random() < share)}
    for method, share in (("none", 0.5), ("mnli", 0.9))
    for n in range(50)
]


def without(rows: list[Row], **which: object) -> list[Row]:
    return [row for row in rows if not all(row[key] == value for key, value in which.items())]


def test_the_order_of_rows_does_not_count() -> None:
    """Seeds pair by their name, wherever they stand."""
    found, again = one(ROWS), one(sorted(ROWS, key=lambda row: (row["method"], -row["seed"])))
    assert (found.values, found.interval) == (again.values, again.interval)


@pytest.mark.parametrize(
    ("rows", "choice", "words"),
    [
        (without(ROWS, method="none"), {}, "two methods .*found mnli alone"),
        (made_up(methods=("a", "b")), {}, "which method .* is the baseline, found a, b"),
        (ROWS, {"baseline": "nona"}, "baseline `nona` .*did you mean `none`"),
        (ROWS, {"split": "test"}, "no column of splits"),
        (ROWS, {"languages": ["en"]}, "no column of languages"),
        (ROWS, {"tasks": ["zz"]}, "the task `zz`"),
        ([{**row, "split": "test" if row["method"] == "mnli" else "dev"} for row in ROWS], {}, "one split .*dev, test"),
        (
            [{**row, "split": "test" if row["method"] == "mnli" else "dev"} for row in ROWS],
            {"split": "test"},
            "two methods .*found mnli alone",
        ),
        ([{**row, "metric": name} for row in ROWS for name in ("f1", "em")], {}, "one metric of xnli .*f1, em"),
        (without(LANGUAGES, method="none", language="fr"), {}, "none on xnli at seed 1 lacks fr.*--language en"),
        (without(LANGUAGES, method="none", language="fr", seed=2), {}, "none on xnli at seed 2 lacks fr"),
        (without(ITEMS, method="none", item=7), {}, "the same items .*none lacks 7"),
        ([*ITEMS, ITEMS[0]], {}, "each item once .*found `0` again"),
        ([*ROWS, ROWS[0]], {}, "one score each .*2 of none on xnli at seed 1"),
    ],
)
def test_what_is_not_the_same_for_all_is_a_users_error(rows: Any, choice: dict[str, Any], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        one(rows, **choice)


def test_a_run_without_a_seed_has_all_languages_too() -> None:
    """Else the mean of its last run would be over fewer languages, in silence."""
    unnamed = [{key: value for key, value in row.items() if key != "seed"} for row in LANGUAGES]
    assert one(unnamed).n_seeds == 4
    with pytest.raises(HarnessError, match="none on xnli at its run 4 lacks fr"):
        one(without(LANGUAGES, method="none", language="fr", seed=2) and [*unnamed[:5], *unnamed[6:]])


def test_each_task_may_have_a_metric_of_its_own() -> None:
    rows = made_up(tasks=("xnli", "xquad"))
    found = judged([{**row, "metric": "acc" if row["task"] == "xnli" else "f1"} for row in rows], "+7.5 +- 1.5")
    assert (found.metric, found.claims[0].tasks) == ("acc, f1", ["xnli", "xquad"])


def test_names_are_known_however_they_are_drawn() -> None:
    """Composed or decomposed accents, dashes, blanks; capitals make another name."""
    rows = made_up(methods=("none", "caf\N{LATIN SMALL LETTER E WITH ACUTE}\N{EN DASH}a:b > c"))
    assert one(rows, "cafe\N{COMBINING ACUTE ACCENT}-a:b > c: +7.5 +- 1.5").verdict == "REPRODUCED"
    with pytest.raises(HarnessError, match="the method `MNLI`"):
        one(ROWS, "MNLI: >= 1")


def test_a_claims_own_baseline_is_that_of_no_other_claim() -> None:
    """`A > B` beside a claim that names no baseline leaves open what that one is compared with."""
    rows = made_up(methods=("x", "y", "z"))
    assert judged(rows, "y > x", "z > x").claims[1].verdict == "REPRODUCED"
    with pytest.raises(HarnessError, match=r"which method .* is the baseline"):
        judged(rows, "y > x", "z: >= 1")
    assert [claim.baseline for claim in judged(rows, "y > z", "z: >= 1", baseline="x").claims] == ["z", "x"]


@pytest.mark.parametrize(("words", "verdict"), [("mnli > none", "REPRODUCED"), ("none > mnli", "NOT_REPRODUCED")])
def test_a_comparison_has_a_direction(words: str, verdict: str) -> None:
    assert one(ROWS, words).verdict == verdict


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("8 of 9 above 1", "found 1 method beside none and 1 task"),
        ("none: >= 1", "found that itself"),
        ("zz: 1 of 1 tasks above 1", "the method `zz`"),
    ],
)
def test_a_claim_that_the_table_does_not_fit_is_a_users_error(claim: str, words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        one(ROWS, claim)


def test_methods_and_tasks_are_counted() -> None:
    methods = made_up(methods=("none", *(f"m{n}" for n in range(30))))
    assert one(methods, "25 of 30 above 1").verdict == "REPRODUCED"
    assert one(methods, "25 of 30 above 20").verdict == "NOT_REPRODUCED"
    assert one(made_up(tasks=("a", "b", "c")), "3 of 3 tasks above 1").verdict == "REPRODUCED"
    assert one(ROWS, "1 of 1 above 1").verdict == "REPRODUCED"
    with pytest.raises(HarnessError, match=r"which method .* the claim `>= 1` is about, found m0, m1, m2 and 27 more"):
        one(methods, ">= 1")


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_seeds_decide_nothing(n: int) -> None:
    assert one(made_up(n=n)).verdict == "UNDERPOWERED"


def test_seeds_that_change_nothing_decide_nothing() -> None:
    """Paired or not: equal values are one draw."""
    for shift in (0, 10):
        rows = [
            dict(zip(HEADER, (method, "x", seed + by, score), strict=True))
            for method, by, score in (("none", 0, 70), ("mnli", shift, 77.5))
            for seed in range(4)
        ]
        found = one(rows)
        assert (found.verdict, found.interval) == ("UNDERPOWERED", None) and "one draw" in found.reasons[0]


def test_runs_pair_where_three_seeds_are_common_and_else_do_not() -> None:
    shifted = {
        by: [{**row, "seed": row["seed"] + by * (row["method"] == "none")} for row in made_up(n=5)] for by in (2, 3)
    }
    assert (one(shifted[2]).pairing, one(shifted[2]).n_seeds) == ("paired by seed", 3)
    assert (one(shifted[3]).pairing, one(shifted[3]).n_seeds) == ("not paired (Welch)", 5)


def test_accusations_of_claims_that_are_judged_together_go_through_holm() -> None:
    """One that holds alone does not beside many others."""
    claim = claim_in_words("no gain above 6.3", 1)
    table = table_of(made_up())
    alone = judge_table(table, [claim]).claims[0]
    many = [claim, *(claim_in_words(">= 1", n) for n in range(2, 8))]
    together = judge_table(table, many).claims[0]
    assert alone.verdict == "NOT_REPRODUCED" and alone.p_value is not None and 0.05 / 7 < alone.p_value <= 0.05
    assert together.verdict == "INCONCLUSIVE" and "no accusation" in together.reasons[-2]
    assert together.seeds_needed is not None and f" {together.seeds_needed} seeds would" in together.reasons[-1]
