"""Groups of commands, each a typer application of its own; harness.cli puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.params import Params
    from harness.paths import Paths


def open_project() -> tuple[Params, Paths]:
    """The active profile, and the folders of the project that the working folder lies in."""
    from harness.params import load_params
    from harness.paths import Paths, project_root

    root = project_root()
    params = load_params(root)
    return params, Paths(root, params.profile)
