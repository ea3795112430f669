"""What a verdict says it rests on is what lies on disk, and gives the verdict again when computed anew."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
import statistics
from collections.abc import Callable

import pytest
import yaml
from scipy import stats
from synthetic import Project, planted, sha256
from toy import ROOT

from harness.audit.levels import verify_all
from harness.audit.verification import Verification
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.paths import Paths
from harness.project.profiles import load_params
from harness.project.results import Cell
from harness.verify.claims.kinds import Share
from harness.verify.claims.registry import read_claims
from harness.verify.show.derivation import derivation
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.design import STANDARD
from harness.verify.statistics.p_values import one_sided_p, partial_p
from harness.verify.statistics.sequential import boundaries, boundary
from harness.verify.verdicts.verdict import ClaimVerdict

Make = Callable[..., Project]
REFERENCE = ROOT / "reference"
CLAIMS = {claim.id: claim for claim in read_claims(REFERENCE / "claims.yaml")}
MEASURED = [name for name, claim in CLAIMS.items() if claim.measured]
TASKS = ("anli_plus", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "ccg", "cosmosqa", "commonsenseqa")
VARIANTS = tuple(f"{task}{suffix}" for task in ("mnli", "squad_v2", "hellaswag") for suffix in ("+mlm", "+translated"))
GAINS = {"squad_v2": 8.2, "mnli": 7.5, "hellaswag": 4.0, "multi": 10.0, "qqp": 1.4, "squad_v1": 6.0}


def score(cell: Cell) -> float:
    """Gains that differ by recipe, target and seed, larger in retrieval."""
    if cell.recipe == "none":
        return planted(GAINS)(cell)
    extra = 6.0 if XTREME_GROUPS[cell.target] == "retrieval" else 0.0
    return planted(GAINS)(cell) + extra + random.Random(cell.id).gauss(0.0, 0.3)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, planted_metric: None) -> tuple[Project, Verification]:
    """A whole grid that every claim can be judged by, in scope."""
    root = tmp_path_factory.mktemp("evidence")
    content = yaml.safe_load((REFERENCE.parent / "profiles" / "lab.yaml").read_text())
    recipes = ["none", *TASKS, "multi", *VARIANTS]
    content["grid"] = {"recipes": recipes, "targets": list(XTREME_GROUPS), "seeds": [1, 2, 3]}
    (root / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (root / "reference").mkdir()
    for name in ("claims.yaml", "paper.yaml"):
        shutil.copy(REFERENCE / name, root / "reference" / name)
    params = load_params(root)
    project = Project(root=root, params=params, paths=Paths(root, params.profile)).run(score, dev=tuple(XTREME_GROUPS))
    project.claim_here()
    return project, verify_all(project.params, project.paths)


def verdict_of(found: Verification, name: str) -> ClaimVerdict:
    return next(row for row in found.claims if row.id == name)


def dropped_by_holm(verdict: ClaimVerdict) -> bool:
    """An accusation that doesn't survive when all claims are looked at together."""
    return verdict.evidence.rule_gives == "NOT_REPRODUCED" and "not after Holm" in verdict.note


def computed_anew(made: Aggregate) -> tuple[float, float]:
    values = list(made.values.values())
    half = boundary(STANDARD, len(values)) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values) - half, statistics.fmean(values) + half


@pytest.mark.parametrize("name", MEASURED)
def test_the_interval_follows_from_the_values_per_seed(judged: tuple[Project, Verification], name: str) -> None:
    verdict = verdict_of(judged[1], name)
    evidence = verdict.evidence
    overall = [evidence.overall] if evidence.overall else []
    aggregates = [*overall, *filter(None, [evidence.without_retrieval]), *evidence.by_recipe.values()]
    assert aggregates
    for made in aggregates:
        assert made.interval == pytest.approx(computed_anew(made))
        assert made.mean == pytest.approx(sum(made.interval) / 2)
        half = stats.t.ppf(0.95, 2) * statistics.stdev(made.values.values()) / math.sqrt(3)
        assert made.plain == pytest.approx((made.mean - half, made.mean + half))
    assert evidence.rule_gives == verdict.verdict or dropped_by_holm(verdict)
    if evidence.overall:
        assert (verdict.measured, verdict.interval) == (evidence.overall.mean, evidence.overall.interval)


