"""What lies where in an archive that `harness export` writes, and what the archive says of itself.

Files of the project keep the paths that they have there; the names below are those that only an archive has.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.project.records import Record

METADATA = "ro-crate-metadata.json"
"""Every file with its sha256, every run with what it read and wrote."""
RECORD = "provenance.json"
"""A CrateRecord."""
VERDICTS = "verdicts.json"
"""What `harness verify --json` printed of the results when the archive was written."""
REPORT = "report.txt"
"""The same for people."""
PREVIEW = "ro-crate-preview.html"
"""The same as a page for a browser; the name is RO-Crate's."""
README = "README.txt"
"""What the archive holds, and how it is checked."""
PARAMS = "params.yaml"
"""The settings of the profile."""
COMMENT = "sha256 of ro-crate-metadata.json: "
"""What the zip file's comment says, and then the hash: the metadata holds every other file's hash, but not its own."""


def data_manifest(task: str) -> str:
    """Where an archive keeps the manifest of a task's data: hashes and counts, no rows."""
    return f"data/{task}/manifest.json"


class CrateRecord(Record):
    """What an archive says of itself; lies in it as provenance.json."""

    schema_version: Literal[1]
    """Version of this schema."""
    profile: str = Field(pattern=r"^[A-Za-z0-9][\w-]*$")
    """The profile whose results it holds."""
    holds: Literal["run", "pinned"]
    """A run's results, or the pinned ones."""
    date: str
    """When the results were pinned, else the date of the commit that made them; SOURCE_DATE_EPOCH stands above both."""
    git_commit: str | None
    """The commit of the harness that wrote the archive."""
    git_dirty: bool | None
    """Did tracked files differ from that commit?"""
    result_commits: list[str]
    """The commits that the results were made at."""
    results_dirty: bool
    """Did tracked files differ from the commit for any of them?"""
    machines: list[dict[str, Any]]
    """The machines, with Python, device and threads, that the results were made on."""
    packages: list[dict[str, str | None]]
    """The distinct sets of package versions that the results were made with."""
    images: list[str]
    """The images that the results were made in; empty where all were made in a machine's own environment."""
    withheld: dict[str, str]
    """Predictions that are not in the archive -> their sha256."""
    withheld_because: str
    """Why they are not; empty where all are."""
