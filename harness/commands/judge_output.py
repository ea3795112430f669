"""What `harness judge` writes besides its text: a page and an archive, which `harness verify` judges again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.project.errors import HarnessError

if TYPE_CHECKING:
    from harness.commands.verdicts import Output
    from harness.exchange.judged.layout import JudgedRecord
    from harness.exchange.judged.write import Judgement
    from harness.verify.given.verdict import GivenVerdicts


def typed(sources: Sequence[str], **options: Sequence[str] | str | Path | int | None) -> str:
    """The command line that judges the same again: `harness judge` with its sources and the options that were given.

    A list is an option that is repeated; None and an empty list were not given.
    """
    words = ["harness", "judge", *sources]
    for name, given in options.items():
        each = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
        for value in each:
            words += [f"--{name}", str(value)]
    return shlex.join(words)


def check_outputs(outputs: Sequence[Path | None], inputs: Sequence[Path]) -> None:
    """HarnessError where a file that is written would take the place of one that is read, or of another one."""
    read = {each.resolve() for each in inputs}
    written: set[Path] = set()
    for out in filter(None, outputs):
        place = out.resolve()
        if place in read or place in written:
            found = "the name of a file that is read" if place in read else "one name for both"
            raise HarnessError(f"expected a file of its own to write, found {out}, {found}", fix="name another file")
        written.add(place)


def write_page(found: GivenVerdicts, out: Path, command: str, claims: Path | None) -> str:
    """Write the HTML page; returns a sentence. `claims`: the file of claims, where there is one.

    Raises HarnessError where the page can't be written.
    """
    from harness.pages.judged.render import write_judged
    from harness.project.files import sha256_file

    if out.is_dir():
        raise HarnessError(f"expected a file to write, found the folder {out}", fix="name a file in it")
    size = write_judged(found, out, [command], {claims.name: sha256_file(claims)} if claims else {})
    return f"written: {out}, {size / 1e6:.1f} MB; open it in a browser"


def write_archive(judged: Judgement, out: Path) -> str:
    """Write the archive; returns sentences. Raises HarnessError as harness.exchange.judged.write.write_judged does."""
    from harness.exchange.judged.write import write_judged
    from harness.project.files import sha256_file

    if out.is_dir():
        raise HarnessError(f"expected a file to write, found the folder {out}", fix="name a file in it")
    claims = judged.claims_file
    files = {claims.name: sha256_file(claims)} if claims else {}
    return write_judged(judged, out, lambda found: _page(found, judged.command, files))


def _page_of(found: GivenVerdicts, record: JudgedRecord) -> str:
    """The page as an archive with this record has it."""
    claims = record.claims_file
    return _page(found, record.command, {claims.name: claims.sha256} if claims else {})


def _page(found: GivenVerdicts, command: str, files: Mapping[str, str]) -> str:
    from harness.pages.judged.render import render_judged

    again = "harness verify FILE.zip    # this page's archive: its sha256 is the one to compare"
    return render_judged(found, [command, again], files)


def tell_archive(path: Path, output: Output, signers: Path | None) -> int:
    """Judge an archive of `harness judge` again, print and write it; the exit code, 3 where it contradicts itself.

    Raises CrateRefused where it was changed.
    """
    from harness.exchange.judged.read import read_judged
    from harness.exchange.judged.show import as_json, cases, exit_code, markdown, render_archive
    from harness.project.terminal import terminal_width

    archive = read_judged(path, signers, _page_of)
    code = exit_code(archive, signers is not None, output.strict)
    output.tell_text(
        render_archive(archive, terminal_width()),
        as_json(archive, code),
        f"harness verify, archive {archive.file}",
        cases(archive),
        markdown(archive),
    )
    return code
