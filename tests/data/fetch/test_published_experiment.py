"""The whole experiment on published data: the paper's own profile, small, from a hub that then goes away.

Every task is served in the layouts, repositories, revisions and addresses that its file pins, and an encoder in that of
XLM-R Large. Sizes, learning rates and how often dev sets are looked at differ from profiles/paper.yaml, and recipes
that differ in the weights alone go into a cell of every kind, not of every target.
What is tested is that everything runs and says what it could not run; the scores mean nothing. Last comes XLM-R Large
itself, 560 million random parameters, through store, encoder, recipe and cell.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from dvc_project import Pipeline
from hub_project import go_online
from hub_server import Hub, sha256
from huggingface_hub import constants
from published_world import LANGUAGES, TASKS, first_places, lab_rows, published, toy_version, write_pins
from toy import ROOT, make_project, toy_settings, write_params
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from harness.audit.levels import verify_all
from harness.audit.report import render
from harness.audit.scores import write_scores
from harness.audit.verification import Verification
from harness.data.build import build_task
from harness.data.corpus import build_corpus
from harness.data.fetch.fetch import check_encoder, check_tasks, fetch_encoder, fetch_tasks, published_tasks
from harness.data.fetch.store import Entry, repository_folder
from harness.data.fetch.store import record as record_fetched
from harness.data.pins.write import check_pin, pin_task
from harness.experiment.cell import run_cell
from harness.experiment.encoder import run_encoder
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.experiment.training.text import read_corpus
from harness.metrics.scoring import headline
from harness.model.families import XLM_ROBERTA
from harness.model.tokenizer import save_tokenizer, train_tokenizer
from harness.pipeline.units import states
from harness.project.files import sha256_file
from harness.project.params import Params, Training
from harness.project.paths import Paths
from harness.project.profiles import load_params, read_params
from harness.project.results import Cell, Result, grid_cells, read_result
from harness.project.tasks import load_task, load_tasks
from harness.verify.scores import ScoresTable, read_scores

pytestmark = pytest.mark.slow

PAPER = ROOT / "profiles" / "paper.yaml"
LEARNING_RATE, PATIENCE = 0.002, 3
LICENSED = "licensed by the LDC; set HARNESS_CCGBANK to your copy's folder"
NO_TEXT = "masked LM: no published data is pinned for it"
UNAVAILABLE = {
    "ccg": [f"ccg: {LICENSED}"],
    "mnli+mlm": [NO_TEXT],
    "squad_v2+mlm": [NO_TEXT],
    "hellaswag+mlm": [NO_TEXT],
    "squad_v2+translated": ["squad_v2: no machine-translated rows in ar, de, es, hi, vi, zh"],
    "hellaswag+translated": ["hellaswag: no machine-translated rows in de"],
}
"""Recipe -> why nothing can be trained."""
SERVED = {
    "xnli": ("en", "de", "sw", "ru"),
    "pawsx": ("en", "de", "es", "zh"),
    "udpos": ("en", "de", "fi", "zh"),
    "panx": ("en", "de", "sw", "fi"),
    "xquad": ("en", "de", "ru", "zh"),
    "mlqa": ("en", "de", "es"),
    "tydiqa": ("en", "fi", "ru"),
    "bucc": ("de", "ru"),
    "tatoeba": ("de", "sw", "ru"),
}
"""Target -> the languages that the hub has."""
EVERYWHERE = ("none", "mnli", "multi")
"""Recipes whose checkpoints go into a cell of every target: the baseline, a task and a mixture."""
OF_ALL = ("xnli", "xquad", "bucc")
"""Targets that have a cell of every recipe: a label, a span, a mined pair."""
ORACLES = {"xnli", "pawsx", "udpos", "panx", "mlqa"}
"""Targets with dev sets in other languages."""


def write_settings(root: Path, encoder: dict[str, bytes], parameters: int) -> None:
    """The paper's profile for few rows and a small encoder, which moves at larger learning rates only."""
    content: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(PAPER.read_text(encoding="utf-8"))))
    grid = content["grid"] | {"seeds": [1]}
    everywhere = {"recipes": [name for name in grid["recipes"] if name in (*EVERYWHERE, *UNAVAILABLE)]}
    content["grid"] = [grid | {"targets": list(OF_ALL)}, grid | everywhere]
    content["encoder"] |= {"parameters": parameters, "files": {name: sha256(it) for name, it in encoder.items()}}
    content["compute"] |= {"device": "cpu", "threads": 1}
    content["recipes"]["multi"] |= {"steps": 32, "learning_rate": LEARNING_RATE}
    for settings in content["intermediate"].values():
        settings["learning_rate"] = LEARNING_RATE
    for settings in content["target"].values():
        often = {"learning_rate": LEARNING_RATE, "evaluate_every": 1, "evaluation_rows": 8, "patience": PATIENCE}
        settings |= {"layer": 1} if "layer" in settings else often
    write_params(root, content)


