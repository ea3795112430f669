"""What of a profile nobody has confirmed: settings recalled from memory, published inputs that no hash or count pins.

Settings are found by their comments: a comment stands for every value on its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from tabulate import tabulate

from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.pins import HubFile, HubPin, PublishedPin
from harness.project.records import StrictRecord
from harness.project.tasks import TRANSLATED, Task

MARK = "recalled, unverified"
"""What the comment of such a setting says."""
_MERGE = "tag:yaml.org,2002:merge"


class Setting(StrictRecord):
    """A value in a params file whose comment says that it was recalled."""

    key: str
    """Path to the key, with dots."""
    value: str
    """As it is written."""
    comment: str
    """The line's comment."""


class Input(StrictRecord):
    """Published files of a task that are not wholly pinned, alike in where they lie and what lacks."""

    task: str
    """Name of the task."""
    place: str
    """`hub`, `url` or `path`, with what names the files there; `-` where there is none."""
    files: list[str]
    """File stems."""
    reason: str
    """What no pin says."""


def unverified_settings(path: Path) -> list[Setting]:
    """Every value of a params file on a line whose comment says `recalled, unverified`, under each key that has it."""
    text = path.read_text(encoding="utf-8")
    try:
        comments = {line: words for line, words in _comments(text) if MARK in words}
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise HarnessError(f"expected YAML in {path}, found: {problem}", fix="correct that line") from None
    found = []
    for key, value in _values(node):
        comment = comments.get(value.end_mark.line)
        if comment:
            written = text[value.start_mark.index : value.end_mark.index]
            found.append(Setting(key=key, value=" ".join(written.split()), comment=comment))
    return found


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Line number and comment of every line that ends with one: what follows the line's last token."""
    ends: dict[int, int] = {}
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        ends[token.end_mark.line] = token.end_mark.column
    for number, line in enumerate(text.splitlines()):
        rest = line[ends.get(number, 0) :].lstrip()
        if rest.startswith("#"):
            yield number, rest.lstrip("# ")


def _values(node: yaml.Node | None, key: str = "") -> Iterator[tuple[str, yaml.Node]]:
    """Every value with the path to it, a list in brackets as one; merged values under the key that merges them."""
    inner: Mapping[str, yaml.Node] = {}
    if isinstance(node, yaml.MappingNode):
        inner = _entries(node)
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
        inner = {str(index): value for index, value in enumerate(node.value)}
    if inner:
        for name, value in inner.items():
            yield from _values(value, f"{key}.{name}" if key else name)
    elif node is not None:
        yield key, node


def _entries(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    """A mapping's own entries, above those that it merges in."""
    merged: dict[str, yaml.Node] = {}
    own: dict[str, yaml.Node] = {}
    for name, value in node.value:
        if name.tag == _MERGE:
            merged |= _entries(value)
        else:
            own[name.value] = value
    return merged | own


def unpinned_inputs(params: Params, tasks: Mapping[str, Task]) -> list[Input]:
    """Published inputs of the profile's tasks that lack a sha256, a count of rows or any pin; none of other sources."""
    if params.data.source != "published":
        return []
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, task in tasks.items():
        for place, stem, reason in _lacking(task):
            found.setdefault((name, place, reason), []).append(stem)
    for recipe in params.grid.recipes:
        for name in params.recipes[recipe].tasks:
            lacking = [code for code in params.recipes[recipe].translated if not _has_translation(tasks[name], code)]
            if lacking:
                reason = f"no translated rows: recipe {recipe} is unavailable"
                found[name, "-", reason] = [f"{TRANSLATED}.{code}" for code in lacking]
    return [Input(task=t, place=place, files=stems, reason=reason) for (t, place, reason), stems in found.items()]


def _lacking(task: Task) -> Iterator[tuple[str, str, str]]:
    """Place, stem and reason of everything that a task's published pins leave open."""
    if not task.published:
        yield "-", "all", "no published pin at all"
    for place in task.published:
        pin: PublishedPin = getattr(task.pins, place)
        for stem, parts in pin.files.items():
            for part in parts:
                name = f"{place} {part.repository}" if isinstance(part, HubFile) else place
                if isinstance(pin, HubPin) and isinstance(part, HubFile) and part.sha256 is None:
                    yield name, stem, "no sha256: the revision alone pins it"
                if part.rows is None:
                    yield name, stem, "no count of rows"
                if place == "path":
                    yield name, stem, "no sha256: a licensed corpus, whose owner names the folder"


def _has_translation(task: Task, language: str) -> bool:
    return any(f"{TRANSLATED}.{language}" in getattr(task.pins, place).files for place in task.published)


def render_unverified(path: Path, params: Params, tasks: Mapping[str, Task]) -> str:
    """Both lists for people."""
    settings, inputs = unverified_settings(path), unpinned_inputs(params, tasks)
    lines: list[str] = [f"profile {params.profile}: {len(settings)} settings of {path.name} recalled and not verified"]
    rows: list[list[Any]] = [[item.key, item.value, item.comment] for item in settings]
    if rows:
        lines += ["", tabulate(rows, headers=["setting", "value", "comment"], tablefmt="plain", disable_numparse=True)]
    lines += ["", f"{sum(len(item.files) for item in inputs)} published inputs not wholly pinned"]
    rows = [[item.task, item.place, item.reason, _stems(item.files)] for item in inputs]
    if rows:
        lines += ["", tabulate(rows, headers=["task", "place", "lacks", "files"], tablefmt="plain")]
    return "\n".join(lines)


def _stems(stems: list[str]) -> str:
    """Stems with a split's languages together: `train.en, test.{ar, bg}`; of many languages the number."""
    languages: dict[str, list[str]] = {}
    for stem in dict.fromkeys(stems):
        split, _, language = stem.partition(".")
        languages.setdefault(split, []).append(language)
    return ", ".join(_split(split, codes) for split, codes in languages.items())


def _split(split: str, codes: list[str]) -> str:
    if len(codes) == 1:
        return f"{split}.{codes[0]}" if codes[0] else split
    return f"{split}.{{{', '.join(codes)}}}" if len(codes) <= 8 else f"{split} in {len(codes)} languages"
