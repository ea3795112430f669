"""The page that `harness study` writes: a frozen `Study` -> Markdown with pictures beside it.

Every sentence that depends on numbers is chosen from the record, which record.py fills. A claim about another encoder
or other data is never called reproduced or refuted: the page says whether what it says holds of what was measured here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.pages.markdown import markdown_table
from harness.pages.study.answer import CLAIMS_ON, answer, in_scope
from harness.pages.study.claims import claims_section
from harness.pages.study.figures import plot_gains, plot_languages, plot_pairs
from harness.pages.study.forest import drawn_claims, plot_claims
from harness.pages.study.gains import count_clear, gains_section, languages_section
from harness.pages.study.outside import outside_section
from harness.pages.study.rates import rates_section
from harness.pages.study.record import Study
from harness.pages.study.retrieval import plot_retrieval, retrieval_section
from harness.pages.study.shared import shared_lines
from harness.pages.study.trainings import in_hours, on_trainings, trainings_section
from harness.pages.whole import whole_files
from harness.pages.whose import refuse_other_page
from harness.project.errors import name_some
from harness.project.params import BASELINE
from harness.project.results import Status
from harness.verify.show.table import SPLIT
from harness.verify.statistics.intervals import FEWEST_SEEDS

TITLE = "# What profile `{}` shows"


def write_page(study: Study, out: Path, root: Path) -> None:
    """Write the page to `out`, and its pictures as <out>_<name>.png beside it; `root`: of the repository, for links.

    Raises HarnessError where `out` is a page of another profile.
    """
    profile = study.verification.profile
    refuse_other_page(profile, TITLE.format(profile), out, "study --out")
    with whole_files(out.parent) as place:
        draw_pictures(study, place / out.name)
        links = os.path.relpath(root, out.parent)
        (place / out.name).write_text(render_page(study, out.stem, links), encoding="utf-8")


PICTURES = {
    "claims": plot_claims,
    "pairs": plot_pairs,
    "gains": plot_gains,
    "languages": plot_languages,
    "layers": plot_retrieval,
}
"""Name -> what draws it."""


def draw_pictures(study: Study, out: Path) -> None:
    """Draw the pictures of the page at `out` beside it, those that have anything to show."""
    out.parent.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        if is_drawn(study, name):
            draw(study, out.with_name(picture_name(out.stem, name)))


def is_drawn(study: Study, name: str) -> bool:
    """Is there anything to draw in this picture?"""
    special = {"claims": drawn_claims(study), "languages": study.languages, "layers": study.layers}
    return bool(special.get(name, study.gains))


def picture_name(stem: str, name: str) -> str:
    """The picture's file name, beside the page of that stem."""
    return f"{stem}_{name}.png"


