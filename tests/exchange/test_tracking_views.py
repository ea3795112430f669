"""What MLflow's users look at: recipes with means, verdicts, data sets, trainings, collapsed cells, the way there."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from synthetic import Project, planted
from toy import ROOT

from harness.audit.levels import verify_results
from harness.audit.subject import find_results
from harness.exchange.tracking.held import Held, read_held
from harness.exchange.tracking.links import experiment_links
from harness.exchange.tracking.names import (
    CELL_TAG,
    NAME_TAG,
    NOTE_TAG,
    PARENT_TAG,
    RECIPE_TAG,
    SHA_TAG,
    STATUS_TAG,
    numbered,
)
from harness.exchange.tracking.track import track
from harness.exchange.tracking.trainings import training_entries
from harness.pages.study.pictures import pictures_of
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.paths import Paths
from harness.project.results import Cell

GAINS = {"squad_v2": 8.2, "mnli": -1.0}
TRAINING = {
    "recipe": "mnli",
    "seed": 1,
    "status": "ok",
    "reasons": [],
    "dev_headline": {"mnli": 70.0},
    "curve": [{"step": 10, "loss": 1.5, "learning_rate": 0.001}, {"step": 20, "loss": 0.5, "learning_rate": 0.0}],
    "counts": {"mnli.examples": 300},
    "inputs": {"recipe": {"tasks": {"mnli": {"data_sha256": "ab" * 32}}}},
    "provenance": {"git_commit": "c0ffee"},
    "elapsed_s": 3.0,
}


@pytest.fixture(scope="module")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database that exists already, since creating one takes seconds."""
    folder = tmp_path_factory.mktemp("blank")
    MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def project(make_project: Callable[..., Project], blank_database: bytes) -> Project:
    """Three recipes on a trained and a retrieval target, two seeds; one cell has collapsed."""
    made = make_project(recipes=("none", "squad_v2", "mnli"), targets=("xnli", "tatoeba"), seeds=(1, 2))
    made.run(planted(GAINS))
    made.write_cell(Cell(recipe="mnli", target="xnli", seed=2), 40.0, status="collapsed", reasons=["it says one thing"])
    made.write_scores()
    made.paths.mlruns.mkdir()
    (made.paths.mlruns / "mlflow.db").write_bytes(blank_database)
    return made


def imported(project: Project) -> dict[str, Run]:
    """Import the project's results and verdicts; returns the runs by their `harness.name` and kind."""
    paths = project.paths
    judged = find_results(project.params, paths)
    track(paths, paths.mlruns, judged.table, verify_results(judged, project.params, paths))
    client = MlflowClient(tracking_uri=f"sqlite:///{paths.mlruns / 'mlflow.db'}")
    found = client.search_runs([e.experiment_id for e in client.search_experiments() if e.name == "lab"])
    named = {f"{run.data.tags['harness.kind']} {run.data.tags[NAME_TAG]}": run for run in found}
    assert len(named) == len(found)
    return named


