"""Cells and recipes off the plain path: data that may not be had, other languages' dev sets, other ways to compute."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import toy as toys
from safetensors.torch import load_file

from harness.data.folder import read_split
from harness.experiment.cell import run_cell
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params
from harness.project.results import Cell, Result

Toy = tuple[Params, Paths]


@pytest.fixture
def own(toy: Toy, tmp_path: Path) -> Toy:
    """A copy of the toy project that a test may write to."""
    shutil.copytree(toy[1].root, tmp_path / "project")
    return toy[0], Paths(tmp_path / "project", toy[1].profile)


def change(project: Toy, **changes: Any) -> Toy:
    """The project with other settings."""
    content = json.loads(json.dumps(toys.toy_settings()))
    for path, value in changes.items():
        inner = content
        *keys, last = path.split("__")
        for key in keys:
            inner = inner[key]
        inner[last] = value
    toys.write_params(project[1].root, content)
    return load_params(project[1].root), project[1]


def edit_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | changes), encoding="utf-8")


def intermediate(project: Toy, recipe: str) -> dict[str, Any]:
    write_recipe(recipe, *project)
    return run_intermediate(recipe, 1, *project)


def cell(project: Toy, recipe: str, target: str) -> Result:
    write_target(target, *project)
    return run_cell(Cell(recipe=recipe, target=target, seed=1), *project)


def test_a_recipe_whose_data_may_not_be_had_is_unavailable(own: Toy) -> None:
    edit_manifest(own[1].data("ccg"), unavailable="licensed by its owner", files={})
    own = change(own, recipes__ccg={"tasks": ["ccg"]})
    record = intermediate(own, "ccg")
    assert record["status"] == "unavailable" and record["reasons"] == ["ccg: licensed by its owner"]
    result = cell(own, "ccg", "udpos")
    assert (result.status, result.score, result.predictions) == ("unavailable", None, None)
    assert result.reasons == ["ccg: licensed by its owner"]
    assert not (own[1].checkpoint("ccg", 1) / "model.safetensors").exists()


def test_a_mixture_goes_on_without_such_a_task_and_says_so(own: Toy) -> None:
    edit_manifest(own[1].data("ccg"), unavailable="licensed by its owner", files={})
    record = intermediate(own, "multi")
    assert record["status"] != "unavailable" and record["left_out"] == {"ccg": "licensed by its owner"}
    assert sorted(record["dev_headline"]) == ["hellaswag", "mnli", "squad_v2"]
    result = cell(own, "multi", "udpos")
    assert result.score is not None and result.left_out == {"ccg": "licensed by its owner"}


def test_a_language_without_translated_rows_makes_the_recipe_unavailable(own: Toy) -> None:
    own = change(own, recipes__mnli={"tasks": ["mnli"], "translated": ["qaf", "qab"]})
    assert intermediate(own, "mnli")["reasons"] == ["mnli: no machine-translated rows in qab"]


def test_translated_rows_never_meet_a_test_of_the_same_articles(own: Toy) -> None:
    edit_manifest(own[1].data("squad_v2"), overlaps=["xquad"])
    intermediate(own, "squad_v2+translated")
    kept_apart = cell(own, "squad_v2+translated", "xquad")
    assert kept_apart.status == "unavailable" and "share articles" in kept_apart.reasons[0]
    assert cell(own, "squad_v2+translated", "tatoeba").score is not None
    intermediate(own, "squad_v2")
    assert cell(own, "squad_v2", "xquad").score is not None, "only the translated rows overlap"


def test_masked_lm_without_text_is_unavailable(own: Toy) -> None:
    edit_manifest(own[1].corpus, unavailable="no text is published")
    record = intermediate(own, "mnli+mlm")
    assert (record["status"], record["reasons"]) == ("unavailable", ["masked LM: no text is published"])
    assert intermediate(own, "mnli")["status"] != "unavailable"


def test_masked_lm_goes_on_beside_the_task(own: Toy) -> None:
    record = intermediate(own, "mnli+mlm")
    alone = intermediate(own, "mnli")
    assert record["counts"]["steps"] == 2 * alone["counts"]["steps"], "the task gets as many batches as alone"
    assert record["inputs"]["recipe"]["masked_lm"]["corpus_sha256"]
    weights = [load_file(own[1].checkpoint(name, 1) / "model.safetensors") for name in ("mnli", "mnli+mlm")]
    shared = weights[0].keys() & weights[1].keys()
    assert any(not weights[0][name].equal(weights[1][name]) for name in shared)
    name = "embeddings.word_embeddings"
    assert weights[0].keys() - shared == {f"{name}.rows", f"{name}.ids", f"{name}.factor"}
    assert weights[1].keys() - shared == {f"{name}.weight"}, "the masked-LM decoder is every word embedding"
    words = load_file(own[1].encoder / "model.safetensors")[f"{name}.weight"]
    assert not weights[1][f"{name}.weight"].equal(words)
    assert 4 < len(weights[0][f"{name}.rows"]) < len(words)
    assert alone["counts"]["words_trained"] == len(weights[0][f"{name}.rows"])
    assert record["counts"]["words_trained"] == len(words)


def with_dev_languages(project: Toy, task: str, languages: tuple[str, ...]) -> None:
    """Give a task dev sets in other languages: some rows of its tests there."""
    folder = project[1].data(task)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for language in languages:
        rows = read_split(folder, "test", language)[:6]
        (folder / f"dev.{language}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        manifest["files"][f"dev.{language}.jsonl"] = {"rows": len(rows), "sha256": "0", "bytes": 1}
    edit_manifest(folder, files=manifest["files"])


def test_target_dev_sets_are_logged_and_never_used(own: Toy) -> None:
    settings = toys.toy_settings()["target"]["pawsx"] | {"evaluate_every": 2, "keep": "best", "evaluation_rows": 5}
    own = change(own, target__pawsx=settings)
    intermediate(own, "none")
    plain = cell(own, "none", "pawsx")
    assert plain.oracle == {} and plain.dev_by_language == {}
    with_dev_languages(own, "pawsx", ("qab", "qaf"))
    watched = cell(own, "none", "pawsx")
    assert watched.scores == plain.scores and watched.counts == plain.counts
    assert sorted(watched.oracle) == sorted(watched.dev_by_language) == ["qab", "qaf"]
    for seen in watched.oracle.values():
        assert seen.best >= seen.used and seen.best_step % 2 == 0
    assert watched.counts["steps_used"] in [point.step for point in watched.curve if point.dev]


def test_a_threshold_tuned_on_dev_texts_decides_the_test_pairs(own: Toy) -> None:
    intermediate(own, "none")
    tuned_on_test = cell(own, "none", "bucc")
    folder = own[1].data("bucc")
    files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    for name in [name for name in files if name.startswith("test_") and ".qab." in name]:
        shutil.copy(folder / name, folder / name.replace("test_", "dev_"))
        files[name.replace("test_", "dev_")] = files[name]
    edit_manifest(folder, files=files)
    tuned_on_dev = cell(own, "none", "bucc")
    assert tuned_on_dev.dev_by_language == {"qab": tuned_on_test.scores["qab"]}
    assert tuned_on_dev.scores == tuned_on_test.scores, "the same texts as dev and test give the same threshold"


@pytest.mark.parametrize("target", ["pawsx", "xquad"])
def test_activations_recomputed_give_the_same_numbers(own: Toy, target: str) -> None:
    intermediate(own, "none")
    kept = cell(own, "none", target)
    other = change(own, compute__gradient_checkpointing=True)
    intermediate(other, "none")
    recomputed = cell(other, "none", target)
    assert recomputed.scores == kept.scores
    assert [point.loss for point in recomputed.curve] == [point.loss for point in kept.curve]


def test_bfloat16_trains_every_head_close_to_full_precision(own: Toy) -> None:
    intermediate(own, "none")
    full = cell(own, "none", "udpos")
    other = change(own, compute__precision="bf16")
    for recipe in ("none", "hellaswag", "mnli+mlm"):
        assert intermediate(other, recipe)["status"] in ("ok", "collapsed")
    for target in toys.CELLS:
        assert cell(other, "none", target).score is not None
    half = cell(other, "none", "udpos")
    assert half.curve != full.curve, "it computed in another precision"
    assert [point.loss for point in half.curve] == pytest.approx([point.loss for point in full.curve], rel=0.05)
