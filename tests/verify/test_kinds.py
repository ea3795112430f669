"""Every kind of claim says all about itself, and a new one is its record and its entry in the union."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import yaml
from pydantic import Field, ValidationError
from toy import ROOT

from harness.audit.facts_here import read_facts
from harness.project.params import Grid, Params
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.project.terminal import WIDTH, table_lines
from harness.verify import Claim, Scores, judge, read_claims
from harness.verify.claims import registry
from harness.verify.claims.facts import Facts, Finding, compared
from harness.verify.claims.kinds import RECORDS, AnyCheck, by_kind, group_of, unit_of
from harness.verify.claims.kinds.base import Group, LookedUp
from harness.verify.claims.kinds.count_tasks import CountTasks
from harness.verify.claims.kinds.mean import MeanGain
from harness.verify.claims.kinds.pieces import ProjectFiles
from harness.verify.claims.needs import needs
from harness.verify.measure.values import measure
from harness.verify.show.derivation import derivation
from harness.verify.show.table import claims_columns, facts_columns
from harness.verify.show.words import explain_claim
from harness.verify.statistics.intervals import Interval
from harness.verify.verdicts.evidence import CellEvidence

HERE = {"encoder": "FacebookAI/xlm-roberta-large", "data": "XTREME"}
MARGIN = {"practical_points": 1.25, "reference_sd_points": None, "rounding_points": 0.05, "reason": "so close"}
RECIPES, TARGETS = ["mnli", "squad_v2", "hellaswag"], ["xnli", "tatoeba"]
EXAMPLES: dict[str, dict[str, Any]] = {
    "Gain": {"kind": "gain", "recipe": "mnli", "targets": TARGETS, "expected_points": 7.5, "margin": MARGIN},
    "LanguageGain": {
        "kind": "language_gain",
        "recipe": "mnli",
        "targets": TARGETS,
        "languages": ["sw", "yo"],
        "expected_points": -4.5,
        "margin": MARGIN,
    },
    "NoGain": {"kind": "no_gain", "recipes": RECIPES, "targets": TARGETS, "at_most_points": 0.75},
    "Share": {
        "kind": "share",
        "recipes": RECIPES,
        "targets": TARGETS,
        "threshold_points": 5.25,
        "at_least_share": 0.6,
    },
    "BestOf": {"kind": "best_of", "recipes": RECIPES, "targets": TARGETS, "expected_points": 7.5, "margin": MARGIN},
    "Compare": {"kind": "compare", "recipes": RECIPES, "targets": TARGETS, "variant": "+mlm"},
    "CountTasks": {"kind": "count", "counted": "tasks", "profile": "paper", "role": "target", "expected": 9},
    "CountLanguages": {
        "kind": "count",
        "counted": "languages_of_largest_target",
        "profile": "paper",
        "expected": 40,
    },
    "CountRows": {"kind": "count", "counted": "rows", "task": "mnli", "split": "train", "expected": 392702},
    "OriginOf": {"kind": "provenance", "asserted": "origin", "tasks": ["qqp"], "origin": "Quora"},
    "NoSplit": {"kind": "provenance", "asserted": "no_split", "tasks": ["tatoeba"], "split": "train"},
    "StartsFrom": {
        "kind": "provenance",
        "asserted": "encoder",
        "profile": "paper",
        "repository": "FacebookAI/xlm-roberta-large",
    },
    "Untestable": {"kind": "untestable", "undecided": "nobody can rank the past"},
}
"""Record of a kind -> a check of it, without its reason."""
NAMED = {
    "Gain": ["mnli", "+7.5 +- 1.2", "[+6.25, +8.75]", "practical 1.25", "7.5 -+ 1.25"],
    "LanguageGain": ["-4.5 +- 1.2", "[-5.75, -3.25]", "sw, yo"],
    "NoGain": ["<= +0.8", "+0.75 points"],
    "Share": [">= 60% above +5.2", "+5.25", "60%"],
    "BestOf": ["+7.5 +- 1.2", "[+6.25, +8.75]", "best(t, s)"],
    "Compare": ["above +mlm", "A(r+mlm, s)", "0 points"],
    "CountTasks": ["9 tasks", "target tasks", "profiles/paper.yaml"],
    "CountLanguages": ["40 languages", "profiles/paper.yaml"],
    "CountRows": ["392,702 rows", "train rows of mnli"],
    "OriginOf": ["from Quora", "qqp"],
    "NoSplit": ["no train split", "tatoeba"],
    "StartsFrom": ["xlm-roberta-large", "FacebookAI/xlm-roberta-large"],
    "Untestable": ["nobody can rank the past", "NOT_TESTED whatever is run"],
}
"""Record of a kind -> what its words must name of the example."""


def entry(check: dict[str, Any]) -> dict[str, Any]:
    """An entry of the registry with this check."""
    reason = {} if "undecided" in check else {"reason": "the claim's words say so"}
    return {
        "id": "a-claim",
        "text": "A claim.",
        "verified": True,
        "confidence": 0.5,
        "source": {
            "document": "a paper",
            "version": "v1",
            "place": "table 2",
            "split": "test" if check["kind"] in ("language_gain", "best_of") else "development",
            "statistic": "points",
            "n_claim": 1,
        },
        "scope": HERE,
        "check": {**check, **reason},
    }


def claim_of(check: dict[str, Any]) -> Claim:
    return Claim.model_validate(entry(check))


def scores_of(gains: dict[str, float]) -> Scores:
    """Four seeds of the baseline and of recipes that gain so much over it; plain recipes with a little noise."""
    noise = {1: 0.1, 2: -0.1, 3: 0.2, 4: -0.2}
    plain = set(RECIPES)
    rows = [
        {
            "recipe": recipe,
            "target": target,
            "seed": seed,
            "score": 50 + 3 * seed + gain + (noise[seed] if recipe in plain else 0.0),
            "dev_score": 50 + gain,
        }
        for recipe, gain in {"none": 0.0, **gains}.items()
        for target in TARGETS
        for seed in noise
    ]
    scores = Scores.from_rows(rows, **HERE)
    alike = {(*pair, code): values for pair, values in scores.by_pair.items() for code in ("sw", "yo")}
    return replace(scores, by_language=alike)


def texts(claim: Claim, scores: Scores) -> str:
    """Everything that is printed of a claim and its verdict, on one line."""
    verdict = judge(claim, scores)
    cells = {
        f"{recipe}-{target}-{seed}": CellEvidence.model_validate(
            {
                "cell": {"recipe": recipe, "target": target, "seed": seed},
                "status": "ok",
                "score": score,
                "dev_score": None,
                "predictions_sha256": "0" * 64,
                "inputs": {},
            }
        )
        for (recipe, target), by_seed in scores.by_pair.items()
        for seed, score in by_seed.items()
    }
    columns = claims_columns([verdict]) if claim.measured else facts_columns([verdict])
    table = "\n".join(table_lines(columns, WIDTH))
    return " ".join(f"{explain_claim(claim)} {table} {derivation(claim, verdict, cells)}".split())


GAINS = {"mnli": 7.5, "squad_v2": 7.0, "hellaswag": 0.5, "mnli+mlm": 1.0, "squad_v2+mlm": 1.0, "hellaswag+mlm": 9.0}


@pytest.mark.parametrize("name", [record.__name__ for record in RECORDS])
def test_a_kind_has_its_rule_its_words_and_its_numbers(name: str) -> None:
    claim = claim_of(EXAMPLES[name])
    assert type(claim.check).__name__ == name
    assert (claim.measured is None) != (claim.fact is None)
    assert group_of(claim.check.kind) == claim.check.group and unit_of(claim.check.kind) == claim.check.unit
    assert claim.rule().endswith(".") and (("REPRODUCED if" if claim.measured else "NOT_TESTED") in claim.rule())
    text = texts(claim, scores_of(GAINS))
    assert " ".join(claim.rule().split()) in text and claim.check.why in text
    assert all(word in text for word in NAMED[name]), [word for word in NAMED[name] if word not in text]
    if check := claim.measured:
        steps = check.arithmetic(judge(claim, scores_of(GAINS)).evidence, 1)
        assert steps[-1][0] == "rule gives" and all(line in text for _, line in steps)
        said = [check.formula(), check.measured_in_words(), check.recipes_in_words()]
        assert all(said) and all(word in text for word in said)
        assert check.threshold_in_words(1) and all(recipe in text for recipe in check.needed(check.named_recipes))
    else:
        assert claim.fact and claim.fact.decided_by() in text


@pytest.mark.parametrize("name", ["LanguageGain", "BestOf"])
def test_a_kind_that_development_sets_cannot_give_is_not_of_a_claim_on_them(name: str) -> None:
    made = entry(EXAMPLES[name])
    with pytest.raises(ValidationError, match="expected `split: test`"):
        Claim.model_validate({**made, "source": {**made["source"], "split": "development"}})


def test_records_of_one_kind_agree_in_what_is_asked_of_a_kind() -> None:
    class Elsewhere(LookedUp):
        kind: Literal["count"]
        group: ClassVar[Group] = "untestable"

    assert by_kind(RECORDS)["count"] is CountTasks
    with pytest.raises(AssertionError, match="CountTasks and Elsewhere, both of kind count"):
        by_kind([*RECORDS, Elsewhere])


@pytest.mark.parametrize(
    ("name", "gains", "verdict"),
    [
        ("Gain", GAINS, "REPRODUCED"),
        ("Gain", GAINS | {"mnli": -7.5}, "NOT_REPRODUCED"),
        ("Gain", GAINS | {"mnli": 6.25}, "INCONCLUSIVE"),
        ("NoGain", GAINS, "NOT_REPRODUCED"),
        ("NoGain", GAINS | {"mnli": 0.2, "squad_v2": 0.1}, "REPRODUCED"),
        ("Share", GAINS, "REPRODUCED"),
        ("Share", GAINS | {"mnli": 1.0}, "NOT_REPRODUCED"),
        ("Share", GAINS | {"mnli": 5.25}, "INCONCLUSIVE"),
        ("BestOf", GAINS, "REPRODUCED"),
        ("BestOf", GAINS | {"mnli": 2.0, "squad_v2": 1.0}, "NOT_REPRODUCED"),
        ("Compare", GAINS, "REPRODUCED"),
        ("Compare", GAINS | {"mnli": -4.0}, "NOT_REPRODUCED"),
    ],
)
def test_a_measured_kind_is_decided_by_its_scores(name: str, gains: dict[str, float], verdict: str) -> None:
    found = judge(claim_of(EXAMPLES[name]), scores_of(gains))
    assert (found.verdict, found.n_seeds) == (verdict, 4)
    if verdict == "REPRODUCED":
        assert found.agrees is True
    if name in ("NoGain", "Compare", "Share") and verdict == "NOT_REPRODUCED":
        assert found.agrees is False


@pytest.mark.parametrize("name", [name for name, check in EXAMPLES.items() if "targets" in check])
def test_what_a_measured_kind_needs_is_what_its_verdict_rests_on(name: str, lab: Params) -> None:
    claim, scores = claim_of(EXAMPLES[name]), scores_of(GAINS)
    part = needs(claim, lab)
    assert {cell.id for cell in part.cells if cell.seed in scores.seeds} >= {
        cell for cell in judge(claim, scores).evidence.cells if not cell.endswith("-4")
    }
    assert part.lacking == []


@pytest.fixture
def lab(repo_root: Path) -> Params:
    """The laboratory's profile with the recipes that the examples name."""
    params = read_params(repo_root / "profiles" / "lab.yaml")
    grid = {"recipes": ["none", *GAINS], "targets": TARGETS, "seeds": [1, 2, 3]}
    return params.model_copy(update={"grid": Grid(**grid)})


