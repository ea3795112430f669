"""`harness claims`: the registry of claims, and one of its claims in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands import ProfileName, open_project
from harness.project.errors import HarnessError

if TYPE_CHECKING:
    from harness.verify.claims.claim import Claim
    from harness.verify.claims.question import Question
    from harness.verify.published.arithmetic import Followed
    from harness.verify.published.rows import PublishedRow

app = typer.Typer(
    help="""The registry of claims: what was published (reference/claims.yaml), what the laboratory says of effects that
    it plants (reference/lab_claims.yaml), and what decides each.

    Without a further word it lists every claim; `harness claims show ID` explains one, `harness claims arithmetic`
    checks whether published numbers follow from each other.""",
)


@app.callback(invoke_without_command=True)
def claims(context: typer.Context) -> None:
    """List the registry: every claim with its kind, what it expects, its status in the table, its words."""
    if context.invoked_subcommand is not None:
        return
    from harness.project.terminal import Column, table_lines, terminal_width

    everything, questions = _registry()
    registry = [claim for claim in everything if claim.truth is None]
    columns = [
        Column("claim", [claim.id for claim in registry], -1),
        Column("kind", [claim.check.kind for claim in registry], 1),
        Column("expects", [claim.expects() or "-" for claim in registry], wraps=True),
        Column("verified", ["yes" if claim.verified else "no" for claim in registry], 2),
        Column("confidence", [f"{claim.confidence:.2f}" for claim in registry], 3),
        Column("words", [claim.text for claim in registry], wraps=True),
    ]
    typer.echo("\n".join(table_lines(columns, terminal_width())))
    typer.echo(f"\n{len(registry)} claims, {sum(claim.verified for claim in registry)} of them verified in the table")
    for question in questions:
        typer.echo(f"beside them the question {question.id}, answered by `{question.answered_by}`: {question.question}")
    _list_own([claim for claim in everything if claim.truth is not None])
    typer.echo("`harness claims show ID` explains one; `harness verify ID` judges it")


def _list_own(own: list[Claim]) -> None:
    """The laboratory's own claims, each with what was planted and the verdict that is right; nothing without any."""
    if not own:
        return
    from harness.project.terminal import Column, table_lines, terminal_width

    truths = [claim.truth for claim in own if claim.truth]
    columns = [
        Column("claim", [claim.id for claim in own], -1),
        Column("kind", [claim.check.kind for claim in own], 1),
        Column("expects", [claim.expects() or "-" for claim in own], wraps=True),
        Column("planted", [truth.planted for truth in truths], wraps=True),
        Column("right verdict", [truth.verdict for truth in truths], -1),
    ]
    typer.echo(f"\n{len(own)} claims of the laboratory's own, about effects that are planted there")
    typer.echo("\n".join(table_lines(columns, terminal_width())))


@app.command()
def show(name: Annotated[str, typer.Argument(help="Id of a claim, see `harness claims`.", metavar="ID")]) -> None:
    """Explain one claim: what is measured over what, the formula, the margin, when which verdict falls, and why."""
    from harness.project.errors import nearest
    from harness.project.terminal import terminal_width
    from harness.verify.show.words import explain_claim, explain_question

    registry, questions = _registry()
    for claim in registry:
        if claim.id == name:
            typer.echo(explain_claim(claim, *_published(), width=terminal_width()))
            return
    for question in questions:
        if question.id == name:
            typer.echo(explain_question(question, terminal_width()))
            return
    known = [claim.id for claim in registry] + [question.id for question in questions]
    raise HarnessError(
        f"expected the id of a claim, found `{name}`; {nearest(name, known)}", fix="use one of those ids"
    )


@app.command()
def arithmetic() -> None:
    """Do published numbers follow from each other? (reference/arithmetic.yaml; it needs no run.)

    CONSISTENT or INCONSISTENT within the rounding of the printed numbers; NOT_CHECKABLE where a number that is needed
    was not published, or nothing but the claimant's own word stands there. It says nothing of whether numbers are true.
    """
    from harness.project.terminal import terminal_width
    from harness.verify.show.words import explain_arithmetic

    found = _published()[1]
    if not found:
        typer.echo("no published arithmetic is registered (reference/arithmetic.yaml)")
    for one in found:
        typer.echo(explain_arithmetic(one, terminal_width()) + "\n")


@app.command()
def plot(
    out: Annotated[
        Path | None,
        typer.Option(help="The picture to write, PNG or SVG; default docs/claims.png of the clone.", metavar="FILE"),
    ] = None,
    profile: ProfileName = None,
) -> None:
    """Draw each claim's band beside what was measured, with the verdict (seconds).

    Of the same results that `harness verify` judges. Claims in points only: the axis has no place for a share.
    """
    from harness.audit.levels import verify_all
    from harness.pages.verdicts_figure import ending_of, write_picture

    if out is not None:
        ending_of(out)  # before the results are looked at, which takes seconds
    params, paths = open_project(profile)
    file = paths.root / "docs" / "claims.png" if out is None else out.absolute()
    write_picture(verify_all(params, paths), file)
    typer.echo(f"written: {file}")


def _published() -> tuple[dict[str, PublishedRow], list[Followed]]:
    """Published rows, and what comes out of the registered arithmetic."""
    from harness.project.paths import readable_root
    from harness.verify.published.arithmetic import follow_all
    from harness.verify.published.rows import PAPER, read_published

    reference = readable_root() / "reference"
    return read_published(reference / PAPER), follow_all(reference)


def _registry() -> tuple[list[Claim], list[Question]]:
    from harness.project.paths import readable_root
    from harness.verify.claims.question import read_questions
    from harness.verify.claims.registry import CLAIMS, read_all_claims

    reference = readable_root() / "reference"
    return read_all_claims(reference), read_questions(reference / CLAIMS)
