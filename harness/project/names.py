"""Names and seeds, wherever they come from (params.yaml, tasks/*.yaml, the command line): what may be one.

They become names of files, of DVC's stages and parts of a shell's command, so only plain ASCII words pass: no path, no
blank, nothing that a shell reads, no letter that looks like another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from harness.project.errors import HarnessError

LONGEST = 100
"""Characters of a name: three of them and a seed make the name of a folder."""
LARGEST_SEED = 2**31 - 1
_RULES = {
    "recipe": (r"[A-Za-z0-9][A-Za-z0-9_+.-]*", "letters, digits and _ + . -"),
    "task": (r"[A-Za-z0-9][A-Za-z0-9_+.]*", "letters, digits and _ + ."),  # a hyphen ends the target in a cell's name
    "language": (r"[A-Za-z][A-Za-z0-9_-]*", "letters, digits and _ -"),
    "profile": (r"[a-z][a-z0-9-]*", "small letters, digits and -"),
    "data pack": (r"[A-Za-z0-9][A-Za-z0-9_+.-]*", "letters, digits and _ + . -"),
}


def check_name(name: str, what: str) -> str:
    """The name itself; HarnessError unless it may be that of a `what` (`recipe`, `task`, `language`, ...)."""
    if fault := fault_of(name, what):
        raise HarnessError(fault, fix="choose another name")
    return name


def check_words(words: Sequence[str]) -> None:
    """HarnessError where a word of the command line holds characters that can't be seen or are no characters."""
    for word in words:
        if any(unicodedata.category(each) in ("Cc", "Cs", "Co", "Cn") for each in word):
            raise HarnessError(f"expected words on the command line, found {word!a:.120}", fix="type it again")


def fault_of(name: str, what: str) -> str:
    """Why this may not be the name of a `what`; empty where it may."""
    pattern, allowed = _RULES[what]
    if len(name) <= LONGEST and re.fullmatch(pattern, name) and ".." not in name:
        return ""
    return f"expected the name of a {what} ({allowed}, {LONGEST} at most), found {name!a:.120}"
