"""Retrieval by hidden layer: the page says what its numbers say, and its picture is the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.metrics.xtreme import XTREME_GROUPS
from harness.pages.layers.curves import Curves
from harness.pages.layers.figure import plot_layers
from harness.pages.layers.page import on_layers, on_share, on_stored, render_page
from harness.pages.layers.record import CellLayers, Contribution, Layers, contributions
from harness.pages.means import SeedMean, seed_mean
from harness.pages.origin import Origin
from harness.project.params import Retrieval
from harness.project.results import Cell
from harness.verify.scores import CellScore, ScoresTable, read_table


def table(gains: Mapping[str, Mapping[str, float]], seeds: tuple[int, ...] = (1, 2, 3)) -> ScoresTable:
    """Scores of 50 plus these gains (recipe -> target -> points) on all of XTREME's targets."""
    rows = [
        CellScore(
            cell=Cell(recipe=recipe, target=target, seed=seed), status="ok", dev_score=None, scores={}, inputs={},
            score=50.0 + seed + gains.get(recipe, {}).get(target, 0.0), predictions_sha256=None,
        )
        for recipe in ("none", *gains) for target in XTREME_GROUPS for seed in seeds
    ]  # fmt: skip
    return ScoresTable(profile="lab", encoder="small", data="toy rows", groups=XTREME_GROUPS, cells=rows)


def spread(means: Mapping[int, float] | float, seeds: tuple[int, ...] = (1, 2, 3)) -> SeedMean:
    found = seed_mean(means if isinstance(means, Mapping) else dict.fromkeys(seeds, means))
    assert found is not None
    return found


def record(gains: Mapping[str, Mapping[str, float]], baseline: tuple[float, ...] = (30.0, 20.0, 10.0)) -> Layers:
    """A page's record with planted gains; on retrieval they hold at the pinned layer 1 and are doubled at layer 2."""
    targets = ["bucc", "tatoeba"]
    times = (0.0, 1.0, 2.0)
    by_layer = {t: {r: [spread(gains[r].get(t, 0.0) * time) for time in times] for r in gains} for t in targets}
    scores = {
        t: {"none": [spread(score) for score in baseline]}
        | {r: [spread(b + g.mean) for b, g in zip(baseline, by_layer[t][r], strict=True)] for r in gains}
        for t in targets
    }
    cells = [
        CellLayers(
            cell=Cell(recipe=recipe, target=target, seed=1),
            languages=[{"qab": {"f1": found.mean}} for found in layers],
            scores=[found.mean for found in layers],
            stored=layers[1].mean,
        )
        for target in targets
        for recipe, layers in scores[target].items()
    ]
    pinned = dict.fromkeys(targets, Retrieval(layer=1, pooling="mean", neighbours=4, max_length=64))
    machine = {"cpu": "a processor", "cores": 2, "architecture": "x86_64", "system": "Linux"}
    return Layers(
        profile="toy", encoder="small", data="toy rows", results="results/toy",
        made=Origin(machines=[machine], git_commits=["0123456789abcdef"], git_dirty=False, when="today"),
        measured={"git_commit": "fedcba9876543210", "git_dirty": False, "machine": machine, "device": "cpu",
                  "threads": 1, "packages": {"torch": "2"}},
        targets=targets, recipes=["none", *gains], seeds=[1, 2, 3],
        left_out={}, cells=cells, curves=Curves(pinned=pinned, scores=scores, gains=by_layer),
        contributions=contributions(read_table(table(gains)), by_layer, ["none", *gains], [1, 2, 3]),
    )  # fmt: skip


def test_the_share_is_that_of_the_planted_gains() -> None:
    (one,) = record({"mnli": {"bucc": 30.0, "tatoeba": 24.0, "xnli": 6.0}}).contributions
    assert (one.total_points, one.retrieval_points) == (pytest.approx(60.0), pytest.approx(54.0))
    says = on_share(record({"mnli": {"bucc": 30.0, "tatoeba": 24.0, "xnli": 6.0}}))
    assert "over 9 targets, which for mnli is +60.0 points, bucc and tatoeba make +54.0, a share of 90%" in says
    assert says.endswith("if every target gained alike, it would be 22%.")


