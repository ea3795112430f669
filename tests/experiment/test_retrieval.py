"""Retrieval in a cell: what is refused, and weights that are not numbers. Its scores: test_cell.py, test_layers.py."""

from __future__ import annotations

import pytest
import toy as toys

from harness.data.folder import read_split
from harness.experiment.findings import Findings, Start
from harness.experiment.retrieval import read_search
from harness.experiment.retrieval import run as retrieve
from harness.experiment.transfer import learn
from harness.model.encoder import load_encoder
from harness.model.tokenizer import load_tokenizer
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell
from harness.project.tasks import load_task

Toy = tuple[Params, Paths]


def start(toy: Toy, target: str, settings_of: str | None = None, **changes: int) -> Start:
    """A cell of the toy project on its pretrained encoder, with the target's own or another's settings."""
    params, paths = toy
    settings = params.target[settings_of or target].model_copy(update=changes)
    return Start(
        cell=Cell(recipe="none", target=target, seed=1),
        task=load_task(target, toys.ROOT / "tasks"),
        data=paths.data(target),
        encoder=load_encoder(paths.encoder),
        tokenizer=load_tokenizer(paths.encoder),
        params=params.model_copy(update={"target": params.target | {target: settings}}),
        seed=1,
    )


@pytest.mark.parametrize("target", ["tatoeba", "bucc"])
def test_a_checkpoint_that_is_no_number_fails_and_predicts_nothing(toy: Toy, target: str) -> None:
    given, found = start(toy, target), Findings()
    next(given.encoder.parameters()).data[0] = float("nan")
    retrieve(given, found)
    found.score(given.task)
    assert (found.status, found.reasons) == ("failed", ["the checkpoint's weights are not finite numbers"])
    assert found.predictions == found.scores == {} and found.target_score is None


def test_a_layer_that_the_encoder_lacks_is_refused(toy: Toy) -> None:
    with pytest.raises(HarnessError, match=r"target\.tatoeba\.layer of at most 2, the encoder's layers, found 3"):
        retrieve(start(toy, "tatoeba", layer=3), Findings())


def test_settings_of_another_head_are_refused(toy: Toy) -> None:
    with pytest.raises(HarnessError, match=r"target\.tatoeba in params\.yaml to say how sentences are embedded"):
        retrieve(start(toy, "tatoeba", settings_of="pawsx"), Findings())
    with pytest.raises(HarnessError, match=r"target\.pawsx in params\.yaml to say how it is trained"):
        learn(start(toy, "pawsx", settings_of="tatoeba"), Findings())


@pytest.mark.parametrize("others", [0, 3, 10_000])
def test_cut_texts_keep_every_gold_pair_and_the_first_others_in_order(toy: Toy, others: int) -> None:
    given = start(toy, "bucc", max_others=others)
    settings, evaluation = given.params.target["bucc"], given.params.evaluation
    language = "qab"
    pairs = read_split(given.data, "test_gold", language)
    found = read_search(given.task, given.data, language, settings, evaluation)  # type: ignore[arg-type]
    assert found.gold == pairs, "max_rows cuts no gold pair"
    for side, rows in zip(("source", "target"), found.sides["test"], strict=True):
        whole = read_split(given.data, f"test_{side}", language)
        gold = {pair[f"{side}_id"] for pair in pairs}
        kept = {row["id"] for row in rows}
        rest = [row["id"] for row in whole if row["id"] not in gold]
        assert gold and gold <= kept and kept - gold == set(rest[:others])
        assert rows == [row for row in whole if row["id"] in kept]


def test_a_cut_reaches_the_cell(toy: Toy) -> None:
    def mined(**changes: int) -> set[str]:
        given, found = start(toy, "bucc", **changes), Findings()
        retrieve(given, found)
        return {source for rows in found.predictions.values() for source, *_ in rows}

    given = start(toy, "bucc")
    gold = {pair["source_id"] for code in ("qab", "qah", "qai") for pair in read_split(given.data, "test_gold", code)}
    whole, cut = mined(), mined(max_others=0)
    assert cut and cut <= gold and not whole <= gold


def test_a_cut_of_what_is_not_mined_is_refused(toy: Toy) -> None:
    with pytest.raises(HarnessError, match=r"no max_others for aligned sentences \(tatoeba\).*found 5"):
        retrieve(start(toy, "tatoeba", max_others=5), Findings())
