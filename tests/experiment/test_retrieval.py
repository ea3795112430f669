"""Retrieval in a cell: what is refused, and weights that are not numbers. Its scores: test_cell.py, test_layers.py."""

from __future__ import annotations

import pytest
import toy as toys

from harness.experiment.findings import Findings, Start
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
