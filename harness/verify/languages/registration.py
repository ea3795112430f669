"""What `harness degradation` holds itself to: the languages' resources, and the definitions that were fixed beforehand.

reference/languages.yaml and reference/low_resource.yaml -> records. The laboratory's languages come from its own table,
whose sizes are CC-100's, so one threshold serves both worlds.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from harness.project.errors import HarnessError, explain_validation
from harness.project.files import read_yaml
from harness.project.records import StrictRecord
from harness.verify.claims.claim import Scope

LANGUAGES_FILE = "languages.yaml"
REGISTRATION_FILE = "low_resource.yaml"

Level = Literal["low", "other", "unseen", "source"]
"""`low`, `other`: zero-shot, by resources; `unseen`: no pretraining text; `source`: trained on, so not zero-shot."""


class Language(StrictRecord):
    """One language and its resources."""

    name: str
    """Its English name; in the laboratory that of the language whose size it has."""
    iso3: str
    """ISO 639-3 code."""
    cc100_gib: float | None = Field(gt=0)
    """Text in CC-100, GiB; null where an encoder pretrained on it has not seen the language."""
    cc100_tokens_m: float | None = Field(gt=0)
    """The same in millions of tokens."""
    joshi_class: int = Field(ge=0, le=5)
    """Class of Joshi et al. 2020: 0 fewest resources, 5 most."""

    @property
    def log_size(self) -> float:
        """log10 of the size in GiB; NaN without text."""
        return math.log10(self.cc100_gib) if self.cc100_gib else math.nan


class LowResource(StrictRecord):
    """What counts as a low-resource language."""

    cc100_gib_below: float = Field(gt=0)
    """Less CC-100 text than this, in GiB. This definition decides."""
    reason: str
    """Why."""
    alternative_joshi_class_at_most: int = Field(ge=0, le=5)
    """The other definition, which shows whether the choice matters."""
    alternative_reason: str
    """Why."""


class Degraded(StrictRecord):
    """What counts as degraded."""

    threshold_points: float = Field(le=0)
    """Degraded: it is shown that the mean gain is below this."""
    alpha: float = Field(gt=0, lt=1)
    """False discovery rate within a recipe (Benjamini and Hochberg 1995)."""
    reason: str
    """Why these."""


class Bootstrap(StrictRecord):
    """How intervals over seeds and languages are made."""

    repetitions: int = Field(ge=100)
    """Resamples of the languages."""
    seed: int = Field(ge=0)
    """Seed of the resampling."""
    confidence: float = Field(gt=0, lt=1)
    """Of every interval."""
    reason: str
    """Why so."""
    added_later: str
    """What was added once results had been seen, and why it favours no answer."""


class Rows(StrictRecord):
    """How the sample of test rows enters."""

    added_later: str
    """What was added to the standard error of a language's gain, and why it favours no answer."""
    losses_points: list[float] = Field(min_length=1)
    """True losses of one language whose chance of being found is shown, in points."""
    seeds: list[int] = Field(min_length=1)
    """Numbers of seeds for which it is shown, beside that of the profile."""


class Registration(StrictRecord):
    """reference/low_resource.yaml: everything that was fixed before the results were looked at by language."""

    question: str
    """The research question, verbatim."""
    scope: Scope
    """The only encoder and data that decide it."""
    low_resource: LowResource
    """What a low-resource language is."""
    degraded: Degraded
    """What degraded means."""
    bootstrap: Bootstrap
    """How intervals are made."""
    rows: Rows
    """How the sample of test rows enters."""
    targets: list[str] = Field(min_length=1)
    """The targets that go in, as far as they were run."""
    targets_reason: str
    """Why these."""
    slope_reason: str
    """The model of gain on size, and why."""
    levels_reason: str
    """The model of gain by level, and why."""
    recipes_apart: list[str]
    """Endings of names of recipes that are shown and not averaged."""
    exclusions: list[str]
    """What is left out, and why."""

    def is_apart(self, recipe: str) -> bool:
        """Is the recipe shown without going into the mean over recipes?"""
        return recipe.endswith(tuple(self.recipes_apart))

    def level(self, language: Language, source: bool, alternative: bool = False) -> Level:
        """The level of a language; `alternative`: by the second definition."""
        if source:
            return "source"
        if language.cc100_gib is None:
            return "unseen"
        low = self.low_resource
        if alternative:
            return "low" if language.joshi_class <= low.alternative_joshi_class_at_most else "other"
        return "low" if language.cc100_gib < low.cc100_gib_below else "other"


def load_registration(path: Path) -> Registration:
    """Read the pre-registration. Raises HarnessError for anything that doesn't fit."""
    try:
        return Registration.model_validate(read_yaml(path))
    except ValidationError as error:
        raise _unfit(error, Registration, path) from None


def load_languages(path: Path) -> dict[str, Language]:
    """Read the table of XTREME's languages, by code. Raises HarnessError for anything that doesn't fit."""
    try:
        return TypeAdapter(dict[str, Language]).validate_python(read_yaml(path))
    except ValidationError as error:
        raise _unfit(error, Language, path) from None


def _unfit(error: ValidationError, model: type[BaseModel], path: Path) -> HarnessError:
    return HarnessError(explain_validation(error, model, str(path)), fix=f"edit {path.name}")
