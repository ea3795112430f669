"""What every kind of claim has in common: the base of its record, and what the rest of the program asks of it.

A kind is a record: its fields are filled from reference/claims.yaml, its methods say everything else about it. A check
is data: there is no expression language, so a claim can't compute anything but what a kind knows how to measure or look
up. A method that takes `n_claim` takes the number of runs behind the published number, None where there is none.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from harness.project.params import BASELINE
from harness.project.records import StrictRecord
from harness.verify.claims.arithmetic import Steps
from harness.verify.claims.choosing import Choice
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.facts import Facts, Finding, Lacking
from harness.verify.claims.kinds.pieces import OWN, ProjectFiles, ScoreRow
from harness.verify.claims.measurement import Measurement, Outcome
from harness.verify.published.rows import PublishedRow
from harness.verify.scores import Scores, mean_gain, mean_over
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.decision import verdict_chances
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import Interval

Group = Literal["measured", "fact", "untestable"]


class Check(StrictRecord, ABC):
    """What decides one claim. Its numbers are finite: an endless band would hold everything, one around NaN nothing."""

    model_config = ConfigDict(allow_inf_nan=False)

    kind: str
    """The kind, as the registry calls it."""

    group: ClassVar[Group]
    """Is it decided by scores, by facts of the data, or by nothing?"""
    states_gain: ClassVar[bool] = False
    """Does the claim state an amount of gain? It then needs the number of runs behind it."""
    unit: ClassVar[Literal["points", "share"]] = "points"
    """Unit of the measured value: points of score, or a share of recipes from 0 to 1."""

    @property
    def measured(self) -> Measured | None:
        """This check if it is decided by scores, else None."""
        return None

    @property
    def fact(self) -> Fact | None:
        """This check if it is decided without a run, else None."""
        return None

    @property
    @abstractmethod
    def why(self) -> str:
        """Why this check stands for the claim's words, or why nothing can decide it."""

    @abstractmethod
    def expects(self, n_claim: int | None) -> str | None:
        """What the claim expects, as the table prints it, in points unless it says otherwise; None where nothing."""

    @abstractmethod
    def rule(self, n_claim: int | None) -> str:
        """The rule that decides the claim, as a sentence."""

    def margin_points(self, n_claim: int | None) -> float | None:
        """The margin d in points of a claim that states a gain; None for the others."""
        return None


