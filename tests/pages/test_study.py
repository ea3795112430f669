"""The page of `harness study` from tables of scores made here: what it says must follow from them, both ways."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import toy as toys
from made_up_study import LICENSED, NOISE, gains_row, make, page_of, row, status
from scipy import stats

from harness.metrics.xtreme import XTREME_GROUPS
from harness.pages.layers.curves import Curves, curves_of
from harness.pages.study.figures import colour_reach
from harness.pages.study.page import PICTURES, is_drawn, render_page
from harness.pages.study.record import EncoderMade, notes_of, read_study
from harness.project.params import Retrieval
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.verify.statistics.design import STANDARD
from harness.verify.statistics.sequential import boundary

LAB = read_params(toys.ROOT / "profiles" / "lab.yaml")


def test_a_gain_is_shown_with_the_half_width_of_its_interval_and_bold_only_if_it_excludes_zero() -> None:
    page = page_of(make({"mnli": {"xnli": 2.0, "bucc": -0.4}}, targets=("xnli", "bucc")))
    half = stats.t.ppf(0.95, 2) * 0.5 / 3**0.5
    assert gains_row(page, "mnli") == [
        "mnli", f"**+2.0 ± {half:.1f}**", f"-0.4 ± {half:.1f}", f"+0.8 ± {half:.1f}", f"**+2.0 ± {half:.1f}**"
    ]  # fmt: skip


def test_the_baseline_says_where_it_does_not_move_with_the_seed() -> None:
    page = page_of(make({"mnli": 1.0}, targets=("xnli", "bucc")))
    assert "it moves with the seed on every target" in page
    steady = make(
        {"mnli": 1.0}, targets=("xnli", "bucc"), change=lambda cell: {"score": 40.0} if cell.target == "bucc" else {}
    )
    page = page_of(steady)
    assert "the same at every seed on bucc." in page and "every target" not in page
    assert row(page, "none", "Gains by recipe and target")[2] == "40.0"
    assert gains_row(page, "mnli")[2] == "+0.0"


def test_what_is_unavailable_is_named_with_its_reason_and_leaves_no_target_out_in_silence() -> None:
    study = make({"mnli": 1.0, "ccg": 2.0}, change=status("unavailable", "ccg"))
    page = page_of(study)
    assert f"- ccg: unavailable, {LICENSED}" in page and gains_row(page, "ccg")[1:] == ["unavailable"] * 11
    assert row(page, "cells", "What was run")[1] == "81 of 81: 54 ok, 0 collapsed, 0 failed, 27 unavailable"
    page = page_of(make({"mnli": 1.0}, change=status("unavailable", "mnli", "xquad")))
    assert f"- mnli on xquad: unavailable, {LICENSED}" in page
    cells = gains_row(page, "mnli")
    assert cells[5] == "unavailable" and cells[-2].endswith("(8 targets)") and cells[-1].endswith("(6 targets)")
    page = page_of(make({"mnli": 1.0}))
    assert "unavailable," not in page and "targets)" not in page and "had to leave out" not in page


def test_a_baseline_without_data_leaves_its_target_unavailable() -> None:
    study = make({"mnli": 1.0}, change=status("unavailable", "none", "mlqa"))
    assert gains_row(page_of(study), "mnli")[6] == "unavailable"
    assert study.overall["mnli"].estimate is not None and "mlqa" not in study.overall["mnli"].targets


def test_failed_cells_take_their_seeds_out_and_say_so() -> None:
    page = page_of(make({"mnli": 1.0}, change=status("failed", "mnli", "xnli", seeds=(3,))))
    assert gains_row(page, "mnli")[1].endswith("(2 seeds)") and gains_row(page, "mnli")[-2].endswith("(2 seeds)")
    assert "Failed cells, which have no score: 1 (mnli-xnli-3)" in page
    page = page_of(make({"mnli": 1.0}, change=status("failed", "mnli", "xnli")))
    assert gains_row(page, "mnli")[1] == gains_row(page, "mnli")[-2] == "no score"
    assert "Failed cells" not in page_of(make({"mnli": 1.0}))


@pytest.mark.parametrize("recipe", ["none", "mnli"])
def test_a_pair_that_rests_on_a_collapsed_cell_is_marked(recipe: str) -> None:
    page = page_of(make({"mnli": 1.0, "qqp": 1.0}, change=status("collapsed", recipe, "xnli", seeds=(2,))))
    assert gains_row(page, "mnli")[1].endswith("†") and not gains_row(page, "mnli")[2].endswith("†")
    assert gains_row(page, "qqp")[1].endswith("†") == (recipe == "none")
    assert f"Collapsed cells, whose dev rows don't show that the model learnt its target: 1 ({recipe}-xnli-2)" in page
    assert "No cell collapsed" not in page
    page = page_of(make({"mnli": 1.0}))
    assert "†" not in page and "No cell collapsed" in page


def test_every_claim_stands_in_a_table_with_what_holds_here() -> None:
    gains = {"squad_v2": 3.0, "mnli": {t: 9.0 if t in ("bucc", "tatoeba") else -3.0 for t in XTREME_GROUPS}}
    page = page_of(make(gains | {"hellaswag": 0.1, "squad_v1": 1.5}, seeds=(1, 2, 3, 4, 5)))
    section = page[page.index("## The claims") : page.index("## Gains")]
    assert len(re.findall(r"^\| [a-z]+-", section, re.MULTILINE)) == 21
    noise = [NOISE[seed] for seed in (1, 2, 3, 4, 5)]
    half = boundary(STANDARD, 5) * statistics.stdev(noise) / 5**0.5
    assert row(page, "squad-gain", "The claims")[2:9] == [
        "HOLDS HERE", "+8.2 ± 1.5", *["+3.0", f"[{3 - half:+.1f}, {3 + half:+.1f}]"] * 2, "5"
    ]  # fmt: skip
    mnli = row(page, "mnli-gain", "The claims")
    assert (mnli[2], mnli[4], mnli[6]) == ("OPPOSITE HERE", "-0.3", "-3.0"), "what decides is not the average over all"
    words = {"hellaswag-gain": "OPEN HERE", "multi-gain": "not told", "best-per-target": "not told"}
    words |= {"state-of-the-art": "can't be re-run", "mnli-size": "fact: confirmed"}
    for name, word in words.items():
        assert row(page, name, "The claims")[2] == word
    assert "squad-gain: squad_v1, which the claim could mean too, gains +1.5" in section
    assert "without retrieval (bucc, tatoeba)" in section and "(x_claims.png)" in section


def test_no_claim_out_of_scope_is_called_reproduced_or_refuted() -> None:
    """Out of scope only facts of the data are confirmed."""
    for gain in (8.2, -8.2):
        for encoder, data in (("a small encoder", "data pack toy"), ("FacebookAI/xlm-roberta-large", "XTREME")):
            page = page_of(make(dict.fromkeys(("mnli", "squad_v2", "multi"), gain), encoder=encoder, data=data)).lower()
            page = page.replace("fact: confirmed", "").replace("that no run decides 9 are confirmed", "")
            if data == "XTREME":  # in scope a claim has its verdict
                assert ("| reproduced " in page) == (gain > 0) and ("| not_reproduced " in page) == (gain < 0)
                continue
            assert "reproduced" not in page and "refuted" not in page and "confirmed" not in page


def test_only_another_encoder_or_other_data_is_called_so() -> None:
    out, within = "None of these claims is decided here", "Encoder and data are those of the claims"
    page = page_of(make({"mnli": 1.0}))
    assert out in page and within not in page and "The claims are about XLM-R Large" in page
    assert "The data is data pack toy, not the published data sets" in page
    page = page_of(make({"mnli": 1.0}, encoder="FacebookAI/xlm-roberta-large", data="XTREME"))
    assert within in page and out not in page
    assert "The claims are about XLM-R Large" not in page and "not the published data sets" not in page


def test_intervals_that_exclude_zero_are_counted_beside_what_chance_gives() -> None:
    page = page_of(make({"mnli": 3.0, "qqp": {"xnli": -3.0}}))
    assert "10 of 18 intervals exclude 0, 9 above and 1 below: more than the 1.8 that would" in page
    assert "0 of 9 intervals exclude 0, 0 above and 0 below: no more than the 0.9" in page_of(make({"mnli": 0.1}))


def test_the_encoder_is_described_as_far_as_it_is_known() -> None:
    trained = EncoderMade(parameters=2_400_000, steps=3000, final_loss=5.1234)
    page = page_of(make({"mnli": 1.0}))
    assert row(page, "encoder", "What was run")[1] == "a small encoder; its record is not there"
    study = make({"mnli": 1.0}).model_copy(update={"encoder": trained})
    said = "a small encoder, 2,400,000 parameters; masked-LM loss 5.123 nats per token after 3,000 steps"
    assert row(page_of(study), "encoder", "What was run")[1] == said
    assert "What this encoder of 2,400,000 parameters gains" in page_of(study)
    curved = study.model_copy(update={"encoder": trained.model_copy(update={"earlier_loss": 5.2})})
    assert row(page_of(curved), "encoder", "What was run")[1] == f"{said}, 5.200 after three quarters of them"
    published = study.model_copy(update={"encoder": EncoderMade(parameters=5, steps=None, final_loss=None)})
    assert row(page_of(published), "encoder", "What was run")[1] == "a small encoder, 5 parameters"


def test_where_and_when_the_results_were_made() -> None:
    study = make({"mnli": 1.0})
    page = page_of(study)
    assert row(page, "machine", "How it was settled")[1] == "some cpu, 2 cores, device cpu, threads 1, python 3.11.2"
    assert row(page, "date", "How it was settled")[1] == "pinned 2020-05-26 (UTC)"
    assert row(page, "code", "How it was settled")[1] == "commit c0ffeec0ffee"
    dirty = study.provenance.model_copy(update={"git_dirty": True, "machines": [], "git_commits": []})
    page = page_of(study.model_copy(update={"provenance": dirty}))
    assert row(page, "code", "How it was settled")[1] == "commit not recorded, tracked files differed from it"
    assert row(page, "machine", "How it was settled")[1] == "not recorded"
    assert "the pinned results in `reference/lab`" in page
    run = study.verification.model_copy(update={"judged": "run"})
    assert "from the run in `results/lab`" in page_of(study.model_copy(update={"verification": run}))


def test_gains_whose_scores_come_from_two_classes_of_machine_are_named() -> None:
    assert "class of machine" not in page_of(make({"mnli": 1.0}))
    page = page_of(make({"mnli": 1.0, "squad_v2": 2.0}, other_machines={"mnli": [2], "squad_v2": [1, 3]}))
    assert "ran on at the same seed: mnli at seed 2; squad_v2 at seeds 1, 3. Sums are rounded" in page


def test_notes_and_stand_ins_of_the_data_are_named() -> None:
    lines = [[name, *[""] * 8, words] for name, words in (("ccg", "STAND-IN: other tags"), ("qqp", "note: a part"),
                                                          ("mnli", "note: a part"), ("xnli", ""))]  # fmt: skip
    notes = notes_of(lines)
    assert notes == {"STAND-IN: other tags": ["ccg"], "note: a part": ["qqp", "mnli"]}
    page = page_of(make({"mnli": 1.0}, task_notes=notes))
    assert "- ccg: STAND-IN: other tags\n- qqp, mnli: a part\n" in page and "Stand-ins: ccg (see" in page
    page = page_of(make({"mnli": 1.0}))
    assert "Notes on the data" not in page and "Stand-ins" not in page


def test_a_mixture_that_lacks_a_task_is_not_the_one_of_its_name() -> None:
    lacks = {"left_out": {"ccg": LICENSED}}
    page = page_of(make({"multi": 1.0}, change=lambda cell: lacks if cell.recipe == "multi" else {}))
    assert f"- multi: trained without ccg, {LICENSED}" in page and "- multi: not the mixture of its name" in page
    page = page_of(make({"multi": 1.0}))
    assert "trained without" not in page and "mixture of its name" not in page


def test_too_few_seeds_and_missing_retrieval_are_said() -> None:
    page = page_of(make({"mnli": 1.0}, targets=("xnli",), seeds=(1, 2)))
    assert "Fewer seeds (2) than the 3" in page and "Retrieval targets" not in page
    assert "those that decide" not in page
    page = page_of(make({"mnli": 1.0}))
    assert "Fewer seeds" not in page and "Retrieval targets are not trained" in page


def test_the_colours_reach_as_far_as_gains_outside_retrieval() -> None:
    study = make({"mnli": {"xnli": -4.0, "bucc": 12.0}})
    assert colour_reach(study) == pytest.approx(4.0)
    assert "from -4.0 to +4.0; larger gains (up to 12.0) have the colour of the end." in page_of(study)
    study = make({"mnli": {"xnli": 0.2}})
    assert colour_reach(study) == 1.0 and "from -1.0 to +1.0.\n" in page_of(study)
    assert colour_reach(make({"mnli": {"bucc": 12.0}}, targets=("bucc",))) == pytest.approx(12.0)


@pytest.mark.parametrize("targets", [tuple(XTREME_GROUPS), ("bucc",)])
def test_the_pictures_are_the_same_bytes_twice_and_need_no_whole_grid(targets: tuple[str, ...], tmp_path: Path) -> None:
    change = status("unavailable", "ccg")
    beside = {"languages": {"sw": -1.0, "de": 0.5}, "layers": made_up_curves()}
    study = make({"mnli": 1.0, "ccg": 1.0}, targets=targets, change=change, **beside)
    for name, plot in PICTURES.items():
        if not is_drawn(study, name):
            assert (name, targets) == ("claims", ("bucc",))
            continue
        for file in ("a.png", "b.png"):
            plot(study, tmp_path / file)
        content = (tmp_path / "a.png").read_bytes()
        assert content.startswith(b"\x89PNG") and content == (tmp_path / "b.png").read_bytes()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone has before anything ran: settings, tasks and pinned results."""
    for name in ("reference", "tasks", "profiles"):
        shutil.copytree(toys.ROOT / name, tmp_path / name)
    shutil.copy(toys.ROOT / "profiles" / "lab.yaml", tmp_path / "params.yaml")
    return tmp_path


