"""The scripts that measure what `harness plan` estimates with: what they write is what it reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import toy as toys
from scripts import load

from harness.audit.levels import verify_all
from harness.model.encoder import load_encoder
from harness.model.tokenizer import load_tokenizer
from harness.pipeline.cost import Length, estimate
from harness.pipeline.speeds import Throughput
from harness.pipeline.units import states
from harness.project.errors import HarnessError
from harness.project.params import Architecture, Compute, Params
from harness.project.paths import Paths
from harness.project.profiles import load_params, read_profile
from harness.project.tasks import load_task, load_tasks

TINY = Architecture(hidden_size=8, layers=1, heads=2, intermediate_size=16, max_length=32, dropout=0.1)


BENCHMARKS = toys.ROOT / "benchmarks"


@pytest.fixture(autouse=True)
def scripts_find_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for `python benchmarks/NAME.py`."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def script(name: str) -> ModuleType:
    return load(f"benchmarks/{name}")


def test_a_throughput_is_measured_and_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    throughput = script("throughput")
    compute = Compute(device="cpu", threads=1, micro_batch=2)
    path = tmp_path / "throughput.json"
    for length in (8, 16, 8):
        given = {"length": length, "batch_size": 4, "steps": 2, "command": "x"}
        throughput.add(throughput.measure("owner/name", TINY, 50, compute, **given), path)
    found = [Throughput.model_validate(item) for item in json.loads(path.read_text(encoding="utf-8"))]
    assert [(item.length, item.batch_size, item.micro_batch) for item in found] == [(8, 4, 2), (16, 4, 2)]
    assert all(item.precision == "fp32" and item.threads == 1 for item in found)


def test_loading_is_measured_beside_the_reading_of_the_same_file(tmp_path: Path) -> None:
    loading = script("loading")
    loading.make_up(tmp_path, TINY, 50)
    seconds = loading.measure(tmp_path, rounds=2)
    assert load_encoder(tmp_path).config.vocab_size == load_tokenizer(tmp_path).get_vocab_size() == 50
    shown = {row[0]: row[2] for row in loading.table("x", dict.fromkeys(seconds, 2.0) | {loading.LOADED: 5.0}, 2).rows}
    assert all(value > 0 for value in seconds.values())
    assert (shown[loading.READ], shown[loading.LOADED], shown[loading.TOKENIZER]) == ("1.00", "2.50", None)


def test_a_table_of_items_is_read_and_judged_beside_the_reading_alone(tmp_path: Path) -> None:
    items = script("items")
    items.make_up(tmp_path / "items.csv", 50)
    seconds = items.measure(tmp_path / "items.csv", rounds=1)
    assert all(value > 0 for value in seconds.values())
    shown = items.table({items.CSV: 2.0, items.READ: 5.0, items.JUDGED: 1.0}, 300, 1).rows
    assert [row[2] for row in shown] == ["1.00", "2.50", "0.50"]
    assert len((tmp_path / "items.csv").read_text(encoding="utf-8").splitlines()) == 301


def test_the_measurements_kept_here_are_what_the_plan_reads() -> None:
    content = json.loads((toys.ROOT / "benchmarks" / "throughput.json").read_text(encoding="utf-8"))
    assert all(Throughput.model_validate(item) for item in content) and content


@pytest.mark.parametrize(("task", "splits"), [("xquad", ["train", "predict"]), ("bucc", ["predict"])])
def test_lengths_are_counted_on_built_data(toy: tuple[Params, Paths], task: str, splits: list[str]) -> None:
    params, paths = toy
    settings = params.target[task]
    found: list[Length] = list(script("lengths").measure(load_task(task, paths.tasks), settings, params, paths, "x"))
    assert [item.split for item in found] == splits
    for item in found:
        assert item.rows <= item.inputs and 2 < item.tokens / item.inputs <= settings.max_length


def test_a_process_is_measured() -> None:
    timing = script("timing")
    costs = [timing.Cost(3.0, 2.0, 70.0), timing.Cost(1.0, 1.0, 90.0), timing.Cost(2.0, 1.5, 80.0)]
    assert timing.summary(costs) == timing.Cost(2.0, 1.5, 90.0)
    taken = timing.measure((*timing.HARNESS, "--help"), codes=timing.VERDICTS)
    assert taken.cpu_seconds > 0 and taken.seconds > 0 and taken.memory_mb > 1
    with pytest.raises(HarnessError, match="exit code 3: alas"):
        timing.measure((sys.executable, "-c", "import sys; print('alas', file=sys.stderr); sys.exit(3)"))
    with pytest.raises(subprocess.TimeoutExpired):
        timing.measure((sys.executable, "-c", "import time; time.sleep(60)"), limit_s=0.5)


def test_the_page_shows_what_is_kept() -> None:
    kept = script("kept")
    names = sorted(path.stem for path in kept.FOLDER.glob("*.json"))
    assert names, "expected results of benchmarks, found none"
    assert kept.PAGE.read_text(encoding="utf-8") == kept.page(), "run `python benchmarks/kept.py`"


@pytest.mark.parametrize("path", sorted((BENCHMARKS / "results").glob("*.json")), ids=lambda path: path.stem)
def test_what_is_kept_fits_the_schema(path: Path) -> None:
    found = script("kept").Found.model_validate_json(path.read_text(encoding="utf-8"))
    script_name = found.command.split()[1]
    assert (toys.ROOT / script_name).is_file()
    for table in found.tables:
        assert table.rows and all(len(row) == len(table.columns) for row in table.rows)


def test_every_benchmark_is_listed() -> None:
    listed = {one.name for one in script("bench").BENCHMARKS}
    measuring = {path.stem for path in BENCHMARKS.glob("*.py") if "def main(" in path.read_text(encoding="utf-8")}
    assert listed == measuring - {"bench", "kept"}


def test_the_cheap_benchmarks_run_unnamed() -> None:
    bench = script("bench")
    assert all(not one.needs for one in bench.chosen([], everything=True))
    assert {"startup", "verify"} <= {one.name for one in bench.chosen([], everything=False)}
    assert "growth" not in {one.name for one in bench.chosen([], everything=False)}
    assert [one.name for one in bench.chosen(["growth"], everything=False)] == ["growth"]


@pytest.mark.slow
def test_a_made_up_project_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    grown = script("grown")
    grown.make_data(tmp_path / "data")
    paths = grown.make(tmp_path / "project", grown.Size(recipes=2, seeds=3), tmp_path / "data")
    params = load_params(paths.root)
    found = verify_all(params, paths)
    assert found.v0.ok and found.v0.cells_found == 2 * 9 * 3 and found.v0.rescored == 2 * 9 * 3
    assert "54 of 54 cells" in found.v0.lock and "as in dvc.lock" in found.v0.lock
    assert set(states(params, paths).values()) == {"done"}
    status = [sys.executable, "-m", "dvc", "status", "scores", "--json"]
    said = subprocess.run(status, cwd=paths.root, check=True, capture_output=True, text=True).stdout
    assert json.loads(said) == {}


def test_a_grid_is_simulated_by_its_tokens_or_by_a_measured_speed() -> None:
    schedule, params = script("schedule"), read_profile(toys.ROOT, "paper")
    paths = Paths(toys.ROOT, "paper")
    found = estimate(params, load_tasks(params.data.tasks, paths.tasks))
    cost, unit = schedule.costs(found, params, None, [])
    xnli = next(one for one in found.units if (one.kind, one.name) == ("cell", "xnli"))
    assert cost["cell xnli"] == (3 * xnli.train_tokens + xnli.predict_tokens) / 1e9 and unit == "1e9 token passes"
    unknown = next(one for one in found.units if one.train_tokens is None or one.predict_tokens is None)
    alike = [value for kind, value in cost.items() if kind.startswith(f"{unknown.kind} ")]
    assert cost[f"{unknown.kind} {unknown.name}"] == max(alike)
    items = schedule.items_of(params, paths, cost, found.unavailable)
    assert {item.seconds for item in items if "none-1" in item.name and item.name.startswith("intermediate")} == {0.0}
    assert all(item.seconds == 0 for item in items if item.name.startswith("cell@hellaswag+translated-"))
    (reached, orders) = schedule.tables(items, (1, 8), "grid")
    assert [row[0] for row in reached.rows] == [row[0] for row in orders.rows] == [1, 8]
    assert reached.rows[0][-1] == orders.rows[0][-1] == "100.0 %"
    with pytest.raises(HarnessError, match="measured on a device that nobody has"):
        schedule.costs(found, params, "a device that nobody has", [])


def test_arms_that_give_other_predictions_are_told_apart() -> None:
    repro = script("repro")
    arms = repro.arms(2)
    ran = [
        repro.Ran(20.0, "", {"a": "1", "b": "2"}),
        repro.Ran(8.0, "", {"a": "1", "b": "2"}),
        repro.Ran(5.0, "2 units run; 2.0 s on 2 at a time", {"a": "1", "b": "3"}),
    ]
    found = repro.report("ci", arms, ran)
    assert [row[1:] for row in found.tables[0].rows] == [
        ["20", "2 of 2", "1.00"],
        ["8", "2 of 2", "0.40"],
        ["5", "1 of 2", "0.25"],
    ]
    assert "`harness repro --jobs 2`: 2 units run; 2.0 s on 2 at a time." in found.remarks
    short = [remark for remark in found.remarks if "wanted" in remark]
    assert len(short) == 1 and "3 s are stages before and after the grid" in short[0]
    assert "took 0.62 of the time of `dvc repro, warm process`" in short[0]


def test_every_arm_of_the_training_benchmark_trains_on_the_same_tokens(
    toy: tuple[Params, Paths], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy[1].root)
    training = script("training")
    how = training.How("xquad", 16, 4, 1, "bf16")
    ran = {arm: training.run_arm(arm, 1, how) for arm in training.ARMS}
    ours, default = ran["harness"], ran["Trainer, default"]
    assert ran["harness, not deterministic"].tokens == ran[training.ALL_WORDS].tokens == ours.tokens
    assert ours.checkpoint_mb < ran[training.ALL_WORDS].checkpoint_mb == default.checkpoint_mb
    assert all(run.memory_mb > 100 for run in ran.values())
    assert default.tokens == pytest.approx(ours.tokens, rel=0.5)  # other rows may fall into a last, short epoch
    assert all(run.tokens > 100 and run.seconds > 0 and run.cpu_seconds > 0 and run.dev >= 0 for run in ran.values())
    row = training._row("Trainer, default", [default], [ours])
    assert row[0] == "Trainer, default" and row[5] == f"{default.dev:.1f}"
    assert float(row[6]) == pytest.approx(ours.tokens / ours.seconds / (default.tokens / default.seconds), abs=0.01)


def test_a_ratio_that_falls_short_is_explained(toy: tuple[Params, Paths], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy[1].root)
    training = script("training")
    slow, fast = training.Run(100, 9.0, 2.0, 9, 9, 50.0), training.Run(100, 9.0, 1.0, 9, 9, 50.0)
    runs = {"harness": [fast, fast], "Trainer, tuned": [fast, slow], "Trainer, default": [slow, slow]}
    wanted = {"Trainer, tuned": 1.6, "Trainer, default": 2.0}
    assert training.shortfalls(wanted, runs) == {"Trainer, tuned": (1.5, 1.6)}
    how = training.How("xquad", 16, None, 1, "fp32")
    steps = training.profile_steps(how)
    assert all(0 < part < 1 for part in (steps.products, steps.attention, steps.gelu))
    assert steps.products + steps.attention + steps.gelu < 1
    assert steps.gflops > 0 and steps.peak_gflops > 0
    steps = training.Steps(0.5, 0.25, 0.05, 80.0, 90.0)
    said = training.remark(how, "Trainer, tuned", 1.5, 1.6, steps)
    assert said.startswith("xquad, fp32, 1 thread: 1.50 times the speed of `Trainer, tuned`, 1.6 wanted.")
    assert said.endswith("the ratio would be 2.00.")
    assert training.made_of(how, steps).endswith("25% attention, 5% GELU and 20% all else.")


def test_a_search_sees_english_dev_rows_alone_and_goes_on_where_it_stood(
    toy_copy: tuple[Params, Paths], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    search, (params, paths) = script("search"), toy_copy
    monkeypatch.chdir(paths.root)
    source = next(paths.data("pawsx").glob("train.*.jsonl")).name.split(".")[1]
    for path in paths.data("pawsx").glob("*.jsonl"):
        if path.name not in (f"train.{source}.jsonl", f"dev.{source}.jsonl"):
            path.unlink()
    arguments = ["target", "pawsx", "--rows", "16", "--rates"]
    search.main([*arguments, "1e-3", "3e-3"])
    path = search.results_file(paths.root, params.profile)
    lines = search.read_lines(path)
    assert [line["rate"] for line in lines] == [1e-3, 3e-3] and all(line["steps"] == 2 for line in lines)
    assert all(0 <= line["dev"] <= 100 and line["dev_rows"] == 20 and line["constant"] > 0 for line in lines)

    path.write_bytes(path.read_bytes()[:-20])  # killed in the middle of a line
    search.main([*arguments, "1e-3", "3e-3", "--epochs", "2"])
    search.main([*arguments, "1e-3", "3e-3"])
    found = [(line["rate"], line["epochs"]) for line in search.read_lines(path)]
    assert found == [(1e-3, 1), (1e-3, 2), (3e-3, 2), (3e-3, 1)], "what stands there runs once"
    again = search.read_lines(path)[-1]
    assert (again["dev"], again["loss"]) == (lines[1]["dev"], lines[1]["loss"]), "a trial repeats"
    capsys.readouterr()
    search.main(["--page"])
    page = capsys.readouterr().out
    assert page.count("| target") == 4

    with pytest.raises(SystemExit, match="a task of `target` that is trained, found tatoeba"):
        search.main(["target", "tatoeba"])


def test_a_page_of_a_search_marks_the_best_rate_of_each_setting() -> None:
    search = script("search")
    same = {"role": "target", "task": "xnli", "rows": 8, "epochs": 1.0, "batch": 4, "steps": 2, "constant": 33.4}
    same |= {"loss": [1.1, 0.9], "train_s": 3.0, "train_tokens_per_s": 500}
    lines = [same | {"rate": rate, "dev": dev} for rate, dev in ((4e-4, None), (2e-4, 50.3), (1e-4, 48.1))]
    lines.append(same | {"epochs": 2.0, "rate": 1e-4, "dev": 40.0})
    rows = [line for line in search.page(lines).splitlines() if "xnli" in line]
    shown = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [(row[3], row[6], row[7]) for row in shown] == [
        ("1", "1e-04", "48.1"), ("1", "2e-04", "**50.3**"), ("1", "4e-04", "diverged"), ("2", "1e-04", "**40.0**"),
    ]  # fmt: skip
