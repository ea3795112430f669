"""One claim of the registry in plain words: what is measured over what, when which verdict falls, and why so.

Everything is made from the fields of the claim's check; nothing here knows a claim by name.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from harness.metrics.xtreme import XTREME_GROUPS
from harness.verify.claims.checks import (
    BestOf,
    Compare,
    CountLanguages,
    CountRows,
    CountTasks,
    Gain,
    Measured,
    NoGain,
    NoSplit,
    OriginOf,
    Share,
    StartsFrom,
    Untestable,
)
from harness.verify.claims.question import Question
from harness.verify.claims.registry import Claim, margin_points
from harness.verify.claims.rules import formula, rule, target_band
from harness.verify.verdicts.evidence import RETRIEVAL

WIDTH = 120
"""Columns of the text."""
LABEL = 16
"""Columns of the labels."""
TWICE = (
    "The published retrieval baseline is weak and depends on the layer and the pooling that were chosen"
    " (reference/README.md), so gains there say as much of that choice as of the recipe.",
    "Two of the targets can so carry most of an average, and what is left of it without them is the part that does not"
    " hang on that choice.",
)
"""Why an average over all targets is given beside the one without the retrieval targets."""


def explain_claim(claim: Claim) -> str:
    """The claim, its source and its check as paragraphs with a label each."""
    status = "verified" if claim.verified else "not verified"
    source = claim.source
    runs = "no number, so no runs" if source.n_claim is None else f"runs behind the number: {source.n_claim}"
    parts = [
        ("says", f'"{claim.text}"'),
        ("table", f"{status}, confidence {claim.confidence:.2f}"),
        (
            "source",
            f"{source.document}, {source.version}; {source.place}; split: {source.split}; {source.statistic}; {runs}",
        ),
        ("scope", _scope(claim)),
        *_check(claim),
    ]
    return paragraphs(claim.id, parts)


def explain_question(question: Question) -> str:
    """The research question, what answers it, and why no verdict does."""
    parts = [
        ("asks", f'"{question.question}"'),
        ("source", question.source),
        ("answered by", f"`{question.answered_by}`"),
        ("why no verdict", question.reason),
        ("counted", "no: it is none of the claims"),
    ]
    return paragraphs(question.id, parts)


def paragraphs(title: str, parts: Iterable[tuple[str, str]]) -> str:
    """A title line and labelled, wrapped paragraphs."""
    lines = [title]
    for label, text in parts:
        head = f"  {label:<{LABEL}}"
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
        )
    return "\n".join(lines)


def _check(claim: Claim) -> list[tuple[str, str]]:
    check = claim.check
    if isinstance(check, Untestable):
        return [("decided by", "nothing that can be run"), ("rule", rule(claim)), ("why", check.undecided)]
    if not isinstance(check, Measured):
        return [("decided by", _fact(claim)), ("rule", rule(claim)), ("why", check.reason)]
    return [
        ("measured", _measured(check)),
        ("recipes", _recipes(check)),
        ("targets", ", ".join(check.targets)),
        ("judged on", _judged_on(claim)),
        ("formula", _formula(check)),
        (
            "interval",
            "mean(g) -+ t(0.95, n - 1) s / sqrt(n) over the n seeds, a 90 % interval; s their standard deviation",
        ),
        *_twice(check),
        *_margin(claim),
        ("rule", rule(claim)),
        (
            "cost",
            f"`harness plan --claim {claim.id}` lists the cells it needs, `harness verify {claim.id} --run` runs them",
        ),
        ("why", check.reason),
    ]


def _scope(claim: Claim) -> str:
    about = f"{claim.scope.encoder} on {claim.scope.data}"
    if isinstance(claim.check, Measured):
        return f"{about}; of anything else values are shown, and the claim itself is NOT_TESTED"
    return f"{about}, as published; so it is looked at without a run, in every profile"


def _measured(check: Measured) -> str:
    over = "the mean over the targets" if len(check.targets) > 1 else f"the score on {check.targets[0]}"
    match check:
        case Gain():
            return (
                f"the gain of {check.recipe} at each seed: {over}, with {check.recipe} first, minus the same with none"
            )
        case NoGain():
            first = "with the recipe first, minus the same with none"
            return f"the gain averaged over the recipes at each seed: {over}, {first}"
        case Share():
            share = "then the share of recipes that gain"
            return f"for each recipe its gain at each seed, {over} minus the same with none; {share}"
        case Compare():
            return (
                f"the difference averaged over the recipes at each seed: {over}, with the recipe, minus the same with"
                f" its {check.variant} variant"
            )
        case BestOf():
            return (
                "the gain when each target takes its own best recipe at each seed, averaged over the targets; chosen by"
                " the mean score on the source language's dev set over seeds, or where a target has none by its mean"
                " score over the other seeds"
            )


def _judged_on(claim: Claim) -> str:
    """The split whose scores decide, and why where the source's is another."""
    if claim.source.split != "development":
        return "test sets, as in the source"
    why = (
        "test sets, though the source's split is development: test scores are computed again from stored"
        " predictions, no checkpoint was chosen by them, and every target has test rows in all its languages, while few"
        " have a development set in all of them"
    )
    if not isinstance(claim.check, Gain | NoGain | Compare):
        return why
    beside = f"`harness verify {claim.id} --explain` shows the same value on development sets"
    return f"{why}. {beside}, over the targets that have them in every language, where results hold such scores"


