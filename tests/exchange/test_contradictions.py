"""What an archive says of itself is held against what is found in it, and told where it is otherwise."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from crates import changed, read_all
from forge import make_lab
from test_signature import known, make_key

from harness.audit.report import render
from harness.audit.subject import Judged
from harness.audit.verification import Verification
from harness.commands.main import run
from harness.exchange.read import CrateRefused, verify_crate
from harness.exchange.write import export
from harness.pages.report.read import make_report
from harness.pages.report.render import render_report
from harness.project.profiles import read_params

pytestmark = pytest.mark.slow
PAGE = "ro-crate-preview.html"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a part of the laboratory's pinned results."""
    folder = tmp_path_factory.mktemp("archive")
    lab = make_lab(folder / "lab")
    lab.write()
    settings = lab.settings()
    params = read_params(settings)

    def preview(judged: Judged, verification: Verification) -> str:
        return render_report(make_report(judged, verification, params, lab.paths))

    export(params, lab.paths, settings, folder / "lab.zip", preview=preview)
    return folder / "lab.zip"


def test_the_archive_as_it_was_written_contradicts_nothing(archive: Path) -> None:
    found = verify_crate(archive, None)
    assert found.crate is not None and (found.crate.contradicts, found.rules, found.crate.notes) == ([], [], [])
    assert "as they were written; unsigned" in render(found)
    assert found.evidence == {"re-scored here": 27}


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("report.txt", "NOT_TESTED  squad-gain", "REPRODUCED  squad-gain", "another verdict on squad-gain"),
        ("verdicts.json", '"verdict": "NOT_TESTED"', '"verdict": "REPRODUCED"', "another verdict on squad-gain"),
        ("verdicts.json", '"n_seeds": 3', '"n_seeds": 30', "other numbers on squad-gain"),
        (
            "report.txt",
            "verdict     claim",
            "  REPRODUCED  squad-gain  +8.2 \nverdict     claim",
            "another verdict on squad",
        ),
        ("report.txt", "0 of 10 measured", "10 of 10 measured", "opens with another answer"),
        ("verdicts.json", "0 of 10 measured", "10 of 10 measured", "otherwise than this judging: answer"),
        ("report.txt", "NOT_TESTED  hellaswag-source", "CONFIRMED   hellaswag-source", "verdict on hellaswag-source"),
        ("report.txt", "+8.2 +- 1.5", "-5.0 +- 1.5", "other numbers on squad-gain"),
        ("verdicts.json", '"encoder": "encoder', '"encoder": "XLM-R, not', "says otherwise than this judging: encoder"),
        ("verdicts.json", '"claims":', '"claims": [], "claims":', "`claims` twice"),
        (
            PAGE,
            "∅ not tested</b> <code>squad-gain",
            "✓ reproduced</b> <code>squad-gain",
            "another verdict on squad-gain",
        ),
        (PAGE, "0 of 10 measured", "10 of 10 measured", "opens with another answer"),
        (PAGE, '<dd class="numbers">-', '<dd class="numbers">+', "other numbers on squad-gain"),
        (PAGE, "</main>", '<i data-claim="mine" class="verdict">✓ reproduced</i></main>', "registry lacks: mine"),
        ("provenance.json", '"threads": 1', '"threads": 64', "provenance.json in it has other machines"),
    ],
)
def test_another_word_or_number_is_told(
    archive: Path, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    text = read_all(archive)[0][name].decode()
    assert old in text
    forged = changed(archive, tmp_path / "forged.zip", {name: text.replace(old, new, 1).encode()}, forge=True)
    if "twice" in said:
        with pytest.raises(CrateRefused, match=said):
            verify_crate(forged, None)
        return
    found = verify_crate(forged, None)
    assert found.crate is not None and any(said in one for one in found.crate.contradicts)
    assert said in " ".join(render(found).split())


def test_an_older_archive_calls_facts_reproduced_and_contradicts_nothing(archive: Path, tmp_path: Path) -> None:
    files = read_all(archive)[0]
    report = files["report.txt"].decode().replace("CONFIRMED ", "REPRODUCED")
    verdicts = json.loads(files["verdicts.json"])
    del verdicts["answer"]
    for claim in verdicts["claims"]:
        claim["verdict"] = {"CONFIRMED": "REPRODUCED"}.get(claim["verdict"], claim["verdict"])
    older = {
        PAGE: None,
        "report.txt": report.partition("\n\n")[2].encode(),
        "verdicts.json": json.dumps(verdicts).encode(),
    }
    found = verify_crate(changed(archive, tmp_path / "older.zip", older, forge=True), None)
    assert found.crate is not None and found.crate.contradicts == []
    assert sum(claim.verdict == "CONFIRMED" for claim in found.claims) == 9


def test_a_file_that_no_archive_has_is_told(archive: Path, tmp_path: Path) -> None:
    more = {"notes.html": b"all REPRODUCED"}
    found = verify_crate(changed(archive, tmp_path / "more.zip", more, forge=True), None)
    assert found.crate is not None and "notes.html" in found.crate.contradicts[0]


def test_other_published_numbers_are_told(archive: Path, tmp_path: Path) -> None:
    numbers = read_all(archive)[0]["reference/paper.yaml"].replace(b"79.2", b"79.3")
    found = verify_crate(changed(archive, tmp_path / "more.zip", {"reference/paper.yaml": numbers}, forge=True), None)
    assert any("reference/paper.yaml is not the shipped one" in one for one in found.rules)


def test_what_is_withheld_is_not_there(archive: Path, tmp_path: Path) -> None:
    record = json.loads(read_all(archive)[0]["provenance.json"])
    name = "reference/lab/predictions/mnli-pawsx-1.json.gz"
    record |= {"withheld": {name: "0" * 64}, "withheld_because": "a licence"}
    forged = changed(archive, tmp_path / "there.zip", {"provenance.json": json.dumps(record).encode()}, forge=True)
    with pytest.raises(CrateRefused, match=rf"withheld, as provenance\.json says, found {name}"):
        verify_crate(forged, None)


def test_loosened_claims_are_told_outside_of_a_checkout_too(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = read_all(archive)[0]["reference/claims.yaml"].decode()
    assert "practical_points: 1.5" in claims
    loose = claims.replace("practical_points: 1.5", "practical_points: 50.0").encode()
    forged = changed(archive, tmp_path / "loose.zip", {"reference/claims.yaml": loose}, forge=True)
    monkeypatch.chdir(tmp_path)
    assert run(["verify", str(forged)]) == 0
    assert "NOT THE SHIPPED ONES: reference/claims.yaml" in capsys.readouterr().out
    assert run(["verify", str(forged), "--strict", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert "judged by other rules than the shipped ones" in found["strict"] and found["rules"]


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here (openssh-client)")
def test_signers_are_asked_for_and_named(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = make_key(tmp_path, "ada")
    signers = known(tmp_path, ada=key)
    assert run(["verify", str(archive), "--signers", str(signers)]) == 2
    assert "unsigned" in capsys.readouterr().out
    root = archive.parent / "lab"
    monkeypatch.chdir(root)
    out = tmp_path / "signed.zip"
    assert run(["export", "--out", str(out), "--sign", str(tmp_path / "none")]) == 2 and not out.exists()
    assert run(["export", "--out", str(out), "--sign", str(key)]) == 0
    assert out.read_bytes() == archive.read_bytes() and Path(f"{out}.sig").is_file()
    capsys.readouterr()
    assert run(["verify", str(out), "--signers", str(signers)]) == 0
    assert "signed by ada" in capsys.readouterr().out
    with out.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        last = stream.read()
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([last[0] ^ 1]))
    assert run(["verify", str(out), "--signers", str(signers)]) == 3
