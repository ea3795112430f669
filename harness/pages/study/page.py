"""The page that `harness study` writes: a frozen `Study` -> Markdown; figures.py draws its two pictures.

Every sentence that depends on numbers is chosen from the record, which record.py fills. A claim about XLM-R Large is
never called reproduced or refuted here: the page says whether this encoder's numbers point where it points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.pages.markdown import markdown_table
from harness.pages.means import Average, SeedMean
from harness.pages.study.figures import colour_reach, largest_gain, plot_gains, plot_pairs
from harness.pages.study.record import Study
from harness.project.errors import name_some, writing
from harness.project.params import BASELINE
from harness.project.results import Status
from harness.verify.show.table import SPLIT, by_reason, in_order, show_interval, show_points
from harness.verify.statistics.intervals import CONFIDENCE, FEWEST_SEEDS
from harness.verify.verdicts.planted import published
from harness.verify.verdicts.verdict import ClaimVerdict

DIRECTIONS = {True: "same", False: "opposite", None: "unclear"}
FACT_WORDS = {"CONFIRMED": "fact: confirmed", "REFUTED": "fact: refuted"}
NOT_MEASURABLE = "not measurable"
COLLAPSED = "†"
"""Marks a pair that rests on a collapsed cell."""


def write_page(study: Study, out: Path) -> None:
    """Write the page to `out`, and <out>_gains.png and <out>_pairs.png beside it."""
    gains, pairs = (out.with_name(f"{out.stem}_{name}.png") for name in ("gains", "pairs"))
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        plot_gains(study, gains)
        plot_pairs(study, pairs)
        out.write_text(render_page(study, gains.name, pairs.name), encoding="utf-8")


def render_page(study: Study, gains: str, pairs: str) -> str:
    """The whole page as Markdown; `gains` and `pairs`: the pictures' file names beside it."""
    parts = [_opening(study), _what_was_run(study), _claims(study), _pairs(study), _figures(study, gains, pairs)]
    return "\n\n".join([*parts, _limits(study)]) + "\n"


def _opening(study: Study) -> str:
    v = study.verification
    where = (
        f"the run in `results/{v.profile}`" if v.judged == "run" else f"the pinned results in `reference/{v.profile}`"
    )
    return "\n\n".join(
        [
            f"# What profile `{v.profile}` shows",
            f"**{v.answer}.**",
            f"Written by `harness study` from {where}: every number, and every sentence that depends on one, follows "
            "from them. Scores and gains are points (0-100); a gain is a recipe's score less that of the baseline "
            f"`{BASELINE}` (no intermediate training) at the same seed.",
        ]
    )


def _what_was_run(study: Study) -> str:
    v, made = study.verification, study.provenance
    dirty = ", tracked files differed from it" if made.git_dirty else ""
    facts = [
        ("profile", f"`{v.profile}`: {study.title}"),
        ("data", v.data),
        ("encoder", _encoder(study)),
        ("scores", SPLIT),
        ("grid", v.grid.in_words),
        ("cells", _cells(study)),
        ("machine", "; ".join(map(_machine, made.machines)) or "not recorded"),
        ("date", made.when),
        ("code", f"commit {', '.join(commit[:12] for commit in made.git_commits) or 'not recorded'}{dirty}"),
    ]
    parts = ["## What was run", markdown_table(("", ""), facts, "ll")]
    if study.task_notes:
        parts.append("Notes on the data, as `harness tasks` gives them:")
        parts.append(
            "\n".join(
                f"- {', '.join(tasks)}: {note.removeprefix('note: ')}" for note, tasks in study.task_notes.items()
            )
        )
    if absent := _absent(study):
        parts.append("Not available, or not to be used:")
        parts.append("\n".join(f"- {line}" for line in absent))
    return "\n\n".join(parts)


def _encoder(study: Study) -> str:
    made = study.encoder
    if made is None:
        return f"{study.verification.encoder}; its record is not there"
    loss = ""
    if made.final_loss is not None:
        loss = f"; masked-LM loss {made.final_loss:.3f} nats per token after {made.steps:,} steps"
    if made.earlier_loss is not None:
        loss += f", {made.earlier_loss:.3f} after three quarters of them"
    return f"{study.verification.encoder}, {made.parameters:,} parameters{loss}"


