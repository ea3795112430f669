"""Degradation of low-resource languages against planted truth: effects, shares, coverage, false discoveries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from degradation_world import LANGUAGES, REGISTRATION, low_resource, make_table, registration
from scipy import stats

from harness.pages.degradation.page import language_rows
from harness.project.errors import HarnessError
from harness.verify.languages.degradation import gains_by_language, measure_degradation
from harness.verify.languages.records import Degradation, Effect
from harness.verify.languages.registration import Language, load_languages, load_registration
from harness.verify.show.table import show_points
from harness.verify.statistics.resampling import draw_languages, estimate_effects, moderate, pooled_effects, q_values


def measure(*args: object, **options: object) -> Degradation:
    table = make_table(*args, **options)  # type: ignore[arg-type]
    return measure_degradation(table, LANGUAGES, "en", registration(), "run")


def covers(effect: Effect | None, truth: float) -> bool:
    assert effect is not None and effect.interval is not None
    return effect.interval.low <= truth <= effect.interval.high


def only_low(recipe: str, language: Language) -> float:
    return -6.0 if low_resource(language) else 1.0


def test_a_planted_degradation_of_low_resource_languages_is_found() -> None:
    found = measure(only_low)
    assert found.in_scope and len(found.levels) == 40
    assert sum(level == "low" for level in found.levels.values()) == 15
    assert found.average.low is not None and found.average.low.direction == "down"
    assert (
        covers(found.average.low, -6.0) and covers(found.average.other, 1.0) and covers(found.average.difference, -7.0)
    )
    assert found.average.slope is not None and found.average.slope.direction == "up"
    for result in found.recipes:
        low, other = result.shares["low"], result.shares["other"]
        assert low.degraded / low.tested > 0.9 and low.improved == 0
        assert (other.degraded, other.below) == (0, 0)
        assert result.worst is not None and low_resource(LANGUAGES[result.worst.language])
        assert covers(result.source, 1.0) and covers(result.unseen, 1.0)


def test_a_uniform_gain_improves_all_alike() -> None:
    found = measure(lambda recipe, language: 5.0)
    assert covers(found.average.low, 5.0) and found.average.low and found.average.low.direction == "up"
    assert covers(found.average.difference, 0.0) and covers(found.average.slope, 0.0)
    for result in found.recipes:
        assert result.shares["low"].degraded == result.shares["other"].degraded == 0
        assert result.shares["low"].improved / result.shares["low"].tested > 0.9


def test_without_any_effect_nothing_is_found() -> None:
    found = measure(lambda recipe, language: 0.0)
    assert covers(found.average.low, 0.0) and covers(found.average.difference, 0.0) and covers(found.average.slope, 0.0)
    assert [share.degraded + share.improved for r in found.recipes for share in r.shares.values()] == [0] * 4


def test_the_mix_of_targets_does_not_pose_as_an_effect_of_size() -> None:
    """Retrieval gains 30 points in every language; languages without retrieval are mostly small."""
    table = make_table(lambda recipe, language: 0.0, noise=0.5)
    rows = [
        row.model_copy(update={"scores": {c: {m: v + 30 for m, v in s.items()} for c, s in row.scores.items()}})
        if row.cell.recipe != "none" and table.groups[row.cell.target] == "retrieval"
        else row
        for row in table.cells
    ]
    found = measure_degradation(table.model_copy(update={"cells": rows}), LANGUAGES, "en", registration(), "run")
    assert covers(found.average.difference, 0.0) and covers(found.average.slope, 0.0)
    assert found.average.low and found.average.low.value > 3
    assert found.average_without_retrieval and covers(found.average_without_retrieval.low, 0.0)


def test_slope_and_difference_are_those_of_least_squares_with_an_intercept_per_target() -> None:
    random = np.random.default_rng(3)
    gains = random.normal(size=(4, 9))
    gains[random.random(gains.shape) < 0.3] = np.nan
    x, low = random.normal(size=9), np.arange(9) < 4
    target, language = np.nonzero(np.isfinite(gains))
    dummies = (target[:, None] == np.arange(4)).astype(float)
    y = gains[target, language]
    found = pooled_effects(gains, x, low, np.ones((1, 9)))
    for effect, regressor in ((found.slope, x), (found.difference, low.astype(float))):
        fitted = np.linalg.lstsq(np.column_stack([dummies, regressor[language]]), y, rcond=None)[0]
        assert effect[0] == pytest.approx(fitted[-1])


def test_drawing_a_language_twice_counts_it_twice() -> None:
    random = np.random.default_rng(4)
    gains, x, low = random.normal(size=(3, 6)), random.normal(size=6), np.arange(6) < 3
    counts = np.array([2, 1, 0, 1, 1, 0])
    drawn = pooled_effects(gains, x, low, counts[None, :].astype(float))
    copied = np.repeat(np.arange(6), counts)
    again = pooled_effects(gains[:, copied], x[copied], low[copied], np.ones((1, 5)))
    assert [effect[0] for effect in drawn] == pytest.approx([effect[0] for effect in again])


@pytest.mark.parametrize(("of_language", "of_seed"), [(1.0, 0.3), (1.5, 0.0), (0.1, 1.5)])
def test_intervals_cover_the_truth_at_about_the_nominal_rate(of_language: float, of_seed: float) -> None:
    """Languages of their own gain, seeds of their own slope and gain, noise: 90 % or wider, as far as 300 worlds tell.

    Either source of chance alone must do. Targets of their own gain must not matter to what compares languages.
    """
    random = np.random.default_rng(5)
    targets, languages, seeds, worlds = 6, 14, 4, 300
    x = np.log10(np.geomspace(0.2, 280, languages))
    low = x < 1
    there = random.random((targets, languages)) < 0.7
    draws = draw_languages(languages, 500, 1)
    truth = {"slope": 1.5, "difference": -2.0, "low": -4.0}
    inside = dict.fromkeys(truth, 0)
    for _ in range(worlds):
        noise = random.normal(0, of_language, (1, languages, 1)) + random.normal(0, 0.8, (targets, languages, seeds))
        noise += random.normal(0, of_seed, seeds) * (x - x.mean())[:, None] + random.normal(0, of_seed, seeds)
        own = random.normal(0, 5, (targets, 1, 1))
        signal = {"slope": own + 1.5 * x[:, None], "difference": own - 2.0 * low[:, None], "low": -4.0}
        for effect, value in truth.items():
            gains = np.where(there[..., None], signal[effect] + noise, np.nan)
            found = estimate_effects(gains, x, low, draws, 0.90)[effect]
            assert found is not None and found.interval is not None
            inside[effect] += found.interval.low <= value <= found.interval.high
    assert all(0.86 <= count / worlds <= 0.98 for count in inside.values()), inside


def test_false_discoveries_stay_at_the_nominal_rate() -> None:
    """All gains exactly at the threshold, seeds sharing half of their noise; then a third of them truly degraded."""
    random = np.random.default_rng(6)
    for share, most in ((0.0, 0.09), (0.3, 0.07)):
        false = []
        for _ in range(150):
            sd = np.exp(random.normal(0, 0.6, (9, 8, 1)))
            common, own = random.normal(size=(9, 1, 3)), random.normal(size=(9, 8, 3))
            bad = random.random((9, 8, 1)) < share
            gains = np.where(bad, -7.0, -1.0) + sd * np.sqrt(0.5) * (common + own)
            below, _ = q_values(moderate(gains.reshape(-1, 3).tolist()), -1.0)
            rejected = np.array(below) <= 0.05
            false.append((rejected & ~bad.ravel()).sum() / max(1, rejected.sum()))
        assert np.mean(false) <= most


def test_without_a_prior_to_lean_on_the_test_is_students() -> None:
    """Variances so different that the prior counts for little: p is between those of t with 2 and with 6 degrees."""
    samples = [[0.0, 0.1, 0.2], [-9.0, -3.0, 4.0], [-5.0, -5.2, -4.9]]
    tested = moderate(samples)
    assert [one.mean for one in tested] == pytest.approx([np.mean(sample) for sample in samples])
    assert all(2.0 <= one.freedom <= 6.0 for one in tested)
    adjusted, _ = q_values(tested, -1.0)
    p = [stats.t.cdf((one.mean + 1) / one.standard_error, one.freedom) for one in tested]
    assert adjusted == pytest.approx(stats.false_discovery_control(p))
    assert moderate([]) == [] and q_values([], -1.0) == ([], [])


def test_question_answering_gains_are_of_em_and_f1() -> None:
    table = make_table(lambda recipe, language: 2.0, targets=("mlqa",), noise=0.0)
    gains = gains_by_language(table, ["mlqa"])
    assert gains["mnli", "mlqa", "hi"] == {seed: pytest.approx(2.0) for seed in (1, 2, 3)}
    assert gains_by_language(table, []) == {}


def test_a_failed_cell_takes_its_seed_and_what_lacks_is_named() -> None:
    found = measure(
        only_low, targets=("xnli", "udpos"), missing=("mnli-xnli-2", *(f"multi-xnli-{s}" for s in (1, 2, 3)))
    )
    (mnli, multi) = found.recipes
    assert {tuple(p.by_seed) for p in mnli.pairs if p.target == "xnli"} == {(1, 3)}
    assert all(pair.q_loss is None for pair in mnli.pairs if pair.target == "xnli")
    assert {pair.target for pair in multi.pairs} == {"udpos"}
    assert "multi on xnli: no gain, as no seed has both scores" in found.left_out
    assert "bucc: not run" in found.left_out
    known = {code: language for code, language in LANGUAGES.items() if code != "sw"}
    table = make_table(only_low, targets=("xnli",))
    assert measure_degradation(table, known, "en", registration(), "run").left_out[-1].endswith("resources: sw")


def test_recipes_are_averaged_at_the_seeds_that_all_of_them_have() -> None:
    """A recipe that ran at more seeds does not weigh more in the average."""
    missing = [f"multi-{target}-{seed}" for target in ("xnli", "udpos") for seed in (4, 5)]

    def planted(recipe: str, language: Language) -> float:
        return 6.0 if recipe == "multi" else 0.0

    found = measure(planted, targets=("xnli", "udpos"), seeds=5, noise=0.01, missing=missing)
    assert found.average.low is not None and found.average.low.value == pytest.approx(3.0, abs=0.1)
    assert {tuple(pair.by_seed) for pair in found.recipes[0].pairs} == {(1, 2, 3, 4, 5)}


def test_one_seed_gives_values_and_no_certainty() -> None:
    found = measure(only_low, targets=("xnli", "udpos"), seeds=1)
    assert found.average.low is not None and found.average.low.interval is None
    assert all(share.tested == 0 for result in found.recipes for share in result.shares.values())


def test_a_recipe_with_few_seeds_is_shown_and_not_averaged_while_others_have_enough() -> None:
    table = make_table(lambda recipe, language: {"mnli": -2.0, "qqp": 9.0}[recipe], recipes=("mnli", "qqp"))
    seeds = sorted({row.cell.seed for row in table.cells})
    cells = [row for row in table.cells if row.cell.recipe != "qqp" or row.cell.seed == seeds[0]]
    found = measure_degradation(table.model_copy(update={"cells": cells}), LANGUAGES, "en", registration(), "run")
    assert {result.recipe: result.averaged for result in found.recipes} == {"mnli": True, "qqp": False}
    alone = [row for row in table.cells if row.cell.recipe != "qqp"]
    without = measure_degradation(table.model_copy(update={"cells": alone}), LANGUAGES, "en", registration(), "run")
    assert found.average == without.average and found.low_without == {}
    one = [row for row in cells if row.cell.seed == seeds[0]]
    few = measure_degradation(table.model_copy(update={"cells": one}), LANGUAGES, "en", registration(), "run")
    assert all(result.averaged for result in few.recipes), "none has more"


def test_other_recipes_than_plain_english_ones_are_shown_and_not_averaged() -> None:
    found = measure(
        lambda recipe, language: 9.0 if "+" in recipe else 0.0, recipes=("mnli", "mnli+mlm", "mnli+translated")
    )
    assert [result.averaged for result in found.recipes] == [True, False, False]
    assert covers(found.average.low, 0.0)


def test_both_definitions_are_read_from_the_registration() -> None:
    levels = {code: REGISTRATION.level(language, code == "en", True) for code, language in LANGUAGES.items()}
    assert sorted(code for code, level in levels.items() if level == "low") == ["jv", "ml", "mr", "my", "sw", "te"]
    assert levels["yo"] == "unseen"


def test_the_line_of_the_figure_is_that_of_the_tables() -> None:
    found = measure(lambda recipe, language: 2.0 * (language.log_size if language.cc100_gib else 0.0), noise=0.1)
    assert found.fit.slope == found.average.slope and covers(found.fit.slope, 2.0)
    for code, gain in found.fit.points.items():
        line = found.fit.centre_gain + 2.0 * (LANGUAGES[code].log_size - found.fit.centre_log_size)
        assert gain == pytest.approx(line, abs=0.3)
    assert list(found.fit.unseen) == ["yo"]


def test_the_figure_and_the_table_rest_on_the_seeds_of_the_means_too() -> None:
    """With a recipe that lacks seeds, the languages of one target still lie about the line, and not off to a side."""
    missing = [f"multi-udpos-{seed}" for seed in (4, 5)]
    found = measure(lambda recipe, language: 0.0, targets=("udpos",), seeds=5, noise=5.0, missing=missing)
    fit = found.fit
    assert fit.slope is not None
    off = [
        gain - (fit.centre_gain + fit.slope.value * (LANGUAGES[code].log_size - fit.centre_log_size))
        for code, gain in fit.points.items()
    ]
    assert np.mean(off) == pytest.approx(0.0, abs=1e-9) and max(map(abs, off)) > 0.1
    code = next(iter(fit.points))
    common = [p.by_seed[s] for r in found.recipes for p in r.pairs if p.language == code for s in (1, 2, 3)]
    row = next(row for row in language_rows(found) if row[0] == code)
    assert row[-1] == show_points(float(np.mean(common)))


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "low_resource.yaml"
    with pytest.raises(HarnessError, match="no such file"):
        load_registration(path)
    path.write_text("scope: [")
    with pytest.raises(HarnessError, match="expected YAML"):
        load_registration(path)
    path.write_text("af: {name: Afrikaans, iso3: afr, cc100_gib: -1.0, cc100_tokens_m: 1, joshi_class: 3}")
    with pytest.raises(HarnessError, match="cc100_gib"):
        load_languages(path)
