"""`harness claims`: the registry as a list, one claim in plain words, the research question beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from toy import ROOT

from harness.commands.main import run
from harness.project.errors import HarnessError
from harness.verify.claims.claim import Claim
from harness.verify.claims.kinds import Gain
from harness.verify.claims.question import read_questions
from harness.verify.claims.registry import read_claims
from harness.verify.show.words import explain_claim, explain_question

REGISTRY = ROOT / "reference" / "claims.yaml"
CLAIMS = read_claims(REGISTRY)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_explains_itself_from_its_fields(claim: Claim) -> None:
    text = " ".join(explain_claim(claim).split())
    assert claim.text in text and f"confidence {claim.confidence:.2f}" in text
    assert claim.scope.encoder in text
    word = "REPRODUCED if" if claim.measured else "CONFIRMED if" if claim.fact and claim.fact.group == "fact" else None
    assert (word or "NOT_TESTED whatever is run") in text
    check = claim.measured
    if check is None:
        return
    assert " ".join(check.reason.split()) in text and all(target in text for target in check.targets)
    assert all(recipe in text for recipe in check.named_recipes)
    averaged = len(check.targets) == 9
    assert ("over the 7 without BUCC and Tatoeba" in text) == averaged


def test_the_margin_shows_its_terms() -> None:
    claim = next(claim for claim in CLAIMS if claim.id == "squad-gain")
    assert isinstance(claim.check, Gain)
    noisy = claim.check.margin.model_copy(update={"reference_sd_points": 2.0})
    source = claim.source.model_copy(update={"n_claim": 4})
    changed = claim.model_copy(update={"check": claim.check.model_copy(update={"margin": noisy}), "source": source})
    assert "is not known, so its term is left out" in " ".join(explain_claim(claim).split())
    assert "2 x 2 / sqrt(4)" in explain_claim(changed) and "= 2 points" in explain_claim(changed)


def test_the_research_question_is_kept_beside_the_claims_and_not_counted() -> None:
    (question,) = read_questions(REGISTRY)
    assert question.id not in [claim.id for claim in CLAIMS] and len(CLAIMS) == 21
    assert question.question.startswith("To what extent does English intermediate-task training degrade")
    assert question.answered_by == "harness degradation" and question.question in " ".join(
        explain_question(question).split()
    )


def test_a_question_that_does_not_fit_is_a_users_error(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump([{"id": "why", "question": "Why?", "source": "here"}]))
    with pytest.raises(HarnessError, match=r"(?s)question why.*answered_by|answered_by.*question why"):
        read_questions(path)


def test_the_list_and_the_explanation_are_commands(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repo_root)
    assert run(["claims"]) == 0
    listed = capsys.readouterr().out
    assert all(claim.id in listed for claim in CLAIMS) and "21 claims, 13 of them verified" in listed
    assert "harness degradation" in listed
    assert run(["claims", "show", "retrieval-gain"]) == 0
    assert "Almost every" in " ".join(capsys.readouterr().out.split())
    assert run(["claims", "show", "low-resource-degradation"]) == 0
    assert "why no verdict" in capsys.readouterr().out
    assert run(["claims", "show", "retreival-gain"]) == 2
    assert "did you mean `retrieval-gain`?" in capsys.readouterr().err
