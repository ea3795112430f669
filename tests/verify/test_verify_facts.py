"""Claims that are facts of the data: decided by pins, documents and profiles, with the evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from synthetic import Project, planted
from toy import ROOT

from harness.audit.levels import verify_all
from harness.audit.report import render
from harness.data.fetch import store
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.errors import HarnessError
from harness.project.params import Grid, HubEncoder, Params
from harness.project.profiles import read_params
from harness.project.tasks import Task, parse_task, published_digest
from harness.project.terminal import WIDTH
from harness.verify.claims.claim import Claim
from harness.verify.claims.facts import Facts, Finding
from harness.verify.claims.registry import read_claims
from harness.verify.verdicts.verdict import ClaimVerdict

Make = Callable[..., Project]
REFERENCE = ROOT / "reference"
CLAIMS = {claim.id: claim for claim in read_claims(REFERENCE / "claims.yaml")}
REVISION = "1234567890abcdef" + "0" * 24
SHA256 = "fedcba9876543210" + "0" * 48
INTERMEDIATE = ("anli_plus", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "ccg", "cosmosqa", "commonsenseqa")


def raw_task(name: str, files: dict[str, list[dict[str, Any]]], place: str = "hub", **changes: Any) -> dict[str, Any]:
    """A task file whose published rows are pinned in one place; a file's own keys are filled up."""
    own: dict[str, Any] = {
        "hub": {"repository": "owner/data", "path": "a.parquet"},
        "url": {"url": "https://example.org/a/data.zip", "sha256": SHA256, "bytes": 9},
        "path": {"pattern": "*.auto"},
    }[place]
    parts = {stem: [{"reader": "rows", "rows": None, **own, **part} for part in given] for stem, given in files.items()}
    pin: dict[str, Any] = {"source_language": "en", "note": None, "files": parts}
    if place == "hub":
        used = dict.fromkeys(part["repository"] for given in parts.values() for part in given)
        pin["revisions"] = dict.fromkeys(used, REVISION)
    if place == "path":
        pin |= {"variable": "HARNESS_CORPUS", "why": "licensed"}
    group = XTREME_GROUPS.get(name)
    return {
        "name": name,
        "title": name,
        "role": "target" if group else "intermediate",
        "kind": "bitext" if group == "retrieval" else "nli",
        "head": "retrieval" if group == "retrieval" else "classification",
        "metric": "bitext_accuracy" if group == "retrieval" else "accuracy",
        "group": group and ("retrieval" if group == "retrieval" else "classification"),
        "labels": None,
        "languages": ["en"],
        "licence": "toy",
        "source": "toy",
        "publication": "toy",
        "pack_files": {},
        "published": [place],
        "pins": {place: pin},
    } | changes


def make_task(name: str, files: dict[str, list[dict[str, Any]]], place: str = "hub", **changes: Any) -> Task:
    return parse_task(raw_task(name, files, place, **changes), name)


def bare(name: str) -> Task:
    """A task without published rows."""
    return make_task(name, {"test.en": [{}]}, published=[], pins={})


def origin(name: str) -> dict[str, str]:
    return {"name": name, "stated": f"the text is {name}'s", "document": "a public document, version 3"}


def decided(claim_id: str, facts: Facts) -> Finding:
    check = CLAIMS[claim_id].fact
    assert check
    return check.decide(facts)


@pytest.fixture(scope="module")
def paper(repo_root: Path) -> Params:
    """A profile with the paper's grid and a published encoder."""
    lab = read_params(repo_root / "profiles" / "lab.yaml")
    recipes = ["none", *INTERMEDIATE, "multi"]
    return lab.model_copy(
        update={
            "grid": Grid(recipes=recipes, targets=list(XTREME_GROUPS), seeds=lab.grid.seeds),
            "encoder": hub_encoder("FacebookAI/xlm-roberta-large"),
        }
    )


def hub_encoder(repository: str) -> HubEncoder:
    files = dict.fromkeys(("config.json", "model.safetensors", "tokenizer.json"), SHA256)
    return HubEncoder(source="hub", repository=repository, revision=REVISION, parameters=559890432, files=files)


