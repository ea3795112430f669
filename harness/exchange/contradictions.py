"""What an archive says of itself, held against what is found in it: its verdicts, its report, its provenance.

Nothing of it is believed; but a reader who opens only `report.txt` reads it, so that another word there is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args

from harness.audit.integrity.inputs import image_of
from harness.audit.verification import Verification
from harness.exchange.layout import METADATA, PREVIEW, RECORD, REPORT, VERDICTS, CrateRecord
from harness.exchange.preview import preview_contradictions
from harness.project.errors import name_some
from harness.project.files import parse_json
from harness.project.provenance import commits_of, distinct, machines_of
from harness.project.results import Result
from harness.verify.show.table import show_interval, show_points
from harness.verify.statistics.intervals import Verdict
from harness.verify.verdicts.verdict import ClaimVerdict, Replication

WORD = re.compile(rf"^\s*({'|'.join(get_args(Verdict))})\s+(\S+)\s(.*)$")
"""A line of the printed table: verdict, claim, and the rest; set in, it may be read as one too."""
NEEDED = ("expected", "measured", "interval", "n_seeds")
COMPARED = (*NEEDED, "text", "margin", "without_retrieval", "direction", "evidence_level", "replication")
"""Fields of a verdict in verdicts.json that are compared besides the word itself; all archives have the first ones."""
WHOLE = ("encoder", "data", "evidence", "answer")
"""Fields of all of verdicts.json that are compared, where the archive has them."""
FACT_WORDS = {"REPRODUCED": "CONFIRMED", "NOT_REPRODUCED": "REFUTED"}
"""What older archives call a fact of the data that is as claimed, or isn't -> its word now."""
ANSWER = re.compile(r".*\bmeasured claims decided\b")
"""How a report that judges all claims opens; older ones lack it."""
OWN = (
    "README.txt",
    "params.yaml",
    "dvc.yaml",
    "dvc.lock",
    "grid.json",
    "pyproject.toml",
    "Dockerfile",
    METADATA,
    PREVIEW,
    RECORD,
    VERDICTS,
)
FOLDERS = ("profiles", "tasks", "reference", "requirements", "results", "data")
"""What lies at the top of an archive, its report besides."""


def contradictions(record: CrateRecord, root: Path, found: Verification, results: Mapping[str, Result]) -> list[str]:
    """Sentences on what the archive says otherwise than `found`. Raises ValueError, LookupError or TypeError where its
    verdicts are of another shape.
    """
    said = [*_verdicts(root, found), *_report(root, found), *preview_contradictions(root, found)]
    return [*said, *_provenance(record, results), *_more(root)]


def _more(root: Path) -> Iterator[str]:
    """A file that an author put beside what `harness export` writes is read as if it were part of that."""
    more = sorted(path.name for path in root.iterdir() if path.name not in (*OWN, *FOLDERS, REPORT))
    if more:
        yield f"it holds what `harness export` doesn't write: {name_some(more)}"


def _verdicts(root: Path, found: Verification) -> Iterator[str]:
    content = parse_json((root / VERDICTS).read_bytes(), VERDICTS)
    said = {claim["id"]: claim for claim in content["claims"]}
    if len(said) < len(content["claims"]):
        yield f"{VERDICTS} in it has several verdicts on one claim"
    here = found.model_dump(mode="json", include=set(WHOLE))
    whole = [name for name in WHOLE if name in content and not same(content[name], here[name])]
    if whole:
        yield f"{VERDICTS} in it says otherwise than this judging: {', '.join(whole)}"
    other = [claim.id for claim in found.claims if _word(said.get(claim.id, {}).get("verdict"), claim) != claim.verdict]
    if other:
        yield f"{VERDICTS} in it has another verdict on {name_some(other)} than this judging"
    numbers = [claim.id for claim in found.claims if claim.id not in other and _differs(said[claim.id], claim)]
    if numbers:
        yield f"{VERDICTS} in it has other numbers on {name_some(numbers)} than this judging"
    more = [name for name in said if name not in {claim.id for claim in found.claims}]
    if more:
        yield f"{VERDICTS} in it speaks of claims that its registry lacks: {name_some(more)}"
    if content.get("exit_code") != found.exit_code and not other:
        yield f"{VERDICTS} in it says exit code {content.get('exit_code')}, this judging {found.exit_code}"


def _word(said: Any, claim: ClaimVerdict) -> Any:
    """The word that an archive has for a claim, as it is called now."""
    return FACT_WORDS.get(said, said) if claim.is_fact else said


def _differs(said: Mapping[str, Any], claim: ClaimVerdict) -> bool:
    here = claim.model_dump(mode="json")
    lacking = any(name not in said for name in NEEDED)
    return lacking or any(name in said and not same(said[name], here[name]) for name in COMPARED)


def same(one: Any, two: Any) -> bool:
    """Equal, numbers to the last digit but one: another platform may round the last."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[name], two[name]) for name in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return abs(one - two) <= 1e-9 * max(1.0, abs(one))
    return bool(one == two)


def _report(root: Path, found: Verification) -> Iterator[str]:
    """The words and numbers of the printed table. What stands around it is prose, and is not compared."""
    if not (root / REPORT).is_file():
        yield f"{REPORT} is left out"
        return
    lines = (root / REPORT).read_text(encoding="utf-8", errors="replace").splitlines()
    said: dict[str, list[re.Match[str]]] = {}
    for match in filter(None, map(WORD.match, lines)):
        said.setdefault(match[2], []).append(match)
    other = [
        claim.id
        for claim in found.claims
        if {_word(line[1], claim) for line in said.get(claim.id, [])} != {claim.verdict}
    ]
    if other:
        yield f"{REPORT} in it has another verdict on {name_some(other)} than this judging"
    if any(said != found.answer for said in _answers(lines)):
        yield f"{REPORT} in it opens with another answer than this judging"
    numbers = [
        claim.id
        for claim in found.claims
        if claim.id not in other and not all(_shows(line[3], claim) for line in said[claim.id])
    ]
    if numbers:
        yield f"{REPORT} in it has other numbers on {name_some(numbers)} than this judging"


def _answers(lines: list[str]) -> Iterator[str]:
    """What stands there as an answer, each up to the next empty line: a long one goes on in a second."""
    for place, line in enumerate(lines):
        if ANSWER.match(line):
            yield " ".join(" ".join(takewhile(str.strip, lines[place:])).split())


def _shows(rest: str, claim: ClaimVerdict) -> bool:
    """Does the rest of a line hold the claim's numbers, one behind the other, and no other word on its replication?"""
    if any(word in rest for word in get_args(Replication) if word != claim.replication):
        return False
    if not claim.interval:
        return True
    shown = (show_points(claim.measured, claim.is_share), show_interval(claim.interval, claim.is_share))
    wanted = (claim.expected or "-", *shown)
    return re.match(r"\s*" + r"\s+".join(map(re.escape, wanted)) + r"(\s|$)", rest) is not None


def _provenance(record: CrateRecord, results: Mapping[str, Result]) -> Iterator[str]:
    origins = [result.provenance for result in results.values()]
    follows = {
        "result_commits": commits_of(origins),
        "results_dirty": any(origin.get("git_dirty") for origin in origins),
        "machines": machines_of(origins),
        "packages": distinct(origin["packages"] for origin in origins if origin.get("packages")),
        "images": sorted({image for origin in origins if (image := image_of(origin))}),
    }
    other = [name for name, value in follows.items() if getattr(record, name) != value]
    if other and results:
        yield f"provenance.json in it has other {', '.join(other)} than its results"