def render_page(study: Study, stem: str, root: str = "..") -> str:
    """The whole page as Markdown; `stem`: its file name's, which pictures are named after; `root`: from its folder to
    the repository's.
    """
    names = {name: picture_name(stem, name) for name in PICTURES}
    parts = [
        _opening(study),
        claims_section(study, names["claims"]),
        trainings_section(study.trainings, study.most_rows),
        gains_section(study, names["pairs"], names["gains"]),
        languages_section(study, names["languages"], root),
        retrieval_section(study, names["layers"]),
        rates_section(study),
        outside_section(study.outside),
        _limits(study),
        _what_was_run(study),
        _how_settled(study, root),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _opening(study: Study) -> str:
    v = study.verification
    where = (
        f"the run in `results/{v.profile}`" if v.judged == "run" else f"the pinned results in `reference/{v.profile}`"
    )
    return "\n\n".join(
        [
            TITLE.format(v.profile),
            f"**{answer(study)}**",
            *filter(None, [on_trainings(study.trainings)]),
            f"Written by `harness study` from {where}: every number, and every sentence that depends on one, follows "
            "from them. Scores and gains are points (0-100); a gain is a recipe's score less that of the baseline "
            f"`{BASELINE}` (no intermediate training) at the same seed.",
        ]
    )


def _what_was_run(study: Study) -> str:
    v = study.verification
    facts = [
        ("profile", f"`{v.profile}`: {study.title}"),
        ("data", v.data),
        ("encoder", _encoder(study)),
        *([("it had seen", study.seen)] if study.seen else []),
        ("scores", SPLIT),
        ("grid", v.grid.in_words),
        ("cells", _cells(study)),
        *([("time", _time(study))] if study.cell_seconds else []),
    ]
    parts = ["## What was run", markdown_table(("", ""), facts, "ll")]
    if study.task_notes:
        parts.append("Notes on the data, as `harness tasks` gives them:")
        parts.append(
            "\n".join(
                f"- {', '.join(tasks)}: {note.removeprefix('note: ')}" for note, tasks in study.task_notes.items()
            )
        )
    if study.shared:
        parts.append("Training rows that a target shares with an intermediate task, by their pins:")
        parts.append("\n".join(f"- {line}" for line in shared_lines(study.shared)))
    if absent := _absent(study):
        parts.append("Not available, or not to be used:")
        parts.append("\n".join(f"- {line}" for line in absent))
    return "\n\n".join(parts)


def _how_settled(study: Study, root: str) -> str:
    """The files that everything was fixed in before, and where and when the results were made."""
    made = study.provenance
    dirty = ", tracked files differed from it" if made.git_dirty else ""
    folders = {
        "the profile": "profiles/",
        "how its settings were searched": "docs/",
        "registered rules": "reference/",
    }
    links = {
        what: ", ".join(f"[{name}]({root}/{name})" for name in study.settled if name.startswith(folder))
        for what, folder in folders.items()
    }
    facts = [
        *((what, named) for what, named in links.items() if named),
        ("machine", "; ".join(map(_machine, made.machines)) or "not recorded"),
        ("date", made.when),
        ("code", f"commit {', '.join(commit[:12] for commit in made.git_commits) or 'not recorded'}{dirty}"),
    ]
    return "\n\n".join(
        [
            "## How it was settled",
            f"Profile `{study.verification.profile}` ({study.title}) fixes data, encoder, learning rates and sizes; "
            "the rules say what each claim needs, which seeds count, when one looks, over which targets a claim is "
            "replicated, and what a low-resource language is.",
            markdown_table(("", ""), facts, "ll"),
        ]
    )


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


def _time(study: Study) -> str:
    """What the units took, each on its own threads and beside others."""
    cells = f"cells {in_hours(study.cell_seconds)}"
    trainings = sum(seconds for one in study.trainings for seconds in one.seconds)
    return f"{cells}, intermediate trainings {in_hours(trainings)}, added up" if trainings else f"{cells}, added up"


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


def _limits(study: Study) -> str:
    """What the numbers can't say; each line stands only where it holds."""
    lines = [
        "The encoder was made once: intervals over seeds hold the luck of training and of data order, and not that of "
        "another pretraining, other samples of the data or other languages.",
        _on_size(study),
        _on_data(study),
        _on_rows(study),
        _on_rate(study),
        f"{count_clear(study)} A single bold number is weak evidence.",
        _on_retrieval(study),
        *_on_cells(study),
        _on_machines(study),
        _on_seeds(study),
    ]
    return "\n\n".join(["## What these numbers can't say", "\n".join(f"- {line}" for line in lines if line)])


def _on_rows(study: Study) -> str:
    if study.most_rows is None:
        return ""
    return (
        f"At most {study.most_rows:,} rows are scored of each language's test file, the same at every seed (and where "
        "a test is translated, the same sentences in every language), and as many of each dev file: one accuracy of "
        f"50 % has a standard error of {50 / study.most_rows**0.5:.0f} points. No interval over seeds holds that, bold "
        "or not, and *collapsed* and *learnt* rest on it."
    )


def _on_rate(study: Study) -> str:
    if study.rates or in_scope(study):
        return ""
    return (
        "The learning rates of intermediate training are ours, as the paper published none, and none was varied here: "
        "gains and losses can hang on them."
    )


def _on_retrieval(study: Study) -> str:
    if "retrieval" not in study.groups.values():
        return ""
    return (
        "Retrieval targets are not trained: their scores follow one hidden layer and its pooling, which `params.yaml` "
        "fixes, and another layer gives another gain: `harness layers` writes a page with the numbers of every layer."
    )


def _on_cells(study: Study) -> list[str]:
    """Cells that are not `ok`, and what that does to the means."""
    v0, lines = study.verification.v0, []
    if v0.collapsed:
        lines.append(
            f"Collapsed cells, whose dev rows don't show that the model learnt its target: {len(v0.collapsed)} "
            f"({name_some(v0.collapsed)}). They count as they are, so a gain over a collapsed baseline, or the loss of "
            "a collapsed recipe, can be that of a failed training and not of transfer."
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


def _on_machines(study: Study) -> str:
    """Gains whose two scores come from different classes of machine."""
    if not study.other_machines:
        return ""
    named = "; ".join(
        f"{recipe} at seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        for recipe, seeds in study.other_machines.items()
    )
    return (
        f"Not run on the class of machine that `{BASELINE}` ran on at the same seed: {named}. Sums are rounded "
        "otherwise there, and these gains hold that, too; `harness verify` names the cells."
    )


def _on_seeds(study: Study) -> str:
    n = len(study.verification.grid.seeds)
    return "" if n >= FEWEST_SEEDS else f"Fewer seeds ({n}) than the {FEWEST_SEEDS} that a verdict needs."


def _on_size(study: Study) -> str:
    """A small encoder says nothing about the claims' own."""
    if in_scope(study):
        return ""
    size = f" of {study.encoder.parameters:,} parameters" if study.encoder else ""
    return (
        f"The claims are about {CLAIMS_ON}. What this encoder{size} gains or loses on these data neither "
        "confirms nor contradicts them; at best it shows whether an effect of that direction exists elsewhere too."
    )


def _on_data(study: Study) -> str:
    data = study.verification.data
    if data == "XTREME":
        return ""
    stand_ins = [task for note, tasks in study.task_notes.items() if note.startswith("STAND-IN") for task in tasks]
    named = f" Stand-ins: {', '.join(stand_ins)} (see the notes above)." if stand_ins else ""
    return f"The data is {data}, not the published data sets: a score here is not a score on those.{named}"
