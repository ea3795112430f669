"""One complete profile, and the folders that it or the environment names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from harness.project.named import ProfileName, RecipeName, TaskName
from harness.project.params.compute import SIF, Compute, Container, Runtime, is_fixed
from harness.project.params.data import DataParams
from harness.project.params.encoders import EncoderParams, PublishedEncoder
from harness.project.params.grid import BASELINE, Block, Grid
from harness.project.params.recipes import MaskedLM, Recipe
from harness.project.params.settings import Settings
from harness.project.params.tasks import Evaluation, TargetSettings, Training


class Params(Settings):
    """One complete profile."""

    profile: ProfileName
    """Name of the profile; results lie under results/<profile>."""
    title: str
    """One line for people: what this profile is and what it can say."""
    data: DataParams
    """Where rows come from."""
    grid: Grid
    """Which cells to run."""
    recipes: dict[RecipeName, Recipe]
    """Every recipe that the grid may name."""
    encoder: EncoderParams
    """The encoder."""
    intermediate: dict[TaskName, Training]
    """How each intermediate task is trained."""
    mlm: MaskedLM | None = None
    """How recipes with `mlm` go on with masked-language-model training."""
    target: dict[TaskName, TargetSettings]
    """How each target task is trained, or, for retrieval targets, how sentences are embedded."""
    evaluation: Evaluation
    """Predictions."""
    compute: Compute
    """Device and threads."""
    checkpoints: Literal["keep", "drop"] = "keep"
    """What becomes of a checkpoint's weights once every cell that reads them has finished. `drop` lets `harness
    checkpoints drop` delete them, which is safe while the grid keeps its targets: a target added later, or a cell that
    is run again, needs the intermediate training once more."""
    runtime: Runtime
    """Where intermediate trainings and cells run: `local`, in this machine's environment, or each in a container of
    `image`, which Docker, Podman or Apptainer runs."""
    image: Annotated[str, AfterValidator(is_fixed)] | None
    """The image that containers are made of, by ID or digest, for Apptainer FILE.sif@sha256:... (the file lies relative
    to the project); `harness image pin` writes it."""
    container: Container
    """Limits of each container."""

    @property
    def in_containers(self) -> bool:
        """Whether intermediate trainings and cells run in containers."""
        return self.runtime != "local"

    @property
    def unit_image(self) -> str | None:
        """The image that intermediate trainings and cells run in, a .sif file by its bytes alone, wherever it lies;
        None: they run in this machine's own environment."""
        if not self.in_containers or self.image is None:
            return None
        return self.image.rpartition("@")[2] if self.runtime == "apptainer" else self.image

    @model_validator(mode="after")
    def _image_named(self) -> Params:
        if not self.in_containers:
            return self
        if self.image is None:
            raise ValueError(
                f"runtime `{self.runtime}` needs `image`: run `harness image build`, then `harness image pin`"
            )
        if (SIF + "@" in self.image) != (self.runtime == "apptainer"):
            wanted = "FILE.sif@sha256:..." if self.runtime == "apptainer" else "an image ID or digest"
            raise ValueError(
                f"runtime `{self.runtime}` needs {wanted} as `image`, found {self.image}; `harness image pin` writes it"
            )
        return self

    def _has_baselines(self) -> None:
        """ValueError where a cell has no cell of the baseline to be compared with, at the same target and seed."""
        cells = set(self.grid.cells) if self.grid.blocks else set()
        for recipe, target, seed in self.grid.cells if cells else ():
            if (BASELINE, target, seed) not in cells:
                raise ValueError(
                    f"the grid has `{recipe}` on {target} at seed {seed}, but not the baseline `{BASELINE}` there: name"
                    f" `{BASELINE}` in that block, or in another with the same targets and seeds"
                )

    @model_validator(mode="after")
    def _names_fit(self) -> Params:
        if self.grid.recipes[:1] != [BASELINE]:
            raise ValueError("grid.recipes must begin with `none`, the baseline of every gain")
        for recipe in self.grid.recipes:
            if recipe not in self.recipes:
                raise ValueError(f"grid.recipes names `{recipe}`; known recipes: {', '.join(self.recipes)}")
        products: list[Grid | Block] = [self.grid, *self.grid.blocks]
        for block in products:
            for name, items in (("recipes", block.recipes), ("targets", block.targets), ("seeds", block.seeds)):
                if len(set(items)) != len(items):
                    raise ValueError(f"grid.{name} names an entry twice: {items}")
        self._has_baselines()
        used = {task for recipe in self.grid.recipes for task in self.recipes[recipe].tasks} | set(self.grid.targets)
        for target in self.grid.targets:
            if target not in self.target:
                raise ValueError(f"grid.targets names `{target}`; `target` has settings for: {', '.join(self.target)}")
        missing = sorted(used - set(self.data.tasks))
        if missing:
            raise ValueError(f"data.tasks lacks {', '.join(missing)}, which the grid uses")
        names = [name for name in self.grid.recipes if self.recipes[name].mlm]
        if self.mlm is None and names:
            raise ValueError(f"the recipe `{names[0]}` goes on with masked LM; `mlm` must say how")
        if names and isinstance(self.encoder, PublishedEncoder) and not self.encoder.has_masked_lm_head:
            raise ValueError(
                f"grid.recipes names {', '.join(names)}, which would go on with masked LM, but the encoder comes"
                " without the masked-LM head that it was pretrained with, and from a new head it would be another"
                " recipe; leave such recipes out of grid.recipes"
            )
        for task in sorted({t for r in self.recipes.values() for t in r.tasks} - set(self.intermediate)):
            raise ValueError(f"recipes name the task `{task}`; `intermediate` has: {', '.join(self.intermediate)}")
        planted = [name for name in self.grid.recipes if self.recipes[name].planted]
        if planted and (self.data.source != "generated" or BASELINE in planted):
            raise ValueError(
                f"the recipe `{planted[0]}` has planted effects: only a generated world takes them (data.source), and"
                " never its baseline `none`"
            )
        return self


def data_dir(params: Params, root: Path) -> Path | None:
    """The data pack's folder: HARNESS_DATA_DIR, else params.yaml's data_dir (relative to the project), else None."""
    chosen = os.environ.get("HARNESS_DATA_DIR") or params.data.data_dir
    return (root / chosen).resolve() if chosen else None


def store_dir(params: Params, root: Path) -> Path:
    """The folder of fetched files: HARNESS_STORE, else data.store (relative to the project), else store/."""
    return (root / (os.environ.get("HARNESS_STORE") or params.data.store or "store")).resolve()
