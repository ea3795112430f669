"""A project whose task files pin what a test's hub serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_server import Hub, sha256

from harness.project.params import DataParams, Grid, HubEncoder, Params, Recipe
from harness.project.paths import Paths

REVISION, OTHER_REVISION = "a" * 40, "b" * 40
TASK: dict[str, Any] = {
    "title": "Toy",
    "role": "intermediate",
    "kind": "nli",
    "head": "classification",
    "metric": "accuracy",
    "group": None,
    "labels": ["entailment", "neutral", "contradiction"],
    "languages": ["en"],
    "licence": "public domain",
    "source": "made here",
    "publication": "none",
    "pack_files": {},
}


def go_online(patch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Let the hub client go online, without this machine's token, proxy and cache; returns its cache, in `folder`."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    cache = folder / "hub-cache"
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
    patch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no-token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HARNESS_STORE"):
        patch.delenv(name, raising=False)
    patch.setenv("NO_PROXY", "127.0.0.1,localhost")
    patch.setenv("no_proxy", "127.0.0.1,localhost")
    close_session()
    return cache


def hub_pin(repository: str, files: Mapping[str, str | None], revision: str = REVISION) -> dict[str, Any]:
    """A pin of files (path -> sha256) of one repository, a stem each."""
    parts = {
        f"train_{'abcdef'[number]}.en": [
            {"reader": "nli", "rows": None, "repository": repository, "path": path, "sha256": pinned}
        ]
        for number, (path, pinned) in enumerate(files.items())
    }
    return {"source_language": "en", "note": None, "revisions": {repository: revision}, "files": parts}


def url_pin(url: str, content: bytes, members: tuple[str, ...] = ("a.tsv",)) -> dict[str, Any]:
    """A pin of an archive, a stem for each member."""
    file = {"reader": "nli", "rows": None, "url": url, "sha256": sha256(content), "bytes": len(content)}
    parts = {f"train_{'abcdef'[number]}.en": [file | {"member": member}] for number, member in enumerate(members)}
    return {"source_language": "en", "note": None, "files": parts}


def write_task(paths: Paths, name: str, **pins: dict[str, Any]) -> None:
    """tasks/<name>.yaml, its places in the order of `pins`."""
    paths.tasks.mkdir(parents=True, exist_ok=True)
    task = TASK | {"name": name, "published": list(pins), "pins": pins}
    (paths.tasks / f"{name}.yaml").write_text(yaml.safe_dump(task))


def toy_params(tasks: list[str], encoder: HubEncoder | None = None) -> Params:
    """What fetching reads of a profile."""
    data = DataParams(source="published", tasks=tasks)
    grid = Grid(recipes=["none"], targets=[], seeds=[1])
    recipes = {"none": Recipe(tasks=[])}
    return Params.model_construct(profile="toy", data=data, encoder=encoder, grid=grid, recipes=recipes)


def toy_encoder(files: Mapping[str, bytes], revision: str = REVISION) -> HubEncoder:
    """An encoder that pins these files."""
    pinned = {name: sha256(content) for name, content in files.items()}
    return HubEncoder(source="hub", repository="toy/encoder", revision=revision, parameters=1, files=pinned)


def seen(hub: Hub, part: str) -> list[str]:
    """Method and path of the requests whose path contains `part`."""
    return [f"{request.method} {request.path}" for request in hub.requests if part in request.path]


def manifest(folder: Path) -> dict[str, Any]:
    """The entries of the manifest beside a folder of the store."""
    content: dict[str, Any] = json.loads((folder.parent / f"{folder.name}.json").read_text())["files"]
    return content
