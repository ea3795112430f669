"""Planted effects: predictions move a score by what was asked for, and the whole pipeline finds what was planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy as toys
import yaml

from harness.audit.levels import verify_all
from harness.audit.scores import write_scores
from harness.audit.verification import Verification
from harness.experiment.cell import run_cell
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.experiment.planted import plant, planted_points
from harness.metrics import scoring
from harness.pages.degradation.record import read_degradation
from harness.project.errors import HarnessError
from harness.project.params import Params, Planted
from harness.project.paths import Paths
from harness.project.profiles import describe_data, describe_encoder, load_params
from harness.project.results import Cell, grid_cells, read_result

TAGS = ("NOUN", "VERB", "ADJ")
ENTITIES = ("O", "B-PER", "I-PER", "B-LOC")


def example(metric: str, draws: np.random.Generator) -> tuple[list[dict[str, Any]], list[Any]]:
    """60 gold rows of a metric, and predictions of which about half are right."""
    rows: list[dict[str, Any]] = []
    given: list[Any] = []
    for index in range(60):
        right = draws.random() < 0.5
        if metric in ("squad", "mlqa", "squad_v2"):
            texts = [] if metric == "squad_v2" and index % 3 == 0 else [f"word{index}"]
            rows.append({"id": str(index), "answers": {"text": texts}})
            given.append((texts or [""])[0] if right else "something else")
        elif metric in ("span_f1", "tags"):
            names = ENTITIES if metric == "span_f1" else TAGS
            tags = [names[i] for i in draws.integers(0, len(names), 6)]
            rows.append({"id": str(index), "tags": tags})
            given.append(tags if right else [names[i] for i in draws.integers(0, len(names), 6)])
        elif metric == "bitext_accuracy":
            rows.append({"id": str(index), "source": "a", "target": "b"})
            given.append(index if right else 0)
        elif metric == "mining_f1":
            rows.append({"source_id": f"s{index}", "target_id": f"t{index}"})
            given.append([f"s{index}", f"t{index}" if right else "t"])
        else:
            label = str(draws.integers(0, 2))
            rows.append({"id": str(index), "label": label})
            given.append(label if right else str(1 - int(label)))
    return rows, given


METRICS = {name: name for name in ("accuracy", "span_f1", "squad", "mlqa", "squad_v2", "bitext_accuracy", "mining_f1")}


@pytest.mark.parametrize("points", [7.5, -7.5, 0.3, 0.0])
@pytest.mark.parametrize("kind", [*METRICS, "tags"])
def test_a_score_moves_by_what_was_asked_for_on_average(kind: str, points: float) -> None:
    metric = METRICS.get(kind, "accuracy")
    moved = []
    for seed in range(40):
        rows, given = example(kind, np.random.Generator(np.random.PCG64(seed)))
        before = list(given)
        planted = plant(metric, rows, given, "en", points, seed)
        assert given == before, "what was given stays as it is"
        headline = [scoring.headline(metric, scoring.score(metric, rows, each, "en")) for each in (given, planted)]
        moved.append(headline[1] - headline[0])
        assert abs(moved[-1] - points) < 4, "never further off than a row or two"
    assert np.mean(moved) == pytest.approx(points, abs=0.6)


def test_a_score_stays_within_its_range_and_the_same_seed_changes_the_same_rows() -> None:
    rows, given = example("accuracy", np.random.Generator(np.random.PCG64(1)))
    assert scoring.score("accuracy", rows, plant("accuracy", rows, given, "en", 300.0, 1), "en")["accuracy"] == 100
    assert scoring.score("accuracy", rows, plant("accuracy", rows, given, "en", -300.0, 1), "en")["accuracy"] == 0
    assert plant("accuracy", rows, given, "en", 9.0, 3) == plant("accuracy", rows, given, "en", 9.0, 3)
    assert plant("accuracy", rows, given, "en", 9.0, 3) != plant("accuracy", rows, given, "en", 9.0, 4)


def test_effects_add_up_where_they_hold() -> None:
    effects = [Planted(points=2.0), Planted(points=-9.0, languages=["qal"], targets=["udpos"])]
    cell = Cell(recipe="mnli", target="udpos", seed=1)
    assert planted_points(effects, cell, "qaa") == 2.0 and planted_points(effects, cell, "qal") == -7.0
    assert planted_points(effects, Cell(recipe="mnli", target="panx", seed=1), "qal") == 2.0
    spread = [Planted(points=2.0, sd_points=1.5)]
    drawn = [planted_points(spread, Cell(recipe="mnli", target="udpos", seed=s), "qaa") for s in range(400)]
    assert np.mean(drawn) == pytest.approx(2.0, abs=0.3) and np.std(drawn) == pytest.approx(1.5, abs=0.2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tasks": ["mnli"]}, "leave its tasks empty"),
        ({"source": "local"}, "only a generated world"),
        ({"recipe": "none"}, "never its baseline"),
    ],
)
def test_planting_where_it_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    content = toys.toy_settings()
    content["grid"]["recipes"] = ["none", "mnli"]
    recipe = change.get("recipe", "mnli")
    content["recipes"][recipe] = {"tasks": change.get("tasks", []), "planted": [{"points": 1.0}]}
    if "source" in change:
        content["data"] |= {"source": "local", "pack": "mini", "data_dir": None}
    toys.write_params(tmp_path, content)
    with pytest.raises(HarnessError, match=expected):
        load_params(tmp_path)


LOW_RESOURCE = ["qad", "qag", "qak"]
"""The languages of the tagging target that the pre-registration calls low-resource."""
PLANTED = {
    "squad_v2": [{"points": 8.2, "sd_points": 0.3}],
    "mnli": [{"points": 0.0, "sd_points": 0.3}],
    "hellaswag": [{"points": -5.0, "sd_points": 0.3, "languages": LOW_RESOURCE}],
}
TARGETS = ["udpos"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Params, Paths]:
    """A laboratory world with a planted gain, none, and a planted degradation, run from data to scores."""
    tasks = [*TARGETS, "text"]
    content = toys.toy_settings(tasks)
    content["grid"] = {"recipes": ["none", *PLANTED], "targets": TARGETS, "seeds": [1, 2, 3, 4, 5]}
    content["recipes"] |= {name: {"tasks": [], "planted": effects} for name, effects in PLANTED.items()}
    content["evaluation"]["max_rows"] = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(toys.ROWS, "test", 60)
        params, paths = toys.make_project(tmp_path_factory.mktemp("planted") / "project", content)
    toys.build(params, paths)
    for recipe in params.grid.recipes:
        write_recipe(recipe, params, paths)
        for seed in params.grid.seeds:
            run_intermediate(recipe, seed, params, paths)
    for target in TARGETS:
        write_target(target, params, paths)
    for cell in grid_cells(params):
        run_cell(cell, params, paths)
    _claim_here(params, paths)
    write_scores(params, paths)
    return params, paths


def _claim_here(params: Params, paths: Paths) -> None:
    """The registry's gains, as claims about this world and its targets."""
    path = paths.reference / "claims.yaml"
    claims = [entry for entry in yaml.safe_load(path.read_text()) if entry.get("check", {}).get("recipe") in PLANTED]
    for entry in claims:
        entry["check"] |= {"targets": TARGETS, "beside": []}
        entry["scope"] = {"encoder": describe_encoder(params), "data": describe_data(params)}
    path.write_text(yaml.safe_dump(claims, sort_keys=False))