def test_the_values_per_seed_follow_from_the_cells(judged: tuple[Project, Verification]) -> None:
    found = judged[1]
    gains = {
        seed: statistics.fmean(
            (found.cells[f"squad_v2-{target}-{seed}"].score or 0) - (found.cells[f"none-{target}-{seed}"].score or 0)
            for target in XTREME_GROUPS
        )
        for seed in (1, 2, 3)
    }
    overall = verdict_of(found, "squad-gain").evidence.overall
    assert overall and overall.values == pytest.approx(gains)


@pytest.mark.parametrize("name", MEASURED)
def test_every_cell_is_named_with_the_hash_of_what_lies_there(judged: tuple[Project, Verification], name: str) -> None:
    project, found = judged
    evidence = verdict_of(found, name).evidence
    recipes = {found.cells[cell].cell.recipe for cell in evidence.cells}
    check = CLAIMS[name].measured
    assert check and set(check.named_recipes) < recipes
    assert len(evidence.cells) == len(recipes) * len(check.targets) * 3
    for cell in evidence.cells:
        content = (project.paths.cells / cell / "predictions.json.gz").read_bytes()
        assert found.cells[cell].predictions_sha256 == sha256(content)
        assert set(found.cells[cell].inputs) == {"params", "code", "data", "checkpoint", "encoder", "tokenizer"}


def test_the_json_holds_it_all(judged: tuple[Project, Verification]) -> None:
    project, found = judged
    content = json.loads(found.model_dump_json())
    assert content["registry_sha256"] == sha256((project.paths.reference / "claims.yaml").read_bytes())
    assert all(row["evidence"]["rule"] and row["evidence"]["sentence"] for row in content["claims"])
    (share,) = [row for row in content["claims"] if row["id"] == "retrieval-gain"]
    assert share["evidence"]["band"] == [0.85, 1.0] and len(share["evidence"]["by_recipe"]) == 9
    (none,) = [row for row in content["claims"] if row["id"] == "xnli-no-benefit"]
    assert none["evidence"]["band"] == [None, 0.5]


def test_what_retrieval_contributes(make_project: Make) -> None:
    def seven_and_two(cell: Cell) -> float:
        return planted({"squad_v2": 30.0 if cell.target in ("bucc", "tatoeba") else 1.0})(cell)

    project = make_project(recipes=("none", "squad_v2")).run(seven_and_two)
    evidence = verdict_of(verify_all(project.params, project.paths), "squad-gain").evidence
    part = evidence.retrieval
    assert part and part.targets == ["bucc", "tatoeba"]
    assert part.points == pytest.approx(60 / 9) and part.of_points == pytest.approx(67 / 9)
    assert part.share == pytest.approx(60 / 67)
    assert "+7.4 points" in evidence.sentence and "without BUCC and Tatoeba: +1.0 points" in evidence.sentence


