"""The HTML report from results that are made up: what it shows must follow from them, and it must ask nobody."""

from __future__ import annotations

import hashlib
import html
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys
from synthetic import Project, planted

from harness.commands.main import run
from harness.pages.report.charts import charts_of
from harness.pages.report.page import ASSETS, LIBRARIES
from harness.pages.report.rates import error_rates
from harness.pages.report.read import read_report, read_report_of, read_verdicts
from harness.pages.report.record import Report
from harness.pages.report.render import render_report, report_file, write_report
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.profiles import read_params
from harness.project.results import grid_cells
from harness.verify.languages.registration import LANGUAGES_FILE, REGISTRATION_FILE

Make = Callable[..., Project]
PUBLISHED = {
    "vega.min.js": "8f6a3587cf8d4f42c7e08120e3eb05d067e746d554e39d2dcf52acc0bd5ba28f",
    "vega-lite.min.js": "35a9821df838825b05a6a73e9414b58747a1b18321583858ed903c66393a5c7e",
}
"""sha256 of the files of Vega 6.4.0 and Vega-Lite 6.4.3 as their packages hold them."""


def furnish(project: Project) -> Project:
    for name in ("tasks", "profiles"):
        (project.root / name).symlink_to(toys.ROOT / name)
    for name in (LANGUAGES_FILE, REGISTRATION_FILE):
        shutil.copy(toys.ROOT / "reference" / name, project.paths.reference / name)
    return project


@pytest.fixture
def ran(make_project: Make) -> Project:
    """A run in which `mnli` gains two points, as the scores say."""
    project = furnish(make_project(recipes=("none", "mnli"), targets=("xnli", "bucc")))
    return project.run(planted({"mnli": 2.0}))


def report_of(project: Project) -> Report:
    return read_report(project.params, project.paths)


