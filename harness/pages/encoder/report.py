"""What the page on an encoder says, as a frozen record: record.py measures it, page.py puts it into words."""

from __future__ import annotations

from typing import Any

from harness.project.params import Pretraining
from harness.project.records import Record

Scores = dict[str, float]
"""Metric or language -> points."""


class Measured(Record):
    """What one encoder, pretrained or random, reaches."""

    dev: dict[str, Scores]
    """target -> metric -> points on the source language's dev rows; empty where training diverged."""
    test: dict[str, Scores]
    """`udpos` and `panx` -> language -> F1 in points, zero-shot but for the source language."""
    retrieval: list[Scores]
    """Hidden layer (0: embeddings) -> language -> tatoeba accuracy in points; empty without tatoeba."""


class Size(Record):
    """Size of an encoder, from its configuration."""

    family: str
    """`model_type` of its config.json."""
    layers: int
    """Transformer layers."""
    hidden_size: int
    """Width of the hidden states."""
    heads: int
    """Attention heads per layer."""
    intermediate_size: int
    """Width of the feed-forward layer."""
    max_length: int
    """Longest input in tokens."""
    vocabulary_size: int
    """Rows of the word embeddings."""


class EncoderReport(Record):
    """Everything that the page says."""

    profile: str
    """The profile that the encoder belongs to."""
    names: dict[str, str]
    """target -> what it is called: a laboratory analogue never bears the data set's name alone."""
    stand_ins: dict[str, str]
    """target, or `pretraining text` -> what stands in for its own data, in a data pack that lacks it."""
    source_language: str
    """The language of all training rows."""
    source: str
    """Where the encoder comes from, in words."""
    size: Size
    """Size of both encoders."""
    pretraining: Pretraining | None
    """How the pretrained one was made here; None: others made it."""
    made: dict[str, Any]
    """results/<profile>/encoder.json."""
    seed: int
    """The repetition (of the grid) that heads and data order follow."""
    retrieval_layer: int | None
    """The hidden layer that the profile's cells of tatoeba use."""
    pretrained: Measured
    """The encoder of the pipeline."""
    random: Measured
    """The same configuration and tokenizer, untrained."""
    baselines: dict[str, Scores]
    """target -> metric of the baseline, `majority` and `bag_of_words` in points."""
    shared_words: Scores
    """language -> tatoeba accuracy in points of the sentence that shares most words."""
