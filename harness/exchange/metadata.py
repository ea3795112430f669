"""An archive's content -> its ro-crate-metadata.json: files with their hashes, and one CreateAction per unit that ran.

A Process Run Crate 0.6 (https://w3id.org/ro/wfrun/process/0.6), which extends RO-Crate 1.3. Everything in it follows
from the content: no clock, no random identifiers, so that the same content gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness import __version__
from harness.audit.integrity.inputs import image_of
from harness.exchange.content import Content, Crate, Root, Unit
from harness.exchange.layout import PREVIEW, README

if TYPE_CHECKING:
    from rocrate.model import Entity
    from rocrate.rocrate import ROCrate

ROCRATE = "1.3"
"""The version of RO-Crate that the profile below extends."""
PROFILE = "https://w3id.org/ro/wfrun/process/0.6"
TERMS = "https://w3id.org/ro/terms/workflow-run"
LICENCE = "#licence"
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".lock": "application/yaml",
    ".md": "text/markdown",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
}

ROLES = {
    "predictions.json.gz": "What one cell predicted for every row, language by language.",
    "predictions/*.json.gz": "What one cell predicted for every row, language by language.",
    "dev.json.gz": "What one cell predicted for every row of the dev sets.",
    "dev/*.json.gz": "What one cell predicted for every row of the dev sets.",
    "items.json.gz": "How every row of one cell came out, as numbers.",
    "items/*.json.gz": "How every row of one cell came out, as numbers.",
    "layers.json.gz": "Scores of one retrieval cell at every hidden layer.",
    "layers/*.json.gz": "Scores of one retrieval cell at every hidden layer.",
    "result.json": "What one cell found, what went in and where it was made.",
    "results.jsonl": "What every cell found, what went in and where it was made; one line a cell.",
    "intermediate/*.json": "The record of one intermediate training.",
    "scores.json": "One table of all scores.",
    "encoder.json": "How the encoder was pretrained, and the hashes of its files.",
    "corpus.json": "What the text for pretraining consists of, and what was left out of it.",
    "costs.json": "Median seconds of each kind of unit.",
    "data/*/manifest.json": "The manifest of a task's data: hashes and counts, no rows.",
    "reference/*/manifest.json": "The hashes of the pinned results, and the machine that made them.",
    "reference/claims.yaml": "The registry of claims: what is judged, and by which check and margin.",
    "reference/lab_claims.yaml": "The laboratory's own claims: what was planted, and which verdict is right.",
    "reference/design.yaml": "Which seeds count, after how many one looks, and what error each look may spend.",
    "reference/*": "What results are judged against.",
    "source/*": "A file that was read, byte for byte.",
    "scores.csv": "All scores that were judged, a row each, in points.",
    "claims.yaml": "What is claimed of the scores, and what of them is compared.",
    "judgement.json": "Where the scores come from, and how they were read.",
    "verdicts.json": "The verdict on each claim, for machines.",
    PREVIEW: "The verdicts and all that they rest on, as a page for a browser.",
    "report.txt": "The verdict on each claim, as the harness printed it.",
    "provenance.json": "Commits, machines, packages, images; what is not in this archive and why.",
    "params.yaml": "The settings of the profile.",
    "profiles/*": "A profile: one complete file of settings.",
    "tasks/*": "A task: its kind, metric and licence, and the pins of its data.",
    "requirements/*": "The environment: every package with its hashes, and how it is installed.",
    "grid.json": "The units of the grid, spread out for dvc.yaml.",
    "dvc.*": "The pipeline (dvc.yaml), and what went into and came out of each of its stages (dvc.lock).",
    "README.txt": "What this archive holds and how to check it.",
    "*": "A file of the harness itself.",
}
"""Pattern of a path -> what such a file is; the first that fits."""


def describe(content: Content, agent: str | None = None) -> bytes:
    """The metadata file of a project's results. `agent`: who ran it, where that is to be said."""
    record = content.record
    crate = Crate(
        _root(content), content.files, content.units, content.licences, content.originals, record.withheld,
        record.withheld_because,
    )  # fmt: skip
    return describe_crate(crate, agent)


