"""The verdicts as a run in MLflow: a metric, a param and a tag for each claim, and the pages as artifacts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from harness.audit.report import render
from harness.audit.verification import Verification
from harness.exchange.summary import count_words
from harness.exchange.tracking.entry import Entry, Value
from harness.exchange.tracking.names import NOTE_TAG, STATUS_TAG, metric_name, numbered
from harness.project.paths import Paths
from harness.verify.show.table import show_interval, show_points
from harness.verify.verdicts.verdict import ClaimVerdict

VERDICTS = "verdicts"


def report_files(paths: Paths) -> list[tuple[str, Path]]:
    """Pages about the results that go among the artifacts of the verdicts, as name and file: those that were made."""
    report = paths.build / "report.html"
    return [(report.name, report)] if report.is_file() else []


def verdicts_entry(found: Verification, paths: Paths, ended_ms: int, draw: Callable[[Path], None] | None) -> Entry:
    """What is concluded of every claim; `ended_ms`: when the last cell ended; `draw`: draws pictures into a folder."""
    names = numbered([claim.id for claim in found.claims])
    content, pages = found.model_dump_json(indent=1), report_files(paths)
    parts = [content.encode(), *(path.read_bytes() for _, path in pages)]
    counts = count_words([claim.verdict for claim in found.claims])
    return Entry(
        kind="verdicts",
        name=VERDICTS,
        title=VERDICTS,
        sha256=hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest(),
        ended_ms=ended_ms,
        status="FAILED" if found.v0.problems else "FINISHED",
        tags={
            **{f"verdict.{metric_name(claim.id)}": claim.verdict for claim in found.claims},
            STATUS_TAG: "INVALID" if found.v0.problems else "ok",
            "harness.answer": found.answer,
            "mlflow.source.name": "harness verify",
            "mlflow.source.type": "LOCAL",
            NOTE_TAG: note(found),
        },
        params={
            "judged": found.judged,
            "exit_code": str(found.exit_code),
            **{f"claim.{names[claim.id]}": _in_words(claim) for claim in found.claims},
        },
        values=[
            *(Value(f"verdicts/{word}", count) for word, count in counts.items()),
            *filter(None, (_measured_value(claim, names[claim.id]) for claim in found.claims)),
        ],
        files=pages,
        texts={"verdicts.json": content, "verdicts.txt": render(found)},
        draw=draw,
    )


def _measured_value(claim: ClaimVerdict, name: str) -> Value | None:
    """What was measured: points, or of a claim on shares, a part of 1."""
    unit = "share" if claim.is_share else "points"
    return None if claim.measured is None else Value(f"verdict_measured_{unit}/{name}", claim.measured)


def _in_words(claim: ClaimVerdict) -> str:
    parts = [claim.verdict, *([f"expected {claim.expected}"] if claim.expected else [])]
    if claim.found is not None:
        parts.append(f"found {claim.found}")
    return ", ".join([*parts, *_measured(claim), *([claim.note] if claim.note else [])])


def _measured(claim: ClaimVerdict) -> list[str]:
    if claim.measured is None:
        return []
    interval = f" {show_interval(claim.interval, claim.is_share)}" if claim.interval else ""
    return [f"measured {show_points(claim.measured, claim.is_share)}{interval}"]


def _shown(claim: ClaimVerdict) -> str:
    return f"{show_points(claim.measured, claim.is_share)} {show_interval(claim.interval, claim.is_share)}"


def note(found: Verification) -> str:
    """The answer, and a table of the claims that were measured, in Markdown; descriptions of run and experiment."""
    rows = [
        f"| {claim.verdict} | `{claim.id}` | {claim.expected or '-'} | {_shown(claim)} |"
        for claim in found.claims
        if not claim.is_unmeasured
    ]
    table = ["| verdict | claim | expected | measured |", "|---|---|---|---|", *rows]
    head = [f"**{found.answer}**", "", f"{found.encoder}; {found.data}. {found.grid.in_words}."]
    return "\n".join([*head, "", *table])
