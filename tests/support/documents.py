"""The documents that readers get, and what they show: commands in code blocks and inline code, fences, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = tuple(
    f"docs/{name}.md"
    for name in ("degradation", "degradation_mini", "encoder", "encoder_mini", "layers", "study", "verifier")
)
"""Written by commands of the harness."""
FENCE = re.compile(r"^ *(```+|~~~+)([^\n`]*)\n(.*?)^ *\1 *$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|^ *\[[^\]]+\]: *(\S+)", re.MULTILINE)
SEPARATORS = {"&&", "||", ";", "|", "&", "(", ")"}


def documents() -> list[str]:
    """Every document for readers, from the root of the repository."""
    top = ["README.md", "REPRODUCE.md", "CONTRIBUTING.md", "CHANGELOG.md", "reference/README.md"]
    return [*top, *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def prose(text: str) -> str:
    """The document without its code."""
    return SPAN.sub("", FENCE.sub("", text))


def command_lines(text: str) -> Iterator[str]:
    """Lines of code blocks and inline code, without prompts; of aligned text only what stands before the gap."""
    pieces = [line for match in FENCE.finditer(text) for line in match[3].replace("\\\n", " ").splitlines()]
    pieces += [" ".join(match[2].split()) for match in SPAN.finditer(FENCE.sub("", text))]
    for piece in pieces:
        yield re.split(r"\s{2,}", piece.strip().removeprefix("$ "))[0]


def commands(text: str) -> Iterator[list[str]]:
    """Every command that the document shows, as words: program (without its folder), then arguments."""
    for line in command_lines(text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = [*lexer, ";"]
        except ValueError:  # an apostrophe: output, or prose
            words = [*line.split(), ";"]
        command: list[str] = []
        for word in words:
            if word in SEPARATORS:
                if command:
                    yield command
                command = []
            elif command or not re.match(r"[A-Za-z_]\w*=", word):  # NAME=value before a command
                command.append(word if command else word.rpartition("/")[2])
