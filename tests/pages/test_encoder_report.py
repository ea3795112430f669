"""docs/encoder.md from a record made here: what the page says must follow from the numbers, and from nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy as toys
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from wordpiece import save_tiny_bert, wordpiece_tokenizer

from harness.commands.main import run
from harness.data.lab.languages import LANGUAGES, TASK_LANGUAGES
from harness.experiment.encoder import run_encoder
from harness.experiment.share import pinned_folder
from harness.experiment.training.text import read_corpus
from harness.model.encoder import load_encoder, new_encoder, random_encoder
from harness.pages.encoder import record as encoder_report
from harness.pages.encoder.correlation import Correlation, rank_correlation
from harness.pages.encoder.page import finding, plot_curve, render_page
from harness.pages.encoder.report import EncoderReport, Measured, Size
from harness.project.params import Params, Pretraining
from harness.project.paths import Paths
from harness.project.profiles import load_params, read_params

SIZES = dict(
    family="xlm-roberta", hidden_size=8, layers=2, heads=2, intermediate_size=16, max_length=32, vocabulary_size=400
)
TRAINED = dict(
    seed=1, vocabulary_size=400, steps=30, batch_tokens=64, max_length=16, learning_rate=1e-3,
    warmup_proportion=0.1, weight_decay=0.0, mask_probability=0.15, language_exponent=0.3,
)  # fmt: skip
SENTENCES = {code: int(100 * language.size_gib) for code, language in LANGUAGES.items() if language.size_gib}


def measured(f1: dict[str, float], dev: float, layers: list[float]) -> Measured:
    retrieval = [dict.fromkeys(TASK_LANGUAGES["tatoeba"], accuracy) for accuracy in layers]
    scores = {"udpos": {"f1": dev, "accuracy": dev + 1}, "xquad": {"f1": dev / 2, "em": dev / 4}}
    return Measured(dev=scores, test={"udpos": f1}, retrieval=retrieval)


def report(
    pretrained: dict[str, float], random: dict[str, float], layers: bool = True, **changes: Any
) -> EncoderReport:
    curve = [dict(step=step, loss=6.0 / step, learning_rate=1e-3) for step in range(1, 31)]
    machine = dict(cpu="some cpu", cores=2, architecture="x86_64", system="Linux")
    made = dict(
        parameters=12345, sentences=SENTENCES, curve=curve, elapsed_s=12.0,
        provenance=dict(machine=machine, device="cpu", threads=1, packages={"torch": "2"}),
    )  # fmt: skip
    titles = {"udpos": "UDPOS", "xquad": "XQuAD", "tatoeba": "Tatoeba"}
    fields = dict(
        profile="lab",
        names={target: f"laboratory analogue of {title}" for target, title in titles.items()},
        stand_ins={},
        source_language="qaa",
        source="encoder pretrained here (2 layers of 8, 30 steps)",
        size=Size.model_validate(SIZES),
        pretraining=Pretraining(**TRAINED),
        made=made,
        seed=1,
        retrieval_layer=1,
        pretrained=measured(pretrained, 90.0, [10.0, 20.0, 30.0] if layers else []),
        random=measured(random, 60.0, [10.0, 9.0, 8.0] if layers else []),
        baselines={
            "udpos": {"majority": 21.5, "bag_of_words": 77.5},
            "xquad": {"majority": 0.0, "bag_of_words": 12.5},
        },
        shared_words=dict.fromkeys(TASK_LANGUAGES["tatoeba"], 4.5),
    )
    return EncoderReport.model_validate(fields | changes)


def related() -> dict[str, float]:
    """F1 that falls with relatedness and, within equal relatedness, with corpus size."""
    return {
        code: 10 + 60 * LANGUAGES[code].cognates + np.log1p(LANGUAGES[code].size_gib)
        for code in TASK_LANGUAGES["udpos"]
    }


def flat() -> dict[str, float]:
    return dict.fromkeys(TASK_LANGUAGES["udpos"], 5.0)


def cells(page: str, start: str) -> list[str]:
    """The cells of the one table row that begins so."""
    lines = [line for line in page.splitlines() if re.match(rf"\| *{re.escape(start)} *\|", line)]
    assert len(lines) == 1, lines
    return [cell.strip() for cell in lines[0].strip("|").split("|")]


def test_the_page_sees_transfer_that_falls_and_transfer_that_does_not() -> None:
    page = render_page(report(related(), flat()), "encoder_curve.png")
    assert "F1 falls with relatedness (the share of cognates): rank correlation +" in page
    assert "F1 falls with corpus size among equally related languages: rank correlation +1.00" in page
    rising = {code: -score for code, score in related().items()}
    page = render_page(report(rising, flat()), "encoder_curve.png")
    assert "F1 is not shown to fall with relatedness" in page
    assert "F1 is not shown to fall with corpus size among equally related languages" in page
    assert "F1 falls" not in page
    page = render_page(report(flat(), flat()), "encoder_curve.png")
    assert "Whether F1 falls with relatedness (the share of cognates) cannot be said" in page


def test_the_summary_leaves_the_source_language_out() -> None:
    pretrained, random = ({**dict.fromkeys(TASK_LANGUAGES["udpos"], f1), "qaa": 99.0} for f1 in (40.0, 30.0))
    page = render_page(report(pretrained, random), "encoder_curve.png")
    short = page[page.index("## In short") : page.index("## What it is")]
    assert cells(short, "zero-shot F1, laboratory analogue of UDPOS")[1:] == ["40.0", "30.0", "+10.0"]
    assert cells(short, "retrieval accuracy at layer 1, laboratory analogue of Tatoeba")[1:] == ["20.0", "9.0", "+11.0"]
    assert "above the random one in 2 of 2 targets" in short


def test_every_language_stands_in_order_with_its_traits_and_difference() -> None:
    scores = related()
    page = render_page(report(scores, flat()), "encoder_curve.png")
    section = page[page.index("## Zero-shot") : page.index("## Retrieval")]
    order = re.findall(r"^\| (qa\w)", section, flags=re.M)
    keys = [(-LANGUAGES[code].cognates, -SENTENCES.get(code, 0)) for code in order]
    assert sorted(order) == sorted(TASK_LANGUAGES["udpos"]) and keys == sorted(keys)
    traits = "10%", "Georgian", "SVO, adjective after, adposition before"
    f1 = scores["qai"]
    assert cells(section, "qai") == ["qai", *traits, "7,170", f"{f1:.1f}", "5.0", f"{f1 - 5:+.1f}"]


def test_dev_scores_stand_beside_baselines_of_the_same_metric() -> None:
    page = render_page(report(related(), flat()), "encoder_curve.png")
    dev = page[page.index("## Dev scores") :]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in dev.splitlines() if "analogue" in line]
    assert rows == [
        ["laboratory analogue of UDPOS", "f1", "90.0", "60.0", "+30.0", "", ""],
        ["laboratory analogue of UDPOS", "accuracy", "91.0", "61.0", "+30.0", "21.5", "77.5"],
        ["laboratory analogue of XQuAD", "f1", "45.0", "30.0", "+15.0", "0.0", "12.5"],
        ["laboratory analogue of XQuAD", "em", "22.5", "15.0", "+7.5", "", ""],
    ]


def test_retrieval_marks_the_best_layer_and_the_one_in_use() -> None:
    page = render_page(report(related(), flat()), "encoder_curve.png")
    section = page[page.index("## Retrieval") : page.index("## Dev scores")]
    assert cells(section, "1 (params.yaml)") == ["1 (params.yaml)", "20.0", "9.0", "+11.0"]
    assert cells(section, "2 (best)") == ["2 (best)", "30.0", "8.0", "+22.0"]
    assert "By language at layer 2" in section
    assert cells(section, "qab") == ["qab", "30.0", "8.0", "+22.0", "4.5"]


def test_the_laboratory_is_never_called_by_a_data_sets_own_name() -> None:
    page = render_page(report(related(), flat()), "encoder_curve.png")
    for title in ("UDPOS", "XQuAD", "Tatoeba"):
        assert page.count(title) == page.lower().count(f"laboratory analogue of {title.lower()}") > 0
    assert "XTREME" not in page


def test_a_pack_lists_languages_and_names_its_stand_ins() -> None:
    pack = report(
        {"en": 80.0, "de": 40.0},
        {"en": 70.0, "de": 20.0},
        source_language="en",
        names={"udpos": "UDPOS", "xquad": "XQuAD", "tatoeba": "Tatoeba"},
        stand_ins={"xquad": "questions of another set", "pretraining text": "articles"},
        retrieval_layer=None,
        layers=False,
    )
    page = render_page(pack, "encoder_curve.png")
    assert "- XQuAD: questions of another set\n- pretraining text: articles\n" in page
    assert cells(page, "de") == ["de", "0", "40.0", "20.0", "+20.0"]
    assert cells(page, "en (source)")[2:] == ["80.0", "70.0", "+10.0"]
    assert "laboratory" not in page and "cognates" not in page and "## Retrieval" not in page


def test_a_diverged_training_shows_as_no_score() -> None:
    whole = report(related(), flat())
    diverged = whole.random.model_copy(update={"dev": {"udpos": {}, "xquad": {}}, "test": {"udpos": {}}})
    page = render_page(whole.model_copy(update={"random": diverged}), "encoder_curve.png")
    assert "diverged" in page
    assert "| laboratory analogue of UDPOS | f1 " in re.sub(" +", " ", page)
    assert "| 90.0 | - | - |" in re.sub(" +", " ", page)


def test_the_curve_has_ten_points_and_ends_at_the_last_step() -> None:
    page = render_page(report(related(), flat()), "other.png")
    section = page[page.index("## Learning curve") : page.index("## Zero-shot")]
    steps = [int(step) for step in re.findall(r"^\| +(\d+) \|", section, flags=re.M)]
    assert steps == list(range(3, 31, 3))
    assert "![Learning curve](other.png)" in section


def test_the_plot_is_the_same_bytes_twice(tmp_path: Any) -> None:
    pytest.importorskip("matplotlib")
    for name in ("a.png", "b.png"):
        plot_curve(report(related(), flat()), tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG") and content == (tmp_path / "b.png").read_bytes()


numbers = st.integers(-5, 5).map(float)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=12))
def test_without_groups_it_is_spearmans_rank_correlation(pairs: list[tuple[float, float]]) -> None:
    x, y = map(list, zip(*pairs, strict=True))
    found = rank_correlation(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found.rho is None
    else:
        assert found.rho == pytest.approx(float(stats.spearmanr(x, y).statistic), abs=1e-9)
        assert 0 < found.p <= 1


def test_groups_take_out_what_differs_between_them() -> None:
    x = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0]
    y = [21.0, 22.0, 23.0, 1.0, 2.0, 3.0]  # falls from group to group, rises within each
    between = rank_correlation(x, y).rho
    assert between is not None and between < 0
    assert rank_correlation(x, y, groups=[0, 0, 0, 1, 1, 1]).rho == pytest.approx(1.0)


def test_p_is_the_share_of_orders_at_least_as_good() -> None:
    # Of the 4! orders of four values one alone is perfect; within two pairs it is one of 2 x 2.
    values = [1.0, 2.0, 3.0, 4.0]
    assert rank_correlation(values, values).p == pytest.approx(1 / 24, abs=0.01)
    assert rank_correlation(values, values, groups=[0, 0, 1, 1]).p == pytest.approx(1 / 4, abs=0.02)
    assert rank_correlation(values, values[::-1]).p == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rho", "p", "says"),
    [
        (0.9, 0.001, "F1 falls with size: rank correlation +0.90 (p 0.001) over 9 languages."),
        (0.9, 0.0001, "F1 falls with size: rank correlation +0.90 (p < 0.001) over 9 languages."),
        (0.2, 0.3, "F1 is not shown to fall with size: rank correlation +0.20 (p 0.300) over 9 languages."),
        (None, 1.0, "Whether F1 falls with size cannot be said: one of the two does not vary."),
    ],
)
def test_a_finding_says_what_its_numbers_say(rho: float | None, p: float, says: str) -> None:
    assert finding("F1", "size", Correlation(rho=rho, p=p, count=9)) == says


def test_the_measurements_become_the_page_and_its_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(encoder_report, "measure_encoder", lambda params, paths: report(related(), flat()))
    lab = read_params(toys.ROOT / "profiles" / "lab.yaml")
    out = encoder_report.write_report(lab, Paths(tmp_path, "lab"), Path("docs/page.md"))
    assert out == tmp_path / "docs" / "page.md"
    assert out.read_text(encoding="utf-8") == render_page(report(related(), flat()), "page_curve.png")
    assert (tmp_path / "docs" / "page_curve.png").read_bytes().startswith(b"\x89PNG")


def others_made(**made: Any) -> EncoderReport:
    return report(
        {"en": 80.0, "de": 40.0},
        {"en": 70.0, "de": 20.0},
        source_language="en",
        names={"udpos": "UDPOS", "xquad": "XQuAD", "tatoeba": "Tatoeba"},
        source="model.bin of the wheel toy 1.0",
        pretraining=None,
        made={"parameters": 98765, "sha256": {"model.safetensors": "ab" * 32}, **made},
    )


def test_an_encoder_that_others_made_says_what_it_is_and_shows_no_pretraining(tmp_path: Path, monkeypatch: Any) -> None:
    page = render_page(others_made(seen="news and prayer books"), "encoder_curve.png")
    about = page[page.index("## What it is") : page.index("## Zero-shot")]
    assert cells(about, "parameters")[1] == "98,765"
    assert cells(about, "source")[1] == "model.bin of the wheel toy 1.0"
    assert cells(about, "has seen")[1] == "news and prayer books"
    assert cells(about, "weights")[1] == f"sha256 {'ab' * 32}"
    for absent in ("Learning curve", "curve.png", "corpus rows", "pretraining", "wall time"):
        assert absent not in page, absent
    assert cells(page, "de")[1:] == ["40.0", "20.0", "+20.0"]
    assert "not stated" in render_page(others_made(seen=None), "encoder_curve.png")
    monkeypatch.setattr(encoder_report, "measure_encoder", lambda params, paths: others_made())
    encoder_report.write_report(read_params(toys.ROOT / "profiles" / "lab.yaml"), Paths(tmp_path, "lab"), Path("p.md"))
    assert [path.name for path in tmp_path.iterdir()] == ["p.md"], "a picture of no curve"


def test_an_encoder_of_a_folder_is_measured_beside_a_random_one(
    toy_copy: tuple[Params, Paths], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = toy_copy[1]
    folder = paths.root / "own"
    folder.mkdir()
    lines = [line for part in read_corpus(paths).values() for line in part]
    save_tiny_bert(folder, wordpiece_tokenizer([*lines, "qwertyuiopasdfghjklzxcvbnm.,?"]))
    content = toys.toy_settings()
    content["encoder"] = pinned_folder(folder, paths.root).model_dump() | {"seen": "nothing but a toy"}
    content["grid"]["targets"] = ["pawsx", "udpos", "tatoeba"]
    toys.write_params(paths.root, content)
    params = load_params(paths.root)
    assert run_encoder(params, paths)["seen"] == "nothing but a toy"

    sides = {side: encoder_report._encoder(side, params, paths, 1)[0] for side in ("pretrained", "random")}
    weights = {side: encoder.state_dict() for side, encoder in sides.items()}
    assert {n: t.shape for n, t in weights["random"].items()} == {n: t.shape for n, t in weights["pretrained"].items()}
    words = "embeddings.word_embeddings.weight"
    assert torch.equal(weights["pretrained"][words], load_encoder(paths.encoder).state_dict()[words])
    assert not torch.equal(weights["random"][words], weights["pretrained"][words])
    again = encoder_report._encoder("random", params, paths, 2)[0].state_dict()
    assert torch.equal(again[words], weights["random"][words]), "one random encoder serves every target"

    monkeypatch.chdir(paths.root)
    assert run(["encoder", "report", "--out", "page.md"]) == 0, capsys.readouterr().err
    page = (paths.root / "page.md").read_text(encoding="utf-8")
    about = page[page.index("## What it is") : page.index("## Zero-shot")]
    assert cells(about, "architecture")[1].startswith("BERT's: ") and "local encoder own" in cells(about, "source")[1]
    assert cells(about, "has seen")[1] == "nothing but a toy"
    layers = page[page.index("## Retrieval by layer") : page.index("By language at layer")]
    layers_measured = {int(number) for number in re.findall(r"^\| *(\d+)", layers, flags=re.M)}
    assert layers_measured == set(range(sides["random"].config.num_hidden_layers + 1))
    dev = page[page.index("## Dev scores") :]
    titles = {"pawsx": "accuracy", "udpos": "accuracy"}
    for row in (line for line in dev.splitlines() if "| accuracy" in line):
        majority, bag = (cell.strip() for cell in row.strip("|").split("|")[-2:])
        assert 0 < float(majority) < 100 and 0 < float(bag) <= 100
        titles.popitem()
    assert not titles, "a target lacks its baselines"


def test_a_random_encoder_is_the_one_that_pretraining_starts_from(toy: tuple[Params, Paths]) -> None:
    architecture = toy[0].encoder.architecture  # type: ignore[union-attr]
    made = []
    vocabulary = load_encoder(toy[1].encoder).config.vocab_size
    for make in (lambda: new_encoder(architecture, vocabulary), lambda: random_encoder(toy[1].encoder)):
        torch.manual_seed(3)
        made.append(make().state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0]) and made[0].keys() == made[1].keys()
