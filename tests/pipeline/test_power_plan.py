"""`harness plan --power`: the table of seeds, its pilot, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.commands.main import run
from harness.pipeline.power_plan import render_power
from harness.project.errors import HarnessError
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.project.terminal import WIDTH
from harness.verify.claims.registry import CLAIMS, read_claims


def planned(root: Path, profile: str, sigma: float | None = None, claim: str | None = None) -> list[str]:
    paths = Paths(root, profile)
    return render_power(read_params(paths.profile_file), paths, sigma, claim).splitlines()


def table(lines: list[str]) -> dict[str, list[str]]:
    """Claim -> the columns of its row, each `a / b` as one."""
    rows = lines[lines.index("") + 3 :]  # its header has two lines
    rows = rows[: rows.index("")]
    return {row.split()[0]: row.replace(" / ", "/").split()[1:] for row in rows}


def test_every_measured_claim_has_a_row_and_retrieval_comes_first(repo_root: Path) -> None:
    lines = planned(repo_root, "lab", sigma=0.3)
    rows = table(lines)
    measured = [claim.id for claim in read_claims(repo_root / "reference" / CLAIMS) if claim.measured]
    assert sorted(rows) == sorted(measured) and next(iter(rows)) == "retrieval-gain"
    assert max(map(len, lines)) <= WIDTH
    seeds, pilot, spread, cells, minutes, total = rows["squad-gain"]
    assert seeds == "3/5" and float(spread) > 0.3 and float(minutes) > 0
    assert total == f"{3 * int(cells)}/{5 * int(cells)}" and ">8" in pilot
    assert rows["english-over-mlm"][1] == "?", "its recipes are not in the grid, so no pilot tells its spread"
    words = " ".join(" ".join(lines).split())
    assert "not within the design's 8 seeds" in words and "moderated over claims" in words
    assert "pilot: reference/lab/scores.json, up to 3 seeds" in words


def test_a_narrow_terminal_says_which_columns_it_has_no_room_for(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = " ".join(planned(repo_root, "lab"))
    monkeypatch.setenv("COLUMNS", "80")
    narrow = planned(repo_root, "lab")
    assert max(map(len, narrow)) <= 80
    words = " ".join(" ".join(narrow).split())
    assert "no room in 80 columns for " in words and "cells (pilot): a wider terminal" in words
    assert "no room" not in wide


def test_one_claim_has_the_same_pilot_as_among_all(repo_root: Path) -> None:
    alone = table(planned(repo_root, "lab", 0.3, "squad-gain"))
    assert list(alone) == ["squad-gain"]
    assert alone["squad-gain"] == table(planned(repo_root, "lab", 0.3))["squad-gain"]


def test_without_results_there_are_only_supposed_spreads(repo_root: Path, tmp_path: Path) -> None:
    for name in ("tasks", "profiles", "benchmarks"):
        (tmp_path / name).symlink_to(repo_root / name)
    (tmp_path / "reference").mkdir()
    for path in (repo_root / "reference").glob("*.yaml"):
        (tmp_path / "reference" / path.name).symlink_to(path)
    lines = planned(tmp_path, "paper", claim="squad-gain")
    seeds = table(lines)["squad-gain"]
    assert len(seeds) == 5 + 3 and seeds[0] == "3/5" and seeds[4] == ">8/>8" and seeds[6] == "?"
    assert "pilot: none: no scores of profile paper have been gathered, and none are pinned" in lines
    (tmp_path / "reference" / "design.yaml").unlink()
    (tmp_path / "reference" / "design.yaml").write_text("looks: [20]\norder: [1]\n")
    with pytest.raises(HarnessError, match="expected 20 seeds or more"):
        planned(tmp_path, "paper")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--power", "--sigma", "0"], "expected --sigma in points, over 0"),
        (["--power", "--sigma", "nan"], "expected --sigma in points, over 0"),
        (["--sigma", "1"], "expected --power beside --sigma"),
        (["--power", "--unverified"], "expected --power or --unverified, found both"),
        (["--power", "--claim", "mnli-size"], "mnli-size, which is decided without a run"),
        (["--power", "--claim", "squad-gian"], "squad-gain"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_a_users_error(
    repo_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(repo_root)
    assert run(["plan", *arguments]) == 2
    out, err = capsys.readouterr()
    assert not out and said in err and err.count("\n") == 1


def test_outside_of_a_project_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plan", "--power"]) == 2
    assert "expected a clone of the project" in capsys.readouterr().err
