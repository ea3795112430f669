"""Commands that write what people read: the study, the report, degradation, layers, and the page on the verifier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import ProfileName, look_at_project, open_project
from harness.project.errors import HarnessError

verifier = typer.Typer(no_args_is_help=True, help="How the verifier decides, and how often it errs.")


def study(
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page to write; default docs/study.md, and docs/study-PROFILE.md where that is another profile's.",
            metavar="FILE",
        ),
    ] = None,
    profile: ProfileName = None,
) -> None:
    """Write a page with pictures of what the results show: claims, recipes, languages, learning rates (seconds).

    Of the same results that `harness verify` judges. A page of another profile is never written over.
    """
    from harness.pages.study.page import TITLE, write_page
    from harness.pages.study.record import read_study
    from harness.pages.whose import own_page, refuse_other_page

    params, paths = open_project(profile)
    title, usual = TITLE.format(params.profile), paths.root / "docs" / "study.md"
    page = own_page(params.profile, title, usual) if out is None else paths.root / out
    refuse_other_page(params.profile, title, page, "study --out")
    write_page(read_study(params, paths), page, paths.root)
    typer.echo(f"written: {page}")


def report(
    profile: ProfileName = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default build/PROFILE/report.html.", metavar="FILE")
    ] = None,
) -> None:
    """Write one HTML page that shows the verdicts and all that they rest on; opens offline, prints (seconds).

    Of the same results that `harness verify` judges. The answer, claimed and measured values, every claim with its
    derivation, every cell with its hashes, and how to check it again. docs/report.md says how to read it. Outside of a
    clone: of the results that came with the package, as PROFILE-report.html in this folder.
    """
    from harness.pages.report.read import read_report
    from harness.pages.report.render import report_file, write_report
    from harness.project.paths import SHIPPED

    params, paths = look_at_project(profile)
    usual = Path(f"{params.profile}-report.html") if paths.root == SHIPPED else report_file(paths)
    file = usual if out is None else out
    size = write_report(read_report(params, paths), file)
    typer.echo(f"written: {file}, {size / 1e6:.1f} MB; open it in a browser")


def degradation(
    profile: ProfileName = None,
    json_: Annotated[bool, typer.Option("--json", help="Print all as JSON, gains by language included.")] = False,
    figures: Annotated[
        Path | None, typer.Option(help="Write both figures (PNG and SVG) into this folder.", metavar="DIR")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write a page with the PNG figures beside it.", metavar="FILE")
    ] = None,
) -> None:
    """How far does intermediate training degrade low-resource languages? One answer, tables, figures (seconds).

    From the results that `harness verify` judges, by language. What a low-resource language is, what counts as degraded
    and how it is tested was fixed beforehand in reference/low_resource.yaml; sizes are in reference/languages.yaml.
    Only on the encoder and data that the question names does the answer decide it; it says what it is about.
    """
    from harness.pages.degradation.figures import write_figures
    from harness.pages.degradation.page import TITLE, render_text, write_page
    from harness.pages.degradation.record import read_degradation
    from harness.pages.whose import refuse_other_page

    params, paths = open_project(profile)
    if page:
        refuse_other_page(params.profile, TITLE.format(params.profile), paths.root / page, "degradation --page")
    found = read_degradation(params, paths)
    typer.echo(found.model_dump_json(indent=1) if json_ else render_text(found))
    written = write_figures(found, paths.root / figures) if figures else []
    written += [write_page(found, paths.root / page)] if page else []
    for path in written:
        typer.echo(f"written: {path}", err=True)


def layers(
    recipes: Annotated[
        str | None, typer.Option(help="Recipes of the grid, by commas (default: all); `none` always goes with them.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds of the grid, by commas (default: all).")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page to write, its picture beside it; default docs/layers.md, and docs/layers-PROFILE.md where "
            "that is another profile's.",
            metavar="FILE",
        ),
    ] = None,
    profile: ProfileName = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what was measured as JSON too.")] = False,
) -> None:
    """Show what bucc and tatoeba score at every hidden layer of the recipes' checkpoints, as a page (seconds).

    Says how much of the average gain comes from retrieval, and how far that hangs on the layer. It chooses nothing:
    the cells keep the layer that params.yaml pins. Cells keep the scores of all layers, pinned ones too; older cells,
    which don't, need the run's checkpoints (`make repro`). A page of another profile is never written over.
    """
    from harness.pages.layers.page import TITLE, write_page
    from harness.pages.layers.record import read_layers
    from harness.pages.whose import own_page, refuse_other_page

    params, paths = open_project(profile)
    title, usual = TITLE.format(params.profile), paths.root / "docs" / "layers.md"
    page = own_page(params.profile, title, usual) if out is None else paths.root / out
    refuse_other_page(params.profile, title, page, "layers --out")
    record = read_layers(params, paths, _names(recipes), _numbers(seeds))
    write_page(record, page)
    if json_:
        typer.echo(record.model_dump_json(indent=1))
    typer.echo(f"written: {page}", err=json_)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _numbers(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(number) for number in text.split(",")]
    except ValueError:
        raise HarnessError(
            f"expected seeds such as 1,2,3, found {text!r}", fix="give numbers with commas between them"
        ) from None


@verifier.command("report")
def verifier_report(
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("docs/verifier.md"),
) -> None:
    """Measure the verifier's error rates by simulation and write docs/verifier.md with a picture.

    Draws studies whose truth is known, judges them by the rules of `harness verify` at every look, and counts false
    verdicts; takes about four minutes on one core. Needs no results and no profile; the draws are always the same, so
    the page is, too.
    """
    from harness.pages.verifier.page import simulate, steps, write_page
    from harness.project.paths import project_root
    from harness.project.progress import progress

    path = project_root() / out
    with progress("rows measured", steps()) as advance:
        measured, curves = simulate(advance=advance)
    write_page(measured, curves, path)
    typer.echo(f"written: {path}")
