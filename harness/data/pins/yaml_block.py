"""The pins of a task as YAML: one line per file, in a fixed order, so that pinning again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from harness.project.pins import GeneratedPin, HubPin, LocalPin, PathPin, Pins, PublishedPin
from harness.project.records import StrictRecord

# Where the bytes are, what is read of them, what they must be.
PLACE = ("repository", "url", "path", "pattern", "member", "beside")
KEYS = (*PLACE, "reader", "where", "rows", "labels", "bytes", "sha256")


def dump_pins(pins: Pins) -> str:
    """The pins as the block that ends a task file."""
    lines = ["pins:"]
    if pins.generated:
        lines += ["  generated:", *_generated(pins.generated)]
    lines += ["  local:"] if pins.local else []
    for pack, local in pins.local.items():
        lines += [f"    {pack}:", *_local(local)]
    for place in ("hub", "url", "path"):
        if published := getattr(pins, place):
            lines += [f"  {place}:", *_published(published)]
    return "\n".join(lines) + "\n"


def _generated(pin: GeneratedPin) -> Iterator[str]:
    yield f"    version: {pin.version}"
    yield f"    seed: {pin.seed}"
    yield f"    source_language: {pin.source_language}"
    yield "    files:"
    for stem, made in pin.files.items():
        origin = f"from: {made.from_task}, " if made.from_task else ""
        yield f"      {stem}: {{{origin}rows: {made.rows}, sha256: {_scalar(made.sha256)}}}"


def _local(pin: LocalPin) -> Iterator[str]:
    yield f"      source_language: {pin.source_language}"
    yield f"      stand_in: {_scalar(pin.stand_in)}"
    yield f"      note: {_scalar(pin.note)}"
    if pin.overlaps:
        yield f"      overlaps: [{', '.join(pin.overlaps)}]"
    yield from _files(pin.files, "      ")


def _published(pin: PublishedPin) -> Iterator[str]:
    yield f"    source_language: {pin.source_language}"
    yield f"    note: {_scalar(pin.note)}"
    if isinstance(pin, PathPin):
        yield f"    variable: {pin.variable}"
        yield f"    why: {_scalar(pin.why)}"
    if isinstance(pin, HubPin):
        yield "    revisions:"
        yield from (f"      {repository}: {_scalar(commit)}" for repository, commit in pin.revisions.items())
    yield from _files(pin.files, "    ")


def _files(files: Mapping[str, Sequence[StrictRecord]], indent: str) -> Iterator[str]:
    """Stem to its parts: one on the stem's own line, several below it."""
    yield f"{indent}files:"
    for stem, parts in files.items():
        flows = [_flow(part.model_dump(exclude_defaults=True)) for part in parts]
        if len(flows) == 1:
            yield f"{indent}  {stem}: [{flows[0]}]"
        else:
            yield f"{indent}  {stem}:"
            yield from (f"{indent}    - {flow}" for flow in flows)


def _flow(values: Mapping[str, Any]) -> str:
    """A mapping in one line; keys of no known place come last, in their own order."""
    ordered = sorted(values, key=lambda key: KEYS.index(key) if key in KEYS else len(KEYS))
    return "{" + ", ".join(f"{key}: {_value(values[key])}" for key in ordered) + "}"


def _value(value: Any) -> str:
    """A value inside a flow mapping, where a string with brackets or commas needs quotes."""
    if isinstance(value, Mapping):
        return _flow(value)
    return yaml.safe_dump([value], width=10**6, allow_unicode=True, default_flow_style=True).strip()[1:-1]


def _scalar(value: str | None) -> str:
    """A string in plain style where YAML reads it back as itself, else in quotes."""
    if value is None:
        return "null"
    text = yaml.safe_dump(value, width=10**6, allow_unicode=True, default_flow_style=True).strip()
    return text.removesuffix("\n...").strip()