def text_of(page: str) -> str:
    """What a reader sees, without style and code."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_the_page_opens_with_the_answer_and_shows_every_claim_and_cell(ran: Project) -> None:
    report = report_of(ran)
    page = render_report(report)
    seen = text_of(page)
    assert seen.index(report.verification.answer) < seen.index("cells re-scored") < seen.index("Claims that scores")
    assert [(card.value, card.label) for card in report.cards[:3]] == [
        ("ok", "integrity (V0)"), ("12/12", "cells there"), ("12/12", "cells re-scored")
    ]  # fmt: skip
    ids = re.findall(r'data-claim="([^"]+)"', page)
    assert sorted(ids) == sorted(claim.id for claim in report.verification.claims)
    for cell in grid_cells(ran.params):
        assert cell.id in seen
    for pair in report.pairs:
        assert all(cell.predictions_sha256 and cell.predictions_sha256 in seen for cell in pair.cells)
        assert all(sha256 in seen for cell in pair.cells for sha256 in cell.inputs.values())
        assert f'href="#{pair.id}"' in page and f'id="{pair.id}"' in page


def test_a_field_of_the_heat_map_is_the_mean_gain_over_seeds(ran: Project) -> None:
    report = report_of(ran)
    pair = report.pair("mnli", "xnli")
    assert pair is not None and pair.gain is not None and pair.gain.mean == pytest.approx(2.0)
    field = re.search(r'<td class="up"[^>]*><a href="#pair-mnli-xnli">([^<]*)</a>', render_report(report))
    assert field is not None and field[1].strip() == "+2.0 ▲"
    baseline = report.pair("none", "xnli")
    assert baseline is not None and baseline.gain is None and baseline.score is not None


def test_results_that_are_not_whole_give_no_number(ran: Project) -> None:
    shutil.rmtree(ran.paths.cells / "mnli-xnli-3")
    report = report_of(ran)
    seen = text_of(render_report(report))
    assert "What is wrong" in seen and "mnli-xnli-3" in report.verification.v0.problems[0]
    pair = report.pair("mnli", "xnli")
    assert pair is not None and pair.lacks == "missing" and pair.score is None and charts_of(report) == {}
    assert [cell.status for cell in pair.cells] == ["ok", "ok", "missing"]
    assert all(cell.score is None for one in report.pairs for cell in one.cells)
    assert "11/12 cells there" in seen and "INVALID integrity (V0)" in seen


def test_unavailable_and_failed_cells_are_said_in_words(make_project: Make) -> None:
    project = furnish(make_project(recipes=("none", "mnli"), targets=("xnli", "bucc")))
    project.write_data()
    for cell in grid_cells(project.params):
        if (cell.recipe, cell.target) == ("mnli", "bucc"):
            project.write_cell(cell, None, status="unavailable", reasons=["its corpus is <licensed>"])
        elif cell.id == "mnli-xnli-1":
            project.write_cell(cell, None, reasons=["the loss is not a number"])
        else:
            project.write_cell(cell, planted({"mnli": 1.0})(cell))
    project.write_scores()
    report = report_of(project)
    page = render_report(report)
    assert re.search(r'<td class="lacking"[^>]*><a href="#pair-mnli-bucc">unavailable</a>', page)
    assert "its corpus is &lt;licensed&gt;" in page and "<licensed>" not in page
    assert "3 unavailable" in text_of(page) and "1 failed" in text_of(page)


def test_text_of_settings_and_claims_is_data(ran: Project) -> None:
    report = report_of(ran).model_copy(update={"title": "<script>alert(1)</script>"})
    page = render_report(report)
    assert "<script>alert(1)</script>" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_names_between_backticks_are_code_and_escaped(ran: Project) -> None:
    report = report_of(ran)
    verdict = report.claims[0].verdict.model_copy(update={"text": "Training on `<b>mnli</b>` & more"})
    first = report.claims[0].model_copy(update={"verdict": verdict})
    page = render_report(report.model_copy(update={"claims": [first, *report.claims[1:]]}))
    assert "Training on <code>&lt;b&gt;mnli&lt;/b&gt;</code> &amp; more" in page


def test_a_profile_without_results_has_a_page_without_charts(tmp_path: Path) -> None:
    out = tmp_path / "new" / "paper.html"
    assert run(["report", "--profile", "paper", "--out", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    assert "Nothing has run in profile paper" in page and "nothing results judged" in text_of(page)
    assert 'class="chart"' not in page and "data-chart" not in page.partition("<script>")[0] and len(page) < 200_000


def test_the_page_asks_nobody_and_is_the_same_twice(ran: Project, tmp_path: Path) -> None:
    report = report_of(ran)
    page = render_report(report)
    assert page == render_report(report) == render_report(report_of(ran))
    outside = [tag for tag in re.findall(r"<[a-z][^>]*>", page) if re.search(r'(?:src|href)="(?!#)', tag)]
    assert outside == [] and "sourceMappingURL" not in page and "default-src 'none'" in page
    size = write_report(report, report_file(ran.paths))
    assert size == report_file(ran.paths).stat().st_size < 3_000_000


def test_a_page_that_can_not_be_written_is_told(ran: Project) -> None:
    with pytest.raises(HarnessError, match="expected to write"):
        write_report(report_of(ran), ran.root / "params.yaml" / "report.html")


def test_the_stage_writes_what_the_command_writes(ran: Project) -> None:
    report = report_of(ran)
    with pytest.raises(HarnessError, match=r"expected verdicts at .*verdicts\.json, found none"):
        read_verdicts(ran.paths)
    write_json(ran.paths.verdicts, report.verification.model_dump(mode="json"))
    stored = read_verdicts(ran.paths)
    assert render_report(read_report_of(stored, ran.params, ran.paths)) == render_report(report)
    write_json(ran.paths.verdicts, {"profile": "lab"})
    with pytest.raises(HarnessError, match=r"verdicts\.json"):
        read_verdicts(ran.paths)


def test_the_forest_plot_holds_the_claims_that_have_points(ran: Project) -> None:
    report = report_of(ran)
    spec = charts_of(report)["forest"]
    rows = [row["claim"] for row in spec["layer"][2]["data"]["values"]]
    assert rows == [f"{one.id}|not tested" for one in (shown.verdict for shown in report.claims)
                    if one.evidence.overall]  # fmt: skip
    assert "mnli-gain|not tested" in rows
    seeds = [row["points"] for row in spec["layer"][3]["data"]["values"] if row["claim"].startswith("mnli-gain")]
    assert seeds == pytest.approx([1.8, 2.0, 2.2])


def test_error_rates_are_those_of_the_committed_page(tmp_path: Path) -> None:
    rates = error_rates(toys.ROOT / "docs" / "verifier.md")
    page = (toys.ROOT / "docs" / "verifier.md").read_text(encoding="utf-8")
    counted = re.search(r"Of (\d+) lines (\d+) keep every false rate at ([\d.]+) %", page)
    assert counted is not None and len(rates) == int(counted[1])
    assert sum(rate.false_percent <= float(counted[3]) for rate in rates) == int(counted[2])
    assert (rates[0].situation, rates[0].false_percent, rates[0].right) == ("A stated gain, by spread", 5.7, "99.2")
    assert error_rates(tmp_path / "none.md") == []
    (tmp_path / "other.md").write_text("| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert error_rates(tmp_path / "other.md") == []


def test_the_charts_code_is_what_was_published() -> None:
    found = {name: hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() for name in LIBRARIES}
    assert found == PUBLISHED
    licences = (ASSETS / "LICENSES.txt").read_text(encoding="utf-8")
    assert all(name in licences for name in LIBRARIES) and licences.count("University of Washington") == 2


def test_pinned_predictions_stand_beside_generated_rows_and_never_beside_real_ones(tmp_path: Path) -> None:
    from harness.audit.subject import Judged, nothing
    from harness.pages.report.examples import examples_of
    from harness.project.paths import Paths
    from harness.project.pinned import RESULTS, read_results

    params, paths = read_params(toys.ROOT / "profiles" / "lab.yaml"), Paths(toys.ROOT, "lab")
    wanted = ("none-xquad-1", "mnli-xquad-1", "none-tatoeba-1", "none-bucc-1")
    results = {name: one for name, one in read_results(paths.pinned / RESULTS).items() if name in wanted}
    empty = nothing(0)
    judged = Judged("pinned", empty.checked.__class__(empty.v0, None, results))
    rows = examples_of(judged, ["none", "mnli"], params, paths)
    assert {row.target for row in rows} == {"xquad", "tatoeba"}, "of mining no row has one prediction"
    first = rows[0]
    assert first.gold == "nermu" and [*first.fields] == ["question", "context"]
    assert {answer.recipe: (answer.text, answer.is_right) for answer in first.answers}["none"] == ("nermu", True)
    source = params.data.model_copy(update={"source": "published"})
    assert examples_of(judged, ["none"], params.model_copy(update={"data": source}), paths) == []


@pytest.mark.slow
def test_the_laboratorys_page_has_all_its_parts(tmp_path: Path) -> None:
    out = tmp_path / "lab.html"
    assert run(["report", "--profile", "lab", "--out", str(out)]) == 0
    assert out.stat().st_size < 3_000_000
    page = out.read_text(encoding="utf-8")
    for part in ("forest", "claims", "planted", "facts", "grid", "languages", "layers", "rates", "examples", "check"):
        assert f'<section id="{part}">' in page
    assert re.findall(r'data-chart="([^"]+)"', page) == ["forest", "languages", "layers-bucc", "layers-tatoeba"]
    assert os.fspath(toys.ROOT) not in page
