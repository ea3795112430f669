"""Archives of judged scores: what is written is judged to the same verdicts, and what was changed is told."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from crates import changed, read_all
from foreign_results import copied
from given_scores import HOSTILE, rows, write_rows

from harness.commands.main import run
from harness.exchange.judged.layout import CLAIMS, RECORD, SCORES
from harness.exchange.judged.read import is_judged, read_judged
from harness.exchange.judged.scores_file import read_scores, same_rows, scores_text
from harness.exchange.layout import METADATA, PREVIEW, VERDICTS
from harness.exchange.read import CrateRefused
from harness.verify.given.read import table_of

CLAIMS_FILE = """\
baseline: none
looks: [3, 5]
claims:
  - {id: mnli-gain, claim: +3.5 +- 1.5, method: mnli, says: Training on MNLI gains 3.5 points.}
  - {id: other-gain, claim: no gain above 0.5, method: other}
"""
Tell = Callable[[Path], tuple[int, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of scores, a file of claims, and the archive of judging them."""
    root = tmp_path_factory.mktemp("judged")
    write_rows(root / "scores.csv", rows({"mnli": 3.5, "other": 2.0}))
    (root / "claims.yaml").write_text(CLAIMS_FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert run(["judge", "scores.csv", "--claims", "claims.yaml", "--archive", "kept.zip"]) == 1
    return root


@pytest.fixture
def kept(folder: Path) -> Path:
    return folder / "kept.zip"


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    def told(path: Path) -> tuple[int, str]:
        capsys.readouterr()
        code = run(["verify", str(path)])
        out = capsys.readouterr()
        return code, " ".join((out.out + out.err).split())

    return told


def test_it_is_judged_again_to_the_same_text(
    folder: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert run(["judge", "scores.csv", "--claims", "claims.yaml"]) == 1
    judged = capsys.readouterr().out
    renamed = folder / "lab-crate"  # what it is follows from what it holds
    renamed.write_bytes(kept.read_bytes())
    assert run(["verify", str(renamed)]) == 1
    again = capsys.readouterr().out
    assert again.startswith(judged) and "evidence  scores only" in again
    claims = hashlib.sha256((folder / "claims.yaml").read_bytes()).hexdigest()
    assert hashlib.sha256(kept.read_bytes()).hexdigest() in again and claims in again


def test_it_holds_the_files_that_were_read_byte_for_byte(folder: Path, kept: Path) -> None:
    files, _ = read_all(kept)
    assert files["source/1.csv"] == (folder / "scores.csv").read_bytes()
    assert files["source/2.yaml"] == (folder / "claims.yaml").read_bytes()
    assert b'id="answer"' in files[PREVIEW] and {SCORES, CLAIMS, VERDICTS, RECORD, METADATA} <= files.keys()
    assert json.loads(files[METADATA])["@graph"]


def test_the_same_scores_give_the_same_bytes(folder: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run(["judge", "scores.csv", "--claims", "claims.yaml", "--archive", "again.zip"]) == 1
    assert (folder / "again.zip").read_bytes() == kept.read_bytes()


def forged(kept: Path, out: Path, name: str, old: str, new: str) -> Path:
    """The archive with a text replaced in one file, and hashes that fit."""
    content = read_all(kept)[0][name].decode()
    assert old in content
    return changed(kept, out, {name: content.replace(old, new, 1).encode()}, forge=True)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (VERDICTS, '"NOT_REPRODUCED"', '"REPRODUCED"', "other-gain (REPRODUCED, judged NOT_REPRODUCED)"),
        (VERDICTS, '"measured": 3.', '"measured": 4.', "mnli-gain (measured)"),
        (VERDICTS, '"split": null', '"split": "test"', "this judging: split"),
        (SCORES, "mnli,xnli,1,6", "mnli,xnli,1,7", "scores.csv in it holds other scores than scores.csv"),
        (CLAIMS, "claim: <= +0.5", "claim: <= +2.5", "other claims than claims.yaml, which was given"),
        (CLAIMS, "looks:\n- 3\n- 5", "looks:\n- 4\n- 5", "other looks than claims.yaml"),
        (PREVIEW, "✗ not reproduced", "✓ reproduced", "another verdict on other-gain"),
        (PREVIEW, '<b id="answer">2 claims: 1', '<b id="answer">2 claims: 2', "opens with another answer"),
        (PREVIEW, 'class="numbers">+', 'class="numbers">+1', "other numbers on mnli-gain"),
        (RECORD, '"unit": "points"', '"unit": "fraction"', "names another unit"),
        ("source/1.csv", "mnli,xnli,1,6", "mnli,xnli,1,7", "scores.csv in it is not the file"),
        ("source/2.yaml", "no gain above 0.5", "no gain above 2.5", "claims.yaml in it is not the file"),
    ],
)
def test_a_change_whose_hashes_fit_is_told_and_invalid(
    kept: Path, tmp_path: Path, tell: Tell, name: str, old: str, new: str, said: str
) -> None:
    code, text = tell(forged(kept, tmp_path / "forged.zip", name, old, new))
    assert code == 3 and text.startswith("INVALID ") and said in text


def test_a_change_whose_hash_does_not_fit_is_refused(kept: Path, tmp_path: Path, tell: Tell) -> None:
    scores = read_all(kept)[0][SCORES].replace(b"mnli", b"mmli", 1)
    code, text = tell(changed(kept, tmp_path / "changed.zip", {SCORES: scores}))
    assert code == 3 and "sha256" in text and SCORES in text and "REPRODUCED" not in text
    code, text = tell(changed(kept, tmp_path / "more.zip", {"note.txt": b"All REPRODUCED."}))
    assert code == 3 and "found note.txt" in text


def test_files_beside_those_that_are_written_are_told(kept: Path, tmp_path: Path, tell: Tell) -> None:
    code, text = tell(changed(kept, tmp_path / "more.zip", {"note.txt": b"All REPRODUCED."}, forge=True))
    assert code == 3 and "doesn't write: note.txt" in text
    code, text = tell(changed(kept, tmp_path / "less.zip", {PREVIEW: None}, forge=True))
    assert code == 3 and f"{PREVIEW} is left out" in text
    code, text = tell(changed(kept, tmp_path / "gone.zip", {"source/1.csv": None}, forge=True))
    assert code == 3 and "scores.csv is not in it" in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (RECORD, b"{}"),
        (RECORD, b"["),
        (SCORES, b"method,points\r\nnone,nan\r\n"),
        (SCORES, b"method,points\r\nnone\r\n"),
        (SCORES, b"method,score\r\nnone,1\r\n"),
        (SCORES, b""),
        (SCORES, b"\xff"),
        (CLAIMS, b"claims: []"),
        (VERDICTS, b"[]"),
        (VERDICTS, b"{}"),
    ],
)
def test_records_of_another_shape_are_refused(
    kept: Path, tmp_path: Path, tell: Tell, name: str, content: bytes
) -> None:
    code, text = tell(changed(kept, tmp_path / "broken.zip", {name: content}, forge=True))
    assert code == 3 and "INVALID archive" in text and "Traceback" not in text


