"""The verifier's error rates on drawn gains, and the committed page that reports them."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy import stats

from harness.pages.verifier.page import exit_codes, rates_row, render_page, seeds_table, write_page
from harness.pages.verifier.words import HOLM, LEVELS, LIMITS, OPENING, RULE, VERDICTS
from harness.verify.statistics import simulation as sim

FEW = 600
"""Repetitions of the reduced grid: a true rate of 5 % shows over 8.5 % with probability below 1e-4."""


@pytest.fixture(scope="module")
def grid() -> list[sim.Rates]:
    return sim.measure_grid(FEW)


@pytest.mark.slow
def test_false_verdicts_are_at_most_five_per_cent(grid: list[sim.Rates]) -> None:
    """In every row, by a binomial bound; n = 3, 5, 10, spreads from a quarter of the margin to four margins."""
    limit = sim.most_at_level(FEW)
    confirmed, accused = sim.false_reproduced(grid), sim.false_not_reproduced(grid)
    assert [row for row in confirmed if row.reproduced > limit] == []
    assert [row for row in accused if row.not_reproduced > limit] == []
    assert len(confirmed) == len(accused) == 3 * len(sim.SIGMAS) * len(sim.SEEDS)


def test_the_rule_and_the_formula_agree(grid: list[sim.Rates]) -> None:
    for row in grid:
        for count, chance in zip((row.reproduced, row.not_reproduced), sim.exact_chance(row), strict=True):
            assert stats.binomtest(count, FEW, min(1.0, chance + 1e-4)).pvalue > 1e-6 or count / FEW == pytest.approx(
                chance, abs=1e-3
            )


def test_holm_keeps_the_family_and_its_absence_does_not() -> None:
    family = sim.measure_family(10, FEW)
    assert family.false_holm <= sim.most_at_level(FEW) < family.false_alone
    assert 0 < family.right_holm < family.right_alone


@pytest.mark.parametrize(("n", "n_claim"), [(3, 1), (5, 3)])
def test_the_prediction_interval_covers_95_per_cent(n: int, n_claim: int) -> None:
    found = sim.measure_coverage(n, n_claim, 2000)
    assert stats.binomtest(found.covered, 2000, 0.95).pvalue > 1e-4


@pytest.mark.parametrize("shape", sim.SHAPES)
def test_shapes_have_mean_0_and_spread_1(shape: sim.Shape) -> None:
    values = sim.draw(shape, sim.generator(9), (400_000,))
    assert values.mean() == pytest.approx(0, abs=0.01) and values.std() == pytest.approx(1, abs=0.15)


def test_the_same_row_is_drawn_again_whatever_came_before() -> None:
    first = sim.measure_rates("normal", 1.0, 0.5, 3, 50, 1, 2, 1, 3)
    sim.measure_rates("skewed", 1.0, 0.5, 3, 50, 2, 1, 3, 1)
    assert sim.measure_rates("normal", 1.0, 0.5, 3, 50, 1, 2, 1, 3) == first


def test_the_limit_is_the_binomial_quantile() -> None:
    limit = sim.most_at_level(FEW)
    assert stats.binom.sf(limit, FEW, 0.05) < sim.DOUBT <= stats.binom.sf(limit - 1, FEW, 0.05)


def test_the_committed_page_is_what_the_command_writes(repo_root: Path) -> None:
    """Its words, the tables that need no simulation, and one measured row drawn again in full."""
    page = (repo_root / "docs" / "verifier.md").read_text(encoding="utf-8")
    for part in (OPENING, LEVELS, RULE, VERDICTS, HOLM, LIMITS, exit_codes(), seeds_table()):
        assert part in page
    at_edge, middle = sim.DEVIATIONS.index(1.0), sim.SIGMAS.index(0.5)
    row = sim.measure_rates("normal", 1.0, 0.5, 3, sim.REPETITIONS, 1, at_edge, middle, 3)
    cells = [cell.strip() for cell in rates_row(row)]
    written = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    assert cells in written
    assert (repo_root / "docs" / "verifier_operating.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_page_of_few_draws_has_every_part_and_its_picture(tmp_path: Path) -> None:
    found = sim.simulate(20)
    write_page(found, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert page == render_page(found, "page_operating.png") and (tmp_path / "page_operating.png").is_file()
    assert page.count("\n## ") == 11 and "20 experiments per row" in page