@pytest.fixture(scope="module")
def found(world: tuple[Params, Paths]) -> Verification:
    return verify_all(*world)


@pytest.mark.slow
def test_the_verdicts_name_what_was_planted(found: Verification) -> None:
    assert found.v0.problems == [] and found.data == "the laboratory world with planted effects"
    claims = {claim.id: claim for claim in found.claims}
    gain, nothing, loss = (claims[f"{name}-gain"] for name in ("squad", "mnli", "hellaswag"))
    assert gain.verdict == "REPRODUCED" and gain.measured == pytest.approx(8.2, abs=1.0)
    assert nothing.verdict == "NOT_REPRODUCED" and abs(nothing.measured or 9) < 1.0
    assert loss.verdict == "NOT_REPRODUCED" and loss.direction == "down" and loss.note == "opposite sign"


@pytest.mark.slow
def test_the_degradation_answer_names_what_was_planted(world: tuple[Params, Paths]) -> None:
    found = {recipe.recipe: recipe for recipe in read_degradation(*world).recipes}
    low = {name: recipe.effects.low for name, recipe in found.items()}
    difference = {name: recipe.effects.difference for name, recipe in found.items()}
    loss, apart = low["hellaswag"], difference["hellaswag"]
    assert loss and loss.value == pytest.approx(-5.0, abs=1.2) and loss.direction == "down"
    assert apart and apart.value == pytest.approx(-5.0, abs=1.2) and apart.direction == "down"
    tagged = {pair.language for pair in found["hellaswag"].pairs if pair.level == "low"}
    assert tagged == set(LOW_RESOURCE) and found["hellaswag"].shares["low"].degraded == 3
    assert found["hellaswag"].shares["other"].degraded == 0
    gain = low["squad_v2"]
    assert gain and gain.value == pytest.approx(8.2, abs=1.5) and gain.direction == "up"
    assert [found[name].shares["low"].degraded for name in ("squad_v2", "mnli")] == [0, 0]


@pytest.mark.slow
def test_planted_cells_say_so(world: tuple[Params, Paths]) -> None:
    params, paths = world
    made = {name: read_result(paths.cell(name, "udpos", 1) / "result.json") for name in params.grid.recipes}
    assert "planted" not in made["none"].inputs
    assert len({made[name].inputs["planted"] for name in PLANTED}) == 3
    assert {made[name].inputs["checkpoint"] for name in PLANTED} == {made["none"].inputs["checkpoint"]}
