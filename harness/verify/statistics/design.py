"""The design of a study: which seeds count, after how many one looks, and how much of the error each look may spend.

Who looks at the seeds so far, runs more and looks again has several chances to err. A design fixes the looks before
any result is read, and harness.verify.statistics.sequential computes the boundaries that keep all of them together at
one level. The project's own design is registered in reference/design.yaml; looks, order, spending and level are the
defaults here, too.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from harness.project.errors import HarnessError, explain_validation
from harness.project.files import read_yaml
from harness.project.records import StrictRecord

DESIGN = "design.yaml"
"""Name of the registered design in reference/."""
LARGEST_LOOK = 200
"""Looks beyond it are refused: no study of whole pipelines has so many seeds."""

Spending = Literal["linear", "pocock", "obrien-fleming"]
Value = TypeVar("Value")


class Design(StrictRecord):
    """Seeds in their order, the looks at them, and the error that each look may spend."""

    model_config = ConfigDict(allow_inf_nan=False)

    looks: tuple[int, ...] = Field(default=(3, 4, 5, 6, 7, 8), min_length=1)
    """Numbers of seeds after which one looks, ascending; a single one is a study of fixed size."""
    order: tuple[int, ...] = Field(default=(1, 2, 3, 4, 5, 6, 7, 8), min_length=1)
    """Seeds in the order in which they count: the first n of them without a gap are judged, whatever else was run."""
    spending: Spending = "linear"
    """How much of the level may be spent until a look, as a function of n / last look."""
    level: float = Field(default=0.05, gt=0, lt=0.5)
    """Of each one-sided test over all looks together."""
    reason: str = "few whole pipelines can be run, and people look at each"
    """Why these looks and this spending."""
    replication_over: Literal["all targets", "learnt targets without retrieval"] = "all targets"
    """Out of a claim's scope: what its replication is tested over, where a claim is on several targets."""
    replication_reason: str = ""
    """Why these."""
    sources: tuple[str, ...] = ()
    """Where the method is described."""

    @field_validator("looks", "order", "sources", mode="before")
    @classmethod
    def _from_a_list(cls, values: object) -> object:
        """YAML and JSON have lists alone."""
        return tuple(values) if isinstance(values, list) else values

    @field_validator("looks")
    @classmethod
    def _ascending(cls, looks: tuple[int, ...]) -> tuple[int, ...]:
        if list(looks) != sorted(set(looks)) or looks[0] < 2 or looks[-1] > LARGEST_LOOK:
            raise ValueError(f"expected ascending numbers of seeds from 2 to {LARGEST_LOOK}, found {list(looks)}")
        return looks

    @field_validator("order")
    @classmethod
    def _each_once(cls, order: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(order)) < len(order):
            raise ValueError(f"expected each seed once, found {list(order)}")
        return order

    @model_validator(mode="after")
    def _seeds_for_all_looks(self) -> Design:
        if len(self.order) < self.last:
            raise ValueError(
                f"expected {self.last} seeds or more in `order`, for the last look, found {len(self.order)}"
            )
        return self

    @property
    def first(self) -> int:
        """Seeds at the first look; with fewer nothing is decided."""
        return self.looks[0]

    @property
    def last(self) -> int:
        """Seeds at the last look; more don't count."""
        return self.looks[-1]

    def look(self, n: int) -> int | None:
        """The last look that `n` seeds have passed; None below the first."""
        passed = bisect.bisect_right(self.looks, n)
        return self.looks[passed - 1] if passed else None

    def in_order(self, seeds: Iterable[int]) -> list[int]:
        """Those of `seeds` that stand in the order before its first gap, as many as the last look that they pass; below
        the first look all of them.
        """
        there, counted = set(seeds), []
        for seed in self.order:
            if seed not in there:
                break
            counted.append(seed)
        return counted[: self.look(len(counted))]

    def counted(self, values: Mapping[int, Value]) -> dict[int, Value]:
        """Seed -> value, of the seeds that count, in their order."""
        return {seed: values[seed] for seed in self.in_order(values)}

    def without(self, seeds: Iterable[int]) -> Design:
        """The design with these seeds taken out of its order; the others close up. For a look at what hangs on them."""
        dropped = set(seeds)
        return self.model_copy(update={"order": tuple(seed for seed in self.order if seed not in dropped)})

    def spent(self, n: int) -> float:
        """How much of the level may be spent at `n` seeds."""
        return SPENDING[self.spending](n / self.last, self.level)


def _pocock(part: float, level: float) -> float:
    return level * math.log(1 + (math.e - 1) * part)


def _obrien_fleming(part: float, level: float) -> float:
    from scipy.special import ndtr, ndtri

    return float(2 * ndtr(ndtri(level / 2) / math.sqrt(part)))


SPENDING: dict[Spending, Callable[[float, float], float]] = {
    "linear": lambda part, level: level * part,
    "pocock": _pocock,
    "obrien-fleming": _obrien_fleming,
}
"""Name -> (part of the last look's seeds, level) -> level spent, all of it at 1 (Lan and DeMets 1983, Biometrika 70).
"""

STANDARD = Design()
"""The design where none is named."""


def fixed(n: int) -> Design:
    """The study of just `n` seeds, looked at once; its boundary is t(0.95, n - 1)."""
    return Design(looks=(n,), order=tuple(range(1, n + 1)), reason=f"{n} seeds, looked at once")


def read_design(path: Path) -> Design:
    """The registered design; the standard one where there is no such file, as in archives of older releases.

    Raises HarnessError for a file that doesn't fit.
    """
    if not path.is_file():
        return STANDARD
    try:
        return Design.model_validate(read_yaml(path))
    except ValidationError as error:
        fix = f"edit {path}, or run `git checkout -- {path}`"
        raise HarnessError(explain_validation(error, Design, str(path)), fix=fix) from None
