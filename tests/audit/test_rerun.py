"""Level V1: cells that run again: repeated exactly, within what other hardware may change, or different and where."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import toy as toys
from hypothesis import given
from hypothesis import strategies as st

from harness.audit.pin_results import pin_results
from harness.audit.repeat.compare_rerun import compare_rerun, differing_languages, pick
from harness.audit.repeat.redraw import Limits
from harness.audit.report_rerun import ONLY_HASH, show_rerun
from harness.audit.rerun import Rerun
from harness.audit.scores import write_scores
from harness.commands.main import run
from harness.data.folder import read_split
from harness.experiment.cell import run_cell
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.experiment.training.checkpoints import WEIGHTS
from harness.metrics.scoring import items, score
from harness.metrics.xtreme import task_score
from harness.project.files import sha256_file, write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import read_pinned_manifest
from harness.project.results import Cell, PredictionsFile, Result, kept_name, read_result, write_result

Toy = tuple[Params, Paths]
RECIPES, TARGET = ("none", "hellaswag"), "pawsx"
CELLS = [Cell(recipe=recipe, target=TARGET, seed=1) for recipe in RECIPES]
MACHINE = {"machine": {"cpu": "a"}, "python": "3.11", "packages": {}, "device": "cpu", "threads": 1}


def seed_of(cell: Cell) -> int:
    """A seed that draws this one of the two cells."""
    return next(seed for seed in range(100) if pick(CELLS, 1, seed) == [cell])


@pytest.fixture(scope="module")
def finished(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A toy project whose two cells have run; shared, so not to be written to."""
    copy = Paths(tmp_path_factory.mktemp("finished") / "project", toys.PROFILE)
    shutil.copytree(toy[1].root, copy.root)
    content = toys.toy_settings() | {"checkpoints": "drop"}
    content["grid"] = {"recipes": list(RECIPES), "targets": [TARGET], "seeds": [1]}
    toys.write_params(copy.root, content)
    params = toys.load_params(copy.root)
    write_target(TARGET, params, copy)
    for cell in CELLS:
        write_recipe(cell.recipe, params, copy)
        run_intermediate(cell.recipe, 1, params, copy)
        run_cell(cell, params, copy)
    write_scores(params, copy)
    return params, copy


@pytest.fixture
def project(finished: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A copy of it that a test may change, as the working folder."""
    shutil.copytree(finished[1].root, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return finished[0], Paths(tmp_path / "project", toys.PROFILE)


@pytest.fixture
def verify(project: Toy, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`harness verify` in that project: options -> exit code, standard output, standard error."""

    def command(*options: str) -> tuple[int, str, str]:
        code = run(["verify", *options])
        return code, *capsys.readouterr()

    return command


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tamper(paths: Paths, cell: Cell, language: str, row: int) -> tuple[int, int]:
    """Turn one recorded label round and make hash, scores, items and table fit it; returns the recorded and the true
    one.
    """
    folder = paths.cell(cell.recipe, cell.target, cell.seed)
    result, predictions = read_result(folder / "result.json"), folder / "predictions.json.gz"
    content = json.loads(gzip.decompress(predictions.read_bytes()))
    rows = content["languages"][language]["predictions"]
    true, rows[row - 1] = rows[row - 1], 1 - rows[row - 1]
    predictions.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))
    gold = read_split(paths.data(cell.target), "test", language)[: len(rows)]
    scores = result.scores | {language: score("accuracy", gold, rows, language)}
    kept = folder / kept_name("items")
    told = json.loads(gzip.decompress(kept.read_bytes()))
    told["test"][language] = items("accuracy", gold, rows, language)
    kept.write_bytes(gzip.compress(json.dumps(told).encode(), mtime=0))
    changed = {
        "scores": scores,
        "score": task_score("classification", scores),
        "predictions": PredictionsFile(path=predictions.name, sha256=sha256_file(predictions)),
        "kept": result.kept | {"items": PredictionsFile(path=kept.name, sha256=sha256_file(kept))},
    }
    write_result(folder, result.model_copy(update=changed))
    paths.scores.unlink()
    return rows[row - 1], true


