"""Stages that only gather what units depend on (`recipe`, `target`): would they write again what lies there?

They depend on all code of units and run when any of it changes, in a second; what they write names the files of their
own units alone. So a change to other code (another metric, planted effects) makes no unit stale, and the plan and level
V0 say so before DVC has run them.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.experiment.inputs import read_recipe, read_target
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.stages import matrix_of, member_of

_READ = {"recipe": read_recipe, "target": read_target}
CODE = "harness/"
"""Before the path of every file of code."""


def says_the_same(stage: str, changed: Sequence[str], params: Params, paths: Paths) -> bool:
    """Whether nothing but code has `changed` for the stage, and none that its units run."""
    read = _READ.get(matrix_of(stage))
    if read is None or not all(path.startswith(CODE) for path in changed):
        return False
    try:
        read(member_of(stage), params, paths)
    except (HarnessError, KeyError):
        return False
    return True
