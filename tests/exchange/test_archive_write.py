"""Writing an archive: what is in it, what never is, the same bytes twice, and metadata that conforms."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from crates import changed, read_all
from rocrate.rocrate import ROCrate
from synthetic import Project, planted, sha256

from harness.audit.levels import verify_all
from harness.audit.pin_results import pin_results
from harness.commands import main as cli
from harness.exchange.layout import METADATA
from harness.exchange.metadata import PROFILE
from harness.exchange.read import CrateRefused, verify_crate
from harness.exchange.write import export, write_zip
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.profiles import load_params
from harness.project.results import PredictionsFile, Result, grid_cells, read_result, write_result

Make = Callable[..., Project]
ANSWER = "an answer in words of the pack"
PACK_TASKS = ["xnli", "xquad", "panx", "tatoeba"]


@pytest.fixture
def dated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up commits have no date."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")


@pytest.fixture
def run(make_project: Make, repo_root: Path, dated: None) -> Project:
    """A made-up run of two recipes with everything that an archive keeps, one cell of it failed."""
    project = furnish(make_project(recipes=("none", "mnli+mlm"), targets=("xnli", "xquad", "bucc")), repo_root)
    project.run(planted({"mnli+mlm": 2.0}))
    project.write_cell(grid_cells(project.params)[0], None, reasons=["the loss is not a number"])
    project.write_scores()
    origin = {"git_commit": "c0ffee" * 7, "git_dirty": True, "machine": {"cpu": "toy", "cores": 2}}
    for recipe, tasks in (("none", {}), ("mnli+mlm", {"mnli": {}})):
        for seed in project.params.grid.seeds:
            record = {"recipe": recipe, "seed": seed, "inputs": {"recipe": {"tasks": tasks}}, "provenance": origin}
            write_json(project.paths.intermediate(recipe, seed), record | {"status": "ok", "elapsed_s": 2.5})
    encoder = {"model.safetensors": sha256(b"encoder")}
    made = {"sha256": encoder, "provenance": origin | {"packages": {"torch": "2.13.0+cpu"}}}
    write_json(project.paths.results / "encoder.json", made)
    write_json(project.paths.results / "corpus.json", {"languages": {}})
    return project


def furnish(project: Project, repo_root: Path) -> Project:
    """What any clone has beside params.yaml and reference/."""
    for name in ("tasks", "profiles"):
        shutil.copytree(repo_root / name, project.root / name)
    return project


def written(project: Project, out: Path, agent: str | None = None) -> tuple[dict[str, bytes], str]:
    """The files of the project's archive, and what the command says."""
    said = export(project.params, project.paths, project.paths.params, out, agent)
    return read_all(out)[0], said