def small_encoder(folder: Path, names: list[str]) -> tuple[dict[str, bytes], int]:
    """XLM-R Large's files of a random model, as transformers saves it; and its parameters as publications count."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    from harness.model.families import XLM_ROBERTA
    from harness.model.tokenizer import save_tokenizer, train_tokenizer

    lines = [row["text"] for code in LANGUAGES.values() for row in lab_rows("text", "text", code, 60)]
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = XLMRobertaConfig(vocab_size=500, max_position_embeddings=514, type_vocab_size=1, **size)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = XLMRobertaForMaskedLM(config)
    model.save_pretrained(folder)
    save_tokenizer(train_tokenizer(lines, config.vocab_size, XLM_ROBERTA.tokens), folder)
    files = {name: (folder / name).read_bytes() if (folder / name).is_file() else b"{}" for name in names}
    encoder = sum(parameter.numel() for parameter in model.roberta.parameters())
    return files, encoder + config.hidden_size * (config.hidden_size + 1)


@dataclass(frozen=True)
class Fetched:
    """A project whose published files lie in its store, with no network left."""

    params: Params
    paths: Paths


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetched]:
    """Pins confirmed, everything fetched, then the server stopped and the hub's client told to stay offline."""
    folder = tmp_path_factory.mktemp("published")
    root = folder / "project"
    for name in ("reference", "profiles"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("lab"))
    paths = Paths(root, "paper")
    paths.tasks.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        go_online(patch, folder)
        patch.delenv("HARNESS_CCGBANK", raising=False)
        paper = yaml.safe_load(PAPER.read_text(encoding="utf-8"))
        files, parameters = small_encoder(folder / "encoder", list(paper["encoder"]["files"]))
        write_settings(root, files, parameters)
        params = load_params(root)
        tasks = load_tasks(sorted(params.data.tasks), TASKS)
        with published(tasks.values(), SERVED) as hub:
            patch.setenv("HF_ENDPOINT", hub.endpoint)
            encoder = paper["encoder"]
            hub.repositories["model"][encoder["repository"]] = {encoder["revision"]: files}
            for name, task in tasks.items():
                write_pins(paths.tasks, name, toy_version(task, hub, first_places(task, SERVED.get(name, ("en",)))))
            fetch_as_a_user(hub, params, paths)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        yield Fetched(params, paths)


def fetch_as_a_user(hub: Hub, params: Params, paths: Paths) -> None:
    """`harness data pin` and `--check` of two tasks, then `harness data fetch`, twice."""
    store = paths.root / "store"
    for name in ("xnli", "commonsenseqa"):
        pin_task(name, paths.tasks, "published", store=store)
        assert check_pin(name, paths.tasks, "published", store=store) == []
    names = published_tasks(params, paths)
    assert set(names) == {*params.data.tasks} - {"text"}
    found = fetch_tasks(names, params, paths)
    assert [task for task in found if task.passed_over] == []
    assert {task.name for task in found} >= {*names, "mnli translated", "squad_v1 translated"}
    assert fetch_encoder(params, paths).transferred > 0
    bodies = len(hub.bodies())
    assert sum(task.transferred for task in [*fetch_tasks(names, params, paths), fetch_encoder(params, paths)]) == 0
    assert len(hub.bodies()) == bodies


