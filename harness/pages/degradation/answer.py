"""The answer of `harness degradation` in plain words, each sentence chosen by the record's numbers.

Where encoder and data are not those of the question, the answer is about what was run, and says so first.
"""

from __future__ import annotations

from harness.verify.languages.records import Degradation, Effect
from harness.verify.languages.registration import Level
from harness.verify.show.table import show_points
from harness.verify.statistics.intervals import FEWEST_SEEDS

MOST_NAMED = 3
"""So many targets or recipes are named in a sentence."""


def answer(found: Degradation) -> str:
    """The answer to the question in plain words, with its numbers, its uncertainty and its reach."""
    parts = (_reach, _on_low, _without_one, _on_difference, _on_weights, _on_slope, _without_retrieval, _on_shares)
    return " ".join(sentence for part in parts if (sentence := part(found)))


def _reach(found: Degradation) -> str:
    if found.in_scope:
        return f"{found.encoder} on {found.data}:"
    scope = found.registration.scope
    return (
        f"This is about {found.encoder} on {found.data}; how far training degrades {scope.encoder} on {scope.data}, "
        "which is what the question asks, it can't say."
    )


def _on_low(found: Degradation) -> str:
    low, n = found.average.low, sum(level == "low" for level in found.levels.values())
    recipes = f"over {len(found.averaged)} recipe{'s' if len(found.averaged) != 1 else ''}"
    if low is None:
        return "Nothing here compares low-resource with other languages on the same target."
    number = f"the mean gain {recipes} on {n} low-resource languages is {points(low)}"
    if low.interval is None:
        return f"Undecided: {number}; seeds or languages are too few for an interval."
    if low.direction == "down":
        return f"Intermediate training DEGRADES low-resource languages: {number}{_losers(found)}."
    if low.direction == "up":
        return f"Intermediate training does NOT degrade low-resource languages on average, it helps them: {number}."
    return (
        f"NO degradation of low-resource languages is shown on average, nor is it excluded: {number}, so a mean loss "
        f"of more than {-low.interval.low:.1f} points is ruled out (at 5 %, one-sided)."
    )


def _losers(found: Degradation) -> str:
    """Which recipes lose by themselves, where not all do."""
    every = {result.recipe: result.effects.low for result in found.averaged}
    down = [recipe for recipe, low in every.items() if low is not None and low.direction == "down"]
    if len(down) == len(every):
        return ""
    named = f" ({', '.join(down)})" if down else ""
    verb = "shows" if len(down) == 1 else "show"
    return f"; each by itself, {len(down)} of {len(every)} {verb} a loss{named}"


def _without_one(found: Degradation) -> str:
    """The recipe that moves a clear mean most, where that is by more than a quarter of it or makes it unclear."""
    low = found.average.low
    there = {recipe: effect for recipe, effect in found.low_without.items() if effect is not None}
    if low is None or low.direction not in ("down", "up") or not there:
        return ""
    most = max(there, key=lambda recipe: abs(there[recipe].value - low.value))
    rest = there[most]
    if abs(rest.value - low.value) <= abs(low.value) / 4 and rest.direction == low.direction:
        return ""
    return f"Much of that hangs on {most}: without it the mean is {points(rest)}."


def _on_difference(found: Degradation) -> str:
    difference, other = found.average.difference, found.average.other
    if difference is None or other is None or difference.interval is None:
        return ""
    words = {
        "down": "low-resource languages fare worse than the others",
        "up": "low-resource languages fare better than the others",
        "unclear": "low-resource languages do not clearly fare differently from the others",
    }
    return f"On the same targets {words[str(difference.direction)]} ({points(other)}): difference {points(difference)}."


def level_weights(found: Degradation) -> dict[str, float]:
    """target -> how much of the levels' means and their difference it makes: n_low n_other / (n_low + n_other) of its
    zero-shot languages, of 1 over all targets. Empty where none has both levels.
    """
    raw = {}
    for target, (low, other) in level_counts(found).items():
        raw[target] = low * other / (low + other) if low and other else 0.0
    total = sum(raw.values())
    return {target: weight / total for target, weight in raw.items()} if total else {}


