"""What `harness verify` hands to people, programs and CI systems: text, JSON, JUnit XML, a summary in Markdown."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.project.errors import HarnessError, writing

if TYPE_CHECKING:
    from harness.audit.report_junit import Case
    from harness.audit.verification import Verification
    from harness.exchange.read import CrateRefused
    from harness.project.paths import Paths

GITHUB = "GITHUB_STEP_SUMMARY"
"""GitHub's variable: the file whose Markdown it shows on a job's page; what a step writes is added to it."""


@dataclass(frozen=True)
class Output:
    """What is printed and written of a verification."""

    as_json: bool = False
    """Print all of it as JSON instead of text."""
    strict: bool = False
    """Fail on what `--strict` fails on."""
    details: bool = False
    """Print the evidence."""
    hashes: bool = False
    """Print the sha256 of everything."""
    explain: bool = False
    """Print how the one claim's verdict follows from its cells."""
    junit: Path | None = None
    """Write JUnit XML here."""
    summary: Path | None = None
    """Write Markdown here."""

    def tell(self, found: Verification, paths: Paths | None = None) -> int:
        """Print and write it; the exit code. `paths`: of the project whose one claim is judged.

        Raises HarnessError for a file that can't be written.
        """
        from harness.audit.exit_codes import strictly

        found = strictly(found) if self.strict else found
        self._write(found)
        if self.as_json:
            print(found.model_dump_json(indent=1))
        else:
            self._say(found, paths)
        return found.exit_code

    def _say(self, found: Verification, paths: Paths | None) -> None:
        from harness.audit.report import STYLES, render
        from harness.project.terminal import say, shows_symbols, terminal_width

        width, symbols = terminal_width(), shows_symbols()
        if found.part is None or paths is None:
            text = render(found, width, details=self.details, hashes=self.hashes, symbols=symbols)
        else:
            from harness.audit.one_claim import render_single

            shown = {"details": self.details, "hashes": self.hashes, "symbols": symbols}
            text = render_single(found, paths, self.explain, width, **shown)
        say(text.removesuffix("\n"), STYLES)

    def tell_text(self, text: str, content: Any, title: str, cases: Sequence[Case], summary: str) -> None:
        """Print and write what is no Verification: `text` for people, `content` as JSON, `cases` as JUnit XML under
        `title`, `summary` as Markdown. Raises HarnessError for a file that can't be written.
        """
        import json

        if self.junit is not None:
            from harness.audit.report_junit import junit

            _write(self.junit, junit(title, cases))
        if self.summary is not None or os.environ.get(GITHUB):
            self._summarise(summary, os.environ.get(GITHUB))
        if self.as_json:
            print(json.dumps(content, indent=1, ensure_ascii=False))
            return
        from harness.audit.report import STYLES
        from harness.project.terminal import say

        say(text.removesuffix("\n"), STYLES)

    def _write(self, found: Verification) -> None:
        if self.junit is not None:
            from harness.audit.report_junit import cases, junit

            _write(self.junit, junit(f"harness verify, profile {found.profile}", cases(found)))
        added_to = os.environ.get(GITHUB)
        if self.summary is not None or added_to:
            from harness.audit.report_markdown import markdown

            self._summarise(markdown(found), added_to)

    def _summarise(self, text: str, added_to: str | None) -> None:
        if self.summary is not None:
            _write(self.summary, text)
        if added_to:
            with writing(Path(added_to)), Path(added_to).open("a", encoding="utf-8") as file:
                file.write(text)

    def refuse(self, refused: CrateRefused) -> int:
        """Say that an archive is not judged, since it was changed; the exit code of what is invalid."""
        import json

        from harness.audit.exit_codes import EXIT_INVALID

        if self.junit is not None:
            from harness.audit.report_junit import Case, junit

            cases = [Case("levels", "V0 integrity", "INVALID", problem, str(refused)) for problem in refused.problems]
            _write(self.junit, junit(f"harness verify, archive {refused.name}", cases))
        if self.summary is not None or os.environ.get(GITHUB):
            self._summarise(f"## INVALID: {refused.name}\n\n```\n{refused}\n```\n", os.environ.get(GITHUB))
        if self.as_json:
            found = {"judged": "crate", "file": refused.name, "problems": refused.problems, "exit_code": EXIT_INVALID}
            print(json.dumps(found, indent=1))
        else:
            print(f"harness: {refused}", file=sys.stderr)
        return EXIT_INVALID


def _write(path: Path, text: str) -> None:
    """Write a file that the user named. Raises HarnessError where it is a folder, or can't be written."""
    from harness.project.files import write_text

    if path.is_dir():
        raise HarnessError(f"expected a file to write, found the folder {path}", fix="name a file in it")
    write_text(path, text)
