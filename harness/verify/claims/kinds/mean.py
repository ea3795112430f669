"""Kinds that are decided by one mean over seeds against a band."""

from __future__ import annotations

import statistics
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from harness.verify.claims.arithmetic import Steps, mean_steps
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.measurement import Measurement, Outcome, nothing_measured
from harness.verify.claims.words import RETRIEVAL, over_words
from harness.verify.scores import Scores
from harness.verify.statistics.aggregate import Aggregate, in_words
from harness.verify.statistics.decision import Decision, decide
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import Interval, Published, prediction_interval
from harness.verify.statistics.p_values import one_sided_p


class MeanGain(Measured):
    """A check that is decided by one mean over seeds against a band."""

    @property
    def claimed_points(self) -> float | None:
        """The gain in points that the claim states; None where it states none."""
        return None

    @property
    def claims_up(self) -> bool:
        """Does the claim say that scores rise?"""
        return True

    @abstractmethod
    def band_in_words(self, n_claim: int | None) -> str:
        """The band with what it is made of."""

    @abstractmethod
    def change_in_words(self, recipes: Sequence[str]) -> tuple[str, str]:
        """What was measured of these recipes, in words that stand before the points, and those that stand behind."""

    def outcome(self, found: Measurement, scores: Scores, n_claim: int | None, design: Design = STANDARD) -> Outcome:
        """Where the interval of the mean lies relative to the band, and what n_claim further runs would give."""
        values = list(found.values.values())
        if not values:
            return nothing_measured(found.uncounted, design)
        band, claimed = self.band(n_claim), self.claimed_points
        published = None if claimed is None else Published(claimed, n_claim or 1)
        decision = decide(values, band, design=design, published=published)
        one_more = prediction_interval(values, n_claim or 1) if decision.interval else None
        unknown = "how many runs the published number rests on is not known: it counts as one"
        return Outcome(
            verdict=decision.verdict,
            measured=decision.mean,
            interval=decision.interval.ends if decision.interval else None,
            without_retrieval=_mean(found.without_retrieval),
            direction=decision.direction,
            agrees=self.agrees(decision, band),
            one_more_run=one_more.ends if one_more else None,
            consistent=one_more.low <= claimed <= one_more.high if one_more and claimed is not None else None,
            n_seeds=decision.n,
            seeds_needed=decision.seeds_needed,
            p_value=decision.p_value,
            p_parts=decision.p_parts,
            beside=self.beside_gains(scores),
            replication_p=self.replication_p(values, design),
            note=self.note(decision, design),
            reasons=[
                *([decision.reason] if decision.reason else []),
                *([unknown] if published and n_claim is None else []),
            ],
        )

    def replication_p(self, values: Sequence[float], design: Design) -> tuple[float, float]:
        """Against "no gain of the claimed sign" and against "no gain of the other sign", each one-sided.

        Another encoder or world has no published number to be near to; what can hold there is the claim's direction.
        """
        p_up, p_down = one_sided_p(values, 0.0, design)
        return (p_up, p_down) if self.claims_up else (p_down, p_up)

    def agrees(self, decision: Decision, band: Interval) -> bool | None:
        """Does the mean point where the claim points? A claimed gain asks for its sign at 95 %."""
        if decision.interval is None or decision.direction == "unclear":
            return None
        return (decision.direction == "up") == self.claims_up

    def beside_gains(self, scores: Scores) -> dict[str, float]:
        """Recipe that is shown beside -> its mean gain in points, where it was run."""
        return {}

    def note(self, decision: Decision, design: Design) -> str:
        """A decision that is not REPRODUCED, in a few words."""
        if decision.verdict == "INCONCLUSIVE":
            if decision.used_up:
                return "design is used up"
            needed = decision.seeds_needed
            return f"{needed} seeds would decide" if needed else f"{design.last} seeds won't decide"
        if decision.verdict == "UNDERPOWERED":
            return "too few seeds" if decision.n < design.first else "seeds are all equal"
        return ""

    def sentence(self, found: Measurement, overall: Aggregate | None, without_retrieval: Aggregate | None) -> str:
        """The mean with its interval, over what, and the same without retrieval."""
        if overall is None:
            return "nothing could be measured"
        what, against = self.change_in_words(found.recipes)
        seeds = f"{len(overall.values)} seed{'s' if len(overall.values) > 1 else ''}"
        both = f"; without {RETRIEVAL}: {in_words(without_retrieval)}" if without_retrieval else ""
        return f"{what} {in_words(overall)}{against} {over_words(found.targets)}, {seeds}{both}"

    def arithmetic(self, evidence: Evidence, n_claim: int | None) -> Steps:
        """The interval of the mean, and where it lies."""
        return mean_steps(evidence, self.band(n_claim), self.band_in_words(n_claim))


def _mean(values: Mapping[int, float]) -> float | None:
    return statistics.fmean(values.values()) if values else None
