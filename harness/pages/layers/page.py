"""The page that `harness layers` writes: a frozen `Layers` -> Markdown; figure.py draws its picture.

Every sentence that depends on numbers is computed from the record, which record.py fills.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.pages.layers.curves import Curves
from harness.pages.layers.figure import plot_layers
from harness.pages.layers.record import Contribution, Layers
from harness.pages.markdown import markdown_table
from harness.pages.means import SeedMean
from harness.pages.whole import whole_files
from harness.project.params import BASELINE
from harness.verify.show.table import show_points

TITLE = "# Retrieval by hidden layer, profile `{}`"
HALF_WIDTH = (
    "After ±: half of the 90 % interval over seeds, where these differ. Bold: a gain whose interval excludes 0."
)
EQUAL = 1e-9
"""Scores that differ by less are the same, in points."""


def write_page(record: Layers, out: Path) -> None:
    """Write the page to `out`, and <out>.png beside it."""
    picture = out.with_suffix(".png")
    with whole_files(out.parent) as place:
        plot_layers(record.curves, f"profile {record.profile}: {record.encoder}", place / picture.name)
        (place / out.name).write_text(render_page(record, picture.name), encoding="utf-8")


def render_page(record: Layers, picture: str) -> str:
    """The whole page as Markdown; `picture`: the figure's file name beside it."""
    parts = [
        _opening(record),
        f"## In short\n\n{on_share(record)}\n\n{on_layers(record)}",
        _share_table(record),
        _curve(record, picture),
        *(_target(record, target) for target in record.targets),
        _average_table(record),
        _origin(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(record: Layers) -> str:
    pins = ", ".join(f"layer {settings.layer} for {target}" for target, settings in record.curves.pinned.items())
    return "\n\n".join(
        [
            TITLE.format(record.profile),
            "Written by `harness layers`: every number, and every sentence that depends on one, is computed by it. "
            f"{_on_data(record)}Scores and gains are points (0-100); a gain is a recipe's score less that of the "
            f"baseline `{BASELINE}` (no intermediate training) at the same layer and seed. Retrieval targets are not "
            "trained: one forward pass of a checkpoint gives all its layers, and each is scored as a cell scores its "
            f"own. {HALF_WIDTH}",
            f"**No layer is chosen by this page.** The cells, and every verdict, use what `params.yaml` pins: {pins}. "
            "A best layer below is picked on the rows that it is scored on, so its lead is flattered.",
        ]
    )


def _on_data(record: Layers) -> str:
    if record.data == "XTREME":
        return ""
    return f"The data is {record.data}, not the published data sets: no number here is a score on those. "


def on_share(record: Layers) -> str:
    """The sentence on how much of the average gain comes from the retrieval targets."""
    found = record.contributions
    if not found:
        return "**Share.** No recipe has a score on all its targets, so retrieval's share of the gains can't be said."
    total = statistics.fmean(one.total_points for one in found)
    retrieval = statistics.fmean(one.retrieval_points for one in found)
    whose = found[0].recipe if len(found) == 1 else f"the mean of {len(found)} recipes"
    text = (
        f"**Share.** Of the sum of gains over {_targets(found)}, which for {whose} is {show_points(total)} points, "
        f"{_retrieval(found)} make {show_points(retrieval)}, a share of {_share(retrieval, total)}"
    )
    if len(found) > 1:
        each = ", ".join(f"{one.recipe} {_share(one.retrieval_points, one.total_points)}" for one in found)
        text += f" ({each})"
    return f"{text}; if every target gained alike, it would be {len(found[0].retrieval) / len(found[0].gains):.0%}."


def _targets(found: Sequence[Contribution]) -> str:
    """How many targets the averages are over; they differ where data is unavailable to a recipe."""
    counts = sorted({len(one.gains) for one in found})
    return f"{' or '.join(map(str, counts))} targets"


def _retrieval(found: Sequence[Contribution]) -> str:
    return " and ".join(dict.fromkeys(target for one in found for target in one.retrieval))


def _share(part: float, whole: float) -> str:
    return "no size (the sum is 0)" if abs(whole) < EQUAL else f"{part / whole:.0%}"


def on_layers(record: Layers) -> str:
    """The sentence on how far the baseline and the gains depend on the layer."""
    parts = [on_target(record.curves, target) for target in record.targets]
    if found := record.contributions:
        averages = _over_recipes([one.average_at_layer for one in found])
        pinned = statistics.fmean(one.average.mean for one in found)
        parts.append(
            f"the average gain over all targets (mean of the recipes) is {show_points(pinned)} with retrieval at the "
            f"pinned layer, and would be {_reach(averages)} by the layer that retrieval is scored at"
        )
    sentence = "; ".join(parts)
    return f"**Layer.** {sentence[0].upper()}{sentence[1:]}."


def on_target(curves: Curves, target: str) -> str:
    """How far the baseline and the mean gain hang on the layer of one target."""
    pin, baseline = curves.pinned[target].layer, [found.mean for found in curves.scores[target][BASELINE]]
    best = baseline.index(max(baseline))
    text = f"on {target} the baseline scores {baseline[pin]:.1f} at the pinned layer {pin}"
    lead = baseline[best] - baseline[pin]
    text += ", its best" if lead < EQUAL else f" and {baseline[best]:.1f} at its best, layer {best} ({lead:.1f} more)"
    if not curves.gains[target]:
        return text
    gains = _over_recipes([*curves.gains[target].values()])
    return f"{text}, and the recipes' mean gain is {show_points(gains[pin])} there and {_reach(gains)} over all layers"


def _over_recipes(estimates: Sequence[Sequence[SeedMean]]) -> list[float]:
    """Hidden layer -> mean over recipes of their means."""
    return [statistics.fmean(found.mean for found in at_layer) for at_layer in zip(*estimates, strict=True)]


def _reach(by_layer: Sequence[float]) -> str:
    """The lowest and the highest value, each with its layer."""
    low, high = min(by_layer), max(by_layer)
    ends = [f"{show_points(value)} (layer {by_layer.index(value)})" for value in (low, high)]
    return f"from {ends[0]} to {ends[1]}"


def _share_table(record: Layers) -> str:
    if not record.contributions:
        return ""
    rows = [
        (
            one.recipe,
            show_points(one.total_points),
            show_points(one.retrieval_points),
            _share(one.retrieval_points, one.total_points),
            _show(one.average, signed=True),
            show_points(statistics.fmean(others)) if (others := _without_retrieval(one)) else "-",
        )
        for one in record.contributions
    ]
    headers = ("recipe", "sum of gains", "of it retrieval", "share", "average gain", "without retrieval")
    return "\n\n".join(["## Share of the gains", markdown_table(headers, rows, "l"), _on_shares(record)])


def _on_shares(record: Layers) -> str:
    """Where the shares come from, and which of them say little."""
    found = record.contributions
    text = f"From the judged scores in `{record.results}`, means over seeds {_seeds(record)}."
    if any(one.retrieval_points * one.total_points < 0 for one in found):
        text += " A share below 0: retrieval goes against the sum."
    if any(abs(one.retrieval_points) > abs(one.total_points) for one in found):
        text += " A share beyond 100%: it outweighs the sum."
    if unclear := [one.recipe for one in found if not one.average.excludes_zero]:
        text += f" Not clearly different from 0 is the sum of {', '.join(unclear)}; a share of such a sum says little."
    return text


def _without_retrieval(one: Contribution) -> list[float]:
    return [gain for target, gain in one.gains.items() if target not in one.retrieval]


def _curve(record: Layers, picture: str) -> str:
    text = "Above: score. Below: gain over the baseline at the same layer, with its 90 % interval where seeds give one."
    return "\n\n".join(["## Curve", f"![Retrieval by hidden layer]({picture})", text])


def _target(record: Layers, target: str) -> str:
    count = len(record.cells_of(target)[0].languages[0])
    pooled = "mean over all tokens" if record.curves.pinned[target].pooling == "mean" else "first token"
    over = f"{count} language{'s' if count != 1 else ''}"
    text = f"Score, mean over {over} and seeds {_seeds(record)}; sentences pooled: {pooled}."
    parts = [f"## {target}", text, _by_layer(record, target, record.curves.scores[target], signed=False)]
    if gains := record.curves.gains[target]:
        parts += [f"Gain over `{BASELINE}` at the same layer and seed:", _by_layer(record, target, gains)]
    return "\n\n".join(parts)


def _by_layer(record: Layers, target: str, recipes: Mapping[str, Sequence[SeedMean]], signed: bool = True) -> str:
    """Layers x recipes; below scores the best layer of each."""
    rows = []
    for layer in record.curves.layers:
        name = _name(layer, {record.curves.pinned[target].layer})
        rows.append((name, *(_show(found[layer], signed) for found in recipes.values())))
    if not signed:
        means = {recipe: [found.mean for found in layers] for recipe, layers in recipes.items()}
        rows.append(("best layer", *(str(values.index(max(values))) for values in means.values())))
    return markdown_table(("layer", *recipes), rows, "l")


def _name(layer: int, pinned: set[int]) -> str:
    """The layer's number, marked where it is the one that all of these targets use."""
    return f"{layer} (pinned)" if pinned == {layer} else str(layer)


def _average_table(record: Layers) -> str:
    if not record.contributions:
        return ""
    pins = {settings.layer for settings in record.curves.pinned.values()}
    rows = [
        (_name(layer, pins), *(_show(one.average_at_layer[layer], signed=True) for one in record.contributions))
        for layer in record.curves.layers
    ]
    text = (
        f"What each recipe's average gain over {_targets(record.contributions)} would be if "
        f"{_retrieval(record.contributions)} were scored at another layer, the other targets staying as judged."
    )
    headers = ("layer of retrieval", *(one.recipe for one in record.contributions))
    return "\n\n".join(["## The average gain by layer", text, markdown_table(headers, rows, "l")])


def _origin(record: Layers) -> str:
    made, measured = record.made, record.measured
    machine = measured["machine"]
    facts = [
        ("judged results", f"`{record.results}`, {made.when}, commit {_commits(made.git_commits, made.git_dirty)}"),
        ("grid measured", f"{len(record.recipes)} recipes x {len(record.targets)} targets x {len(record.seeds)} seeds"),
        ("encoder", record.encoder),
        ("measured by", f"commit {_commits([measured['git_commit']], measured['git_dirty'])}"),
        ("machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['architecture']} {machine['system']}; "
         f"{measured['device']}, threads: {measured['threads']}, torch {measured['packages']['torch']}"),
        ("check", on_stored(record)),
    ]  # fmt: skip
    if record.left_out:
        facts.append(("left out", "; ".join(f"{name}: {reason}" for name, reason in record.left_out.items())))
    return "\n\n".join(["## Where this comes from", markdown_table(("", ""), facts, "ll")])


def on_stored(record: Layers) -> str:
    """Whether the pinned layer's scores are those that the cells stored."""
    pairs = [
        abs(found.stored - found.scores[record.curves.pinned[found.cell.target].layer])
        for found in record.cells
        if found.stored is not None
    ]
    same = sum(difference < EQUAL for difference in pairs)
    text = f"at the pinned layer {same} of {len(record.cells)} cells have the score that the judged results hold"
    if pairs and same < len(pairs):
        text += f"; largest difference {max(pairs):.2f} points"
    absent = len(record.cells) - len(pairs)
    return f"{text}; {absent} are not comparable (no score there from these weights)" if absent else text


def _commits(commits: Sequence[str | None], dirty: bool | None) -> str:
    named = ", ".join(commit[:12] for commit in commits if commit) or "not recorded"
    return f"{named}, tracked files differed from it" if dirty else named


def _seeds(record: Layers) -> str:
    return ", ".join(map(str, record.seeds))


def _show(found: SeedMean, signed: bool) -> str:
    """Mean and half-width; bold where a gain's interval excludes 0."""
    text = show_points(found.mean) if signed else f"{found.mean:.1f}"
    if found.interval:
        text += f" ± {(found.interval.high - found.interval.low) / 2:.1f}"
    return f"**{text}**" if signed and found.excludes_zero else text
