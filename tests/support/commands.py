"""The commands of the harness: their names, what of a command line exists, and arguments that each of them takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from harness.commands.main import app

HELP = {"-h", "--help"}
HARNESS: Any = get_command(app)


def leaves(command: Any = HARNESS, name: str = "") -> Iterator[str]:
    """Every command's words, e.g. `claims` and `claims show`."""
    inner = getattr(command, "commands", {})
    if name and (not inner or command.invoke_without_command):
        yield name
    for word, each in inner.items():
        yield from leaves(each, f"{name} {word}".strip())


COMMANDS = sorted(leaves())


def with_arguments(words: str) -> list[str]:
    """The command with `1` for everything that it requires: a seed, and somebody's name for a task."""
    command: Any = HARNESS
    for word in words.split():
        command = command.commands[word]
    arguments = words.split()
    for parameter in command.params:
        if parameter.required:
            arguments += ["1"] if parameter.param_type_name == "argument" else [parameter.opts[0], "1"]
    return arguments


def is_name(word: str) -> bool:
    """A word to be typed as it stands, not a placeholder such as NAME, <name> or `...`."""
    return re.fullmatch(r"[a-z][a-z0-9_-]*", word) is not None


def wrong_harness_command(arguments: list[str]) -> str | None:
    """What in the arguments of `harness` does not exist, or None."""
    command: Any = HARNESS
    for word in arguments:
        if word.startswith("-"):
            options = {name for parameter in command.params for name in parameter.opts}
            if word.partition("=")[0] not in options | HELP:
                return word
        elif children := getattr(command, "commands", None):
            if not is_name(word):
                return None
            if word not in children:
                return word
            command = children[word]
    return None
