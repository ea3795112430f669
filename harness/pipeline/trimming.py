"""What it saves that a training changes the word embeddings of its own tokens alone (harness.model.words).

How many rows are trained is known of trainings that ran; nothing is guessed of others.
"""

from __future__ import annotations

from contextlib import suppress

from pydantic import Field

from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import StrictRecord, read_json

GRADIENT_AND_MOMENTS = 12
"""Bytes of a parameter that is trained beside its own four: the gradient and AdamW's two moments, in fp32."""
SECONDS_PER_PARAMETER = 4e-9
"""Processor time of one step for a parameter that is trained: its gradient cleared and measured, AdamW's moments and
step. Of 95 million word embeddings on the machine of benchmarks/RESULTS.md, one thread."""


class Trimming(StrictRecord):
    """Word embeddings that trainings leave alone."""

    vocabulary: int = Field(gt=0)
    """Rows of the encoder's word embeddings."""
    hidden: int = Field(gt=0)
    """Width of a row."""
    trained: int = Field(gt=0)
    """Rows that a training changes: the most of those that ran."""
    trainings: int = Field(gt=0)
    """Intermediate trainings that ran, those with masked LM aside, which change every row."""

    @property
    def parameters(self) -> int:
        """Parameters that such a training leaves alone, at least."""
        return (self.vocabulary - self.trained) * self.hidden


def read_trimming(params: Params, paths: Paths) -> Trimming | None:
    """What the encoder's configuration and the records of finished trainings say; None before there are any."""
    counts = []
    for recipe, seed in params.grid.trainings:
        if not params.recipes[recipe].mlm:
            with suppress(OSError, ValueError, KeyError, TypeError):  # not run, or a record of another version
                counts.append(int(read_json(paths.intermediate(recipe, seed))["counts"]["words_trained"]))
    with suppress(OSError, ValueError, KeyError, TypeError):
        config = read_json(paths.encoder / "config.json")
        return Trimming(
            vocabulary=config["vocab_size"], hidden=config["hidden_size"], trained=max(counts), trainings=len(counts)
        )
    return None
