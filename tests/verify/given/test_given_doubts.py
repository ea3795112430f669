"""What an author could do for a verdict and a table shows: it is told, decides nothing, and fails under --strict."""

from __future__ import annotations

from typing import Any

import pytest
from given_tables import Row, judged, made_up, one

ROWS = made_up(n=6)


def changed(rows: list[Row], method: str, score: Any) -> list[Row]:
    """With other scores of one method; `score`: the row -> its score."""
    return [{**row, "score": score(row)} if row["method"] == method else row for row in rows]


def score_of(method: str, seed: int) -> float:
    return float(next(row["score"] for row in ROWS if (row["method"], row["seed"]) == (method, seed)))


UNPAIRED = [{key: value for key, value in row.items() if key != "seed"} for row in ROWS]


@pytest.mark.parametrize(
    ("rows", "claim", "words"),
    [
        (ROWS, "+7.5 +- 50", "would also hold for no gain at all"),
        (ROWS, "+7.5 +- 7.5", "would also hold for no gain at all"),
        (ROWS, ">= -1", "would also hold for no gain at all"),
        (ROWS, "1 of 1 above -1", "no gain at all has, too"),
        (changed(ROWS, "none", lambda row: 70.0), "+7.5 +- 1.5", "none has the same score at all 6 seeds"),
        (changed(ROWS, "mnli", lambda row: 77.5 + row["seed"] / 1000), "+7.5 +- 1.5", "mnli are equal to one decimal"),
        (
            [{**row, "score": score_of(row["method"], (row["seed"] - 1) % 3 + 1)} for row in ROWS],
            "+7.5 +- 1.5",
            "seed 4 those of 1, 5 those of 2, 6 those of 3: the same scores twice",
        ),
        ([*UNPAIRED[:6], *UNPAIRED[6:9], *UNPAIRED[6:9]], "+7.5 +- 1.5", "the 6 runs of mnli have 3 different scores"),
        (
            changed(ROWS, "mnli", lambda row: score_of("none", row["seed"])),
            ">= 1",
            "none have the same scores at seed 1",
        ),
        (
            changed(ROWS, "mnli", lambda row: score_of("none", 7 - row["seed"])),
            ">= 1",
            "none have the same scores at other seeds",
        ),
        (
            changed(changed(ROWS, "none", lambda row: 70), "mnli", lambda row: 77 + (row["seed"] == 3)),
            "+7.5 +- 1.5",
            "rounded to 1 points, and the spread over seeds is smaller",
        ),
        ([row for row in ROWS if row["seed"] != 3], "+7.5 +- 1.5", "seed 3 is not there"),
        (ROWS[:-1], "+7.5 +- 1.5", "only the 5 seeds that both have count; left out: none at 6"),
        (made_up(n=5, tasks=("a", "b"))[:-1], "+7.5 +- 1.5", "mnli at seed 5 is left out: it lacks some of the tasks"),
        (made_up(tasks=("a", "b"))[:12], "+7.5 +- 1.5", "mnli has no score on b"),
    ],
)
def test_what_asks_for_an_explanation_is_told(rows: list[Row], claim: str, words: str) -> None:
    doubts = one(rows, claim).doubts
    assert any(words in doubt for doubt in doubts), doubts
    assert judged(rows, claim).is_doubtful


@pytest.mark.parametrize(
    ("rows", "choice", "words"),
    [
        ([{**row, "metric": "eval_loss"} for row in ROWS], {}, "of `loss` less is better"),
        ([{**row, "metric": "perplexity"} for row in ROWS], {}, "of `perplexity` less is better"),
        ([{**row, "score": row["score"] * 1000} for row in ROWS], {}, "no percentage"),
        (made_up(tasks=("a", "b", "average")), {}, "`average` looks like a mean"),
        (made_up(tasks=("a", "b")), {"tasks": ["a"]}, "1 of 2 tasks are judged"),
    ],
)
def test_what_is_doubtful_of_all_scores_is_told(rows: list[Row], choice: dict[str, Any], words: str) -> None:
    found = judged(rows, "+7.5 +- 1.5", **choice)
    assert any(words in doubt for doubt in found.doubts), found.doubts


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        made_up(n=8, tasks=("a", "b")),
        [{**row, "seed": {1: 0, 2: 42, 3: 1234, 4: 99_999}[row["seed"]]} for row in made_up()],
        UNPAIRED,
        made_up(digits=1),
    ],
)
def test_of_plain_scores_nothing_is_doubted(rows: list[Row]) -> None:
    found = judged(rows, "+7.5 +- 1.5")
    assert (found.doubts, found.claims[0].doubts) == ([], [])


