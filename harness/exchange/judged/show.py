"""What `harness verify` says of an archive of judged scores: the text of `harness judge`, then the archive's."""

from __future__ import annotations

import html
from typing import Any

from harness.audit.exit_codes import EXIT_INCONCLUSIVE, EXIT_INVALID, EXIT_REPRODUCED
from harness.audit.report_junit import Case
from harness.exchange.judged.layout import RECORD
from harness.exchange.judged.read import JudgedArchive
from harness.project.terminal import paragraph
from harness.verify.given.show import answer, render

LABEL = 10
"""Columns of a label, as in the text above."""


def exit_code(archive: JudgedArchive, needs_signer: bool, strict: bool) -> int:
    """3 where the archive says otherwise than its scores give, else that of `harness judge`.

    A 0 is a 2 without a known signer where one is asked for, and by `strict` where something was taken for granted.
    """
    found = archive.judged.found
    if archive.judged.contradicts:
        return EXIT_INVALID
    lacks = (needs_signer and archive.signature.signer is None) or (strict and found.is_doubtful)
    return EXIT_INCONCLUSIVE if lacks and found.exit_code == EXIT_REPRODUCED else found.exit_code


SHOWN = 8
"""Files that were read whose sha256 is shown; XTREME's folders have hundreds."""


def render_archive(archive: JudgedArchive, width: int) -> str:
    """The whole text. Where the archive contradicts itself, that comes first."""
    said = [line for one in archive.judged.contradicts for line in paragraph(one, width, f"{'INVALID':<{LABEL}}")]
    head = [*said, "", "What its scores.csv gives by its claims.yaml:", ""] if said else []
    lines = [line for label, text in _told(archive) for line in paragraph(text, width, f"{label:<{LABEL}}")]
    return "\n".join([*head, render(archive.judged.found, width), *lines]) + "\n"


def _told(archive: JudgedArchive) -> list[tuple[str, str]]:
    record = archive.judged.record
    files = [*record.sources, *([record.claims_file] if record.claims_file else [])]
    here = [f"{one.name} {one.sha256}{'' if one.path else ' (not in it)'}" for one in files]
    if (rest := len(here) - SHOWN) > 1:
        here = [*here[:SHOWN], f"{rest} further files: they stand in {RECORD}"]
    same = "the verdicts in it are those of this judging"
    return [
        ("archive", f"{archive.file}: {archive.files} files, each as its hash says; {archive.signature.words}"),
        ("sha256", f"{archive.sha256}: compare it with the one that was published"),
        *(("read", f"sha256 of {one}") for one in here),
        ("claims", f"sha256 of its claims.yaml, by which it is judged, {archive.claims_sha256}"),
        *(("note", note) for note in archive.judged.notes),
        *([] if archive.judged.contradicts else [("again", same)]),
    ]


def as_json(archive: JudgedArchive, code: int) -> dict[str, Any]:
    """All of it for machines."""
    return {
        "judged": "scores",
        "answer": answer(archive.judged.found),
        "archive": {
            "file": archive.file,
            "sha256": archive.sha256,
            "files": archive.files,
            "claims_sha256": archive.claims_sha256,
            "signature": archive.signature.words,
            "signed_by": archive.signature.signer,
            "contradicts": archive.judged.contradicts,
            "notes": archive.judged.notes,
        },
        "record": archive.judged.record.model_dump(mode="json"),
        "verdicts": archive.judged.found.model_dump(mode="json"),
        "exit_code": code,
    }


def cases(archive: JudgedArchive) -> list[Case]:
    """Test cases for JUnit XML: a claim each, and one for each thing that the archive says otherwise."""
    claims = [
        Case("claims", one.claim.id, one.verdict, one.sentence, "\n".join([one.claim.says, *one.reasons]))
        for one in archive.judged.found.claims
    ]
    return claims + [Case("levels", one, "INVALID", one, "") for one in archive.judged.contradicts]


def markdown(archive: JudgedArchive) -> str:
    """The text as Markdown; names are data."""
    word = "INVALID" if archive.judged.contradicts else html.escape(answer(archive.judged.found))
    return f"## {word}\n\n<pre>\n{html.escape(render_archive(archive, 100))}</pre>\n"