@dataclass(frozen=True)
class Experiment:
    """Everything that the run left behind."""

    params: Params
    paths: Paths
    results: dict[str, Result]
    table: ScoresTable
    verification: Verification


@pytest.fixture(scope="module")
def experiment(fetched: Fetched) -> Experiment:
    """Every stage of the pipeline, for every recipe and every target of the paper, and half of the cells."""
    params, paths = fetched.params, fetched.paths
    for task in params.data.tasks:
        build_task(task, params, paths)
    build_corpus(params, paths)
    run_encoder(params, paths)
    for target in params.grid.targets:
        write_target(target, params, paths)
    for recipe in params.grid.recipes:
        write_recipe(recipe, params, paths)
        run_intermediate(recipe, 1, params, paths)
    for cell in grid_cells(params):
        run_cell(cell, params, paths)
    write_scores(params, paths)
    results = {cell.id: read_result(paths.cells / cell.id / "result.json") for cell in grid_cells(params)}
    return Experiment(params, paths, results, read_scores(paths.scores), verify_all(params, paths))


def test_what_was_fetched_is_sound_without_a_network(fetched: Fetched) -> None:
    found = check_tasks(published_tasks(fetched.params, fetched.paths), fetched.params, fetched.paths)
    words = {task.name: task.word for task in [*found, check_encoder(fetched.params, fetched.paths)]}
    assert words.pop("ccg") == "unavailable", "nobody has set the licensed folder"
    assert set(words.values()) == {"ok"}
    assert {"encoder", "mnli translated", "squad_v1 translated"} <= words.keys()


def test_recipes_that_can_not_be_trained_say_why(experiment: Experiment) -> None:
    records = {
        recipe: json.loads(experiment.paths.intermediate(recipe, 1).read_text())
        for recipe in experiment.params.grid.recipes
    }
    assert {name: r["reasons"] for name, r in records.items() if r["status"] == "unavailable"} == UNAVAILABLE
    assert records["multi"]["left_out"] == {"ccg": LICENSED}
    assert set(records["multi"]["dev_headline"]) == {*experiment.params.recipes["multi"].tasks} - {"ccg"}
    trained = {name: record for name, record in records.items() if name not in (*UNAVAILABLE, "none")}
    for name, record in trained.items():
        assert record["status"] in ("ok", "collapsed") and record["counts"]["steps"] > 0, name
    weights = {name: experiment.results[Cell(recipe=name, target="xnli", seed=1).id].inputs for name in trained}
    assert len({inputs["checkpoint"] for inputs in weights.values()}) == len(trained), "each trained on its own rows"


def test_every_other_cell_has_a_score_in_every_language(experiment: Experiment) -> None:
    for result in experiment.results.values():
        recipe, target = result.cell.recipe, result.cell.target
        if recipe in UNAVAILABLE:
            assert (result.status, result.score, result.reasons) == ("unavailable", None, UNAVAILABLE[recipe])
            continue
        assert result.status in ("ok", "collapsed") and result.score is not None, result.cell.id
        assert set(result.scores) == set(SERVED[target]), result.cell.id
        assert result.left_out == ({"ccg": LICENSED} if recipe == "multi" else {})


