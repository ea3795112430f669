"""A part of the laboratory's pinned results that can be forged one thing at a time, with what follows from it.

A forger is thorough: scores, table, manifest and hashes fit what was changed.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from toy import ROOT

from harness.audit.integrity.findings import Checked
from harness.audit.integrity.gold import find_gold
from harness.audit.integrity.pinned import check_pinned
from harness.audit.integrity.rescore import Rescorer, recompute
from harness.audit.levels import verify_results
from harness.audit.scope import confirm
from harness.audit.scores import cell_score
from harness.audit.subject import Judged
from harness.audit.verification import Verification
from harness.data.build import build_task
from harness.experiment.findings import rounded
from harness.experiment.inputs import fingerprint
from harness.metrics.scoring import items, score
from harness.metrics.xtreme import XTREME_GROUPS, task_score
from harness.project.params import Grid, Params
from harness.project.paths import Paths
from harness.project.pinned import kept_files_name, pinned_files
from harness.project.profiles import describe_data, describe_encoder, read_params
from harness.project.results import Kept, Result, kept_name
from harness.verify.scores import ScoresTable

RECIPES, TARGETS, SEEDS = ("none", "mnli", "squad_v2"), ("pawsx", "udpos", "tatoeba"), (1, 2, 3)
LAB = ROOT / "reference" / "lab"
PUBLISHED = {"encoder": "FacebookAI/xlm-roberta-large", "data": "XTREME"}
"""The scope of the published claims."""


@dataclass
class Lab:
    """Results, predictions, settings and rules that may be changed, and then judged."""

    root: Path
    params: dict[str, Any]
    results: dict[str, dict[str, Any]]
    predictions: dict[str, dict[str, Any]]
    kept: dict[str, dict[Kept, dict[str, Any]]]
    """Cell -> what it keeps beside its predictions."""
    claims: list[dict[str, Any]]
    words: dict[str, str]
    """Encoder and data, as scores.json calls them."""
    withheld: bool = False
    rescorer: Rescorer | None = None

    def copy(self) -> Lab:
        """Another one to change; what was scored again stays known."""
        kept = {"root": self.root, "rescorer": self.rescorer, "withheld": self.withheld}
        return Lab(**kept, **copy.deepcopy({name: vars(self)[name] for name in vars(self) if name not in kept}))

    @property
    def paths(self) -> Paths:
        return Paths(self.root, "lab")

    def names(self, recipe: str | None = None, target: str | None = None) -> list[str]:
        """The cells of a recipe and a target."""
        cells = {name: one["cell"] for name, one in self.results.items()}
        return [n for n, c in cells.items() if recipe in (None, c["recipe"]) and target in (None, c["target"])]

    def copy_cell(self, source: str, recipe: str, seed: int, checkpoint: str | None = None) -> str:
        """The same cell under another recipe and seed; with a checkpoint of its own, where one is given."""
        target = self.results[source]["cell"]["target"]
        name = f"{recipe}-{target}-{seed}"
        self.results[name] = copy.deepcopy(self.results[source])
        self.results[name]["cell"] = {"recipe": recipe, "target": target, "seed": seed}
        self.predictions[name] = copy.deepcopy(self.predictions[source])
        self.kept[name] = copy.deepcopy(self.kept.get(source, {}))
        if checkpoint:
            self.results[name]["inputs"]["checkpoint"] = checkpoint
        return name

    def answers(self, name: str) -> dict[str, list[Any]]:
        """Language -> its answers, which may be changed in place."""
        return {language: entry["predictions"] for language, entry in self.predictions[name]["languages"].items()}

    def score(self, name: str) -> None:
        """Give a cell the scores that its predictions have."""
        result, params = Result.model_validate(self.results[name]), lab_params()
        target = result.cell.target
        gold = find_gold(target, result.inputs["data"], params, self.paths)
        limit = (result.provenance["params"]["evaluation"] or {}).get("max_rows")
        rows = {language: gold.rows(language) for language in gold.files}
        scores = recompute(packed(self.predictions[name]), target, gold, rows, limit)
        self.results[name] |= {"scores": scores, "score": round(task_score(XTREME_GROUPS[target], scores), 10)}
        kept = self.kept.get(name, {})
        if "items" in kept:
            answers = self.answers(name).items()
            kept["items"]["test"] = {one: items(gold.metric, rows[one][:limit], given, one) for one, given in answers}
        if "layers" in kept:
            kept["layers"]["layers"][str(result.provenance["params"]["settings"]["layer"])] = scores

    def keep_dev(self, name: str) -> None:
        """Give a cell dev predictions, made up, and the dev scores that follow from them."""
        result = Result.model_validate(self.results[name])
        gold = find_gold(result.cell.target, result.inputs["data"], lab_params(), self.paths)
        languages, scores = {}, {}
        for language, sha256 in gold.dev_files.items():
            rows = gold.dev_rows(language)
            given = [row["tags"] if "tags" in row else row["label"] for row in rows]
            given[::4] = [one[::-1] if isinstance(one, list) else given[0] for one in given[::4]]
            languages[language] = {"data_sha256": sha256, "predictions": given}
            scores[language] = rounded(score(gold.metric, rows, given, language))
        self.kept[name] = {"dev": {"task": result.cell.target, "languages": languages}}
        self.results[name] |= {"dev_scores": scores.pop(gold.source_language), "dev_by_language": scores}

    def cut(self, rows: int) -> None:
        """Score the first so many rows of each language, and say so as the settings would."""
        self.params["evaluation"]["max_rows"] = rows
        for name, result in self.results.items():
            settings = result["provenance"]["params"]
            settings["evaluation"]["max_rows"] = rows
            result["inputs"]["params"] = fingerprint(settings)
            for entry in self.predictions[name]["languages"].values():
                entry["predictions"] = entry["predictions"][:rows]
            self.kept.pop(name, None)
            self.score(name)

    def claim_here(self) -> None:
        """Give every claim this project's scope, and gains its targets and a wide margin, so that they are decided."""
        for entry in (entry for entry in self.claims if "check" in entry):
            entry["scope"] = dict(self.words)
            if entry["check"]["kind"] == "gain":
                entry["check"]["targets"] = list(TARGETS)
                entry["check"]["margin"]["practical_points"] = 95.0

    def settings(self) -> Path:
        path = self.root / "params.yaml"
        path.write_text(yaml.safe_dump(self.params, sort_keys=False), encoding="utf-8")
        return path

    def write(self) -> None:
        """Put everything in its place, with the hashes that belong to it."""
        folder = self.root / "reference" / "lab"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "predictions").mkdir(parents=True)
        for name, content in self.predictions.items():
            data = packed(content)
            self.results[name]["predictions"]["sha256"] = hashlib.sha256(data).hexdigest()
            if not self.withheld:
                (folder / "predictions" / f"{name}.json.gz").write_bytes(data)
            self.results[name]["kept"] = {}
            for kept, about in ({} if self.withheld else self.kept.get(name, {})).items():
                path, data = folder / kept_files_name(kept, name), packed(about)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
                file = {"path": kept_name(kept), "sha256": hashlib.sha256(data).hexdigest()}
                self.results[name]["kept"][kept] = file
        results = [Result.model_validate(one) for one in self.results.values()]
        rows = [cell_score(one, XTREME_GROUPS[one.cell.target]) for one in results]
        groups = {one.cell.target: XTREME_GROUPS[one.cell.target] for one in results}
        table = ScoresTable(profile="lab", **self.words, groups=groups, cells=rows)
        (folder / "results.jsonl").write_text("".join(one.model_dump_json() + "\n" for one in results))
        (folder / "scores.json").write_text(table.model_dump_json())
        shutil.copyfile(LAB / "encoder.json", folder / "encoder.json")
        manifest = json.loads((LAB / "manifest.json").read_bytes())
        hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in pinned_files(folder)}
        manifest |= {"files": hashes, "cells": list(self.results), "predictions": not self.withheld}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        text = yaml.safe_dump(self.claims, sort_keys=False, allow_unicode=True)
        (self.root / "reference" / "claims.yaml").write_text(text, encoding="utf-8")

    def check(self) -> Checked:
        """Write it and look at its integrity alone (V0)."""
        self.write()
        params = read_params(self.settings())
        self.rescorer = self.rescorer or Rescorer(params, self.paths)
        return confirm(check_pinned(self.paths.pinned, self.rescorer), params, self.paths)

    def judge(self) -> Verification:
        """Write it and judge it, as `harness verify` judges pinned results."""
        checked = self.check()
        return verify_results(Judged("pinned", checked), read_params(self.settings()), self.paths)


