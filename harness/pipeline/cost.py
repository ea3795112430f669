"""What a profile costs before anything of it has run: steps, tokens, disk. Hours are in harness.pipeline.speeds.

Pure arithmetic on params and pinned rows. What nobody has counted is None here and `unknown` in the
text; a sum over such parts is of the known ones and names the others. Tokens are upper bounds (every input at
`max_length`) unless lengths were measured on built data (benchmarks/lengths.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil, isnan, nan
from typing import Literal

from pydantic import Field

from harness.pipeline.pinned_inputs import pinned_rows, published_sizes
from harness.project.params import Architecture, Params, PretrainedHere, Recipe, Retrieval, Training
from harness.project.profiles import describe_encoder
from harness.project.records import StrictRecord
from harness.project.tasks import TRANSLATED, Task

BYTES_PER_PARAMETER = 4
"""Checkpoints hold fp32."""
PREDICTION_BYTES_PER_ROW = 4.4
"""Of the 483,050 bytes of reference/lab/predictions for 110,529 rows; answers in real text take more."""
CHOICES = {"hellaswag": 4, "cosmosqa": 4, "commonsenseqa": 5}
"""Answers to choose from, each an input of its own: the data sets' own format."""


class Length(StrictRecord):
    """How long a task's inputs are, measured on built data (benchmarks/lengths.py)."""

    encoder: str
    """The encoder whose tokenizer was used, as `describe_encoder` names it."""
    task: str
    """Name of the task."""
    split: Literal["train", "predict"]
    """Rows trained on, or rows predicted (dev and test of every language)."""
    max_length: int = Field(gt=0)
    """The setting that inputs were cut at."""
    rows: int = Field(gt=0)
    """Rows measured."""
    inputs: int = Field(gt=0)
    """Inputs made of them: windows of long contexts, choices, both sentences of a pair to retrieve."""
    tokens: int = Field(gt=0)
    """Tokens of these inputs, special tokens included, padding not."""
    measured_on: str
    """Date, as YYYY-MM-DD."""
    command: str
    """What measured it."""


class UnitCost(StrictRecord):
    """One kind of unit: what a single run of it takes; null where rows that nobody counted decide it."""

    kind: Literal["encoder", "intermediate", "cell"]
    """The stage."""
    name: str
    """The recipe, or the target."""
    runs: int
    """How often the grid runs it."""
    steps: int | None = 0
    """Optimiser steps."""
    train_tokens: int | None = 0
    """Tokens that training reads."""
    predict_tokens: int | None = 0
    """Tokens that evaluations and the final predictions read."""
    predict_rows: int | None = 0
    """Rows of the final predictions."""
    length: int = 0
    """Tokens of its inputs, by which a measured speed is chosen."""


class GridCost(StrictRecord):
    """The cost of a profile."""

    units: list[UnitCost]
    """Every kind of unit that runs."""
    unavailable: dict[str, str]
    """Recipe that can't run -> why."""
    targets: int
    """Targets that share one intermediate training."""
    measured_lengths: list[str]
    """Tasks whose tokens are counted at measured lengths; the others' are upper bounds."""
    parameters: int
    """Parameters of the encoder."""
    fetched_bytes: int
    """Of the published files whose size is pinned."""
    fetched_unknown: int
    """Published files whose size nobody pinned."""

    def total(self, field: str, *kinds: str) -> tuple[int, list[str]]:
        """Sum of runs x `field` over the units of `kinds` (none: all), and the units where it is unknown."""
        chosen = [unit for unit in self.units if unit.kind in kinds or not kinds]
        unknown = [f"{unit.kind} {unit.name}" for unit in chosen if getattr(unit, field) is None]
        return sum(unit.runs * (getattr(unit, field) or 0) for unit in chosen), unknown

    def runs(self, kind: str) -> int:
        """How many units of a kind run."""
        return sum(unit.runs for unit in self.units if unit.kind == kind)

    @property
    def checkpoint_bytes(self) -> int:
        """Size of one checkpoint's weights where every word embedding was trained; a trimmed one is smaller."""
        return self.parameters * BYTES_PER_PARAMETER


def parameters_of(architecture: Architecture, vocabulary: int) -> int:
    """Parameters of an encoder of this size, without a masked-language-model head."""
    width, inner = architecture.hidden_size, architecture.intermediate_size
    embeddings = (vocabulary + architecture.max_length + 2 + 1) * width + 2 * width
    layer = 4 * (width * width + width) + 2 * width * inner + inner + width + 4 * width
    return embeddings + architecture.layers * layer


