"""A run of MLflow, as far as a score needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One run of an experiment."""

    id: str
    name: str
    status: str
    """FINISHED, FAILED, KILLED, RUNNING or SCHEDULED."""
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    """Metric -> its last value; NaN where it was none."""
    tags: Mapping[str, str]
