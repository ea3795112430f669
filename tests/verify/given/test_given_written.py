"""Claims written into a file are the claims that were judged, to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.project.errors import HarnessError
from harness.verify.given.claim import GivenClaim, claim_in_words
from harness.verify.given.claims_file import design_of, read_claims_file
from harness.verify.given.words import LARGEST, Amount, Bound, Count, Expected, parse_claim
from harness.verify.given.written import claims_as_file, claims_text, in_words

points = st.floats(-LARGEST, LARGEST, allow_nan=False)
expected = st.one_of(
    st.builds(Amount, points=points, margin_points=st.floats(1e-12, LARGEST)),
    st.builds(Bound, side=st.sampled_from([">=", "<="]), points=points),
    st.builds(
        Count, k=st.integers(1, 9), of=st.just(9), over=st.sampled_from([None, "tasks", "methods"]), points=points
    ),
)


@given(expected)
def test_the_words_of_what_is_expected_are_read_back_to_the_last_digit(one: Expected) -> None:
    assert parse_claim(in_words(one)).expected == one


@pytest.mark.parametrize(
    "words", ["+3.5 +- 0.5", "mnli: >= +1", "no gain above 0.5", "a b > c:d", "8 of 9 tasks above 1"]
)
def test_a_file_holds_the_claims_that_were_judged(words: str, tmp_path: Path) -> None:
    claim = claim_in_words(words, 7, None, 3).model_copy(update={"tasks": ["null", "x: y", "1"]})
    path = tmp_path / "claims.yaml"
    kept = claims_as_file([claim], baseline="no", split="test", tasks=["x: y"], languages=["no"], design=design_of([5]))
    path.write_text(claims_text(kept), encoding="utf-8")
    read = read_claims_file(path)
    assert read == kept and [one.read() for one in read.claims] == [claim]
    assert (read.baseline, read.languages, read.looks) == ("no", ["no"], [5])


def test_a_claim_that_no_file_can_hold_is_told() -> None:
    claim = GivenClaim(id="two words", says="x", expected=Amount(points=1, margin_points=1))
    with pytest.raises(HarnessError, match="two words"):
        claims_as_file([claim])
