"""`harness image ...`: the container image, from building to keeping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.launch.container.sockets import EngineName
from harness.project.errors import HarnessError

app = typer.Typer(
    no_args_is_help=True,
    help="The container image: build it from this checkout, pin it in params.yaml, check it, keep it.",
)


Reference = Annotated[
    str | None, typer.Argument(help="Image: a tag, ID or digest (default: what params.yaml pins, else harness:latest).")
]


Engine = Annotated[
    str | None,
    typer.Option(help="docker or podman (default: what `runtime` in params.yaml says, else the one that answers)."),
]


def _engine(named: str | None, root: Path) -> EngineName | None:
    """The engine meant: as given, as the profile's units run in, or None, any that answers."""
    from harness.launch.container.container import engine_of
    from harness.launch.container.sockets import ENGINES
    from harness.project.errors import nearest
    from harness.project.profiles import load_params

    if named is None:
        return engine_of(load_params(root))
    for engine in ENGINES:
        if engine == named:
            return engine
    raise HarnessError(
        f"expected --engine docker or podman, found `{named}`; {nearest(named, ENGINES)}", fix="use one of those"
    )


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
    engine: Engine = None,
) -> None:
    """Build the image of this checkout, with labels that say what it was built from."""
    from harness.launch.container.image import TORCH_BUILDS, build
    from harness.project.errors import nearest
    from harness.project.paths import project_root

    if torch not in TORCH_BUILDS:
        raise HarnessError(
            f"expected --torch cpu or cuda, found `{torch}`; {nearest(torch, TORCH_BUILDS)}", fix="use one of those"
        )
    root = project_root()
    typer.echo(build(root, torch, base, tag, network, pip_args, _engine(engine, root)))


@app.command("pin")
def image_pin(
    reference: Annotated[
        str, typer.Argument(help="Image: a tag, ID or digest, or a .sif file of Apptainer's.")
    ] = "harness:latest",
    engine: Engine = None,
) -> None:
    """Write the image's ID (or registry digest, or a .sif file's sha256) into params.yaml; only what runs in it becomes
    stale.
    """
    from harness.launch.container.apptainer import pin_file
    from harness.launch.container.image import is_sif, pin
    from harness.project.paths import project_root

    root = project_root()
    typer.echo(pin_file(root, reference) if is_sif(reference) else pin(root, reference, _engine(engine, root)))


@app.command("check")
def image_check(reference: Reference = None, engine: Engine = None) -> int:
    """Compare the image's lock, code and source commit with this checkout. Exit code: 1 where they do not fit."""
    from harness.launch.container.apptainer import compare_file
    from harness.launch.container.image import check, is_sif

    root, chosen = _image(reference)
    findings = compare_file(root, chosen) if is_sif(chosen) else check(root, chosen, _engine(engine, root))
    typer.echo(chosen)
    for finding in findings:
        typer.echo(f"{'fits' if finding.fits else 'DIFFERS':8}{finding.what}: {finding.found}")
    return int(not all(finding.fits for finding in findings))


@app.command("save")
def image_save(
    reference: Reference = None,
    out: Annotated[Path | None, typer.Option(help="Where to write it (default: harness-image-<ID>.oci.tar).")] = None,
    engine: Engine = None,
) -> None:
    """Keep the image as an OCI archive with its sha256: base images get deleted from registries, and Apptainer builds
    its own image from the archive.
    """
    from harness.launch.container.image import save

    root, chosen = _image(reference)
    typer.echo(save(chosen, out, _engine(engine, root)))
