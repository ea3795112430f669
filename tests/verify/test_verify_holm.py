"""Holm's step-down, against its definition as a closed test, and what it does to verdicts."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import PUBLISHED, Make, claim, judge, keep_claims, planted

from harness.verify.statistics.holm import adjust
from harness.verify.verdicts.accusations import hold_accusations
from harness.verify.verdicts.verdict import ClaimVerdict


def closed_test(p_values: list[float]) -> list[float]:
    """The definition: a claim falls where every set of claims with it falls by Bonferroni's bound."""
    places = range(len(p_values))
    sets = [chosen for size in range(1, len(p_values) + 1) for chosen in combinations(places, size)]
    return [
        max(min(1.0, len(chosen) * min(p_values[j] for j in chosen)) for chosen in sets if place in chosen)
        for place in places
    ]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=7))
def test_adjusted_p_values_are_those_of_the_closed_test(p_values: list[float]) -> None:
    assert adjust(p_values) == pytest.approx(closed_test(p_values))


def test_by_hand() -> None:
    assert adjust([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert adjust([]) == [] and adjust([0.2]) == [0.2]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_order_does_not_matter_and_no_p_value_falls(p_values: list[float], random: object) -> None:
    adjusted = adjust(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    assert adjust(p_values[::-1]) == adjusted[::-1]


def verdict(word: str, p: float | None, kind: str = "gain") -> ClaimVerdict:
    fields = {"id": "x", "text": "", "kind": kind, "expected": None, "margin": None, "reasons": ["alone"]}
    fields["evidence"] = {"rule": "", "sentence": f"a claim: {word} (weaker)"}
    return ClaimVerdict.model_validate(fields | {"verdict": word, "p_value": p})


def test_an_accusation_that_does_not_survive_is_inconclusive() -> None:
    family = [verdict("NOT_REPRODUCED", 0.02), verdict("NOT_REPRODUCED", 0.001), verdict("REPRODUCED", 0.9)]
    family += [verdict("NOT_TESTED", 0.001), verdict("NOT_REPRODUCED", None, "count")]  # another scope; a fact
    weak, strong, kept, outside, fact, _ = hold_accusations([*family, verdict("INCONCLUSIVE", 0.2)])
    assert weak.verdict == "INCONCLUSIVE" and weak.p_adjusted == pytest.approx(0.08)
    assert weak.evidence.sentence == "a claim: INCONCLUSIVE (weaker, not after Holm's step-down over 5 claims)"
    assert weak.reasons[0] == "alone" and "5 measured claims" in weak.reasons[1] and "p = 0.080" in weak.reasons[1]
    assert strong.verdict == "NOT_REPRODUCED" and strong.p_adjusted == pytest.approx(0.005)
    assert kept.verdict == "REPRODUCED" and kept.reasons == ["alone"]
    assert (outside, fact) == (family[3], family[4])


def test_verify_accuses_only_what_survives_beside_the_other_claims(make_project: Make) -> None:
    """The same weak gain of HellaSwag: alone it is an accusation, among four claims it is not."""
    gains = PUBLISHED | {"hellaswag": 3.0}
    project = make_project().run(planted(gains, noise=(-0.5, 0.0, 0.4)))
    project.claim_here()
    keep_claims(project, "squad-gain", "mnli-gain", "hellaswag-gain", "multi-gain")
    among = claim(judge(project), "hellaswag-gain")
    keep_claims(project, "hellaswag-gain")
    found = judge(project)
    alone = claim(found, "hellaswag-gain")
    assert alone.verdict == "NOT_REPRODUCED" and found.exit_code == 1
    assert alone.p_value is not None and alone.p_value == alone.p_adjusted and alone.p_value <= 0.05
    assert among.verdict == "INCONCLUSIVE" and among.p_adjusted == pytest.approx(4 * alone.p_value)
    assert among.note == "weaker, not after Holm" and "no accusation" in among.reasons[-1]
