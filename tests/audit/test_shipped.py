"""The built package carries rules and pinned results, byte for byte: an installed verifier knows the shipped ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.audit import rules
from harness.project.profiles import read_params

GLOBS = ("reference/*.yaml", "tasks/*.yaml", "profiles/*.yaml", "reference/lab/*.json*", "params.yaml")


def clone(repo_root: Path, target: Path) -> Path:
    """What is built from: the package, the rules and pinned results."""
    shutil.copytree(repo_root / "harness", target / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(repo_root / name, target / name)
    for glob in GLOBS:
        for path in repo_root.glob(glob):
            kept = target / path.relative_to(repo_root)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, kept)
    return target


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", "built"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
def test_a_built_package_holds_rules_and_pinned_results_and_is_not_built_without(
    repo_root: Path, tmp_path: Path
) -> None:
    folder = clone(repo_root, tmp_path / "clone")
    assert build(folder).returncode == 0
    for glob in GLOBS:
        for path in repo_root.glob(glob):
            kept = folder / "built" / "harness" / "shipped" / path.relative_to(repo_root)
            assert kept.read_bytes() == path.read_bytes()
    shutil.rmtree(folder / "reference")
    assert build(folder).returncode != 0


def test_an_installed_package_compares_with_what_it_ships(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    for glob in GLOBS:
        for path in repo_root.glob(glob):
            kept = shipped / path.relative_to(repo_root)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, kept)
    monkeypatch.setattr(rules, "SHIPPED", shipped)
    params = read_params(repo_root / "profiles" / "lab.yaml")
    assert rules.other_rules(repo_root, params) == []
    claims = shipped / "reference" / "claims.yaml"
    claims.write_text(claims.read_text(encoding="utf-8").replace("practical_points: 1.5", "practical_points: 0.5"))
    assert "practical_points 1.5, shipped 0.5" in rules.other_rules(repo_root, params)[0]


def test_an_edit_in_a_checkout_is_told_by_its_last_commit(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the very checkout whose code runs; outside of a repository that is said."""
    root = clone(repo_root, tmp_path / "clone")
    monkeypatch.setattr(rules, "PACKAGE", root / "harness")
    monkeypatch.setattr(rules, "SHIPPED", root / "harness" / "shipped")
    params = read_params(root / "profiles" / "lab.yaml")
    assert "no shipped rules are here" in rules.other_rules(root, params)[0]
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", "-C", str(root), *arguments], check=True)
    assert rules.other_rules(root, params) == []
    claims = root / "reference" / "claims.yaml"
    claims.write_text(claims.read_text(encoding="utf-8").replace("practical_points: 1.5", "practical_points: 50.0"))
    assert "practical_points 50.0, shipped 1.5" in rules.other_rules(root, params)[0]


def test_edits_of_the_laboratorys_own_claims_are_told_where_a_grid_is_judged_by_them(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, shipped = clone(repo_root, tmp_path / "clone"), clone(repo_root, tmp_path / "shipped")
    monkeypatch.setattr(rules, "SHIPPED", shipped)
    lab, other = (read_params(root / "profiles" / f"{name}.yaml") for name in ("lab", "ci"))
    own = root / "reference" / "lab_claims.yaml"
    text = own.read_text(encoding="utf-8")
    own.write_text(text.replace("verdict: INCONCLUSIVE", "verdict: REPRODUCED"), encoding="utf-8")
    changed = "1 of 6 entries changed: lab-too-noisy (truth.verdict REPRODUCED, shipped INCONCLUSIVE)"
    assert rules.other_rules(root, lab) == [f"reference/lab_claims.yaml: {changed}"]
    assert rules.other_rules(root, other) == [], "it is judged by none of them"
    own.unlink()
    assert "reference/lab_claims.yaml: 6 of 6 entries left out" in rules.other_rules(root, lab)[0]
    own.write_text("- {id: x, check: {kind: share, recipes: 3}}\n- 4\n", encoding="utf-8")
    assert "6 of 6 entries left out" in rules.other_rules(root, lab)[0]
    (shipped / "reference" / "lab_claims.yaml").unlink()
    assert rules.other_rules(root, lab) == [], "none are shipped, and none here is about a recipe of the grid"