def test_runs_show_what_was_found(project: Project) -> None:
    """Means on recipes, a run of verdicts, data sets with digests, collapsed cells that are seen."""
    runs = imported(project)

    squad = runs["recipe squad_v2"]
    assert squad.info.run_name == "squad_v2" and squad.data.tags[STATUS_TAG] == "ok"
    found = squad.data.metrics
    assert found["gain/00_all_targets"] == pytest.approx(8.1)  # noise of the two seeds: -0.2 and 0
    assert found["gain/00_without_retrieval"] == found["gain/01_xnli"] == pytest.approx(8.1)
    assert found["score/02_tatoeba"] == pytest.approx(50.45 + 8.1)
    assert found["gain_by_language/qaa"] == pytest.approx(8.1) and found["status/ok"] == 4
    assert "**+8.1 points**" in squad.data.tags[NOTE_TAG]
    assert not any(name.startswith("gain") for name in runs["recipe none"].data.metrics)

    cell = runs["cell mnli-xnli-2"]
    assert (cell.info.run_name, cell.info.status) == ("mnli-xnli-2 (collapsed)", "FAILED")
    assert cell.data.tags[STATUS_TAG] == "collapsed" and "it says one thing" in cell.data.tags[NOTE_TAG]
    assert cell.data.metrics["score"] == 40.0
    assert runs["recipe mnli"].info.run_name == "mnli (1 collapsed)"
    assert cell.data.tags[PARENT_TAG] == runs["recipe mnli"].info.run_id
    assert cell.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert cell.data.tags["mlflow.source.name"] == "harness run cell mnli xnli 2"
    (given,) = cell.inputs.dataset_inputs
    sha256 = json.loads((project.paths.cell("mnli", "xnli", 2) / "result.json").read_text())["inputs"]["data"]
    assert (given.dataset.name, given.dataset.digest) == ("xnli", sha256[:36])
    assert json.loads(given.dataset.source)["sha256"] == sha256
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "evaluation")]

    verdicts = runs["verdicts verdicts"]
    assert verdicts.data.tags["verdict.squad-gain"] == "NOT_TESTED"
    number = numbered([claim["id"] for claim in yaml.safe_load((project.paths.reference / "claims.yaml").read_text())])
    name = number["squad-gain"]
    assert verdicts.data.metrics[f"verdict_measured_points/{name}"] == pytest.approx(8.1)
    assert verdicts.data.params[f"claim.{name}"].startswith("NOT_TESTED, expected +8.2 +- 1.5, measured +8.1")
    assert (
        verdicts.data.metrics["verdicts/NOT_TESTED"] > 0 and "measured claims" in verdicts.data.tags["harness.answer"]
    )


def test_recipes_keep_their_runs_and_verdicts_are_replaced(project: Project) -> None:
    first, again = imported(project), imported(project)
    assert {name: run.info.run_id for name, run in again.items()} == {n: run.info.run_id for n, run in first.items()}
    project.write_cell(Cell(recipe="mnli", target="xnli", seed=2), 60.0)
    project.write_scores()
    changed = imported(project)
    assert changed.keys() == first.keys()
    new = {name for name, run in changed.items() if run.info.run_id != first[name].info.run_id}
    assert new == {"cell mnli-xnli-2", "verdicts verdicts"}
    mnli, before = (runs["recipe mnli"].data for runs in (changed, first))
    assert mnli.metrics["gain/01_xnli"] > before.metrics["gain/01_xnli"]
    assert mnli.metrics["status/ok"] == 4 and mnli.metrics["status/collapsed"] != mnli.metrics["status/collapsed"], (
        "what is no longer so is NaN"
    )
    assert changed["recipe mnli"].info.run_name == "mnli"


def test_runs_of_an_older_layout_are_made_anew(project: Project) -> None:
    """Runs without kind and name: a recipe's stays and is filled, a cell's is replaced."""
    client = MlflowClient(tracking_uri=f"sqlite:///{project.paths.mlruns / 'mlflow.db'}")
    place = (project.paths.mlruns / "artifacts" / "lab").resolve().as_uri()
    experiment = client.create_experiment("lab", artifact_location=place)
    recipe = client.create_run(experiment, tags={RECIPE_TAG: "mnli"}, run_name="mnli").info.run_id
    sha256 = hashlib.sha256((project.paths.cell("mnli", "xnli", 1) / "result.json").read_bytes()).hexdigest()
    tags = {RECIPE_TAG: "mnli", CELL_TAG: "mnli-xnli-1", SHA_TAG: sha256, PARENT_TAG: recipe}
    cell = client.create_run(experiment, tags=tags, run_name="mnli-xnli-1").info.run_id
    client.set_terminated(cell, "FINISHED")
    runs = imported(project)
    assert runs["recipe mnli"].info.run_id == recipe and runs["recipe mnli"].data.metrics["status/ok"] == 3
    assert runs["recipe mnli"].info.status == "FINISHED"
    assert runs["cell mnli-xnli-1"].info.run_id != cell and len(runs) == 3 + 12 + 1


def test_pages_that_were_made_go_along(project: Project) -> None:
    imported(project)
    page = project.paths.build / "report.html"
    page.write_text("<p>found</p>")
    run = imported(project)["verdicts verdicts"]
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert (folder / "report.html").read_text() == "<p>found</p>"
    assert "NOT_TESTED" in (folder / "verdicts.txt").read_text()
    assert json.loads((folder / "verdicts.json").read_text())["judged"] == "run"


