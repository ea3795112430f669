"""`harness diff`: what differs between two sets of results, and what is said where nothing does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys
from synthetic import Project, planted

from harness.commands.main import run
from harness.exchange.write import export
from harness.project.results import read_result, write_result

Make = Callable[..., Project]


def made(make_project: Make, name: str, gain: float) -> Project:
    project = make_project(recipes=("none", "mnli"), targets=("xnli", "bucc"), name=name)
    for folder in ("tasks", "profiles"):
        (project.root / folder).symlink_to(toys.ROOT / folder)
    return project.run(planted({"mnli": gain}))


def differing(capsys: pytest.CaptureFixture[str], a: Path, b: Path, code: int) -> dict[str, object]:
    capsys.readouterr()
    assert run(["diff", str(a), str(b), "--json"]) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_the_same_results_do_not_differ(make_project: Make, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = made(make_project, "a", 2.0), made(make_project, "b", 2.0)
    assert run(["diff", str(a.root), str(b.root)]) == 0
    assert capsys.readouterr().out.startswith("Nothing differs: 12 cells, 12 with the same predictions.")


def test_other_scores_claims_machines_and_settings_are_told(
    make_project: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = made(make_project, "a", 2.0), made(make_project, "b", 5.0)
    path = b.paths.cells / "none-xnli-1" / "result.json"
    one = read_result(path)
    provenance = one.provenance | {"machine": {"cpu": "another"}, "git_commit": "decaf" * 8}
    write_result(path.parent, one.model_copy(update={"provenance": provenance}))
    settings = (b.root / "params.yaml").read_text(encoding="utf-8")
    (b.root / "params.yaml").write_text(settings.replace("threads: 1", "threads: 2"), encoding="utf-8")
    found = differing(capsys, a.root, b.root, 1)
    scores = found["scores"]
    assert isinstance(scores, list) and {row["cell"] for row in scores} == {
        f"mnli-{target}-{seed}" for target in ("xnli", "bucc") for seed in (1, 2, 3)
    }
    assert all(row["b"] - row["a"] == pytest.approx(3.0) and not row["same_predictions"] for row in scores)
    assert {"what": "compute.threads", "a": "1", "b": "2"} in found["settings"]
    assert {"what": "cpu", "a": "toy", "b": "another, toy"} in found["machines"] or {
        "what": "cpu", "a": "toy", "b": "toy, another"
    } in found["machines"]  # fmt: skip
    assert run(["diff", str(a.root), str(b.root)]) == 1
    shown = capsys.readouterr().out
    assert "6 of 12 cells in both have another score, by at most 3.00 points; 6 the same predictions" in " ".join(
        shown.split()
    )
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_an_archive_is_compared_with_the_run_that_it_holds(
    make_project: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    project = made(make_project, "a", 2.0)
    export(project.params, project.paths, project.paths.params, tmp_path / "a.zip")
    found = differing(capsys, project.root, tmp_path / "a.zip", 0)
    assert (found["cells_in_both"], found["same_predictions"], found["only_a"]) == (12, 12, [])


def test_what_is_no_results_is_told(make_project: Make, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    project = made(make_project, "a", 2.0)
    assert run(["diff", str(project.root), str(tmp_path / "none.zip")]) == 2
    assert "expected an archive" in capsys.readouterr().err
    assert run(["diff", str(project.root), str(tmp_path / "nowhere")]) == 2
    assert "expected an archive or a clone" in capsys.readouterr().err
    assert run(["diff", "paper", "lab"]) == 2
    assert "expected results of paper, found none" in capsys.readouterr().err
    (project.paths.cells / "mnli-xnli-3" / "result.json").unlink()
    assert run(["diff", str(project.root), str(project.root)]) == 3
    assert "is not whole, first: " in capsys.readouterr().err
