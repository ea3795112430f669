"""What an author could try with a table, and what was once judged otherwise than it was told."""

from __future__ import annotations

import pytest

from harness.project.errors import HarnessError
from harness.verify.given.claim import claim_in_words
from harness.verify.given.judge import judge_table
from harness.verify.given.read import table_of
from harness.verify.given.rows import Given, GivenItem, GivenScore
from harness.verify.given.table import from_given
from harness.verify.given.verdict import GivenVerdict

BASE = [70.1, 69.8, 70.6, 70.3, 69.9, 70.4, 70.2, 70.0, 70.5, 70.7, 69.7, 70.8]


def rows(method: str, scores: list[float], seeds: bool = True) -> list[dict[str, object]]:
    each = [{"method": method, "score": score} for score in scores]
    return [{**row, "seed": seed} for seed, row in enumerate(each, 1)] if seeds else each


def judged(content: list[dict[str, object]], *words: str) -> list[GivenVerdict]:
    return judge_table(table_of(content), [claim_in_words(said, n) for n, said in enumerate(words, 1)]).claims


def test_the_order_of_rows_chooses_no_runs() -> None:
    """Without seeds, more runs than the last look are refused: which of them counted would hang on their order."""
    with pytest.raises(HarnessError, match=r"at most 8 runs without seeds.*--looks 12"):
        judged([*rows("none", BASE, seeds=False), *rows("ours", BASE, seeds=False)], ">= +1")


def test_seeds_that_do_not_count_are_a_doubt() -> None:
    content = [*rows("none", BASE[:9]), *rows("ours", [score + 3.1 * (score % 1) for score in BASE[:9]])]
    (found,) = judged(content, ">= +1")
    assert any("seed 9 did not count" in doubt for doubt in found.doubts)


def test_a_count_shows_the_seeds_that_it_tests() -> None:
    """Seeds beyond the last look are in neither the means nor the number of seeds."""
    gains = [3.0, 3.4, 2.8, 3.1, 3.3, 2.9, 3.2, 3.0, -50.0, -50.0, -50.0, -50.0]
    content = rows("none", BASE)
    for name in ("a", "b"):
        content += rows(name, [score + gain for score, gain in zip(BASE, gains, strict=True)])
    (found,) = judged(content, "2 of 2 above 1")
    assert (found.verdict, found.measured, found.n_seeds, found.seeds) == (
        "REPRODUCED",
        1.0,
        8,
        [str(seed) for seed in range(1, 9)],
    )
    assert found.steps[0][1].startswith("+3.0")


def test_a_count_without_spread_is_underpowered() -> None:
    (found,) = judged([*rows("none", BASE[:3]), *rows("ours", [score + 2 for score in BASE[:3]])], "1 of 1 above 1")
    assert found.verdict == "UNDERPOWERED"


def test_claims_that_can_not_be_tested_do_not_dilute_an_accusation() -> None:
    """Holm's family is of those that have a p value; one that an accusation falls to by others is told."""
    gains = [0.9, 1.1, 1.0, 1.05, 0.95]
    content = [*rows("none", BASE[:5]), *rows("ours", [a + b for a, b in zip(BASE, gains, strict=False)])]
    content += rows("once", [75.0])
    alone = judged(content, "ours: >= +1.4")[0]
    many = judged(content, "ours: >= +1.4", *["once: >= +1"] * 40)[0]
    assert (alone.verdict, many.verdict) == ("NOT_REPRODUCED", "NOT_REPRODUCED")
    others = judged(content, "ours: >= +1.4", *["ours: >= +0.98"] * 400)[0]
    assert others.verdict == "INCONCLUSIVE"
    assert any("this claim alone would be NOT_REPRODUCED" in doubt for doubt in others.doubts)
    assert others.steps[-1][0] == "Holm"


def test_a_gain_that_never_changes_while_runs_do_is_a_doubt() -> None:
    gains = [7.51, 7.49, 7.50, 7.505]
    content = [
        *rows("none", [70.0, 73.0, 68.0, 71.0]),
        *rows("ours", [70 + gains[0], 73 + gains[1], 68 + gains[2], 71 + gains[3]]),
    ]
    (found,) = judged(content, "+7.5 +- 1")
    assert any("go up and down together" in doubt for doubt in found.doubts)


