"""Which results are judged: those of the run, else the pinned ones, else none; checked first (level V0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.audit.integrity.findings import Checked, Findings, Integrity
from harness.audit.integrity.pinned import check_pinned
from harness.audit.integrity.rescore import Rescorer
from harness.audit.integrity.run import check_run
from harness.audit.scope import confirm
from harness.audit.verification import Source
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import MANIFEST
from harness.project.results import grid_cells
from harness.verify.scores import ScoresTable


@dataclass(frozen=True)
class Judged:
    """The results that are judged."""

    source: Source
    """Whose."""
    checked: Checked
    """They themselves, with what level V0 says of them."""
    pinned: Checked | None = None
    """The pinned results to compare a run with, checked; None where there are none, or they are judged themselves."""
    holds: Literal["run", "pinned"] = "run"
    """Which of the two an archive holds."""

    @property
    def v0(self) -> Integrity:
        """What level V0 says of them."""
        return self.checked.integrity

    @property
    def table(self) -> ScoresTable | None:
        """Their scores; None if V0 found a problem, or there are none."""
        return self.checked.table


def nothing(cells_expected: int) -> Judged:
    """Where nothing has run and nothing is pinned: no file was looked at, so there is no problem either."""
    return Judged("nothing", Checked(Findings().conclude({}, cells_expected), None, {}))


def find_results(params: Params, paths: Paths, quick: bool = False) -> Judged:
    """The run of the active profile if a cell of it has finished, else the pinned results, checked (level V0), else
    nothing.
    """
    rescorer = None if quick else Rescorer(params, paths)
    is_pinned = (paths.pinned / MANIFEST).is_file()
    if any(paths.cells.glob("*/result.json")):
        checked = confirm(check_run(params, paths, rescorer, quick), params, paths)
        pinned = check_pinned(paths.pinned, rescorer, quick) if checked.table and is_pinned else None
        return Judged("run", checked, pinned)
    if is_pinned:
        return Judged("pinned", confirm(check_pinned(paths.pinned, rescorer, quick), params, paths))
    return nothing(len(grid_cells(params)))


def require_results(judged: Judged, params: Params, paths: Paths) -> None:
    """HarnessError where there is nothing to judge."""
    if judged.source == "nothing":
        raise HarnessError(
            f"expected results of profile {params.profile} in {paths.cells} or {paths.pinned}, found neither",
            fix=f"run `make repro` with {params.profile} as the active profile (`harness profile {params.profile}`)",
        )


def sound_results(params: Params, paths: Paths) -> tuple[Judged, ScoresTable]:
    """The results that are judged, with their scores.

    Raises HarnessError where there are none, or if level V0 finds a problem: nothing is said about such.
    """
    judged = find_results(params, paths)
    require_results(judged, params, paths)
    if judged.table is None:
        problems = judged.v0.problems
        raise HarnessError(
            f"expected sound results, found {len(problems)} problems, first: {problems[0]}",
            fix="run `make repro`, then `harness verify` until V0 is ok",
        )
    return judged, judged.table