@pytest.mark.parametrize("broken", [None, "failed", "unavailable"])
def test_pictures_are_drawn_of_any_grid(
    broken: str | None, make_project: Callable[..., Project], tmp_path: Path
) -> None:
    """One seed, no interval, no score of a recipe: whatever there is to draw is drawn."""
    made = make_project(recipes=("none", "mnli"), targets=("xnli", "tatoeba"), seeds=(1,))
    for reference in ("languages.yaml", "low_resource.yaml"):
        shutil.copy(ROOT / "reference" / reference, made.root / "reference" / reference)
    shutil.copytree(ROOT / "tasks", made.root / "tasks")
    made.run(planted(GAINS))
    if broken:
        for target in ("xnli", "tatoeba"):
            made.write_cell(Cell(recipe="mnli", target=target, seed=1), None, status=broken, reasons=["why"])
        made.write_scores()
    judged = find_results(made.params, made.paths)
    found = verify_results(judged, made.params, made.paths)
    draw = pictures_of(judged.table, found, made.params, made.paths)
    assert draw is not None
    draw(tmp_path / "figures")
    assert list((tmp_path / "figures").glob("study_*.png")) or broken
    assert pictures_of(None, found, made.params, made.paths) is None


def test_trainings_keep_their_curves(project: Project) -> None:
    write_json(project.paths.intermediate("mnli", 1), TRAINING)
    write_json(project.paths.intermediate("none", 1), TRAINING | {"recipe": "none", "curve": []})
    runs = imported(project)
    assert "training none-1" not in runs, "the baseline trains nothing"
    run = runs["training mnli-1"]
    assert run.data.tags[PARENT_TAG] == runs["recipe mnli"].info.run_id
    client = MlflowClient(tracking_uri=f"sqlite:///{project.paths.mlruns / 'mlflow.db'}")
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(10, 1.5), (20, 0.5)]
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, json.loads(given.dataset.profile)) == ("mnli", {"num_rows": 300})


def test_a_record_of_another_form_is_named(project: Project) -> None:
    path = project.paths.intermediate("mnli", 1)
    write_json(path, {"status": "ok", "curve": [1]})
    with pytest.raises(HarnessError, match=str(path)):
        imported(project)


def test_the_way_to_the_experiment_opens_on_its_charts(project: Project, tmp_path: Path) -> None:
    imported(project)
    links = experiment_links(project.paths.mlruns, "5001")
    assert list(links) == ["lab"]
    assert links["lab"].startswith("http://127.0.0.1:5001/#/experiments/") and "compareRunsMode=CHART" in links["lab"]
    with pytest.raises(HarnessError, match="harness track"):
        experiment_links(tmp_path / "nowhere")
    (tmp_path / "mlflow.db").write_text("no database, but as long as the head of one would be" * 9)
    with pytest.raises(HarnessError, match=str(tmp_path)):
        experiment_links(tmp_path)


def test_pinned_results_have_an_experiment_of_their_own(project: Project, repo_root: Path) -> None:
    """Where nothing has run; of the laboratory's pins two cells and the trainings."""
    held = read_held(Paths(repo_root, "lab"))
    if not held.pinned:
        pytest.skip("the laboratory has run in this checkout")
    assert len(held.cells) == 150 and all(path.is_file() for each in held.cells for path in each.files.values())
    kinds = [(entry.kind, entry.recipe) for entry in training_entries(held)]
    assert kinds[0] == ("encoder", None) and kinds.count(("training", "mnli")) == 3 and len(kinds) == 13
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "harness.exchange.tracking.track.read_held", lambda _: Held(True, held.cells[:2], held.encoder, [])
        )
        assert track(project.paths, project.paths.mlruns) == 2
    assert list(experiment_links(project.paths.mlruns)) == ["lab (pinned)"]


def test_names_keep_their_order() -> None:
    names = numbered([f"c{number}" for number in range(120, 0, -1)])
    assert sorted(names.values()) == list(names.values()) and names["c120"] == "001_c120"
