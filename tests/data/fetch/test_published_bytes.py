"""The whole way of published bytes: served at the addresses that the tasks pin, fetched, checked, read.

The files are their publishers' and lie outside the repository (see `published_files`).
"""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from published_world import TASKS, write_pins
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from harness.commands.main import run
from harness.data.folder import languages, read_manifest, read_split
from harness.metrics.scoring import score
from harness.project.paths import Paths
from harness.project.pins import Pins
from harness.project.tasks import load_task

pytestmark = pytest.mark.realdata
ADDRESSES = "https://"
TAKEN = {"xquad": "test.", "tatoeba": "test.", "cosmosqa": "dev."}
"""Task -> the stems whose files lie here whole."""


class Handler(SimpleHTTPRequestHandler):
    """Serves a file of the folder for an address (the path without its slash), and says nothing."""

    def __init__(self, *args: Any, names: dict[str, str], asked: list[str], **kwargs: Any) -> None:
        self.names, self.asked = names, asked
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        self.asked.append(path)
        return str(Path(self.directory) / self.names.get(path, "none"))

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def asked(published_files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every address of the folder's list leads to its file; the paths that were asked for."""
    with (published_files / "files.tsv").open(encoding="utf-8", newline="\n") as stream:
        listed = list(csv.DictReader(stream, delimiter="\t"))
    names = {f"/{row['url'].removeprefix(ADDRESSES)}": row["file"] for row in listed}
    seen: list[str] = []
    handler = partial(Handler, directory=str(published_files / "files"), names=names, asked=seen)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    send: Callable[..., Response] = HTTPAdapter.send

    def redirected(self: HTTPAdapter, request: PreparedRequest, **options: Any) -> Response:
        assert request.url is not None and request.url.startswith(ADDRESSES)
        request.url = f"http://127.0.0.1:{server.server_port}/{request.url.removeprefix(ADDRESSES)}"
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", redirected)
    yield seen
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path, repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A project on profile `paper`, whose tasks keep the pins of what lies here, unchanged."""
    root = tmp_path / "project"
    paths = Paths(root, "paper")
    paths.tasks.mkdir(parents=True)
    (root / "params.yaml").write_bytes((repo_root / "profiles" / "paper.yaml").read_bytes())
    for name, begin in TAKEN.items():
        pin = load_task(name, TASKS).pins.url
        assert pin is not None
        files = {stem: parts for stem, parts in pin.files.items() if stem.startswith(begin)}
        write_pins(paths.tasks, name, Pins(url=pin.model_copy(update={"files": files})))
    monkeypatch.chdir(root)
    return paths


@pytest.mark.slow
def test_published_bytes_are_fetched_checked_and_read(
    project: Paths, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "check", *TAKEN]) == 1
    assert capsys.readouterr().out.count("missing") >= 3
    assert run(["data", "fetch", *TAKEN]) == 0
    assert len(set(asked)) == len(asked) == 11 + 72 + 1
    assert run(["data", "fetch", *TAKEN]) == 0 and len(asked) == 84, "nothing is fetched twice"
    capsys.readouterr()
    assert run(["data", "check", *TAKEN]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["ok", name] for name in TAKEN]
    for name in TAKEN:
        assert run(["run", "data", name]) == 0
    rows = {name: _rows(project, name) for name in TAKEN}
    assert len(rows["tatoeba"]) == 36 and sum(map(len, rows["tatoeba"].values())) == 31_692
    assert {language: len(own) for language, own in rows["xquad"].items()} == dict.fromkeys(rows["xquad"], 1190)
    assert len(rows["xquad"]) == 11
    assert list(rows["cosmosqa"]) == ["en"] and len(rows["cosmosqa"]["en"]) == 2985
    for language, own in rows["xquad"].items():  # parallel: the same questions in every language
        assert [row["id"] for row in own] == [row["id"] for row in rows["xquad"]["en"]]
        assert score("squad", own, [row["answers"]["text"][0] for row in own], language)["em"] == 100.0
    assert not any(
        end in row[side] for own in rows["tatoeba"].values() for row in own for side in row for end in "\r\n"
    )
    assert all(len(row["choices"]) == 4 and row["context"] for row in rows["cosmosqa"]["en"])


def _rows(paths: Paths, task: str) -> dict[str, list[dict[str, Any]]]:
    folder = paths.data(task)
    split = TAKEN[task].removesuffix(".")
    assert read_manifest(folder).unavailable is None
    return {language: read_split(folder, split, language) for language in languages(folder, split)}


def test_a_changed_byte_of_a_published_file_is_refused(
    project: Paths, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "fetch", "cosmosqa"]) == 0 and len(asked) == 1
    (stored,) = (path for path in (project.root / "store").rglob("valid.csv") if path.is_file())
    content = bytearray(stored.read_bytes())
    content[1000] ^= 1
    stored.write_bytes(content)
    capsys.readouterr()
    assert run(["data", "check", "cosmosqa"]) == 1 and "differs" in capsys.readouterr().out
    assert run(["run", "data", "cosmosqa"]) == 2
    assert "expected sha256" in capsys.readouterr().err and not project.data("cosmosqa").exists()
