"""Commands on claims and verdicts: they look at results and references, and import nothing that trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import ProfileName, look_at_project, open_project, paths_here
from harness.commands.verdicts import Output
from harness.project.errors import HarnessError
from harness.project.names import LARGEST_SEED


def verify(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A claim to judge alone (`harness claims` lists them), or an archive of `export` or `judge`.",
            metavar="[CLAIM|CRATE]",
        ),
    ] = None,
    profile: ProfileName = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print how the claim's verdict follows from its cells, step by step.")
    ] = False,
    run: Annotated[
        bool, typer.Option("--run", help="First run what the claim needs and nothing else (`harness plan --claim`).")
    ] = False,
    rerun: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000, metavar="N", help="Run N cells, drawn at random, again and compare (V1); this trains."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=LARGEST_SEED,
            metavar="S",
            help="Seed of the draw of --rerun; without it one is drawn and printed.",
        ),
    ] = None,
    cell: Annotated[
        list[str] | None,
        typer.Option("--cell", metavar="ID", help="Run this cell again instead of drawn ones (can be repeated)."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Also fail on NOT_TESTED, weak evidence, other rules than the shipped ones, likely copies."
        ),
    ] = False,
    signers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Who may have signed the archive (as ssh-keygen's allowed_signers)."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Neither hash large files nor re-score; V0 says what was left out.")
    ] = False,
    details: Annotated[
        bool,
        typer.Option("--details", help="Print the evidence too: why each claim came out so."),
    ] = False,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Print the sha256 of the registry, of images and of every cell too.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the whole verification as JSON.")] = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML: a test case per claim and per level.")
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write Markdown (where GITHUB_STEP_SUMMARY is set, there too)."),
    ] = None,
) -> int:
    """Judge the results: integrity (V0), agreement with our pinned results (V1, V2), a verdict per claim (V3).

    The first line is the answer: how many of the measured claims were decided, what became of the others, and how many
    facts of the data are confirmed. Then come claims, facts, planted effects, and a line per level; --details and
    --hashes show what these rest on. What is wrong is always shown.

    V0 hashes every file, computes every metric again from the stored predictions and the gold rows, and compares what
    lies here with dvc.lock. V1: on the same class of machine the predictions are the same bytes. V2: on any other a
    cell is another draw like its pinned seeds, by its score and its items, and the changes of a target don't all go
    one way. V3: each claim's interval against its margin.

    Where nothing has run yet, the pinned results are judged; where nothing is pinned either, facts of the data are
    decided and the rest is NOT_TESTED. With the id of a claim only its own cells are looked at, and the exit code is
    that claim's. With --rerun N, N cells run again from their inputs in build/ (V1), in a clean
    folder: repeated exactly, within the tolerance of V2 (other hardware only), or different, with the rows. Exit code:
    0 everything that was decided is reproduced or confirmed, 1 some not reproduced, some fact refuted or a cell
    different, 2 some inconclusive (or a mistake in the input), 3 invalid.
    Planted effects count by whether they came out as planted. Published claims that are NOT_TESTED leave it 0: the
    first line counts them. --strict makes 2 of a 0 where a claim was not tested, a cell is known by less than
    re-scoring, or the rules are not the shipped ones (docs/threats.md says what can be forged).
    """
    output = Output(json_, strict, details, hashes, explain, junit, summary)
    if what is not None and (what.endswith(".zip") or Path(what).is_file()):
        _refuse_both(**{"an archive": True, "--explain or --run": explain or run, "--quick": quick})
        _refuse_both(
            **{"an archive": True, "--rerun, --seed or --cell": rerun is not None or seed is not None or bool(cell)}
        )
        return _verify_crate(Path(what), profile, output, signers)
    if signers is not None:
        raise HarnessError("expected an archive beside --signers, found none", fix="name the archive, or leave it out")
    from harness.audit.levels import verify_all
    from harness.pipeline.lock import read_lock

    if seed is not None and rerun is None:
        raise HarnessError("expected --rerun N beside --seed, found --seed alone", fix="add `--rerun N`")
    _refuse_both(**{"--cell": bool(cell), "--rerun": rerun is not None})
    again = rerun is not None or bool(cell)
    _refuse_both(**{"a claim": what is not None, "--rerun or --cell": again, "--quick": quick})
    if what is None and (explain or run):
        option = "--explain" if explain else "--run"
        raise HarnessError(f"expected a claim with {option}, found none", fix="name one: `harness claims` lists them")
    params, paths = open_project(profile) if run or again else look_at_project(profile)
    read_lock(paths.root)  # a broken record is said, whether or not what is judged here stands in it
    if what is not None:
        from harness.audit.one_claim import verify_claim

        if run and not _run_claim(what, profile, json_):
            return 2
        return output.tell(verify_claim(what, params, paths), paths)
    if not again:
        return output.tell(verify_all(params, paths, quick))
    from harness.audit.rerun import verify_again

    return output.tell(verify_again(params, paths, rerun or 0, seed, cell or []))


def _refuse_both(**given: bool) -> None:
    """HarnessError where more than one of these is given: each looks at other cells, or at fewer things."""
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise HarnessError(f"expected {' or '.join(names)}, found both", fix="leave one out")


def _verify_crate(path: Path, profile: str | None, output: Output, signers: Path | None) -> int:
    """Judge an archive, in a checkout or outside of one; a changed archive is refused with exit code 3."""
    from harness.exchange.read import CrateRefused, verify_crate

    if profile is not None:
        raise HarnessError(f"expected --profile or an archive, found both ({profile}, {path})", fix="leave one out")
    from harness.exchange.judged.read import is_judged

    if is_judged(path):
        from harness.commands.judge_output import tell_archive

        try:
            return tell_archive(path, output, signers)
        except CrateRefused as refused:
            return output.refuse(refused)
    here = paths_here()  # without one the archive has its own rules
    try:
        return output.tell(verify_crate(path, here, signers))
    except CrateRefused as refused:
        return output.refuse(refused)


def _run_claim(claim: str, profile: str | None, to_stderr: bool) -> bool:
    """Run the stages that the claim needs; False where one of them failed."""
    from harness.launch.grid import reproduce_grid
    from harness.launch.launchers import LAUNCHERS
    from harness.pipeline.claim_plan import stages_to_run

    params, paths = open_project()
    if profile is not None and profile != params.profile:
        raise HarnessError(
            f"expected --run with the active profile {params.profile}, found --profile {profile}",
            fix=f"run `harness profile {profile}` first",
        )
    stages = stages_to_run(claim, params, paths)
    return not stages or reproduce_grid(LAUNCHERS["local"](params, paths), params, paths, stages, to_stderr)
