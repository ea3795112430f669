"""The gain when each target takes its own best recipe is the published one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from harness.project.errors import name_some
from harness.project.params import BASELINE
from harness.verify.claims.choosing import By, Choice, choose
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.kinds.pieces import OWN, ScoreRow
from harness.verify.claims.kinds.stated import StatedGain
from harness.verify.claims.measurement import Measurement, Outcome
from harness.verify.published.rows import PublishedRow
from harness.verify.scores import Scores, mean_over
from harness.verify.statistics.design import STANDARD, Design

REMARKS: dict[By, str] = {
    "half": "chosen on half of the test items and reported on the other half, as no development sets of all its"
    " languages are there that are not the test files and were scored again",
    "others": "left out of the choosing, having neither such development sets nor items to split; takes the recipe that"
    " the other targets favour",
    "nothing": "nothing to choose by: neither development sets of all languages nor items to split, nor other targets",
}
"""What is said of targets that don't choose by development sets."""


class BestOf(StatedGain):
    """The gain when each target takes its own best recipe is the published one."""

    kind: Literal["best_of"]
    recipes: list[str] = Field(min_length=1)
    """Candidates; the baseline `none` is always one."""
    derived_from: list[str] = Field(default_factory=list)
    """Rows of reference/paper.yaml: the first one's average minus the second one's is the published gain."""

    rows_by_recipe: ClassVar[bool] = False
    chooses: ClassVar[bool] = True
    may_be_published: ClassVar[bool] = True
    on_development: ClassVar[bool] = False  # these choose
    replicates: ClassVar[bool] = False  # where no recipe does anything, the luckiest of several beats one draw of none

    @property
    def named_recipes(self) -> list[str]:
        """The candidates beside the baseline."""
        return list(self.recipes)

    def values(self, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
        """Seed -> what the chosen recipes score, against the published baseline or, where there is none, this run's.

        Against this run's: the mean over targets of the gain on the rows that are reported. Against a published row B:
        the same + the mean over targets of none's score - B's average. (A half of the items may be easier than the
        whole, so the gain on it is added to the score of the whole.)
        """
        gains, published = self._gains(scores, recipes, targets), self._published(scores, targets)
        if published is None:
            return gains
        base = mean_over([scores.by_pair.get((BASELINE, target), {}) for target in targets], scores.seeds)
        return {seed: base[seed] + gain - published for seed, gain in gains.items() if seed in base}

    def own_values(self, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
        """The mean gain over this run's `none`, where `values` is against a published row."""
        return {} if self._published(scores, targets) is None else self._gains(scores, recipes, targets)

    def _gains(self, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
        choices = self._choose(scores, recipes)
        return mean_over([choices[target].gains for target in targets], scores.seeds)

    def _choose(self, scores: Scores, recipes: Sequence[str]) -> dict[str, Choice]:
        """Every target chooses, also where an average is over fewer, so that both averages are of the same choice."""
        return choose(scores, [BASELINE, *recipes], [target for target in self.targets if target in scores.targets])

    def _published(self, scores: Scores, targets: Sequence[str]) -> float | None:
        """The published baseline's average in points over these targets; None where it can't be compared with."""
        if self.baseline == OWN or self.lacks_baseline(scores):
            return None
        return scores.published[self.baseline].mean_over(targets)

    def lacks_baseline(self, scores: Scores) -> str | None:
        """That the published row is not there, or has no score of one of the check's targets."""
        if self.baseline == OWN:
            return None
        shown = "so what is shown is the gain over none of this run, which is not the published number"
        if self.baseline not in scores.published:
            return f"the number is over the published row `{self.baseline}`, which counts in the claim's scope, {shown}"
        if lacking := scores.published[self.baseline].lacking(self.targets):
            return f"the published row `{self.baseline}` has no score of {', '.join(lacking)}, {shown}"
        return None

    def outcome(self, found: Measurement, scores: Scores, n_claim: int | None, design: Design = STANDARD) -> Outcome:
        """As for every mean; the value against this run's baseline stands beside one against a published row."""
        outcome = super().outcome(found, scores, n_claim, design)
        beside = {"over its own none": statistics.fmean(found.own.values())} if found.own else {}
        return outcome.model_copy(update={"beside": beside})

    def remarks(self, found: Measurement, scores: Scores) -> list[str]:
        """What a choice gives by itself, targets that choose by something else than development sets, and what the
        baseline is.
        """
        targets: dict[By, list[str]] = {}
        parts: dict[str, list[str]] = {}
        for target, choice in self.choices(found, scores).items():
            if choice.lacking:
                parts.setdefault(_lacking_in_words(choice.lacking), []).append(target)
            if not (choice.lacking and choice.by == "nothing"):
                targets.setdefault(choice.by, []).append(target)
        n = len(found.recipes) + 1
        said = [f"a choice among {n} equal candidates gives a gain over one of them by itself"] if found.targets else []
        said += [f"{', '.join(names)}: {lacks}" for lacks, names in parts.items()]
        said += [f"{', '.join(names)}: {REMARKS[by]}" for by, names in targets.items() if by in REMARKS]
        if found.own:
            average = self._published(scores, found.targets)
            words = f"measured over {average:g} points, the average of the published row `{self.baseline}`"
            said.append(f"{words}; over none of the same run it is {statistics.fmean(found.own.values()):+z.1f}")
        return said

    def choices(self, found: Measurement, scores: Scores) -> dict[str, Choice]:
        """What each target takes, and by what."""
        if not found.recipes:
            return {}
        choices = self._choose(scores, found.recipes)
        return {target: choices[target] for target in found.targets}

    def formula(self) -> str:
        """The mean of paired gains of what was chosen, against which baseline."""
        gain = f"g_s = mean over targets t of score(best(t, s), t, s) - score({BASELINE}, t, s)"
        if self.baseline == OWN:
            return gain
        return f"{gain}; in the claim's scope + mean over t of score({BASELINE}, t, s) - average of `{self.baseline}`"

    def measured_in_words(self) -> str:
        """The gain of what is chosen, and how it is chosen."""
        return (
            "the gain when each target takes its own best recipe, averaged over the targets. Each seed is one run of"
            " the published procedure: its own development scores choose (sets in every language that are not"
            " the test files), its own test scores are reported. A target without such sets chooses on half of its test"
            " items and reports the other half; without items it takes the recipe that the other targets favour."
            " The interval covers the seeds, choice included; it doesn't cover which test rows and which candidates"
            " there are"
        )

    def baseline_in_words(self, published: Mapping[str, PublishedRow]) -> str:
        """The published row with its source and average, or this run's."""
        row = published.get(self.baseline)
        if self.baseline == OWN:
            return super().baseline_in_words(published)
        if row is None:
            return f"the published row `{self.baseline}` of reference/paper.yaml, which is not there"
        average = row.mean_over(self.targets)
        points = "an average that is not known" if average is None else f"{average:g} points"
        claimed = "" if average is None else f", so that the claim says {average + self.expected_points:.1f} points"
        return (
            f"the published row `{self.baseline}`: {row.system}, {points} ({row.document}, {row.place}){claimed}; the"
            " gain over none of the same run is shown beside, and alone in any other scope"
        )

    def recipes_in_words(self) -> str:
        """The candidates."""
        return f"{', '.join(self.recipes)}; none too is a candidate"

    def change_in_words(self, recipes: Sequence[str]) -> tuple[str, str]:
        """A change by letting each target choose."""
        return f"letting each target take the best of none, {', '.join(recipes)} changed the score by", ""

    def score_rows(
        self, recipes: Sequence[str], targets: Sequence[str], seeds: Sequence[int], evidence: Evidence
    ) -> list[ScoreRow]:
        """One row per target, with what it takes at each seed; of half of the items where the other half chose."""
        rows = []
        for target in targets:
            choice = evidence.choices.get(target)
            half = choice is not None and choice.by == "half"
            label, reported = (f"{target} (half)", choice.reported) if choice and half else (target, None)
            rows.append(ScoreRow([label], choice.chosen if choice else {}, target, BASELINE, reported))
        return rows


def _lacking_in_words(lacking: Mapping[str, Sequence[int]]) -> str:
    named = [f"{one} at {', '.join(map(str, seeds))}" for one, seeds in lacking.items()]
    return f"seeds don't count where a candidate lacks what is chosen by and another has it ({name_some(named)})"
