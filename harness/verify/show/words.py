"""One claim of the registry in plain words: what is measured over what, when which verdict falls, and why so.

Everything is made from the fields of the claim's check; nothing here knows a claim by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.terminal import paragraph
from harness.verify.claims.claim import Claim
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.question import Question
from harness.verify.claims.words import RETRIEVAL, TWICE
from harness.verify.published.arithmetic import Followed, arithmetic_words
from harness.verify.published.rows import PublishedRow
from harness.verify.statistics.intervals import CONFIDENCE

WIDTH = 120
"""Columns of the text."""
LABEL = 16
"""Columns of the labels."""


def explain_claim(
    claim: Claim,
    published: Mapping[str, PublishedRow] | None = None,
    arithmetic: Sequence[Followed] = (),
    width: int = WIDTH,
) -> str:
    """The claim, its source and its check as paragraphs with a label each.

    `published`: rows that a check may name as its baseline; `arithmetic`: what came out of published arithmetic.
    """
    status = "verified" if claim.verified else "not verified"
    source = claim.source
    unknown = "not known, counted as 1" if claim.check.states_gain else None
    count = unknown if source.n_claim is None else str(source.n_claim)
    runs = f"runs behind the number: {count}" if count else "no number, so no runs"
    parts = [
        ("says", f'"{claim.text}"'),
        *_origin(claim, status),
        (
            "source",
            f"{source.document}, {source.version}; {source.place}; split: {source.split}; {source.statistic}; {runs}",
        ),
        ("scope", _scope(claim)),
        *(("arithmetic", arithmetic_words(one)) for one in arithmetic if claim.id in one.claims),
        *_check(claim, published or {}),
    ]
    return paragraphs(claim.id, parts, width)


def explain_arithmetic(found: Followed, width: int = WIDTH) -> str:
    """One entry of published arithmetic as paragraphs: the word, the computation, where each number was read."""
    parts = [(found.word, found.sentence), ("claims", ", ".join(found.claims))]
    parts += [("read in", place) for place in found.read_in] + [("dated", dated) for dated in found.dates]
    return paragraphs(found.id, parts, width)


def _origin(claim: Claim, status: str) -> list[tuple[str, str]]:
    """What the table of extracted claims says of it or, of one of the laboratory's own, what was planted."""
    if claim.truth is None:
        return [("table", f"{status}, confidence {claim.confidence:.2f}")]
    return [
        ("planted", claim.truth.planted),
        ("right verdict", f"{claim.truth.verdict}: {claim.truth.reason}"),
    ]


def explain_question(question: Question, width: int = WIDTH) -> str:
    """The research question, what answers it, and why no verdict does."""
    parts = [
        ("asks", f'"{question.question}"'),
        ("source", question.source),
        ("answered by", f"`{question.answered_by}`"),
        ("why no verdict", question.reason),
        ("counted", "no: it is none of the claims"),
    ]
    return paragraphs(question.id, parts, width)


def paragraphs(title: str, parts: Iterable[tuple[str, str]], width: int = WIDTH) -> str:
    """A title line and labelled, wrapped paragraphs of `width` columns, WIDTH at most."""
    lines = [line for label, text in parts for line in paragraph(text, min(width, WIDTH), f"  {label:<{LABEL}}")]
    return "\n".join([title, *lines])


def _check(claim: Claim, published: Mapping[str, PublishedRow]) -> list[tuple[str, str]]:
    if (check := claim.measured) is not None:
        return _measured(claim, check, published)
    fact = claim.fact
    assert fact is not None
    return [("decided by", fact.decided_by()), ("rule", claim.rule()), ("why", fact.why)]


def _measured(claim: Claim, check: Measured, published: Mapping[str, PublishedRow]) -> list[tuple[str, str]]:
    return [
        ("measured", check.measured_in_words()),
        ("recipes", check.recipes_in_words()),
        ("baseline", check.baseline_in_words(published)),
        ("targets", ", ".join(check.targets)),
        ("judged on", _judged_on(claim)),
        ("formula", _formula(check)),
        (
            "interval",
            "mean(g) -+ c_n s / sqrt(n) over the first n seeds of the design, s their standard deviation, c_n the"
            f" boundary of the look at n, so that {100 * CONFIDENCE:.0f} % holds at all looks together"
            " (reference/design.yaml)",
        ),
        *_twice(check),
        *check.threshold_in_words(claim.source.n_claim),
        ("rule", claim.rule()),
        (
            "cost",
            f"`harness plan --claim {claim.id}` lists the cells it needs, `harness verify {claim.id} --run` runs them",
        ),
        ("why", check.why),
    ]


def _scope(claim: Claim) -> str:
    about = f"{claim.scope.encoder} on {claim.scope.data}"
    if claim.measured is not None:
        return f"{about}; of anything else values are shown, and the claim itself is NOT_TESTED"
    return f"{about}, as published; so it is looked at without a run, in every profile"


def _judged_on(claim: Claim) -> str:
    """The split whose scores decide, and why where the source's is another."""
    if claim.source.split != "development":
        return "test sets, as in the source"
    return (
        "test sets, though the source's split is development: test scores are computed again from stored"
        " predictions, no checkpoint was chosen by them, and every target has test rows in all its languages, while few"
        " have a development set in all of them. Where targets have one whose file is not the test file, and its"
        " scores were computed again too, the claim is decided only if the rule gives the same with these in place of"
        f" their test sets, else INCONCLUSIVE; `harness verify {claim.id} --explain` shows both"
    )


def _formula(check: Measured) -> str:
    formula = check.formula()
    means = ", A(r, s) = mean over targets t of score(r, t, s)" if "A(" in formula else ""
    return f"{formula}{means}; in points, s a seed of the whole pipeline"


def _twice(check: Measured) -> list[tuple[str, str]]:
    others = [target for target in check.targets if XTREME_GROUPS.get(target) != "retrieval"]
    if not check.one_mean or not others or len(others) == len(check.targets):
        return []
    numbers = f"over all {len(check.targets)} targets, which the verdict rests on, and over the {len(others)} without"
    return [("given twice", f"{numbers} {RETRIEVAL}. {' '.join(TWICE)}")]
