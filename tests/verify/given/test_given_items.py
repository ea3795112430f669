"""Results per item: what a gain's interval over seeds and rows is made of, and what is refused."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.project.errors import HarnessError
from harness.verify.given.claim import claim_in_words
from harness.verify.given.judge import judge_table
from harness.verify.given.read import table_of
from harness.verify.given.rows import Given, GivenItem
from harness.verify.given.show import render
from harness.verify.given.table import from_given
from harness.verify.given.verdict import GivenVerdict, ItemEvidence
from harness.verify.statistics.design import Design, fixed
from harness.verify.statistics.student import t_quantile

Row = dict[str, Any]
RIGHT = {
    "none": {1: [0, 0, 1, 1], 2: [0, 1, 1, 0], 3: [0, 0, 1, 0]},
    "mnli": {1: [1, 1, 1, 1], 2: [0, 1, 1, 1], 3: [1, 1, 1, 0]},
}
"""Method -> seed -> right, of four items."""


def rows_of(right: dict[str, dict[int, list[int]]], **more: Any) -> list[Row]:
    return [
        {"method": method, "seed": seed, "item": f"i{place}", "right": value, **more}
        for method, by in right.items()
        for seed, values in by.items()
        for place, value in enumerate(values)
    ]


def judge(rows: list[Row], words: str = ">= 0", design: Design | None = None) -> GivenVerdict:
    return judge_table(table_of(rows), [claim_in_words(words)], design=design or fixed(3)).claims[0]


def items_of(found: GivenVerdict) -> ItemEvidence:
    assert found.items is not None
    return found.items


def test_a_small_example_by_hand() -> None:
    found = judge(rows_of(RIGHT))
    assert list(found.values.values()) == pytest.approx([50.0, 25.0, 50.0])
    # gains per item, mean over seeds, in points: (200, 200, 0, 100) / 3; the deviations from 125 / 3 are 75, 75, -125
    # and -25 thirds, so the variance over rows is (75^2 + 75^2 + 125^2 + 25^2) / 9 / (4 x 3) = 27500 / 108
    over_rows, over_seeds = 27500 / 108, (2 * (25 / 3) ** 2 + (50 / 3) ** 2) / 2 / 3
    total = over_rows + over_seeds
    items = items_of(found)
    assert items.n_items == 4 and "closed form" in items.how
    assert items.seeds and items.both
    assert (items.rows.error, items.rows.freedom) == (pytest.approx(math.sqrt(over_rows)), 3)
    assert (items.seeds.error, items.seeds.freedom) == (pytest.approx(math.sqrt(over_seeds)), 2)
    freedom = total**2 / (over_seeds**2 / 2 + over_rows**2 / 3)
    assert (items.both.error, items.both.freedom) == (pytest.approx(math.sqrt(total)), pytest.approx(freedom))
    reach = max(t_quantile(0.95, f) * math.sqrt(v) for v, f in ((over_seeds, 2), (over_rows, 3), (total, freedom)))
    assert found.measured == pytest.approx(125 / 3)
    assert found.interval == pytest.approx((125 / 3 - reach, 125 / 3 + reach))
    assert found.plain_interval == found.interval == items.both.interval


def test_all_three_intervals_are_shown_with_what_they_speak_of() -> None:
    found = judge_table(table_of(rows_of(RIGHT)), [claim_in_words(">= 0")], design=fixed(3))
    shown = render(found, 80, explain=True)
    one_line = " ".join(shown.split())
    for words in (
        "other seeds on these rows", "other rows of the same kind, with these models",
        "other seeds and other rows of the same kind, which decides", "(Satterthwaite)", "4, the same for all runs",
    ):  # fmt: skip
        assert words in one_line
    assert max(map(len, shown.splitlines())) <= 80


def test_both_together_are_never_surer_than_seeds_alone() -> None:
    """Many rows are known well, three seeds are not; Satterthwaite's degrees of freedom alone would narrow it."""
    draw = random.Random(1)
    right = {
        name: {seed: [int(draw.random() < base + seed / 100) for _ in range(500)] for seed in (1, 2, 3)}
        for name, base in (("none", 0.5), ("mnli", 0.6))
    }
    items = items_of(judge(rows_of(right)))
    assert items.seeds and items.both
    ends = [items.seeds.interval, items.rows.interval, items.both.interval]
    assert all(items.both.interval[0] <= low and high <= items.both.interval[1] for low, high in ends)


