"""A project as large as one likes, made up from the pinned laboratory: what `harness run ...` would have left behind.

    python benchmarks/grown.py DATA FOLDER RECIPES SEEDS    # DATA: shared by projects of every size, made if not there

Data is generated, so gold rows are the laboratory's own; every cell is one of the pinned cells of its target under
another name, with predictions of other bytes (a gzip header) and the same content. The hashes are consistent, so that
level V0 is ok (it finds the cells suspiciously alike), and dvc.lock and DVC's cache hold what is there, so that `dvc
status` finds nothing to do. Weights are a few bytes; what depends on their size is not measured here.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from harness.audit.scores import write_scores
from harness.data.build import build_task
from harness.data.corpus import build_corpus
from harness.experiment.inputs import write_recipe, write_target
from harness.pipeline.grid_file import grid_units, write_grid
from harness.pipeline.lock import Lock
from harness.project.params import BASELINE, Params
from harness.project.paths import Paths
from harness.project.pinned import kept_files_name
from harness.project.profiles import load_params
from harness.project.results import grid_cells

ROOT = Path(__file__).resolve().parent.parent
PROFILE = "grown"
LABORATORY = ROOT / "reference" / "lab"
LATER = ("verdicts", "report", "metrics", "track")
"""Stages that are left out of dvc.lock: they have not run."""


@dataclass(frozen=True)
class Size:
    """How large a grid: cells are recipes x targets x seeds."""

    recipes: int
    seeds: int


def make_data(folder: Path) -> None:
    """The data and the corpus that projects of every size share (half a minute)."""
    params, paths = _project(folder, Size(1, 3))
    for task in params.data.tasks:
        build_task(task, params, paths)
    build_corpus(params, paths)


def make(root: Path, size: Size, data: Path) -> Paths:
    """A finished project of this size; `data` is a folder that `make_data` filled."""
    params, paths = _project(root, size)
    shutil.copytree(Paths(data, PROFILE).build, paths.build)
    _write(paths.results / "corpus.json", {"languages": {}})
    encoder = {name: _weights(paths.encoder / f"{name}", name) for name in ("model.safetensors", "tokenizer.json")}
    for path in (paths.encoder / "encoder.json", paths.results / "encoder.json"):
        _write(path, {"sha256": encoder, "parameters": 642_528, "curve": [], "elapsed_s": 180.0})
    inputs = {"encoder": encoder["model.safetensors"], "tokenizer": encoder["tokenizer.json"]}
    pinned = _pinned()
    for recipe in params.grid.recipes:
        write_recipe(recipe, params, paths)
    for target in params.grid.targets:
        write_target(target, params, paths)
    for recipe, seed in product(params.grid.recipes, params.grid.seeds):
        _intermediate(recipe, seed, paths, pinned["none", "xnli", 1]["provenance"], inputs["encoder"])
    _cells(params, paths, pinned, inputs)
    write_scores(params, paths)
    _lock(params, paths)
    return paths


def _project(root: Path, size: Size) -> tuple[Params, Paths]:
    """Settings, tasks, code and an empty DVC repository."""
    for folder in ("harness", "profiles", "tasks"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "reference", root / "reference", ignore=shutil.ignore_patterns("lab", "mini"))
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, root / name)
    settings = yaml.safe_load((ROOT / "profiles" / "lab.yaml").read_text(encoding="utf-8"))
    grid = settings["grid"][0]  # the block of trained recipes
    trained = [name for name, recipe in settings["recipes"].items() if not recipe.get("planted")]
    recipes = list(dict.fromkeys([*grid["recipes"], *trained]))
    if size.recipes > len(recipes):
        sys.exit(f"expected at most {len(recipes)} recipes, which profiles/lab.yaml has, found {size.recipes}")
    settings |= {"profile": PROFILE, "title": "many cells, made up from the pinned laboratory's"}
    settings["grid"] = grid | {"recipes": recipes[: size.recipes], "seeds": list(range(1, size.seeds + 1))}
    (root / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=root, check=True)
    params, paths = load_params(root), Paths(root, PROFILE)
    write_grid(params, paths)
    return params, paths


def _pinned() -> dict[tuple[str, str, int], dict[str, Any]]:
    """(recipe, target, seed) -> the pinned laboratory's result."""
    lines = (LABORATORY / "results.jsonl").read_text(encoding="utf-8").splitlines()
    results = map(json.loads, lines)
    return {(found["cell"]["recipe"], found["cell"]["target"], found["cell"]["seed"]): found for found in results}


def _write(path: Path, content: Any) -> None:
    """As harness.project.files.write_json, without waiting for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _weights(path: Path, content: str) -> str:
    """Write a few bytes in the place of weights; returns their sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return hashlib.sha256(content.encode()).hexdigest()


def _intermediate(recipe: str, seed: int, paths: Paths, provenance: dict[str, Any], encoder: str) -> None:
    folder = paths.checkpoint(recipe, seed)
    own = folder / "model.safetensors"
    weights = encoder if recipe == BASELINE else _weights(own, f"{recipe}-{seed}")
    said = {"recipe": recipe, "status": "ok", "unavailable": [], "left_out": {}}
    _write(folder / "checkpoint.json", said | {"weights_sha256": weights, "planted": [], "overlaps": {}})
    resolved = json.loads(paths.recipe(recipe).read_text(encoding="utf-8"))
    record = said | {"seed": seed, "inputs": {"recipe": resolved}, "provenance": provenance, "elapsed_s": 20.0}
    _write(paths.intermediate(recipe, seed), record)


