"""The page's section on retrieval by hidden layer: what a recipe erases of an alignment, and at which depth."""

from __future__ import annotations

from pathlib import Path

from harness.pages.layers.curves import Curves
from harness.pages.layers.figure import plot_layers
from harness.pages.layers.page import on_target
from harness.pages.markdown import markdown_table
from harness.pages.study.gains import show_mean
from harness.pages.study.record import Study
from harness.project.params import BASELINE
from harness.verify.show.table import show_points


def retrieval_section(study: Study, picture: str) -> str:
    """Scores of the baseline and gains of recipes at the pinned layer and at the last one, or nothing where cells keep
    no layers.
    """
    curves = study.layers
    if curves is None:
        return ""
    said = "; ".join(on_target(curves, target) for target in curves.scores)
    clear = " ".join(filter(None, (_on_clear(curves, target) for target in curves.scores)))
    return "\n\n".join(
        [
            "## Retrieval by layer",
            f"{said[0].upper()}{said[1:]}. {clear} The pinned layer is the one that the cells and every claim use; "
            "none is chosen here, and a best one is picked on the rows that it is scored on, so its lead is flattered.",
            f"![Retrieval by hidden layer]({picture})",
            "Above: score. Below: gain over the baseline at the same layer, with its 90 % interval where seeds give "
            "one. Scores are means over all seeds of a recipe, gains over those that it shares with the baseline. "
            "Layer 0: embeddings. `harness layers` writes a page with every number.",
            _table(curves),
        ]
    )


def _on_clear(curves: Curves, target: str) -> str:
    """How many gains are clear of 0 at the pinned layer, and how many at the last one; empty without any gain."""
    pin, last = curves.pinned[target].layer, curves.layers[-1]
    if not curves.gains[target] or pin == last:
        return ""
    parts = []
    for layer in (pin, last):
        gains = [by_layer[layer] for by_layer in curves.gains[target].values()]
        up, down = ([gain.direction for gain in gains].count(side) for side in ("up", "down"))
        reach = " to ".join(show_points(end(gain.mean for gain in gains)) for end in (min, max))
        parts.append(f"{down} clear losses and {up} clear gains of {len(gains)} at layer {layer} ({reach})")
    return f"Recipes on {target}: {', '.join(parts)}."


def plot_retrieval(study: Study, path: Path) -> None:
    """Score and gain by hidden layer, of each retrieval target."""
    assert study.layers is not None  # is_drawn
    v = study.verification
    plot_layers(study.layers, f"profile {v.profile}: {v.encoder}", path)


def _table(curves: Curves) -> str:
    """The baseline's scores and the recipes' gains, at the pinned layer and at the last one."""
    last = curves.layers[-1]
    places = [(target, layer) for target, how in curves.pinned.items() for layer in dict.fromkeys((how.layer, last))]
    recipes = dict.fromkeys(recipe for gains in curves.gains.values() for recipe in gains)
    scores = (f"{BASELINE}: score", *(f"{curves.scores[target][BASELINE][layer].mean:.1f}" for target, layer in places))
    rows = [
        (
            f"{recipe}: gain",
            *(
                show_mean(gains[recipe][layer]) if recipe in (gains := curves.gains[target]) else "-"
                for target, layer in places
            ),
        )
        for recipe in recipes
    ]
    return markdown_table(("", *(f"{target}, layer {layer}" for target, layer in places)), [scores, *rows], "l")
