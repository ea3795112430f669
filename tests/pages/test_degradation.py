"""`harness degradation`: what it says must follow from the numbers; its page and figures from the pinned results."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import pytest
from degradation_world import LANGUAGES, REGISTRATION, low_resource, make_table, registration

from harness.commands.main import run
from harness.pages.degradation.answer import answer, level_weights
from harness.pages.degradation.figures import HEAT_MAP, SCATTER, STEM, draw_languages, draw_size, write_figures
from harness.pages.degradation.languages import laboratory_languages
from harness.pages.degradation.page import noise_rows, render_page, render_text, sight_table, target_rows
from harness.pages.degradation.record import read_degradation, read_stand_ins
from harness.project.errors import HarnessError
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.verify.languages.degradation import measure_degradation
from harness.verify.languages.records import Degradation


def measure(low: float, other: float, **options: object) -> Degradation:
    """An answer about a table with these planted gains."""
    table = make_table(lambda recipe, language: low if low_resource(language) else other, **options)  # type: ignore[arg-type]
    return measure_degradation(table, LANGUAGES, "en", registration(), "run")


def pinned_answer(repo_root: Path, root: Path, profile: str) -> Degradation:
    """The answer from pinned results, as in a clone where nothing has run."""
    for name in ("tasks", "profiles", "reference"):
        (root / name).symlink_to(repo_root / name)
    return read_degradation(read_params(repo_root / "profiles" / f"{profile}.yaml"), Paths(root, profile))


@pytest.fixture(scope="module")
def pinned(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Degradation:
    """The answer from the laboratory's pinned results."""
    return pinned_answer(repo_root, tmp_path_factory.mktemp("clone"), "lab")


def test_the_answer_names_a_planted_degradation() -> None:
    text = answer(measure(-6.0, 1.0))
    assert text.startswith(
        "FacebookAI/xlm-roberta-large on XTREME: Intermediate training DEGRADES low-resource languages"
    )
    assert "over 2 recipes on 15 low-resource languages is -" in text
    assert re.search(r"low-resource languages fare worse than the others \(\+(0\.9|1\.[01]) \[", text)
    assert "The less pretraining text, the smaller the gain: +" in text
    assert "gains on low-resource languages (100%) and 0 of" in text
    assert "each by itself" not in text and "all of them of" not in text, "every recipe loses"
    table = make_table(lambda recipe, _: -6.0 if recipe == "mnli" else 0.0, recipes=("mnli", "squad_v2", "qqp"))
    one = answer(measured := measure_degradation(table, LANGUAGES, "en", registration(), "run"))
    assert "; each by itself, 1 of 3 shows a loss (mnli)." in one
    assert "gains on other languages (33%), all of them of mnli, at a false" in one
    assert re.search(r"- mnli, \d+ on panx, \d+ on tatoeba, [^:]*: \w+ on", render_page(measured, "a.png", "b.png"))


def test_the_levels_means_are_those_of_the_weights() -> None:
    found = measure(-6.0, 1.0)
    weights, low = level_weights(found), found.average.low
    means = {
        target: fmean(p.mean for r in found.averaged for p in r.pairs if (p.target, p.level) == (target, "low"))
        for target, weight in weights.items()
        if weight
    }
    assert low and sum(weights[target] * mean for target, mean in means.items()) == pytest.approx(low.value)
    assert sum(weights.values()) == pytest.approx(1.0) and weights["bucc"] == 0.0
    most = sorted(weights, key=lambda target: -weights[target])[:3]
    named = ", ".join(f"{target} ({weights[target]:.0%})" for target in most)
    assert f"these numbers are mostly those of {named}." in answer(found)
    assert [row[3] for row in target_rows(found)] == [f"{weights[target]:.0%}" for target in found.targets]
    assert "mostly those of" not in answer(measure(-6.0, 1.0, targets=("panx", "udpos")))


