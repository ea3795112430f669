"""What lies where in an archive of judged scores, and what it says of where the scores come from.

Metadata, page and verdicts have the names that they have in an archive of `harness export`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.project.records import Record

RECORD = "judgement.json"
"""A JudgedRecord; the file that tells such an archive from others."""
SCORES = "scores.csv"
"""All scores that were judged, a row each, in points."""
CLAIMS = "claims.yaml"
"""What is claimed, and what of the scores is compared: a file of claims as `harness judge --claims` reads it."""
SOURCE = "source"
"""The folder of the files that were read, byte for byte."""
LARGEST_COPY = 50_000_000
"""Bytes of a file of scores that goes in as it is; of a larger one its sha256 does."""


class Source(Record):
    """A file that was read."""

    name: str
    """Its name; of another program's file with its folder's."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of its bytes."""
    path: str | None = Field(pattern=rf"^{SOURCE}/[0-9a-z]+(\.[0-9a-z]+)?$")
    """Where it lies in the archive; null where it was too large, or is another program's file, which may hold
    rows of data sets."""


class JudgedRecord(Record):
    """Where judged scores come from and how they were read; lies in the archive as judgement.json.

    Nobody can check it but against the files that it names: whoever gave the scores vouches for them.
    """

    schema_version: Literal[1] = 1
    """Version of this schema."""
    date: str
    """SOURCE_DATE_EPOCH, else when the newest of the files was last changed."""
    version: str
    """The version of the harness that wrote the archive."""
    command: str
    """What was typed."""
    source: str
    """What was read, as verdicts name it."""
    unit: Literal["points", "fraction"]
    """What its scores were in."""
    columns: dict[str, str]
    """What is what in it -> its column."""
    remarks: list[str]
    """What a reader must know of it."""
    known: dict[str, str]
    """What it says of where its results come from."""
    unknown: dict[str, str]
    """What it doesn't say -> what was taken instead."""
    asked_columns: dict[str, str]
    """Role -> column, as it was said and not found."""
    asked_unit: Literal["points", "fraction"] | None
    """The unit, likewise."""
    sources: list[Source]
    """The files that were read."""
    claims_file: Source | None
    """The file of claims, where there was one."""
