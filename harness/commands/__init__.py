"""Commands, one file for those that belong together; harness.commands.main puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from harness.project.params import Params
    from harness.project.paths import Paths


ProfileName = Annotated[
    str | None, typer.Option("--profile", help="profiles/NAME.yaml, without making it active.", metavar="NAME")
]
"""An option of commands that only look."""


def open_project(profile: str | None = None) -> tuple[Params, Paths]:
    """As harness.project.profiles.open_project, whose imports no command's help has to wait for."""
    from harness.project.profiles import open_project as opened

    return opened(profile)
