"""The base of every part of a profile."""

from __future__ import annotations

from pydantic import ConfigDict

from harness.project.records import StrictRecord

MOST = 10**12
"""No count of a profile is larger: what is computed of them stays a number."""


class Settings(StrictRecord):
    """The base of every part of a profile: neither infinite nor `not a number`."""

    model_config = ConfigDict(allow_inf_nan=False)