def test_the_answer_names_a_uniform_gain_and_no_effect() -> None:
    gain, nothing = answer(measure(5.0, 5.0)), answer(measure(0.0, 0.0))
    assert "does NOT degrade low-resource languages on average, it helps them" in gain
    assert "do not clearly fare differently" in gain and "does not clearly follow" in gain
    assert "NO degradation of low-resource languages is shown on average, nor is it excluded" in nothing
    assert "gains on low-resource languages (0%)" in nothing


def test_the_answer_says_what_it_is_about_and_what_it_cannot_tell() -> None:
    assert answer(measure(-6.0, 1.0, encoder="a small encoder")).startswith(
        "This is about a small encoder on XTREME; how far training degrades FacebookAI/xlm-roberta-large on XTREME"
    )
    one = answer(measure(-6.0, 1.0, seeds=1))
    assert "Undecided" in one and "No (target, language) has the 3 seeds that a test needs." in one
    assert "DEGRADES" not in one
    assert "Nothing here compares" in answer(measure(-6.0, 1.0, targets=("bucc",)))


@pytest.mark.slow
@pytest.mark.parametrize(("stem", "profile"), [("degradation", "lab"), ("degradation_mini", "mini")])
def test_the_committed_page_is_that_of_the_pinned_results(
    repo_root: Path, tmp_path: Path, stem: str, profile: str
) -> None:
    page = (repo_root / "docs" / f"{stem}.md").read_text(encoding="utf-8")
    found = pinned_answer(repo_root, tmp_path, profile)
    again = f"run `harness degradation --profile {profile} --page docs/{stem}.md`"
    assert page == render_page(found, f"{stem}_{HEAT_MAP}.png", f"{stem}_{SCATTER}.png"), again


def test_what_stands_in_for_a_tasks_data_is_named(repo_root: Path) -> None:
    paths = Paths(repo_root, "mini")
    mini = read_params(repo_root / "profiles" / "mini.yaml")
    assert read_stand_ins(mini, paths, ["none", "mnli", "squad_v2"]) == {}
    found = read_stand_ins(mini, paths, ["mnli", "multi"])
    assert found.keys() == {"ccg"} and found["ccg"].startswith("UD supertags")
    assert read_stand_ins(read_params(repo_root / "profiles" / "lab.yaml"), paths, ["multi"]) == {}
    page = render_page(measure(0.0, 0.0).model_copy(update={"stand_ins": found}), "a.png", "b.png")
    assert "- stand-in, in recipes that train on ccg: UD supertags" in page


def test_the_pinned_results_answer_for_the_laboratory_only(pinned: Degradation) -> None:
    assert not pinned.in_scope and pinned.judged == "pinned"
    assert (len(pinned.recipes), len(pinned.targets), len(pinned.languages)) == (4, 9, 12)
    text = render_text(pinned)
    assert "it can't say" in text and "PINNED results in reference/lab" in text
    assert all(f"\n{code}  " in text for code in pinned.languages)


