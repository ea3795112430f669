"""Fetching published data and weights from a real HTTP server, with what goes wrong there."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hub_project import (
    OTHER_REVISION,
    REVISION,
    hub_pin,
    manifest,
    seen,
    toy_encoder,
    toy_params,
    url_pin,
    write_task,
)
from hub_server import Hub, git_blob, sha256
from toy import ROOT

from harness.commands.main import run
from harness.data.fetch import address, hub
from harness.data.fetch.address import Unavailable
from harness.data.fetch.fetch import check_encoder, check_tasks, fetch_encoder, fetch_tasks
from harness.data.fetch.store import model_folder, only_fetch, repository_folder, url_folder
from harness.data.published import stored_file
from harness.project.errors import HarnessError
from harness.project.paths import Paths

DATA, TABLE, ZIP = bytes(range(256)) * 40, b"premise\thypothesis\tlabel\n", b"PK-toy" * 500
PATH = "data/train.parquet"
PROFILES = ROOT / "profiles"
WEIGHTS = {"config.json": b"{}", "model.safetensors": b"weights" * 99, "tokenizer.json": b'{"a": 1}'}


class Place(NamedTuple):
    """A hub, a project that pins what it serves, and the project's store."""

    hub: Hub
    paths: Paths
    store: Path

    def fetch(self, *names: str) -> list[Any]:
        return fetch_tasks(names, toy_params(list(names)), self.paths)

    def check(self, name: str) -> str:
        return check_tasks([name], toy_params([name]), self.paths)[0].word

    def downloaded(self) -> int:
        return len(self.hub.bodies())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Two tasks that share a repository, and one behind an address."""
    paths = Paths(tmp_path / "project", "toy")
    repositories = {"toy/nli": {REVISION: {PATH: DATA, "test.tsv": TABLE, "loader.py": b"import os"}}}
    weights = WEIGHTS | {"pytorch_model.bin": b"pickle", "modeling.py": b"import os"}
    models = {"toy/encoder": {REVISION: weights}}
    with Hub(
        repositories=repositories, models=models, addresses={"old/raw.zip": ZIP}, branches={"main": REVISION}
    ) as server:
        write_task(paths, "nli", hub=hub_pin("toy/nli", {PATH: sha256(DATA), "test.tsv": None}))
        write_task(paths, "same", hub=hub_pin("toy/nli", {PATH: None}))
        write_task(paths, "raw", url=url_pin(server.address("old/raw.zip"), ZIP, ("a.tsv", "b.tsv")))
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield Place(server, paths, paths.root / "store")


def pin_hub(place: Place, files: dict[str, str | None], revision: str = REVISION) -> None:
    write_task(place.paths, "nli", hub=hub_pin("toy/nli", files, revision))


def hub_file(place: Place, path: str, pinned: str | None = None) -> Path:
    """The fetched file, as reading finds and checks it."""
    return stored_file(repository_folder(place.store, "dataset", "toy/nli", REVISION), path, pinned)


def raw_file(place: Place) -> Path:
    return stored_file(url_folder(place.store, sha256(ZIP)), "raw.zip", sha256(ZIP))


def test_fetched_at_its_revision_then_read_without_network(place: Place) -> None:
    (found,) = place.fetch("nli")
    assert (found.place, found.files, found.transferred, found.passed_over) == ("hub", 2, len(DATA) + len(TABLE), [])
    folder = place.store / "hub" / "toy--nli" / REVISION
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["test.tsv", "train.parquet"]
    entries = manifest(folder)
    assert entries[PATH]["sha256"] == entries[PATH]["etag"] == sha256(DATA)
    assert (entries["test.tsv"]["sha256"], entries["test.tsv"]["etag"]) == (sha256(TABLE), git_blob(TABLE))
    assert entries["test.tsv"]["bytes"] == len(TABLE)
    assert entries["test.tsv"]["address"].startswith(place.hub.endpoint)
    place.hub.requests.clear()
    assert hub_file(place, PATH, sha256(DATA)).read_bytes() == DATA
    assert place.check("nli") == "ok"
    assert place.hub.requests == []


def test_nothing_sound_is_fetched_again(place: Place) -> None:
    place.fetch("nli", "same", "raw")
    assert seen(place.hub, "/lfs/") == [f"GET /lfs/dataset/toy/nli/{REVISION}/{PATH}"], "two tasks share it"
    assert len(seen(place.hub, "/plain/")) == 1, "two members of one archive"
    place.hub.requests.clear()
    assert [found.transferred for found in place.fetch("nli", "same", "raw")] == [0, 0, 0]
    assert place.hub.requests == []


def test_an_empty_file_is_a_file(place: Place) -> None:
    place.hub.set_bytes("dataset", "toy/nli", REVISION, "empty.tsv", b"")
    pin_hub(place, {"empty.tsv": None})
    place.fetch("nli")
    assert hub_file(place, "empty.tsv", sha256(b"")).read_bytes() == b""


def test_a_whole_file_without_its_manifest_is_taken_up(place: Place) -> None:
    place.fetch("nli")
    (place.store / "hub" / "toy--nli" / f"{REVISION}.json").unlink()
    with pytest.raises(HarnessError, match="was never checked"):
        hub_file(place, PATH)
    place.hub.requests.clear()
    assert [found.transferred for found in place.fetch("nli")] == [0]
    assert place.downloaded() == 0 and place.check("nli") == "ok"


def test_a_revision_that_the_hub_lacks(place: Place) -> None:
    pin_hub(place, {PATH: None}, OTHER_REVISION)
    with pytest.raises(HarnessError, match=f"expected commit {OTHER_REVISION} of toy/nli") as error:
        place.fetch("nli")
    assert "correct the revision" in str(error.value)
    assert place.downloaded() == 0


@pytest.mark.parametrize("moving", ["main", "v1.0", "aaaaaaa", "A" * 40])
def test_a_moving_reference_is_refused_before_anything_is_asked(place: Place, moving: str) -> None:
    for function in (hub.resolve, hub.list_files):
        with pytest.raises(HarnessError, match="can move"):
            function("toy/nli", moving, "dataset")
    assert place.hub.requests == []


def test_a_branch_that_looks_like_a_commit_is_refused(place: Place) -> None:
    place.hub.branches["c" * 40] = REVISION
    with pytest.raises(HarnessError, match=f"takes it for {REVISION}"):
        hub.resolve("toy/nli", "c" * 40, "dataset")


def test_a_repository_or_file_that_is_not_there(place: Place) -> None:
    pin_hub(place, {"data/gone.parquet": None})
    with pytest.raises(HarnessError, match=r"expected data/gone\.parquet in toy/nli"):
        place.fetch("nli")
    write_task(place.paths, "nli", hub=hub_pin("toy/gone", {PATH: None}))
    with pytest.raises(HarnessError, match=r"expected the repository toy/gone .* found none"):
        place.fetch("nli")


def test_what_answers_is_no_hub(place: Place) -> None:
    place.hub.faults.answer("/api/", 200)
    with pytest.raises(HarnessError, match=r"expected an answer about toy/nli .*HF_ENDPOINT"):
        place.fetch("nli")


def test_a_path_that_leads_out_of_the_store(place: Place) -> None:
    pin_hub(place, {"../../../../outside.parquet": None})
    with pytest.raises(HarnessError, match="inside its repository"):
        place.fetch("nli")
    assert place.hub.requests == []


@pytest.mark.parametrize(("path", "content"), [(PATH, DATA), ("test.tsv", TABLE)], ids=["lfs", "git"])
def test_other_bytes_under_the_same_revision(place: Place, path: str, content: bytes) -> None:
    other = content[::-1]
    pin_hub(place, {path: None})
    place.fetch("nli")
    place.hub.set_bytes("dataset", "toy/nli", REVISION, path, other)
    assert place.fetch("nli")[0].transferred == 0, "the store is sound"
    hub_file(place, path).unlink()
    with pytest.raises(HarnessError) as against_manifest:
        place.fetch("nli")
    shutil.rmtree(place.store)
    pin_hub(place, {path: sha256(content)})
    with pytest.raises(HarnessError) as against_pin:
        place.fetch("nli")
    for error in (against_manifest, against_pin):
        assert sha256(content) in str(error.value) and sha256(other) in str(error.value)
        assert not isinstance(error.value, Unavailable)
    assert place.check("nli") == "missing", "the other bytes are not kept"


def test_a_pin_that_disagrees_with_what_was_fetched(place: Place) -> None:
    pin_hub(place, {"test.tsv": None})
    place.fetch("nli")
    pin_hub(place, {"test.tsv": sha256(DATA)})
    assert place.check("nli") == "differs"
    with pytest.raises(HarnessError) as error:
        place.fetch("nli")
    assert sha256(DATA) in str(error.value) and sha256(TABLE) in str(error.value)


def test_a_body_that_is_not_what_the_hub_states(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    pin_hub(place, {"test.tsv": None})
    listed = hub.list_files("toy/nli", REVISION, "dataset")
    monkeypatch.setattr(hub, "list_files", lambda *_: listed)
    place.hub.set_bytes("dataset", "toy/nli", REVISION, "test.tsv", TABLE[::-1])
    with pytest.raises(HarnessError, match=f"{git_blob(TABLE)}.*found {git_blob(TABLE[::-1])}"):
        place.fetch("nli")
    place.hub.set_bytes("dataset", "toy/nli", REVISION, "test.tsv", TABLE + b"more")
    with pytest.raises(HarnessError, match=f"expected {len(TABLE)} bytes .* found {len(TABLE) + 4}"):
        place.fetch("nli")
    assert not list((place.store / "hub").rglob("test.tsv*"))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("part", ["/api/", "/resolve/", "/lfs/", "/plain/"])
def test_waits_as_long_as_the_server_says(place: Place, waits: list[float], status: int, part: str) -> None:
    place.hub.faults.answer(part, status, times=2, retry_after="7")
    assert [found.name for found in place.fetch("nli", "raw")] == ["nli", "raw"]
    told = [wait for wait in waits if wait >= 7]
    assert len(told) == 2 and sum(told) <= 16, "the hub's client rounds up by a second"


def test_the_hubs_own_rate_limit_header(place: Place, waits: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    place.hub.faults.answer("/lfs/", 429, RateLimit='"resolvers";r=0;t=55')
    place.fetch("nli")
    assert waits == [55] and "asks to wait 55 s" in capsys.readouterr().err


def test_a_server_that_stays_busy_is_given_up(place: Place, waits: list[float]) -> None:
    place.hub.faults.answer("/plain/", 503, times=99)
    with pytest.raises(HarnessError, match="HTTP status 503"):
        place.fetch("raw")
    assert 1 < len(seen(place.hub, "/plain/")) < 10 and len(waits) > 1


def test_a_broken_connection_is_resumed(place: Place) -> None:
    place.hub.faults.drop("/lfs/", after=4000)
    place.hub.faults.drop("/plain/", after=1000, times=2)
    place.fetch("nli", "raw")
    assert [request.range for request in place.hub.bodies()] == [
        None,
        "bytes=4000-",
        None,
        "bytes=1000-",
        "bytes=2000-",
    ]
    assert place.check("nli") == place.check("raw") == "ok"


def test_a_later_run_resumes_where_an_earlier_one_gave_up(place: Place) -> None:
    place.hub.faults.drop("/lfs/", after=4000)
    place.hub.faults.drop("/lfs/", after=0, times=6)
    with pytest.raises(HarnessError, match=r"breaks off after 4000 .* goes on from there"):
        place.fetch("nli")
    assert place.check("nli") == "missing"
    place.hub.requests.clear()
    place.fetch("nli")
    assert [request.range for request in place.hub.bodies()] == ["bytes=4000-"]
    assert place.check("nli") == "ok"
    assert not list(place.store.rglob("*.partial"))


def test_a_server_without_ranges_sends_the_whole_again(place: Place) -> None:
    place.hub.faults.ignore_ranges()
    place.hub.faults.drop("/lfs/", after=4000)
    place.fetch("nli")
    assert place.check("nli") == "ok"


@pytest.mark.parametrize("left", [b"other beginning", b"x" * (len(ZIP) + 1)], ids=["shorter", "longer"])
def test_what_an_earlier_run_left_of_other_bytes_is_thrown_away(place: Place, left: bytes) -> None:
    partial = place.store / "url" / sha256(ZIP) / "raw.zip.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(left)
    place.fetch("raw")
    assert raw_file(place).read_bytes() == ZIP


def test_another_revision_is_never_taken(place: Place, online: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the store's copy of it, nor the hub client's cache, which by itself would serve."""
    from huggingface_hub import constants, hf_hub_download

    place.hub.repositories["dataset"]["toy/nli"][OTHER_REVISION] = {PATH: DATA}
    for revision in (REVISION, OTHER_REVISION):
        cached = hf_hub_download(
            "toy/nli", PATH, repo_type="dataset", revision=revision, cache_dir=online, endpoint=place.hub.endpoint
        )
        assert Path(cached).read_bytes() == DATA
    pin_hub(place, {PATH: None}, OTHER_REVISION)
    place.fetch("nli")
    pin_hub(place, {PATH: None})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    place.hub.requests.clear()
    with pytest.raises(HarnessError, match="HF_HUB_OFFLINE forbids"):
        place.fetch("nli")
    with pytest.raises(HarnessError, match=f"{REVISION}.*found none") as error:
        hub_file(place, PATH)
    assert "harness data fetch" in str(error.value)
    assert place.check("nli") == "missing"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    place.fetch("nli")
    assert len(seen(place.hub, "/lfs/")) == 1, "from the hub, not from the client's cache"


