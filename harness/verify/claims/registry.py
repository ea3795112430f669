"""reference/claims.yaml and lab_claims.yaml -> claims. Margins and thresholds stand there, fixed before running.

The first holds what was published. The second holds the laboratory's own claims, about effects that its profile plants,
so that the right verdict on each is known; they are judged where a grid has their recipes, and counted by themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.project.errors import HarnessError, explain_validation, nearest
from harness.project.files import read_yaml
from harness.verify.claims.claim import Claim

CLAIMS = "claims.yaml"
"""Name of the registry in reference/."""
LAB_CLAIMS = "lab_claims.yaml"
"""Name of the laboratory's own claims beside it."""


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


def read_lab_claims(reference: Path) -> list[Claim]:
    """The laboratory's own claims, in their order; none where there is no such file (an older archive, say).

    Raises HarnessError as `read_claims` does, and for one that doesn't say what was planted, or measures nothing.
    """
    path = reference / LAB_CLAIMS
    claims = read_claims(path) if path.is_file() else []
    for claim in claims:
        if claim.truth is None or claim.measured is None:
            lacks = "no `truth`" if claim.truth is None else f"the kind `{claim.check.kind}`, which measures nothing"
            raise HarnessError(
                f"expected a measured claim on planted effects with its `truth`, found {lacks} in claim {claim.id} of"
                f" {path}",
                fix=f"say there what was planted, or move the claim to {CLAIMS}",
            )
    return claims


def read_all_claims(reference: Path) -> list[Claim]:
    """The published claims, then the laboratory's own. Raises HarnessError as the parts do, and for an id in both."""
    published, own = read_claims(reference / CLAIMS), read_lab_claims(reference)
    known = next((claim.id for claim in published if claim.truth is not None), None)
    if known is not None:
        raise HarnessError(
            f"expected published claims in {reference / CLAIMS}, whose truth nobody knows, found `truth` in {known}",
            fix=f"move it to {LAB_CLAIMS}",
        )
    ids = {claim.id for claim in published}
    if both := [claim.id for claim in own if claim.id in ids]:
        raise HarnessError(
            f"expected each id once in {CLAIMS} and {LAB_CLAIMS}, found {both[0]} in both",
            fix=f"rename it in {LAB_CLAIMS}",
        )
    return [*published, *own]


def read_judged_claims(reference: Path, recipes: Collection[str], asked: str | None = None) -> list[Claim]:
    """The claims that a grid with these recipes is judged by: the published ones, and all of the laboratory's own where
    it has a recipe of one of them, or one of them is `asked` for by its id. Raises HarnessError as `read_all_claims`
    does.
    """
    claims, ran = read_all_claims(reference), set(recipes)
    planted = any(claim.id == asked or not ran.isdisjoint(named_recipes(claim)) for claim in claims if claim.truth)
    return [claim for claim in claims if planted or claim.truth is None]


def named_recipes(claim: Claim) -> list[str]:
    """The recipes that the claim's check measures; none for a fact."""
    return claim.measured.named_recipes if claim.measured else []


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
