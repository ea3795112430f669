"""Reading an archive: what was changed is named, what is unsafe is not unpacked, nothing beyond the base is needed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest
from crates import changed, comment_of, metadata_of, read_all, small

from harness.audit.levels import verify_all
from harness.audit.report import render
from harness.commands import main as cli
from harness.exchange.layout import METADATA
from harness.exchange.read import CrateRefused, unpack, verify_crate
from harness.exchange.write import export, write_zip
from harness.project.paths import Paths
from harness.project.profiles import read_params

RESULTS = "reference/lab/results.jsonl"
PREDICTION = "reference/lab/predictions/mnli-xquad-2.json.gz"
KEPT = ("tasks", "profiles", "reference", "requirements", "params.yaml", "dvc.yaml", "dvc.lock")


@pytest.fixture(scope="module")
def checkout(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A clone in which nothing has run, with profile lab active."""
    root = tmp_path_factory.mktemp("clone")
    for name in KEPT:
        (root / name).symlink_to(repo_root / name)
    return Paths(root, "lab")


@pytest.fixture(scope="module")
def crate(checkout: Paths, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the laboratory's pinned results."""
    out = tmp_path_factory.mktemp("out") / "lab-crate.zip"
    settings = checkout.profile_file
    assert f"written: {out}" in export(read_params(settings), checkout, settings, out)
    return out


def refusal(path: Path) -> str:
    """What the refusal of an archive says."""
    with pytest.raises(CrateRefused) as refused:
        verify_crate(path, None)
    return str(refused.value)


@pytest.mark.slow
def test_an_archive_is_judged_as_its_results_are_where_they_lie(crate: Path, checkout: Paths) -> None:
    there = verify_all(read_params(checkout.profile_file), checkout)
    found = verify_crate(crate, checkout)
    assert found.judged == "crate" and found.crate is not None and found.crate.holds == "pinned"
    assert found.crate.notes == []
    assert [claim.model_dump() for claim in found.claims] == [claim.model_dump() for claim in there.claims]
    assert found.exit_code == there.exit_code == 0
    assert found.v2 is not None and (found.v2.copies, found.v2.compared) == (150, 0)  # nothing ran again
    assert found.v0.ok and found.v0.hashes > there.v0.hashes
    table, shown = render(there).splitlines(), render(found).splitlines()
    assert f"judged   the crate {crate.name}: pinned results" in shown
    assert shown[-2] == table[-2] and [line for line in table if line.startswith("CONFIRMED")] == [
        line for line in shown if line.startswith("CONFIRMED")
    ]


@pytest.mark.slow
def test_outside_of_a_checkout_there_is_nothing_to_compare_with(crate: Path) -> None:
    found = verify_crate(crate, None)
    assert found.v2 is None and "no checkout here" in found.v2_note and found.exit_code == 0


@pytest.mark.parametrize("name", [RESULTS, PREDICTION, "reference/claims.yaml", "verdicts.json", "provenance.json"])
@pytest.mark.parametrize("forge_crc", [False, True])
def test_a_changed_byte_is_refused_by_the_files_name(crate: Path, tmp_path: Path, name: str, forge_crc: bool) -> None:
    """Flipped in the zip file itself, and written anew so that the zip file is sound."""
    files, _ = read_all(crate)
    content = files[name]
    broken = content[:100] + bytes([content[100] ^ 1]) + content[101:]
    out = tmp_path / "changed.zip"
    if forge_crc:
        changed(crate, out, {name: broken})
    else:
        packed = crate.read_bytes()
        assert packed.count(content) == 1
        out.write_bytes(packed.replace(content, broken))
    assert name in refusal(out)


def test_changed_metadata_is_refused(crate: Path, tmp_path: Path) -> None:
    metadata = read_all(crate)[0][METADATA]
    swapped = changed(crate, tmp_path / "swapped.zip", {METADATA: metadata.replace(b"pinned", b"Pinned", 1)})
    assert METADATA in refusal(swapped)
    flipped = tmp_path / "flipped.zip"
    flipped.write_bytes(crate.read_bytes().replace(metadata, metadata[:500] + b"\x00" + metadata[501:]))
    assert METADATA in refusal(flipped)


def test_missing_and_unlisted_files_are_refused(crate: Path, tmp_path: Path) -> None:
    assert PREDICTION in refusal(changed(crate, tmp_path / "missing.zip", {PREDICTION: None}))
    assert "results/lab/more.json" in refusal(changed(crate, tmp_path / "more.zip", {"results/lab/more.json": b"{}"}))
    assert METADATA in refusal(changed(crate, tmp_path / "bare.zip", {METADATA: None}))


def test_results_that_were_forged_together_with_their_hashes_are_invalid(crate: Path, tmp_path: Path) -> None:
    """Every hash of the archive fits; the pinned results' own manifest does not."""
    lines, count = re.subn(rb'"score":[1-8]', b'"score":9', read_all(crate)[0][RESULTS], count=1)
    assert count == 1
    found = verify_crate(changed(crate, tmp_path / "forged.zip", {RESULTS: lines}, forge=True), None)
    assert not found.v0.ok and "results.jsonl" in found.v0.problems[0] and found.exit_code == 3
    assert {claim.id: claim.verdict for claim in found.claims}["squad-gain"] == "INVALID"


@pytest.mark.slow
def test_claims_and_verdicts_that_differ_from_the_checkouts_are_told(
    crate: Path, checkout: Paths, tmp_path: Path
) -> None:
    files, _ = read_all(crate)
    said = json.loads(files["verdicts.json"])
    next(claim for claim in said["claims"] if claim["id"] == "squad-gain")["verdict"] = "REPRODUCED"
    changes = {
        "verdicts.json": json.dumps(said).encode(),
        "reference/claims.yaml": files["reference/claims.yaml"] + b"\n# mine\n",
    }
    found = verify_crate(changed(crate, tmp_path / "other.zip", changes, forge=True), checkout)
    assert found.crate is not None
    (own,), (other,) = found.crate.notes, found.crate.contradicts
    assert "reference/claims.yaml" in own and "squad-gain" in other
    assert own in " ".join(render(found).split())


def test_what_is_no_whole_zip_file_is_refused(crate: Path, tmp_path: Path) -> None:
    packed = crate.read_bytes()
    for place, content in enumerate([b"", b"no zip file", packed[:-30], packed[: len(packed) // 2], packed[50_000:]]):
        path = tmp_path / f"{place}.zip"
        path.write_bytes(content)
        assert "whole zip file" in refusal(path) or "found it changed" in refusal(path)


def test_any_byte_that_is_changed_is_refused_or_changes_no_content(tmp_path: Path) -> None:
    """Every byte of a small archive, one after the other: contents never come out other than they went in."""
    contents = {"a": b"first", "b": b"second"}
    packed = small(tmp_path / "small.zip", **contents).read_bytes()
    path, refused = tmp_path / "flipped.zip", 0
    for place in range(len(packed)):
        path.write_bytes(packed[:place] + bytes([packed[place] ^ 0x55]) + packed[place + 1 :])
        folder = tmp_path / str(place)
        try:
            unpack(path, folder)
        except CrateRefused:
            refused += 1
        else:
            assert {name: (folder / name).read_bytes() for name in contents} == contents
    assert refused > len(packed) * 0.6


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/out", "a//out", "./out", "C:out", "a\\out", "dir/", "a\nb", METADATA + "/x"]
)
def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    path, folder = tmp_path / "unsafe.zip", tmp_path / "folder"
    with zipfile.ZipFile(path, "w") as archive:
        metadata = metadata_of({name: b"x"})
        archive.comment = comment_of(metadata).encode()
        archive.writestr(METADATA, metadata)
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, b"" if name.endswith("/") else b"x")
    with pytest.raises(CrateRefused, match=r"plain relative names|folder too"):
        unpack(path, folder)
    assert not folder.exists() and not (tmp_path / "out").exists()


def test_links_and_names_that_come_twice_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for entries, problem in (([link], "only plain files"), (["a", "a"], "found a twice")):
        path = tmp_path / "odd.zip"
        with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for entry in entries:
                archive.writestr(entry, b"/etc/passwd")
        with pytest.raises(CrateRefused, match=problem):
            unpack(path, tmp_path / "folder")


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    path, zeros = tmp_path / "bomb.zip", bytes(2_000_000)
    metadata = metadata_of({"zeros": zeros})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment_of(metadata).encode()
        archive.writestr("zeros", zeros)
        archive.writestr(METADATA, metadata)
    assert path.stat().st_size < 10_000
    with pytest.raises(CrateRefused, match=r"at most .* 1,000,000 bytes unpacked"):
        unpack(path, tmp_path / "none", max_bytes=1_000_000)
    assert unpack(path, tmp_path / "all")[1] == 2


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_says(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        metadata = metadata_of({"zeros": bytes(10)})
        archive.comment = comment_of(metadata).encode()
        archive.writestr("zeros", bytes(5_000_000))
        archive.writestr(METADATA, metadata)
    size = (5_000_000).to_bytes(4, "little")
    path, folder = tmp_path / "liar.zip", tmp_path / "folder"
    path.write_bytes(buffer.getvalue().replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(CrateRefused, match="zeros"):
        unpack(path, folder)
    assert (folder / "zeros").stat().st_size <= 10


@pytest.mark.slow
def test_forged_records_of_another_shape_are_refused(crate: Path, tmp_path: Path) -> None:
    """Their hashes fit: whoever made them may have meant harm, but gets no traceback and no endless read."""
    manifest = json.loads(read_all(crate)[0]["reference/lab/manifest.json"])
    manifest["files"] |= {"../../../../../../dev/zero": "0" * 64}
    endless = {"reference/lab/manifest.json": json.dumps(manifest).encode()}
    found = verify_crate(changed(crate, tmp_path / "endless.zip", endless, forge=True), None)
    assert found.exit_code == 3 and "dev/zero, found something that is no file" in " ".join(found.v0.problems)
    record = json.loads(read_all(crate)[0]["provenance.json"])
    for place, changes in enumerate(
        (
            {"provenance.json": json.dumps(record | {"profile": "../.."}).encode()},
            {"provenance.json": b"[" * 100_000},
            {"verdicts.json": b'{"claims": 3}'},
            {"verdicts.json": b"[]"},
            {"params.yaml": b"profile: [unclosed"},
            {"reference/claims.yaml": b"- id: none"},
            {"reference/lab/results.jsonl": None, "reference/lab/manifest.json": b"{}"},
        )
    ):
        said = refusal(changed(crate, tmp_path / f"{place}.zip", changes, forge=True))
        assert "INVALID archive" in said and str(tmp_path) not in said


@pytest.mark.slow
def test_the_command_needs_neither_rocrate_nor_a_checkout(crate: Path, tmp_path: Path, repo_root: Path) -> None:
    """And its exit code is 3 where a byte was changed, 2 where there is no such file."""
    bad = changed(crate, tmp_path / "bad.zip", {PREDICTION: b"other"})
    code = """
import sys
heavy = "torch transformers datasets mlflow docker dvc pandas scipy.stats"
for name in ["rocrate", "arcp", *heavy.split()]:
    sys.modules[name] = None
from harness.commands.main import run
sys.exit(run(sys.argv[1:]))
"""
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    for arguments, expected, said in (
        ([str(crate)], 0, "the crate lab-crate.zip"),
        ([str(bad)], 3, PREDICTION),
        ([str(bad), "--json"], 3, PREDICTION),
        ([str(tmp_path / "none.zip")], 2, "found none"),
        ([str(crate), "--profile", "lab"], 2, "both"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, "verify", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, said in done.stdout + done.stderr) == (expected, True), done.stderr
        if "--json" in arguments:
            assert json.loads(done.stdout)["exit_code"] == 3


@pytest.mark.slow
def test_json_names_the_archive(crate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["verify", str(crate), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["crate"]["file"] == crate.name and len(found["crate"]["sha256"]) == 64


@pytest.mark.parametrize("graph", [[{"@id": 5}], [{"@id": None}], [{"@id": ["a"]}], [{"sha256": "0" * 64}, {}]])
def test_metadata_of_another_shape_is_refused(graph: list[dict[str, object]], tmp_path: Path) -> None:
    entry = {"@id": "a", "@type": "File", "sha256": hashlib.sha256(b"x").hexdigest()}
    metadata = json.dumps({"@graph": [entry | one for one in graph]}).encode()
    write_zip({"a": b"x", METADATA: metadata}, comment_of(metadata), tmp_path / "odd.zip")
    assert METADATA in refusal(tmp_path / "odd.zip")


@pytest.mark.parametrize("name", ["b" * 300, "b" * 300 + "/c", "b/" * 3000 + "c"])
def test_a_name_too_long_for_the_disk_is_refused(name: str, tmp_path: Path) -> None:
    assert "name too long" in refusal(small(tmp_path / "long.zip", **{name: b"x"}))


def test_a_name_that_programs_read_differently_is_refused(tmp_path: Path) -> None:
    metadata, path = metadata_of({"a": b"x"}), tmp_path / "odd.zip"
    write_zip({"axtxt": b"x", METADATA: metadata}, comment_of(metadata), path)
    path.write_bytes(path.read_bytes().replace(b"axtxt", b"a\0txt"))
    assert "plain relative names" in refusal(path)


def test_sizes_that_a_files_head_and_the_directory_give_otherwise_are_refused(tmp_path: Path) -> None:
    path = small(tmp_path / "odd.zip", a=b"x")
    content = bytearray(path.read_bytes())
    content[22:26] = (2).to_bytes(4, "little")
    path.write_bytes(content)
    assert "sizes of a" in refusal(path)