def _cells(study: Study) -> str:
    v0 = study.verification.v0
    statuses: tuple[Status, ...] = ("ok", "collapsed", "failed", "unavailable")
    counts = ", ".join(f"{v0.statuses.get(status, 0)} {status}" for status in statuses)
    return f"{v0.cells_found} of {v0.cells_expected}: {counts}"


def _machine(machine: Mapping[str, Any]) -> str:
    words = [str(machine.get("cpu", "unknown processor"))]
    words += [machine["instructions"]] if "instructions" in machine else []
    words += [f"{machine['cores']} cores"] if "cores" in machine else []
    words += [f"{key} {machine[key]}" for key in ("device", "threads", "python") if key in machine]
    return ", ".join(words)


def _absent(study: Study) -> list[str]:
    lines = [f"{', '.join(names)}: unavailable, {reason}" for reason, names in study.unavailable.items()]
    for recipe, tasks in study.left_out.items():
        lines += [f"{recipe}: trained without {task}, {reason}" for task, reason in tasks.items()]
    return lines


def _claims(study: Study) -> str:
    verdicts = in_order(published(study.verification.claims))
    headers = ("claim", "its words", "expected", "measured", "interval", "without retrieval", "direction", "seeds")
    return "\n\n".join(
        [
            "## The claims",
            count_directions(verdicts),
            markdown_table(headers, [_claim_row(verdict) for verdict in verdicts], "ll"),
            "The interval is the one that decides, adjusted for the looks of the design. "
            "Direction: it lies on the claim's side (same), on the other (opposite), or on both "
            "(unclear). The sides are those of zero for a gain or a comparison, of the threshold where the claim says "
            "that there is no gain, and of the claimed share where it speaks of a share of recipes (its interval is "
            "what the recipes' own intervals leave open). Facts of the data need no run: the pins of the published "
            "files decide them, and `harness verify` prints the evidence.",
            "\n".join(f"- {line}" for line in _notes(verdicts)),
        ]
    )


def _notes(verdicts: Sequence[ClaimVerdict]) -> list[str]:
    """What stands between the measurements and a verdict, and other recipes that a claim could mean."""
    effects = [verdict for verdict in verdicts if not verdict.is_fact]
    lines = [f"{', '.join(names)}: {reason}" for reason, names in by_reason(effects).items()]
    for verdict in effects:
        lines += [f"{verdict.id}: {recipe}, which the claim could mean too, gains {show_points(gain)}"
                  for recipe, gain in verdict.beside.items()]  # fmt: skip
    return lines


def count_directions(verdicts: Sequence[ClaimVerdict]) -> str:
    """How many claims point which way, and what that does not mean."""
    measured = [verdict for verdict in verdicts if not verdict.is_fact]
    words = [direction_of(verdict) for verdict in measured]
    counts = ", ".join(f"{words.count(word)} {word}" for word in (*DIRECTIONS.values(), NOT_MEASURABLE))
    facts = [direction_of(verdict) for verdict in verdicts if verdict.is_fact]
    confirmed = facts.count(FACT_WORDS["CONFIRMED"])
    return (
        f"Of {len(measured)} claims on results: {counts}. Of {len(facts)} on facts of the data {confirmed} are "
        f"confirmed. {_standing(verdicts)}"
    )


def _standing(verdicts: Sequence[ClaimVerdict]) -> str:
    if _in_scope(verdicts):
        return (
            "Encoder and data are those of the claims; `harness verify` gives the verdicts, this page the directions."
        )
    return (
        "None of the former is decided here: they speak about another encoder or other data, or need cells that are "
        "not there. `same` says that the measurement here points where the claim points, `opposite` that it points "
        "away from it, `unclear` that these seeds can't tell."
    )


def _in_scope(verdicts: Sequence[ClaimVerdict]) -> bool:
    """Is any claim on results about what was run?"""
    return any(verdict.verdict != "NOT_TESTED" for verdict in verdicts if not verdict.is_fact)


