"""A hub in a thread: the part of the hub's HTTP interface that huggingface_hub uses to look up and fetch files."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any
from urllib.parse import unquote

Repositories = Mapping[str, Mapping[str, Mapping[str, bytes]]]
LFS = (".parquet", ".safetensors", ".bin", ".zip", ".gz", ".model")
"""Files with these endings lie in LFS: the hub states their sha256 and sends them from another host."""
API = re.compile(r"/api/(dataset|model)s/([^/]+/[^/]+)/(revision|tree)/([^/?]+)")
RESOLVE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    method: str
    path: str
    range: str | None
    token: str | None


@dataclass
class Faults:
    """What goes wrong; each fault meets requests whose path contains `part`, so many times, then is over."""

    _answers: list[list[Any]] = field(default_factory=list)
    _drops: list[list[Any]] = field(default_factory=list)
    _no_ranges: bool = False

    def answer(self, part: str, status: int, times: int = 1, **headers: str) -> None:
        """Answer with a status, e.g. `answer("resolve", 429, times=2, retry_after="7")`."""
        self._answers.append([part, status, times, {name.replace("_", "-"): text for name, text in headers.items()}])

    def drop(self, part: str, after: int, times: int = 1) -> None:
        """Close the connection after so many bytes of a body."""
        self._drops.append([part, after, times])

    def ignore_ranges(self) -> None:
        """Always send the whole file, as some servers do."""
        self._no_ranges = True

    def take_answer(self, path: str) -> tuple[int, dict[str, str]] | None:
        """The fault that meets this request, counted down."""
        found = _count_down(self._answers, path)
        return (found[1], found[3]) if found else None

    def take_drop(self, path: str) -> int | None:
        """After how many bytes this body breaks off."""
        found = _count_down(self._drops, path)
        return found[1] if found else None


def _count_down(faults: list[list[Any]], path: str) -> list[Any] | None:
    for fault in faults:
        if fault[0] in path and fault[2] > 0:
            fault[2] -= 1
            return fault
    return None


class Hub:
    """Serves repositories and plain addresses from memory.

        with Hub(repositories={"owner/name": {REVISION: {"data/train.parquet": b"..."}}}) as hub:
            monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)

    `repositories` are data sets and `models` are models: name -> revision -> path -> bytes; `set_bytes` changes a file
    under its revision. `addresses` are plain files, path -> bytes, at `hub.address(path)`. A repository named in
    `gated` opens to `token` only. `branches` (name -> revision) resolve as the hub's do, in every repository.
    `hub.requests` lists every request; `hub.faults` makes things go wrong.
    """

    def __init__(
        self,
        repositories: Repositories | None = None,
        models: Repositories | None = None,
        addresses: Mapping[str, bytes] | None = None,
        gated: Collection[str] = (),
        token: str = "hf_toy",
        branches: Mapping[str, str] | None = None,
    ) -> None:
        self.repositories = {"dataset": _copied(repositories or {}), "model": _copied(models or {})}
        self.addresses = dict(addresses or {})
        self.gated, self.token, self.branches = gated, token, dict(branches or {})
        self.requests: list[Request] = []
        self.faults = Faults()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def elsewhere(self) -> str:
        """The same server under another name: the host that LFS files are sent from."""
        return f"http://localhost:{self._server.server_port}"

    def address(self, path: str) -> str:
        """The whole address of a plain file."""
        return f"{self.endpoint}/plain/{path}"

    def set_bytes(self, kind: str, repository: str, revision: str, path: str, content: bytes) -> None:
        """Other bytes under the same revision."""
        self.repositories[kind][repository][revision][path] = content

    def bodies(self) -> list[Request]:
        """The requests that asked for a file's bytes, where they lie."""
        return [request for request in self.requests if request.path.startswith(("/lfs/", "/plain/"))]

    def files(self, kind: str, repository: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """(commit, path -> bytes) of a revision or branch, None where the repository has none."""
        commit = self.branches.get(revision, revision)
        files = self.repositories[kind][repository].get(commit)
        return None if files is None else (commit, files)


def sha256(content: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def git_blob(content: bytes) -> str:
    """Git's id of a file's bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _copied(repositories: Repositories) -> dict[str, dict[str, dict[str, bytes]]]:
    return {
        name: {revision: dict(files) for revision, files in revisions.items()}
        for name, revisions in repositories.items()
    }


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One request; `hub` is set by the subclass that each server makes."""

    hub: Hub

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ") or None
        self.hub.requests.append(Request(self.command, path, self.headers["Range"], token))
        if fault := self.hub.faults.take_answer(path):
            return self.answer(fault[0], headers=fault[1])
        if match := API.fullmatch(path):
            return self.api(match[1], match[2], match[3], match[4])
        if match := RESOLVE.fullmatch(path):
            return self.resolve("dataset" if match[1] else "model", match[2], match[3], match[4])
        if path.startswith("/lfs/"):
            _, _, kind, owner, name, revision, file = path.split("/", 6)
            return self.body(self.hub.repositories[kind][f"{owner}/{name}"][revision][file], path)
        content = self.hub.addresses.get(path.removeprefix("/plain/"))
        return self.answer(404) if content is None else self.body(content, path)

    do_HEAD = do_GET

    def api(self, kind: str, repository: str, what: str, revision: str) -> None:
        """What the hub states of a repository; that much it says of gated ones to everybody."""
        if (found := self.found(kind, repository, revision)) is None:
            return
        commit, files = found
        if what == "revision":
            siblings = [{"rfilename": name} for name in files]
            return self.json({"id": repository, "sha": commit, "siblings": siblings, "tags": []})
        folders = {name.rpartition("/")[0] for name in files} - {""}
        tree: list[dict[str, Any]] = [{"type": "directory", "path": name, "oid": "0" * 40} for name in folders]
        self.json(tree + [_listed(name, content) for name, content in files.items()])

    def resolve(self, kind: str, repository: str, revision: str, name: str) -> None:
        """A file's bytes; of one in LFS, the place they are sent from."""
        if (found := self.found(kind, repository, revision)) is None:
            return
        commit, files = found
        if repository in self.hub.gated and self.hub.requests[-1].token != self.hub.token:
            return self.answer(401, headers={"X-Error-Code": "GatedRepo"})
        if name not in files:
            return self.answer(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        content = files[name]
        about = {"X-Repo-Commit": commit}
        if not name.endswith(LFS):
            return self.body(content, self.path, about | {"ETag": f'"{git_blob(content)}"'})
        about |= {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        where = f"{self.hub.elsewhere}/lfs/{kind}/{repository}/{commit}/{name}"
        self.answer(302, headers=about | {"Location": where})

    def found(self, kind: str, repository: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if repository not in self.hub.repositories[kind]:
            self.answer(401, headers={"X-Error-Code": "RepoNotFound"})
            return None
        found = self.hub.files(kind, repository, revision)
        if found is None:
            self.answer(404, headers={"X-Error-Code": "RevisionNotFound"})
        return found

    def body(self, content: bytes, path: str, headers: Mapping[str, str] | None = None) -> None:
        """Bytes, or the range of them that was asked for; a fault may break them off."""
        status, start = 200, 0
        headers = {"ETag": f'"{sha256(content)[:16]}"', **(headers or {})}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if asked and not self.hub.faults._no_ranges:
            status, start = 206, int(asked[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.answer(status, content[start:], headers, self.hub.faults.take_drop(path))

    def json(self, content: Any) -> None:
        self.answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def answer(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, drop: int | None = None
    ) -> None:
        self.send_response(status)
        for name, text in ({"Content-Length": str(len(body))} | dict(headers or {})).items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:drop])
        self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the tests read `hub.requests`."""


def _listed(name: str, content: bytes) -> dict[str, Any]:
    """One file of the tree, as the hub lists it."""
    if not name.endswith(LFS):
        return {"type": "file", "path": name, "size": len(content), "oid": git_blob(content)}
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(content)}\nsize {len(content)}\n".encode()
    )
    lfs = {"oid": sha256(content), "size": len(content), "pointerSize": len(pointer)}
    return {"type": "file", "path": name, "size": len(content), "oid": git_blob(pointer), "lfs": lfs}
