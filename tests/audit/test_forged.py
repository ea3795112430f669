"""Scope, evidence and rules of forged results: what the author only says is not believed, and what differs is told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from forge import PUBLISHED, Lab, build_gold, make_lab
from toy import ROOT
from wheels import REAL

from harness.audit.exit_codes import strictly
from harness.audit.integrity.findings import Checked
from harness.audit.integrity.made import DataManifest, Made
from harness.audit.integrity.pinned import check_pinned
from harness.audit.integrity.rows import pinned_rows
from harness.audit.report import render
from harness.audit.rules import _committed, other_rules
from harness.audit.scope import _not_pinned, _not_published
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import HubEncoder, LocalEncoder
from harness.project.pinned import pinned_files
from harness.project.profiles import read_params
from harness.project.results import Result
from harness.project.tasks import load_task, published_digest

TASKS = ROOT / "tasks"
LAB_WORDS = "encoder pretrained here (4 layers of 96, 5000 steps)"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = make_lab(tmp_path_factory.mktemp("forged") / "lab")
    build_gold(lab)
    found = lab.judge()
    assert found.v0.ok and found.rules == [] and found.evidence == {"re-scored here": 27}
    assert "evidence: 27 cells re-scored here" in render(found, details=True)
    return lab


@pytest.fixture
def lab(base: Lab) -> Lab:
    base.settings()
    return base.copy()


def measured(found) -> list:  # type: ignore[no-untyped-def]
    return [one for one in found.claims if one.evidence.cells]


def test_words_beside_the_scores_are_no_scope(lab: Lab) -> None:
    lab.words = dict(PUBLISHED)
    found = lab.judge()
    assert found.encoder.startswith(LAB_WORDS) and found.data.startswith("the laboratory world")
    assert PUBLISHED["encoder"] in found.encoder and "table of scores calls it" in found.encoder
    assert measured(found) and {one.verdict for one in measured(found)} == {"NOT_TESTED"}


def test_settings_that_name_xlm_r_need_its_record_and_the_pinned_rows(lab: Lab) -> None:
    paper = yaml.safe_load((ROOT / "profiles" / "paper.yaml").read_text(encoding="utf-8"))
    lab.params["encoder"], lab.params["data"]["source"], lab.words = paper["encoder"], "published", dict(PUBLISHED)
    found = lab.judge()
    assert "not shown to be FacebookAI/xlm-roberta-large" in found.encoder
    assert "not shown to be" in found.data and "no manifest of the pinned rows of pawsx" in found.data
    assert {one.verdict for one in measured(found)} == {"NOT_TESTED"}


def result(**inputs: str) -> Result:
    line = json.loads((ROOT / "reference" / "lab" / "results.jsonl").read_text(encoding="utf-8").splitlines()[0])
    return Result.model_validate(line | {"inputs": line["inputs"] | inputs})


def test_an_encoder_is_the_published_one_by_its_record_and_its_tokenizers_bytes() -> None:
    encoder = read_params(ROOT / "profiles" / "paper.yaml").encoder
    assert isinstance(encoder, HubEncoder)
    tokenizer = encoder.files["tokenizer.json"]
    origin = {"repository": encoder.repository, "revision": encoder.revision, "sha256": encoder.files}
    made = {"made_from": origin, "sha256": {"model.safetensors": "a" * 64, "tokenizer.json": tokenizer}}
    ran = [result(encoder="a" * 64, tokenizer=tokenizer)]
    assert _not_published(encoder, ran, Made(encoder=made)) == ""
    for key, value in (("repository", "mine/other"), ("revision", "0" * 40), ("sha256", {})):
        assert key in _not_published(encoder, ran, Made(encoder=made | {"made_from": origin | {key: value}}))
    other = made | {"sha256": {"model.safetensors": "a" * 64, "tokenizer.json": "b" * 64}}
    assert "tokenizer" in _not_published(encoder, [result(encoder="a" * 64, tokenizer="b" * 64)], Made(encoder=other))
    assert "cells name another" in _not_published(encoder, [*ran, result(tokenizer=tokenizer)], Made(encoder=made))


def test_an_encoder_of_a_wheel_or_a_folder_is_shown_by_its_record_too() -> None:
    """A tokenizer that is rebuilt has no bytes to compare; that of a folder has."""
    files = {"config.json": "c" * 64, "model.safetensors": "d" * 64, "tokenizer.json": "e" * 64}
    own = LocalEncoder(source="local", name="mine", folder="own", parameters=5, files=files)
    for encoder, key in ((REAL, "wheel_sha256"), (REAL, "member_sha256"), (REAL, "version"), (own, "sha256")):
        made = {"made_from": encoder.origin, "sha256": {"model.safetensors": "a" * 64, "tokenizer.json": "e" * 64}}
        ran = [result(encoder="a" * 64, tokenizer="e" * 64)]
        assert _not_published(encoder, ran, Made(encoder=made)) == ""
        other = made | {"made_from": encoder.origin | {key: "0" * 64}}
        assert _not_published(encoder, ran, Made(encoder=other)) == f"its record names another {key}"
    changed = made | {"sha256": {"model.safetensors": "a" * 64, "tokenizer.json": "f" * 64}}
    again = [result(encoder="a" * 64, tokenizer="f" * 64)]
    assert "tokenizer is not the published file" in _not_published(own, again, Made(encoder=changed))
    assert _not_published(REAL, again, Made(encoder=changed | {"made_from": REAL.origin})) == ""


def test_rows_are_xtremes_by_the_pins_that_their_manifest_names_and_by_their_number() -> None:
    task = load_task("xnli", TASKS)
    rows = {f"{stem}.jsonl": count for stem, count in pinned_rows(task, "published", None).items()}
    assert rows
    pin = f"published {published_digest(task)}"
    ran = [result(data="m" * 64)]

    def why(**changes: object) -> str:
        fields = {"sha256": "m" * 64, "source": "published", "source_pin": pin, "files": {}, "rows": rows}
        return _not_pinned(ran, Made(manifests={"xnli": DataManifest(**(fields | changes))}), TASKS)  # type: ignore[arg-type]

    assert why() == ""
    fewer = rows | {next(iter(rows)): next(iter(rows.values())) - 1}
    for changes in ({"source": "generated"}, {"source_pin": "x"}, {"sha256": "n" * 64}, {"rows": fewer}):
        assert "xnli" in why(**changes)
    assert "xnli" in _not_pinned(ran, Made(), TASKS)


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("mnli", {"tasks": ["qqp"]}),
        ("mnli", {"tasks": []}),
        ("mnli", {"tasks": ["mnli", "qqp"], "mixing_cap": 9, "steps": 9, "learning_rate": 0.1}),
        ("mnli", {"tasks": ["mnli"], "mlm": True, "mixing_cap": 9}),
        ("none", {"tasks": ["mnli"]}),
    ],
)
def test_a_recipe_trains_on_what_its_name_says(lab: Lab, recipe: str, changes: dict[str, object]) -> None:
    lab.params["recipes"][recipe] = changes
    found = lab.judge()
    assert not found.v0.ok and found.exit_code == 3 and f"expected recipe `{recipe}`" in found.v0.problems[-1]


def test_invented_scores_without_predictions_decide_nothing(lab: Lab) -> None:
    lab.claim_here()
    decided = [one for one in measured(lab.judge()) if one.verdict in ("REPRODUCED", "NOT_REPRODUCED")]
    assert decided  # with its predictions
    lab.withheld = True
    found = lab.judge()
    assert found.evidence == {"hash only": 27} and "27 cells hash only" in render(found)
    after = {one.id: one for one in measured(found)}
    for one in decided:
        assert after[one.id].verdict == "INCONCLUSIVE" and after[one.id].evidence_level == "hash only"
    assert found.exit_code == 2


def test_other_claims_pins_and_settings_are_told_first_and_fail_strictly(lab: Lab) -> None:
    entry = next(one for one in lab.claims if one["id"] == "squad-gain")
    entry["check"]["margin"]["practical_points"] = 50.0
    lab.claims = [one for one in lab.claims if one["id"] != "mnli-gain"]
    lab.params["target"]["pawsx"]["learning_rate"] = 0.1
    found = lab.judge()
    head = render(found).splitlines()
    rules = next(line for line in head if line.startswith("rules"))
    assert rules.startswith("rules    NOT THE SHIPPED ONES: reference/claims.yaml: 1 of 22 entries changed")
    assert head.index(rules) < min(place for place, line in enumerate(head) if line.startswith("verdict"))
    said = " ".join(found.rules)
    assert "squad-gain (check.margin.practical_points 50.0, shipped 1.5)" in said and "left out: mnli-gain" in said
    assert "profile lab: 1 settings changed: target.pawsx.learning_rate 0.1, shipped 0.0005" in said
    strict = strictly(found)
    assert strict.exit_code == max(found.exit_code, 2) and "other rules" in strict.strict[0]
    assert "--strict: judged by other rules than the shipped ones" in render(strict)


def test_definitions_and_pins_are_compared_too(lab: Lab, tmp_path: Path) -> None:
    lab.write()
    params = read_params(lab.settings())
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    for path in TASKS.glob("*.yaml"):
        (tasks / path.name).write_bytes(path.read_bytes())
    content = yaml.safe_load((tasks / "pawsx.yaml").read_text(encoding="utf-8"))
    for stem, one in content["pins"]["generated"]["files"].items():
        if stem.startswith("test."):
            one["rows"] = 20
    (tasks / "pawsx.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (tasks / "udpos.yaml").unlink()
    kept = lab.root / "tasks"
    kept.unlink()
    kept.symlink_to(tasks)
    low = lab.root / "reference" / "low_resource.yaml"
    before = low.read_bytes()
    try:
        low.write_bytes(before + b"\n# a comment changes nothing\n")
        said = " ".join(other_rules(lab.root, params))
        assert "low_resource" not in said
        low.write_bytes(before + b"\nmore: 1\n")
        said = " ".join(other_rules(lab.root, params))
    finally:
        low.write_bytes(before)
        kept.unlink()
        kept.symlink_to(TASKS)
    assert "low_resource.yaml is not the shipped one" in said
    assert "2 with other pins: pawsx, udpos (left out)" in said and "pawsx 100 of 500 rows" in said


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_margin_without_end_is_refused(lab: Lab, value: float) -> None:
    next(one for one in lab.claims if one["id"] == "squad-gain")["check"]["margin"]["practical_points"] = value
    with pytest.raises(HarnessError, match="squad-gain"):
        lab.judge()


@pytest.mark.slow
def test_a_cut_of_the_rows_is_told_in_numbers(lab: Lab) -> None:
    for name in lab.names(target="tatoeba"):
        del lab.results[name], lab.predictions[name]
    lab.cut(5)
    found = lab.judge()
    assert found.v0.cut == ["pawsx 25 of 500 rows", "udpos 55 of 1,100 rows"]
    assert "rows     CUT: scored were only pawsx 25 of 500 rows, udpos 55 of 1,100 rows" in render(found)
    assert any("evaluation.max_rows 5, shipped None" in one for one in found.rules)
    again = lab.judge()  # what was scored before is not scored anew, and is told all the same
    assert again.v0.cut == found.v0.cut


def better(lab: Lab, **changes: object) -> None:
    """Say twenty points more of each cell of mnli on pawsx, and what else is said of them."""
    for name in lab.names("mnli", "pawsx"):
        lab.results[name]["score"] += 20
        lab.results[name] |= changes
        if changes.get("predictions", "kept") is None:
            del lab.predictions[name]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "by its languages"),
        ({"predictions": None}, "status ok without them"),
        ({"predictions": None, "status": "failed", "scores": {}}, "failed cell"),
        ({"predictions": None, "status": "unavailable", "reasons": ["no licence"]}, "unavailable cell"),
        ({"profile": "paper"}, "expected profile lab"),
    ],
)
def test_a_pinned_score_follows_from_its_parts_and_status(lab: Lab, changes: dict[str, object], why: str) -> None:
    better(lab, **changes)
    found = lab.check()
    assert found.table is None and why in " ".join(found.integrity.problems)


def test_pinned_cells_share_their_inputs(lab: Lab) -> None:
    for name in lab.names("mnli"):
        lab.results[name]["inputs"]["encoder"] = "a" * 64
    assert "mixed inputs: expected one sha256 of `encoder`" in " ".join(lab.check().integrity.problems)


@pytest.mark.parametrize("key", ["checkpoint", "encoder", "code"])
@pytest.mark.parametrize("said", [None, "", "the same as before"])
def test_what_went_into_a_cell_is_named_by_its_hash(lab: Lab, key: str, said: str | None) -> None:
    for result in lab.results.values():
        result["inputs"] |= {key: said} if said is not None else {}
        if said is None:
            del result["inputs"][key]
    assert f"found none of {key}" in " ".join(lab.check().integrity.problems)


def test_planted_effects_are_params_yamls(lab: Lab) -> None:
    encoder = lab.results["none-pawsx-1"]["inputs"]["encoder"]
    for name in lab.names("none"):
        copy = lab.copy_cell(name, "mnli", lab.results[name]["cell"]["seed"], encoder)
        lab.results[copy]["inputs"]["planted"] = "c" * 64
    assert "expected no planted effects in the cells of recipe `mnli`" in " ".join(lab.check().integrity.problems)


@pytest.mark.parametrize("limit", ["x", -90, 0, True, [1]])
def test_a_limit_of_rows_that_is_none_is_refused(lab: Lab, limit: object) -> None:
    for name in lab.names(target="pawsx"):
        del lab.results[name]["inputs"]["params"]
        lab.results[name]["provenance"]["params"]["evaluation"]["max_rows"] = limit
    assert "`evaluation.max_rows` of cell none-pawsx-1, found" in " ".join(lab.check().integrity.problems)


def rewritten(lab: Lab, change: Callable[[Path], None]) -> Checked:
    """What is found of the pinned results after `change` of their folder, with a manifest that fits."""
    lab.write()
    folder = lab.paths.pinned
    change(folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"] = {name: sha256_file(folder / name) for name in pinned_files(folder)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return check_pinned(folder)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda table: table["groups"].update(pawsx="retrieval"), "XTREME's groups and metrics"),
        (lambda table: table["metrics"].update(pawsx="accuracy"), "XTREME's groups and metrics"),
        (lambda table: table.update(profile="paper"), "a table of profile lab"),
        (lambda table: table["cells"].insert(0, table["cells"][0] | {"score": 99.0}), "found none-pawsx-1 more often"),
    ],
)
def test_the_pinned_table_is_of_this_profile_and_by_xtremes_rules(
    lab: Lab, change: Callable[[dict[str, Any]], None], why: str
) -> None:
    def edit(folder: Path) -> None:
        table = json.loads((folder / "scores.json").read_bytes())
        change(table)
        (folder / "scores.json").write_text(json.dumps(table))

    found = rewritten(lab, edit)
    assert why in " ".join(found.integrity.problems)


def test_a_cell_that_is_pinned_twice_is_refused(lab: Lab) -> None:
    def edit(folder: Path) -> None:
        lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / "results.jsonl").write_text("".join([*lines, lines[0]]), encoding="utf-8")

    assert "expected every cell once, found none-pawsx-1 again" in rewritten(lab, edit).integrity.problems[0]


@pytest.mark.parametrize("content", ["[]", '{"files": [1]}', "[" * 100_000])
def test_a_pinned_manifest_of_another_schema_is_named(lab: Lab, content: str) -> None:
    def edit(folder: Path) -> None:
        (folder / "data").mkdir()
        (folder / "data" / "pawsx.json").write_text(content)

    assert "the manifest of pawsx's data, found another schema" in rewritten(lab, edit).integrity.problems[0]


def test_pinned_results_without_a_cell_are_none(lab: Lab) -> None:
    lab.results, lab.predictions = {}, {}
    assert "expected pinned cells, found none" in " ".join(lab.check().integrity.problems)


@pytest.mark.parametrize("hidden", [[], ["--assume-unchanged"], ["--skip-worktree"], ["--add"]])
def test_a_changed_file_is_held_against_the_last_commit_though_git_is_told_to_ignore_it(
    hidden: list[str], tmp_path: Path
) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    claims = tmp_path / "reference" / "claims.yaml"
    claims.parent.mkdir()
    claims.write_text("margin: 1.5")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    if hidden != ["--add"]:
        git("update-index", *hidden, "reference/claims.yaml")
    claims.write_text("margin: 40.0")
    if hidden == ["--add"]:
        git("add", ".")
    (claims.parent / "new.yaml").write_text("untracked")
    read = _committed(tmp_path)
    assert read and (read("reference/claims.yaml"), read("reference/new.yaml")) == (b"margin: 1.5", None)
