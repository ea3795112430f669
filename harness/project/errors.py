"""The one exception a user is meant to read.

It says what was expected, what was found, where, and the command or edit that fixes it. The CLI prints it as one
paragraph and exits with code 2; anything else that escapes is a defect of the harness.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails


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


def grid_size(recipes: int, targets: int, seeds: int) -> str:
    """`5 recipes x 9 targets x 1 seed`."""
    counted = (("recipe", recipes), ("target", targets), ("seed", seeds))
    return " x ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in counted)


def first_error(error: ValidationError) -> ErrorDetails:
    """The error that names the mistake: a misspelt key is reported as unknown and as missing, and unknown is right."""
    return min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")


def explain_validation(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """One sentence for a pydantic error: path to the key, what was expected, what was found, the nearest valid name."""
    first = first_error(error)
    keys, owner = _walk(model, first["loc"])
    path = ".".join(map(str, keys))
    if first["type"] == "extra_forbidden":
        hint = nearest(str(keys[-1]), owner.model_fields) if owner else "no such key is known here"
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


def _walk(model: type[BaseModel], loc: Sequence[int | str]) -> tuple[list[int | str], type[BaseModel] | None]:
    """The keys of a location inside `model` as they stand in the file, and the record that owns the last of them.

    pydantic also puts the name of the union's member that it chose into a location; that is no key of the file.
    """
    keys: list[int | str] = []
    at: Any = model
    owner = None
    for part in loc:
        members = _members(at)
        if part in members:
            at = members[part]
            continue
        keys.append(part)
        owner = _record_in(at)
        at = _inside(at, part)
    return keys, owner


def _members(annotation: Any) -> dict[int | str, Any]:
    """Name that pydantic gives a union's member -> the member; empty for anything but a union that chooses by a tag."""
    from pydantic import Tag
    from pydantic.fields import FieldInfo

    arguments = get_args(annotation)
    if get_origin(annotation) is not Annotated or get_origin(arguments[0]) not in (Union, UnionType):
        return {}
    by = next((note.discriminator for note in arguments[1:] if isinstance(note, FieldInfo)), None)
    found: dict[int | str, Any] = {}
    for member in get_args(arguments[0]):
        names = [note.tag for note in getattr(member, "__metadata__", ()) if isinstance(note, Tag)]
        if isinstance(by, str):
            names += [name for record in _records_in(member) for name in get_args(record.model_fields[by].annotation)]
        found |= dict.fromkeys(names, member)
    return found


def _inside(annotation: Any, part: int | str) -> Any:
    """What stands at a key of a record or a place of a list or dict; the same annotation for an unknown key."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return Annotated[field.annotation, field] if field else annotation
    arguments = get_args(annotation)
    if get_origin(annotation) in (Annotated, Union, UnionType):  # through `| None` and what is noted of a field
        containers = [item for item in arguments if get_args(item) or _record_in(item)]
        return _inside(containers[0], part) if containers else annotation
    return next((item for item in reversed(arguments) if item is not Ellipsis), annotation)


def _record_in(annotation: Any) -> type[BaseModel] | None:
    """The first record inside an annotation."""
    return next(_records_in(annotation), None)


def _records_in(annotation: Any) -> Iterator[type[BaseModel]]:
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for item in get_args(annotation):
        yield from _records_in(item)