def describe_crate(content: Crate, agent: str | None = None) -> bytes:
    """The metadata file of any archive. `agent`: as in `describe`."""
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version=ROCRATE)
    crate.metadata.extra_contexts.append(f"{TERMS}/context")
    _describe_root(crate, content.root)
    for name in sorted(content.files):
        crate.add_file(dest_path=name, properties=_file(content, name, crate))
    for name, sha256 in sorted(content.withheld.items()):
        because = f"Not in this archive: {content.withheld_because}"
        about = {"name": name, "localPath": name, "sha256": sha256, "description": because}
        _add(crate, f"#withheld/{name}", "File", **about)
    person = _add(crate, "#agent", "Person", name=agent) if agent else None
    for unit in content.units:
        action = _action(crate, unit, content.withheld)
        if person:
            action["agent"] = person
        crate.root_dataset.append_to("mentions", action)
    text = json.dumps(crate.metadata.generate(), indent=1, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode()


def _root(content: Content) -> Root:
    record = content.record
    judged = "The pinned results" if record.holds == "pinned" else "A run's results"
    description = (
        f"{content.title}. {judged}, what they were made with, and the verdicts on the published claims by them. Check "
        f"and judge it with `harness verify FILE.zip`. Rows of data are never in it."
    )
    if record.withheld:
        description += f" {len(record.withheld)} predictions are not in it: {record.withheld_because}"
    return Root(
        f"harness: results of profile {record.profile}",
        description,
        record.date,
        "No one licence for the whole",
        "The project states no licence of its own. The licence of each task's data stands in tasks/*.yaml; "
        "predictions on such data name it. The laboratory's rows are generated by the project itself.",
    )


def _describe_root(crate: ROCrate, about: Root) -> None:
    root = crate.root_dataset
    root["name"] = about.name
    root["description"] = about.description
    root["datePublished"] = about.date
    licence = {"name": about.licence, "description": about.licence_about}
    root["license"] = _add(crate, LICENCE, "CreativeWork", **licence)
    root["conformsTo"] = _add(crate, PROFILE, ["CreativeWork", "Profile"], name="Process Run Crate", version="0.6")


def _file(content: Crate, name: str, crate: ROCrate) -> dict[str, Any]:
    """Properties of a file: name, hash, size, kind, licence, former path."""
    body = content.files[name]
    properties: dict[str, Any] = {
        "name": name,
        "sha256": hashlib.sha256(body).hexdigest(),
        "contentSize": str(len(body)),
        "description": _role(name),
        "encodingFormat": MEDIA_TYPES.get(PurePosixPath(name).suffix, "text/plain"),
    }
    if name == PREVIEW:
        properties["about"] = {"@id": "./"}
    if name in content.licences:
        task, licence = content.licences[name]
        known = crate.get(f"{LICENCE}-{task}")
        about = f"Of the data of task {task}; its source stands in tasks/{task}.yaml."
        properties["license"] = known or _add(
            crate, f"{LICENCE}-{task}", "CreativeWork", name=licence, description=about
        )
    if name in content.originals:
        properties["alternateName"] = content.originals[name]
    return properties


def _role(name: str) -> str:
    return next(role for pattern, role in ROLES.items() if PurePosixPath(name).match(pattern))


def _action(crate: ROCrate, unit: Unit, withheld: Mapping[str, str]) -> Entity:
    """The CreateAction of a unit; its times are left out, as no result records them."""
    properties: dict[str, Any] = {
        "@type": "CreateAction",
        "name": unit.name,
        "description": _on_what(unit),
    }
    if unit.error:
        properties |= {"actionStatus": {"@id": "http://schema.org/FailedActionStatus"}, "error": unit.error}
    if image := image_of(unit.provenance):
        properties["containerImage"] = _image(crate, image)
    reads = [crate.get(quote(name)) for name in unit.reads]
    writes = [crate.get(f"#withheld/{name}" if name in withheld else quote(name)) for name in unit.writes]
    identifier = "#" + unit.name.replace(" ", "-")
    return crate.add_action(
        _software(crate, unit.provenance), identifier, _one_or_all(reads), _one_or_all(writes), properties
    )


def _one_or_all(entities: list[Entity]) -> Entity | list[Entity]:
    return entities[0] if len(entities) == 1 else entities


def _on_what(unit: Unit) -> str:
    origin, machine = unit.provenance, unit.provenance.get("machine", {})
    words = [
        machine.get("cpu"),
        f"{machine['cores']} cores" if "cores" in machine else None,
        " ".join(filter(None, [machine.get("system"), machine.get("architecture")])),
        f"device {origin['device']}" if "device" in origin else None,
        f"threads {origin['threads']}" if "threads" in origin else None,
        f"Python {origin['python']}" if "python" in origin else None,
        f"{unit.elapsed_s} s" if unit.elapsed_s is not None else None,
    ]
    return "; ".join(filter(None, words)) or "On a machine that was not recorded."


def _software(crate: ROCrate, origin: Mapping[str, Any]) -> Entity:
    """The harness at a unit's commit, with the packages that it ran with."""
    commit, packages = origin.get("git_commit"), origin.get("packages") or {}
    versions = {name: version for name, version in sorted(packages.items()) if version}
    version_facts = json.dumps([commit, origin.get("git_dirty"), versions])
    identifier = f"#harness-{(commit or 'unknown')[:12]}-{hashlib.sha256(version_facts.encode()).hexdigest()[:8]}"
    if known := crate.get(identifier):
        return known
    state = " with changes that are in no commit" if origin.get("git_dirty") else ""
    at = f" at commit {commit or 'unknown'}{state}" if commit or "git_commit" in origin else ""
    beside = ", ".join(f"{name} {version}" for name, version in versions.items())
    return _add(
        crate,
        identifier,
        "SoftwareApplication",
        name="harness",
        url={"@id": README},
        version=f"{__version__}+g{commit[:12]}{'.dirty' if state else ''}" if commit else __version__,
        description=f"The benchmark harness{at}{beside and f', with {beside}'}.",
    )


def _image(crate: ROCrate, image: str) -> Entity:
    return _add(
        crate,
        f"#image-{image}",
        "ContainerImage",
        additionalType={"@id": f"{TERMS}#DockerImage"},
        name=image,
        sha256=image.rpartition("sha256:")[2],
    )


def _add(crate: ROCrate, identifier: str, kind: str | list[str], **properties: Any) -> Entity:
    from rocrate.model import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))