def test_a_source_that_leads_out_of_the_archive_is_refused(kept: Path, tmp_path: Path, tell: Tell) -> None:
    code, text = tell(forged(kept, tmp_path / "out.zip", RECORD, "source/1.csv", "source/../../scores.csv"))
    assert code == 3 and "INVALID archive" in text
    slipped = tmp_path / "slip.zip"
    slipped.write_bytes(kept.read_bytes())
    with zipfile.ZipFile(slipped, "a") as archive:
        archive.writestr("../slip.txt", b"x")
    code, text = tell(slipped)
    assert code == 3 and "plain relative names" in text and not (tmp_path.parent / "slip.txt").exists()


def test_a_signer_is_asked_for(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signers = tmp_path / "signers"
    signers.write_text("")
    assert run(["verify", str(kept), "--signers", str(signers)]) == 1  # a verdict that stands above it
    assert "unsigned" in capsys.readouterr().out


def test_json_junit_and_summary_say_what_differs(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = forged(kept, tmp_path / "forged.zip", VERDICTS, '"NOT_REPRODUCED"', '"REPRODUCED"')
    capsys.readouterr()
    outputs = ["--junit", str(tmp_path / "j.xml"), "--summary", str(tmp_path / "s.md")]
    assert run(["verify", str(path), "--json", *outputs]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["exit_code"] == 3 and len(said["archive"]["contradicts"]) == 1
    assert 'failures="2"' in (tmp_path / "j.xml").read_text() and "INVALID" in (tmp_path / "s.md").read_text()


def test_hostile_names_go_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tell: Tell) -> None:
    monkeypatch.chdir(tmp_path)
    found = rows({HOSTILE: 3.5}, tasks=("a,b", 'quo"ted', "two; parts", "=1+1"))
    (tmp_path / "scores.json").write_text(json.dumps(found))
    assert run(["judge", "scores.json", "--claim", "+3.5 +- 1", "--archive", "kept.zip"]) == 0
    assert HOSTILE not in read_all(tmp_path / "kept.zip")[0][PREVIEW].decode()
    assert tell(tmp_path / "kept.zip")[0] == 0


def test_scores_are_read_back_to_the_last_bit(tmp_path: Path) -> None:
    each = [
        {"method": m, "item": f"{i}", "n_correct": i, "n_predicted": i + 1, "n_gold": 9} for m in "ab" for i in (1, 2)
    ]
    thirds = [{"method": "a", "score": 1 / 3}, {"method": "b", "score": 0.07}, {"method": "b", "score": 1e-17}]
    for content in (each, thirds):
        table = table_of(content)
        path = tmp_path / SCORES
        path.write_text(scores_text(table), encoding="utf-8", newline="")
        assert same_rows(read_scores(path, table), table)
        assert not same_rows(table_of(content[:-1]), table)


def test_a_file_that_changed_since_it_was_read_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.exchange.judged import write

    monkeypatch.chdir(folder)
    monkeypatch.setattr(write, "_date", lambda _: "2026-01-01T00:00:00+00:00")
    table = table_of(rows({"mnli": 3.5}))
    with pytest.raises(Exception, match="found it changed"):
        write._keep(folder / "scores.csv", {}, table.known.values())


def test_diff_refuses_it_in_plain_words(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", str(kept), str(kept)]) == 2
    assert "found one of `harness judge`" in capsys.readouterr().err


def test_what_is_no_such_archive_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip file")
    assert not is_judged(tmp_path / "a.zip")
    with pytest.raises(CrateRefused):
        read_judged(tmp_path / "a.zip")


def test_it_is_read_with_the_base_install_alone(kept: Path) -> None:
    """Neither rocrate nor pandas nor anything else of an extra is imported."""
    code = (
        "import sys; from harness.commands.main import run; code = run(sys.argv[1:]);"
        "assert not {'rocrate', 'pandas', 'pyarrow', 'torch', 'jinja2'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, "verify", str(kept)], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr


def test_without_rocrate_the_message_names_the_extra(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for name in [name for name in sys.modules if name.partition(".")[0] == "rocrate"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Without(), *sys.meta_path])
    assert run(["judge", "scores.csv", "--claims", "claims.yaml", "--archive", "none.zip"]) == 2
    assert "pip install 'claim-harness[run]'" in capsys.readouterr().err and not Path("none.zip").exists()


class _Without:
    """An environment without rocrate."""

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == "rocrate":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_settings_of_the_runs_go_there_and_back(tmp_path: Path, tell: Tell) -> None:
    """What is doubtful of them is doubtful in the archive."""
    found = [{**row, "lr": f"{row['seed']}e-5"} for row in rows({"mnli": 3.5})]
    path = write_rows(tmp_path / "given.csv", found)
    table = table_of(found)
    (tmp_path / SCORES).write_text(scores_text(table), newline="")
    assert same_rows(read_scores(tmp_path / SCORES, table), table)
    others = table_of([{**row, "lr": "1e-5"} for row in found])
    assert not same_rows(others, table) and not same_rows(table_of(rows({"mnli": 3.5})), table)
    assert run(["judge", str(path), "--claim", "+3.5 +- 1.5", "--archive", str(tmp_path / "kept.zip")]) == 0
    code, said = tell(tmp_path / "kept.zip")
    assert (code, "INVALID" in said) == (0, False) and "`lr` differs between the runs of none" in said, said


def test_another_programs_files_are_named_and_stay_outside(tmp_path: Path, tell: Tell) -> None:
    """They may hold rows of a data set; their sha256 and the newest one's date are kept."""
    copies = [copied(f"lm-eval/{name}", tmp_path) for name in ("tiny-1", "tiny-2")]
    for path in tmp_path.rglob("*.json*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    archive = tmp_path / "kept.zip"
    options = ["--metric", "acc", "--baseline", "tiny-1", "--claim", ">= +1", "--archive", str(archive)]
    assert run(["judge", *map(str, copies), *options]) == 2
    files, _ = read_all(archive)
    record = json.loads(files[RECORD])
    assert record["date"].startswith("2023-11-14") and all(one["path"] is None for one in record["sources"])
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.rglob("*.json*")}
    assert {Path(one["name"]).name: one["sha256"] for one in record["sources"]} == there
    assert not [name for name in files if name.startswith("source/")]
    code, said = tell(archive)
    assert code == 2 and "(not in it)" in said and "the verdicts in it are those of this judging" in said


def test_an_archive_says_each_verdict_once_and_in_order(kept: Path, tmp_path: Path, tell: Tell) -> None:
    said = json.loads(read_all(kept)[0][VERDICTS])
    twice = {**said, "claims": [{**said["claims"][1], "verdict": "REPRODUCED"}, *said["claims"]]}
    turned = {**said, "claims": said["claims"][::-1]}
    for number, other in enumerate((twice, turned)):
        out = changed(kept, tmp_path / f"{number}.zip", {VERDICTS: json.dumps(other).encode()}, forge=True)
        code, text = tell(out)
        assert code == 3 and "or in another order" in text


def test_words_that_were_put_into_an_archive_are_told(kept: Path, tmp_path: Path, tell: Tell) -> None:
    files = read_all(kept)[0]
    words = {name: {**json.loads(files[name]), "remarks": ["Computed again by a lab."]} for name in (RECORD, VERDICTS)}
    out = changed(kept, tmp_path / "a.zip", {n: json.dumps(one).encode() for n, one in words.items()}, forge=True)
    code, text = tell(out)
    assert code == 3 and "says something of scores.csv that is not read from it" in text
    page = files[PREVIEW].replace(b"</body>", b"<div style='position:fixed;inset:0'>ALL REPRODUCED</div></body>")
    code, text = tell(changed(kept, tmp_path / "b.zip", {PREVIEW: page}, forge=True))
    assert f"{PREVIEW} is not the page that this version writes" in text
    assert "is not the page" not in tell(kept)[1]


def test_a_file_of_claims_that_names_the_metric_is_kept_with_imported_results(tmp_path: Path, tell: Tell) -> None:
    copies = [copied(f"lm-eval/{name}", tmp_path) for name in ("tiny-1", "tiny-2")]
    (tmp_path / "c.yaml").write_text('baseline: tiny-1\nmetric: acc\nclaims:\n  - {id: a, claim: ">= +1"}\n')
    options = ["--claims", str(tmp_path / "c.yaml"), "--archive", str(tmp_path / "kept.zip")]
    assert run(["judge", *map(str, copies), *options]) == 2
    code, said = tell(tmp_path / "kept.zip")
    assert code == 2 and "the verdicts in it are those of this judging" in said