def test_a_doubt_decides_nothing() -> None:
    copied = [{**row, "score": score_of(row["method"], (row["seed"] - 1) % 3 + 1)} for row in ROWS]
    found = judged(copied, "+7.5 +- 1.5")
    assert (found.claims[0].verdict, found.exit_code, found.is_doubtful) == ("REPRODUCED", 0, True)


LR = {1: "1e-5", 2: "2e-5", 3: "3e-5", 4: "1e-5", 5: "2e-5", 6: "3e-5"}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (lambda row: LR[row["seed"]], "`lr` differs between the runs of none (1e-5, 2e-5, 3e-5): such runs are no"),
        (lambda row: "3e-5" if row["method"] == "mnli" else "1e-5", "`lr` is 3e-5 of mnli and 1e-5 of none: was it"),
        (lambda row: "1e-5", ""),
    ],
)
@pytest.mark.parametrize("has_seeds", [True, False])
def test_runs_that_differ_by_more_than_their_seed_are_told(setting: Any, words: str, has_seeds: bool) -> None:
    """A grid of learning rates is no set of seeds, and a rate of the method's own is a second difference."""
    rows = [{**row, "lr": setting(row)} for row in ROWS]
    if not has_seeds:
        rows = [{key: value for key, value in row.items() if key != "seed"} for row in rows]
    told = " ".join(judged(rows, "+7.5 +- 1.5").doubts)
    assert words in told if words else not told


def test_a_setting_in_a_wide_table_is_no_method() -> None:
    wide = [{"seed": seed, "lr": float(LR[seed]), "none": 70 + seed / 10, "mnli": 77.4 + seed / 9} for seed in LR]
    found = judged(wide, "+7.5 +- 1.5")
    assert (found.claims[0].baseline, found.claims[0].method) == ("none", "mnli")
    assert "`lr` differs between the runs of none" in found.doubts[0]


@pytest.mark.parametrize("metric", ["eval_loss", "perplexity", "WER", "error_rate", "bits_per_byte", "rmse"])
def test_a_metric_of_which_less_is_better_is_told(metric: str) -> None:
    (told,) = judged([{**row, "metric": metric} for row in ROWS], "+7.5 +- 1.5").doubts
    assert "less is better" in told


@pytest.mark.parametrize("metric", ["accuracy", "glossary_f1", "answer", "terms", "em"])
def test_a_metric_whose_name_holds_such_letters_is_not(metric: str) -> None:
    assert not judged([{**row, "metric": metric} for row in ROWS], "+7.5 +- 1.5").doubts


def test_settings_are_compared_where_task_and_language_are_the_same() -> None:
    """However a number is written, whichever value lacks, and in whatever order rows stand."""
    rows = [row for task in ("xnli", "paws") for row in made_up(n=4, tasks=(task,))]
    rates = {"xnli": ("1e-5", "0.00001", "1e-05", ""), "paws": ("2e-5", "2e-05", "", "0.00002")}
    alike = [{**row, "lr": rates[row["task"]][row["seed"] - 1]} for row in rows]
    claim = "+7.5 +- 1.5"
    assert not judged(alike, claim).doubts and not judged(alike[::-1], claim).doubts
    other = {("xnli", "none"): "1e-5", ("xnli", "mnli"): "2e-5", ("paws", "none"): "2e-5", ("paws", "mnli"): "1e-5"}
    swapped = [{**row, "lr": other[row["task"], row["method"]]} for row in rows]
    assert "`lr` is" in judged(swapped, claim).doubts[0]
    metrics = [{**row, "precision": row["score"] / 2, "checkpoint": f"out/{row['seed']}"} for row in rows]
    assert not judged(metrics, claim).doubts
    assert (
        "`n_epochs` is 30 of mnli and 3 of none"
        in judged([{**row, "n_epochs": 30 if row["method"] == "mnli" else 3} for row in rows], claim).doubts[0]
    )


def test_a_method_that_is_called_like_a_setting_is_one_by_its_scores() -> None:
    wide = [{"seed": seed, "none": 70 + seed / 10, "prompt": 77.4 + seed / 9} for seed in range(1, 6)]
    found = judged(wide, "prompt: +7.5 +- 1.5")
    assert (found.claims[0].method, found.claims[0].verdict, found.doubts) == ("prompt", "REPRODUCED", [])


def test_runs_of_one_method_that_were_copied_are_told() -> None:
    scores = [77.35, 78.11, 77.52]
    copied = changed(ROWS, "mnli", lambda row: scores[(row["seed"] - 1) % 3])
    assert any("the 6 runs of mnli have 3 different scores" in doubt for doubt in one(copied).doubts)
