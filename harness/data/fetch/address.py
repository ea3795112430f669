"""Any file behind an address, over plain HTTP: a transfer that breaks off is resumed, also by a later run.

Hub files come this way as well: huggingface_hub's own download drops a partial file when its process ends, and takes a
file from its shared cache where it can. Waiting and trying again is urllib3's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests
import urllib3
from pydantic import Field
from requests.adapters import HTTPAdapter

from harness.data.fetch.store import Entry, inside, need_space, record, state, url_folder, url_name
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.pins import Sha256
from harness.project.progress import transfer_progress
from harness.project.records import StrictRecord

TRIES = 6
"""Of one request, and of a transfer that breaks off without a byte more than before."""
LONGEST_WAIT_S = 60
TIMEOUT_S = (15, 60)
"""To connect; between two pieces."""
PIECE = 1 << 20
TRY_AGAIN = (408, 429, 500, 502, 503, 504)
BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError)

Advance = Callable[[int], None]


class Unavailable(HarnessError):
    """A place that can't be reached or lacks the file: another place may serve."""


class Refused(Unavailable):
    """A place that answers with an error."""

    def __init__(self, address: str, status: int, code: str | None) -> None:
        """`code` is what the hub calls the error (header X-Error-Code)."""
        super().__init__(
            f"expected a file at {address}, found HTTP status {status}{f' ({code})' if code else ''}",
            fix="see that the address is right and can be reached from here, then run the same command again",
        )
        self.status, self.code = status, code


class Remote(StrictRecord):
    """A file that can be fetched, and what it must be."""

    label: str
    """What people call it."""
    address: str
    """Where it lies."""
    bytes: int = Field(ge=0)
    """Its size."""
    sha256: Sha256 | None
    """Of its bytes; null where only `git_blob` is known."""
    git_blob: str | None = None
    """Git's id of its bytes (SHA-1), which the hub states of files outside LFS."""
    stated_by: str
    """Who says so, in words."""
    etag: str | None = None
    """What the server calls these bytes, where that is known beforehand."""


def download(url: str, sha256: str, size: int, store: Path) -> int:
    """Fetch what lies behind a pinned address into the store unless it is there; returns the bytes transferred."""
    folder, name = url_folder(store, sha256), url_name(url)
    if state(folder, name, sha256).word == "ok":
        return 0
    remote = Remote(label=name, address=url, bytes=size, sha256=sha256, stated_by="its pin")
    need_space(store, missing_bytes(remote, folder, name))
    return obtain(remote, folder, name)


def missing_bytes(remote: Remote, folder: Path, name: str) -> int:
    """What is still to be transferred of a file."""
    return max(0, remote.bytes - _arrived(_partial(inside(folder, name))))


def obtain(remote: Remote, folder: Path, name: str, headers: Mapping[str, str] | None = None) -> int:
    """Bring a file into its place in the store and then into the manifest; returns the bytes transferred.

    HarnessError where the bytes are not the stated ones (they are not kept) or the disk is full (what has arrived is
    kept and resumed); `Unavailable` where the place does not give the file.
    """
    path = inside(folder, name)
    transferred, etag = 0, remote.etag
    if not path.is_file() or difference(path, remote):
        transferred = missing_bytes(remote, folder, name)
        try:
            answered = _whole(remote, _partial(path), headers or {})
            _partial(path).replace(path)
        except OSError as error:
            raise not_written(path, error) from None
        etag = etag or answered
    sha256 = remote.sha256 or sha256_file(path)
    record(folder, name, Entry(sha256=sha256, bytes=remote.bytes, address=remote.address, etag=etag))
    return transferred


def difference(path: Path, remote: Remote) -> str | None:
    """Expected and found hash of a file that is not the stated bytes, else None."""
    known = remote.sha256 is not None
    expected, found = (remote.sha256, sha256_file(path)) if known else (remote.git_blob, _git_blob(path))
    if found == expected:
        return None
    what = "sha256" if known else "git's id"
    return f"expected {what} {expected} ({remote.stated_by}), found {found} at {remote.address}"


def _git_blob(path: Path) -> str:
    """As `git hash-object`."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: digest).hexdigest()


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _arrived(partial: Path) -> int:
    """Bytes of a file that is still to be completed."""
    return partial.stat().st_size if partial.is_file() else 0


def not_written(path: Path, error: OSError) -> HarnessError:
    """What the system says against writing a file of the store, in words."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return HarnessError(
        f"expected to write {path}, found: {error.strerror or error}; what has arrived is kept",
        fix=("free space on that disk" if full else "make the folder writable")
        + ", or set HARNESS_STORE to a folder elsewhere, then run the same command again: it goes on from there",
    )


