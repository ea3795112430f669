"""The cost of a profile before it runs: steps and tokens from pinned rows, hours from measured speeds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import toy as toys

from harness.pipeline.cost import GridCost, Length, UnitCost, estimate, parameters_of
from harness.pipeline.cost_text import render_cost
from harness.pipeline.speeds import Throughput, hours, speeds_for
from harness.project import provenance
from harness.project.errors import HarnessError
from harness.project.params import Architecture, Params
from harness.project.paths import Paths
from harness.project.pins import HubFile, HubPin, Pins, UrlFile, UrlPin
from harness.project.profiles import read_params
from harness.project.tasks import Task, load_tasks

PAPER = read_params(toys.ROOT / "profiles" / "paper.yaml")
LAB = read_params(toys.ROOT / "profiles" / "lab.yaml")
TASKS = load_tasks(PAPER.data.tasks, toys.ROOT / "tasks")
ROWS: dict[str, dict[str, int | None]] = {
    "mnli": {"train.en": 2400, "dev.en": 100, "train_translated.de": 2400, "train_translated.ru": 2400},
    "hellaswag": {"train.en": 240, "dev.en": 20},
    "ccg": {"train.en": None, "dev.en": 20},
    "xnli": {"train.en": 32000, "dev.en": 1000, "dev.de": 200, "test.en": 500, "test.de": 500},
    "tatoeba": {"test.de": 100, "test.fr": 50},
    "bucc": {
        "test_source.de": 300,
        "test_target.de": 200,
        "test_gold.de": 10,
        "dev_source.de": 30,
        "dev_target.de": 20,
    },
    "text": {"text.en": 1200, "text.de": 1200},
}


def published(rows: Mapping[str, Mapping[str, int | None]]) -> dict[str, Task]:
    """The real tasks with these rows as their only published ones, all in one repository."""
    made = {}
    for name, task in TASKS.items():
        files = {
            stem: [HubFile(reader="rows", repository="owner/name", path=f"{name}/{stem}.parquet", rows=count)]
            for stem, count in rows.get(name, {}).items()
        }
        pin = (
            HubPin(source_language="en", note=None, revisions={"owner/name": "0" * 40}, files=files) if files else None
        )
        made[name] = task.model_copy(update={"published": ["hub"] if pin else [], "pins": Pins(hub=pin)})
    return made


def paper(recipes: list[str], targets: list[str], seeds: int = 5) -> Params:
    """The paper's profile with another grid, its translated recipes in three languages."""
    grid = PAPER.grid.model_copy(update={"recipes": recipes, "targets": targets, "seeds": list(range(seeds))})
    three = {
        name: recipe.model_copy(update={"translated": ["de", "ru", "sw"]}) if recipe.translated else recipe
        for name, recipe in PAPER.recipes.items()
    }
    return PAPER.model_copy(update={"grid": grid, "recipes": three})


def unit(found: GridCost, name: str) -> UnitCost:
    return next(item for item in found.units if item.name == name)


def speed(length: int, train: float = 1000.0, **other: object) -> Throughput:
    content = {
        "encoder": "FacebookAI/xlm-roberta-large",
        "device": "Some GPU",
        "precision": "bf16",
        "gradient_checkpointing": False,
        "threads": 4,
        "length": length,
        "batch_size": 32,
        "micro_batch": 4,
        "train_tokens_per_s": train,
        "predict_tokens_per_s": 2 * train,
        "torch": "2",
        "measured_on": "2026-01-01",
        "command": "python benchmarks/throughput.py",
    }
    return Throughput.model_validate(content | other)


