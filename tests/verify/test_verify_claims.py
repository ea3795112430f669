"""The registry: every claim is complete, and its numbers hang together with the published ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from paper import read_paper
from toy import ROOT

from harness.metrics.xtreme import XTREME_GROUPS, macro_average, task_score
from harness.project.errors import HarnessError
from harness.project.profiles import read_params
from harness.project.tasks import task_names
from harness.verify.claims.claim import Claim
from harness.verify.claims.kinds import BestOf
from harness.verify.claims.kinds.stated import StatedGain
from harness.verify.claims.registry import read_claims

REFERENCE = ROOT / "reference"
CLAIMS = read_claims(REFERENCE / "claims.yaml")
PAPER = read_paper(REFERENCE / "paper.yaml")


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"check": {"kind": "regression"}}, ["squad-gain", "kind"]),
        ({"confidence": 2.0}, ["squad-gain", "confidence"]),
        ({"txt": "x"}, ["squad-gain", "txt", "text"]),
        ({"source": None}, ["squad-gain", "source"]),
    ],
)
def test_errors_name_claim_and_key(change: dict[str, object], words: list[str], tmp_path: Path) -> None:
    claims = yaml.safe_load((REFERENCE / "claims.yaml").read_text())
    next(claim for claim in claims if claim["id"] == "squad-gain").update(change)
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(claims))
    with pytest.raises(HarnessError) as raised:
        read_claims(tmp_path / "claims.yaml")
    assert all(word in str(raised.value) for word in words)


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