def estimate(params: Params, tasks: Mapping[str, Task], lengths: Sequence[Length] = ()) -> GridCost:
    """The cost of every unit of the grid. `tasks`: every task of data.tasks; `lengths`: what was measured of them."""
    count = _Counter(params, tasks, lengths)
    reasons = {name: count.unavailable(params.recipes[name]) for name in params.grid.recipes}
    running = [name for name in params.grid.recipes if not reasons[name]]
    seeds = {name: len(params.grid.seeds_of(name)) for name in running}
    cells = Counter(target for recipe, target, _ in params.grid.cells if recipe in seeds)
    units = [
        *count.pretraining(),
        *[count.intermediate(name, seeds[name]) for name in running if params.recipes[name].tasks],
        *[count.cell(target, cells[target]) for target in params.grid.targets],
    ]
    sizes = published_sizes(tasks.values()) if params.data.source == "published" else []
    encoder = params.encoder
    return GridCost(
        units=units,
        unavailable={name: reason for name, reason in reasons.items() if reason},
        targets=len(params.grid.targets),
        measured_lengths=sorted(count.measured),
        parameters=parameters_of(encoder.architecture, encoder.pretraining.vocabulary_size)
        if isinstance(encoder, PretrainedHere)
        else encoder.parameters,
        fetched_bytes=sum(size for size in sizes if size is not None),
        fetched_unknown=sizes.count(None),
    )


