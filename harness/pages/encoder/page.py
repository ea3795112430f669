"""The page that `harness encoder report` writes: a frozen `EncoderReport` -> Markdown and the picture of its curve.

Pure: every sentence, the findings included, follows from the record; record.py measures it. Section by section from
top to bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.data.lab.languages import LANGUAGES
from harness.pages.encoder.correlation import SHUFFLES, Correlation, rank_correlation, show_correlation
from harness.pages.encoder.report import EncoderReport
from harness.pages.markdown import markdown_table

SIDES = ("pretrained", "random")
TRANSFER = ("udpos", "panx")
FAMILY_NAMES = {"xlm-roberta": "XLM-R's", "bert": "BERT's"}
LEVEL = 0.05
"""One-sided p below which the page says that transfer falls with something."""


def plot_curve(report: EncoderReport, path: Path) -> None:
    """The learning curve as a PNG whose bytes follow from the record and the version of matplotlib.

    Only an encoder that was pretrained here has one.
    """
    assert report.pretraining is not None
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    curve = report.made["curve"]
    figure = Figure(figsize=(7, 3.6), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.plot([point["step"] for point in curve], [point["loss"] for point in curve], marker=".", color="#1f5a8c")
    guess = float(np.log(report.pretraining.vocabulary_size))
    axes.axhline(guess, color="#888888", linestyle=":", label=f"uniform guess, ln {report.pretraining.vocabulary_size}")
    axes.set(xlabel="optimiser steps", ylabel="loss (nats per masked token)", xlim=(0, None))
    axes.set_title(f"Masked-language-model pretraining, profile {report.profile}", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Software": None})


def render_page(report: EncoderReport, picture: str) -> str:
    """The whole page as Markdown; `picture`: the plot's file name beside it, where the encoder was pretrained here."""
    parts = [
        _opening(report),
        _summary(report),
        _what_it_is(report),
        _learning_curve(report, picture),
        *(_transfer(report, target) for target in TRANSFER if target in report.pretrained.test),
        _retrieval(report),
        _dev_scores(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(report: EncoderReport) -> str:
    lines = [
        f"# What the encoder of profile `{report.profile}` knows",
        "Written by `harness encoder report`: every number and every finding below is computed by it. Beside the "
        "pretrained encoder stands the same architecture with the same tokenizer at its random initialisation, "
        f"trained on the same rows with the same settings (`target` in params.yaml) and seed {report.seed}. "
        "One seed is one draw: small differences mean nothing. Scores are points (0-100).",
    ]
    if _laboratory(report):
        lines.append(
            "The tasks are laboratory analogues in constructed languages. They share nothing but their form with the "
            "data sets that they are named after, and no number here is a score on those."
        )
    if report.stand_ins:
        lines.append("Stand-ins, where the data pack lacks a task's own data:")
        lines.append(
            "\n".join(f"- {report.names.get(target, target)}: {text}" for target, text in report.stand_ins.items())
        )
    return "\n\n".join(lines)


def _summary(report: EncoderReport) -> str:
    """One row per section: means over languages without the source, and over the dev scores."""
    rows = []
    for target in TRANSFER:
        sides = [side.test.get(target) or {} for side in (report.pretrained, report.random)]
        means = [_mean([f1 for code, f1 in side.items() if code != report.source_language]) for side in sides]
        if target in report.names:
            rows.append((f"zero-shot F1, {report.names[target]}", *_three(*means)))
    if report.retrieval_layer is not None:
        layers = [side.retrieval[report.retrieval_layer] for side in (report.pretrained, report.random)]
        what = f"retrieval accuracy at layer {report.retrieval_layer}, {report.names['tatoeba']}"
        rows.append((what, *_three(*(_mean(list(layer.values())) for layer in layers))))
    firsts = [
        [next(iter(side.dev[target].values()), None) for side in (report.pretrained, report.random)]
        for target in report.baselines
    ]
    above = sum(one is not None and (other is None or one > other) for one, other in firsts)
    text = (
        "Means over the languages without the source. On the source language's dev rows the pretrained encoder is "
        f"above the random one in {above} of {len(firsts)} targets (by each target's first metric)."
    )
    return "\n\n".join(("## In short", text, markdown_table(("", *SIDES, "difference"), rows, "l")))


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _laboratory(report: EncoderReport) -> bool:
    return report.source_language in LANGUAGES


def _what_it_is(report: EncoderReport) -> str:
    size, training, made = report.size, report.pretraining, report.made
    architecture = (
        f"{FAMILY_NAMES[size.family]}: {size.layers} layers, hidden size {size.hidden_size}, {size.heads} heads, "
        f"feed-forward {size.intermediate_size}, at most {size.max_length} tokens"
    )
    facts = [("architecture", architecture), ("parameters", f"{made['parameters']:,}")]
    if training is None:
        return "\n\n".join(("## What it is", markdown_table(("", ""), [*facts, *_published(report)], "ll")))
    sentences, provenance = made["sentences"], made["provenance"]
    machine = provenance["machine"]
    facts += [
        ("vocabulary", f"{training.vocabulary_size:,} unigram pieces, trained on the same corpus"),
        ("pretraining", f"masked language modelling, {training.steps:,} steps of about {training.batch_tokens:,} "
         f"tokens, languages sampled by (share of the corpus) ^ {training.language_exponent}"),
        ("corpus", f"{sum(sentences.values()):,} rows in {len(sentences)} languages"),
        ("wall time", f"{made['elapsed_s']:.0f} s, tokenizer included"),
        ("machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['architecture']} {machine['system']}; "
         f"{provenance['device']}, threads: {provenance['threads']}, torch {provenance['packages']['torch']}"),
    ]  # fmt: skip
    rows = sorted(sentences.items(), key=lambda item: -item[1])
    corpus = markdown_table(("language", "corpus rows"), [(language, f"{count:,}") for language, count in rows])
    return "\n\n".join(("## What it is", markdown_table(("", ""), facts, "ll"), corpus))


def _published(report: EncoderReport) -> list[tuple[str, str]]:
    """What the record of an encoder says that others made."""
    made = report.made
    return [
        ("vocabulary", f"{report.size.vocabulary_size:,} pieces"),
        ("source", report.source),
        ("weights", f"sha256 {made['sha256']['model.safetensors']}"),
        ("has seen", made.get("seen") or "not stated (`encoder.seen` in params.yaml)"),
    ]


def _learning_curve(report: EncoderReport, picture: str) -> str:
    if report.pretraining is None:
        return ""
    curve = report.made["curve"]
    if not curve:
        return "## Learning curve\n\nNone: the encoder was left at its random initialisation (0 steps)."
    shown = min(10, len(curve))
    points = [curve[(i + 1) * len(curve) // shown - 1] for i in range(shown)]
    rows = [(p["step"], f"{p['loss']:.3f}", f"{np.exp(p['loss']):.1f}", f"{p['learning_rate']:.1e}") for p in points]
    guess = report.pretraining.vocabulary_size
    text = (
        "Loss is the mean since the point before (the plot has every point), in nats per masked token; perplexity is "
        f"its exponential. A uniform guess has loss {np.log(guess):.3f} and perplexity {guess}."
    )
    table = markdown_table(("step", "loss", "perplexity", "learning rate"), rows)
    return "\n\n".join(("## Learning curve", f"![Learning curve]({picture})", text, table))


def _transfer(report: EncoderReport, target: str) -> str:
    """Zero-shot transfer of one tagging target, language by language."""
    kind = {"udpos": "part-of-speech tagging", "panx": "named entities"}[target]
    pretrained, random = report.pretrained.test[target], report.random.test.get(target, {})
    if not pretrained or not random:
        return f"## Zero-shot transfer: {kind}\n\nNo scores: the training of one of the two encoders diverged."
    intro = (
        f"{_sentence(report.names[target])}: trained on `{report.source_language}` only, F1 on the test rows "
        "of every language (the source language's own row is no transfer). Dev F1 in the source language: "
        f"{report.pretrained.dev[target]['f1']:.1f} pretrained, {report.random.dev[target]['f1']:.1f} random."
    )
    laboratory = _laboratory(report)
    order = sorted(pretrained, key=lambda code: _relatedness_order(code, report) if laboratory else (0, 0, code))
    traits_of = ("cognates", "script", "word order") if laboratory else ()
    sentences = report.made.get("sentences")
    text = () if sentences is None else ("corpus rows",)
    headers = ("language", *traits_of, *text, *SIDES, "difference")
    rows = []
    for code in order:
        traits = _traits(code) if laboratory else ()
        corpus = () if sentences is None else (f"{sentences.get(code, 0):,}",)
        scores = _three(pretrained[code], random[code])
        rows.append((f"{code} (source)" if code == report.source_language else code, *traits, *corpus, *scores))
    table = markdown_table(headers, rows, "llll" if laboratory else "l")
    findings = _findings(report, target) if laboratory and sentences is not None else []
    return "\n\n".join((f"## Zero-shot transfer: {kind}", intro, table, *findings))


def _relatedness_order(code: str, report: EncoderReport) -> tuple[float, int, str]:
    return -LANGUAGES[code].cognates, -report.made.get("sentences", {}).get(code, 0), code


def _traits(code: str) -> tuple[str, str, str]:
    language = LANGUAGES[code]
    order = f"{language.order}, adjective {language.adjective}, adposition {language.adposition}"
    return f"{language.cognates:.0%}", language.script, order


def _findings(report: EncoderReport, target: str) -> list[str]:
    """Whether transfer falls with relatedness and with corpus size: sentences and two tables, from the numbers."""
    codes = [code for code in report.pretrained.test[target] if code != report.source_language]
    related = [LANGUAGES[code].cognates for code in codes]
    size = [float(report.made["sentences"].get(code, 0)) for code in codes]
    pretrained, random = ([side.test[target][code] for code in codes] for side in (report.pretrained, report.random))
    difference = [left - right for left, right in zip(pretrained, random, strict=True)]
    rows, found = [], {}
    for name, values in (("pretrained", pretrained), ("random", random), ("difference", difference)):
        found[name] = [
            rank_correlation(related, values),
            rank_correlation(size, values),
            rank_correlation(size, values, groups=related),
        ]
        rows.append((name, *(show_correlation(correlation) for correlation in found[name])))
    by_group = []
    for share in sorted(set(related), reverse=True):
        sides = [
            [value for value, of in zip(side, related, strict=True) if of == share] for side in (pretrained, random)
        ]
        means = [_mean(side) for side in sides]
        by_group.append((f"{share:.0%}", str(related.count(share)), *_three(*means)))
    text = (
        f"{finding('F1', 'relatedness (the share of cognates)', found['pretrained'][0])} "
        f"{finding('F1', 'corpus size among equally related languages', found['pretrained'][2])} "
        f"{finding('What pretraining adds', 'corpus size among equally related languages', found['difference'][2])}"
    )
    method = (
        "Spearman's rank correlation over the languages without the source; `at equal relatedness` ranks within each "
        f"share of cognates and pools. p: share of {SHUFFLES:,} shuffles (within the same groups) with at least this "
        f"correlation; below {LEVEL} the sentences above say `falls`."
    )
    return [
        text,
        markdown_table(("cognates", "languages", *(f"mean {side}" for side in SIDES), "difference"), by_group),
        method,
        markdown_table(("", "with cognates", "with corpus size", "with corpus size at equal relatedness"), rows, "l"),
    ]


def finding(what: str, cause: str, correlation: Correlation) -> str:
    """One sentence: whether `what` falls as `cause` falls."""
    if correlation.rho is None:
        return f"Whether {what} falls with {cause} cannot be said: one of the two does not vary."
    verb = "falls with" if correlation.p < LEVEL else "is not shown to fall with"
    return (
        f"{what} {verb} {cause}: rank correlation {show_correlation(correlation)} over {correlation.count} languages."
    )


def _retrieval(report: EncoderReport) -> str:
    pretrained, random = report.pretrained.retrieval, report.random.retrieval
    if not pretrained:
        return ""
    means = [tuple(float(np.mean(list(layer.values()))) for layer in side) for side in (pretrained, random)]
    best = int(np.argmax(means[0]))
    rows = []
    for layer, scores in enumerate(zip(*means, strict=True)):
        marks = [mark for mark, at in (("best", best), ("params.yaml", report.retrieval_layer)) if at == layer]
        rows.append((f"{layer} ({', '.join(marks)})" if marks else str(layer), *_three(*scores)))
    intro = (
        f"{_sentence(report.names['tatoeba'])}, no training: states of one hidden layer, pooled as `target.tatoeba` in "
        f"params.yaml says, nearest neighbour by cosine; the `{report.source_language}` sentence queries the other "
        "language. Mean accuracy over languages by hidden layer (0: embeddings); `params.yaml` marks the layer that "
        "the cells use. The best layer is the pretrained encoder's, picked on these rows, so its lead is flattered."
    )
    by_language = [
        (language, *_three(pretrained[best][language], random[best][language]), f"{report.shared_words[language]:.1f}")
        for language in sorted(pretrained[best], key=lambda code: -pretrained[best][code])
    ]
    second = f"By language at layer {best}; `shared words`: the sentence that shares most words with the query."
    headers = ("language", *SIDES, "difference", "shared words")
    layers = markdown_table(("layer", *SIDES, "difference"), rows, "l")
    return "\n\n".join(("## Retrieval by layer", intro, layers, second, markdown_table(headers, by_language, "l")))


def _dev_scores(report: EncoderReport) -> str:
    """Every trained target on the source language's dev rows, each baseline beside the metric that it is scored in."""
    rows = []
    for target, baseline in report.baselines.items():
        scores = [side.dev[target] for side in (report.pretrained, report.random)]
        metrics = list(dict.fromkeys(metric for side in scores for metric in side))
        scored_in = "accuracy" if "accuracy" in metrics else "f1"
        for metric in metrics or ["diverged"]:
            beside = [f"{baseline[name]:.1f}" if metric == scored_in else "" for name in ("majority", "bag_of_words")]
            rows.append((report.names[target], metric, *_three(*(side.get(metric) for side in scores)), *beside))
    text = (
        f"Dev rows of the source language `{report.source_language}`. Majority says the commonest label; the bag of "
        "words is a logistic regression on words (tagging: each word's commonest tag, accuracy per token; question "
        "answering: the words of the best overlapping sentence). What does not stand above them has not been learnt."
    )
    headers = ("target", "metric", *SIDES, "difference", "majority", "bag of words")
    return "\n\n".join(("## Dev scores of every trained target", text, markdown_table(headers, rows, "ll")))


def _three(pretrained: float | None, random: float | None) -> tuple[str, str, str]:
    """Pretrained, random and their difference as text; a dash for what diverged."""
    difference = "-" if pretrained is None or random is None else f"{pretrained - random:+z.1f}"
    first, second = ("-" if value is None else f"{value:.1f}" for value in (pretrained, random))
    return first, second, difference
