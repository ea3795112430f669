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
from harness.commands.main import run
from harness.exchange.read import verify_crate
from harness.exchange.write import export
from harness.project.profiles import read_params

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a part of the laboratory's pinned results."""
    folder = tmp_path_factory.mktemp("archive")
    lab = make_lab(folder / "lab")
    lab.write()
    settings = lab.settings()
    export(read_params(settings), lab.paths, settings, folder / "lab.zip")
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
        ("provenance.json", '"threads": 1', '"threads": 64', "provenance.json in it has other machines"),
    ],
)
def test_another_word_or_number_is_told(
    archive: Path, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    text = read_all(archive)[0][name].decode()
    assert old in text
    forged = changed(archive, tmp_path / "forged.zip", {name: text.replace(old, new, 1).encode()}, forge=True)
    found = verify_crate(forged, None)
    assert found.crate is not None and any(said in one for one in found.crate.contradicts)
    assert said in " ".join(render(found).split())


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
        stream.write(b"0")
    assert run(["verify", str(out), "--signers", str(signers)]) == 3