def test_a_gated_repository_wants_a_token(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.hub.gated = ["toy/nli"]
    with pytest.raises(HarnessError, match=r"gated, and HF_TOKEN is not set.*with HF_TOKEN set"):
        place.fetch("nli")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HarnessError, match="token in HF_TOKEN has no access"):
        place.fetch("nli")
    monkeypatch.setenv("HF_TOKEN", place.hub.token)
    place.fetch("nli")
    assert place.check("nli") == "ok"
    assert {request.token for request in place.hub.bodies()} == {None}, "the token does not leave the hub"


def test_too_little_space_is_seen_beforehand(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(place.paths.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=len(DATA)))
    with pytest.raises(HarnessError, match=r"MB free for .*HARNESS_STORE"):
        place.fetch("nli")
    assert place.downloaded() == 0
    assert place.fetch("raw")


def test_a_full_disk_leaves_the_store_sound(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place.fetch("raw")
    with monkeypatch.context() as patch:
        patch.setattr(address.os, "fsync", full)
        with pytest.raises(HarnessError, match=r"No space left.*free space on that disk"):
            place.fetch("nli")
    assert (place.check("nli"), place.check("raw")) == ("missing", "ok")
    place.fetch("nli")
    assert place.check("nli") == "ok"


def test_only_the_pinned_files_of_an_encoder_are_fetched(place: Place) -> None:
    encoder = toy_encoder(WEIGHTS)
    params = toy_params([], encoder)
    found = fetch_encoder(params, place.paths)
    assert (found.name, found.files) == ("encoder", 3)
    folder = model_folder(place.store, encoder)
    assert folder == place.store / "models" / "toy--encoder" / REVISION
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == WEIGHTS
    assert not seen(place.hub, ".bin") and not seen(place.hub, ".py")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(HarnessError, match=r"found .*pytorch_model\.bin"):
        model_folder(place.store, encoder)
    (folder / "pytorch_model.bin").unlink()
    (folder / "config.json").write_bytes(b"[]")
    with pytest.raises(HarnessError, match=sha256(b"[]")) as error:
        model_folder(place.store, encoder)
    assert "harness data fetch --encoder" in str(error.value)
    assert check_encoder(params, place.paths).word == "differs"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "vocab.pkl", "last.ckpt", "modeling.py"])
