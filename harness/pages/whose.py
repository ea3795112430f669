"""Whose a page is: its first line names a profile, and no command writes over another profile's page."""

from __future__ import annotations

import re
from pathlib import Path

from harness.project.errors import HarnessError

NAMED = re.compile(r"\bprofile `([^`]+)`")
"""How a page's first line names its profile."""


def own_page(profile: str, usual: Path) -> Path:
    """The usual page, or one beside it named by the profile where that is another profile's."""
    return usual if _profile_of(usual) in (None, profile) else _beside(usual, profile)


def refuse_other_page(profile: str, out: Path, command: str) -> None:
    """Raise HarnessError where `out` is a page whose first line names another profile; `command`: what writes it."""
    found = _profile_of(out)
    if found not in (None, profile):
        raise HarnessError(
            f"expected no page at {out}, or one of profile `{profile}`, found one of profile `{found}`, which "
            "would be lost",
            fix=f"run `harness {command} --profile {profile} --out {_beside(out, profile)}`",
        )


def _profile_of(page: Path) -> str | None:
    """The profile that the first line of a page names; None where there is no such page."""
    if not page.is_file():
        return None
    with page.open(encoding="utf-8", errors="replace") as lines:
        named = NAMED.search(lines.readline())
    return named[1] if named else None


def _beside(page: Path, profile: str) -> Path:
    return page.with_name(f"{page.stem}-{profile}{page.suffix}")