def _cells(params: Params, paths: Paths, pinned: dict[Any, dict[str, Any]], inputs: dict[str, str]) -> None:
    """Every cell: the pinned ones of its target in turn, the baseline's for the baseline."""
    recipes = list(dict.fromkeys(recipe for recipe, _, _ in pinned))
    trained = [recipe for recipe in recipes if recipe != "none"]
    seeds = list(dict.fromkeys(seed for _, _, seed in pinned))
    unpacked = {
        key: gzip.decompress((LABORATORY / "predictions" / f"{'-'.join(map(str, key))}.json.gz").read_bytes())
        for key in pinned
    }
    for number, cell in enumerate(grid_cells(params)):
        place = params.grid.recipes.index(cell.recipe)
        like = "none" if cell.recipe == "none" else trained[(place - 1) % len(trained)]
        key = (like, cell.target, seeds[(cell.seed - 1) % len(seeds)])
        folder = paths.cell(cell.recipe, cell.target, cell.seed)
        folder.mkdir(parents=True)
        predictions = gzip.compress(unpacked[key], mtime=number + 1)
        (folder / "predictions.json.gz").write_bytes(predictions)
        for name, file in pinned[key]["kept"].items():
            shutil.copy(LABORATORY / kept_files_name(name, "-".join(map(str, key))), folder / file["path"])
        kept = {"path": "predictions.json.gz", "sha256": hashlib.sha256(predictions).hexdigest()}
        own = hashlib.sha256(f"{cell.recipe}-{cell.seed}".encode()).hexdigest()
        weights = inputs["encoder"] if cell.recipe == BASELINE else own  # the baseline trains nothing
        changed = {"profile": PROFILE, "cell": cell.model_dump(), "predictions": kept}
        changed["inputs"] = pinned[key]["inputs"] | inputs | {"checkpoint": weights}
        _write(folder / "result.json", pinned[key] | changed)


def _lock(params: Params, paths: Paths) -> None:
    """dvc.lock, and DVC's cache, as `dvc repro` would have left them."""
    lock = Lock(paths.root)
    described: dict[str, dict[str, Any]] = {}

    def described_once(path: str) -> dict[str, Any]:
        if path not in described:
            described[path] = _entry(paths.root, path, lock)
        return described[path]

    stages = {}
    for name, stage in _stages(params, paths.root):
        entry: dict[str, Any] = {"cmd": stage["cmd"]}
        entry["deps"] = [described_once(path) for path in sorted(stage.get("deps", []))]
        if "params" in stage:
            wanted = sorted(stage["params"])
            entry["params"] = {"params.yaml": {key: lock.param("params.yaml", key) for key in wanted}}
        entry["outs"] = [described_once(path) for path in sorted(stage["outs"])]
        for out in entry["outs"]:
            _cache(paths.root, out)
        stages[name] = entry
    fastest = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper = type("Dumper", (fastest,), {"ignore_aliases": lambda *_: True})  # DVC writes no aliases
    text = yaml.dump({"schema": "2.0", "stages": stages}, Dumper=dumper, sort_keys=False, width=10**6)
    (paths.root / "dvc.lock").write_text(text, encoding="utf-8")


def _stages(params: Params, root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name -> stage, every list of dvc.yaml spread out and every `${...}` filled in, in the order of the file."""
    listed = grid_units(params)
    lists = {"${data.tasks}": params.data.tasks} | {f"${{units.{name}}}": units for name, units in listed.items()}
    content = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in content.items():
        if name in LATER:
            continue
        items: dict[str, dict[str, Any]] = {"": {}}
        if "foreach" in stage:
            items, stage = lists[stage["foreach"]], stage["do"]
        for axis, values in stage.pop("matrix", {}).items():
            items = {value: {axis: value} for value in lists[values]}
        text = json.dumps(stage).replace("${profile}", params.profile)
        for member, item in items.items():
            filled = text
            for axis, value in item.items():
                filled = filled.replace(f"${{item.{axis}}}", str(value))
            yield "@".join(filter(None, [name, member])), json.loads(filled)


def _entry(root: Path, path: str, lock: Lock) -> dict[str, Any]:
    """What dvc.lock says of a path."""
    full = root / path
    entry: dict[str, Any] = {"path": path, "hash": "md5", "md5": lock.md5(path)}
    if not full.is_dir():
        return entry | {"size": full.stat().st_size}
    sizes = [one.stat().st_size for one in full.rglob("*") if one.is_file() and "__pycache__" not in one.parts]
    return entry | {"size": sum(sizes), "nfiles": len(sizes)}


def _cache(root: Path, out: dict[str, Any]) -> None:
    """Put an output into DVC's cache: its files by md5, and of a folder the list of them."""
    full = root / out["path"]
    files = sorted(one for one in full.rglob("*") if one.is_file()) if full.is_dir() else [full]
    listed = []
    for file in files:
        md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        listed.append({"md5": md5, "relpath": file.relative_to(full).as_posix()})
        place = _cached(root, md5)
        if not place.exists():
            shutil.copyfile(file, place)
    if full.is_dir():
        listed.sort(key=lambda entry: entry["relpath"])
        _cached(root, out["md5"]).write_text(json.dumps(listed), encoding="utf-8")


def _cached(root: Path, md5: str) -> Path:
    folder = root / ".dvc" / "cache" / "files" / "md5" / md5[:2]
    folder.mkdir(parents=True, exist_ok=True)
    return folder / md5[2:]


if __name__ == "__main__":
    data, root, recipes, seeds = sys.argv[1:]
    if not Path(data).is_dir():
        make_data(Path(data))
    make(Path(root), Size(int(recipes), int(seeds)), Path(data))