def test_a_claim_that_seeds_alone_would_settle_may_need_more_rows() -> None:
    right = {
        "none": {seed: [0] * 12 + [1] * 8 for seed in (1, 2, 3)},
        "mnli": {seed: [1] * (6 + seed) + [0] * (6 - seed) + [1] * 8 for seed in (1, 2, 3)},
    }
    found = judge(rows_of(right), ">= +25", Design())
    items = items_of(found)
    assert items.seeds and items.seeds.interval[0] > 25 > items.rows.interval[0]
    assert found.verdict == "INCONCLUSIVE" and "needs more test rows" in " ".join(found.reasons)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_order_of_rows_changes_nothing(data: st.DataObject) -> None:
    rows = rows_of(RIGHT, language="de") + rows_of(RIGHT, language="sw")
    for row in rows:
        row["right"] = data.draw(st.integers(0, 1))
    shuffled = data.draw(st.permutations(rows))
    one, other = judge(rows), judge(shuffled)
    assert one.measured == pytest.approx(other.measured) and one.verdict == other.verdict
    assert items_of(one).rows.error == pytest.approx(items_of(other).rows.error)
    if one.interval and other.interval:
        assert one.interval == pytest.approx(other.interval)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 1), min_size=5, max_size=5), min_size=3, max_size=3))
def test_equal_methods_gain_nothing(values: list[list[int]]) -> None:
    by = dict(enumerate(values, 1))
    found = judge(rows_of({"none": by, "mnli": by}))
    assert found.measured == 0 and items_of(found).rows.error == 0
    assert found.verdict == "UNDERPOWERED", "seeds that change nothing are one draw"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=6))
def test_items_that_are_all_equal_vary_over_no_rows(quarters: list[int]) -> None:
    rights = [quarter / 4 for quarter in quarters]
    right: Any = {
        name: {seed: [value] * 5 for seed, value in zip((1, 2, 3), own, strict=True)}
        for name, own in (("none", rights[:3]), ("mnli", rights[3:]))
    }
    found = judge(rows_of(right))
    items = items_of(found)
    assert items.rows.error == 0
    if items.both and items.seeds:
        assert items.both.interval == pytest.approx(items.seeds.interval)


def test_translations_of_an_item_are_drawn_together() -> None:
    """The same rows in two languages say no more than in one; rows of other names say more."""
    alone = items_of(judge(rows_of(RIGHT)))
    parallel = items_of(judge(rows_of(RIGHT, language="de") + rows_of(RIGHT, language="sw")))
    assert parallel.n_items == 4 and parallel.rows.error == pytest.approx(alone.rows.error)
    other = [{**row, "item": f"sw-{row['item']}"} for row in rows_of(RIGHT, language="sw")]
    apart = items_of(judge(rows_of(RIGHT, language="de") + other))
    assert apart.n_items == 8 and apart.rows.error == pytest.approx(alone.rows.error / math.sqrt(2))
    tasks = items_of(judge(rows_of(RIGHT, task="xnli") + rows_of(RIGHT, task="pawsx")))
    assert tasks.n_items == 8 and tasks.rows.error == pytest.approx(alone.rows.error / math.sqrt(2))


def test_other_items_are_refused_with_examples() -> None:
    rows = [row for row in rows_of(RIGHT) if (row["method"], row["seed"], row["item"]) != ("none", 2, "i3")]
    with pytest.raises(HarnessError, match="but none at seed 2 lacks i3") as error:
        judge(rows)
    assert "on the same items" in (error.value.fix or "")
    renamed = [{**row, "item": row["item"] + ("" if row["method"] == "none" else "x")} for row in rows_of(RIGHT)]
    with pytest.raises(HarnessError, match="none at seed 1 lacks i0x, i1x, i2x and 1 more"):
        judge(renamed)
    with pytest.raises(HarnessError, match="two items or more"):
        judge([row for row in rows_of(RIGHT) if row["item"] == "i0"])


def test_an_item_twice_is_refused() -> None:
    with pytest.raises(HarnessError, match="found `i1` again"):
        judge([*rows_of(RIGHT), rows_of(RIGHT)[1]])


