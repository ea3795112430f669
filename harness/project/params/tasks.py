"""How a task is trained, and how predictions are made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from harness.project.params.settings import MOST, Settings


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