def test_dev_sets_of_other_languages_are_looked_at_and_never_chosen_by(experiment: Experiment) -> None:
    for result in experiment.results.values():
        target = result.cell.target
        if result.cell.recipe in UNAVAILABLE:
            continue
        others = set(SERVED[target]) - {"en"} if target in ORACLES else set()
        assert set(result.oracle) == others, result.cell.id
        assert set(result.dev_by_language) == (set(SERVED["bucc"]) if target == "bucc" else others)
        assert bool(result.dev_scores) == (target not in ("bucc", "tatoeba"))
    oracles = [oracle for result in experiment.results.values() for oracle in result.oracle.values()]
    assert all(oracle.best >= oracle.used for oracle in oracles)
    assert any(oracle.best > oracle.used for oracle in oracles)


def test_training_stops_early_and_goes_back_to_the_best_state(experiment: Experiment) -> None:
    trained = [result for result in experiment.results.values() if "steps" in result.counts]
    metrics = {target: load_task(target, TASKS).metric for target in experiment.params.grid.targets}
    stopped = 0
    for result in trained:
        settings, counts = experiment.params.target[result.cell.target], result.counts
        assert isinstance(settings, Training)
        metric = metrics[result.cell.target]
        tested = {point.step: headline(metric, point.dev) for point in result.curve if point.dev}
        best = max(tested, key=lambda step: tested[step])
        planned = round(settings.epochs * counts["train_examples"] / settings.batch_size)
        assert counts["steps_used"] == best, result.cell.id
        assert counts["steps"] == min(planned, best + PATIENCE), result.cell.id
        stopped += counts["steps"] < planned
        compute = result.provenance["params"]["compute"]
        assert (compute["precision"], compute["micro_batch"]) == ("bf16", 4) and settings.batch_size > 4
    assert 0 < stopped < len(trained)


def test_mined_pairs_are_cut_by_the_threshold_of_the_dev_texts(experiment: Experiment) -> None:
    pairs = []
    for recipe in set(experiment.params.grid.recipes) - UNAVAILABLE.keys():
        path = experiment.paths.cell(recipe, "bucc", 1) / "predictions.json.gz"
        found = json.loads(gzip.decompress(path.read_bytes()))["languages"]
        assert set(found) == set(SERVED["bucc"])
        pairs += [pair for mined in found.values() for pair in mined["predictions"]]
    assert {len(pair) for pair in pairs} == {2}, "no margins are left to tune a threshold by"


def test_the_table_and_the_verifier(experiment: Experiment) -> None:
    table, verification = experiment.table, experiment.verification
    assert (table.encoder, table.data) == ("FacebookAI/xlm-roberta-large", "XTREME")
    assert len(table.cells) == len(grid_cells(experiment.params)) == len(experiment.results)
    v0 = verification.v0
    assert v0.problems == [] and verification.judged == "run"
    targets = experiment.params.grid.targets
    assert set(v0.unavailable) == {Cell(recipe=r, target=t, seed=1).id for r in UNAVAILABLE for t in targets}
    text = " ".join(render(verification, details=True).split())
    for reasons in UNAVAILABLE.values():
        assert all(f"unavailable: {reason}" in text for reason in reasons)
    claims = {claim.id: claim for claim in verification.claims}
    assert claims["mnli-gain"].verdict == "UNDERPOWERED" and claims["mnli-gain"].measured is not None
    assert claims["multi-gain"].verdict == claims["english-over-mlm"].verdict == "NOT_TESTED"
    assert any(f"without ccg ({LICENSED})" in reason for reason in claims["multi-gain"].reasons)
    assert f"mnli+mlm is unavailable: {NO_TEXT}" in claims["english-over-mlm"].reasons