def every_task(**languages: int) -> dict[str, Task]:
    """The paper's tasks; a target has test files in English and so many further languages."""
    made = {name: make_task(name, {"train.en": [{}]}) for name in INTERMEDIATE if name != "ccg"}
    made["ccg"] = make_task("ccg", {"train.en": [{}]}, "path")
    for target in XTREME_GROUPS:
        codes = ["en", *(f"x{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(languages.get(target, 4)))]
        made[target] = make_task(target, {f"test.{code}": [{}] for code in codes}, languages=sorted(codes))
    return made


def test_rows_are_counted_from_the_pins() -> None:
    parts = [
        {"repository": "nyu-mll/multi_nli", "rows": 392702},
        {"repository": "stanfordnlp/snli", "rows": 549367},
        *({"repository": "facebook/anli", "rows": rows} for rows in (16946, 45460, 100459)),
    ]
    found = decided("anli-plus-size", Facts(tasks={"anli_plus": make_task("anli_plus", {"train.en": parts})}))
    assert (found.verdict, found.found, found.note) == ("CONFIRMED", "1,104,934", "pinned count")
    (reason,) = found.reasons
    assert "nyu-mll/multi_nli at 1234567890ab 392,702" in reason and "not been counted here" in reason
    assert "facebook/anli at 1234567890ab 16,946 + 45,460 + 100,459" in reason


def test_a_count_that_the_pins_contradict_shows_both_numbers() -> None:
    task = make_task("mnli", {"train.en": [{"rows": 392701}]})
    found = decided("mnli-size", Facts(tasks={"mnli": task}))
    assert (found.verdict, found.found) == ("REFUTED", "392,701")
    assert found.reasons[-1] == "the claim says 392,702, found 392,701"


def test_rows_counted_here_stand_above_the_pin_and_fill_its_gaps() -> None:
    for rows in (392702, None):
        task = make_task("mnli", {"train.en": [{"rows": rows}], "dev.en": [{"rows": 9}]})
        found = decided("mnli-size", Facts(tasks={"mnli": task}, counted={"mnli": {"train.en": 392702}}))
        assert (found.verdict, found.found, found.note) == ("CONFIRMED", "392,702", "counted here")


def test_a_place_that_states_no_count_leaves_it_to_the_next() -> None:
    raw = raw_task("mnli", {"train.en": [{"rows": None}]})
    raw["published"] = ["hub", "url"]
    raw["pins"]["url"] = raw_task("mnli", {"train.en": [{"rows": 392702}]}, "url")["pins"]["url"]
    found = decided("mnli-size", Facts(tasks={"mnli": parse_task(raw, "mnli")}))
    assert found.verdict == "CONFIRMED" and "owner/data at 1234567890ab not stated" in found.reasons[0]
    assert "https://example.org/a/data.zip (sha256 fedcba987654) 392,702" in found.reasons[0]


@pytest.mark.parametrize(
    ("task", "note"),
    [
        (make_task("mnli", {"train.en": [{"rows": None}]}), "no pinned count"),
        (make_task("mnli", {"train.en": [{"rows": 392702}, {"rows": None}]}), "no pinned count"),
        (make_task("mnli", {"test.en": [{"rows": 392702}]}), "no such file"),
        (bare("mnli"), "no published pin"),
        (None, "no such task"),
    ],
)
def test_what_no_pin_states_is_not_tested(task: Task | None, note: str) -> None:
    found = decided("mnli-size", Facts(tasks={"mnli": task} if task else {}))
    assert (found.verdict, found.found, found.note) == ("NOT_TESTED", None, note)
    assert "mnli" in found.reasons[0]


def test_tasks_are_those_of_the_papers_profile(paper: Params) -> None:
    tasks = every_task() | {"pets": make_task("pets", {"train.en": [{}]})}  # one of somebody's own
    facts = Facts(tasks=tasks, profiles={"paper": paper})
    for name in ("nine-targets", "nine-intermediate"):
        found = decided(name, facts)
        assert (found.verdict, found.found, found.note) == ("CONFIRMED", "9", "pinned")
    assert "ccg (the folder that HARNESS_CORPUS names, licensed)" in decided("nine-intermediate", facts).reasons[0]
    assert "tatoeba (owner/data at 1234567890ab)" in decided("nine-targets", facts).reasons[0]


def test_fewer_tasks_contradict_and_an_unpinned_one_leaves_it_open(paper: Params) -> None:
    fewer = paper.model_copy(update={"grid": paper.grid.model_copy(update={"targets": ["xnli", "panx"]})})
    found = decided("nine-targets", Facts(tasks=every_task(), profiles={"paper": fewer}))
    assert (found.verdict, found.found) == ("REFUTED", "2")
    translated = every_task() | {"mnli": make_task("mnli", {"train.en": [{}]}, languages=["de", "en"])}
    found = decided("nine-intermediate", Facts(tasks=translated, profiles={"paper": paper}))
    assert (found.verdict, found.found) == ("REFUTED", "8")
    found = decided("nine-targets", Facts(tasks=every_task() | {"mlqa": bare("mlqa")}, profiles={"paper": paper}))
    assert (found.verdict, found.note) == ("NOT_TESTED", "no published pin") and "tasks/mlqa.yaml" in found.reasons[0]
    found = decided("nine-targets", Facts(tasks=every_task()))
    assert (found.verdict, found.note) == ("NOT_TESTED", "no profile paper")


@pytest.mark.parametrize(("further", "verdict"), [(39, "CONFIRMED"), (32, "REFUTED")])
def test_languages_are_those_with_a_pinned_test_file(paper: Params, further: int, verdict: str) -> None:
    tasks = every_task(panx=further, udpos=20)
    found = decided("forty-languages", Facts(tasks=tasks, profiles={"paper": paper}))
    assert (found.verdict, found.found) == (verdict, f"{further + 1}")
    assert found.reasons[0].startswith(f"panx has pinned test files in {further + 1} languages")
    assert "udpos 21" in found.reasons[0]


def test_a_pinned_test_file_in_another_language_does_not_count(paper: Params) -> None:
    tasks = every_task(panx=39)
    tasks["panx"] = tasks["panx"].model_copy(update={"languages": tasks["panx"].languages[1:]})
    assert decided("forty-languages", Facts(tasks=tasks, profiles={"paper": paper})).found == "39"


def test_origins_are_those_of_public_documents() -> None:
    squads = {
        name: make_task(name, {"train.en": [{}]}, origins=[origin("Wikipedia")]) for name in ("squad_v1", "squad_v2")
    }
    found = decided("squad-source", Facts(tasks=squads))
    assert (found.verdict, found.found, found.note) == ("CONFIRMED", "Wikipedia", "documented")
    assert "squad_v1: the text is Wikipedia's (a public document, version 3)" in found.reasons
    assert "squad_v2 is pinned, first in owner/data at 1234567890ab" in found.reasons

    squads["squad_v1"] = make_task("squad_v1", {"train.en": [{}]}, origins=[origin("a newspaper")])
    found = decided("squad-source", Facts(tasks=squads))
    assert (found.verdict, found.found) == ("REFUTED", "Wikipedia, a newspaper")


def test_an_origin_needs_a_document_and_a_pin() -> None:
    undocumented = decided("qqp-source", Facts(tasks={"qqp": make_task("qqp", {"train.en": [{}]})}))
    assert (undocumented.verdict, undocumented.note) == ("NOT_TESTED", "no document")
    unpinned = make_task("qqp", {"test.en": [{}]}, published=[], pins={}, origins=[origin("Quora")])
    found = decided("qqp-source", Facts(tasks={"qqp": unpinned}))
    assert (found.verdict, found.note) == ("NOT_TESTED", "no published pin")


def test_a_claim_whose_words_break_off_shows_what_is_documented() -> None:
    task = make_task("hellaswag", {"train.en": [{}]}, origins=[origin("ActivityNet"), origin("WikiHow")])
    found = decided("hellaswag-source", Facts(tasks={"hellaswag": task}))
    assert (found.verdict, found.found, found.note) == ("NOT_TESTED", "ActivityNet, WikiHow", "words break off")
    assert "cuts the statement off" in found.reasons[0] and CLAIMS["hellaswag-source"].expects() is None


def test_no_training_split_means_no_such_pinned_file() -> None:
    tasks = {name: make_task(name, {"test.de": [{}], "dev.de": [{}]}) for name in ("bucc", "tatoeba")}
    found = decided("retrieval-no-training-data", Facts(tasks=tasks))
    assert (found.verdict, found.found) == ("CONFIRMED", "none")
    assert found.reasons[0] == "bucc has no train file in owner/data at 1234567890ab"
    assert "google-research/xtreme" in found.reasons[-1]
    noted = raw_task("bucc", {"test.de": [{}]})
    noted["pins"]["hub"]["note"] = "Test is the shared task's training set."
    reasons = decided("retrieval-no-training-data", Facts(tasks=tasks | {"bucc": parse_task(noted, "bucc")})).reasons
    assert "bucc: Test is the shared task's training set." in reasons
    tasks["bucc"] = make_task("bucc", {"test.de": [{}], "train.de": [{}]})
    found = decided("retrieval-no-training-data", Facts(tasks=tasks))
    assert (found.verdict, found.found) == ("REFUTED", "bucc") and "bucc has train.de in" in found.reasons[0]
    tasks["tatoeba"] = bare("tatoeba")
    assert decided("retrieval-no-training-data", Facts(tasks=tasks)).note == "no published pin"


def test_the_starting_point_is_what_the_profile_pins(paper: Params, repo_root: Path) -> None:
    pinned = Facts(tasks={}, profiles={"paper": paper})
    found = decided("xlmr-large-start", pinned)
    assert (found.verdict, found.found, found.note) == ("CONFIRMED", "xlm-roberta-large", "pinned")
    assert "FacebookAI/xlm-roberta-large at 1234567890ab (559,890,432 parameters" in found.reasons[0]
    assert found.reasons[0].endswith("not fetched to this machine")

    here = {"paper": dict.fromkeys(hub_encoder("a/b").files, SHA256)}
    assert decided("xlmr-large-start", Facts(tasks={}, profiles={"paper": paper}, fetched=here)).note == "checked here"
    other = {"paper": here["paper"] | {"model.safetensors": "0" * 64}}
    assert decided("xlmr-large-start", Facts(tasks={}, profiles={"paper": paper}, fetched=other)).note == "pinned"

    base = paper.model_copy(update={"encoder": hub_encoder("FacebookAI/xlm-roberta-base")})
    found = decided("xlmr-large-start", Facts(tasks={}, profiles={"paper": base}))
    assert (found.verdict, found.found) == ("REFUTED", "xlm-roberta-base")
    lab = read_params(repo_root / "profiles" / "lab.yaml")
    assert decided("xlmr-large-start", Facts(tasks={}, profiles={"paper": lab})).verdict == "NOT_TESTED"


def with_files(project: Project, tasks: dict[str, dict[str, Any]]) -> Project:
    for name, raw in tasks.items():
        project.paths.tasks.mkdir(exist_ok=True)
        (project.paths.tasks / f"{name}.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return project


def claim(project: Project, name: str) -> ClaimVerdict:
    return next(found for found in verify_all(project.params, project.paths).claims if found.id == name)


def test_facts_are_decided_in_every_profile_and_count_in_the_exit_code(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({}))
    with_files(project, {"mnli": raw_task("mnli", {"train.en": [{"rows": 392702}]})})
    found = verify_all(project.params, project.paths)
    verdicts = {row.id: row.verdict for row in found.claims}
    assert verdicts["mnli-size"] == "CONFIRMED" and verdicts["mnli-gain"] == "NOT_TESTED" and found.exit_code == 0
    text = render(found, details=True)
    row = next(line for line in text.splitlines() if " mnli-size " in line)
    assert row.split() == ["CONFIRMED", "mnli-size", "392,702", "rows", "392,702", "pinned", "count"]
    assert max(map(len, text.splitlines())) <= WIDTH and "owner/data at 1234567890ab 392,702" in " ".join(text.split())

    with_files(project, {"mnli": raw_task("mnli", {"train.en": [{"rows": 5}]})})
    found = verify_all(project.params, project.paths)
    assert found.exit_code == 1 and next(row for row in found.claims if row.id == "mnli-size").found == "5"


def test_unsound_results_leave_the_facts_decided(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({}))
    with_files(project, {"mnli": raw_task("mnli", {"train.en": [{"rows": 392702}]})})
    (project.paths.cell("mnli", "xnli", 1) / "result.json").unlink()
    found = verify_all(project.params, project.paths)
    verdicts = {row.id: row.verdict for row in found.claims}
    assert found.exit_code == 3 and (verdicts["mnli-size"], verdicts["mnli-gain"]) == ("CONFIRMED", "INVALID")


@pytest.mark.parametrize(
    ("source", "digest_of", "note"),
    [("published", 392702, "counted here"), ("published", 5, "pinned count"), ("local", 392702, "pinned count")],
)
def test_only_a_data_folder_made_from_the_present_pins_counts(
    make_project: Make, source: str, digest_of: int, note: str
) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({}))
    with_files(project, {"mnli": raw_task("mnli", {"train.en": [{"rows": 392702}]})})
    digest = published_digest(make_task("mnli", {"train.en": [{"rows": digest_of}]}))
    folder = project.root / "build" / "paper" / "data" / "mnli"
    folder.mkdir(parents=True)
    manifest = {"source": source, "source_pin": f"published (hub) sha256 {digest}"}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"files": {"train.en.jsonl": {"rows": 392702}}}))
    row = claim(project, "mnli-size")
    assert (row.verdict, row.found, row.note) == ("CONFIRMED", "392,702", note)
    (folder / "manifest.json").write_text("{")
    assert claim(project, "mnli-size").note == "pinned count"


