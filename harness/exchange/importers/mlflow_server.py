"""A server of MLflow, asked over its REST API (version 2.0) without MLflow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from harness.exchange.importers.mlflow_run import Run
from harness.exchange.importers.reading import as_object
from harness.project.errors import HarnessError
from harness.project.files import parse_json
from harness.project.records import LARGEST_JSON

TIMEOUT_S = 30
PAGE = 1000
"""Runs or experiments an answer; the most that a server gives."""
MOST_PAGES = 100
DEFAULT = "0"
"""The id of the experiment that every server has."""
FIX = "start the server and name its address as the browser shows it, or name its database file"


def is_address(source: object) -> bool:
    """Whether the source is the address of a server."""
    return str(source).startswith(("http://", "https://"))


def experiment_in(address: str) -> str | None:
    """The experiment's id in an address that was copied from the browser; None where it names none."""
    found = re.search(r"/experiments/(\d+)", address)
    return found[1] if found else None


def server_experiments(address: str) -> dict[str, str]:
    """Id -> name of the active experiments, without the one that every server has where it holds no run."""
    found = {str(each["experiment_id"]): str(each["name"]) for each in _pages(address, "experiments", {})}
    if len(found) > 1 and DEFAULT in found and not server_runs(address, DEFAULT):
        del found[DEFAULT]
    return found


def server_runs(address: str, experiment: str) -> list[Run]:
    """The runs of an experiment, by its id, in the order in which they began; deleted ones are left out."""
    found = _pages(address, "runs", {"experiment_ids": [experiment], "order_by": ["attributes.start_time ASC"]})
    return [_run(each["info"], each.get("data") or {}) for each in found]


def _run(info: Mapping[str, Any], data: Mapping[str, Any]) -> Run:
    return Run(
        id=str(info["run_id"]),
        name=str(info.get("run_name") or info["run_id"]),
        status=str(info.get("status")),
        params={str(each["key"]): str(each["value"]) for each in data.get("params") or []},
        metrics={str(each["key"]): float(each.get("value", 0)) for each in data.get("metrics") or []},
        tags={str(each["key"]): str(each["value"]) for each in data.get("tags") or []},
    )


def _pages(address: str, what: str, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    token = None
    for _ in range(MOST_PAGES):
        answer = _ask(address, what, {**body, "max_results": PAGE} | ({"page_token": token} if token else {}))
        yield from answer.get(what) or []
        token = answer.get("next_page_token")
        if not token:
            return
    raise HarnessError(f"expected at most {MOST_PAGES * PAGE} {what} at {address}, found more", fix=FIX)


def _ask(address: str, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The server's answer to a search."""
    parts = urlsplit(address)
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/2.0/mlflow/{what}/search"
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=TIMEOUT_S) as reply:
            content = reply.read(LARGEST_JSON + 1)
    except HTTPError as error:
        raise _silent(address, f"status {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise _silent(address, str(getattr(error, "reason", error))) from None
    if len(content) > LARGEST_JSON:
        raise _silent(address, f"an answer of more than {LARGEST_JSON >> 20} MiB")
    return as_object(parse_json(content, url, FIX), url)


def _silent(address: str, found: str) -> HarnessError:
    return HarnessError(f"expected a server of MLflow at {address}, found: {found}", fix=FIX)
