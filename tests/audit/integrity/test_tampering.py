"""Whatever is changed after a run is caught and named: real predictions of the laboratory, changed one thing at a time.

Most forgers are thorough: what follows from the change (means, tables, hashes, dvc.lock) is changed too, save for the
one thing that gives it away.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from harness.audit.integrity import collapse
from harness.audit.integrity.gold import find_gold
from harness.audit.integrity.rescore import Rescorer
from harness.audit.levels import verify_all
from harness.audit.report import render
from harness.audit.scores import cell_score, target_groups, write_scores
from harness.audit.verification import Verification
from harness.data.build import build_task
from harness.experiment.findings import Findings, rounded, write_kept
from harness.experiment.inputs import fingerprint
from harness.experiment.training import loop, prepare
from harness.metrics.scoring import score
from harness.metrics.xtreme import task_score
from harness.pipeline.lock import LOCK, Lock
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import read_results
from harness.project.profiles import load_params
from harness.project.results import CurvePoint, Kept, Result, grid_cells, kept_name, read_result, write_result
from harness.project.tasks import load_task
from harness.verify.scores import read_scores

TARGETS = ("xnli", "udpos", "xquad", "bucc")
"""A target of every group."""
CODE = "harness/experiment/cell.py"
SETTINGS = ("evaluation", "compute")


@dataclass
class Run:
    """A finished run: a part of the laboratory's pinned results, laid out as the pipeline leaves them."""

    params: Params
    paths: Paths

    def cell(self, name: str) -> Path:
        return self.paths.cells / name

    def result(self, name: str) -> Result:
        return read_result(self.cell(name) / "result.json")

    def predictions(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(gzip.decompress((self.cell(name) / "predictions.json.gz").read_bytes()))
        return content

    def write(self, result: Result, predictions: Any = None) -> None:
        """Put a result (and its predictions) in its place, with the hash and the mean that belong to it."""
        if predictions is not None:
            packed = gzip.compress(json.dumps(predictions).encode(), mtime=0)
            (self.cell(result.cell.id) / "predictions.json.gz").write_bytes(packed)
            kept = {"path": "predictions.json.gz", "sha256": hashlib.sha256(packed).hexdigest()}
            result = Result.model_validate(result.model_dump() | {"predictions": kept})
        group = target_groups([result.cell.target], self.paths.tasks)[result.cell.target]
        score = round(task_score(group, result.scores), 10)
        write_result(self.cell(result.cell.id), result.model_copy(update={"score": score}))
        table = read_scores(self.paths.scores)
        rows = [
            cell_score(read_result(self.cell(row.cell.id) / "result.json"), table.groups[row.cell.target])
            for row in table.cells
        ]
        write_json(self.paths.scores, table.model_copy(update={"cells": rows}).model_dump(mode="json"))

    def lock(self) -> None:
        """Record everything that lies here in dvc.lock, as the pipeline would."""
        here = Lock(self.paths.root)

        def entry(deps: list[Path], outs: list[Path], settings: tuple[str, ...] = ()) -> dict[str, Any]:
            names = [[path.relative_to(self.paths.root).as_posix() for path in some] for some in (deps, outs)]
            deps_, outs_ = ([{"path": name, "md5": here.md5(name)} for name in some] for some in names)
            params = {"params.yaml": {name: here.param("params.yaml", name) for name in settings}}
            return {"deps": deps_, "outs": outs_, "params": params}

        stages = {f"data@{task}": entry([], [self.paths.data(task)]) for task in TARGETS}
        for target in TARGETS:
            code = self.paths.root / CODE
            data = self.paths.data(target)
            stages[f"target@{target}"] = entry([code, data], [self.paths.target(target)], SETTINGS)
        for cell in grid_cells(self.params):
            deps, folder = [self.paths.target(cell.target)], self.paths.cell(cell.recipe, cell.target, cell.seed)
            stages[f"cell@{cell.id}"] = entry(deps, [folder])
        stages["scores"] = entry([], [self.paths.scores])
        (self.paths.root / LOCK).write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))

    def verify(self, quick: bool = False) -> Verification:
        return verify_all(self.params, self.paths, quick)

    def problems(self) -> list[str]:
        """What V0 finds; it has to find something, and then nothing is concluded."""
        found = self.verify()
        assert found.exit_code == 3 and not found.v0.ok
        return found.v0.problems


