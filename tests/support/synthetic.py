"""A project in a temporary folder whose results are made up: the truth behind every verdict is known."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.audit.levels import verify_all
from harness.audit.scores import build_scores
from harness.audit.verification import Verification
from harness.metrics.metric import Metric, Row
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import describe_data, describe_encoder
from harness.project.results import Cell, PredictionsFile, Result, collect, grid_cells, kept_name, write_result
from harness.verify.verdicts.verdict import ClaimVerdict

Score = Callable[[Cell], float]
PUBLISHED = {"squad_v2": 8.2, "mnli": 7.5, "hellaswag": 7.0, "multi": 8.7}
"""Recipe -> the gain that the paper claims, in points."""
BASE = 50.0
LANGUAGES = ("qaa", "qab")
MANIFEST: dict[str, Any] = {
    "kind": "toy",
    "head": "toy",
    "metric": "planted",
    "labels": None,
    "source": "toy",
    "source_pin": "none",
    "source_language": "qaa",
    "stand_in": None,
    "counts_dropped": {},
}
"""What a data folder's manifest says beside its task and files."""
METRICS = {"classification": ["accuracy"], "tagging": ["f1"], "qa": ["em", "f1"]}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def say_what_was_planted(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    """The one prediction is what the numbers are to be, so that any score can be made up."""
    assert len(rows) == len(predictions) == 1
    return dict(predictions[0])


METRIC = Metric(
    name=MANIFEST["metric"],
    compute=say_what_was_planted,
    headline=("accuracy",),
    aggregate=("accuracy",),
    group=None,
)
"""The metric of these projects; `registered(METRIC)` makes it known."""


def pack(target: str, scores: dict[str, dict[str, float]], data: Path, split: str = "test") -> bytes:
    """A file of predictions whose metrics, by `planted`, are these scores."""
    files = sorted(data.glob(f"{split}*.jsonl"))
    gold = {path.name.split(".")[1]: sha256(path.read_bytes()) for path in files}
    by_language = {
        language: {"data_sha256": gold.get(language), "predictions": [values]} for language, values in scores.items()
    }
    return gzip.compress(json.dumps({"task": target, "languages": by_language}).encode(), mtime=0)


def planted(gains: dict[str, float], noise: tuple[float, ...] = (-0.2, 0.0, 0.2, -0.1, 0.1)) -> Score:
    """A baseline that moves with the seed, plus each recipe's gain and a noise of the seed's own."""

    def score(cell: Cell) -> float:
        own = gains.get(cell.recipe, 0.0) + noise[cell.seed - 1] if cell.recipe != "none" else 0.0
        return BASE + 0.3 * cell.seed + own

    return score


def flat(score: float, group: str) -> dict[str, dict[str, float]]:
    """Scores of two languages whose XTREME average is `score`."""
    metrics = METRICS.get(group, ["accuracy"])
    return {
        language: {metric: round(score + shift, 10) for metric in metrics}
        for language, shift in zip(LANGUAGES, (1.0, -1.0), strict=True)
    }


@dataclass
class Project:
    """A project folder with a params.yaml, data, claims and perhaps results."""

    root: Path
    params: Params
    paths: Paths

    def write_data(self, dev: Sequence[str] = (), shared: Sequence[str] = ()) -> None:
        """Data folders of one test row a language; tasks of `dev` have a development row too, those of `shared` one
        that is the test row.
        """
        for task in self.params.data.tasks:
            content = f'{{"id": "{task}-0"}}\n'.encode()
            folder = self.paths.data(task)
            folder.mkdir(parents=True, exist_ok=True)
            entry = {"rows": 1, "sha256": sha256(content), "bytes": len(content)}
            split = "test_gold" if task == "bucc" else "test"
            names = [f"{split}.{language}.jsonl" for language in LANGUAGES]
            for name in names:
                (folder / name).write_bytes(content)
            files = dict.fromkeys(names, entry)
            if task in dev:
                row = content if task in shared else f'{{"id": "{task}-dev"}}\n'.encode()
                for name in (name.replace("test", "dev", 1) for name in names):
                    (folder / name).write_bytes(row)
                    files[name] = {"rows": 1, "sha256": sha256(row), "bytes": len(row)}
            made = MANIFEST | {"task": task, "kind": "mining" if task == "bucc" else "toy"}
            write_json(folder / "manifest.json", made | {"files": files})

    def write_cell(self, cell: Cell, score: float | None, **changes: Any) -> None:
        folder, group = self.paths.cell(cell.recipe, cell.target, cell.seed), XTREME_GROUPS[cell.target]
        scores = changes.get("scores", flat(score, group) if score is not None else {})
        content = pack(cell.target, scores, self.paths.data(cell.target))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "predictions.json.gz").write_bytes(content)
        kept = PredictionsFile(path="predictions.json.gz", sha256=sha256(content))
        fields: dict[str, Any] = {
            "schema_version": 1,
            "profile": self.params.profile,
            "cell": cell,
            "status": "ok" if score is not None else "failed",
            "score": score,
            "scores": scores,
            "dev_scores": flat(score, group)["qaa"] if score is not None and group != "retrieval" else {},
            "curve": [],
            "counts": {"rows": 2},
            "predictions": kept if score is not None else None,
            "inputs": self.inputs_of(cell) | changes.pop("inputs", {}),
            "provenance": {
                "threads": 1,
                "machine": {"cpu": "toy"},
                "git_commit": "c0ffee",
                "git_dirty": False,
            },
            "elapsed_s": 1.0,
        }
        write_result(folder, Result(**(fields | changes)))

    def write_developed(self, cell: Cell, score: float, dev_score: float) -> None:
        """A cell with development scores in every language, and the predictions that they follow from."""
        folder, made = self.paths.cell(cell.recipe, cell.target, cell.seed), flat(dev_score, XTREME_GROUPS[cell.target])
        folder.mkdir(parents=True, exist_ok=True)
        content = pack(cell.target, made, self.paths.data(cell.target), "dev")
        (folder / kept_name("dev")).write_bytes(content)
        kept = {"dev": PredictionsFile(path=kept_name("dev"), sha256=sha256(content))}
        self.write_cell(cell, score, dev_by_language=made, dev_scores={}, kept=kept)

    def inputs_of(self, cell: Cell) -> dict[str, str]:
        """What went into a cell, by name; the baseline's checkpoint is the encoder."""
        named = {name: sha256(name.encode()) for name in ("code", "encoder", "tokenizer")}
        return named | {
            "data": sha256((self.paths.data(cell.target) / "manifest.json").read_bytes()),
            "params": sha256(cell.target.encode()),
            "checkpoint": named["encoder"] if cell.recipe == "none" else sha256(f"{cell.recipe}-{cell.seed}".encode()),
        }

    def run(self, score: Score, dev: Sequence[str] = (), **changes: Any) -> Project:
        """Make up the whole run; targets of `dev` have development scores in every language, equal to the test's.

        `changes`: of every other cell's record.
        """
        self.write_data(dev)
        for cell in grid_cells(self.params):
            if cell.target in dev:
                self.write_developed(cell, score(cell), score(cell))
            else:
                self.write_cell(cell, score(cell), **changes)
        self.write_scores()
        return self

    def run_again(self, score: Score) -> Project:
        """The same at another commit: a cell whose record is the pinned one but for times is the pinned one."""
        again = {"threads": 1, "machine": {"cpu": "toy"}, "git_commit": "d0c0de", "git_dirty": False}
        return self.run(score, elapsed_s=2.0, provenance=again)

    def write_scores(self) -> None:
        results = collect(self.paths.cells, grid_cells(self.params))
        write_json(self.paths.scores, build_scores(results, self.params).model_dump(mode="json"))

    def claim_here(self) -> None:
        """Give every claim this project's encoder and data as its scope, so that it can be decided here."""
        path = self.paths.reference / "claims.yaml"
        claims = yaml.safe_load(path.read_text())
        for claim in (entry for entry in claims if "check" in entry):
            claim["scope"] = {"encoder": describe_encoder(self.params), "data": describe_data(self.params)}
        path.write_text(yaml.safe_dump(claims, sort_keys=False))


Make = Callable[..., Project]
"""The fixture `make_project`."""


def judge(project: Project) -> Verification:
    return verify_all(project.params, project.paths)


def claim(verification: Verification, name: str) -> ClaimVerdict:
    return next(found for found in verification.claims if found.id == name)


def keep_claims(project: Project, *names: str) -> None:
    """The project's registry then holds only these claims."""
    path = project.paths.reference / "claims.yaml"
    claims = [entry for entry in yaml.safe_load(path.read_text()) if entry["id"] in names]
    path.write_text(yaml.safe_dump(claims, sort_keys=False))