def study_command(root: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; from harness.commands.main import run; code = run(['study', '--out', 'pages/lab.md'])\n"
        "assert not {'torch', 'transformers', 'datasets', 'huggingface_hub'} & set(sys.modules); sys.exit(code)"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, env={"PYTHONPATH": str(toys.ROOT)}, capture_output=True, text=True
    )


@pytest.mark.slow
def made_up_curves() -> Curves:
    """Three layers, of which the second is pinned: `mnli` loses there by seed, `multi` gains and lacks tatoeba."""
    pinned = dict.fromkeys(("bucc", "tatoeba"), Retrieval(layer=1, pooling="mean", neighbours=4, max_length=64))
    scores = {
        (recipe, target, seed): [10.0, 60.0 + more * seed, 90.0 - 30.0 * more]
        for recipe, more in (("none", 0.0), ("mnli", -1.0), ("multi", 2.0))
        for target in pinned
        for seed in (1, 2, 3)
        if (recipe, target) != ("multi", "tatoeba")
    }
    return curves_of(scores, pinned, ["mnli", "multi"])


def test_retrieval_by_layer_stands_at_the_pinned_and_the_last_one() -> None:
    study = make({"mnli": 1.0, "multi": 1.0}, layers=made_up_curves())
    page = page_of(study)
    assert "On bucc the baseline scores 60.0 at the pinned layer 1 and 90.0 at its best, layer 2 (30.0 more)" in page
    header = ("", "bucc, layer 1", "bucc, layer 2", "tatoeba, layer 1", "tatoeba, layer 2")
    assert row(page, "", "Retrieval by layer") == [*header]
    assert row(page, "none: score", "Retrieval by layer")[1:] == ["60.0", "90.0", "60.0", "90.0"]
    assert row(page, "mnli: gain", "Retrieval by layer")[1:] == ["**-2.0 ± 1.7**", "+30.0", "**-2.0 ± 1.7**", "+30.0"]
    assert row(page, "multi: gain", "Retrieval by layer")[1:] == ["**+4.0 ± 3.4**", "-60.0", "-", "-"]
    assert "(x_layers.png)" in page
    assert "Retrieval by layer" not in page_of(make({"mnli": 1.0}))


