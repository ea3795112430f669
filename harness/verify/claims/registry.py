"""reference/claims.yaml -> Claim records: what was published, where, and the check that decides it.

checks.py has the kinds of checks. Margins and thresholds stand in the registry, fixed before running.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from harness.project.errors import HarnessError, explain_validation, nearest
from harness.project.params import YAML_LOADER
from harness.project.records import StrictRecord
from harness.verify.claims.checks import BestOf, Check, Gain
from harness.verify.statistics import intervals as statistics


class Source(StrictRecord):
    """Where a statement was read."""

    document: str
    """Which document makes it."""
    version: str
    """Which version of the document; the numbers differ between versions."""
    place: str
    """Table, section or page, as far as it was read there."""
    split: Literal["development", "test", "none"]
    """The split that the number was measured on."""
    statistic: str
    """What the number is: the aggregate and its unit."""
    n_claim: int | None = Field(ge=1)
    """Runs behind the number; null where no number was measured."""


class Scope(StrictRecord):
    """What the claim speaks about; anything else can't reproduce or refute it."""

    encoder: str
    """The encoder."""
    data: str
    """The tasks' data."""


class Claim(StrictRecord):
    """One row of the table of extracted claims, with what decides it."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Its name."""
    text: str
    """Verbatim, even where the table cuts it off."""
    verified: bool
    """The status in the table that it was taken from."""
    confidence: float = Field(ge=0, le=1)
    """The confidence in that table."""
    source: Source
    """Where it was read."""
    scope: Scope
    """What it speaks about."""
    check: Check
    """What decides it."""

    @model_validator(mode="after")
    def _numbers_have_runs(self) -> Claim:
        if isinstance(self.check, Gain | BestOf) and self.source.n_claim is None:
            raise ValueError("a claim that states a gain needs source.n_claim, the number of runs behind it")
        return self


def margin_points(claim: Claim) -> float | None:
    """The margin d of a claim that states a gain; null for the others."""
    if not isinstance(claim.check, Gain | BestOf) or claim.source.n_claim is None:
        return None
    d = claim.check.margin
    n_claim = claim.source.n_claim
    return statistics.margin(d.practical_points, d.rounding_points, d.reference_sd_points, n_claim)


def load_claims(path: Path) -> list[Claim]:
    """The registry, in its order.

    Raises HarnessError naming the claim and the key for anything that doesn't fit, and for an id used twice.
    """
    entries = [entry for entry in read_entries(path) if not is_question(entry)]
    claims = [_parse(entry, index, path) for index, entry in enumerate(entries, start=1)]
    ids = [claim.id for claim in claims]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        raise HarnessError(f"expected each id once in {path}, found {twice} twice", fix="rename one of them")
    return claims


def read_entries(path: Path) -> list[Any]:
    """The registry's entries as they stand there. Raises HarnessError where it is no list, or an empty one."""
    raw = read_yaml(path)
    if not isinstance(raw, list) or not raw:
        found = type(raw).__name__
        raise HarnessError(f"expected a list of claims in {path}, found {found}", fix="see reference/README.md")
    return raw


def is_question(entry: Any) -> bool:
    """Is the entry a question (harness.verify.claims.question), which is never counted among the claims?"""
    return isinstance(entry, dict) and "question" in entry


def find_claim(name: str, claims: list[Claim]) -> Claim:
    """The claim of that name. Raises HarnessError with the nearest name and the list for any other."""
    for claim in claims:
        if claim.id == name:
            return claim
    known = [claim.id for claim in claims]
    raise HarnessError(
        f"expected the id of a claim, found `{name}`; {nearest(name, known)}",
        fix="see `harness claims` for all of them",
    )


def _parse(entry: Any, index: int, path: Path) -> Claim:
    name = entry.get("id", f"number {index}") if isinstance(entry, dict) else f"number {index}"
    try:
        return Claim.model_validate(entry)
    except ValidationError as error:
        where = f"claim {name} of {path}"
        raise HarnessError(explain_validation(error, Claim, where), fix=f"edit {path.name}") from None


def read_yaml(path: Path) -> Any:
    """The content of a reference file. Raises HarnessError where it is missing or no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)
    except FileNotFoundError:
        raise HarnessError(f"expected {path}, found no such file", fix=f"git checkout {path.name}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise HarnessError(f"expected YAML in {path}, found: {problem}", fix="mend that line") from None


CLAIMS = "claims.yaml"
