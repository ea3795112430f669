"""Parts of the record of `harness study`, each made from scores by a pure function.

What decides a replication, what the design could have seen, and gains by language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.pages.means import Average, SeedMean, average, seed_mean
from harness.project.params import BASELINE
from harness.project.records import Record
from harness.verify.languages.degradation import gains_by_language
from harness.verify.languages.registration import Language, Level, Registration
from harness.verify.scores import Scores, ScoresTable, mean_gain, mean_over
from harness.verify.statistics.aggregate import Aggregate, aggregate
from harness.verify.statistics.design import Design
from harness.verify.statistics.power import pilot_spreads, smallest_gain
from harness.verify.verdicts.planted import published
from harness.verify.verdicts.replication import not_deciding
from harness.verify.verdicts.verdict import ClaimVerdict


class Deciding(Record):
    """The targets that replications are tested over, and what each recipe gains on them."""

    targets: list[str]
    """They; all targets where the design or the grid knows no others."""
    retrieval: list[str]
    """Left out: retrieval."""
    unlearnt: list[str]
    """Left out: the baseline learnt it at none of its seeds that count."""
    averages: dict[str, Average]
    """recipe -> its mean gain over them, with the 90 % interval of a single look."""
    adjusted: dict[str, Aggregate]
    """recipe -> the same over the seeds that count, with the interval adjusted for looks; without recipes that lack
    one of the targets, whose averages are not comparable."""

    @property
    def left_out(self) -> list[str]:
        """Targets of the grid that don't decide."""
        return [*self.retrieval, *self.unlearnt]


def deciding_of(scores: Scores, recipes: Sequence[str], design: Design) -> Deciding:
    """What decides, by one rule for all recipes."""
    out, unlearnt = not_deciding(scores.targets, scores, design)
    targets = [target for target in scores.targets if target not in out]
    averages = {recipe: average(scores, recipe, targets) for recipe in recipes}
    adjusted = {
        recipe: found
        for recipe in recipes
        if averages[recipe].targets == targets and (found := aggregate(mean_gain(scores, recipe, targets), design))
    }
    return Deciding(
        targets=targets,
        retrieval=[target for target in out if target in scores.retrieval],
        unlearnt=[target for target in unlearnt if target not in scores.retrieval],
        averages=averages,
        adjusted=adjusted,
    )


class Sees(Record):
    """The smallest true effect, in points, that the design shows with probability 80 %."""

    alone_points: float
    """Where this claim is tested alone."""
    family_points: float | None
    """By the first, strictest step of Holm's procedure over all replications; null in the claims' scope."""
    sd_points: float
    """The spread of one seed's value that both suppose."""


def sees_of(verdicts: Sequence[ClaimVerdict], design: Design) -> dict[str, Sees]:
    """Claim -> what could have been seen of it, for claims on a mean that were tested. Spreads are moderated over the
    claims, as `harness plan --power` does.
    """
    theirs = published(verdicts)
    tests = 2 * sum(verdict.replication_p is not None for verdict in theirs)
    tested = {verdict.id: found for verdict in theirs if (found := deciding_value(verdict)) and was_tested(verdict)}
    pilot = pilot_spreads({name: [list(found.values.values())] for name, found in tested.items()})
    sees = {}
    for verdict in theirs:
        sigma = pilot.sd_points.get(verdict.id) if pilot else None
        if sigma is None or is_held(verdict, design):
            continue
        n = len(tested[verdict.id].values)
        alone = smallest_gain(sigma, n, design=design)
        family = smallest_gain(sigma, n, tests, design) if verdict.replication else None
        if alone is not None:
            sees[verdict.id] = Sees(alone_points=alone, family_points=family, sd_points=sigma)
    return sees


def is_held(verdict: ClaimVerdict, design: Design) -> bool:
    """Do collapsed cells leave its replication too few seeds to show anything?"""
    return verdict.sound_seeds is not None and verdict.sound_seeds < design.looks[0]


def has_few_seeds(verdict: ClaimVerdict, design: Design) -> bool:
    """Are there, with or without collapsed cells, too few seeds to show anything of it? Not known of a share of
    recipes, each of which has its own seeds.
    """
    return not verdict.is_share and (is_held(verdict, design) or verdict.n_seeds < design.looks[0])


def was_tested(verdict: ClaimVerdict) -> bool:
    """Was it replicated or, in its scope, judged?"""
    return verdict.replication is not None or (not verdict.is_unmeasured and verdict.verdict != "NOT_TESTED")


def deciding_value(verdict: ClaimVerdict) -> Aggregate | None:
    """The value that a claim's replication was tested by; None for shares, and where nothing was measured."""
    return None if verdict.is_share else verdict.replicated or verdict.evidence.overall


class LanguageGains(Record):
    """The gains of one language."""

    code: str
    """Its code."""
    language: Language
    """Its resources."""
    level: Level
    """Low-resource or not, as registered."""
    gains: dict[str, SeedMean | None]
    """recipe -> its mean gain over the language's targets; null where it has none."""


def languages_of(
    table: ScoresTable,
    recipes: Sequence[str],
    targets: Iterable[str],
    known: Mapping[str, Language],
    source: str,
    registration: Registration,
) -> list[LanguageGains]:
    """Gains on these targets by language, from little pretraining text to much. A language that is not `known` has no
    resources to be ordered by, and is left out.
    """
    gains = gains_by_language(table, list(targets))
    codes = {code for recipe, _, code in gains if recipe in recipes and code in known}
    in_order = sorted(codes, key=lambda code: (known[code].cc100_gib or 0.0, code))

    def gain(recipe: str, code: str) -> SeedMean | None:
        maps = [by_seed for key, by_seed in gains.items() if (key[0], key[2]) == (recipe, code)]
        return seed_mean(mean_over(maps, table.seeds))

    return [
        LanguageGains(
            code=code,
            language=known[code],
            level=registration.level(known[code], code == source),
            gains={recipe: gain(recipe, code) for recipe in recipes},
        )
        for code in in_order
    ]


def collapsed_on(table: ScoresTable) -> dict[str, dict[str, int]]:
    """recipe -> target -> number of its cells that collapsed, where one did."""
    found: dict[str, dict[str, int]] = {}
    for row in table.cells:
        if row.status == "collapsed":
            on = found.setdefault(row.cell.recipe, {})
            on[row.cell.target] = on.get(row.cell.target, 0) + 1
    return found


def unavailable_by_reason(scores: Scores) -> dict[str, list[str]]:
    """Why data may not be had or used -> the recipes, or "recipe on target"."""
    found: dict[str, list[str]] = {}
    for (recipe, target), reason in scores.unavailable.items():
        name = f"{recipe} on {target}" if recipe in scores.recipes else recipe
        if name not in found.setdefault(reason, []):
            found[reason].append(name)
    return found


def baseline_of(scores: Scores) -> dict[str, SeedMean | None]:
    """target -> score without intermediate training; null where no seed has one."""
    return {target: seed_mean(scores.by_pair.get((BASELINE, target), {})) for target in scores.targets}