def test_dvc_runs_a_published_project_and_then_has_nothing_to_do(fetched: Fetched, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(fetched.paths.root, root, ignore=shutil.ignore_patterns("build", "results", "store"))
    content = yaml.safe_load((root / "params.yaml").read_text())
    recipes, targets = ["none", "squad_v2+translated"], ["pawsx", "bucc"]
    content["grid"] = {"recipes": recipes, "targets": targets, "seeds": [1]}
    content["data"] |= {"tasks": [*targets, "squad_v2", "text"], "store": str(fetched.paths.root / "store")}
    write_params(root, content)
    pipeline = Pipeline(root, "paper")
    pipeline.track(False)
    pipeline.dvc("repro")
    again = pipeline.dvc("repro")
    assert "Running stage" not in again and "up to date" in again
    verdicts = Verification.model_validate_json(pipeline.paths.verdicts.read_bytes())
    assert verdicts.v0.problems == [] and verdicts.v0.cells_found == 4
    assert set(verdicts.v0.unavailable) == {f"squad_v2+translated-{target}-1" for target in targets}
    assert set(states(load_params(root), pipeline.paths).values()) == {"done"}


NEEDED_GIB = 14
"""Weights, gradients and AdamW's two moments in fp32 are 9 GiB, activations and copies come on top."""
LARGE = read_params(PAPER).encoder
LARGE_TASKS = ("udpos", "tatoeba", "mnli", "text")


def large_settings(files: dict[str, str]) -> dict[str, Any]:
    """The toy profile with XLM-R Large as published encoder, and one or two steps of everything."""
    content: dict[str, Any] = json.loads(json.dumps(toy_settings(LARGE_TASKS)))
    content["encoder"] = LARGE.model_dump() | {"files": files}
    content["compute"] |= {"threads": psutil.cpu_count(), "micro_batch": 1}
    few = {"batch_size": 2, "max_examples": 2, "epochs": 1}
    content["intermediate"]["mnli"] |= few
    content["target"]["udpos"] |= few
    content["target"]["tatoeba"]["layer"] = 14
    content["recipes"]["mnli+mlm"] |= {"mixing_cap": 2, "steps": 2}
    content["mlm"] |= {"batch_size": 2, "max_length": 32}
    content["evaluation"]["max_rows"] = 2
    return content


def publish_large(folder: Path, lines: list[str]) -> dict[str, str]:
    """Save a random XLM-R Large as the hub has it, with a small tokenizer; file name -> sha256, recorded as fetched."""
    config = XLMRobertaConfig(
        vocab_size=250_002,
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    save_tokenizer(train_tokenizer(lines, 400, XLM_ROBERTA.tokens), folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    hashes = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
    for name, digest in hashes.items():
        entry = Entry(sha256=digest, bytes=(folder / name).stat().st_size, address="here", etag=None)
        record_fetched(folder, name, entry)
    return hashes


@pytest.mark.skipif(psutil.virtual_memory().available < NEEDED_GIB * 2**30, reason=f"needs {NEEDED_GIB} GiB free")
def test_xlm_r_large_goes_through_an_intermediate_and_two_target_tasks(tmp_path: Path) -> None:
    root = tmp_path / "project"
    params, paths = make_project(root, toy_settings(LARGE_TASKS))
    for task in LARGE_TASKS:
        build_task(task, params, paths)
    build_corpus(params, paths)
    assert LARGE.source == "hub"
    folder = repository_folder(root / "store", "model", LARGE.repository, LARGE.revision)
    lines = [line for language in read_corpus(paths).values() for line in language]
    write_params(root, large_settings(publish_large(folder, lines)))
    params, paths = load_params(root), Paths(root, params.profile)

    encoder = run_encoder(params, paths)
    assert encoder["parameters"] == 558_840_832 and encoder["made_from"]["revision"] == LARGE.revision
    write_recipe("mnli+mlm", params, paths)
    trained = run_intermediate("mnli+mlm", 1, params, paths)
    assert trained["counts"]["steps"] == 2 and trained["status"] != "failed"
    assert trained["dev_headline"].keys() == {"mnli"}
    for target in ("udpos", "tatoeba"):
        write_target(target, params, paths)
        result = run_cell(Cell(recipe="mnli+mlm", target=target, seed=1), params, paths)
        assert result.status != "failed" and result.score is not None and len(result.scores) > 3