@pytest.mark.slow
def test_all_cells_repeat_exactly_and_nothing_is_left_or_changed(
    project: Toy, verify: Callable[..., tuple[int, str, str]]
) -> None:
    before = files(project[1].root)
    code, out, err = verify("--rerun", "99", "--json")
    found = Rerun.model_validate(json.loads(out)["rerun"])
    assert [one.cell for one in found.cells] == CELLS and found.candidates == len(CELLS)
    assert {one.outcome for one in found.cells} == {"repeated exactly"} and found.ok
    for one in found.cells:
        assert one.predictions_sha256 == one.predictions_sha256_again is not None
        assert (one.score_again, one.languages, one.made_otherwise) == (one.score, [], [])
    assert files(project[1].root) == before and not list(project[1].scratch.iterdir())
    assert f"`--rerun 99 --seed {found.seed}` draws the same" in err
    assert [f"[{n}/2] cell {cell.id}: repeated exactly" in err for n, cell in enumerate(CELLS, 1)] == [True, True]
    assert code == verify()[0]


@pytest.mark.slow
def test_cells_that_are_named_run_again_and_are_stronger_evidence(
    project: Toy, verify: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = verify("--cell", CELLS[1].id, "--json")
    found = json.loads(out)
    assert [one["cell"]["recipe"] for one in found["rerun"]["cells"]] == [CELLS[1].recipe]
    assert found["rerun"]["seed"] is None and found["evidence"] == {"re-run here": 1, "re-scored here": 1}
    assert "1 cells re-run here, 1 cells re-scored here" in verify("--cell", CELLS[1].id, "--details")[1]
    code, out, err = verify("--cell", "hellaswag-pawsx-9")
    assert code == 2 and "hellaswag-pawsx-1" in out + err
    assert verify("--cell", CELLS[1].id, "--rerun", "1")[0] == 2


@pytest.mark.slow
def test_a_tampered_cell_is_different_and_its_first_row_is_named(
    project: Toy, verify: Callable[..., tuple[int, str, str]]
) -> None:
    """Hash, score and table fit what was changed, so level V0 finds nothing."""
    paths, cell = project[1], CELLS[1]
    original = read_result(paths.cell(cell.recipe, cell.target, 1) / "result.json").predictions
    recorded, true = tamper(paths, cell, "qab", row=4)
    assert "V0 integrity  ok" in verify()[1]
    before = files(paths.results)
    code, out, err = verify("--rerun", "1", "--seed", str(seed_of(cell)))
    assert code == 1 and "\nexit code 1: something is not reproduced, or refuted" in out
    assert "V1 re-run     DIFFERS   1 of 2 cells" in out and f"different  {cell.id}" in out
    assert f"qab: 1 of 10 rows differ; first row 4: recorded {recorded}, re-run {true}; accuracy " in out
    assert "predictions repeat exactly" in out
    (kept,) = paths.scratch.glob(f"rerun-*/results/{paths.profile}/cells/{cell.id}")
    assert str(kept.relative_to(paths.root)) in out and str(kept.relative_to(paths.root)) in err
    assert read_result(kept / "result.json").predictions == original
    assert files(paths.results) == before


@pytest.mark.slow
def test_pinned_results_are_compared_with_where_what_they_were_made_from_is_here(
    project: Toy, verify: Callable[..., tuple[int, str, str]]
) -> None:
    params, paths = project
    pin_results(params, paths)
    shutil.rmtree(paths.results)
    code, out, _ = verify("--rerun", "1", "--seed", "0")
    assert code == 0 and "judged   PINNED results" in out
    assert "V1 re-run     ok        1 of 2 cells, drawn with seed 0: 1 repeated exactly" in out
    assert not paths.results.exists()
    shutil.rmtree(paths.encoder)
    code, _, err = verify("--rerun", "1")
    assert code == 2 and "nothing has run here" in err and err.endswith("To fix it: run `make repro`\n")


def keep_only_hashes(paths: Paths) -> None:
    """Pinned results as those on real data are pinned: no prediction, which would hold pieces of its rows."""
    manifest = read_pinned_manifest(paths.pinned)
    shutil.rmtree(paths.pinned / "predictions")
    files = {name: sha256 for name, sha256 in manifest.files.items() if not name.startswith("predictions/")}
    changed = manifest.model_copy(update={"files": files, "predictions": False})
    write_json(paths.pinned / "manifest.json", changed.model_dump(mode="json"))


@pytest.mark.slow
def test_pinned_hashes_are_compared_with_where_the_predictions_are_not_kept(
    project: Toy, verify: Callable[..., tuple[int, str, str]]
) -> None:
    params, paths = project
    tampered = CELLS[1]
    tamper(paths, tampered, "qab", row=4)
    pin_results(params, paths)
    keep_only_hashes(paths)
    shutil.rmtree(paths.results)
    code, out, err = verify("--rerun", "1", "--seed", str(seed_of(tampered)), "--json")
    (found,) = Rerun.model_validate(json.loads(out)["rerun"]).cells
    assert code == 1 and (found.cell, found.outcome, found.rows_kept) == (tampered, "different", False)
    assert found.predictions_sha256 != found.predictions_sha256_again and f"; kept in {found.kept}" in err
    (language,) = found.languages
    assert (language.language, language.rows, language.differing, language.first_row) == ("qab", 10, None, None)
    old, new = language.scores["accuracy"]
    assert old is not None and new is not None and abs(new - old) == pytest.approx(10.0)
    lines = [line.strip() for line in show_rerun(Rerun(seed=0, candidates=2, cells=[found]))[2]]
    assert ONLY_HASH in lines and f"qab: accuracy {old:.2f}, re-run {new:.2f}" in lines


def test_the_same_hash_is_an_exact_repeat_also_where_no_rows_are_kept() -> None:
    recorded, again = result(50.0), result(50.0, cpu="b")
    differing = differing_languages(recorded, again, None, {"de": [1, 2]})
    found = compare_rerun(recorded, again, differing, Limits(tolerance=0.5, halfway=0.0), rows_kept=False)
    assert (found.outcome, found.reason, found.languages, found.rows_kept) == ("repeated exactly", "", [], False)
    assert len(show_rerun(Rerun(seed=1, candidates=9, cells=[found]))[2]) == 1


def other_checkpoint(paths: Paths) -> None:
    folder = paths.cell("hellaswag", TARGET, 1)
    result = read_result(folder / "result.json")
    write_result(folder, result.model_copy(update={"inputs": result.inputs | {"checkpoint": "0" * 64}}))
    paths.scores.unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda paths: (paths.checkpoint("hellaswag", 1) / WEIGHTS).unlink(),
            ["found no file", "run `dvc repro -f intermediate@hellaswag-1`"],
        ),
        (
            lambda paths: shutil.rmtree(paths.checkpoint("hellaswag", 1)),
            ["expected a finished checkpoint", "run `dvc repro intermediate@hellaswag-1`"],
        ),
        (
            lambda paths: paths.target(TARGET).unlink(),
            ["expected resolved settings", f"run `dvc repro target@{TARGET}`"],
        ),
        (other_checkpoint, ["the checkpoint that cell hellaswag-pawsx-1", "run `dvc repro cell@hellaswag-pawsx-1`"]),
    ],
    ids=["dropped weights", "no checkpoint", "unresolved target", "another checkpoint"],
)
def test_what_a_cell_was_made_from_has_to_be_here(
    project: Toy,
    verify: Callable[..., tuple[int, str, str]],
    change: Callable[[Paths], object],
    words: list[str],
) -> None:
    """Said before anything runs."""
    change(project[1])
    code, out, err = verify("--rerun", "2")
    message = err.splitlines()[-1]
    assert (code, out) == (2, "") and message.startswith("harness: expected ") and "[1/2]" not in err
    assert all(word in message for word in words), message
    assert not list(project[1].scratch.glob("*"))


