"""The one module that talks to the hub: what a repository holds at a commit, and its files downloaded into the store.

huggingface_hub answers what lies there and with which token (HF_ENDPOINT and HF_TOKEN are honoured, none is asked for);
the bytes come through `harness.data.fetch.address` straight into the store, past the client's shared cache.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from harness.data.fetch.address import Refused, Remote, Unavailable, missing_bytes, obtain
from harness.data.fetch.store import Kind, need_space, read_manifest, repository_folder, state
from harness.project.errors import HarnessError
from harness.project.pins import Sha256
from harness.project.records import StrictRecord

PUBLIC_HUB = "https://huggingface.co"
TOKEN_FIX = "ask for access on the repository's page, then run the same command with HF_TOKEN set to your token"
TIMEOUT_S = 60


class RemoteFile(StrictRecord):
    """What the hub states of one file of a repository at a commit."""

    path: str
    """Inside the repository."""
    bytes: int = Field(ge=0)
    """Its size."""
    sha256: Sha256 | None
    """Of its bytes; null for small files outside LFS, of which the hub states only git's id."""
    git_blob: str
    """Git's id: of the bytes, or, in LFS, of the pointer to them."""


def endpoint() -> str:
    """The hub's address: HF_ENDPOINT, else the public hub."""
    return (os.environ.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")


def resolve(repository: str, revision: str, kind: Kind) -> str:
    """The commit that the hub knows by `revision`, which must be that commit itself.

    HarnessError for a branch, a tag or a short hash; `Unavailable` where the hub, the repository or the commit isn't.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise HarnessError(
            f"expected a full commit (40 hex digits) of {repository}, found {revision!r}: a branch or tag can move",
            fix="take the commit from the repository's history on the hub, and name it in the pin",
        )
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_backoff

    with _explained(repository, revision):
        response = http_backoff(
            "GET",
            f"{endpoint()}/api/{kind}s/{repository}/revision/{revision}",
            headers=build_hf_headers(),
            timeout=TIMEOUT_S,
        )
        hf_raise_for_status(response)
        commit = response.json().get("sha")
    if commit != revision:
        raise HarnessError(
            f"expected commit {revision} of {repository}, found that {endpoint()} takes it for {commit}",
            fix="name the commit itself in the pin",
        )
    return revision


def list_files(repository: str, revision: str, kind: Kind) -> list[RemoteFile]:
    """Every file of a repository at a commit; errors as `resolve`."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    resolve(repository, revision, kind)
    with _explained(repository, revision):
        tree = HfApi(endpoint=endpoint()).list_repo_tree(repository, recursive=True, revision=revision, repo_type=kind)
        return [
            RemoteFile(
                path=file.path,
                bytes=file.size,
                sha256=file.lfs.sha256 if file.lfs else None,
                git_blob=file.blob_id,
            )
            for file in tree
            if isinstance(file, RepoFile)
        ]


def download(repository: str, revision: str, kind: Kind, files: Mapping[str, str | None], store: Path) -> int:
    """Bring files (path -> pinned sha256, or None) of a commit into the store; returns the bytes transferred.

    What is sound already is left alone, and with all sound nothing is asked of the hub. `Unavailable` where the hub
    does not give a file; HarnessError where its bytes are not the pinned or the recorded ones, or the disk is full.
    """
    folder = repository_folder(store, kind, repository, revision)
    lacking = {path: sha256 for path, sha256 in files.items() if state(folder, path, sha256).word != "ok"}
    if not lacking:
        return 0
    listed = {file.path: file for file in list_files(repository, revision, kind)}
    if absent := sorted(lacking.keys() - listed.keys()):
        raise Unavailable(
            f"expected {', '.join(absent)} in {repository} at {revision}, found no such file",
            fix="correct the path in the pin",
        )
    wanted = {
        path: _remote(repository, revision, kind, listed[path], sha256, folder) for path, sha256 in lacking.items()
    }
    need_space(store, sum(missing_bytes(remote, folder, path) for path, remote in wanted.items()))
    return sum(_obtain(repository, revision, folder, path, remote) for path, remote in wanted.items())


def _remote(repository: str, revision: str, kind: Kind, file: RemoteFile, pinned: str | None, folder: Path) -> Remote:
    """What to fetch; HarnessError where pin, manifest and hub don't state the same sha256."""
    from huggingface_hub import hf_hub_url

    entry = read_manifest(folder).get(file.path)
    stated = {"its pin": pinned, "as fetched before": entry.sha256 if entry else None, "the hub now": file.sha256}
    known = [(by, sha256) for by, sha256 in stated.items() if sha256 is not None]
    for by, sha256 in known[1:]:
        if sha256 != known[0][1]:
            raise HarnessError(
                f"expected sha256 {known[0][1]} ({known[0][0]}), found {sha256} ({by}) for {file.path} of "
                f"{repository}: other bytes under the same revision {revision}",
                fix="find out at the source which bytes are right; then correct the pin, or remove "
                f"{folder} and the .json beside it, and run `harness data fetch`",
            )
    return Remote(
        label=f"{repository}/{file.path}",
        address=hf_hub_url(repository, file.path, repo_type=kind, revision=revision, endpoint=endpoint()),
        bytes=file.bytes,
        sha256=known[0][1] if known else None,
        git_blob=file.git_blob,
        stated_by=known[0][0] if known else "the hub",
        etag=file.sha256 or file.git_blob,
    )


def _obtain(repository: str, revision: str, folder: Path, path: str, remote: Remote) -> int:
    from huggingface_hub.utils import build_hf_headers

    try:
        return obtain(remote, folder, path, build_hf_headers())
    except Refused as error:
        if error.status in (401, 403):
            raise _no_access(repository) from None
        raise


@contextmanager
def _explained(repository: str, revision: str) -> Iterator[None]:
    """The client's errors as ours."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise _no_access(repository) from None
    except errors.RepositoryNotFoundError:
        raise Unavailable(
            f"expected the repository {repository} at {endpoint()}, found none (or it is private)",
            fix=f"correct its name in the pin; for a private one, {TOKEN_FIX}",
        ) from None
    except errors.RevisionNotFoundError:
        raise Unavailable(
            f"expected commit {revision} of {repository}, found that {endpoint()} has none",
            fix="correct the revision in the pin: the full commit, as the repository's history on the hub shows it",
        ) from None
    except errors.OfflineModeIsEnabled:
        raise Unavailable(
            f"expected to reach {endpoint()}, found that HF_HUB_OFFLINE forbids it",
            fix="run the same command with HF_HUB_OFFLINE unset",
        ) from None
    except (errors.HfHubHTTPError, httpx2.TransportError, ValueError, LookupError, AttributeError) as error:
        # The last three: what answers is no hub (a login page, say).
        problem = f"{type(error).__name__}: {error}".splitlines()[0]
        raise Unavailable(
            f"expected an answer about {repository} from {endpoint()}, found {problem}",
            fix="see that this machine reaches the hub (proxy, firewall, HF_ENDPOINT), then run the same command again",
        ) from None


def _no_access(repository: str) -> Unavailable:
    token = (
        "the token in HF_TOKEN has no access" if os.environ.get("HF_TOKEN") else "it is gated, and HF_TOKEN is not set"
    )
    return Unavailable(f"expected access to {repository} at {endpoint()}, found none: {token}", fix=TOKEN_FIX)