def direction_of(verdict: ClaimVerdict) -> str:
    """Where the measurement points relative to the claim; for a fact whether it is confirmed."""
    if verdict.is_fact:
        return FACT_WORDS.get(verdict.verdict, "fact: undecided")
    return NOT_MEASURABLE if verdict.measured is None else DIRECTIONS[verdict.agrees]


def _claim_row(verdict: ClaimVerdict) -> tuple[str, ...]:
    share = verdict.is_share
    return (
        verdict.id,
        verdict.text,
        (verdict.expected or "-").replace("+-", "±"),
        verdict.found or show_points(verdict.measured, share),
        show_interval(verdict.interval, share),
        show_points(verdict.without_retrieval),
        direction_of(verdict),
        str(verdict.n_seeds or "-"),
    )


def _pairs(study: Study) -> str:
    targets, n = study.verification.grid.targets, len(study.verification.grid.seeds)
    others = [target for target in targets if study.groups[target] != "retrieval"]
    headers = ["recipe", *targets, "all targets", *(["without retrieval"] if study.without_retrieval else [])]
    rows = [
        [
            recipe,
            *(_pair(study, recipe, target) for target in targets),
            _average(study.overall[recipe], targets, n),
            *([_average(study.without_retrieval[recipe], others, n)] if study.without_retrieval else []),
        ]
        for recipe in study.gains
    ]
    scores = [[BASELINE, *(_cell(study.baseline[target], n, signed=False) for target in targets)]]
    return "\n\n".join(
        [
            "## Gains by recipe and target",
            f"Mean gain over {n} seeds ± half the width of its 90 % interval; **bold**: the interval excludes 0; "
            f"without ±: no spread to build one from. {count_clear(study)}{_collapsed_mark(study)}",
            markdown_table(headers, rows, "l"),
            f"Scores of the baseline (mean over seeds ± half the width of its 90 % interval): {_steady(study)}",
            markdown_table(["recipe", *targets], scores, "l"),
        ]
    )


def count_clear(study: Study) -> str:
    """How many pairs' intervals exclude 0, beside how many would by chance."""
    found = [gain for gains in study.gains.values() for gain in gains.values() if gain and gain.interval]
    up, down = (sum(gain.direction == way for gain in found) for way in ("up", "down"))
    by_chance = (1 - CONFIDENCE) * len(found)
    beyond = "more than" if up + down > by_chance else "no more than"
    return (
        f"{up + down} of {len(found)} intervals exclude 0, {up} above and {down} below: {beyond} the "
        f"{by_chance:.1f} that would if no recipe changed anything."
    )


def _collapsed_mark(study: Study) -> str:
    if not study.collapsed:
        return ""
    return f" {COLLAPSED}: a cell of the pair, or of the baseline on its target, collapsed; it counts as it is."


def _steady(study: Study) -> str:
    """Targets on which the baseline does not move with the seed."""
    steady = [target for target, score in study.baseline.items() if score and not score.interval]
    return f"the same at every seed on {', '.join(steady)}." if steady else "it moves with the seed on every target."


def _pair(study: Study, recipe: str, target: str) -> str:
    gain = study.gains[recipe][target]
    if gain is None:
        return "unavailable" if study.is_unavailable(recipe, target) else "no score"
    mark = COLLAPSED if any(target in study.collapsed.get(each, []) for each in (recipe, BASELINE)) else ""
    return _cell(gain, len(study.verification.grid.seeds)) + mark


def _average(average: Average, targets: Sequence[str], seeds: int) -> str:
    """A mean over `targets`; it says so where it had to leave some out."""
    if not average.targets:
        return "unavailable"
    text = _cell(average.estimate, seeds)
    return text if len(average.targets) == len(targets) else f"{text} ({len(average.targets)} targets)"