def test_runs_that_nothing_pairs_are_paired_by_item_still() -> None:
    other = {"none": RIGHT["none"], "mnli": {seed + 3: right for seed, right in RIGHT["mnli"].items()}}
    found, paired = judge(rows_of(other)), judge(rows_of(RIGHT))
    assert found.pairing == "not paired (Welch)"
    assert items_of(found).rows.error == pytest.approx(items_of(paired).rows.error)
    seeds = items_of(found).seeds
    assert seeds and seeds.freedom > 2


def test_two_models_are_told_apart_by_mcnemar_and_say_nothing_of_methods() -> None:
    right = {"none": {1: [0] * 9 + [1] * 6}, "mnli": {1: [1] * 8 + [0, 0] + [1] * 5}}
    found = judge(rows_of(right), ">= +1")
    items = items_of(found)
    # of nine discordant items mnli alone is right on eight: p = 2 x (1 + 9) / 2^9
    assert items.mcnemar_p == pytest.approx(20 / 512)
    assert found.verdict == "UNDERPOWERED" and found.interval is None and items.both is None
    assert items.models and "for these two models alone (one run each), on rows like these" in items.models
    assert "mnli alone is right on 8 items, none alone on 1" in items.models


def test_two_models_with_parts_of_items_have_an_interval_alone() -> None:
    right: Any = {"none": {1: [0, 0.5, 0.25, 1]}, "mnli": {1: [1, 0.5, 0.5, 1]}}
    items = items_of(judge(rows_of(right)))
    assert items.models and items.mcnemar_p is None and "McNemar" not in items.models


COUNTS = {
    "none": [(0, 1, 2), (1, 2, 2), (1, 1, 3), (2, 3, 2), (0, 0, 1), (1, 1, 1)],
    "mnli": [(1, 1, 2), (2, 2, 2), (1, 2, 3), (2, 2, 2), (0, 1, 1), (1, 1, 1)],
}


def test_f1_is_over_the_whole_set_and_resampled_with_a_fixed_seed() -> None:
    rows = [
        GivenItem(method=method, task="panx", item=str(place), counts=(max(0, c - (seed == place)), p, g), seed=seed)
        for method, counts in COUNTS.items()
        for seed, (place, (c, p, g)) in itertools.product((1, 2, 3), enumerate(counts))
    ]
    table = from_given(Given(program="somebody's", scores=[], items=rows), "the items")
    found, again = (judge_table(table, [claim_in_words(">= 0")], design=fixed(3)).claims[0] for _ in range(2))
    assert found == again
    first = found.scores[0]
    assert (first.measured["3"], first.compared["3"]) == pytest.approx((200 * 6 / 20, 200 * 4 / 19))
    items = items_of(found)
    assert "2,000 draws" in items.how and items.rows.error > 0 and items.rows.freedom == 5


def test_a_set_with_and_without_counts_is_refused() -> None:
    rows = [GivenItem(method=m, task="x", item=str(i), counts=(1, 1, 1), seed=1) for m in ("none", "a") for i in (1, 2)]
    rows.append(GivenItem(method="a", task="x", item="3", right=1.0, seed=1))
    with pytest.raises(HarnessError, match="some with and some without"):
        judge_table(from_given(Given(program="x", scores=[], items=rows), "x"), [claim_in_words(">= 0")])


def test_claims_that_count_are_over_rows_too() -> None:
    """Seeds alone would show both methods to gain; eight rows don't."""
    base = {seed: [0, 0, 0, 0, 1, 1, 1, 1] for seed in (1, 2, 3)}
    gain = {seed: [1, 1, 0, seed // 3, 1, 1, 1, 1] for seed in (1, 2, 3)}
    rows = rows_of({"none": base, "a": gain, "b": gain})
    found = judge_table(table_of(rows), [claim_in_words("2 of 2 above 0")], design=fixed(3)).claims[0]
    assert found.measured == 1.0 and found.verdict == "INCONCLUSIVE"
    scores = [{"method": r["method"], "seed": r["seed"], "score": 0.0} for r in rows if r["item"] == "i0"]
    for score in scores:
        own = [r["right"] for r in rows if (r["method"], r["seed"]) == (score["method"], score["seed"])]
        score["score"] = 100 * sum(own) / len(own)
    seeds_alone = judge_table(table_of(scores), [claim_in_words("2 of 2 above 0")], design=fixed(3)).claims[0]
    assert seeds_alone.verdict == "REPRODUCED"