class _Counter:
    """Counts steps and tokens from rows and settings; an unknown count is NaN, which every sum with it is too."""

    def __init__(self, params: Params, tasks: Mapping[str, Task], lengths: Sequence[Length]) -> None:
        self.params, self.tasks = params, tasks
        self.rows = {name: pinned_rows(task, params) for name, task in tasks.items()}
        mine = [length for length in lengths if length.encoder == describe_encoder(params)]
        self.lengths = {(length.task, length.split, length.max_length): length for length in mine}
        self.measured: set[str] = set()

    def lacking(self, recipe: Recipe) -> dict[str, str]:
        """Tasks of a recipe that can't be trained on -> why, as far as pins tell."""
        found = {}
        for task in recipe.tasks:
            missing = [code for code in recipe.translated if f"{TRANSLATED}.{code}" not in self.rows[task]]
            if missing:
                found[task] = f"no machine-translated rows of {task} are pinned in {', '.join(missing)}"
            elif not self._files(task, "train"):
                found[task] = f"no rows of {task} are pinned"
        return found

    def unavailable(self, recipe: Recipe) -> str:
        """Why a recipe can't run; empty where it can. One of several tasks that lack is left out of the mixture."""
        lacking = self.lacking(recipe)
        if lacking and len(lacking) == len(recipe.tasks):
            return "; ".join(lacking.values())
        return "no text is pinned for masked LM" if recipe.mlm and not self._files("text", "text") else ""

    def pretraining(self) -> list[UnitCost]:
        """The encoder, where it is pretrained here."""
        if not isinstance(self.params.encoder, PretrainedHere):
            return []
        chosen = self.params.encoder.pretraining
        tokens = chosen.steps * chosen.batch_tokens
        return [_unit("encoder", "pretraining", 1, chosen.steps, tokens, 0, 0, chosen.max_length)]

    def intermediate(self, name: str, runs: int) -> UnitCost:
        """A recipe's training and its evaluations on its tasks' dev sets, as intermediate training runs them."""
        recipe, settings = self.params.recipes[name], self.params.intermediate
        lacking = self.lacking(recipe)
        tasks = [task for task in recipe.tasks if task not in lacking]
        examples = {task: self._examples(task, settings[task], recipe.translated) for task in tasks}
        weight = {task: _least(count, recipe.mixing_cap) for task, count in examples.items()}
        batch = {task: settings[task].batch_size * self._row(task, "train", settings[task])[0] for task in tasks}
        steps: float = recipe.steps or _steps(examples[tasks[0]], settings[tasks[0]])
        if recipe.mlm and self.params.mlm:
            weight["text"] = _least(_count(self._files("text", "text")), recipe.mixing_cap)
            batch["text"] = self.params.mlm.batch_size * self.params.mlm.max_length
            if recipe.steps is None:  # so many more that the task gets as many batches as alone
                steps *= sum(weight.values()) / weight[tasks[0]]
        mean = sum(weight[task] * batch[task] for task in weight) / sum(weight.values())
        every = settings[tasks[0]].evaluate_every
        tested = (self._tested(task, settings[task], steps, every, own=True) for task in tasks)
        length = max(self._row(task, "train", settings[task])[1] for task in tasks)
        return _unit("intermediate", name, runs, steps, steps * mean, sum(tested), 0, length)

    def cell(self, target: str, runs: int) -> UnitCost:
        """A target's training, its evaluations, and the predictions of dev and of test in every language."""
        settings = self.params.target[target]
        row, length = self._row(target, "predict", settings)
        rows = self._rows(self._files(target, "test"), self.params.evaluation.max_rows)
        if isinstance(settings, Retrieval):
            if self.tasks[target].kind == "mining":
                rows = self._mined(target, "test", settings)
            dev = self._mined(target, "dev", settings) if self._files(target, "dev_source") else 0
            return _unit("cell", target, runs, 0, 0, (rows + dev) * row, rows, length)
        steps = _steps(self._examples(target, settings), settings)
        tested = self._tested(target, settings, steps, settings.evaluate_every)
        size, length = self._row(target, "train", settings)
        read = steps * settings.batch_size * size
        return _unit("cell", target, runs, steps, read, tested + rows * row, rows, length)

    def _files(self, task: str, *splits: str) -> dict[str, float]:
        return {stem: count for stem, count in self.rows.get(task, {}).items() if stem.split(".")[0] in splits}

    def _mined(self, target: str, split: str, settings: Retrieval) -> float:
        """Sentences of the texts: all, or of each those of gold pairs (at most one a pair) and `max_others` more."""
        texts = self._files(target, f"{split}_source", f"{split}_target")
        if settings.max_others is None:
            return _count(texts)
        gold = {stem.split(".")[1]: pairs for stem, pairs in self._files(target, f"{split}_gold").items()}
        most = {stem: settings.max_others + gold.get(stem.split(".")[1], nan) for stem in texts}
        return _count({stem: min(count, most[stem]) for stem, count in texts.items()})

    def _rows(self, files: Mapping[str, float], limit: int | None) -> float:
        return _count({stem: _least(count, limit) for stem, count in files.items()})

    def _examples(self, task: str, settings: Training, languages: Sequence[str] = ()) -> float:
        """Rows trained on; of translated files row i counts in one language, in turn."""
        files = self._files(task, TRANSLATED if languages else "train")
        counts = [files[f"{TRANSLATED}.{code}"] for code in languages]
        unknown = any(map(isnan, counts))
        return _least((nan if unknown else max(counts)) if languages else _count(files), settings.max_examples)

    def _tested(self, task: str, settings: Training, steps: float, every: int | None, own: bool = False) -> float:
        """Tokens of the dev sets, at every evaluation and at the end; `own`: of the language trained on alone."""
        sources = {stem.split(".")[1] for stem in self._files(task, "train")}
        files = {
            stem: count for stem, count in self._files(task, "dev").items() if not own or stem.split(".")[1] in sources
        }
        evaluations = steps if isnan(steps) else ceil(steps / every) if every else 0
        during = evaluations * self._rows(files, settings.evaluation_rows) if every else 0
        return (during + self._rows(files, self.params.evaluation.max_rows)) * self._row(task, "predict", settings)[0]

    def _row(self, task: str, split: Literal["train", "predict"], settings: Training | Retrieval) -> tuple[float, int]:
        """Tokens of a row, and of one of its inputs: as measured, else at most."""
        measured = self.lengths.get((task, split, settings.max_length))
        if measured:
            self.measured.add(task)
            return measured.tokens / measured.rows, ceil(measured.tokens / measured.inputs)
        kind = self.tasks[task].kind
        inputs = CHOICES.get(task, nan) if kind == "multiple_choice" else 2 if kind == "bitext" else 1
        return inputs * settings.max_length, settings.max_length


def _unit(
    kind: Literal["encoder", "intermediate", "cell"],
    name: str,
    runs: int,
    steps: float,
    train_tokens: float,
    predict_tokens: float,
    predict_rows: float,
    length: int,
) -> UnitCost:
    return UnitCost(
        kind=kind,
        name=name,
        runs=runs,
        steps=_whole(steps),
        train_tokens=_whole(train_tokens),
        predict_tokens=_whole(predict_tokens),
        predict_rows=_whole(predict_rows),
        length=length,
    )


def _whole(count: float) -> int | None:
    return None if isnan(count) else round(count)


def _count(files: Mapping[str, float]) -> float:
    """Rows of all files; unknown where there is none."""
    return sum(files.values()) if files else nan


def _least(count: float, cap: int | None) -> float:
    """The smaller one; unknown where the count is."""
    return count if cap is None or isnan(count) else min(count, cap)


def _steps(examples: float, settings: Training) -> float:
    """Optimiser steps of a task's own epochs, as harness.experiment.training.prepare counts them."""
    return examples if isnan(examples) else max(1, round(settings.epochs * examples / settings.batch_size))