class Measured(Check):
    """A check that is decided by scores."""

    targets: list[str] = Field(min_length=1)
    """What is measured is averaged over these."""
    baseline: str = OWN
    """What is compared with: `own`, scores of the same run, or the row of reference/paper.yaml that it is over."""
    reason: str
    """Why these recipes, targets and numbers stand for the claim's words."""

    group: ClassVar[Group] = "measured"
    chooses: ClassVar[bool] = False
    """Does each target choose a recipe? It then needs development sets or halves of test items."""
    may_be_published: ClassVar[bool] = False
    """May the baseline be a published row?"""
    one_mean: ClassVar[bool] = True
    """Is one mean over seeds judged? Otherwise each recipe is judged by itself."""
    rows_by_recipe: ClassVar[bool] = True
    """Has a derivation's table rows by recipe and target, with a summary of each recipe below?"""
    on_development: ClassVar[bool] = True
    """Can it be measured on development sets in place of test sets? Else no claim on these has such a check."""
    replicates: ClassVar[bool] = True
    """Out of scope, does a gain of the claimed sign mean that what the claim says holds?"""

    @field_validator("targets", "recipes", "beside", check_fields=False)
    @classmethod
    def _named_once(cls, names: list[str]) -> list[str]:
        """A name that stands twice would count twice in every mean."""
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"expected each name once, but `{twice}` stands there {names.count(twice)} times")
        return names

    @field_validator("recipe", "recipes", "beside", check_fields=False)
    @classmethod
    def _not_the_baseline(cls, named: str | list[str]) -> str | list[str]:
        if BASELINE in ([named] if isinstance(named, str) else named):
            raise ValueError(
                f"expected recipes to measure, but `{BASELINE}` is the baseline that they are compared with"
            )
        return named

    @field_validator("baseline")
    @classmethod
    def _own_unless_it_may_be_published(cls, named: str) -> str:
        if named != OWN and not cls.may_be_published:
            raise ValueError(f"expected `{OWN}`, as this kind compares scores of one run")
        return named

    @property
    def measured(self) -> Measured:
        """This check."""
        return self

    @property
    def why(self) -> str:
        """The reason in the registry."""
        return self.reason

    @property
    @abstractmethod
    def named_recipes(self) -> list[str]:
        """The recipes that the check measures."""

    @property
    def shown_beside(self) -> list[str]:
        """Recipes whose gain is shown beside, where they were run; the verdict doesn't need them."""
        return []

    def compared_with(self, recipe: str) -> str:
        """What a recipe's scores are compared with: the baseline, unless the kind says otherwise."""
        return BASELINE

    def needed(self, recipes: Iterable[str]) -> list[str]:
        """These recipes of the check and what each is compared with, each once."""
        return list(dict.fromkeys(needed for recipe in recipes for needed in (recipe, self.compared_with(recipe))))

    def values(self, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
        """Seed -> what is measured over these recipes and targets, in points; seeds that lack a score are left out.

        Unless the kind says otherwise: the mean over recipes of the mean gain over targets.
        """
        gains = [mean_gain(scores, recipe, targets, self.compared_with(recipe)) for recipe in recipes]
        return mean_over(gains, scores.seeds)

    def own_values(self, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
        """The same against this run's baseline, where `values` is against a published one; else empty."""
        return {}

    def lacks_baseline(self, scores: Scores) -> str | None:
        """Why the published baseline can't be compared with, in a sentence; None where it can, or none is named."""
        return None

    def untested_languages(self, scores: Scores) -> list[str]:
        """Languages that the check names and none of its targets is tested in."""
        return []

    def remarks(self, found: Measurement, scores: Scores) -> list[str]:
        """What a reader must know of how it was measured, in sentences."""
        return []

    def baseline_in_words(self, published: Mapping[str, PublishedRow]) -> str:
        """What is compared with, and where it stands."""
        against = dict.fromkeys(self.compared_with(recipe) for recipe in self.named_recipes)
        return f"{OWN}: scores of the same run with {', '.join(against)}, seed by seed"

    @abstractmethod
    def band(self, n_claim: int | None) -> Interval:
        """What counts as reproduced, in points (unit `share`: in shares of recipes)."""

    def supposed_points(self, off: float, step: float, n_claim: int | None) -> float:
        """The true value in points that a plan supposes: as claimed, or `off` margins towards an edge of the band.

        A claim that states no amount is supposed to hold by `step` points, its margin for this purpose.
        """
        band = self.band(n_claim)
        if math.isfinite(band.low) and math.isfinite(band.high):
            return (band.low + band.high) / 2 + off * (band.high - band.low) / 2
        inside = step * (1 - off)
        return band.low + inside if math.isfinite(band.low) else band.high - inside

    def chance(self, true_points: float, sigma: float, n: int, n_claim: int | None, design: Design = STANDARD) -> float:
        """P(REPRODUCED) at look `n` where that is the true value and one seed's value scatters by `sigma` points."""
        return verdict_chances(true_points, sigma, n, self.band(n_claim), design).reproduced

    def pilot(self, found: Measurement) -> list[list[float]]:
        """What scatters from seed to seed: the judged value at each seed; of each recipe where it is judged alone."""
        samples = [found.values] if self.one_mean else [*found.by_recipe.values()]
        return [list(values.values()) for values in samples]

    @abstractmethod
    def outcome(self, found: Measurement, scores: Scores, n_claim: int | None, design: Design = STANDARD) -> Outcome:
        """What the rule gives on what was measured, by the looks of the design; scope and gaps of the grid are not
        looked at.
        """

    @abstractmethod
    def formula(self) -> str:
        """What is computed, one value per seed s; A is the mean over the targets."""

    @abstractmethod
    def measured_in_words(self) -> str:
        """What is measured, in plain words."""

    @abstractmethod
    def recipes_in_words(self) -> str:
        """The recipes and what each is compared with."""

    @abstractmethod
    def threshold_in_words(self, n_claim: int | None) -> list[tuple[str, str]]:
        """What was fixed before running, as labelled sentences."""

    @abstractmethod
    def sentence(self, found: Measurement, overall: Aggregate | None, without_retrieval: Aggregate | None) -> str:
        """What was measured, as the first half of a sentence; average gains with both averages."""

    def gains_by_recipe(self, found: Measurement, scores: Scores) -> dict[str, dict[int, float]]:
        """Recipe -> seed -> its mean gain in points over the targets, as evidence."""
        return {r: mean_gain(scores, r, found.targets, self.compared_with(r)) for r in found.recipes}

    def choices(self, found: Measurement, scores: Scores) -> dict[str, Choice]:
        """Target -> what it takes at each seed; empty where nothing is chosen."""
        return {}

    def score_rows(
        self, recipes: Sequence[str], targets: Sequence[str], seeds: Sequence[int], evidence: Evidence
    ) -> list[ScoreRow]:
        """The rows of the derivation's table of scores."""
        measured = [recipe for recipe in self.named_recipes if recipe in recipes]
        return [ScoreRow([r, t], dict.fromkeys(seeds, r), t, self.compared_with(r)) for r in measured for t in targets]

    @abstractmethod
    def arithmetic(self, evidence: Evidence, n_claim: int | None) -> Steps:
        """From the values per seed to what the rule gives, a line each with its numbers put in; empty without any."""

    def over_in_words(self) -> str:
        """What one score is, before recipes are compared."""
        return "the mean over the targets" if len(self.targets) > 1 else f"the score on {self.targets[0]}"


class Fact(Check):
    """A check that is decided without a run, by what the project's files say of the published data."""

    group: ClassVar[Group] = "fact"

    @property
    def fact(self) -> Fact:
        """This check."""
        return self

    @abstractmethod
    def files(self) -> ProjectFiles:
        """The files that it is decided by."""

    def decide(self, facts: Facts) -> Finding:
        """The verdict with its evidence; NOT_TESTED with what is lacking where the files don't say it."""
        try:
            return self.look_up(facts)
        except Lacking as lacking:
            return lacking.finding

    @abstractmethod
    def look_up(self, facts: Facts) -> Finding:
        """The same where everything that is needed is there. Raises Lacking where it is not."""

    @abstractmethod
    def decided_by(self) -> str:
        """What decides it, in plain words, with what the claim expects."""

    def rule(self, n_claim: int | None) -> str:
        """The rule of every fact."""
        return (
            "CONFIRMED if what the pins of the published files, the profile or public documents say is what the claim"
            " says, REFUTED if it is something else, NOT_TESTED where nothing says it."
        )

    def sentence(self, finding: Finding, conclusion: str) -> str:
        """What was found, for people; `conclusion` ends it."""
        return f"found: {finding.found or 'nothing'}; {conclusion}"


class LookedUp(Fact):
    """A fact with the registry's reason."""

    reason: str
    """Why this stands for the claim's words."""

    @property
    def why(self) -> str:
        """The reason in the registry."""
        return self.reason
