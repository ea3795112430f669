"""Fixtures of the tests that talk to a hub: a client that is online, in a home of its own, and waits for nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hub_project import go_online


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Lets the hub client go online, without this machine's token, proxy and cache; returns its cache folder."""
    return go_online(monkeypatch, tmp_path)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be slept, in order; nobody sleeps."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda wait: seconds.append(wait) if wait else None)
    return seconds
