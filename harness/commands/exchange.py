"""`harness export` writes an archive, which `harness verify` reads; `harness track` imports results into MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands import ProfileName, open_project
from harness.project.errors import HarnessError

if TYPE_CHECKING:
    from harness.audit.subject import Judged
    from harness.audit.verification import Verification


def export(
    profile: ProfileName = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default PROFILE-crate.zip.", metavar="FILE.zip")
    ] = None,
    agent: Annotated[
        str | None, typer.Option(help="Who ran it, named in the archive as the agent of every run.", metavar="NAME")
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(help="Sign the archive with this SSH key, into FILE.zip.sig.", metavar="KEY")
    ] = None,
) -> None:
    """Write one archive to keep: results, predictions, verdicts, claims, pins and locks, every file with its sha256.

    It is a Process Run Crate (RO-Crate), so that other tools read it too; `harness verify FILE.zip` checks and judges
    it offline. Without a run, the pinned results go in. The same results give the same bytes. Rows of data never go
    in; of a profile on a data pack neither do predictions that hold text, but only their hashes. With --sign,
    `harness verify FILE.zip --signers FILE` says who made it.
    """
    from harness.exchange.write import export as write
    from harness.pages.report.read import make_report
    from harness.pages.report.render import render_report

    params, paths = open_project(profile)
    settings = paths.params if profile is None else paths.profile_file
    file = out or Path(f"{params.profile}-crate.zip")
    if sign is not None and not sign.is_file():  # before the work, not after it
        raise HarnessError(
            f"expected an SSH key at {sign}, found none", fix="make one: `ssh-keygen -t ed25519 -f FILE`"
        )

    def preview(judged: Judged, verification: Verification) -> str:
        return render_report(make_report(judged, verification, params, paths))

    typer.echo(write(params, paths, settings, file, agent, preview))
    if sign is not None:
        from harness.exchange.signature import sign as sign_archive

        typer.echo(f"signed: {sign_archive(file, sign)}; keep it beside the archive")


def track(profile: ProfileName = None) -> None:
    """Import finished results into MLflow (mlruns/mlflow.db) with their verdicts; `make ui` shows them.

    Where nothing has run, the pinned results go in, into an experiment of their own. What is in already is left alone.
    """
    from harness.audit.levels import verify_results
    from harness.audit.subject import find_results, require_results
    from harness.exchange.tracking.links import experiment_links
    from harness.exchange.tracking.track import experiment_name
    from harness.exchange.tracking.track import track as import_results
    from harness.pages.study.pictures import pictures_of

    params, paths = open_project(profile)
    judged = find_results(params, paths)
    require_results(judged, params, paths)
    found = verify_results(judged, params, paths)
    draw = pictures_of(judged.table, found, params, paths)
    count = import_results(paths, paths.mlruns, judged.table, found, draw)
    typer.echo(f"{count} new or changed cells imported into {paths.mlruns / 'mlflow.db'}; `make ui` shows them")
    name = experiment_name(params.profile, judged.source == "pinned")
    typer.echo(f"{name}: {experiment_links(paths.mlruns)[name]}")