def keep(run: Run, name: str, right: int = 3) -> None:
    """What a cell keeps beside its predictions, with made-up answers of dev rows: right but for every `right`th."""
    result = run.result(name)
    task = load_task(result.cell.target, run.paths.tasks)
    gold, found = find_gold(task.name, "", run.params, run.paths), Findings()
    for language, entry in run.predictions(name)["languages"].items():
        found.gold[language], found.predictions[language] = gold.rows(language), entry["predictions"]
    dev_scores = {}
    for language in gold.dev_files:
        rows = gold.dev_rows(language)
        answers = [row["label"] if place % right else "neutral" for place, row in enumerate(rows)]
        found.predict_dev(language, run.paths.data(task.name) / f"dev.{language}.jsonl", rows, answers)
        dev_scores = rounded(score(task.metric, rows, answers, language))
    if task.head == "retrieval":
        found.layers = {layer: result.scores if layer == 2 else {} for layer in range(5)}
    kept = write_kept(run.cell(name), task, found)
    changes = {"kept": kept, **({"dev_scores": dev_scores} if dev_scores else {})}
    write_result(run.cell(name), result.model_copy(update=changes))


def pin_test_rows_alone(path: Path) -> None:
    """Leave out the training rows, which take long to generate and which nothing here asks for, and all dev rows but
    those of one target."""
    task = yaml.safe_load(path.read_text(encoding="utf-8"))
    pin = task["pins"]["generated"]
    kept = ("test", "dev") if path.stem == "xnli" else ("test",)
    pin["files"] = {stem: entry for stem, entry in pin["files"].items() if stem.startswith(kept)}
    path.write_text(yaml.safe_dump(task, sort_keys=False, allow_unicode=True), encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Path:
    """The project of an untouched run; not to be written to."""
    root = tmp_path_factory.mktemp("tampering") / "project"
    for name in ("tasks", "profiles"):
        shutil.copytree(repo_root / name, root / name)
    (root / "reference").mkdir()
    for name in ("claims.yaml", "paper.yaml"):
        shutil.copy(repo_root / "reference" / name, root / "reference" / name)
    content = yaml.safe_load((repo_root / "profiles" / "lab.yaml").read_text(encoding="utf-8"))
    content["grid"] = {"recipes": ["none"], "targets": list(TARGETS), "seeds": [1, 2]}
    content["data"]["tasks"] = list(TARGETS)
    (root / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (root / CODE).parent.mkdir(parents=True)
    (root / CODE).write_text("# the code of a cell\n", encoding="utf-8")
    run = Run(load_params(root), Paths(root, "lab"))
    manifests = {}
    for target in TARGETS:
        pin_test_rows_alone(run.paths.tasks / f"{target}.yaml")
        build_task(target, run.params, run.paths)
        manifests[target] = hashlib.sha256((run.paths.data(target) / "manifest.json").read_bytes()).hexdigest()
        run.paths.target(target).parent.mkdir(exist_ok=True)
        run.paths.target(target).write_text(f'{{"target": "{target}"}}\n', encoding="utf-8")
    pinned = read_results(repo_root / "reference" / "lab" / "results.jsonl")
    for cell in grid_cells(run.params):
        inputs = pinned[cell.id].inputs | {"data": manifests[cell.target]}
        changes = {"inputs": inputs, "kept": {}}  # as older cells are: what they keep follows from rows left out here
        write_result(run.cell(cell.id), pinned[cell.id].model_copy(update=changes))
        kept = repo_root / "reference" / "lab" / "predictions" / f"{cell.id}.json.gz"
        shutil.copy(kept, run.cell(cell.id) / "predictions.json.gz")
    write_scores(run.params, run.paths)
    run.lock()
    return root


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Run:
    """A copy that a test may change."""
    root = tmp_path / "project"
    shutil.copytree(whole, root)
    return Run(load_params(root), Paths(root, "lab"))


@pytest.fixture
def keeping(run: Run) -> Run:
    """Two of its cells keep what cells keep today; the others are as older ones."""
    for name in ("none-xnli-1", "none-bucc-1"):
        keep(run, name)
    write_scores(run.params, run.paths)
    run.lock()
    return run


def rekeep(run: Run, name: str, kept: Kept, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what a cell keeps, with the hashes that belong to it, in the result and in dvc.lock."""
    path, result = run.cell(name) / kept_name(kept), run.result(name)
    content = json.loads(gzip.decompress(path.read_bytes()))
    change(content)
    packed = gzip.compress(json.dumps(content).encode(), mtime=0)
    path.write_bytes(packed)
    file = result.kept[kept].model_copy(update={"sha256": hashlib.sha256(packed).hexdigest()})
    run.write(result.model_copy(update={"kept": result.kept | {kept: file}}))
    run.lock()


@pytest.mark.slow
def test_what_a_cell_keeps_follows_from_its_predictions(keeping: Run) -> None:
    kept = [sorted(keeping.result(name).kept) for name in ("none-xnli-1", "none-bucc-1", "none-xnli-2")]
    assert kept == [["dev", "items"], ["items", "layers"], []]
    v0 = keeping.verify().v0
    assert v0.problems == [] and v0.rescored == 8


def test_a_dev_score_that_dev_predictions_do_not_give_is_named_with_both_numbers(keeping: Run) -> None:
    result = keeping.result("none-xnli-1")
    true = result.dev_scores["accuracy"]
    keeping.write(result.model_copy(update={"dev_scores": {"accuracy": true + 5}}))
    keeping.lock()
    (problem,) = keeping.problems()
    assert (
        "cell none-xnli-1 " in problem
        and f"dev accuracy of qaa stated as {true + 5:.6f}, recomputed {true:.6f}" in problem
    )
    keeping.write(result.model_copy(update={"dev_by_language": {"qab": {"accuracy": 50.0}}}))
    keeping.lock()
    (problem,) = keeping.problems()
    assert "dev accuracy of qab stated as 50.000000, recomputed nothing" in problem


def test_ok_instead_of_collapsed_is_found_by_the_dev_predictions(run: Run) -> None:
    keep(run, "none-xnli-1", right=1)
    write_scores(run.params, run.paths)
    run.lock()
    (problem,) = run.problems()
    assert "cell none-xnli-1 " in problem and "status ok, where the dev predictions in qaa mean collapsed" in problem
    assert "the same is said of every dev row" in problem
    collapsed = run.result("none-xnli-1").model_copy(update={"status": "collapsed", "reasons": ["so"]})
    run.write(collapsed)
    run.lock()
    assert run.verify().v0.problems == []


def test_collapsed_instead_of_ok_is_found_unless_the_stated_losses_say_it(keeping: Run) -> None:
    """A target that the baseline never learnt is left out of replications, so the word is worth inventing."""
    result = keeping.result("none-xnli-1")

    def state(*losses: float) -> None:
        curve = [CurvePoint(step=i, loss=loss, learning_rate=1e-4) for i, loss in enumerate(losses, 1)]
        keeping.write(result.model_copy(update={"status": "collapsed", "reasons": ["so"], "curve": curve}))
        keeping.lock()

    state(*[2.0] * 19, 1.0)
    (problem,) = keeping.problems()
    assert "cell none-xnli-1 " in problem and "status collapsed, where the dev predictions in qaa" in problem
    state(*[2.0] * 20)
    assert keeping.verify().v0.problems == [], "a loss that did not fall is a reason, too, and only stated"


@pytest.mark.parametrize(
    ("name", "rows", "predictions"),
    [
        ("accuracy", [{"label": one} for one in "abcabc"], list("aaaaaa")),
        ("accuracy", [{"label": one} for one in "abcabc"], list("abcabc")),
        ("accuracy", [{"label": one} for one in "aabacb"], list("aabbbb")),
        ("accuracy", [{"label": one} for one in "aaaaab"], list("aaabab")),
        ("span_f1", [{"tags": ["O", "B-PER"]}, {"tags": ["O"]}], [["O", "O"], ["O"]]),
        ("span_f1", [{"tags": ["O", "B-PER"]}, {"tags": ["O"]}], [["O", "B-PER"], ["O"]]),
    ],
)
def test_a_cell_has_collapsed_here_where_its_training_says_so(name: str, rows: list[Any], predictions: Any) -> None:
    task = SimpleNamespace(metric=name)
    trained = prepare.collapse_reasons(task, None, rows, predictions)  # type: ignore[arg-type]
    assert prepare.CHANCE_MARGIN == collapse.CHANCE_MARGIN
    assert (loop.POINTS, loop.FLAT) == (collapse.POINTS, collapse.FLAT)
    assert len(trained) == len(collapse.collapse_reasons(name, rows, predictions))


def _flip(items: dict[str, Any], split: str, language: str, name: str) -> None:
    first = items[split][language][name]
    first[0], first[-1] = 1 - first[0], 1 - first[-1]


def _swap(items: dict[str, Any]) -> None:
    """Another order of the same items: the total stays."""
    counts = items["test"]["qab"]["correct"]
    place = counts.index(1 - counts[0])
    counts[0], counts[place] = counts[place], counts[0]


@pytest.mark.parametrize(
    ("name", "kept", "change", "words"),
    [
        ("none-xnli-1", "items", _swap, "other test items in qab than its predictions give"),
        ("none-xnli-1", "items", lambda c: _flip(c, "dev", "qaa", "correct"), "other dev items in qaa"),
        ("none-xnli-1", "items", lambda c: c["test"].pop("qab"), "items of accuracy in"),
        ("none-xnli-1", "items", lambda c: c.update(metric="span_f1"), "another form"),
        ("none-xnli-1", "items", lambda c: c.update(task="bucc"), "items.json.gz of bucc and not of xnli"),
        ("none-xnli-1", "dev", lambda c: c["languages"]["qaa"]["predictions"].pop(), "200 gold labels, found 199"),
        ("none-xnli-1", "dev", lambda c: c["languages"]["qaa"].update(data_sha256="0"), "other rows than those here"),
        ("none-xnli-1", "dev", lambda c: c.update(languages={}), "answers in , where the rows are in qaa"),
        (
            "none-bucc-1",
            "layers",
            lambda c: c["layers"]["2"]["qai"].update(f1=99.0),
            "other scores at its own layer in qai",
        ),
        ("none-bucc-1", "layers", lambda c: c.update(layers=[]), "another form"),
        ("none-bucc-1", "items", lambda c: c["test"]["qai"]["predicted"].append(0), "other test items in qai"),
    ],
)
def test_what_is_kept_and_does_not_follow_is_named(
    keeping: Run, name: str, kept: Kept, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    rekeep(keeping, name, kept, change)
    (problem,) = keeping.problems()
    assert f"what cell {name} keeps" in problem and words in problem


def test_a_kept_file_of_other_bytes_or_none_is_named(keeping: Run) -> None:
    path = keeping.cell("none-xnli-1") / "dev.json.gz"
    path.write_bytes(path.read_bytes() + b"x")
    assert any("none-xnli-1/dev.json.gz" in problem for problem in keeping.problems())
    path.unlink()
    assert any("none-xnli-1/dev.json.gz" in problem for problem in keeping.problems())


def test_an_untouched_run_is_sound_and_re_scored_whole(run: Run) -> None:
    v0 = run.verify().v0
    assert v0.problems == [] and v0.rescored == 8 and v0.not_rescored == {}
    assert v0.lock == "8 of 8 cells and 9 other stages as in dvc.lock"
    text = render(run.verify(), details=True, hashes=True)
    assert "8 of 8 cells re-scored from predictions and gold rows" in text and f"dvc.lock: {v0.lock}" in text
    assert "8 of 8 cells, all re-scored" in render(run.verify()) and v0.lock not in render(run.verify())


@pytest.mark.parametrize(
    ("target", "language", "metric"),
    [("xnli", "qab", "accuracy"), ("udpos", "qah", "f1"), ("xquad", "qaa", "em"), ("bucc", "qai", "f1")],
)
def test_a_changed_score_is_named_with_both_numbers(run: Run, target: str, language: str, metric: str) -> None:
    result = run.result(f"none-{target}-2")
    true = result.scores[language][metric]
    scores = {**result.scores, language: {**result.scores[language], metric: true + 5}}
    run.write(result.model_copy(update={"scores": scores}))
    run.lock()
    (problem,) = run.problems()
    assert f"cell none-{target}-2 " in problem
    assert f"{metric} of {language} stated as {true + 5:.6f}, recomputed {true:.6f}" in problem


def test_a_changed_prediction_is_named(run: Run) -> None:
    result, said = run.result("none-xnli-1"), run.predictions("none-xnli-1")
    gold = [json.loads(line)["label"] for line in (run.paths.data("xnli") / "test.qac.jsonl").read_text().splitlines()]
    assert said["languages"]["qac"]["predictions"] != gold
    said["languages"]["qac"]["predictions"] = gold
    run.write(result, said)
    run.lock()
    (problem,) = run.problems()
    assert "cell none-xnli-1 " in problem and "accuracy of qac stated as" in problem
    assert problem.count("recomputed 100.000000") == 1


def test_a_changed_prediction_alone_is_named_by_its_hash(run: Run) -> None:
    said = run.predictions("none-udpos-2")
    said["languages"]["qaa"]["predictions"][0][0] = "X"
    (run.cell("none-udpos-2") / "predictions.json.gz").write_bytes(gzip.compress(json.dumps(said).encode()))
    problems = run.problems()
    assert "sha256" in problems[0] and "none-udpos-2/predictions.json.gz" in problems[0]
    assert any("stage cell@none-udpos-2 " in problem for problem in problems)


def test_a_language_that_is_left_out_is_named(run: Run) -> None:
    result, said = run.result("none-xnli-2"), run.predictions("none-xnli-2")
    worst = min(result.scores, key=lambda language: result.scores[language]["accuracy"])
    said["languages"].pop(worst)
    scores = {language: values for language, values in result.scores.items() if language != worst}
    run.write(result.model_copy(update={"scores": scores}), said)
    run.lock()
    (problem,) = run.problems()
    listed, found = problem.split("found xnli in ")
    assert "cell none-xnli-2 " in listed and worst in listed and worst not in found.split(";")[0]


def test_predictions_of_fewer_rows_than_were_to_be_evaluated_are_named(run: Run) -> None:
    """Settings that would allow for it are not the ones whose hash the result names."""
    result, said = run.result("none-xnli-2"), run.predictions("none-xnli-2")
    for entry in said["languages"].values():
        entry["predictions"] = entry["predictions"][:10]
    run.write(result, said)
    run.lock()
    (problem,) = run.problems()
    assert "one prediction for each of 100 gold rows of xnli, qaa" in problem
    settings = json.loads(json.dumps(result.provenance))
    settings["params"]["evaluation"]["max_rows"] = 10
    run.write(result.model_copy(update={"provenance": settings}), said)
    run.lock()
    (problem,) = run.problems()
    assert "cell none-xnli-2 " in problem and "expected the settings with sha256" in problem


def change_a_label(path: Path) -> None:
    first, *others = path.read_text(encoding="utf-8").splitlines()
    row = json.loads(first)
    row["label"] = "neutral" if row["label"] != "neutral" else "entailment"
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")), *others]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_changed_gold_label_is_named_by_file_and_stage(run: Run) -> None:
    change_a_label(run.paths.data("xnli") / "test.qab.jsonl")
    problems = run.problems()
    assert "data/xnli/test.qab.jsonl" in problems[0] and "it was changed" in problems[0]
    assert any("stage data@xnli " in problem and "build/lab/data/xnli" in problem for problem in problems)


def test_a_changed_gold_label_with_all_hashes_made_to_fit_is_named_by_its_pin(run: Run) -> None:
    path = run.paths.data("xnli") / "test.qab.jsonl"
    change_a_label(path)
    manifest = run.paths.data("xnli") / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"][path.name]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(content))
    for name in ("none-xnli-1", "none-xnli-2"):
        result = run.result(name)
        data = {"data": hashlib.sha256(manifest.read_bytes()).hexdigest()}
        run.write(result.model_copy(update={"inputs": result.inputs | data}))
    run.lock()
    problems = run.problems()
    assert "tasks/xnli.yaml pins" in problems[0] and problems[0].endswith("test.qab.jsonl; run `dvc repro data@xnli`")
    assert all("answers to the gold rows of xnli, qab, with sha256" in problem for problem in problems[1:])
    assert [problem.split()[1] for problem in problems[1:]] == ["none-xnli-1", "none-xnli-2"]


def test_a_changed_data_manifest_is_named(run: Run) -> None:
    manifest = run.paths.data("xquad") / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"source_language": "qab"}))
    problems = run.problems()
    assert any("made from the data of xquad that lies here" in problem for problem in problems)
    assert any("stage data@xquad " in problem for problem in problems)


def change_lock(run: Run, change: Callable[[dict[str, Any]], object]) -> None:
    path = run.paths.root / LOCK
    content = yaml.safe_load(path.read_text())
    change(content["stages"])
    path.write_text(yaml.safe_dump(content))


def test_a_changed_dvc_lock_is_named_by_its_stage(run: Run) -> None:
    change_lock(run, lambda stages: stages["cell@none-bucc-2"]["outs"][0].update(md5="0" * 32 + ".dir"))
    (problem,) = run.problems()
    assert "stage cell@none-bucc-2 " in problem and "results/lab/cells/none-bucc-2" in problem


@pytest.mark.parametrize(
    "content", ["<<<<<<< HEAD\nstages:\n", "stages: [one, two]\n", "stages: {cell@none-xnli-1: 3}\n"]
)
def test_a_dvc_lock_in_another_form_is_named(run: Run, content: str) -> None:
    (run.paths.root / LOCK).write_text(content)
    with pytest.raises(HarnessError, match=r"dvc.lock as DVC writes it, found: "):
        run.verify()


def test_a_cell_that_is_not_locked_is_named(run: Run) -> None:
    change_lock(run, lambda stages: stages.pop("cell@none-udpos-1"))
    (problem,) = run.problems()
    assert "no cell@none-udpos-1: not locked" in problem


def test_a_changed_dev_score_is_named_by_its_stage(run: Run) -> None:
    result = run.result("none-xnli-2")
    run.write(result.model_copy(update={"dev_scores": {"accuracy": 99.0}}))
    problems = run.problems()
    assert any("stage cell@none-xnli-2 " in problem for problem in problems)
    assert any("stage scores " in problem and "results/lab/scores.json" in problem for problem in problems)


def test_stale_cells_are_named_with_what_has_changed(run: Run) -> None:
    (run.paths.root / CODE).write_text("# other code\n", encoding="utf-8")
    (problem,) = run.problems()
    assert "found 8 stale: none-xnli-1, none-xnli-2, " in problem and f"changed since: {CODE};" in problem


def test_cells_made_with_other_settings_are_stale(run: Run) -> None:
    text = run.paths.params.read_text(encoding="utf-8")
    run.paths.params.write_text(text.replace("best_spans: 20", "best_spans: 7"), encoding="utf-8")
    assert run.paths.params.read_text(encoding="utf-8") != text
    run.params = load_params(run.paths.root)
    assert any("changed since: params.yaml:evaluation;" in problem for problem in run.problems())


def test_mixed_revisions_are_named(run: Run) -> None:
    result = run.result("none-xnli-2")
    write_result(run.cell("none-xnli-2"), result.model_copy(update={"inputs": result.inputs | {"code": "0" * 64}}))
    run.lock()
    problems = run.problems()
    assert any("`code` for xnli" in p and "none-xnli-1" in p and "none-xnli-2" in p for p in problems)


def test_a_lock_of_another_profile_or_none_is_said(run: Run) -> None:
    path = run.paths.root / LOCK
    path.write_text(path.read_text().replace("results/lab/", "results/mini/"))
    assert run.verify().v0.lock == "dvc.lock records no cell of profile lab"
    path.unlink()
    found = run.verify()
    assert found.v0.ok and found.v0.lock == "no dvc.lock to compare with"


def test_a_quick_look_says_what_it_left_out(run: Run) -> None:
    result = run.result("none-xnli-2")
    scores = {**result.scores, "qaa": {"accuracy": 99.0}}
    run.write(result.model_copy(update={"scores": scores}))
    found = run.verify(quick=True)
    assert found.v0.ok and found.v0.rescored == 0 and found.v0.hashes == 0
    assert found.v0.skipped[1:] == [
        "re-scoring 8 cells",
        "comparing rows with their pins, and everything with dvc.lock",
    ]
    lines = render(found).splitlines()
    assert "V0 integrity  quick     0 hashes, 8 of 8 cells" in lines
    assert any("a quick look left out: hashing " in line for line in lines)


def test_gold_rows_that_are_not_here_are_generated_anew(run: Run) -> None:
    here = {target: find_gold(target, "", run.params, run.paths) for target in TARGETS}
    shutil.rmtree(run.paths.build)
    for target, gold in here.items():
        anew = find_gold(target, "", run.params, run.paths)
        assert (anew.metric, dict(anew.files)) == (gold.metric, dict(gold.files))
        assert all(len(anew.rows(language)) > 50 for language in anew.files)


def test_what_can_not_be_re_scored_says_why(run: Run) -> None:
    results = {cell.id: run.result(cell.id) for cell in grid_cells(run.params)}
    nowhere = run.paths.root / "nowhere"
    found = Rescorer(run.params, run.paths).rescore(results, lambda _: nowhere, lambda *_: nowhere)
    assert found.cells == 0 and found.problems == []
    assert set(found.left_out.values()) == {"predictions are not kept here, only their hashes"}
    shutil.rmtree(run.paths.build)
    local = run.params.data.model_copy(update={"source": "local", "pack": "mini"})
    elsewhere = run.params.model_copy(update={"data": local})
    found = Rescorer(elsewhere, run.paths).rescore(
        results, lambda result: run.cell(result.cell.id) / "predictions.json.gz", lambda *_: nowhere
    )
    assert found.cells == 0 and len(found.left_out) == 8
    assert set(found.left_out.values()) == {"gold rows are not here: `dvc repro` makes them"}


def test_texts_that_were_cut_are_told(run: Run) -> None:
    """Fewer sentences to confuse the pairs with make mining easier."""
    old = run.result("none-bucc-1")
    params = json.loads(json.dumps(old.provenance["params"]))
    params["settings"]["max_others"] = 7
    cut = old.model_copy(
        update={
            "provenance": old.provenance | {"params": params},
            "inputs": old.inputs | {"params": fingerprint(params)},
        }
    )
    for result, told in ((old, []), (cut, ["bucc in texts of gold pairs and 7 others"])):
        found = Rescorer(run.params, run.paths).rescore(
            {result.cell.id: result},
            lambda one: run.cell(one.cell.id) / "predictions.json.gz",
            lambda one, kept: run.cell(one.cell.id) / kept_name(kept),
        )
        assert (found.cells, found.problems, found.cut()) == (1, [], told)


def test_other_forms_of_predictions_are_refused_not_skipped(run: Run) -> None:
    for content, words in (([], "another form"), ({"task": "udpos", "languages": {}}, "found udpos in")):
        run.write(run.result("none-xnli-1"), content)
        run.lock()
        (problem,) = run.problems()
        assert "cell none-xnli-1 can't be scored again" in problem and words in problem
    said = {"task": "xnli", "languages": {}}
    gold = find_gold("xnli", "", run.params, run.paths)
    said["languages"] = {name: {"data_sha256": gold.files[name], "predictions": ["neutral"]} for name in gold.files}
    run.write(run.result("none-xnli-1"), said)
    run.lock()
    assert "one prediction for each of 100 gold rows of xnli, qaa" in run.problems()[0]