def test_nothing_runs_below_a_level_that_fails(project: Toy, verify: Callable[..., tuple[int, str, str]]) -> None:
    shutil.rmtree(project[1].cell("none", TARGET, 1))
    code, out, err = verify("--rerun", "1")
    assert code == 3 and "V1 re-run     -         needs V0\n" in out and not err


def test_a_seed_wants_a_draw_and_a_draw_the_active_profile(
    project: Toy, verify: Callable[..., tuple[int, str, str]]
) -> None:
    params, paths = project
    code, _, err = verify("--seed", "3")
    assert code == 2 and "expected --rerun N beside --seed" in err
    shutil.copyfile(paths.params, paths.profile_file)
    toys.write_params(paths.root, toys.toy_settings())
    code, _, err = verify("--profile", params.profile, "--rerun", "1")
    assert code == 2 and f"run `harness profile {params.profile}`" in err


def test_the_level_is_shown_only_where_it_was_asked_for(verify: Callable[..., tuple[int, str, str]]) -> None:
    out = json.loads(verify("--json")[1])
    assert (out["rerun"], out["rerun_note"]) == (None, "") and "V1 re-run" not in verify()[1]


@given(st.integers(0, 30), st.integers(1, 40), st.integers(0, 2**32))
def test_a_draw_is_without_repetition_in_order_and_repeatable(size: int, count: int, seed: int) -> None:
    cells = [Cell(recipe="none", target="xnli", seed=number) for number in range(size)]
    drawn = pick(cells, count, seed)
    numbers = [cell.seed for cell in drawn]
    assert len(drawn) == min(count, size) and numbers == sorted(set(numbers))
    assert pick(cells, count, seed) == drawn