def test_scores_without_items_are_not_lost_beside_those_with() -> None:
    """A task that has no items stays in the mean; then no task is judged by its items."""
    scores = [
        GivenScore(method=name, task=task, score=score)
        for name, task, score in (
            ("none", "xnli", 50),
            ("none", "bucc", 90),
            ("ours", "xnli", 60),
            ("ours", "bucc", 10),
        )
    ]
    items = [GivenItem(method=name, task="xnli", item="1", right=0.5) for name in ("none", "ours")]
    table = from_given(Given("a program", scores, items), "there")
    assert not table.has_items and table.names("task") == ["xnli", "bucc"]
    assert any("items don't count, as bucc has none" in remark for remark in table.remarks)
    assert from_given(Given("a program", scores[::2], items), "there").has_items


def test_a_wide_table_with_an_id_is_asked_what_a_row_is() -> None:
    """Three runs numbered in `id` are no three items of a test set, and the other way round."""
    wide = [{"id": n, "none": 0.70 + n / 100, "ours": 0.78 + n / 90} for n in (1, 2, 3)]
    with pytest.raises(HarnessError, match=r"an item or a run.*--column seed=id, or --column item=id"):
        judged(wide, ">= +1")
    claims = [claim_in_words(">= +1")]
    assert judge_table(table_of(wide, {"seed": "id"}), claims).claims[0].n_seeds == 3
    assert judge_table(table_of(wide, {"item": "id"}), claims).claims[0].items is not None
    right = [{"id": n, "none": n % 2, "ours": 1} for n in range(6)]
    assert judged(right, ">= +1")[0].items is not None


def test_decimal_commas_in_a_wide_table_are_named() -> None:
    wide = [{"seed": n, "none": f"70,{n}", "ours": f"78,{n}"} for n in (1, 2, 3)]
    with pytest.raises(HarnessError, match=r"a decimal point in column `none`.*`70,1`.*write 70\.1"):
        judged(wide, ">= +1")


def test_methods_without_a_common_task_are_told_so() -> None:
    content = [{**row, "task": row["method"]} for row in [*rows("none", BASE[:3]), *rows("ours", BASE[:3])]]
    (found,) = judged(content, ">= +1")
    assert found.reasons[0] == "no run of each has a score on every task" and found.n_seeds == 0


def test_an_id_beside_seeds_numbers_rows_and_a_role_is_no_method() -> None:
    wide = [{"id": n, "seed": n, "none": 70 + n / 7, "ours": 78 + n / 9} for n in (1, 2, 3)]
    (found,) = judged(wide, ">= +1")
    assert (found.n_seeds, found.pairing, found.method) == (3, "paired by seed", "ours")
    assert judge_table(table_of(wide, {"seed": "id"}), [claim_in_words(">= +1")]).claims[0].method == "ours"


def test_decimal_commas_hide_no_other_mistake() -> None:
    content = [{"method": name, "seed": 1, "score": 70.1, "layers": "1,2"} for name in ("none", "ours")]
    with pytest.raises(HarnessError, match="the column `acc`"):
        table_of(content, {"score": "acc"})
    wide = [{"seed": n, "none": 70 + n, "ours": 78 + n, "more": f"71,{n}"} for n in (1, 2, 3)]
    with pytest.raises(HarnessError, match="decimal point in column `more`"):
        table_of(wide)


def test_counts_that_are_not_whole_are_refused() -> None:
    row = {"method": "none", "item": "a", "n_correct": 0.9, "n_predicted": 1.9, "n_gold": 1.2}
    with pytest.raises(HarnessError, match="whole numbers of answers"):
        table_of([row, {**row, "method": "ours"}])


def test_what_is_projected_among_claims_is_by_the_true_spread() -> None:
    """Of runs that nothing pairs it is sqrt(s_1^2 + s_2^2), not what the interval's width would be for paired ones."""
    seeds = {"none": (68.72, 70.91, 70.15), "m0": (63.92, 66.94, 65.87), "m1": (67.85, 68.63, 67.99)}
    content: list[dict[str, object]] = [
        {"method": method, "seed": seed + 10 * (method != "none"), "score": score}
        for method, scores in seeds.items()
        for seed, score in enumerate(scores, 1)
    ]
    (alone,) = judged(content, "m0: >= +0")
    beside, other = judged(content, "m0: >= +0", "m1: >= +0")
    assert (alone.pairing, alone.verdict) == ("not paired (Welch)", "NOT_REPRODUCED")
    assert (beside.verdict, beside.seeds_needed, other.verdict) == ("INCONCLUSIVE", 6, "INCONCLUSIVE")
    assert "whatever the other claim shows" in beside.reasons[-1]
