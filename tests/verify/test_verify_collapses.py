"""Collapsed cells decide nothing alone; out of scope a row says whether the claim holds here; shares by both tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.verify import Claim, ClaimVerdict, Design, Scores, hold_evidence, hold_replications, judge
from harness.verify.statistics.p_values import partial_p

HERE = {"encoder": "an encoder", "data": "some rows"}
MARGIN = {"practical_points": 1.5, "reference_sd_points": None, "rounding_points": 0.05, "reason": "so close"}
GAIN = {"kind": "gain", "recipe": "mnli", "targets": ["xnli"], "expected_points": 7.5, "margin": MARGIN}
SHARE = {"kind": "share", "recipes": ["a", "b", "c", "d"], "targets": ["xnli"], "threshold_points": 1.0}
NOISE = (-0.1, 0.0, 0.1, 0.05, -0.05, 0.02, -0.03, 0.07)


def claim_of(
    check: dict[str, Any], scope: dict[str, str] = HERE, name: str = "a-claim", n_claim: int | None = 1
) -> Claim:
    source = {"document": "d", "version": "v1", "place": "p", "split": "test", "statistic": "s", "n_claim": n_claim}
    entry = {"id": name, "text": "so it is", "verified": True, "confidence": 0.5, "source": source, "scope": scope}
    return Claim.model_validate(entry | {"check": {**check, "reason": "the words say so"}})


def scores_of(gains: dict[str, list[float]], collapsed: set[tuple[str, int]] = frozenset()) -> Scores:  # type: ignore[assignment]
    """Recipe -> its gain at seeds 1, 2, ...; on one target."""
    n = max(map(len, gains.values()))
    rows = [{"recipe": "none", "target": "xnli", "seed": seed, "score": 50.0} for seed in range(1, n + 1)]
    for recipe, values in gains.items():
        rows += [
            {"recipe": recipe, "target": "xnli", "seed": seed, "score": 50.0 + gain}
            for seed, gain in enumerate(values, 1)
        ]
    keys = frozenset((recipe, "xnli", seed) for recipe, seed in collapsed)
    return replace(Scores.from_rows(rows, **HERE), collapsed=keys)


def around(gain: float, n: int) -> list[float]:
    return [gain + noise for noise in NOISE[:n]]


def test_a_verdict_that_hangs_on_a_collapsed_cell_is_inconclusive() -> None:
    """A loss of half a point at one seed of eight makes no difference, one of 60 points does."""
    mild, bad = around(7.5, 8), around(7.5, 8)
    mild[3] -= 0.5
    bad[3] -= 60.0
    for gains, verdict in ((mild, "REPRODUCED"), (bad, "INCONCLUSIVE")):
        found = judge(claim_of(GAIN), scores_of({"mnli": gains}, {("mnli", 4)}))
        assert found.verdict == verdict
        (told,) = (reason for reason in found.reasons if "collapsed" in reason)
        assert told.startswith("mnli-xnli-4 collapsed: ") and "REPRODUCED without its seed" in told
    assert judge(claim_of(GAIN), scores_of({"mnli": bad})).verdict == "INCONCLUSIVE"  # undetected: wide all the same


def test_at_three_seeds_nothing_is_decided_with_a_collapsed_cell() -> None:
    three = scores_of({"mnli": around(7.5, 3)}, {("mnli", 2)})
    row = judge(claim_of(GAIN), three)
    assert (row.verdict, row.note) == ("INCONCLUSIVE", "hangs on a collapsed cell")
    assert "UNDERPOWERED without its seed" in row.reasons[-1] and row.evidence.rule_gives == "REPRODUCED"
    base = replace(three, collapsed=frozenset({("none", "xnli", 2)}))
    assert judge(claim_of(GAIN), base).verdict == "INCONCLUSIVE"  # the baseline's cells count, too
    behind = scores_of({"mnli": around(7.5, 3)}, {("mnli", 9)})
    assert judge(claim_of(GAIN), behind).verdict == "REPRODUCED"  # no cell of the counted seeds


def test_out_of_scope_a_claim_is_replicated_and_never_decided() -> None:
    elsewhere = {"encoder": "another", "data": "some rows"}
    gains = {"mnli": around(3.0, 4), "squad_v2": around(-3.0, 4), "hellaswag": [-4.0, 5.0, -3.0, 4.0]}
    claims = [claim_of(GAIN | {"recipe": recipe}, elsewhere, recipe.replace("_", "-")) for recipe in gains]
    lacking = claim_of(GAIN | {"recipe": "multi"}, elsewhere, "multi")
    here = claim_of(GAIN, HERE, "here")
    scores = scores_of(gains)
    rows = hold_replications([judge(claim, scores) for claim in [*claims, lacking, here]])
    assert [row.replication for row in rows] == ["HOLDS HERE", "OPPOSITE HERE", "OPEN HERE", None, None]
    assert [row.verdict for row in rows[:4]] == ["NOT_TESTED"] * 4 and rows[4].verdict == "NOT_REPRODUCED"
    assert "HOLDS HERE" in rows[0].reasons[-1] and "over 8 tests" in rows[0].reasons[-1]
    alone = hold_replications([judge(claims[0], scores)])[0]
    assert alone.replication_p and rows[0].replication_p and alone.replication_p[0] < rows[0].replication_p[0]
    weak = hold_evidence(rows, dict.fromkeys(rows[0].evidence.cells, "hash only"))
    assert weak[0].replication == "OPEN HERE" and "hash only" in weak[0].reasons[-1]


def test_leaving_cells_out_does_not_buy_a_replication() -> None:
    """Of four claims one is shown by p = 0.008 or so: not by Holm over the eight tests of the registry."""
    elsewhere = {"encoder": "another", "data": "some rows"}
    gains = {"a": [1.0, 1.45, 1.9, 1.15], **{name: [-4.0, 5.0, -3.0, 4.0] for name in "bcd"}}
    claims = [claim_of(GAIN | {"recipe": name}, elsewhere, name) for name in gains]

    def first(scores: Scores) -> ClaimVerdict:
        return hold_replications([judge(claim, scores) for claim in claims])[0]

    whole, less = first(scores_of(gains)), first(scores_of({"a": gains["a"]}))
    assert whole.replication == less.replication == "OPEN HERE" and whole.replication_p == less.replication_p
    assert hold_replications([judge(claims[0], scores_of(gains))])[0].replication == "HOLDS HERE"
    assert "over 8 tests" in less.reasons[-1]


def test_the_best_of_several_that_do_nothing_holds_nowhere() -> None:
    check = {"kind": "best_of", "recipes": ["a", "b"], "targets": ["xnli"], "expected_points": 5.4, "margin": MARGIN}
    claim = claim_of(check, {"encoder": "another", "data": "some rows"})
    scores = scores_of({"a": around(0.5, 8), "b": around(0.4, 8)})
    found = hold_replications([judge(claim, replace(scores, dev_by_pair=scores.by_pair))])[0]
    assert (found.replication, found.replication_p) == (None, (1.0, 1.0)) and found.measured == pytest.approx(
        0.5, abs=0.1
    )
    assert any("a choice among 3 equal candidates gives a gain" in reason for reason in found.reasons)


def test_no_benefit_holds_only_where_the_upper_bound_lies_below_the_threshold() -> None:
    no_gain = {"kind": "no_gain", "recipes": ["mnli"], "targets": ["xnli"], "at_most_points": 0.5}
    claim = claim_of(no_gain, {"encoder": "another", "data": "some rows"})

    def said(gains: list[float]) -> ClaimVerdict:
        return hold_replications([judge(claim, scores_of({"mnli": gains}))])[0]

    assert said(around(-1.0, 5)).replication == "HOLDS HERE"
    assert said(around(2.0, 5)).replication == "OPPOSITE HERE"
    assert said([-0.5, 1.5, 0.0, -1.0, 1.0]).replication == "OPEN HERE"  # no gain was seen, none was excluded either
    assert said(around(-1.0, 2)).replication == "OPEN HERE" and said(around(-1.0, 2)).replication_p == (1.0, 1.0)


@pytest.mark.parametrize(
    ("gains", "verdict", "open_share"),
    [
        ((6.0, 5.0, 4.0, 3.0), "REPRODUCED", (1.0, 1.0)),
        ((6.0, 5.0, 4.0, 0.0), "REPRODUCED", (0.75, 0.75)),
        ((6.0, 5.0, 0.0, 0.0), "NOT_REPRODUCED", (0.5, 0.5)),
        ((6.0, 5.0, 1.2, 0.0), "INCONCLUSIVE", (0.5, 0.75)),
    ],
)
def test_a_share_is_shown_by_the_partial_conjunction_test(
    gains: tuple[float, ...], verdict: str, open_share: tuple[float, float]
) -> None:
    recipes = dict(zip("abcd", (around(gain, 4) for gain in gains), strict=True))
    found = judge(claim_of({**SHARE, "at_least_share": 0.75}), scores_of(recipes))
    assert (found.verdict, found.interval) == (verdict, open_share)
    table = {row.threshold_points: row for row in found.evidence.sensitivity}
    assert list(table) == [0.0, 0.5, 1.0, 1.5, 2.0] and table[1.0].verdict == verdict
    assert table[1.0].above / 4 == open_share[0] and table[2.0].above <= table[0.0].above
    assert list(table[1.0].at_shares) == [0.5, 0.75, 1.0] and table[1.0].at_shares[0.75] == verdict
    by_half = table[1.0].at_shares[0.5]
    assert by_half == ("REPRODUCED" if open_share[0] >= 0.5 else "NOT_REPRODUCED")
    assert table[1.0].at_shares[1.0] == ("REPRODUCED" if open_share[0] == 1 else "NOT_REPRODUCED")


def test_leaving_out_seeds_of_what_does_not_gain_raises_no_share() -> None:
    recipes = {name: around(gain, 4) for name, gain in zip("abcd", (6.0, 5.0, 0.0, 0.0), strict=True)}
    claim, whole = claim_of({**SHARE, "at_least_share": 0.75}), scores_of(recipes)
    assert judge(claim, whole).verdict == "NOT_REPRODUCED"
    kept = {pair: {s: p for s, p in by.items() if s > 1 or pair[0] not in "cd"} for pair, by in whole.by_pair.items()}
    cells = frozenset((*pair, seed) for pair, by in kept.items() for seed in by)
    for scores in (replace(whole, by_pair=kept), replace(whole, by_pair=kept, cells=cells)):
        found = judge(claim, scores)
        assert (found.verdict, found.interval, found.measured) == ("UNDERPOWERED", (0.5, 1.0), 0.5)
        assert "no seed of c, d counts: open, and still of the 4" in found.reasons
        assert any(reason.startswith("seeds 2, 3, 4 did not count") for reason in found.reasons)
        assert found.evidence.sensitivity[0].of == 4 and "2 of 4 recipes" in found.evidence.sentence
    elsewhere = claim_of({**SHARE, "at_least_share": 0.75}, {"encoder": "another", "data": "some rows"})
    assert hold_replications([judge(elsewhere, replace(whole, by_pair=kept))])[0].replication == "OPEN HERE"


def test_seeds_out_of_the_order_are_named_and_the_way_out_too() -> None:
    rows = [
        {"recipe": recipe, "target": "xnli", "seed": seed, "score": 50.0 + gain}
        for recipe, gain in (("none", 0.0), ("mnli", 7.5))
        for seed in (10, 20, 30)
    ]
    found = judge(claim_of(GAIN), Scores.from_rows(rows, **HERE))
    assert (found.verdict, found.note) == ("UNDERPOWERED", "nothing measured")
    assert "order is 1, 2, 3, 4, 5, 6, 7, 8, and seed 1 is not there" in found.reasons[0]
    assert "(10, 20, 30)" in found.reasons[0] and "Design(looks=..., order=...)" in found.reasons[0]


def test_partial_conjunction_by_hand() -> None:
    # 4 p values: at least 1 false by 4 p_(1), at least 2 by the larger of that and 3 p_(2), ...
    p_values = [0.03, 0.001, 0.2, 0.004]
    assert [partial_p(p_values, k) for k in range(6)] == pytest.approx([0.0, 0.004, 0.012, 0.06, 0.2, 1.0])
    assert partial_p([0.04, 0.01], 2) == pytest.approx(0.04) and partial_p([0.02, 0.021], 2) == pytest.approx(0.04)


def test_an_unknown_number_of_runs_counts_as_one_and_the_row_says_so() -> None:
    scores = scores_of({"mnli": around(3.0, 4)})
    one, unknown = (judge(claim_of(GAIN, n_claim=n), scores) for n in (1, None))
    assert (one.verdict, one.p_value) == (unknown.verdict, unknown.p_value) == ("NOT_REPRODUCED", one.p_value)
    assert any("not known: it counts as one" in reason for reason in unknown.reasons) and len(one.reasons) == 1


def test_a_design_of_ones_own_decides_which_seeds_count() -> None:
    scores = scores_of({"mnli": [7.4, 7.6, 7.5, 0.0, 7.45]})
    design = Design(looks=(4,), order=(5, 3, 2, 1))
    assert judge(claim_of(GAIN), scores).verdict == "INCONCLUSIVE"
    found = judge(claim_of(GAIN), scores, design=design)
    assert (found.verdict, found.n_seeds) == ("REPRODUCED", 4)
    assert any(reason.startswith("seed 4 did not count") for reason in found.reasons)


def test_where_every_seed_has_a_collapsed_cell_the_claim_stays_open() -> None:
    """None is left without them, which is no verdict and no error."""
    scores = replace(scores_of({"a": around(6.0, 4)}), collapsed=frozenset(("a", "xnli", seed) for seed in range(1, 5)))
    found = judge(claim_of(GAIN | {"recipe": "a"}), scores)
    assert found.verdict == "INCONCLUSIVE" and "UNDERPOWERED without its seed" in " ".join(found.reasons)


def test_a_claim_on_retrieval_and_other_targets_is_replicated_by_the_others() -> None:
    """What retrieval alone gains or loses is a matter of how the encoder was aligned, and says nothing here."""
    rows = []
    for seed, noise in enumerate(NOISE[:4], 1):
        for target, gain in (("xnli", -2.0), ("tatoeba", 20.0)):
            rows.append({"recipe": "none", "target": target, "seed": seed, "score": 50.0})
            rows.append({"recipe": "mnli", "target": target, "seed": seed, "score": 50.0 + gain + noise})
    both = GAIN | {"targets": ["xnli", "tatoeba"]}
    elsewhere = {"encoder": "another", "data": "some rows"}
    scores = Scores.from_rows(rows, **HERE)
    assert scores.retrieval == frozenset({"tatoeba"})
    without = Design(replication_over="learnt targets without retrieval")

    def said(claim: Claim, design: Design) -> ClaimVerdict:
        return hold_replications([judge(claim, scores, design=design)])[0]

    whole, other = (said(claim_of(both, elsewhere), design) for design in (Design(), without))
    assert (whole.replication, other.replication) == ("HOLDS HERE", "OPPOSITE HERE")
    assert whole.measured == other.measured and any("tested without tatoeba, where" in why for why in other.reasons)
    assert not any("tested without" in why for why in whole.reasons)
    assert (whole.replicated, whole.replicated_without, other.replicated_without) == (None, [], ["tatoeba"])
    assert other.replicated and other.replicated.values == pytest.approx(dict(enumerate(around(-2.0, 4), 1)))
    assert other.replicated.interval and other.replicated.interval[1] < 0 < (other.measured or 0)
    alone = claim_of(GAIN | {"targets": ["tatoeba"]}, elsewhere)
    assert said(alone, without).replication == said(alone, Design()).replication == "HOLDS HERE"
    in_scope = judge(claim_of(both), scores, design=without)
    assert in_scope == judge(claim_of(both), scores), "in its scope a claim is judged as it was published"


def test_a_target_that_the_baseline_never_learnt_replicates_nothing() -> None:
    rows = []
    for seed, noise in enumerate(NOISE[:4], 1):
        for target, gain in (("xnli", 2.0), ("pawsx", -9.0)):
            rows.append({"recipe": "none", "target": target, "seed": seed, "score": 50.0})
            rows.append({"recipe": "mnli", "target": target, "seed": seed, "score": 50.0 + gain + noise})
    claim = claim_of(GAIN | {"targets": ["xnli", "pawsx"]}, {"encoder": "another", "data": "some rows"})
    design = Design(replication_over="learnt targets without retrieval")

    def said(seeds: set[int], targets: tuple[str, ...] = ("pawsx",)) -> ClaimVerdict:
        collapsed = frozenset(("none", target, seed) for target in targets for seed in seeds)
        scores = replace(Scores.from_rows(rows, **HERE), collapsed=collapsed)
        return hold_replications([judge(claim, scores, design=design)])[0]

    never = said({1, 2, 3, 4})
    assert never.replication == "HOLDS HERE" and never.measured == pytest.approx(-3.5 + 0.0125)
    assert any("tested without pawsx (not learnt by none: pawsx), where it is +2.0" in why for why in never.reasons)
    assert never.replicated_without == ["pawsx"] and said({1, 2, 3}).replicated is None
    assert said({1, 2, 3}).replication == "OPEN HERE", "learnt once: a collapsed cell like any other"
    rows = [row for row in rows if (row["recipe"], row["target"], row["seed"]) != ("mnli", "pawsx", 4)]
    assert not said({1, 2, 3}).replicated_without, "a recipe's cell that is withheld hides no seed of the baseline's"
    assert said({1, 2, 3, 4}).replicated_without == ["pawsx"]
    both = said({1, 2, 3, 4}, ("xnli", "pawsx"))
    assert both.replication == "OPEN HERE", "nothing is left to replicate by"
