"""Fixtures of the tests that talk to a hub: a client that is online, in a home of its own, and waits for nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Lets the hub client go online, without this machine's token, proxy and cache; returns its cache folder."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    cache = tmp_path / "hub-cache"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HARNESS_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    close_session()
    return cache


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be slept, in order; nobody sleeps."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda wait: seconds.append(wait) if wait else None)
    return seconds
