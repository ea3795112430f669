"""Reads what facts of the data are decided by: task files, profiles, and what was fetched and counted here.

Only what the claims name is read, and no weights or rows: the manifests say what was found when those were checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.project.params import HubEncoder, Params, store_dir
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.project.tasks import Task, load_tasks, published_digest, task_names
from harness.verify.claims.claim import Claim
from harness.verify.claims.facts import Facts, tasks_of


def read_facts(claims: Iterable[Claim], paths: Paths) -> Facts:
    """Everything that the claims' facts need and that is there.

    Raises HarnessError for a task file or a profile that does not fit its schema.
    """
    needed = [fact.files() for claim in claims if (fact := claim.fact)]
    named = sorted({name for files in needed for name in files.profiles})
    there = {name: paths.root / "profiles" / f"{name}.yaml" for name in named}
    profiles = {name: read_params(path) for name, path in there.items() if path.is_file()}
    wanted = {name for files in needed for name in files.tasks}
    for params in profiles.values():
        wanted |= {*tasks_of(params, "target"), *tasks_of(params, "intermediate")}
    tasks = load_tasks(sorted(wanted & set(task_names(paths.tasks))), paths.tasks)
    return Facts(
        tasks=tasks,
        profiles=profiles,
        counted={name: rows for name, task in tasks.items() if (rows := _counted(task, paths.root))},
        fetched={name: _fetched(params, paths.root) for name, params in profiles.items()},
    )


def _counted(task: Task, root: Path) -> dict[str, int]:
    """Stem -> rows, by a data folder of any profile that was built from the files that the task's pins name now."""
    digest = published_digest(task)
    for path in sorted((root / "build").glob(f"*/data/{task.name}/manifest.json")):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # V0 names a manifest that is broken
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["source"] == "published" and content["source_pin"].endswith(digest):
                return {name.removesuffix(".jsonl"): entry["rows"] for name, entry in content["files"].items()}
    return {}


def _fetched(params: Params, root: Path) -> dict[str, str]:
    """File -> sha256 of the profile's published encoder, as found when it was fetched; empty where it was not."""
    if not isinstance(params.encoder, HubEncoder):
        return {}
    from harness.data.fetch.store import read_manifest, repository_folder

    encoder = params.encoder
    folder = repository_folder(store_dir(params, root), "model", encoder.repository, encoder.revision)
    return {name: entry.sha256 for name, entry in read_manifest(folder).items()}