def graph_of(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    graph = json.loads(files[METADATA])["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    return entities


def ids(value: Any) -> list[str]:
    return [entry["@id"] for entry in (value if isinstance(value, list) else [value])]


def test_a_run_goes_in_and_is_judged_the_same(run: Project, tmp_path: Path) -> None:
    files, said = written(run, tmp_path / "run.zip")
    cells = [cell.id for cell in grid_cells(run.params)]
    wanted = {f"results/lab/cells/{cell}/{name}" for cell in cells for name in ("result.json", "predictions.json.gz")}
    wanted -= {f"results/lab/cells/{cells[0]}/predictions.json.gz"}  # it failed
    wanted |= {f"results/lab/{name}" for name in ("scores.json", "encoder.json", "corpus.json")}
    wanted |= {f"data/{task}/manifest.json" for task in run.params.data.tasks}
    wanted |= {"results/lab/intermediate/mnli+mlm-3.json", "params.yaml", "profiles/paper.yaml", "tasks/xnli.yaml"}
    wanted |= {"reference/claims.yaml", "reference/paper.yaml", "verdicts.json", "report.txt", "provenance.json"}
    assert wanted <= files.keys() and not [name for name in files if name.endswith(".jsonl")]
    assert "the run" in said and sha256((tmp_path / "run.zip").read_bytes()) in said

    here = verify_all(run.params, run.paths)
    found = verify_crate(tmp_path / "run.zip", run.paths)
    assert found.crate is not None and found.crate.holds == "run" and found.crate.notes == []
    assert found.claims == here.claims and found.exit_code == here.exit_code and found.v0.failed == [cells[0]]


def test_the_command_writes_where_it_is_told(
    run: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --out beside where it was typed; a profile without results is one paragraph."""
    monkeypatch.chdir(run.root)
    assert cli.run(["export", "--agent", "Ada Example"]) == 0
    assert "written: lab-crate.zip" in capsys.readouterr().out
    assert cli.run(["verify", "lab-crate.zip"]) == verify_all(run.params, run.paths).exit_code
    assert "the crate lab-crate.zip: a run" in capsys.readouterr().out
    assert cli.run(["export", "--profile", "paper", "--out", "paper.zip"]) == 2
    assert "expected results of profile paper" in capsys.readouterr().err and not (run.root / "paper.zip").exists()


def test_a_scores_table_that_does_not_follow_is_not_archived(run: Project, tmp_path: Path) -> None:
    run.paths.cell("none", "bucc", 1).joinpath("predictions.json.gz").write_bytes(b"changed")
    with pytest.raises(HarnessError, match="expected sound results, found"):
        export(run.params, run.paths, run.paths.params, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


def test_data_of_another_manifest_than_the_cells_is_invalid(run: Project, tmp_path: Path) -> None:
    """The rows are not there, but their manifests are: results must name them."""
    run.paths.scores.unlink()
    files, _ = written(run, tmp_path / "run.zip")
    changes = {"data/xnli/manifest.json": files["data/xnli/manifest.json"] + b" "}
    found = verify_crate(changed(tmp_path / "run.zip", tmp_path / "other.zip", changes, forge=True), None)
    assert found.exit_code == 3 and "data of xnli" in found.v0.problems[0]


def test_the_same_results_give_the_same_bytes(run: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another folder, at another time, in another time zone, over a file that is there."""
    written(run, tmp_path / "one.zip")
    shutil.copytree(run.root, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    copy = Project(tmp_path / "elsewhere", run.params, type(run.paths)(tmp_path / "elsewhere", run.params.profile))
    (tmp_path / "two.zip").write_bytes(b"old")
    written(copy, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())


def test_the_date_is_that_of_the_results_commit(run: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    with pytest.raises(HarnessError, match=r"date of the results' commit \(c0ffee\).*SOURCE_DATE_EPOCH"):
        written(run, tmp_path / "run.zip")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(HarnessError, match="seconds since 1970"):
        written(run, tmp_path / "run.zip")


def test_the_metadata_is_a_process_run_crate(run: Project, tmp_path: Path) -> None:
    """What RO-Crate 1.3 and Process Run Crate 0.6 say MUST be there, and what they say SHOULD where it is known."""
    files, _ = written(run, tmp_path / "run.zip", agent="Ada Example")
    entities = graph_of(files)
    descriptor, root = entities[METADATA], entities["./"]
    assert json.loads(files[METADATA])["@context"] == [
        "https://w3id.org/ro/crate/1.3/context",
        "https://w3id.org/ro/terms/workflow-run/context",
    ]
    assert descriptor["@type"] == "CreativeWork" and descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.3"}
    assert root["@type"] == "Dataset" and root["conformsTo"] == {"@id": PROFILE}
    assert root["datePublished"] == "2026-01-01T00:00:00+00:00"
    assert root["name"] and root["description"] and entities[root["license"]["@id"]]["description"]
    assert "CreativeWork" in entities[PROFILE]["@type"]

    listed = {entity["name"]: entity for entity in entities.values() if entity["@type"] == "File"}
    assert all(entity["description"] and entity["encodingFormat"] for entity in listed.values())
    assert listed.keys() == files.keys() - {METADATA}
    assert sorted(ids(root["hasPart"])) == sorted(entity["@id"] for entity in listed.values())
    for name, entity in listed.items():
        assert entity["sha256"] == sha256(files[name]) and entity["contentSize"] == str(len(files[name]))

    actions = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    assert len(actions) == 18 + 6 + 1 + 1  # cells, intermediate trainings, pretraining, judging
    assert sorted(ids(root["mentions"])) == sorted(action["@id"] for action in actions)
    for action in actions:
        tool = entities[action["instrument"]["@id"]]
        assert tool["@type"] == "SoftwareApplication" and tool["name"] == "harness" and tool["version"]
        assert entities[tool["url"]["@id"]]["@type"] == "File"
        assert action["name"] and action["description"] and action["result"] and action["object"]
        assert entities[action["agent"]["@id"]] == {"@id": "#agent", "@type": "Person", "name": "Ada Example"}
        assert all(entities[target]["@type"] == "File" for target in ids(action["object"]) + ids(action["result"]))
    failed = [action for action in actions if "error" in action]
    assert [action["name"] for action in failed] == ["harness run cell none xnli 1"]
    assert failed[0]["actionStatus"] == {"@id": "http://schema.org/FailedActionStatus"}


def test_every_reference_in_the_metadata_leads_somewhere(run: Project, tmp_path: Path) -> None:
    entities = graph_of(written(run, tmp_path / "run.zip")[0])
    for entity in entities.values():
        for value in entity.values():
            for target in (part["@id"] for part in (value if isinstance(value, list) else [value]) if "@id" in part):
                assert target in entities or target.startswith("http")


def test_the_package_reads_what_it_described(run: Project, tmp_path: Path) -> None:
    written(run, tmp_path / "run.zip")
    crate = ROCrate(tmp_path / "run.zip")
    action = crate.get("#harness-run-cell-mnli+mlm-xquad-2")
    assert action["instrument"]["version"].endswith("+gc0ffee")
    read = [entity["name"] for entity in action["object"]]
    assert read[-1] == "results/lab/intermediate/mnli+mlm-2.json" and "data/xquad/manifest.json" in read
    assert crate.get("data/xquad/manifest.json")["alternateName"] == "build/lab/data/xquad/manifest.json"


def on_a_pack(project: Project, repo_root: Path) -> Project:
    """The project on a data pack; its cells of XQuAD answer in words."""
    content = yaml.safe_load(project.paths.params.read_text())
    content["data"] |= {"source": "local", "pack": "dev", "tasks": [*PACK_TASKS, "mnli", "squad_v1", "text"]}
    content["grid"]["targets"] = PACK_TASKS
    project.paths.params.write_text(yaml.safe_dump(content, sort_keys=False))
    project = furnish(Project(project.root, load_params(project.root), project.paths), repo_root)
    project.run(planted({"mnli": 2.0}))
    for cell in grid_cells(project.params):
        if cell.target == "xquad":
            path = project.paths.cells / cell.id / "predictions.json.gz"
            content = json.loads(gzip.decompress(path.read_bytes())) | {"said": f"{ANSWER} {cell.id}"}
            path.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))
            kept = PredictionsFile(path=path.name, sha256=sha256(path.read_bytes()))
            result = read_result(path.with_name("result.json"))
            write_result(path.parent, Result(**(result.model_dump() | {"predictions": kept})))
    project.write_scores()
    return project


def test_no_text_of_a_data_pack_goes_in(make_project: Make, repo_root: Path, tmp_path: Path, dated: None) -> None:
    project = on_a_pack(make_project(recipes=("none", "mnli")), repo_root)
    files, said = written(project, tmp_path / "pack.zip")
    answering = [cell.id for cell in grid_cells(project.params) if cell.target == "xquad"]
    withheld = {f"results/lab/cells/{cell}/predictions.json.gz" for cell in answering}
    assert withheld.isdisjoint(files) and "results/lab/cells/none-panx-1/predictions.json.gz" in files
    unpacked = [gzip.decompress(content) if name.endswith(".gz") else content for name, content in files.items()]
    assert not [content for content in unpacked if ANSWER.encode() in content]
    entities = graph_of(files)
    stated = {entity["name"]: entity["sha256"] for name, entity in entities.items() if name.startswith("#withheld/")}
    assert stated == {name: sha256((project.root / name).read_bytes()) for name in withheld}
    for told in (said, entities["./"]["description"], files["README.txt"].decode(), files["provenance.json"].decode()):
        assert "words of the rows of a data pack" in told
    licence = entities[entities["results/lab/cells/none-panx-1/predictions.json.gz"]["license"]["@id"]]
    assert licence["name"] == yaml.safe_load((repo_root / "tasks" / "panx.yaml").read_text())["licence"]

    found = verify_crate(tmp_path / "pack.zip", None)
    assert found.exit_code == verify_all(project.params, project.paths).exit_code and found.v0.ok
    assert found.crate is not None and "6 predictions are in it by their hashes only" in found.crate.notes[0]


def test_of_pinned_results_on_a_pack_no_predictions_are_in_it(
    make_project: Make, repo_root: Path, tmp_path: Path, dated: None
) -> None:
    project = on_a_pack(make_project(recipes=("none", "mnli")), repo_root)
    pin_results(project.params, project.paths)
    shutil.rmtree(project.paths.results)
    files, said = written(project, tmp_path / "pinned.zip")
    assert "the pinned results" in said and "24 predictions are in it by their hashes only" in said
    assert not [name for name in files if name.endswith(".gz")]
    found = verify_crate(tmp_path / "pinned.zip", project.paths)
    assert found.v0.ok and found.v2 is not None and (found.v2.copies, found.v2.compared) == (24, 0)
    assert found.crate is not None and found.crate.holds == "pinned" and len(found.crate.notes) == 1


def test_predictions_left_out_without_a_word_are_missed(
    make_project: Make, repo_root: Path, tmp_path: Path, dated: None
) -> None:
    """Only what the archive itself says is withheld may be absent."""
    project = on_a_pack(make_project(recipes=("none", "mnli")), repo_root)
    files, _ = written(project, tmp_path / "pack.zip")
    record = json.loads(files["provenance.json"]) | {"withheld": {}}
    silent = {"provenance.json": json.dumps(record).encode()}
    found = verify_crate(changed(tmp_path / "pack.zip", tmp_path / "silent.zip", silent, forge=True), None)
    assert found.exit_code == 3 and "none-xquad-1/predictions.json.gz" in " ".join(found.v0.problems)
    broken = {"provenance.json": b"{}"}
    with pytest.raises(CrateRefused, match=r"provenance\.json"):
        verify_crate(changed(tmp_path / "pack.zip", tmp_path / "broken.zip", broken, forge=True), None)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(HarnessError, match="No space left"):
        write_zip({"a": b"x"}, "", tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []
