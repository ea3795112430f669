"""The record -> one HTML file, on the page that all reports share (page.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.pages.report.charts import charts_of, drawn_claims
from harness.pages.report.page import render_page
from harness.pages.report.record import Pair, Report
from harness.project.files import write_text
from harness.project.params import BASELINE
from harness.project.paths import Paths
from harness.verify.show.table import show_interval, show_points


def report_file(paths: Paths) -> Path:
    """Where the pipeline's stage writes the page of a profile."""
    return paths.build / "report.html"


def write_report(report: Report, out: Path) -> int:
    """Write the page to `out`; returns its size in bytes. Raises HarnessError where it can't be written."""
    page = render_report(report)
    write_text(out, page)
    return len(page.encode())


def render_report(report: Report) -> str:
    """The whole page. The same record gives the same bytes."""
    return render_page(
        "report.html.j2",
        charts_of(report),
        r=report,
        v=report.verification,
        baseline=BASELINE,
        drawn=drawn_claims(report),
        points=show_points,
        interval=show_interval,
        field=_field(report),
        machines=_machines(report),
    )


def _machines(report: Report) -> list[str]:
    """The machines that the results were made on, in words; what was not recorded is left out."""
    words = {"cpu": "{}", "cores": "{} cores", "device": "device {}", "threads": "{} threads", "python": "Python {}"}
    machines = report.origin.machines if report.origin else []
    return [", ".join(text.format(one[name]) for name, text in words.items() if one.get(name)) for one in machines]


def _field(report: Report) -> Any:
    """What shows a pair in the heat map: its text, its mark, its colour's side and strength (0 to 1)."""
    gains = [abs(pair.gain.mean) for pair in report.pairs if pair.gain]
    reach = max(gains, default=0.0) or 1.0

    def shown(pair: Pair | None) -> dict[str, str]:
        if pair is None:
            return {"text": "", "mark": "", "side": "", "strength": "0"}
        estimate = pair.score if pair.recipe == BASELINE else pair.gain
        if estimate is None:
            return {"text": pair.lacks or "no score", "mark": "", "side": "lacking", "strength": "0"}
        if pair.recipe == BASELINE:
            text, side, strength = f"{estimate.mean:.1f}", "", 0.0
        else:
            text, strength = show_points(estimate.mean), abs(estimate.mean) / reach
            side = "up" if estimate.mean > 0 else "down"
        mark = {"up": "▲", "down": "▼"}.get(estimate.direction or "", "") if side else ""
        return {"text": text, "mark": mark, "side": side, "strength": f"{strength:.2f}"}

    return shown
