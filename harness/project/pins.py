"""Pins: what a task's data must be, per source (laboratory, data pack, hub, address, licensed folder)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from harness.project.records import StrictRecord

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Revision = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Repository = Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
Stem = Annotated[str, StringConstraints(pattern=r"^(train|dev|test|text)(_[a-z]+)?\.[A-Za-z][A-Za-z0-9_-]*$")]
PackPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][\w.-]*(/[A-Za-z0-9_-][\w.-]*)+$")]


class GeneratedFile(StrictRecord):
    """One normalised file of the laboratory world."""

    from_task: str | None = Field(default=None, alias="from")
    """The task whose generator makes it, where that is another one (XNLI trains on MNLI)."""
    rows: int = Field(ge=1)
    """How many rows are generated."""
    sha256: Sha256
    """Of the normalised file's bytes."""


class GeneratedPin(StrictRecord):
    """The laboratory analogue of a task."""

    version: int
    """`harness.data.lab.GENERATOR_VERSION` that made the hashes below."""
    seed: int
    """The seed of the data; it never changes with the seed of a cell."""
    source_language: str
    """The language of the training data."""
    files: dict[Stem, GeneratedFile] = Field(min_length=1)
    """Normalised file stem (`<split>.<language>`) to what it must be."""


class PackFile(StrictRecord):
    """One file of a data pack."""

    path: PackPath
    """Relative to the pack's folder."""
    rows: int = Field(ge=1)
    """Lines of JSON."""
    sha256: Sha256
    """Of the file as it lies there (compressed, where it is)."""


class LocalPin(StrictRecord):
    """A task's files in one data pack."""

    source_language: str
    """The language of the training data (the pivot of retrieval)."""
    stand_in: str | None
    """In plain words, what stands in where the pack lacks the task's own data; null where it is its own."""
    note: str | None
    """In plain words, where the pack's splits, sizes or versions differ from XTREME's or the paper's."""
    overlaps: list[str] = Field(default_factory=list)
    """Targets whose test rows share articles with the machine-translated training rows: never trained on and tested."""
    files: dict[Stem, Annotated[list[PackFile], Field(min_length=1)]] = Field(min_length=1)
    """Normalised file stem to the pack files that are concatenated, in this order."""


class Part(StrictRecord):
    """What one stem takes from one published file."""

    reader: str
    """Name of the function of `harness.data.readers` that turns the file's records into rows."""
    where: dict[str, str] = Field(default_factory=dict)
    """Only records whose field has this value (XNLI's languages lie in one file)."""
    rows: int | None = Field(ge=1)
    """Rows that it gives; null where nobody has published the count (then it is recorded when fetched)."""
    labels: dict[str, int] | None = None
    """Label -> rows, where published; otherwise only placeholder labels are refused."""


class HubFile(Part):
    """One file of a hub repository, at the revision that the pin names for it."""

    repository: Repository
    """Owner and name of the data set."""
    path: str
    """Path of the file in the repository (Parquet, JSON, TSV)."""
    bytes: int | None = Field(default=None, ge=1)
    """Its size; null where nobody has stated it."""
    sha256: Sha256 | None = None
    """Of the file's bytes; null where only the revision pins it (then it is recorded when fetched)."""


class HubPin(StrictRecord):
    """A task's files in hub repositories at fixed revisions."""

    source_language: str
    """The language of the training data (the pivot of retrieval)."""
    note: str | None
    """In plain words, where the hub's rows differ from XTREME's or the paper's."""
    revisions: dict[Repository, Revision] = Field(min_length=1)
    """Repository -> full commit; a branch or tag can move and is refused."""
    files: dict[Stem, Annotated[list[HubFile], Field(min_length=1)]] = Field(min_length=1)
    """Normalised file stem to what is concatenated, in this order."""

    @model_validator(mode="after")
    def _every_repository_pinned(self) -> HubPin:
        lacking = {part.repository for parts in self.files.values() for part in parts} - set(self.revisions)
        if lacking:
            raise ValueError(f"revisions lacks {', '.join(sorted(lacking))}, which files name")
        return self


class OtherSide(StrictRecord):
    """The second of two files that are read line by line (Tatoeba's English sentences)."""

    url: str
    """The address."""
    bytes: int = Field(ge=1)
    """Its size."""
    sha256: Sha256
    """Of the file behind the address, as downloaded."""


class UrlFile(Part):
    """One file behind an address, or members of an archive there."""

    url: str
    """The address."""
    sha256: Sha256
    """Of the file behind the address, as downloaded."""
    bytes: int = Field(ge=1)
    """Its size."""
    member: str | None = None
    """Glob of the paths inside the archive (zip, tar), below any folder, where it is one."""
    beside: OtherSide | None = None
    """The file of the other side, where the two sides are two files."""


class UrlPin(StrictRecord):
    """A task's raw files, as its authors serve them."""

    source_language: str
    """The language of the training data (the pivot of retrieval)."""
    note: str | None
    """In plain words, where the raw rows differ from XTREME's or the paper's."""
    files: dict[Stem, Annotated[list[UrlFile], Field(min_length=1)]] = Field(min_length=1)
    """Normalised file stem to what is concatenated, in this order."""

    def downloads(self) -> list[UrlFile | OtherSide]:
        """Everything to fetch, each address once: several stems may be members of one archive."""
        parts = [part for parts in self.files.values() for part in parts]
        sides: list[UrlFile | OtherSide] = [*parts, *(part.beside for part in parts if part.beside)]
        return list({side.url: side for side in sides}.values())


class PathFile(Part):
    """Files below the folder of a licensed corpus."""

    pattern: str
    """Glob below the folder."""


class PathPin(StrictRecord):
    """A licensed corpus that nobody may pass on: its owner names the folder."""

    source_language: str
    """The language of the training data."""
    note: str | None
    """In plain words, what the reader expects."""
    variable: str
    """Environment variable that names the folder."""
    why: str
    """In a few words, why it can't be fetched."""
    files: dict[Stem, Annotated[list[PathFile], Field(min_length=1)]] = Field(min_length=1)
    """Normalised file stem to what is concatenated, in this order."""


PublishedPin = HubPin | UrlPin | PathPin
Pin = GeneratedPin | LocalPin


class Pins(StrictRecord):
    """The pins of a task's data, per source."""

    generated: GeneratedPin | None = None
    """The laboratory world."""
    local: dict[str, LocalPin] = Field(default_factory=dict)
    """Data packs by name."""
    hub: HubPin | None = None
    """The published rows, on the hub."""
    url: UrlPin | None = None
    """The published rows, as their authors serve them."""
    path: PathPin | None = None
    """The published rows, in a folder of their licensee."""

    def names(self) -> list[str]:
        """The sources that have a pin, in words."""
        published = [name for name in ("hub", "url", "path") if getattr(self, name) is not None]
        packs = [f"local pack {pack!r}" for pack in self.local]
        return ["generated"] * (self.generated is not None) + packs + published