def level_counts(found: Degradation) -> dict[str, tuple[int, int]]:
    """target -> its zero-shot languages with a gain: low-resource ones and others."""
    counts = {}
    for target in found.targets:
        pairs = [pair for result in found.averaged for pair in result.pairs if pair.target == target]
        levels = {pair.language: pair.level for pair in pairs}
        counts[target] = sum(of == "low" for of in levels.values()), sum(of == "other" for of in levels.values())
    return counts


def _on_weights(found: Degradation) -> str:
    """The targets that make most of these numbers, where some say little or nothing."""
    ranked = sorted(level_weights(found).items(), key=lambda item: -item[1])
    rest = sum(weight for _, weight in ranked[MOST_NAMED:])
    if len(ranked) <= MOST_NAMED or rest > 1 / 3:
        return ""
    named = ", ".join(f"{target} ({weight:.0%})" for target, weight in ranked[:MOST_NAMED])
    return f"By where such languages are tested, these numbers are mostly those of {named}."


def _on_slope(found: Degradation) -> str:
    slope = found.average.slope
    if slope is None or slope.interval is None:
        return ""
    words = {
        "up": "The less pretraining text, the smaller the gain",
        "down": "The less pretraining text, the larger the gain",
        "unclear": "The gain does not clearly follow the amount of pretraining text",
    }
    return f"{words[str(slope.direction)]}: {points(slope)} per tenfold text."


def _without_retrieval(found: Degradation) -> str:
    others = found.average_without_retrieval
    if others is None or others.low is None:
        return ""
    low = found.average.low
    less = low is not None and low.direction == "down" and others.low.direction != "down"
    none = "Without BUCC and Tatoeba no loss of theirs is shown" if less else "Without BUCC and Tatoeba"
    return (
        f"{none}: low-resource {points(others.low)}, difference {points(others.difference)}, slope "
        f"{points(others.slope)}."
    )


def _on_shares(found: Degradation) -> str:
    levels: tuple[tuple[Level, str], ...] = (("low", "low-resource"), ("other", "other"))
    degraded = found.registration.degraded
    parts = []
    lossy = [r.recipe for r in found.averaged if any(r.shares[level].degraded for level, _ in levels)]
    is_named = 0 < len(lossy) <= MOST_NAMED and len(lossy) < len(found.averaged)
    where = f", all of them of {', '.join(lossy)}" if is_named else ""
    for level, word in levels:
        shares = [result.shares[level] for result in found.averaged]
        lost, tested = sum(share.degraded for share in shares), sum(share.tested for share in shares)
        if not tested:
            return f"No (target, language) has the {FEWEST_SEEDS} seeds that a test needs."
        parts.append(f"{lost} of {tested} gains on {word} languages ({lost / tested:.0%})")
    return (
        f"A loss of more than {-degraded.threshold_points:.1f} points is shown for {' and '.join(parts)}{where}, at a "
        f"false discovery rate of {degraded.alpha:.0%} within each recipe; {_unseen(found)}."
    )


def _unseen(found: Degradation) -> str:
    """How large a loss of one language could be without being shown."""
    if not found.sight:
        return "with few seeds small losses go unseen"
    here = found.sight[0].seeds  # then come more seeds than there are
    one = max((sight for sight in found.sight if sight.seeds == here), key=lambda sight: sight.loss_points)
    chance = f"{one.chance:.0%}" if one.chance >= 0.01 else "under 1%"
    little = "that says little, as " if one.chance < 0.5 else ""
    return f"{little}a loss of {one.loss_points:g} points would be shown with probability {chance} at {here} seeds"


def points(effect: Effect | None) -> str:
    """An effect with its interval, in points."""
    if effect is None:
        return "-"
    text = show_points(effect.value)
    interval = effect.interval
    return f"{text} [{show_points(interval.low)}, {show_points(interval.high)}]" if interval else text