@pytest.mark.slow
def test_the_command_prints_json_and_writes_figures_and_page(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(repo_root / name)
    (tmp_path / "params.yaml").write_bytes((repo_root / "profiles" / "lab.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert run(["degradation", "--json", "--figures", "pictures", "--page", "page/answer.md"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["in_scope"] is False and content["registration"]["degraded"]["threshold_points"] == -1.0
    assert {pair["language"] for pair in content["recipes"][0]["pairs"]} == set(content["languages"])
    names = {f"{STEM}_{name}.{ending}" for name in (HEAT_MAP, SCATTER) for ending in ("png", "svg")}
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == names
    assert {path.name for path in (tmp_path / "page").iterdir()} == {
        "answer.md",
        f"answer_{HEAT_MAP}.png",
        f"answer_{SCATTER}.png",
    }
    assert run(["degradation", "--profile", "paper"]) == 2
    assert "found neither" in capsys.readouterr().err


def test_a_page_over_another_file_is_refused_before_anything_is_computed(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repo_root)
    other = tmp_path / "notes.md"
    other.write_text("# Notes of mine\n", encoding="utf-8")
    assert run(["degradation", "--profile", "lab", "--page", str(other)]) == 2
    told = capsys.readouterr()
    assert told.out == "" and "notes-lab.md" in told.err
    assert other.read_text(encoding="utf-8") == "# Notes of mine\n"


@pytest.mark.slow
def test_the_command_loads_nothing_that_trains(repo_root: Path) -> None:
    code = (
        "import sys; from harness.commands.main import run; code = run(['degradation', '--profile', 'lab']); "
        "heavy = {'torch', 'transformers', 'datasets', 'mlflow', 'matplotlib'} & {*sys.modules}; "
        "sys.exit(code or ' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repo_root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") and "ANSWER: " in done.stdout


@pytest.mark.slow
def test_figures_have_the_same_bytes_again(tmp_path: Path) -> None:
    found = measure(-2.0, 1.0, targets=("xnli", "tatoeba"))
    first, again = (write_figures(found, tmp_path / name) for name in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="expected to write"):
        write_figures(found, tmp_path / "file")


def test_figures_show_what_is_there_and_what_is_not() -> None:
    found = measure(-2.0, 1.0, targets=("xnli", "tatoeba"), missing=[f"multi-xnli-{seed}" for seed in (1, 2, 3)])
    heat, scatter = draw_languages(found), draw_size(found)
    (everything, apart) = heat.axes[:2]
    assert len(everything.texts) == 2 * len(found.languages) - sum(
        1 for code in found.languages if not any(p.language == code for p in found.recipes[1].pairs)
    )
    assert len(apart.texts) == len([pair for pair in found.recipes[0].pairs if pair.target == "xnli"])
    assert everything.patches[0].get_hatch() and everything.images[0].norm.vmin == -everything.images[0].norm.vmax
    labels = {text.get_text() for text in scatter.axes[0].texts}
    assert labels == {code for code, level in found.levels.items() if level != "source"}


def test_figures_of_one_target_without_a_slope_say_so() -> None:
    scatter = draw_size(measure(-2.0, 1.0, targets=("xnli",), missing=[f"{r}-xnli-1" for r in ("none", "mnli")]))
    assert len(scatter.axes) == 1
    nothing = measure(0.0, 0.0, targets=("bucc",))
    assert nothing.fit.slope is not None and nothing.average_without_retrieval is None
    assert len(draw_languages(nothing).axes) == 2


def test_the_laboratorys_languages_take_resources_from_the_real_ones() -> None:
    made = laboratory_languages(LANGUAGES)
    levels = {code: REGISTRATION.level(language, code == "qaa") for code, language in made.items()}
    assert sorted(code for code, level in levels.items() if level == "low") == ["qad", "qag", "qak", "qal"]
    assert (levels["qae"], levels["qaa"], levels["qah"]) == ("unseen", "source", "other")
    with pytest.raises(HarnessError, match=r"expected Javanese with 0\.2 GiB"):
        laboratory_languages(LANGUAGES | {"jv": LANGUAGES["af"]})


def test_the_page_says_what_rows_add_and_what_goes_unseen(pinned: Degradation) -> None:
    text = " ".join(render_text(pinned).split())
    assert [row[0] for row in noise_rows(pinned)] == pinned.targets
    bucc = next(one for one in pinned.noise if one.target == "bucc")
    assert bucc.with_rows == bucc.tested and bucc.rows_share > 0.5, "few sentences, and a shared encoder"
    assert f"{bucc.rows_share:.0%}" in text and "not kept" not in text
    assert "with 3 seeds a 3-point loss of one language on one target is found with probability" in text
    headers, rows = sight_table(pinned)
    assert [row[0] for row in rows] == ["3", "5", "10"] and len(headers) == 4


def test_where_items_are_not_kept_seeds_alone_count_and_the_page_says_so() -> None:
    found = measure(-6.0, 1.0, targets=("xnli", "udpos"))
    text = " ".join(render_text(found).split())
    assert {row[3] for row in noise_rows(found)} == {"not kept"}
    assert "items are not kept for all cells of xnli, udpos: there seeds alone count" in text
