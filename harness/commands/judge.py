"""`harness judge`: claims on scores that another program made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.judge_output import check_outputs, typed, write_archive, write_page
from harness.project.errors import HarnessError

if TYPE_CHECKING:
    from harness.verify.given.claim import GivenClaim
    from harness.verify.given.claims_file import ClaimsFile
    from harness.verify.given.table import Table, Unit
    from harness.verify.given.verdict import GivenVerdicts
    from harness.verify.statistics.design import Design


def judge(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="A file of scores, or another program's results; several as NAME=SOURCE or NAME:SEED=SOURCE.",
            metavar="SCORES...",
        ),
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="WORDS", help='What is claimed, as "+3.5 +- 0.5" (can be repeated).'),
    ] = None,
    claims: Annotated[Path | None, typer.Option(metavar="FILE", help="A file of claims (--init writes one).")] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME", help="The method that the others are compared with.")
    ] = None,
    method: Annotated[str | None, typer.Option(metavar="NAME", help="The method that the claim is about.")] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", metavar="NAME", help="Only this task (can be repeated).")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option("--language", metavar="NAME", help="Only this language (can be repeated).")
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="The split that is judged.")] = None,
    metric: Annotated[str | None, typer.Option(metavar="NAME", help="The metric that is judged.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="ROLE=NAME", help="Which column is the method, seed, score, task, item, ..."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="`points` (0 to 100) or `fraction` (0 to 1), where unclear.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="XTREME: the folder of the right answers.")
    ] = None,
    experiment: Annotated[str | None, typer.Option(metavar="NAME", help="MLflow: the experiment.")] = None,
    runs: Annotated[int | None, typer.Option(min=1, help="Runs that the claimed number is the mean of.")] = None,
    looks: Annotated[
        str | None, typer.Option(metavar="N,...", help="After how many seeds you look: 5, or 3,5,8. [3,4,5,6,7,8]")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Print how each verdict follows, step by step.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML page of it, which opens offline.")
    ] = None,
    archive: Annotated[
        Path | None, typer.Option(metavar="FILE.zip", help="Write an archive of it, which `harness verify` checks.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Also fail where something was taken for granted or asks for an explanation."),
    ] = False,
    init: Annotated[bool, typer.Option("--init", help="Write an example of a claims file, claims.yaml.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a claims file.")] = False,
) -> int:
    """Judge claims from scores that any program made.

    SCORES is CSV, TSV, JSON lines, JSON or Parquet. Long: a score a row, with columns such as method, seed, task,
    language, score. Wide: a method a column, and a row per seed. Columns are found by their names, or named with
    --column; scores may be points or fractions.

    Or SCORES is what another program wrote: a folder of XTREME predictions (with --labels), results of
    lm-evaluation-harness, logs of inspect_ai, a Trainer's output folder, MLflow's database or server, jiant's metrics.
    Of several sources each says whose it is: NAME=SOURCE, or NAME:SEED=SOURCE.

    A claim is put in a few words: "+3.5 +- 0.5" (a gain over the baseline, and what still counts as the same),
    ">= +1", "no gain above 0.5", "A > B", "8 of 9 above 1" (methods, or tasks of one method). A name and a colon before
    it says which method it is about.

    The first line is the answer. Scores are paired by seed where both have the same seeds, compared by Welch's t where
    not. Looking again after each further seed is allowed for, up to eight: --looks says what you planned instead.
    Exit code: 0 all claims REPRODUCED, 1 one NOT_REPRODUCED, 2 one undecided (or a mistake in the input). --strict
    makes 2 of a 0 where split or seeds are unknown, and where there is a doubt. --html writes all of it as one page;
    --archive keeps it with scores and claims in one file, which `harness verify FILE.zip` judges again: publish the
    sha256 that it prints.
    """
    if schema:
        return _print_schema()
    if init:
        return _write_example()
    from harness.verify.given.frames import judge_by_file
    from harness.verify.given.written import claims_as_file

    read = _claims_file(claims)
    if read is not None and (claim or method or runs or looks):
        raise HarnessError(
            "expected claims in a file or on the command line, found both", fix="leave --claims out, or the others"
        )
    if read is not None and baseline and read.baseline not in (None, baseline):
        raise HarnessError(
            f"expected one baseline, found `{read.baseline}` in {claims} and --baseline {baseline}", fix="leave one out"
        )
    _check_choices(claims, read, split=split, metric=metric, tasks=task, languages=language)
    asked = _claims(claim, read, method, runs)
    metric = metric or (read.metric if read else None)
    split = split or (read.split if read else None)
    table = _read(sources or [], _columns(column), _unit(unit), metric, labels, experiment, task, split)
    check_outputs([html, archive], [*table.files, *filter(None, [claims])])
    options = claims_as_file(
        asked,
        baseline=baseline or (read.baseline if read else None),
        split=split,
        metric=metric,
        tasks=task or (read.tasks if read else ()),
        languages=language or (read.languages if read else ()),
        design=read.design() if read else _design(looks),
    )
    found = judge_by_file(table, options)
    command = typed(
        sources or [], claim=claim, claims=claims, baseline=baseline, method=method, task=task, language=language,
        split=split, metric=metric, column=column, unit=unit, labels=labels, experiment=experiment, runs=runs,
        looks=looks,
    )  # fmt: skip
    written = [write_page(found, html, command, claims)] if html else []
    if archive:
        from harness.exchange.importers.sources import tables_of
        from harness.exchange.judged.write import Judgement

        tables = tables_of(sources or [])
        judged = Judgement(table, options, found, command, tables, claims, _columns(column), _unit(unit))
        written.append(write_archive(judged, archive))
    return _tell(found, explain, json_, strict, written)


def _check_choices(path: Path | None, read: ClaimsFile | None, **said: list[str] | str | None) -> None:
    """HarnessError where the command line chooses something else than the file of claims, which was fixed before."""
    for what, here in said.items():
        there = getattr(read, what, None)
        if here and there and here != there:
            raise HarnessError(
                f"expected {what} as {path} says ({there if isinstance(there, str) else ', '.join(there)}), found"
                f" {here if isinstance(here, str) else ', '.join(here)} on the command line",
                fix="leave one out",
            )


def _print_schema() -> int:
    import json

    from harness.verify.given.claims_file import ClaimsFile

    print(json.dumps(ClaimsFile.model_json_schema(), indent=1))
    return 0


def _write_example() -> int:
    from harness.project.files import write_text
    from harness.verify.given.claims_file import EXAMPLE

    path = Path("claims.yaml")
    if path.exists():
        raise HarnessError(f"expected no {path} here, found one", fix="rename it, or edit it as it is")
    write_text(path, EXAMPLE)
    print(f"{path} is an example: edit it, then `harness judge scores.csv --claims {path}`")
    return 0


def _claims_file(path: Path | None) -> ClaimsFile | None:
    if path is None:
        return None
    from harness.verify.given.claims_file import read_claims_file

    return read_claims_file(path)


def _claims(words: list[str] | None, read: ClaimsFile | None, method: str | None, runs: int | None) -> list[GivenClaim]:
    from harness.verify.given.claim import claim_in_words

    if read is not None:
        return [entry.read() for entry in read.claims]
    if not words:
        raise HarnessError(
            "expected a claim to judge, found none",
            fix='say one, as in --claim "+3.5 +- 0.5", or name a file: --claims',
        )
    return [claim_in_words(said, number, method, runs) for number, said in enumerate(words, 1)]


def _columns(said: list[str] | None) -> dict[str, str]:
    found = dict(one.partition("=")[::2] for one in said or [])
    if said and len(found) < len(said):
        raise HarnessError(f"expected one --column for each role, found {' '.join(said)}", fix="leave one out")
    if bad := next((one for one in said or [] if not one.partition("=")[2]), None):
        raise HarnessError(f"expected --column ROLE=NAME, found `{bad}`", fix="put it as in --column score=accuracy")
    return found


def _unit(said: str | None) -> Unit | None:
    known: dict[str | None, Unit | None] = {None: None, "points": "points", "fraction": "fraction"}
    if said in known:
        return known[said]
    raise HarnessError(f"expected the unit `points` or `fraction`, found `{said}`", fix="use one of them")


def _design(looks: str | None) -> Design:
    from harness.verify.given.claims_file import design_of
    from harness.verify.statistics.design import STANDARD

    if looks is None:
        return STANDARD
    try:
        return design_of([int(look) for look in looks.replace("_", "?").split(",")])
    except ValueError:
        raise HarnessError(
            f"expected ascending numbers of seeds from 2 to 200, found --looks `{looks:.40}`",
            fix="put them as in --looks 3,5,8",
        ) from None


def _read(
    sources: list[str],
    columns: dict[str, str],
    unit: Unit | None,
    metric: str | None,
    labels: Path | None,
    experiment: str | None,
    task: list[str] | None,
    split: str | None,
) -> Table:
    from harness.exchange.importers.importer import Options
    from harness.exchange.importers.sources import read_sources

    if not sources:
        raise HarnessError(
            "expected a file of scores, found none", fix="name one: `harness judge scores.csv --claim ...`"
        )
    named = task[0] if task and len(task) == 1 else None
    options = Options(metric=metric, labels=labels, experiment=experiment, task=named, split=split)
    return read_sources(sources, columns, unit, options)


def _tell(found: GivenVerdicts, explain: bool, as_json: bool, strict: bool, written: list[str]) -> int:
    if as_json:
        print(found.model_dump_json(indent=1))
    else:
        from harness.audit.report import STYLES
        from harness.project.terminal import say, terminal_width
        from harness.verify.given.show import render

        say(render(found, terminal_width(), explain=explain).removesuffix("\n"), STYLES)
    for said in written:
        typer.echo(said, err=as_json)
    return 2 if strict and found.exit_code == 0 and found.is_doubtful else found.exit_code