def test_a_share_against_the_sum_is_below_zero_and_explained() -> None:
    found = record({"mnli": {"bucc": -2.0, "xnli": 6.0}, "multi": {"bucc": 4.0}})
    assert "the mean of 2 recipes is +4.0 points, bucc and tatoeba make +1.0, a share of 25%" in on_share(found)
    assert "(mnli -50%, multi 100%)" in on_share(found)
    page = render_page(found, "layers.png")
    assert "A share below 0: retrieval goes against the sum." in page and "outweighs" not in page
    assert "outweighs" in render_page(record({"mnli": {"bucc": 9.0, "xnli": -3.0}}), "layers.png")


def test_a_sum_of_nothing_has_no_share() -> None:
    assert "a share of no size (the sum is 0)" in on_share(record({"mnli": {}}))


def test_the_sentence_on_layers_names_the_best_and_the_pinned_one() -> None:
    says = on_layers(record({"mnli": {"bucc": 4.5, "tatoeba": 9.0, "xnli": 9.0}}))
    assert "On bucc the baseline scores 20.0 at the pinned layer 1 and 30.0 at its best, layer 0 (10.0 more)" in says
    assert "the recipes' mean gain is +4.5 there and from +0.0 (layer 0) to +9.0 (layer 2) over all layers" in says
    assert "is +2.5 with retrieval at the pinned layer, and would be from +1.0 (layer 0) to +4.0 (layer 2)" in says
    says = on_layers(record({"mnli": {}}, baseline=(10.0, 30.0, 20.0)))
    assert "On bucc the baseline scores 30.0 at the pinned layer 1, its best, and" in says


def test_a_seed_without_every_score_counts_for_no_share() -> None:
    gains = {"mnli": {"bucc": 30.0, "xnli": 6.0}}
    whole = table(gains)
    cells = [
        row.model_copy(update={"score": None, "status": "failed"}) if row.cell.id == "mnli-xnli-2" else row
        for row in whole.cells
    ]
    by_layer = {t: {"mnli": [spread({1: 1.0, 2: 90.0, 3: 1.0})]} for t in ("bucc", "tatoeba")}
    found = contributions(read_table(whole.model_copy(update={"cells": cells})), by_layer, ["none", "mnli"], [1, 2, 3])
    assert isinstance(found[0], Contribution) and [*found[0].average.by_seed] == [1, 3]
    assert found[0].average_at_layer[0].by_seed == pytest.approx({1: 8 / 9, 3: 8 / 9})


def test_scores_of_other_weights_or_other_numbers_are_told() -> None:
    found = record({"mnli": {"bucc": 1.0}})
    changed = [
        one.model_copy(update={"stored": (None, 21.5, 20.0, 20.0)[place]}) for place, one in enumerate(found.cells)
    ]
    says = on_stored(found.model_copy(update={"cells": changed}))
    assert says == (
        "at the pinned layer 2 of 4 cells have the score that the judged results hold; largest difference 0.50 points; "
        "1 are not comparable (no score there from these weights)"
    )


def test_the_page_has_a_row_per_layer_and_says_that_nothing_is_chosen() -> None:
    found = record({"mnli": {"bucc": 4.5}, "multi": {"bucc": 2.0}})
    page = render_page(found, "layers.png")
    section = page[page.index("## bucc") : page.index("## tatoeba")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    assert ["1 (pinned)", "20.0", "24.5", "22.0"] in rows and ["best layer", "0", "0", "0"] in rows
    assert sum(row[0] in ("0", "1 (pinned)", "2") for row in rows) == 2 * 3, "both targets"
    assert "**No layer is chosen by this page.**" in page and "![Retrieval by hidden layer](layers.png)" in page
    assert "commit 0123456789ab" in page and "commit fedcba987654" in page and "a processor" in page


def test_the_picture_is_the_same_bytes_twice(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("a.png", "b.png"):
        plot_layers(record({"mnli": {"bucc": 4.5}}).curves, "a toy", tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG") and content == (tmp_path / "b.png").read_bytes()
