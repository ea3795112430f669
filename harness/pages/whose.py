"""Whose a page is: its first line is the title that one command gives it for one profile. No command writes over a file
with another first line, be it a page of another profile or something else.
"""

from __future__ import annotations

from pathlib import Path

from harness.project.errors import HarnessError

LONGEST = 1000
"""Characters that are read of a first line; no title is as long."""


def own_page(profile: str, title: str, usual: Path) -> Path:
    """The usual page, or one beside it named by the profile where something else lies there. `title`: the first line of
    this command's page of this profile.
    """
    return usual if _is_free(usual, title) else _beside(usual, profile)


def refuse_other_page(profile: str, title: str, out: Path, command: str) -> None:
    """Raise HarnessError where `out` is there with another first line than `title`; `command`: what writes the page, up
    to where its file is named, such as `study --out`.
    """
    if _is_free(out, title):
        return
    name, option = command.split()
    raise HarnessError(
        f"expected no file at {out}, or the page of `harness {name}` for profile `{profile}`, found something else, "
        f"which would be lost: its first line is {_first_line(out)[:80]!r}",
        fix=f"run `harness {name} --profile {profile} {option} {_beside(out, profile)}`",
    )


def _is_free(page: Path, title: str) -> bool:
    return not page.exists() or (page.is_file() and _first_line(page) == title)


def _first_line(page: Path) -> str:
    """Empty where it can't be read; of a file without line breaks its beginning."""
    try:
        with page.open(encoding="utf-8", errors="replace") as lines:
            return lines.readline(LONGEST).rstrip("\n")
    except OSError:
        return ""


def _beside(page: Path, profile: str) -> Path:
    return page.with_name(f"{page.stem}-{profile}{page.suffix}")
