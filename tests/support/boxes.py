"""What a real engine holds of a project."""

from __future__ import annotations

from harness.launch.container import container, engine
from harness.project.paths import Paths


def left(paths: Paths) -> list[str]:
    """IDs of the project's containers, running or not."""
    return [identity for identity, _ in engine.labelled(engine.connect(), container.project_id(paths))]
