"""Which results are judged, and that every claim has an answer under every profile, also where nothing has run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from synthetic import PUBLISHED, Make, planted
from toy import ROOT

from harness.audit.levels import verify_all
from harness.audit.one_claim import render_single, verify_claim
from harness.audit.pin_results import pin_results
from harness.audit.report import render
from harness.audit.subject import find_results, sound_results
from harness.audit.verification import Verification
from harness.commands.main import run
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import describe_data, describe_encoder, read_profile
from harness.project.results import grid_cells
from harness.verify.claims.needs import needs
from harness.verify.claims.registry import read_claims, read_judged_claims

PROFILES = sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml"))
CLAIMS = read_claims(ROOT / "reference" / "claims.yaml")
NOTHING = "no cell has run here and nothing is pinned"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout in which nothing has run; profile lab is active."""
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copyfile(ROOT / "profiles" / "lab.yaml", tmp_path / "params.yaml")
    return tmp_path


def opened(clone: Path, profile: str) -> tuple[Params, Paths]:
    params = read_profile(clone, profile)
    return params, Paths(clone, params.profile)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_claim_has_a_verdict_or_a_stated_reason_under_every_profile(clone: Path, profile: str) -> None:
    params, paths = opened(clone, profile)
    found = verify_all(params, paths, quick=True)
    judged = read_judged_claims(ROOT / "reference", params.grid.recipes)
    assert [row.id for row in found.claims] == [claim.id for claim in judged]
    assert (judged == CLAIMS) is (profile != "lab"), "the laboratory has claims of its own"
    decided = {row.id: row for row in found.claims if row.verdict != "NOT_TESTED"}
    for row in found.claims:
        assert row.id in decided or (row.reasons and row.note and row.evidence.sentence), row.id
    assert set(decided) >= {"nine-targets", "forty-languages", "mnli-size", "qqp-source", "xlmr-large-start"}
    assert Verification.model_validate_json(found.model_dump_json()) == found
    pinned = (paths.pinned / "manifest.json").is_file()
    assert (found.judged, found.v0.cells_found > 0) == (("pinned", True) if pinned else ("nothing", False))


@pytest.mark.parametrize("profile", PROFILES)
def test_each_claim_says_why_it_is_not_tested_where_nothing_has_run(clone: Path, profile: str) -> None:
    """Among all and alone: what has not run, what the grid lacks; facts are decided as ever."""
    params, paths = opened(clone, profile)
    if (paths.pinned / "manifest.json").is_file():
        pytest.skip(f"results of {profile} are pinned, so these are judged")
    found = verify_all(params, paths)
    assert (found.v0.cells_expected, found.v1, found.v2, found.cells) == (len(grid_cells(params)), None, None, {})
    assert found.exit_code == 0
    for claim, row in zip(CLAIMS, found.claims, strict=True):
        needed = needs(claim, params)
        assert row.verdict in (("NOT_TESTED", "CONFIRMED") if row.is_fact else ("NOT_TESTED",))
        assert ("nothing has run" in row.note) is bool(needed.cells)
        assert all(name in " ".join(row.reasons) for name in needed.lacking), row.id

        alone = verify_claim(claim.id, params, paths)
        assert [(one.id, one.verdict, one.note) for one in alone.claims] == [(row.id, row.verdict, row.note)]
        text = " ".join(render_single(alone, paths, explain=True).split())
        assert row.verdict in text and " ".join(claim.text.split()) in text and alone.exit_code == 0
        assert (f"`harness verify {claim.id} --run` runs them" in text) is bool(needed.cells)


def test_where_nothing_has_run_the_levels_say_so_and_scope_is_told_beforehand(clone: Path) -> None:
    """A profile that measures something else is not worth running for the claim; the paper's own is."""
    for profile, note in (("paper", "nothing has run"), ("mini", "nothing has run, out of scope")):
        params, paths = opened(clone, profile)
        if (paths.pinned / "manifest.json").is_file():
            continue
        found = verify_all(params, paths)
        row = next(row for row in found.claims if row.id == "squad-gain")
        assert (row.verdict, row.note, row.measured) == ("NOT_TESTED", note, None)
        lines = render(found).splitlines()
        judged = next(line for line in lines if line.startswith("judged"))
        assert f"nothing is pinned (`harness profile {profile}`, then `make repro`, runs it)" in judged
        (levels,) = (line for line in lines if line.startswith(("V0", "V1", "V2")))
        assert levels.startswith("V0, V1, V2    - ") and levels.endswith(NOTHING)
        assert lines[0] == "0 of 10 measured claims decided: 10 NOT_TESTED; 9 of 11 facts confirmed"
        assert lines[-2].startswith("exit code 0: ") and lines[-2].endswith("; 12 of 21 claims NOT_TESTED")
        assert (found.encoder, found.data) == (describe_encoder(params), describe_data(params))


def test_a_fact_that_fails_counts_where_nothing_has_run(make_project: Make) -> None:
    """The exit code follows the same rule as anywhere: one thing that is not reproduced is 1."""
    project = make_project()
    registry = project.paths.reference / "claims.yaml"
    registry.write_text(registry.read_text(encoding="utf-8").replace("expected: 392702", "expected: 392703"))
    for name in ("tasks", "profiles"):
        (project.root / name).symlink_to(ROOT / name)
    found = verify_all(project.params, project.paths)
    assert found.judged == "nothing" and found.exit_code == 1
    assert [row.id for row in found.claims if row.verdict == "REFUTED"] == ["mnli-size"]


def test_a_run_comes_before_pinned_results_and_these_before_nothing(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",))
    seen = [find_results(project.params, project.paths).source]
    project.run(planted(PUBLISHED))
    seen.append(find_results(project.params, project.paths).source)
    pin_results(project.params, project.paths)
    shutil.rmtree(project.paths.cells)
    seen.append(find_results(project.params, project.paths).source)
    assert seen == ["nothing", "run", "pinned"]
    assert sound_results(project.params, project.paths)[0].source == "pinned"


@pytest.mark.parametrize(
    "command",
    [
        ("degradation",),
        ("study",),
        ("layers",),
        ("verify", "--rerun", "1"),
    ],
    ids=" ".join,
)
def test_what_needs_results_says_so_in_a_sentence(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(clone)
    assert run([*command, "--profile", "paper"]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("harness: expected results of profile paper in ") and "found neither" in err
    assert err.endswith("run `make repro` with paper as the active profile (`harness profile paper`)\n")


def test_the_command_prints_the_table_and_the_record(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(clone)
    for arguments in ([], ["--quick"]):
        assert run(["verify", "--profile", "paper", *arguments]) == 0
        out, err = capsys.readouterr()
        assert "NOT_TESTED  squad-gain" in out and "CONFIRMED   nine-targets" in out and not err
    assert run(["verify", "--profile", "paper", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["judged"], said["exit_code"], said["v0"]["cells_found"]) == ("nothing", 0, 0)
    assert run(["verify", "squad-gain", "--profile", "paper", "--explain"]) == 0
    out = capsys.readouterr().out
    assert "none 0 of 45, squad_v2 0 of 45" in out and "verdict    NOT_TESTED (nothing has run)" in out