class AtLeast(MeanGain):
    """A kind of somebody's own: a recipe gains at least so much."""

    kind: Literal["at_least"]
    recipe: str
    at_least_points: float

    @property
    def named_recipes(self) -> list[str]:
        return [self.recipe]

    def band(self, n_claim: int | None) -> Interval:
        return Interval(low=self.at_least_points, high=math.inf)

    def expects(self, n_claim: int | None) -> str:
        return f">= {self.at_least_points:+.1f}"

    def rule(self, n_claim: int | None) -> str:
        return f"REPRODUCED if the interval lies above {self.at_least_points:g} points."

    def formula(self) -> str:
        return f"g_s = A({self.recipe}, s) - A(none, s)"

    def measured_in_words(self) -> str:
        return f"whether {self.recipe} gains enough: {self.over_in_words()}"

    def recipes_in_words(self) -> str:
        return f"{self.recipe}, against none"

    def threshold_in_words(self, n_claim: int | None) -> list[tuple[str, str]]:
        return [("threshold", self.band_in_words(n_claim))]

    def band_in_words(self, n_claim: int | None) -> str:
        return f"{self.at_least_points:g} points or more"

    def change_in_words(self, recipes: Sequence[str]) -> tuple[str, str]:
        return f"with {' '.join(recipes)} the score changed by", ""


