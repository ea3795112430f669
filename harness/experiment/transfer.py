"""Zero-shot transfer: training on the target's rows in the source language, predictions in every language."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from harness.data.folder import languages
from harness.experiment.findings import Findings, Start
from harness.experiment.training.loop import Diverged, Trained, train, trim_words
from harness.experiment.training.prepare import TrainingTask, collapse_reasons, dev_scores, predict_split, prepare
from harness.metrics import scoring
from harness.model.tokenizer import token_id
from harness.project.params import Training
from harness.project.progress import progress
from harness.project.results import Oracle


def run(start: Start, found: Findings) -> None:
    """Train, then predict; raises HarnessError as `learn` does."""
    ready = learn(start, found)
    if ready is not None:
        predict(start, ready, found)


def learn(start: Start, found: Findings) -> TrainingTask | None:
    """Train the encoder with a new head and look at the dev sets; None where the loss became no number.

    Raises HarnessError for settings of another head.
    """
    settings, params = start.params.target[start.task.name], start.params
    if not isinstance(settings, Training):
        raise start.wrong_settings("how it is trained (learning_rate, batch_size, ...)")
    ready = prepare(start.task, start.data, settings, start.encoder, start.tokenizer, start.seed)
    schedule = ready.schedule(params.compute.micro_batch)
    found.counts |= {"train_examples": len(ready.features.items), "steps": schedule.steps}
    found.counts |= {f"train_{name}": count for name, count in sorted(ready.features.counts.items())}
    others = [language for language in languages(start.data, "dev") if language != ready.source_language]
    watch = _Watch(ready, start, others)
    stream, pad = ready.stream(), token_id(start.tokenizer, start.encoder.family.tokens.pad)
    found.counts["words_trained"] = trim_words(start.encoder, [stream], pad)
    with progress(f"cell {start.cell.id}", schedule.steps) as advance:
        try:
            trained = train(
                start.encoder,
                [stream],
                schedule,
                seed=start.seed,
                pad=pad,
                evaluate=watch,
                advance=advance,
            )
        except Diverged as diverged:
            found.stop("failed", [str(diverged)], diverged.curve)
            return None
    found.curve = trained.curve
    found.counts |= {"steps": trained.stopped, "steps_used": trained.step}
    found.oracle = watch.oracle(trained.step)
    _validate(start, ready, trained, others, found)
    return ready


def _validate(start: Start, ready: TrainingTask, trained: Trained, others: Sequence[str], found: Findings) -> None:
    """Dev scores of the source language and of the others, and whether the model has collapsed."""
    source, evaluation = ready.source_language, start.params.evaluation
    dev = predict_split(ready, start.encoder, start.tokenizer, "dev", [source], evaluation)
    others_dev = predict_split(ready, start.encoder, start.tokenizer, "dev", others, evaluation)
    scores = {}
    for language, one in {**dev, **others_dev}.items():
        scores[language] = scoring.score(start.task.metric, one.rows, one.predictions, language)
        found.predict_dev(language, start.data / f"dev.{language}.jsonl", one.rows, one.predictions)
    found.dev_scores = scores.pop(source)
    found.dev_by_language = scores
    found.reasons = collapse_reasons(start.task, trained, dev[source].rows, dev[source].predictions)
    found.status = "collapsed" if found.reasons else "ok"


def predict(start: Start, ready: TrainingTask, found: Findings) -> None:
    """Predict the test rows of every language; none of them was trained on but the source language."""
    tested = languages(start.data, "test")
    predicted = predict_split(ready, start.encoder, start.tokenizer, "test", tested, start.params.evaluation)
    for language, test in predicted.items():
        for name, count in sorted(test.counts.items()):
            found.count(f"test_{name}", count)
        found.predict(language, start.data / f"test.{language}.jsonl", test.rows, test.predictions)


class _Watch:
    """Scores the dev set during training, and beside it, for the record only, those of the target languages."""

    def __init__(self, ready: TrainingTask, start: Start, others: Sequence[str]) -> None:
        self.task, self.others = ready.task, others
        self.seen: dict[str, dict[int, float]] = {language: {} for language in others}
        self.source = ready.source_language
        self._score = partial(
            dev_scores,
            ready,
            start.encoder,
            start.tokenizer,
            start.params.evaluation,
            limit=ready.training.evaluation_rows,
        )

    def __call__(self, step: int) -> tuple[dict[str, float], float]:
        metrics = self._score([self.source, *self.others])
        for language in self.others:
            self.seen[language][step] = scoring.headline(self.task.metric, metrics[language])
        return metrics[self.source], scoring.headline(self.task.metric, metrics[self.source])

    def oracle(self, used: int) -> dict[str, Oracle]:
        """What choosing by each language's own dev set would have given; empty where nothing was evaluated."""
        found = {}
        for language, values in self.seen.items():
            if used in values:
                best = max(values, key=lambda step: values[step])  # the earliest of equals
                found[language] = Oracle(used=values[used], best=values[best], best_step=best)
        return found
