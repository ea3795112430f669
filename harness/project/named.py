"""Types of names and seeds for records; separate, since the command line's help has no use for pydantic."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from harness.project.names import LARGEST_SEED, fault_of


def _named(what: str) -> AfterValidator:
    def check(name: str) -> str:
        if fault := fault_of(name, what):
            raise ValueError(fault)
        return name

    return AfterValidator(check)


RecipeName = Annotated[str, _named("recipe")]
TaskName = Annotated[str, _named("task")]
"""Of a target too."""
Language = Annotated[str, _named("language")]
ProfileName = Annotated[str, _named("profile")]
PackName = Annotated[str, _named("data pack")]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