@pytest.mark.parametrize("name", MEASURED)
def test_a_reader_can_compute_the_verdict_from_the_text(judged: tuple[Project, Verification], name: str) -> None:
    """The printed gains give the printed interval, and that, against the printed band, the verdict."""
    found = judged[1]
    verdict = verdict_of(found, name)
    text = derivation(CLAIMS[name], verdict, found.cells)
    lines = {line.split("  ")[0].strip(): line for line in text.splitlines()}
    assert f"verdict    {verdict.verdict}" in text
    check = CLAIMS[name].check
    if isinstance(check, Share):
        tails: tuple[list[float], list[float]] = ([], [])
        for recipe in check.recipes:
            row = next(line for line in text.splitlines() if re.match(rf"{recipe} +[+-]\d", line))
            found_p = one_sided_p([float(gain) for gain in row.split()[1:4]], check.threshold_points)
            for p_values, p in zip(tails, found_p, strict=True):
                p_values.append(p)
        above, below = (sum(partial_p(p_values, k) <= 0.05 for k in range(1, 10)) for p_values in tails)
        inside, apart = above / 9 >= check.at_least_share, (9 - below) / 9 < check.at_least_share
        gives = "REPRODUCED" if inside else "NOT_REPRODUCED" if apart else "INCONCLUSIVE"
        assert verdict.evidence.rule_gives == gives and f"on these numbers alone {gives}" in text
        return
    gains = [float(value) for value in re.findall(r"[+-][\d.]+", lines["g"].split("]")[0])]
    half = boundary(STANDARD, 3) * statistics.stdev(gains) / math.sqrt(3)
    low, high = statistics.fmean(gains) - half, statistics.fmean(gains) + half
    printed = re.search(r"adjusted for looks \[([^,]+), ([^\]]+)\]", lines["interval"])
    assert printed and [float(end) for end in printed.groups()] == pytest.approx([low, high], abs=0.005)
    band = re.findall(r"\[([^,]+), ([^\]]+)\]", text[text.index("rule gives") :])[1]
    floor, ceiling = (float(end.replace("infinity", "inf")) for end in band)
    inside, apart = floor <= low and high <= ceiling, high < floor or low > ceiling
    if apart and (stated := CLAIMS[name].margin_points()):
        published = (floor + ceiling) / 2
        assert ceiling - floor == pytest.approx(2 * stated)
        t = abs(published - statistics.fmean(gains)) / (statistics.stdev(gains) * math.sqrt(1 / 3 + 1))
        apart = t >= boundaries(STANDARD.looks, 0.025)[0] and "accusing" in lines
    gives = "REPRODUCED" if inside else "NOT_REPRODUCED" if apart else "INCONCLUSIVE"
    assert verdict.evidence.rule_gives == gives and f"on these numbers alone {gives}" in text
    assert verdict.verdict == gives or (dropped_by_holm(verdict) and "Holm's step-down" in text)


def test_the_text_shows_the_gain_of_every_target_and_seed(judged: tuple[Project, Verification]) -> None:
    found = judged[1]
    text = derivation(CLAIMS["mnli-gain"], verdict_of(found, "mnli-gain"), found.cells)
    for target in XTREME_GROUPS:
        row = next(line.split() for line in text.splitlines() if line.startswith(f"{target} "))
        measured, compared = (
            [found.cells[f"{r}-{target}-{s}"].score or 0 for s in (1, 2, 3)] for r in ("mnli", "none")
        )
        gains = [f"{one - other:+.3f}" for one, other in zip(measured, compared, strict=True)]
        assert row[1:] == [f"{value:.3f}" for value in (*measured, *compared)] + gains
    assert "contribute" in text and "retrieval baseline is weak" in text


def test_best_of_shows_what_was_chosen_and_by_what(judged: tuple[Project, Verification]) -> None:
    found = judged[1]
    evidence = verdict_of(found, "best-per-target").evidence
    assert set(evidence.choices) == set(XTREME_GROUPS)
    assert all(choice.by == "dev" for choice in evidence.choices.values())
    for choice in evidence.choices.values():
        for seed, means in choice.means.items():
            assert means[choice.chosen[seed]] == max(means.values())
            assert set(means) == {"none", *TASKS, "multi"}
    text = derivation(CLAIMS["best-per-target"], verdict_of(found, "best-per-target"), found.cells)
    assert "xnli dev 2 " in " ".join(text.split())


@pytest.mark.parametrize("name", [name for name in CLAIMS if name not in MEASURED])
def test_a_fact_is_derived_from_its_documents(judged: tuple[Project, Verification], name: str) -> None:
    found = judged[1]
    verdict = verdict_of(found, name)
    text = " ".join(derivation(CLAIMS[name], verdict, found.cells).split())
    assert all(" ".join(reason.split()) in text for reason in verdict.reasons) and verdict.reasons
    assert f"verdict {verdict.verdict}" in text and verdict.evidence.cells == []


def test_where_nothing_was_measured_the_text_says_what_is_lacking(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli")).run(planted({}))
    found = verify_all(project.params, project.paths)
    verdict = verdict_of(found, "english-over-mlm")
    text = derivation(CLAIMS["english-over-mlm"], verdict, found.cells)
    assert "nothing could be measured" in text and "mnli+mlm" in text and "interval  " not in text


def test_too_few_seeds_are_said_where_the_rule_is_applied(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli"), seeds=(1, 2)).run(planted({"mnli": 7.5}))
    project.claim_here()
    found = verify_all(project.params, project.paths)
    text = derivation(CLAIMS["mnli-gain"], verdict_of(found, "mnli-gain"), found.cells)
    assert "rule gives UNDERPOWERED" in text