def _formula(check: Measured) -> str:
    means = ", A(r, s) = mean over targets t of score(r, t, s)" if "A(" in formula(check) else ""
    return f"{formula(check)}{means}; in points, s a seed of the whole pipeline"


def _recipes(check: Measured) -> str:
    if isinstance(check, Gain):
        beside = f"; {', '.join(check.beside)} shown beside, where run" if check.beside else ""
        return f"{check.recipe}, against none{beside}"
    against = f"each against itself with {check.variant}" if isinstance(check, Compare) else "each against none"
    if isinstance(check, BestOf):
        against = "none too is a candidate; the gain is against none"
    return f"{', '.join(check.recipes)}; {against}"


def _twice(check: Measured) -> list[tuple[str, str]]:
    apart = [target for target in check.targets if XTREME_GROUPS.get(target) != "retrieval"]
    if isinstance(check, Share) or not apart or len(apart) == len(check.targets):
        return []
    numbers = f"over all {len(check.targets)} targets, which the verdict rests on, and over the {len(apart)} without"
    return [("given twice", f"{numbers} {RETRIEVAL}. {' '.join(TWICE)}")]


def _margin(claim: Claim) -> list[tuple[str, str]]:
    check = claim.check
    if isinstance(check, Gain | BestOf):
        return [("margin", margin_in_words(claim)), ("why this margin", check.margin.reason)]
    ends = target_band(claim)
    if isinstance(check, NoGain):
        return [("threshold", f"{ends.high:+.2f} points, fixed before running; the reason stands under `why`")]
    if isinstance(check, Share):
        fixed = (
            f"a gain above {check.threshold_points:+.2f} points, by at least {check.at_least_share:.0%} of the recipes"
        )
        return [("threshold", f"{fixed}; both fixed before running, for the reason under `why`")]
    return [("threshold", "0 points: the claim only says which is higher")]


def margin_in_words(claim: Claim) -> str:
    """How the margin d of a claimed gain is computed, with its terms."""
    check, n_claim = claim.check, claim.source.n_claim
    if not isinstance(check, Gain | BestOf):
        raise ValueError(f"a claim of kind {check.kind} has no margin")
    d = check.margin
    noise = (
        "the spread s_ref of the published number over runs is not known, so its term is left out"
        if d.reference_sd_points is None
        else f"2 x {d.reference_sd_points:g} / sqrt({n_claim})"
    )
    band, made = target_band(claim), margin_points(claim)
    return (
        f"d = max(practical {d.practical_points:g}, 2 s_ref / sqrt(n_claim), rounding {d.rounding_points:g}) = {made:g}"
        f" points ({noise}); {check.expected_points:+g} -+ {made:g} is [{band.low:+.2f}, {band.high:+.2f}]"
    )


def _fact(claim: Claim) -> str:
    match claim.check:
        case CountTasks():
            language = f" whose one language is {claim.check.language}" if claim.check.language else ""
            return (
                f"counting the {claim.check.role} tasks{language} that profiles/{claim.check.profile}.yaml uses;"
                f" the claim expects {claim.check.expected:,}"
            )
        case CountLanguages():
            return (
                "counting, for the target of"
                f" profiles/{claim.check.profile}.yaml that has most, the languages with a pinned test file; the claim"
                f" expects {claim.check.expected:,}"
            )
        case CountRows():
            return (
                f"the {claim.check.split} rows of {claim.check.task} in its source language, as counted in the fetched"
                f" files or stated by the pins; the claim expects {claim.check.expected:,}"
            )
        case OriginOf():
            named = claim.check.origin or "nothing: its words break off"
            where = f"the documented origin of {', '.join(claim.check.tasks)} (`origins` in tasks/*.yaml)"
            return f"{where}; the claim names {named}"
        case NoSplit():
            return f"the pinned files of {', '.join(claim.check.tasks)}: the claim expects no {claim.check.split} file"
        case StartsFrom():
            return (
                f"the encoder that profiles/{claim.check.profile}.yaml pins; the claim expects {claim.check.repository}"
            )
    raise ValueError(f"a claim of kind {claim.check.kind} is no fact")
