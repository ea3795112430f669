"""`harness image ...`: the container image, from building to keeping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.project.errors import HarnessError

app = typer.Typer(
    no_args_is_help=True,
    help="The container image: build it from this checkout, pin it in params.yaml, check it, keep it.",
)


Reference = Annotated[
    str | None, typer.Argument(help="Image: a tag, ID or digest (default: what params.yaml pins, else harness:latest).")
]


def _image(reference: str | None) -> tuple[Path, str]:
    """The project's folder, and the image meant: as given, as pinned, or as `harness image build` calls it."""
    from harness.launch.container.image import TAG
    from harness.project.paths import project_root
    from harness.project.profiles import load_params

    root = project_root()
    return root, reference or load_params(root).image or TAG


@app.command("build")
def image_build(
    torch: Annotated[
        str, typer.Option(help="cpu (small; needs a source of PyTorch's CPU wheel) or cuda (runs on a CPU too).")
    ] = "cuda",
    base: Annotated[
        str | None, typer.Option(help="Another base image than the Dockerfile's (Python 3.11 with venv and pip).")
    ] = None,
    tag: Annotated[str, typer.Option(help="Name of the image in the engine.")] = "harness:latest",
    network: Annotated[str | None, typer.Option(help="Network of the build, as in `docker build --network`.")] = None,
    pip_args: Annotated[str, typer.Option(help="Options for pip, e.g. '--extra-index-url ADDRESS'.")] = "",
) -> None:
    """Build the image of this checkout, with labels that say what it was built from."""
    from harness.launch.container.image import TORCH_BUILDS, build
    from harness.project.errors import nearest
    from harness.project.paths import project_root

    if torch not in TORCH_BUILDS:
        raise HarnessError(
            f"expected --torch cpu or cuda, found `{torch}`; {nearest(torch, TORCH_BUILDS)}", fix="use one of those"
        )
    typer.echo(build(project_root(), torch, base, tag, network, pip_args))


@app.command("pin")
def image_pin(
    reference: Annotated[str, typer.Argument(help="Image: a tag, ID or digest.")] = "harness:latest",
) -> None:
    """Write the image's ID (or registry digest) into params.yaml; only what runs in it becomes stale."""
    from harness.launch.container.image import pin
    from harness.project.paths import project_root

    typer.echo(pin(project_root(), reference))


@app.command("check")
def image_check(reference: Reference = None) -> int:
    """Compare the image's lock, code and source commit with this checkout. Exit code: 1 where they do not fit."""
    from harness.launch.container.image import check

    root, chosen = _image(reference)
    findings = check(root, chosen)
    typer.echo(chosen)
    for finding in findings:
        typer.echo(f"{'fits' if finding.fits else 'DIFFERS':8}{finding.what}: {finding.found}")
    return int(not all(finding.fits for finding in findings))


@app.command("save")
def image_save(
    reference: Reference = None,
    out: Annotated[Path | None, typer.Option(help="Where to write it (default: harness-image-<ID>.oci.tar).")] = None,
) -> None:
    """Keep the image as an OCI archive with its sha256: base images get deleted from registries."""
    from harness.launch.container.image import save

    typer.echo(save(_image(reference)[1], out))