def _whole(remote: Remote, partial: Path, headers: Mapping[str, str]) -> str | None:
    """Complete the partial file and check it; returns the server's ETag."""
    partial.parent.mkdir(parents=True, exist_ok=True)
    resumed = _arrived(partial) > 0
    etag = _transfer(remote, partial, headers)
    wrong = difference(partial, remote)
    if wrong is None:
        return etag
    partial.unlink()
    if resumed:  # an earlier run may have left the beginning of other bytes
        return _whole(remote, partial, headers)
    raise HarnessError(
        f"{wrong}: the published bytes have changed",
        fix="look at what has changed at the source; only if the new bytes are the right ones, correct the pin",
    )


def _transfer(remote: Remote, partial: Path, headers: Mapping[str, str]) -> str | None:
    """Append what `partial` lacks, in as many requests as it takes; returns the last answer's ETag."""
    etag, vain = None, 0
    with _session() as session, transfer_progress(remote.label, remote.bytes) as advance:
        advance(_arrived(partial))
        while (have := _arrived(partial)) < remote.bytes:
            with _answer(session, remote, have, headers) as response:
                etag = response.headers.get("ETag", etag)
                problem = _append(response, remote, partial, advance)
            vain = 0 if _arrived(partial) > have else vain + 1
            if vain == TRIES:
                raise Unavailable(
                    f"expected {remote.bytes} bytes at {remote.address}, found that the connection breaks off after "
                    f"{have} ({problem})",
                    fix="run the same command again: it goes on from there",
                )
            time.sleep(min(2**vain, LONGEST_WAIT_S) if problem else 0)
    partial.touch()  # an empty file takes no request
    return etag.strip('"') if etag else None


def _session() -> requests.Session:
    session = requests.Session()
    patience = _Patience(
        total=TRIES - 1,
        status_forcelist=TRY_AGAIN,
        raise_on_status=False,
        backoff_factor=1,
        backoff_max=LONGEST_WAIT_S,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=patience))
    return session


class _Patience(urllib3.Retry):
    """Waits as long as Retry-After says, or the `RateLimit` header (an IETF draft) of the hub's 429."""

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        used_up = re.search(r"\br=0\s*;\s*t=(\d+)", response.headers.get("RateLimit", ""))
        stated = super().get_retry_after(response)
        return float(used_up[1]) if stated is None and used_up else stated

    def sleep_for_retry(self, response: urllib3.BaseHTTPResponse) -> bool:
        """As urllib3's, and says so: it may be an hour."""
        if wait_s := self.get_retry_after(response):
            print(f"the server is busy and asks to wait {wait_s:.0f} s", file=sys.stderr, flush=True)
        return super().sleep_for_retry(response)


def _answer(session: requests.Session, remote: Remote, have: int, headers: Mapping[str, str]) -> requests.Response:
    """The server's answer, its body still to be read: the whole file, or what follows the first `have` bytes."""
    asked = {**headers, "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = session.get(remote.address, headers=asked, stream=True, timeout=TIMEOUT_S)
    except BROKEN as error:
        raise Unavailable(
            f"expected an answer from {remote.address}, found {_cause(error)}",
            fix="see that this machine reaches that address (proxy, firewall), then run the same command again",
        ) from None
    size = _size(response)
    if response.status_code in (200, 206, 416) and size not in (None, remote.bytes):
        response.close()
        raise HarnessError(
            f"expected {remote.bytes} bytes ({remote.stated_by}), found {size} at {remote.address}: "
            "the published bytes have changed",
            fix="look at what has changed at the source; only if the new bytes are the right ones, correct the pin",
        )
    if response.status_code not in (200, 206):
        response.close()
        raise Refused(remote.address, response.status_code, response.headers.get("X-Error-Code"))
    return response


def _cause(error: BaseException) -> str:
    """The innermost reason, without the objects that urllib3 prints."""
    while isinstance(reason := getattr(error, "reason", None) or (error.args[0] if error.args else None), Exception):
        error = reason
    return f"{type(error).__name__}: {re.sub(r'<[^>]*>:? ?', '', str(error))}"


def _size(response: requests.Response) -> int | None:
    """Size of the whole file, where the answer states it."""
    whole = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    length = response.headers.get("Content-Length", "")
    if whole:
        return int(whole[1])
    return int(length) if response.status_code == 200 and length.isdigit() else None


def _append(response: requests.Response, remote: Remote, partial: Path, advance: Advance) -> str | None:
    """Write the body behind what is there; returns why it broke off, None at its end."""
    with partial.open("ab") as stream:
        if response.status_code == 200 and stream.tell():  # the server gives no ranges: start again from the first byte
            advance(-stream.tell())
            stream.truncate(0)
        try:
            for piece in response.raw.stream(PIECE, decode_content=False):
                stream.write(piece)
                advance(len(piece))
                if stream.tell() > remote.bytes:
                    return "more bytes than stated"
        except BROKEN as error:
            return _cause(error)
        finally:
            stream.flush()
            os.fsync(stream.fileno())
    return None
