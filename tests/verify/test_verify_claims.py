"""The registry: every claim is complete, and its numbers hang together with the published ones."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from toy import ROOT

from harness.metrics.xtreme import XTREME_GROUPS, macro_average, task_score
from harness.project.errors import HarnessError
from harness.project.profiles import read_params
from harness.project.tasks import task_names
from harness.verify.claims.claim import Claim
from harness.verify.claims.kinds import BestOf
from harness.verify.claims.kinds.stated import StatedGain
from harness.verify.claims.registry import read_claims
from harness.verify.published.rows import read_published

REFERENCE = ROOT / "reference"
CLAIMS = read_claims(REFERENCE / "claims.yaml")
PAPER = read_published(REFERENCE / "paper.yaml")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_claim_is_complete(claim: Claim, repo_root: Path) -> None:
    assert claim.text and claim.source.version == "v2"
    assert (claim.scope.encoder, claim.scope.data) == ("FacebookAI/xlm-roberta-large", "XTREME")
    assert len(claim.check.why) > 20
    check = claim.measured
    if check is None:
        named = [*getattr(claim.check, "tasks", []), *filter(None, [getattr(claim.check, "task", None)])]
        assert set(named) <= set(task_names(repo_root / "tasks"))
        return
    known = read_params(repo_root / "profiles" / "lab.yaml").recipes
    recipes = [*check.named_recipes, *check.shown_beside]
    assert set(recipes) <= set(known) - {"none"} and len(set(recipes)) == len(recipes)
    assert set(check.targets) <= set(XTREME_GROUPS)
    assert (claim.margin_points() is None) == (not check.states_gain)
    if isinstance(check, StatedGain):
        assert set(check.targets) == set(XTREME_GROUPS)
        assert claim.margin_points() == 1.5 < check.expected_points
        assert f"{check.expected_points}" in claim.text


def test_the_table_has_21_rows() -> None:
    assert len(CLAIMS) == 21
    assert sum(claim.verified for claim in CLAIMS) == 13


def test_best_per_target_is_the_difference_of_published_averages() -> None:
    check = next(claim.check for claim in CLAIMS if claim.id == "best-per-target")
    assert isinstance(check, BestOf)
    best, base = (PAPER[name].average for name in check.derived_from)
    assert best is not None and base is not None
    assert best - base == pytest.approx(check.expected_points, abs=0.05)


def test_published_average_follows_from_its_scores() -> None:
    rows = [row for row in PAPER.values() if row.average is not None and set(row.scores) == set(XTREME_GROUPS)]
    assert rows
    for row in rows:
        scores = [task_score(XTREME_GROUPS[target], {"all": row.scores[target]}) for target in XTREME_GROUPS]
        assert macro_average(scores) == pytest.approx(row.average, abs=0.05)


ROWS = {"kind": "count", "counted": "rows", "task": "mnli", "split": "train", "expected": 9, "reason": "so"}
SPLIT = {"kind": "provenance", "asserted": "no_split", "tasks": ["xnli"], "split": "train", "reason": "so"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"check": {"kind": "regression"}}, ["squad-gain", "kind"]),
        ({"confidence": 2.0}, ["squad-gain", "confidence"]),
        ({"txt": "x"}, ["squad-gain", "txt", "text"]),
        ({"source": None}, ["squad-gain", "source"]),
        ({"check": {**ROWS, "split": "test"}}, ["bad value of `check.split` in", "'train' or 'dev'"]),
        ({"check": {**ROWS, "tsk": "mnli"}}, ["unknown key `check.tsk` in", "did you mean `task`?"]),
        ({"check": {**SPLIT, "splti": "dev"}}, ["unknown key `check.splti` in", "did you mean `split`?"]),
        ({"check": {**SPLIT, "splti": "dev"}}, ["known: kind, reason, asserted, tasks, split"]),
        ({"check": {**ROWS, "expected": None}}, ["bad value of `check.expected` in"]),
    ],
)
def test_errors_name_claim_and_key(change: dict[str, object], words: list[str], tmp_path: Path) -> None:
    claims = yaml.safe_load((REFERENCE / "claims.yaml").read_text())
    next(claim for claim in claims if claim["id"] == "squad-gain").update(change)
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(claims))
    with pytest.raises(HarnessError) as raised:
        read_claims(tmp_path / "claims.yaml")
    assert all(word in str(raised.value) for word in words)


MARGIN = {"practical_points": 1.5, "reference_sd_points": 0.5, "rounding_points": 0.05, "reason": "so close"}
SEVERAL = {"recipes": ["mnli", "squad_v2"], "targets": ["xnli", "bucc"]}
CHECKS: dict[str, dict[str, object]] = {
    "gain": {"recipe": "mnli", "targets": ["xnli", "bucc"], "expected_points": 7.5, "margin": MARGIN},
    "best_of": {**SEVERAL, "expected_points": 7.5, "margin": MARGIN},
    "share": {**SEVERAL, "threshold_points": 1.0, "at_least_share": 0.5},
    "no_gain": {**SEVERAL, "at_most_points": 1.0},
    "compare": {**SEVERAL, "variant": "+mlm"},
}


def read_with(kind: str, change: dict[str, object], folder: Path) -> list[Claim]:
    """A registry of one claim with this check, written and read."""
    claim = next(claim for claim in yaml.safe_load((REFERENCE / "claims.yaml").read_text()) if "check" in claim)
    source = {**claim["source"], "n_claim": 1}
    check = {"kind": kind, **CHECKS[kind], **change, "reason": "the words say so"}
    (folder / "claims.yaml").write_text(yaml.safe_dump([{**claim, "id": "a-claim", "source": source, "check": check}]))
    return read_claims(folder / "claims.yaml")


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("gain", "expected_points"),
        ("best_of", "expected_points"),
        ("share", "threshold_points"),
        ("share", "at_least_share"),
        ("no_gain", "at_most_points"),
        *(("gain", f"margin.{key}") for key in MARGIN if key != "reason"),
    ],
)
def test_a_number_of_a_check_is_finite(kind: str, key: str, number: float, tmp_path: Path) -> None:
    outer, _, inner = key.partition(".")
    with pytest.raises(HarnessError, match=rf"`check\.{key}` in claim a-claim.*(finite|greater than|less than)"):
        read_with(kind, {outer: {**MARGIN, inner: number} if inner else number}, tmp_path)


@pytest.mark.parametrize("kind", CHECKS)
def test_a_check_names_each_target_and_recipe_once_and_never_the_baseline(kind: str, tmp_path: Path) -> None:
    assert len(read_with(kind, {}, tmp_path)) == 1
    with pytest.raises(HarnessError, match=r"`check\.targets` in .*each name once, but `xnli` stands there 2 times"):
        read_with(kind, {"targets": ["xnli", "bucc", "xnli"]}, tmp_path)
    baseline: dict[str, object] = {"recipe": "none"} if kind == "gain" else {"recipes": ["none", "mnli"]}
    with pytest.raises(HarnessError, match=r"`check\.recipes?` in .*`none` is the baseline"):
        read_with(kind, baseline, tmp_path)
    several = "beside" if kind == "gain" else "recipes"
    with pytest.raises(HarnessError, match=rf"`check\.{several}` in .*each name once, but `mlqa` stands there 2 times"):
        read_with(kind, {several: ["mlqa", "mlqa"]}, tmp_path)


def test_a_registry_that_is_not_there_is_named_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine" / "list.yaml"
    with pytest.raises(HarnessError) as raised:
        read_claims(path)
    assert raised.value.fix == f"restore {path}, or correct it"
    path.mkdir(parents=True)
    with pytest.raises(HarnessError, match=r"expected a file at .*list\.yaml, found: .*directory"):
        read_claims(path)


@pytest.mark.parametrize("content", ["- {id: [", "id: x", "", "[1]"])
def test_broken_registry_is_a_users_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").write_text(content)
    with pytest.raises(HarnessError):
        read_claims(tmp_path / "claims.yaml")


def test_an_id_stands_once(tmp_path: Path) -> None:
    text = (REFERENCE / "claims.yaml").read_text()
    (tmp_path / "claims.yaml").write_text(text.replace("id: mnli-gain", "id: squad-gain"))
    with pytest.raises(HarnessError, match="squad-gain twice"):
        read_claims(tmp_path / "claims.yaml")