def _cell(found: SeedMean | None, seeds: int, signed: bool = True) -> str:
    """Mean, half-width, and the number of seeds where some have no score."""
    if found is None:
        return "no score"
    text = show_points(found.mean) if signed else f"{found.mean:.1f}"
    if found.interval:
        text += f" ± {(found.interval.high - found.interval.low) / 2:.1f}"
    if signed and found.excludes_zero:
        text = f"**{text}**"
    return text if len(found.by_seed) == seeds else f"{text} ({len(found.by_seed)} seeds)"


def _figures(study: Study, gains: str, pairs: str) -> str:
    n = len(study.verification.grid.seeds)
    return "\n\n".join(
        [
            "## Figures",
            f"![Mean gain of each recipe over targets]({gains})",
            f"Grey: each of the {n} seeds. Blue: their mean, filled where the interval excludes 0, and its 90 % "
            "interval.",
            f"![Mean gain of each recipe on each target]({pairs})",
            f"Mean gain in points; bold where the interval excludes 0; grey where there is none. {colours(study)}",
        ]
    )


def colours(study: Study) -> str:
    """How far the colours of the heat map reach."""
    reach, beyond = colour_reach(study), largest_gain(study)
    text = f"The colours reach from {-reach:+.1f} to {reach:+.1f}"
    return f"{text}; larger gains (up to {beyond:.1f}) have the colour of the end." if beyond > reach else f"{text}."


def _limits(study: Study) -> str:
    """What the numbers can't say; each line stands only where it holds."""
    lines = [
        "The encoder was made once: intervals over seeds hold the luck of training and of data order, and not that of "
        "another pretraining, other samples of the data or other languages.",
        _on_size(study),
        _on_data(study),
        f"{count_clear(study)} A single bold number is weak evidence.",
        _on_retrieval(study),
        *_on_cells(study),
        _on_seeds(study),
    ]
    return "\n\n".join(["## What these numbers can't say", "\n".join(f"- {line}" for line in lines if line)])


def _on_retrieval(study: Study) -> str:
    if "retrieval" not in study.groups.values():
        return ""
    return (
        "Retrieval targets are not trained: their scores follow one hidden layer and its pooling, which `params.yaml` "
        "fixes, and another layer could give another gain."
    )


def _on_cells(study: Study) -> list[str]:
    """Cells that are not `ok`, and what that does to the means."""
    v0, lines = study.verification.v0, []
    if v0.collapsed:
        lines.append(
            f"Collapsed cells, whose model did not learn its target: {len(v0.collapsed)} ({name_some(v0.collapsed)}). "
            "They count as they are, so a gain over a collapsed baseline, or the loss of a collapsed recipe, is that "
            "of a failed training and not of transfer."
        )
    else:
        lines.append("No cell collapsed.")
    if v0.failed:
        named = f"Failed cells, which have no score: {len(v0.failed)} ({name_some(v0.failed)})"
        lines.append(f"{named}. Their seeds are missing from every mean that needs them.")
    if study.unavailable:
        lines.append("An average that had to leave out an unavailable target is not comparable with the others.")
    if study.left_out:
        lines.append(
            f"{', '.join(study.left_out)}: not the mixture of its name, and so not the one that a claim means."
        )
    return lines


def _on_seeds(study: Study) -> str:
    n = len(study.verification.grid.seeds)
    return "" if n >= FEWEST_SEEDS else f"Fewer seeds ({n}) than the {FEWEST_SEEDS} that a verdict needs."


def _on_size(study: Study) -> str:
    """A small encoder says nothing about the claims' own."""
    if _in_scope(published(study.verification.claims)):
        return ""
    size = f" of {study.encoder.parameters:,} parameters" if study.encoder else ""
    return (
        f"The claims are about XLM-R Large on XTREME. What this encoder{size} gains or loses on these data neither "
        "confirms nor contradicts them; at best it shows whether an effect of that direction exists elsewhere too."
    )


def _on_data(study: Study) -> str:
    data = study.verification.data
    if data == "XTREME":
        return ""
    stand_ins = [task for note, tasks in study.task_notes.items() if note.startswith("STAND-IN") for task in tasks]
    named = f" Stand-ins: {', '.join(stand_ins)} (see the notes above)." if stand_ins else ""
    return f"The data is {data}, not the published data sets: a score here is not a score on those.{named}"
