"""Claims in words: every form, as people write it, and slips that could be read in two ways."""

from __future__ import annotations

import pytest

from harness.project.errors import HarnessError
from harness.verify.given.words import FORMS, parse_claim


@pytest.mark.parametrize(
    ("words", "says", "method", "baseline"),
    [
        ("+3.5 +- 0.5", "+3.5 +- 0.5", None, None),
        ("3.5±0.5", "+3.5 +- 0.5", None, None),
        ("3.5 ± .5 points", "+3.5 +- 0.5", None, None),
        ("\N{MINUS SIGN}3.5 +/- 0.5", "-3.5 +- 0.5", None, None),
        ("-3.5\N{NO-BREAK SPACE}+- 0.5pp", "-3.5 +- 0.5", None, None),
        ("a gain of 3.5 +- 0.5", "+3.5 +- 0.5", None, None),
        ("mnli: +3.5 +- 0.5", "+3.5 +- 0.5", "mnli", None),
        ("org/a:b > c: +3.5 +- 0.5", "+3.5 +- 0.5", "org/a:b > c", None),
        (">= +1", ">= +1", None, None),
        ("≥ 1", ">= +1", None, None),
        (">1", ">= +1", None, None),
        ("mnli: at least 1 point", ">= +1", "mnli", None),
        ("no gain above 0.5", "<= +0.5", None, None),
        ("at most 0.5", "<= +0.5", None, None),
        ("<= -1", "<= -1", None, None),
        ("A > B", ">= +0", "A", "B"),
        ("A>=B", ">= +0", "A", "B"),
        ("A < B", ">= +0", "B", "A"),
        ("A > B by 2 points", ">= +2", "A", "B"),
        ("a->b > c:d", ">= +0", "a->b", "c:d"),
        ("8 of 9 above 1", "8 of 9 above +1", None, None),
        ("at least 8 of 9 methods gain more than 1", "8 of 9 methods above +1", None, None),
        ("mnli: 3 of 4 tasks > 1", "3 of 4 tasks above +1", "mnli", None),
    ],
)
def test_what_a_claim_says(words: str, says: str, method: str | None, baseline: str | None) -> None:
    found = parse_claim(words)
    assert (str(found.expected), found.method, found.baseline) == (says, method, baseline)


@pytest.mark.parametrize("form", [form for form, _ in FORMS])
def test_every_form_that_is_offered_is_one(form: str) -> None:
    assert parse_claim(form)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("+3.5", "expected a margin"),
        ("mnli: 3.5 points", "expected a margin"),
        ("+3.5 +- 0", "points above 0, found 0"),
        ("99999 +- 1", "at most 10000"),
        ("3,5 +- 0,5", "decimal point"),
        ("3.5% +- 0.5%", "without %"),
        ("no gain", "how much would be a gain"),
        ("at most 2 of 9 above 1", "the other way round"),
        ("0 of 9 above 1", "a count like"),
        ("9 of 8 above 1", "a count like"),
        ("mnli > 1", "put a colon behind its name"),
        ("mnli > mnli", "found `mnli` twice"),
        ("nan +- 1", "one of the forms"),
        ("1e3 +- 1", "one of the forms"),
        ("3.5 +- 0.5 +- 1", "one of the forms"),
        ("٣ +- 1", "one of the forms"),
        ("", "one of the forms"),
        ("9" * 5000 + " +- 1", "at most 10000"),
        ("9" * 5000 + " of 9 above 1", "one of the forms"),
    ],
)
def test_other_words_are_a_users_error(words: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message) as raised:
        parse_claim(words)
    assert len(str(raised.value)) < 500