def test_pickle_and_code_are_refused_when_named(name: str) -> None:
    with pytest.raises(ValueError, match="no pickle and no code"):
        toy_encoder(WEIGHTS | {name: b""})


def test_an_encoder_whose_bytes_are_not_the_pinned_ones(place: Place) -> None:
    encoder = toy_encoder(WEIGHTS | {"model.safetensors": b"other"})
    with pytest.raises(HarnessError, match=sha256(WEIGHTS["model.safetensors"])):
        fetch_encoder(toy_params([], encoder), place.paths)
    assert place.downloaded() == 0, "the hub's own statement tells"


def test_a_later_place_serves_where_the_hub_does_not(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    url = url_pin(place.hub.address("old/raw.zip"), ZIP)
    write_task(place.paths, "lacking", hub=hub_pin("toy/nli", {"gone.parquet": None}), url=url)
    write_task(place.paths, "changed", hub=hub_pin("toy/nli", {PATH: sha256(ZIP)}), url=url)
    (found,) = place.fetch("lacking")
    assert found.place == "url" and "gone.parquet" in found.passed_over[0]
    assert place.check("lacking") == "ok"
    shutil.rmtree(place.store)
    with pytest.raises(HarnessError, match="other bytes under the same revision"):
        place.fetch("changed")
    assert not (place.store / "url").exists(), "wrong bytes are no reason to go elsewhere"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens
    (found,) = place.fetch("lacking")
    assert found.place == "url" and "127.0.0.1:9" in found.passed_over[0]
    place.hub.requests.clear()
    assert place.fetch("lacking")[0].place == "url" and place.hub.requests == [], "it is whole: nothing is asked"


def test_an_address_that_nobody_serves(place: Place) -> None:
    write_task(place.paths, "gone", url=url_pin("http://127.0.0.1:9/raw.zip", ZIP))
    write_task(place.paths, "lost", url=url_pin(place.hub.address("lost.zip"), ZIP))
    with pytest.raises(HarnessError, match=r"task gone .*127\.0\.0\.1:9.*task lost .*404.*fetched all the same: raw"):
        place.fetch("gone", "lost", "raw")
    assert place.check("raw") == "ok"


def test_an_owners_folder_is_nothing_to_fetch(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = {"source_language": "en", "note": None, "variable": "CCGBANK", "why": "licensed"}
    files = {"train.en": [{"reader": "ccg", "rows": None, "pattern": "*.auto"}]}
    write_task(place.paths, "ccg", path=path | {"files": files})
    assert place.fetch("ccg")[0].place == "path" and place.check("ccg") == "unavailable"
    monkeypatch.setenv("CCGBANK", "/a/licensed/copy")
    assert place.check("ccg") == "ok"
    assert place.hub.requests == []
    write_task(place.paths, "both", hub=hub_pin("toy/nli", {"gone.parquet": None}), path=path | {"files": files})
    assert place.fetch("both")[0].passed_over and place.check("both") == "missing"


def test_checking_finds_a_flipped_byte_and_fetching_mends_it(place: Place) -> None:
    place.fetch("nli", "raw")
    for name, path in (
        ("nli", hub_file(place, PATH)),
        ("raw", raw_file(place)),
    ):
        content = path.read_bytes()
        path.write_bytes(content[:7] + bytes([content[7] ^ 1]) + content[8:])
        (found,) = check_tasks([name], toy_params([name]), place.paths)
        assert found.word == "differs" and str(path) in found.detail and sha256(content) in found.detail
        place.fetch(name)
        assert place.check(name) == "ok"


def test_one_fetch_at_a_time(place: Place) -> None:
    with only_fetch(place.store), pytest.raises(HarnessError, match="another `harness data fetch`"):
        place.fetch("nli")


def test_a_broken_manifest_is_named(place: Place) -> None:
    place.fetch("nli")
    path = place.store / "hub" / "toy--nli" / f"{REVISION}.json"
    path.write_text('{"files": {"a": 1}}')
    with pytest.raises(HarnessError, match="manifest of fetched files"):
        place.fetch("nli")


def test_the_command_line(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def harness(*arguments: str) -> tuple[int, list[list[str]], str]:
        code = run(["data", *arguments])
        out, err = capsys.readouterr()
        return code, [line.split() for line in out.splitlines()], err

    shutil.copy(PROFILES / "lab.yaml", place.paths.params)
    monkeypatch.chdir(place.paths.root)
    code, _, err = harness("fetch")
    assert code == 2 and "expected a profile with published data" in err
    code, lines, _ = harness("check", "nli", "raw")
    assert code == 1 and [line[:2] for line in lines] == [["missing", "nli"], ["missing", "raw"]]
    code, lines, _ = harness("fetch", "nli", "raw")
    assert code == 0 and [line[:3] for line in lines] == [["nli", "hub", "2"], ["raw", "url", "1"]]
    code, lines, _ = harness("check", "nli", "raw")
    assert code == 0 and [line[:3] for line in lines] == [["ok", "nli", "hub"], ["ok", "raw", "url"]]
    code, _, err = harness("fetch", "--encoder")
    assert code == 2 and "pretrains its own" in err


def test_the_profile_says_what_is_fetched(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load((PROFILES / "lab.yaml").read_text(encoding="utf-8"))
    content["data"] = {"source": "published", "pack": None, "store": "elsewhere", "tasks": ["nli", "raw"]}
    content["grid"] = {"recipes": ["none"], "targets": [], "seeds": [1]}
    content["encoder"] = toy_encoder(WEIGHTS).model_dump()
    place.paths.params.write_text(yaml.safe_dump(content))
    monkeypatch.chdir(place.paths.root)
    assert run(["data", "fetch"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["nli", "raw", "encoder"]
    assert model_folder(place.paths.root / "elsewhere", toy_encoder(WEIGHTS))
    assert run(["data", "check"]) == 0
    assert run(["data", "check", "--encoder"]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["ok", "nli"],
        ["ok", "raw"],
        ["ok", "encoder"],
        ["ok", "encoder"],
    ]