def test_the_laboratorys_steps_are_those_that_its_run_took() -> None:
    found = estimate(LAB, load_tasks(LAB.data.tasks, toys.ROOT / "tasks"))
    lines = (toys.ROOT / "reference" / "lab" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    steps = {result["cell"]["target"]: result["counts"].get("steps", 0) for result in map(json.loads, lines)}
    assert {item.name: item.steps for item in found.units if item.kind == "cell"} == steps


def test_one_task_takes_its_own_epochs() -> None:
    found = unit(estimate(paper(["none", "mnli"], ["xnli"]), published(ROWS)), "mnli")
    assert (found.runs, found.steps) == (5, 200)  # 2 epochs of 2,400 rows at 24 a batch
    assert found.train_tokens == 200 * 24 * 256 and found.predict_tokens == 100 * 256 and found.length == 256


def test_every_choice_is_an_input() -> None:
    found = unit(estimate(paper(["none", "hellaswag"], ["xnli"]), published(ROWS)), "hellaswag")
    assert found.steps == 70 and found.train_tokens == 70 * 24 * 4 * 256


def test_masked_lm_adds_batches_and_takes_none_away() -> None:
    params = paper(["none", "mnli+mlm"], ["xnli"])
    found = unit(estimate(params, published(ROWS)), "mnli+mlm")
    # As many rows of text as of the task: every other batch is masked LM, of 4 sentences instead of 24.
    assert found.steps == 400 and found.train_tokens == 200 * 24 * 256 + 200 * 4 * 256
    lacking = estimate(params, published({**ROWS, "text": {}}))
    assert lacking.unavailable == {"mnli+mlm": "no text is pinned for masked LM"}


def test_translated_rows_stand_in_turn_for_the_english_ones() -> None:
    tasks = published({**ROWS, "mnli": ROWS["mnli"] | {"train_translated.sw": 2400}})
    params = paper(["none", "mnli+translated", "squad_v2+translated"], ["xnli"])
    found = estimate(params, tasks)
    assert unit(found, "mnli+translated").steps == 200
    assert found.unavailable == {
        "squad_v2+translated": "no machine-translated rows of squad_v2 are pinned in de, ru, sw"
    }
    assert "mnli+translated" in estimate(params, published(ROWS)).unavailable  # Swahili is not pinned there


def test_a_stem_is_read_from_the_first_place_that_has_it() -> None:
    tasks = published({**ROWS, "mnli": {"train.en": 2400, "dev.en": 100}})
    part = {"reader": "rows", "url": "https://example.org/mt.zip", "sha256": "0" * 64, "bytes": 7, "rows": 2400}
    stems = ("train_translated.de", "train_translated.ru", "train_translated.sw")
    url = UrlPin(source_language="en", note=None, files={stem: [UrlFile.model_validate(part)] for stem in stems})
    url.files["train.en"] = [UrlFile.model_validate(part | {"rows": 1})]
    pins = Pins(hub=tasks["mnli"].pins.hub, url=url)
    tasks["mnli"] = tasks["mnli"].model_copy(update={"published": ["hub", "url"], "pins": pins})
    found = estimate(paper(["none", "mnli", "mnli+translated"], ["xnli"]), tasks)
    assert unit(found, "mnli").steps == unit(found, "mnli+translated").steps == 200
    assert found.fetched_bytes == 7, "an archive is fetched once"


def test_a_mixture_goes_on_without_a_task_that_lacks() -> None:
    found = estimate(paper(["none", "multi"], ["xnli"]), published(ROWS))
    multi = unit(found, "multi")
    assert multi.steps == 80000 and multi.train_tokens is None  # CCG's rows decide the shares, and nobody counted them
    known = estimate(paper(["none", "multi"], ["xnli"]), published({**ROWS, "ccg": {}}))
    share = 2400 / 2640
    assert unit(known, "multi").train_tokens == round(80000 * (share * 24 * 256 + (1 - share) * 24 * 4 * 256))


def test_a_cell_evaluates_as_it_trains_and_predicts_every_language() -> None:
    found = unit(estimate(paper(["none", "mnli"], ["xnli"]), published(ROWS)), "xnli")
    assert (found.runs, found.steps, found.predict_rows) == (10, 2000, 1000)
    # Two evaluations of at most 500 rows a language, then dev and test whole.
    assert found.predict_tokens == (2 * (500 + 200) + 1200 + 1000) * 256


def test_retrieval_trains_nothing_and_reads_both_sides() -> None:
    found = estimate(paper(["none"], ["tatoeba", "bucc"]), published(ROWS))
    assert (unit(found, "tatoeba").steps, unit(found, "tatoeba").predict_tokens) == (0, 2 * 150 * 512)
    assert unit(found, "bucc").predict_tokens == (300 + 200 + 30 + 20) * 512


def test_texts_that_are_mined_count_whole_or_as_far_as_they_are_cut() -> None:
    params = paper(["none"], ["bucc"])
    few = params.model_copy(update={"evaluation": params.evaluation.model_copy(update={"max_rows": 5})})
    assert unit(estimate(few, published(ROWS)), "bucc").predict_tokens == (300 + 200 + 30 + 20) * 512
    rows = ROWS | {"bucc": ROWS["bucc"] | {"test_gold.de": 20, "dev_gold.de": 7}}
    cut = params.target["bucc"].model_copy(update={"max_others": 10})
    found = estimate(params.model_copy(update={"target": params.target | {"bucc": cut}}), published(rows))
    assert unit(found, "bucc").predict_tokens == (30 + 30 + 17 + 17) * 512


def test_what_nobody_counted_is_unknown_and_named() -> None:
    found = estimate(paper(["none", "mnli", "ccg"], ["xnli", "panx"]), published(ROWS))
    total, unknown = found.total("steps")
    assert unknown == ["intermediate ccg", "cell panx"]
    assert total == 5 * 200 + 15 * 2000
    assert found.fetched_bytes == 0 and found.fetched_unknown == sum(len(files) for files in ROWS.values())


def test_measured_lengths_take_the_place_of_the_longest() -> None:
    params = paper(["none", "mnli"], ["xnli"])
    length = Length(
        encoder="FacebookAI/xlm-roberta-large",
        task="mnli",
        split="train",
        max_length=256,
        rows=10,
        inputs=10,
        tokens=405,
        measured_on="2026-01-01",
        command="python benchmarks/lengths.py",
    )
    found = estimate(params, published(ROWS), [length])
    assert unit(found, "mnli").train_tokens == 200 * 24 * 40.5 and unit(found, "mnli").length == 41
    assert found.measured_lengths == ["mnli"]
    for other in ({"max_length": 128}, {"encoder": "another/encoder"}):
        ignored = estimate(params, published(ROWS), [length.model_copy(update=other)])
        assert unit(ignored, "mnli").train_tokens == 200 * 24 * 256 and ignored.measured_lengths == []


def test_hours_go_by_the_speed_at_the_length_of_the_inputs() -> None:
    found = estimate(paper(["none", "mnli"], ["xnli"], seeds=1), published(ROWS))
    tokens = found.total("train_tokens")[0]
    exact = hours(found, [speed(128, 10), speed(256, 1000), speed(512, 1)])
    assert exact.train == pytest.approx(tokens / 1000 / 3600) and len(exact.source) == 1
    assert hours(found, [speed(128, 10), speed(384, 500)]).train == pytest.approx(tokens / 500 / 3600)
    assert hours(found, [speed(64, 10), speed(128, 100)]).train == pytest.approx(tokens / 100 / 3600)
    alone = hours(found, [speed(256)], "intermediate")
    assert alone.train == pytest.approx(200 * 24 * 256 / 1000 / 3600)


def test_only_measurements_under_the_profiles_settings_count() -> None:
    others = [speed(256, device="B"), speed(256, precision="fp32"), speed(256, gradient_checkpointing=True)]
    assert speeds_for(PAPER, "Some GPU", [*others, speed(256, encoder="a/b")]) == []
    wide = speed(256, 9000, micro_batch=32)
    assert speeds_for(PAPER, "Some GPU", [speed(256), wide]) == speeds_for(PAPER, "Some GPU", [wide, speed(256)])
    assert speeds_for(PAPER, "Some GPU", [wide, speed(256)])[0].micro_batch == 4


def test_parameters_are_counted_as_the_published_model_has_them() -> None:
    size = Architecture(hidden_size=1024, layers=24, heads=16, intermediate_size=4096, max_length=512, dropout=0.1)
    pooler = 1024 * 1024 + 1024
    assert PAPER.encoder.source == "hub"
    assert parameters_of(size, 250002) + pooler == PAPER.encoder.parameters


def project(root: Path, speeds: list[Throughput]) -> Paths:
    """A folder with the real tasks and these measurements."""
    (root / "benchmarks").mkdir()
    (root / "tasks").symlink_to(toys.ROOT / "tasks")
    content = [item.model_dump() for item in speeds]
    (root / "benchmarks" / "throughput.json").write_text(json.dumps(content), encoding="utf-8")
    return Paths(root, "paper")


def test_no_number_is_given_for_a_gpu_that_nobody_measured(tmp_path: Path) -> None:
    text = render_cost(PAPER, project(tmp_path, [speed(256, device="Other GPU")]), "Some GPU")
    line = " ".join(text[text.index("GPU-hours") :].split())
    assert "unknown: nobody measured FacebookAI/xlm-roberta-large on `Some GPU` at bf16" in line
    assert "`python benchmarks/throughput.py --device cuda --precision bf16 --micro-batch 4" in text, "to be copied"
    assert "Other GPU (bf16)" in line and "wall days" not in text


@pytest.mark.parametrize(
    "device, precision, is_slow", [("cpu", "bf16", True), ("cpu", "fp32", False), ("cuda", "bf16", False)]
)
def test_bf16_on_a_processor_without_it_is_told(
    device: str, precision: str, is_slow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "_cpu_fields", lambda: {"flags": "avx2"})
    compute = LAB.compute.model_copy(update={"device": device, "precision": precision})
    text = render_cost(LAB.model_copy(update={"compute": compute}), project(tmp_path, []), None)
    assert ("set compute.precision: fp32" in " ".join(text.split())) == is_slow


def test_hours_of_unknown_units_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    bare = project(tmp_path, [speed(256)])
    (bare.root / "tasks").unlink()
    (bare.root / "tasks").mkdir()
    for name, task in published({}).items():
        content = task.model_dump(mode="json", by_alias=True)
        (bare.tasks / f"{name}.yaml").write_text(json.dumps(content), encoding="utf-8")
    text = render_cost(PAPER, bare, "Some GPU")
    line = next(line for line in text.splitlines() if line.startswith("GPU-hours"))
    assert "without the unknown units 0 on one Some GPU" in line


def test_a_measured_gpu_gives_hours_with_their_source(tmp_path: Path) -> None:
    params = LAB.model_copy(update={"encoder": PAPER.encoder, "compute": PAPER.compute})
    text = render_cost(params, project(tmp_path, [speed(128, 50)]), "Some GPU")
    assert "on one Some GPU" in text and "wall days" in text
    assert "50 tokens/s in training and 100 in prediction at 128 tokens, bf16, 4 inputs a pass (2026-01-01" in text
    assert "96 intermediate trainings" in text and "GPU-hours, against training each pair on its own" in text
    assert "12 x 2.2 GB" in text


def test_a_broken_file_of_measurements_names_the_script(tmp_path: Path) -> None:
    paths = project(tmp_path, [])
    (paths.benchmarks / "throughput.json").write_text('[{"device": 1}]', encoding="utf-8")
    with pytest.raises(HarnessError, match=r"throughput.json.*python benchmarks/throughput.py"):
        render_cost(LAB, paths, None)