def result(score: float | None, sha256: str = "a", cpu: str = "a", **fields: Any) -> Result:
    """A made-up result; one language has the score."""
    made: dict[str, Any] = dict(
        schema_version=1, profile="toy", cell=CELLS[0], status="ok", score=score,
        scores={} if score is None else {"de": {"accuracy": score}}, dev_scores={}, curve=[], counts={},
        predictions=None if score is None else PredictionsFile(path="p", sha256=sha256),
        inputs={"data": "d", "encoder": "e"}, provenance=MACHINE | {"machine": {"cpu": cpu}}, elapsed_s=1.0,
    )  # fmt: skip
    return Result(**(made | fields))


@pytest.mark.parametrize(
    ("again", "outcome", "reason"),
    [
        (result(50.0), "repeated exactly", ""),
        (result(50.0, cpu="b"), "repeated exactly", ""),
        (result(50.4, "b"), "different", "+0.40 points; on the same kind of machine"),
        (result(50.4, "b", cpu="b"), "within tolerance", "+0.40 points, tolerance 0.50; not the same in both: machine"),
        (result(49.4, "b", cpu="b"), "different", "-0.60 points, tolerance 0.50"),
        (result(50.4, "b", inputs={"data": "d", "encoder": "f"}), "within tolerance", "not the same in both: encoder"),
        (result(50.4, cpu="b"), "different", "the recorded scores don't follow from them"),
        (result(None, status="failed", reasons=["NaN"]), "different", "the re-run has no score (failed: NaN)"),
    ],
)
def test_the_outcome(again: Result, outcome: str, reason: str) -> None:
    """Only another machine, or other inputs than the same on any machine, may use the tolerance."""
    recorded = result(50.0)
    differing = differing_languages(recorded, again, {}, {})
    found = compare_rerun(recorded, again, differing, Limits(tolerance=0.5, halfway=0.0))
    assert found.outcome == outcome and reason in found.reason and bool(found.reason) == bool(reason)
    word, detail, lines = show_rerun(Rerun(seed=1, candidates=9, cells=[found]))
    assert word == ("DIFFERS" if outcome == "different" else "ok")
    assert detail == f"1 of 9 cells, drawn with seed 1: 1 {outcome}" and lines[0].startswith(outcome)


def test_the_first_differing_row_of_each_language() -> None:
    old = {"de": ["x", "y", "z"], "fr": [["A"], ["B"]], "en": [1, 2]}
    new = {"de": ["x", "u", "v"], "fr": [["A"]], "en": [1, 2]}
    found = differing_languages(result(50.0), result(51.0), old, new)
    assert [(f.language, f.rows, f.differing, f.first_row, f.recorded, f.again) for f in found] == [
        ("de", 3, 2, 2, "y", "u"),
        ("fr", 2, 1, 2, ["B"], "(no row)"),
    ]
    assert found[0].scores == {"accuracy": (50.0, 51.0)} and not found[1].scores


@pytest.mark.parametrize(
    ("limits", "score", "outcome"),
    [
        (Limits(tolerance=40.0, halfway=42.0), 41.0, "left open"),  # the tolerance would take a constant answer
        (Limits(tolerance=40.0, halfway=42.0), 9.0, "different"),
        (Limits(tolerance=None, halfway=25.0), 49.0, "left open"),  # no seed moved, so nothing says how far it may
        (Limits(tolerance=None, halfway=25.0), 50.005, "within tolerance"),
        (Limits(tolerance=None, halfway=25.0, steady=True), 49.0, "left open"),
        (Limits(tolerance=None, halfway=25.0, steady=True), 25.0, "different"),
    ],
)
def test_what_pinned_seeds_cannot_decide_is_left_open(limits: Limits, score: float, outcome: str) -> None:
    found = compare_rerun(result(50.0, "a"), result(score, "b", cpu="b"), [], limits)
    assert found.outcome == outcome and found.repeats == (outcome == "within tolerance")
    again = Rerun(seed=1, candidates=1, cells=[found])
    assert again.is_open == (outcome == "left open") and again.ok == (outcome != "different")
    word, detail, _ = show_rerun(again)
    assert word == {"left open": "UNDECIDED", "different": "DIFFERS"}.get(outcome, "ok") and outcome in detail