def test_weights_that_were_fetched_are_seen_in_the_store(
    make_project: Make, repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "store"))
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({}))
    encoder = hub_encoder("FacebookAI/xlm-roberta-large")
    profile = yaml.safe_load((repo_root / "profiles" / "lab.yaml").read_text())
    (project.root / "profiles").mkdir()
    content = profile | {"profile": "paper", "encoder": encoder.model_dump(mode="json")}
    (project.root / "profiles" / "paper.yaml").write_text(yaml.safe_dump(content))
    assert claim(project, "xlmr-large-start").note == "pinned"

    folder = store.repository_folder(tmp_path / "store", "model", encoder.repository, encoder.revision)
    folder.mkdir(parents=True)
    for name, sha256 in encoder.files.items():
        entry = store.Entry(sha256=sha256, bytes=9, address=f"https://example.org/{name}", etag=None)
        store.record(folder, name, entry)
    row = claim(project, "xlmr-large-start")
    assert (row.verdict, row.note) == ("CONFIRMED", "checked here")


def test_a_task_file_that_does_not_fit_is_a_users_error(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({}))
    with_files(project, {"mnli": raw_task("mnli", {"train.en": [{}]}) | {"role": "middle"}})
    with pytest.raises(HarnessError, match=r"mnli\.yaml"):
        verify_all(project.params, project.paths)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("mnli-size", {"counted": "apples"}, ["mnli-size", "counted"]),
        ("mnli-size", {"expected": "many"}, ["mnli-size", "expected"]),
        ("qqp-source", {"asserted": "hearsay"}, ["qqp-source", "asserted"]),
        ("nine-targets", {"role": "pretraining"}, ["nine-targets", "role"]),
    ],
)
def test_what_is_counted_or_asserted_is_a_closed_set(
    name: str, change: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    entries = yaml.safe_load((REFERENCE / "claims.yaml").read_text())
    next(entry for entry in entries if entry["id"] == name)["check"].update(change)
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(entries))
    with pytest.raises(HarnessError) as raised:
        read_claims(tmp_path / "claims.yaml")
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize("name", [name for name, claim in CLAIMS.items() if claim.fact])
def test_a_number_that_is_claimed_stands_in_the_claims_words(name: str) -> None:
    claimed: Claim = CLAIMS[name]
    number = getattr(claimed.check, "expected", None)
    assert number is None or f"{number:,}" in claimed.text
    named = getattr(claimed.check, "origin", None)
    assert named is None or named in claimed.text
