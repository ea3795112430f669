"""What happens before target training."""

from __future__ import annotations

from pydantic import Field, model_validator

from harness.project.named import Language, TaskName
from harness.project.params.settings import MOST, Settings


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
