"""The one exception a user is meant to read.

It says what was expected, what was found, where, and the command or edit that fixes it. The CLI prints it as one
paragraph and exits with code 2; anything else that escapes is a defect of the harness.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel, ValidationError


class HarnessError(Exception):
    """A mistake or a state of the world that the user can fix."""

    def __init__(self, message: str, fix: str | None = None) -> None:
        """`message` says expected, found and where; `fix` is the command or edit that does."""
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}. To fix it: {self.fix}" if self.fix else f"{self.message}."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system says against writing `path`, a file or a folder, becomes a HarnessError that names it."""
    try:
        yield
    except OSError as error:
        raise HarnessError(
            f"expected to write {path}, found: {error.strerror or error}",
            fix="free disk space or make the folder writable, then run the same command again",
        ) from None


def nearest(name: str, known: Iterable[str]) -> str:
    """A phrase for messages: the nearest known name and the list."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return (f"did you mean `{close[0]}`? " if close else "") + f"known: {', '.join(names)}"


def check_known(name: str, known: Iterable[str], what: str) -> None:
    """HarnessError with the nearest name and the list, unless `name` is a known one of `what`."""
    names = list(known)
    if name not in names:
        raise HarnessError(
            f"expected the name of a {what}, found `{name}`; {nearest(name, names)}", fix="use one of those names"
        )


MOST_NAMED = 3
"""So many examples of one kind are named in one sentence."""


def name_some(names: Sequence[str]) -> str:
    """The first few names and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def explain_validation(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """One sentence for a pydantic error: path to the key, what was expected, what was found, the nearest valid name."""
    # A misspelt key is reported twice, as unknown and as missing; the unknown one names the mistake.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    loc = [part for part in first["loc"] if part not in _UNION_TAGS]
    path = ".".join(str(part) for part in loc)
    if first["type"] == "extra_forbidden":
        owner = _model_at(model, first["loc"][:-1])
        hint = nearest(str(loc[-1]), owner.model_fields) if owner else "no such key is known here"
        text = f"unknown key `{path}` in {where}; {hint}"
    elif first["type"] == "missing":
        text = f"expected the key `{path}` in {where}, found none"
    elif path:
        text = f"bad value of `{path}` in {where}: {_lower(first['msg'])}, found {first['input']!r:.120}"
    else:
        text = f"{where} does not hold together: {_lower(first['msg'])}"
    more = error.error_count() - 1
    return text + (f" (and {more} more)" if more else "")


def _lower(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _model_at(model: type[BaseModel], loc: Sequence[int | str]) -> type[BaseModel] | None:
    """The record that a location inside `model` leads to, walking through dict, list and union annotations."""
    at: type[BaseModel] | None = model
    annotation: Any = model
    for part in loc:
        if part in _UNION_TAGS:
            at = _record_in(annotation, tag=str(part))
        elif at is not None and str(part) in at.model_fields:
            field = at.model_fields[str(part)]
            annotation = (field.annotation, *field.metadata)
            at = _record_in(annotation)
    return at


_UNION_TAGS = ("training", "retrieval", "pretrained_here", "hub_encoder")
"""Tags by which pydantic names the members of a union (the record's name in other spelling); no keys of the file."""


def _record_in(annotation: Any, tag: str | None = None) -> type[BaseModel] | None:
    """The first record inside an annotation; with `tag`, the union member of that name."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if tag is None or annotation.__name__.lower() == tag.replace("_", "") else None
    inner = annotation if isinstance(annotation, tuple) else get_args(annotation)
    return next((found for item in inner if (found := _record_in(item, tag))), None)
