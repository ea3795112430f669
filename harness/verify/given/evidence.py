"""What results per item say of a gain: how far it moves with the rows of the test sets, and of two models alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness.verify.given.choose import Chosen
from harness.verify.given.items import Compared, strata_of
from harness.verify.given.verdict import Chance, ItemEvidence
from harness.verify.statistics.items import Discordant, RowVariance, Stratum, difference, mcnemar, row_variance
from harness.verify.statistics.p_values import show_p
from harness.verify.statistics.parts import Part, Together, add_parts

SEEDS = "other seeds on these rows"
ROWS = "other rows of the same kind, with these models"
BOTH = "other seeds and other rows of the same kind, which decides"
"""What an interval over seeds, over rows and over both speaks of."""


class RowPart(NamedTuple):
    """A gain's variance over rows."""

    strata: list[Stratum]
    """The test sets, weighted."""
    variances: list[RowVariance]
    """Of each stratum."""
    runs: tuple[int, int]
    """Runs of the method and of the baseline."""

    @property
    def parts(self) -> list[Part]:
        """Each stratum's variance."""
        return [Part(variance=one.variance, freedom=one.freedom) for one in self.variances]

    @property
    def items(self) -> int:
        """How many there are; translations of one are one."""
        return sum(stratum.items for stratum in self.strata)

    @property
    def how(self) -> str:
        """How their variance was found, in words."""
        drawn = {one.draws for one in self.variances}
        if drawn == {None}:
            return "their bootstrap variance has a closed form, since scores are means"
        if 0 in drawn:
            return "the bootstrap over them, linearised since they are so many"
        return f"bootstrap over them, {max(draws or 0 for draws in drawn):,} draws"


def row_part(
    chosen: Chosen,
    names: tuple[str, str],
    tasks: Sequence[str],
    runs: tuple[Sequence[str], Sequence[str]],
    n: int | None,
) -> RowPart | None:
    """The variance over rows of a gain: method minus baseline (`names`), over tasks, means over their first `n` runs.

    None for a table of scores, and where one of the two has no run. Raises HarnessError where any of their runs lacks
    items that another one has.
    """
    if chosen.items is None or not (runs[0] and runs[1]):
        return None
    columns = chosen.table.columns
    first, second = (columns["method"].names.index(name) for name in names)
    places = [columns["task"].names.index(task) for task in tasks] if "task" in columns else [0]
    seeds = columns["seed"].names if chosen.has_seeds else ["1"]
    every = Compared(first, tuple(map(seeds.index, runs[0])), second, tuple(map(seeds.index, runs[1])))
    strata = strata_of(chosen.items, every, places)
    counted = Compared(first, every.seeds[:n], second, every.baseline_seeds[:n])
    if counted != every:
        strata = strata_of(chosen.items, counted, places)
    return RowPart(strata, [row_variance(one) for one in strata], (len(counted.seeds), len(counted.baseline_seeds)))


def evidence(rows: RowPart, together: Together | None, names: tuple[str, str]) -> ItemEvidence:
    """What is said of the items."""
    mean = difference(rows.strata)
    if together:
        parts = zip((SEEDS, ROWS, BOTH), together.each, strict=True)
        seeds, own, both = (_chance(words, part, mean, together.level) for words, part in parts)
        if together.is_widened:
            said = {"interval": together.interval.ends, "population": f"{BOTH}, no narrower than either alone"}
            both = both.model_copy(update=said)
        return ItemEvidence(n_items=rows.items, how=rows.how, seeds=seeds, rows=own, both=both)
    own = _chance(ROWS, add_parts(rows.parts), mean)
    if rows.runs != (1, 1):
        return ItemEvidence(n_items=rows.items, how=rows.how, rows=own)
    tested = _right_or_wrong(rows)
    models = _of_two_models(names, mean, own, tested)
    p = tested.p_value if tested else None
    return ItemEvidence(n_items=rows.items, how=rows.how, rows=own, models=models, mcnemar_p=p)


def _chance(population: str, part: Part, mean: float, level: float | None = None) -> Chance:
    interval = part.around(mean) if level is None else part.around(mean, level)
    return Chance(population=population, error=part.error, freedom=part.freedom, interval=interval.ends)


def _right_or_wrong(rows: RowPart) -> Discordant | None:
    """McNemar's test of two runs on one test set, where each item is right or wrong; None elsewhere."""
    sets = [one for stratum in rows.strata for one in stratum.sets]
    if len(sets) > 1 or any(run.whole is not None or ((run.part > 0) & (run.part < 100)).any() for run in sets[0].runs):
        return None
    first, second = sets[0].runs
    return mcnemar(first.part, second.part)


def _of_two_models(names: tuple[str, str], mean: float, own: Chance, tested: Discordant | None) -> str:
    low, high = own.interval
    said = f"for these two models alone (one run each), on rows like these: {mean:+z.2f} [{low:+z.2f}, {high:+z.2f}]"
    said += " at 90 %"
    if tested:
        first, second = names
        alone = f"{first} alone is right on {tested.first:,} items, {second} alone on {tested.second:,}"
        said += f"; {alone}, by McNemar's exact test {show_p(tested.p_value)}"
    return f"{said}; it says nothing of other runs of the two methods"