@cache
def lab_params() -> Params:
    """The laboratory's settings."""
    return read_params(ROOT / "profiles" / "lab.yaml")


def packed(predictions: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps(predictions, ensure_ascii=False).encode(), mtime=0)


def build_gold(lab: Lab) -> None:
    """Build the targets' data once, so that gold rows are read and not generated at every look."""
    params = read_params(lab.settings())
    for target in TARGETS:
        build_task(target, params, lab.paths)


def make_lab(root: Path) -> Lab:
    """A project below `root` with a part of the pinned results, unchanged."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "reference").mkdir()
    for name in ("tasks", "profiles", "requirements"):
        (root / name).symlink_to(ROOT / name)
    for path in sorted((ROOT / "reference").glob("*.yaml")):
        shutil.copyfile(path, root / "reference" / path.name)
    params = yaml.safe_load((ROOT / "profiles" / "lab.yaml").read_text(encoding="utf-8"))
    params["grid"] = {"recipes": list(RECIPES), "targets": list(TARGETS), "seeds": list(SEEDS)}
    read = [json.loads(line) for line in (LAB / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    results = {
        f"{one['cell']['recipe']}-{one['cell']['target']}-{one['cell']['seed']}": one
        for one in read
        if one["cell"]["recipe"] in RECIPES and one["cell"]["target"] in TARGETS
    }
    predictions = {
        name: json.loads(gzip.decompress((LAB / "predictions" / f"{name}.json.gz").read_bytes())) for name in results
    }
    kept = {
        name: {
            which: json.loads(gzip.decompress((LAB / kept_files_name(which, name)).read_bytes()))
            for which in result.get("kept", {})
        }
        for name, result in results.items()
    }
    read_claims = yaml.safe_load((root / "reference" / "claims.yaml").read_text(encoding="utf-8"))
    claims = [copy.deepcopy(entry) for entry in read_claims]  # margins that several share are then their own
    part = lab_params().model_copy(update={"grid": Grid.model_validate(params["grid"])})  # no planted recipe is in it
    words = {"encoder": describe_encoder(part), "data": describe_data(part)}
    return Lab(root, params, results, predictions, kept, claims, words)
