"""A grid of blocks, some recipes with more seeds than others: planned, checked, judged, given to DVC cell by cell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from synthetic import Project, claim, judge, planted

from harness.commands.main import run
from harness.project.errors import HarnessError
from harness.project.params import Grid
from harness.project.profiles import load_params
from harness.project.results import grid_cells

Make = Callable[..., Project]
TARGETS = ["xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc", "tatoeba"]
FIVE = {"recipes": ["none", "squad_v2"], "targets": TARGETS, "seeds": [1, 2, 3, 4, 5]}
THREE = {"recipes": ["none", "mnli", "hellaswag"], "targets": TARGETS, "seeds": [1, 2, 3]}
BLOCKS = [FIVE, THREE]
CELLS = (2 * 5 + 2 * 3) * 9


@pytest.fixture
def call(
    make_project: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command line in a project with this grid: arguments -> exit code, standard output, standard error."""
    project = make_project(blocks=BLOCKS).run(planted({"squad_v2": 8.2, "mnli": 7.5}))
    for name in ("tasks", "profiles"):
        shutil.copytree(Path(__file__).parents[2] / name, project.root / name)
    monkeypatch.chdir(project.root)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    command.project = project  # type: ignore[attr-defined]
    return command


def put_grid(root: Path, grid: Any) -> None:
    content = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    content["grid"] = grid
    (root / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_a_cell_in_two_blocks_counts_once(make_project: Make) -> None:
    params = make_project(blocks=BLOCKS).params
    cells = grid_cells(params)
    assert len(cells) == len(set(cells)) == CELLS
    assert params.grid.recipes == ["none", "squad_v2", "mnli", "hellaswag"] and params.grid.seeds == [1, 2, 3, 4, 5]
    assert params.grid.seeds_of("mnli") == [1, 2, 3] and params.grid.seeds_of("none") == [1, 2, 3, 4, 5]
    again = Grid.of(params.grid.cells)
    assert again.cells == params.grid.cells and again.trainings == params.grid.trainings


def test_blocks_in_another_order_are_the_same_cells(make_project: Make) -> None:
    first, second = (
        make_project(blocks=blocks, name=str(len(blocks[0]["recipes"]))) for blocks in (BLOCKS, BLOCKS[::-1])
    )
    assert set(grid_cells(first.params)) == set(grid_cells(second.params))
    assert second.params.grid.seeds == [1, 2, 3, 4, 5]


def test_what_stands_beside_blocks_and_in_none_of_them_is_refused(make_project: Make) -> None:
    root = make_project(blocks=BLOCKS).root
    for axis, more in (("recipes", "qqp"), ("seeds", 6)):
        axes = {"recipes": ["none", "squad_v2"], "targets": TARGETS, "seeds": [1, 2, 3, 4, 5]}
        axes[axis] = [*axes[axis], more]
        put_grid(root, axes | {"blocks": [FIVE]})
        with pytest.raises(HarnessError, match=f"expected {axis} of the blocks alone, found {more!r} in none of them"):
            load_params(root)


def test_one_block_is_the_product_that_it_says(make_project: Make) -> None:
    one = make_project(blocks=[THREE], name="one").params
    assert grid_cells(one) == grid_cells(make_project(THREE["recipes"], TARGETS, THREE["seeds"], "product").params)


def test_the_plan_counts_the_cells_that_there_are(call: Any) -> None:
    code, out, _ = call("plan")
    assert code == 0 and f"4 recipes x 9 targets x 5 seeds, in 2 blocks: {CELLS} cells" in out
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()[:1]}
    assert set(lines["mnli"]) == {"0/3"} and set(lines["squad_v2"]) == {"0/5"}
    code, out, _ = call("plan", "--claim", "mnli-gain")
    assert code == 0 and f"{2 * 3 * 9} cells" in out, "no baseline at a seed that the recipe does not have"


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (
            [FIVE, THREE | {"seeds": [6]} | {"recipes": ["mnli"]}],
            "`mnli` on xnli at seed 6, but not the baseline `none`",
        ),
        (
            [FIVE | {"targets": ["xnli"]}, THREE | {"recipes": ["mnli"]}],
            "`mnli` on pawsx at seed 1, but not the baseline",
        ),
        ([THREE | {"recipes": ["mnli", "none"]}], "begin with `none`"),
        ([], "at least one block"),
        ([FIVE | {"seeds": []}], "seeds"),
        ([FIVE | {"seeds": [1, 1]}], "twice"),
        ([FIVE | {"seeds": ["1"]}], "seeds"),
        ([FIVE | {"recipes": ["none", "nix"]}], "grid.recipes names `nix`"),
        ([FIVE | {"target": TARGETS}], "did you mean"),
        ([{"recipes": ["none"], "targets": TARGETS}], "seeds"),
        ([[1, 2]], "grid"),
        (["none"], "grid"),
        (None, "grid"),
        ({"blocks": [FIVE]}, "grid.recipes"),
    ],
)
def test_a_grid_that_can_not_be_judged_is_refused_in_one_paragraph(call: Any, grid: Any, words: str) -> None:
    put_grid(call.project.root, grid)
    code, out, err = call("plan")
    assert code == 2 and not out and words in err and "Traceback" not in err and "params.yaml" in err


