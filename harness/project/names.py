"""Names and seeds, wherever they come from (params.yaml, tasks/*.yaml, the command line): what may be one.

They become names of files, of DVC's stages and parts of a shell's command, so only plain ASCII words pass: no path, no
blank, nothing that a shell reads, no letter that looks like another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

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
    fault = _fault(name, what)
    if fault:
        raise HarnessError(fault, fix="choose another name")
    return name


def check_words(words: Sequence[str]) -> None:
    """HarnessError where a word of the command line holds characters that can't be seen or are no characters."""
    for word in words:
        if any(unicodedata.category(each) in ("Cc", "Cs", "Co", "Cn") for each in word):
            raise HarnessError(f"expected words on the command line, found {word!a:.120}", fix="type it again")


def _fault(name: str, what: str) -> str:
    pattern, allowed = _RULES[what]
    if len(name) <= LONGEST and re.fullmatch(pattern, name) and ".." not in name:
        return ""
    return f"expected the name of a {what} ({allowed}, {LONGEST} at most), found {name!a:.120}"


def _named(what: str) -> AfterValidator:
    def check(name: str) -> str:
        if fault := _fault(name, what):
            raise ValueError(fault)
        return name

    return AfterValidator(check)


RecipeName = Annotated[str, _named("recipe")]
TaskName = Annotated[str, _named("task")]
"""Of a target too."""
Language = Annotated[str, _named("language")]
ProfileName = Annotated[str, _named("profile")]
PackName = Annotated[str, _named("data pack")]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
