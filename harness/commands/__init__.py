"""Groups of commands, each a typer application of its own; harness.commands.main puts them together."""

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
    """The active profile or the one named, and the folders of the project that the working folder lies in."""
    from harness.project.paths import Paths, project_root
    from harness.project.profiles import load_params, read_profile

    root = project_root()
    params = load_params(root) if profile is None else read_profile(root, profile)
    return params, Paths(root, params.profile)