def test_every_recipe_is_judged_by_its_own_seeds(call: Any) -> None:
    call.project.claim_here()
    found = judge(call.project)
    assert found.v0.problems == [] and (found.v0.cells_expected, found.v0.cells_found) == (CELLS, CELLS)
    squad, mnli = claim(found, "squad-gain"), claim(found, "mnli-gain")
    assert (squad.verdict, squad.n_seeds) == ("REPRODUCED", 5) and (mnli.verdict, mnli.n_seeds) == ("REPRODUCED", 3)
    assert sum("-4" in name for name in mnli.evidence.cells) == 0
    assert not any("lacks" in one.note and "score" in one.note for one in (squad, mnli))
    code, out, _ = call("verify")
    assert code in (0, 1, 2) and f"4 recipes x 9 targets x 5 seeds, {CELLS} cells of them" in out
    code, out, _ = call("verify", "mnli-gain")
    assert code == 0 and "REPRODUCED" in out and "27 of 27" in out


def test_a_cell_of_a_block_that_has_not_run_is_named(call: Any) -> None:
    paths = call.project.paths
    shutil.rmtree(paths.cell("squad_v2", "xnli", 5))
    found = judge(call.project)
    assert any("squad_v2-xnli-5" in problem for problem in found.v0.problems)


def test_scores_hold_the_cells_of_the_blocks(call: Any) -> None:
    code, _, err = call("run", "scores")
    assert code == 2 and "harness run grid" in err, "grid.json is of another grid, or not there"
    assert call("run", "grid")[0] == 0
    code, out, _ = call("run", "scores")
    assert code == 0 and f"scores of {CELLS} of {CELLS} cells" in out
    put_grid(call.project.root, [FIVE])
    code, _, err = call("run", "scores")
    assert code == 2 and "harness run grid" in err


def test_a_profile_brings_its_own_units(call: Any) -> None:
    root = call.project.root
    (root / "profiles" / "mine.yaml").write_bytes((root / "params.yaml").read_bytes())
    assert call("profile", "lab")[0] == 0
    listed = json.loads((root / "grid.json").read_text(encoding="utf-8"))["units"]
    assert len(listed["cell"]) == 5 * 9 * 3 + 4 * 1 * 3 + 1 * 3 and listed["cell"]["none-xnli-1"] == {
        "recipe": "none",
        "target": "xnli",
        "seed": 1,
    }


def test_the_committed_units_are_those_of_the_committed_settings(repo_root: Path) -> None:
    from harness.pipeline.grid_file import check_grid
    from harness.project.paths import Paths

    params = load_params(repo_root)
    check_grid(params, Paths(repo_root, params.profile))


@pytest.mark.slow
def test_dvc_knows_the_cells_of_the_blocks_and_no_other(call: Any) -> None:
    root = call.project.root
    shutil.copy(Path(__file__).parents[2] / "dvc.yaml", root / "dvc.yaml")
    call("run", "grid")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q", "--no-scm"], cwd=root, check=True)
    done = subprocess.run([*dvc, "stage", "list", "--name-only"], cwd=root, check=True, capture_output=True, text=True)
    names = {line for line in done.stdout.split() if line.startswith(("cell@", "intermediate@"))}
    grid = call.project.params.grid
    assert names == {f"cell@{r}-{t}-{s}" for r, t, s in grid.cells} | {
        f"intermediate@{r}-{s}" for r, s in grid.trainings
    }
