"""The pictures of the study's page without the page, for a view that has its own words: MLflow's artifacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.audit.scope import without_planted
from harness.audit.subject import find_results
from harness.audit.verification import Verification
from harness.pages.study.rate_gains import is_rate_variant
from harness.project.params import BASELINE, Params
from harness.project.paths import Paths
from harness.verify.scores import ScoresTable

Draw = Callable[[Path], None]
"""Draws pictures into a folder."""


def pictures_of(table: ScoresTable | None, found: Verification, params: Params, paths: Paths) -> Draw | None:
    """What draws them, or None where results are unsound or no recipe was trained beside the baseline."""
    if table is None or found.v0.problems:
        return None
    trained = without_planted(table).recipes
    if BASELINE not in trained or all(recipe == BASELINE or is_rate_variant(recipe) for recipe in trained):
        return None

    def draw(folder: Path) -> None:
        from harness.pages.study.page import draw_pictures
        from harness.pages.study.record import study_of

        judged = find_results(params, paths, quick=True)  # where they were made; they were checked before
        draw_pictures(study_of(judged, table, found, params, paths), folder / "study.md")

    return draw
