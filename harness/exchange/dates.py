"""The date that an archive says: no clock is looked at, so that the same content gives the same bytes."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from harness.project.errors import HarnessError

EPOCH = "SOURCE_DATE_EPOCH"
"""Environment variable, seconds since 1970: the date to write (https://reproducible-builds.org/specs/source-date-epoch)."""


def declared_date() -> str | None:
    """The date that the environment declares; None where it declares none. Raises HarnessError where it is no date."""
    seconds = os.environ.get(EPOCH)
    return iso_date(seconds) if seconds else None


def iso_date(seconds: str) -> str:
    """Seconds since 1970 as a date in UTC. Raises HarnessError where they are none."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        raise HarnessError(f"expected seconds since 1970 in {EPOCH}, found {seconds!r}", fix=f"unset {EPOCH}") from None
