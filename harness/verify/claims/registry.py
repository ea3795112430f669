"""reference/claims.yaml -> claims. Margins and thresholds stand in the registry, fixed before running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.project.errors import HarnessError, explain_validation, nearest
from harness.project.files import read_yaml
from harness.verify.claims.claim import Claim

CLAIMS = "claims.yaml"
"""Name of the registry in reference/."""


def read_claims(path: Path) -> list[Claim]:
    """The registry, in its order.

    Raises HarnessError naming the claim and the key for anything that doesn't fit, and for an id used twice.
    """
    entries = [entry for entry in read_entries(path) if not is_question(entry)]
    claims = [_parse(entry, index, path) for index, entry in enumerate(entries, start=1)]
    ids = [claim.id for claim in claims]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        raise HarnessError(f"expected each id once in {path}, found {twice} twice", fix="rename one of them")
    return claims


def read_entries(path: Path) -> list[Any]:
    """The registry's entries as they stand there. Raises HarnessError where it is no list, or an empty one."""
    raw = read_yaml(path)
    if not isinstance(raw, list) or not raw:
        found = "an empty list" if raw == [] else type(raw).__name__
        fix = f"write claims into {path}, a list of mappings with the keys {', '.join(Claim.model_fields)}"
        raise HarnessError(f"expected a list of claims in {path}, found {found}", fix=fix)
    return raw


def is_question(entry: Any) -> bool:
    """Is the entry a question (harness.verify.claims.question), which is never counted among the claims?"""
    return isinstance(entry, dict) and "question" in entry


def find_claim(name: str, claims: list[Claim]) -> Claim:
    """The one of `claims` whose `id` is `name`; their text doesn't count, nor does their order.

    Raises HarnessError with the nearest id and the list of them for any other name.
    """
    for claim in claims:
        if claim.id == name:
            return claim
    known = [claim.id for claim in claims]
    raise HarnessError(
        f"expected the id of a claim, found `{name}`; {nearest(name, known)}",
        fix="see `harness claims` for all of them",
    )


def _parse(entry: Any, index: int, path: Path) -> Claim:
    name = entry.get("id", f"number {index}") if isinstance(entry, dict) else f"number {index}"
    try:
        return Claim.model_validate(entry)
    except ValidationError as error:
        where = f"claim {name} of {path}"
        raise HarnessError(explain_validation(error, Claim, where), fix=f"edit {path}") from None