def test_the_command_writes_page_and_pictures_from_the_pinned_results(clone: Path) -> None:
    done = study_command(clone)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout == f"written: {clone / 'pages' / 'lab.md'}\n"
    page = (clone / "pages" / "lab.md").read_text(encoding="utf-8")
    study = read_study(LAB, Paths(clone, "lab"))
    assert page == render_page(study, "lab")
    assert len(study.languages) == 12 and len(re.findall(r"\.png\)", page)) == len(PICTURES)
    for picture in re.findall(r"\]\((.+?\.png)\)", page):
        assert (clone / "pages" / picture).read_bytes().startswith(b"\x89PNG")
    assert study.verification.judged == "pinned" and study.provenance.when.startswith("pinned 20")


def test_nothing_is_written_about_unsound_results(clone: Path) -> None:
    next((clone / "reference" / "lab" / "predictions").iterdir()).unlink()
    done = study_command(clone)
    assert done.returncode == 2 and "expected sound results" in done.stderr and "To fix it" in done.stderr
    assert not (clone / "pages").exists()


@pytest.mark.slow
def test_the_committed_page_is_that_of_the_pinned_results_of_mini(clone: Path) -> None:
    shutil.copy(toys.ROOT / "profiles" / "mini.yaml", clone / "params.yaml")
    shutil.copytree(toys.ROOT / "docs", clone / "docs")
    study = read_study(read_params(clone / "params.yaml"), Paths(clone, "mini"))
    page = (toys.ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    assert page == render_page(study, "study"), "run `harness study --profile mini`"