class CountLabels(LookedUp):
    """A fact of somebody's own: a task has so many labels."""

    kind: Literal["labels"]
    task: str
    expected: int

    def expects(self, n_claim: int | None) -> str:
        return f"{self.expected} labels"

    def files(self) -> ProjectFiles:
        return ProjectFiles(tasks=[self.task])

    def look_up(self, facts: Facts) -> Finding:
        return compared(self.expected, len(facts.task(self.task).labels or []), "counted", ["in its task file"])

    def decided_by(self) -> str:
        return f"the labels of {self.task}"


class OwnClaim(Claim):
    """A claim whose union has two entries more."""

    check: Annotated[AnyCheck | AtLeast | CountLabels, Field(discriminator="kind")]  # type: ignore[assignment]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Claim]:
    """A registry with a claim of either kind, read as every registry is."""
    monkeypatch.setattr(registry, "Claim", OwnClaim)
    checks = [
        {"kind": "at_least", "recipe": "mnli", "targets": TARGETS, "at_least_points": 5.5},
        {"kind": "labels", "task": "xnli", "expected": 3},
    ]
    entries = [{**entry(check), "id": check["kind"].replace("_", "-")} for check in checks]
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(entries, sort_keys=False))
    return read_claims(path)


def test_a_kind_of_somebodys_own_is_measured_judged_and_shown(own: list[Claim], lab: Params) -> None:
    claim, scores = own[0], scores_of(GAINS)
    assert isinstance(claim.check, AtLeast) and claim.measured
    assert needs(claim, lab).recipes == ["none", "mnli"] and len(needs(claim, lab).cells) == 2 * 2 * 3
    assert measure(claim.measured, scores).values == pytest.approx({1: 7.6, 2: 7.4, 3: 7.7, 4: 7.3})
    found = judge(claim, scores)
    assert (found.verdict, found.expected, found.agrees) == ("REPRODUCED", ">= +5.5", True)
    assert found.evidence.sentence.startswith("with mnli the score changed by +7.5 points")
    assert judge(claim, scores_of({"mnli": 2.0})).verdict == "NOT_REPRODUCED"
    text = texts(claim, scores)
    for words in ("whether mnli gains enough", "5.5 points or more", "lies inside [+5.500, +infinity]", claim.rule()):
        assert words in text
    assert "decided only if the rule gives the same with these in place of their test sets" in text


def test_a_fact_of_somebodys_own_is_looked_up_in_the_files_it_names(own: list[Claim]) -> None:
    claim, facts = own[1], read_facts(own, Paths(ROOT, "lab"))
    assert set(facts.tasks) == {"xnli"}
    found = judge(claim, scores_of({}), facts)
    assert (found.verdict, found.found, found.expected) == ("CONFIRMED", "3", "3 labels")
    assert judge(claim, scores_of({})).note == "no such task"
    assert "the labels of xnli" in " ".join(explain_claim(claim).split())


def test_nothing_outside_the_kinds_knows_one_by_name() -> None:
    """So that a new kind is one file: elsewhere only the union, the bases and what is asked of every kind."""
    records, here = {record.__name__ for record in RECORDS}, ROOT / "harness" / "verify" / "claims" / "kinds"
    known = {
        (path.relative_to(ROOT).as_posix(), name.name)
        for path in (ROOT / "harness").rglob("*.py")
        if path.parent != here
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness.verify.claims.kinds")
        for name in node.names
    }
    assert known and not {(path, name) for path, name in known if name in records}
