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


def paths_here() -> Paths | None:
    """The project that the working folder lies in; None where there is none, or one whose settings don't load."""
    from harness.project.errors import HarnessError

    try:
        return open_project()[1]
    except HarnessError:
        return None


def look_at_project(profile: str | None = None) -> tuple[Params, Paths]:
    """As `open_project`, for commands that only look: outside of any clone they look at what the package ships."""
    from harness import __version__
    from harness.project.paths import SHIPPED
    from harness.project.profiles import look_at_project as looked

    params, paths = looked(profile)
    if paths.root == SHIPPED:
        typer.echo(f"harness: no clone here: what is looked at came with the package, version {__version__}", err=True)
    return params, paths
