"""The answer of `harness study`, what decides it, learning rates, languages, and pages that are never written over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from made_up_study import NOISE, REFERENCE, REGISTERED, gains_row, make, page_of, row, status

from harness.metrics.xtreme import XTREME_GROUPS
from harness.pages.study import rate_gains
from harness.pages.study.answer import answer, first_sentence
from harness.pages.study.page import TITLE, write_page
from harness.pages.study.rates import on_change, on_low_resource, sign_changes
from harness.pages.study.shared import SharedRows
from harness.pages.whose import own_page, refuse_other_page
from harness.project.errors import HarnessError
from harness.project.results import Cell
from harness.verify.languages.registration import REGISTRATION_FILE, load_registration
from harness.verify.statistics.power import smallest_gain

FIVE = (1, 2, 3, 4, 5)
RETRIEVAL = ("bucc", "tatoeba")
RATES = {"mnli-rate-third": 0.5, "mnli-rate-triple": {"xnli": 5.0, "panx": -9.0}}


def elsewhere(others: float, retrieval: float) -> dict[str, float]:
    """A gain on retrieval, and another on the other targets."""
    return {target: retrieval if target in RETRIEVAL else others for target in XTREME_GROUPS}


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) (?=[A-Z])", text)


def test_the_answer_names_what_holds_what_is_opposite_and_what_is_open() -> None:
    gains = {"squad_v2": 3.0, "mnli": elsewhere(-3.0, 12.0), "hellaswag": 0.1}
    said = sentences(answer(make(gains, seeds=FIVE)))
    assert len(said) == 3
    assert said[0] == (
        "Of the claims that state a gain, 3 can be tested here: 1 HOLDS HERE (squad-gain), 1 OPPOSITE HERE "
        "(mnli-gain), 1 OPEN HERE (hellaswag-gain)."
    )
    assert said[1].startswith("Over the 7 targets that decide (without retrieval), the largest mean gain of 3 recipes")
    assert re.search(r"is that of squad_v2 \(\+3\.0 \[\+2\.\d, \+3\.\d\], 5 seeds\)", said[1])
    assert re.search(
        r"the largest mean loss that of mnli \(-3\.0 .*\); clear of 0: the gain of squad_v2 and the loss of mnli\.$",
        said[1],
    )
    assert said[2].startswith("This is about a small encoder on data pack toy, and can't say whether")
    other = answer(make({"squad_v2": -3.0, "mnli": 3.0}, seeds=FIVE))
    assert "1 HOLDS HERE (mnli-gain), 1 OPPOSITE HERE (squad-gain), 0 OPEN HERE." in other


def test_the_extremes_are_told_as_what_they_are() -> None:
    gains = answer(make({"mnli": 3.0, "qqp": 1.0}, seeds=FIVE))
    assert "none of 2 recipes loses on average: the largest mean gain is that of mnli" in gains
    assert "the smallest that of qqp" in gains
    losses = answer(make({"mnli": -3.0, "qqp": -0.1}, seeds=FIVE))
    assert "none of 2 recipes gains on average: the largest mean loss is that of mnli" in losses
    assert losses.count("clear of 0: the loss of mnli.") == 1
    both = answer(make({"mnli": -3.0, "qqp": -2.0, "ccg": 0.1}, seeds=FIVE))
    assert "clear of 0: the losses of mnli, qqp." in both
    assert "no recipe's interval excludes 0." in answer(make({"mnli": 0.1, "qqp": -0.1}, seeds=FIVE))
    assert "the mean gain of mnli (+0.1" in (one := answer(make({"mnli": 0.1}))) and "not shown to differ" in one
    hit = answer(make({"mnli": 3.0}, seeds=FIVE, change=status("collapsed", "mnli", "xnli", seeds=(2,))))
    assert "5 seeds, a cell on xnli collapsed)" in hit and "collapsed" not in gains
    assert hit.split(". ")[1].endswith("with collapsed cells as they are")
    hit = answer(make({"mnli": 3.0}, seeds=FIVE, change=status("collapsed", "mnli", "xnli", seeds=(2, 3))))
    assert "5 seeds, 2 cells on xnli collapsed)" in hit


def test_a_mean_that_one_target_makes_alone_is_told_without_it() -> None:
    said = answer(make({"mnli": {"xnli": 15.0, "udpos": -0.7, "panx": -0.5}, "qqp": 2.0}, seeds=FIVE))
    assert re.search(r"mnli \(\+2\.0 .*, 5 seeds, without xnli -0\.2\)", said) and said.count("without xnli") == 1
    even = answer(make({"mnli": 2.0, "qqp": -2.0}, seeds=FIVE))
    assert re.search(r"mnli \([^)]*5 seeds\)", even) and re.search(r"qqp \([^)]*5 seeds\)", even)


def test_a_mean_is_told_without_the_targets_that_train_on_the_recipes_rows() -> None:
    twice = [SharedRows(target=target, task="squad_v1", target_rows=280, task_rows=600) for target in ("xquad", "mlqa")]
    gains = {"squad_v1": {"xquad": 15.0, "mlqa": 10.0, "tydiqa": 4.0}, "qqp": {"xquad": 15.0, "mlqa": 10.0}}
    said = answer(make(gains, seeds=FIVE, shared=twice))
    assert re.search(r"squad_v1 \([^)]*5 seeds, without xquad and mlqa, which train on its files, \+0\.8\)", said)
    assert "qqp (" in said and said.count("on its files") == 1
    one = answer(make(gains, seeds=FIVE, shared=twice[:1]))
    assert "without xquad, which trains on its files, +" in one


def test_collapsed_cells_leave_nothing_to_be_shown_and_the_page_says_so() -> None:
    study = make({"mnli": -3.0}, seeds=(1, 2, 3), change=status("collapsed", "none", "xnli", seeds=(2,)))
    page = page_of(study)
    mnli = row(page, "mnli-gain", "The claims")
    assert (mnli[2], mnli[-2], mnli[-1]) == ("OPEN HERE", "3 (2 sound)", "-")
    assert "so nothing could be shown of mnli-gain, whatever its size." in page
    assert "1 OPEN HERE (mnli-gain; too few sound seeds to show anything)." in answer(study)
    assert "collapsed cells hold the replication back" in page and "leaves 2; with fewer than 3 such seeds" in page
    more = make({"mnli": -9.0}, seeds=FIVE, change=status("collapsed", "none", "xnli", seeds=(2,)))
    mnli = row(page_of(more), "mnli-gain", "The claims")
    assert (mnli[2], mnli[-2]) == ("OPPOSITE HERE", "5 (4 sound)") and mnli[-1] != "-"
    assert "nothing could be shown" not in page_of(more) and "to show anything" not in answer(more)
    several = {"mnli": 0.1, "hellaswag": 0.1}
    one = answer(make(several, seeds=FIVE, change=status("collapsed", "mnli", "xnli", seeds=(1, 2, 3))))
    assert "2 OPEN HERE (mnli-gain, hellaswag-gain; too few sound seeds to show anything of mnli-gain)." in one
    assert "1 OPEN HERE (mnli-gain; too few sound seeds to show anything)" in answer(make({"mnli": 9.0}, seeds=(1,)))
    assert "sound" not in page_of(make({"mnli": -3.0}, seeds=FIVE))


def test_a_recipe_with_few_seeds_is_no_extreme_while_others_have_enough() -> None:
    def first_seed(cell: Cell) -> dict[str, Any]:
        lacking = cell.recipe == "qqp" and cell.seed > 1
        return {"status": "failed", "score": None, "dev_score": None} if lacking else {}

    said = answer(make({"mnli": 3.0, "squad_v2": 1.0, "qqp": 30.0}, seeds=FIVE, change=first_seed))
    assert "and of recipes with 3 seeds or more (not yet qqp), none of 2 recipes loses on average" in said
    assert "that of mnli (+3.0" in said and "qqp (" not in said
    only = answer(make({"qqp": 30.0}, seeds=(1,)))
    assert "the mean gain of qqp (+" in only and "not yet" not in only


def test_a_share_of_recipes_is_not_said_to_lack_seeds_where_one_recipe_does() -> None:
    def first_seed(cell: Cell) -> dict[str, Any]:
        lacking = cell.recipe == "qqp" and cell.seed > 1
        return {"status": "failed", "score": None, "dev_score": None} if lacking else {}

    recipes = ("anli_plus", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "ccg", "cosmosqa", "commonsenseqa")
    said = answer(make(dict.fromkeys(recipes, 0.1), seeds=FIVE, change=first_seed)).split(". ")[0]
    assert re.search(r"OPEN HERE \([^)]*tydiqa-gain", said) and not re.search(r"anything of [^)]*tydiqa-gain", said)


def test_a_recipe_that_lacks_a_target_is_no_extreme() -> None:
    said = answer(make({"mnli": 1.0, "ccg": 9.0}, seeds=FIVE, change=status("unavailable", "ccg", "xnli")))
    assert "the mean gain of mnli" in said and "ccg" not in said
    assert "No claim that states a gain has all the cells that it needs here" in answer(make({"qqp": 1.0}))


def test_a_target_that_the_baseline_never_learnt_decides_nothing() -> None:
    gains = {"mnli": {"pawsx": -20.0} | dict.fromkeys(("xnli", "udpos", "panx", "xquad", "mlqa", "tydiqa"), 2.0)}
    study = make(gains, seeds=FIVE, change=status("collapsed", "none", "pawsx", seeds=FIVE))
    page = page_of(study)
    assert study.deciding.unlearnt == ["pawsx"] and "pawsx" not in study.deciding.targets
    assert "Over the 6 targets that decide (without retrieval, and without pawsx, which `none` never learnt)" in page
    mnli = row(page, "mnli-gain", "The claims")
    assert mnli[2] == "HOLDS HERE" and float(mnli[4]) < 0 < float(mnli[6])
    assert gains_row(page, "mnli")[-1].startswith("**+2.0") and gains_row(page, "mnli")[2].endswith("†")
    once = make(gains, seeds=FIVE, change=status("collapsed", "none", "pawsx", seeds=(1,)))
    assert once.deciding.unlearnt == [] and "OPEN HERE (mnli-gain)" in answer(once)
    assert "(without retrieval), with a collapsed cell of `none` itself on pawsx, the mean gain of mnli" in answer(once)


def test_what_the_encoder_had_seen_is_told_where_it_is_known() -> None:
    seen = "a billion pairs, translations among them (not confirmed). So retrieval is strong"
    page = page_of(make({"mnli": 1.0}, seen=seen))
    assert "are true; this encoder had seen a billion pairs, translations among them (not confirmed).**" in page
    assert row(page, "it had seen", "What was run")[1] == seen and "had seen" not in page_of(make({"mnli": 1.0}))
    assert first_sentence("One. Two.") == "One" and first_sentence("Only one.") == "Only one"


def test_in_their_scope_the_claims_have_verdicts() -> None:
    study = make({"mnli": 7.5}, encoder="FacebookAI/xlm-roberta-large", data="XTREME")
    assert answer(study).startswith("Encoder and data are those of the claims, which `harness verify` decides: an answ")
    assert "HERE" not in page_of(study)


def test_what_could_have_been_seen_follows_from_spread_and_seeds() -> None:
    study = make({"mnli": 1.0, "squad_v2": 2.0}, seeds=FIVE)
    sees = study.sees["mnli-gain"]
    tests = 2 * sum(verdict.replication_p is not None for verdict in study.verification.claims)
    assert tests == 20 and sees.family_points == smallest_gain(sees.sd_points, 5, tests, REGISTERED)
    shown = row(page_of(study), "mnli-gain", "The claims")[-1]
    assert shown == f"{sees.alone_points:.1f} / {sees.family_points:.1f}" and sees.alone_points < sees.family_points
    fewer = make({"mnli": 1.0, "squad_v2": 2.0}).sees["mnli-gain"]
    assert fewer.alone_points > sees.alone_points
    assert row(page_of(make({"mnli": 1.0}, seeds=(1, 2))), "mnli-gain", "The claims")[-1] == "-"


def test_what_could_have_been_seen_hangs_on_what_decides_alone() -> None:
    def noisy(cell: Cell) -> dict[str, Any]:
        """Retrieval that moves by tens of points with the seed."""
        return {"score": 50.0 + 30 * NOISE[cell.seed]} if (cell.recipe, cell.target) == ("mnli", "bucc") else {}

    calm, wild = make({"mnli": 1.0}, seeds=FIVE), make({"mnli": 1.0}, seeds=FIVE, change=noisy)
    both = [study.verification.claims for study in (calm, wild)]
    over_all = [next(one.evidence.overall for one in claims if one.id == "mnli-gain") for claims in both]
    assert over_all[0] and over_all[1]
    assert over_all[1].sd != pytest.approx(over_all[0].sd) and wild.sees["mnli-gain"] == calm.sees["mnli-gain"]


def with_rates(**changed: Any) -> Any:
    gains = {"mnli": {"xnli": 2.0, "panx": 4.0, "bucc": 1.0}, "qqp": 0.2, **RATES} | changed

    def only_some(cell: Cell) -> dict[str, Any]:
        """Other rates have no scores on BUCC, nor at the last seed."""
        lacking = "-rate-" in cell.recipe and (cell.target == "bucc" or cell.seed == 4)
        return {"status": "failed", "score": None, "dev_score": None} if lacking else {}

    return make(gains, targets=("xnli", "panx", "bucc"), seeds=(1, 2, 3, 4), change=only_some)


def test_learning_rates_stand_side_by_side_at_the_seeds_that_all_have() -> None:
    study = with_rates()
    (one,) = study.rates
    assert (one.recipe, list(one.gains)) == ("mnli", ["xnli", "panx"])
    assert one.gains["xnli"]["chosen"].by_seed == pytest.approx({s: 2.0 + NOISE[s] for s in (1, 2, 3)})
    page = page_of(study)
    part = page[page.index("## Settings that the paper did not publish") :].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if "| mnli" in line]
    assert [line[1] for line in cells] == ["xnli", "panx", "mean of these"]
    assert [re.sub(r"[*]|±.*", "", cell).strip() for cell in cells[1][2:]] == ["+0.5", "+4.0", "-9.0"]
    assert "the 3 seeds that all rates" in part
    assert on_change(study) == (
        "The largest change of 4 is -13.0 points, that of mnli on panx at three times the chosen rate; a gain changes "
        "sign with both intervals clear of 0: mnli on panx."
    )
    same = with_rates(**{"mnli-rate-triple": 1.0})
    assert sign_changes(same) == [] and "no gain changes sign with both intervals clear of 0." in on_change(same)
    assert "at a third of the chosen rate" in on_change(same)


def test_low_resource_languages_are_measured_at_every_rate_on_the_same_targets() -> None:
    codes = {"sw": -1.0, "ur": -2.0, "te": 0.0, "de": 1.0, "fr": 2.0, "ru": 0.5}
    gains = {"mnli": {"xnli": 2.0, "panx": 4.0, "bucc": 30.0}, "mnli-rate-third": 0.5, "mnli-rate-triple": -6.0}

    def no_bucc(cell: Cell) -> dict[str, Any]:
        lacking = "-rate-" in cell.recipe and cell.target == "bucc"
        return {"status": "failed", "score": None, "dev_score": None} if lacking else {}

    study = make(gains, targets=("xnli", "panx", "bucc"), seeds=(1, 2, 3, 4), change=no_bucc, languages=codes)
    low = study.rates[0].low
    assert {rate: effect.value for rate, effect in low.items()} == pytest.approx(
        {"chosen": 3.0 - 1.0, "a third": 0.5 - 1.0, "three times": -6.0 - 1.0}, abs=0.2
    )
    said = on_low_resource(study)
    assert re.search(r"mnli: a third -0\.\d .*, chosen \+\d\.\d .*, three times -\d\.\d .* \(loses\)\.$", said)
    page = page_of(study)
    assert said in page and "What follows for profile `paper`" in page
    assert "What follows" not in page_of(make({"mnli": 1.0}))
    assert on_low_resource(make({"mnli": 1.0})) == ""


def test_other_rates_enter_nothing_else() -> None:
    study, without = with_rates(), make({"mnli": 1.0, "qqp": 1.0})
    assert list(study.gains) == list(study.overall) == list(study.deciding.adjusted) == ["mnli", "qqp"]
    assert "rate" not in answer(study) and "of 2 recipes" in answer(study)
    assert without.rates == [] and "Settings that the paper" not in page_of(without)
    alone = make({"mnli": 1.0, "qqp-rate-third": 9.0})
    assert alone.rates == [] and list(alone.gains) == ["mnli"]


def test_languages_stand_in_the_order_of_their_text() -> None:
    study = make({"mnli": elsewhere(2.0, 50.0)}, languages={"en": 0.0, "sw": -4.0, "yo": 1.0, "de": 0.0, "xx": 3.0})
    assert [(one.code, one.level) for one in study.languages] == [
        ("yo", "unseen"), ("sw", "low"), ("de", "other"), ("en", "source")
    ]  # fmt: skip
    swahili = study.languages[1].gains["mnli"]
    assert swahili and swahili.mean == pytest.approx(-2.0), "retrieval is not in it"
    page = page_of(study)
    assert "4 of 4 intervals exclude 0, 3 above and 1 below; 0.4 would" in page and "(x_languages.png)" in page
    assert "Gains by language" not in page_of(make({"mnli": 1.0}))


def test_a_page_of_another_profile_is_never_written_over(tmp_path: Path) -> None:
    out = tmp_path / "docs" / "study.md"
    study = make({"mnli": 1.0}, targets=("xnli",), settled=["profiles/lab.yaml", "docs/lab.md"])
    write_page(study, out, tmp_path)
    write_page(study, out, tmp_path)
    page = out.read_text(encoding="utf-8")
    assert row(page, "how its settings were searched", "How it was settled")[1] == "[docs/lab.md](../docs/lab.md)"
    assert row(page, "the profile", "How it was settled")[1] == "[profiles/lab.yaml](../profiles/lab.yaml)"
    assert "registered rules" not in page
    before = {path.name: path.read_bytes() for path in out.parent.iterdir()}
    title, other_title = TITLE.format("lab"), TITLE.format("mini")
    with pytest.raises(HarnessError) as refused:
        refuse_other_page("mini", other_title, out, "study --out")
    said = str(refused.value)
    assert said.count("\n") == 0 and "for profile `mini`, found something else" in said and title in said
    assert f"harness study --profile mini --out {tmp_path}/docs/study-mini.md" in said
    other = study.verification.model_copy(update={"profile": "mini"})
    with pytest.raises(HarnessError):
        write_page(study.model_copy(update={"verification": other}), out, tmp_path)
    assert before == {path.name: path.read_bytes() for path in out.parent.iterdir()}
    assert own_page("lab", title, out) == out
    assert own_page("mini", other_title, out) == tmp_path / "docs" / "study-mini.md"
    assert own_page("mini", other_title, tmp_path / "none.md") == tmp_path / "none.md"
    refuse_other_page("lab", title, out, "study --out")


@pytest.mark.parametrize("content", ["# Profile `lab`: what it is\n", "", "rows,of,somebody\n1,2,3\n"])
def test_a_file_that_no_command_wrote_is_never_written_over(content: str, tmp_path: Path) -> None:
    out = tmp_path / "README.md"
    out.write_text(content, encoding="utf-8")
    with pytest.raises(HarnessError, match="which would be lost"):
        write_page(make({"mnli": 1.0}, targets=("xnli",)), out, tmp_path)
    assert out.read_text(encoding="utf-8") == content and [*tmp_path.iterdir()] == [out]
    with pytest.raises(HarnessError, match="which would be lost"):
        refuse_other_page("lab", TITLE.format("lab"), tmp_path, "study --out")


def test_recipes_at_other_rates_stand_apart_here_and_in_the_registration_alike() -> None:
    registered = load_registration(REFERENCE / REGISTRATION_FILE)
    for ending in rate_gains.RATES:
        assert registered.is_apart(f"mnli{ending}") and rate_gains.is_rate_variant(f"mnli{ending}"), ending
    assert not registered.is_apart("mnli") and not rate_gains.is_rate_variant("mnli")
