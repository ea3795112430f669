"""The picture at the head of README.md: what each claim says, what was measured, and the verdict, in one look.

Published claims stand above, the laboratory's own, whose right verdict is known, below. PNG or SVG; the bytes follow
from the verification and the version of matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.audit.verification import Verification
from harness.pages.degradation.figures import NO_DATES
from harness.pages.study.forest import CLAIMED, WHOLE, draw_band, draw_value, reach_of
from harness.pages.whole import whole_files
from harness.project.errors import HarnessError
from harness.verify.verdicts.planted import planted, published
from harness.verify.verdicts.verdict import ClaimVerdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, ROW, REST = 8.6, 0.31, 1.9
"""In inches: of the picture, of one claim, of titles, axis and legend."""


def write_picture(found: Verification, path: Path) -> None:
    """Draw the verification's claims that have a value in points into `path`.

    Raises HarnessError for another ending than .png or .svg, where no claim has a value, and where `path` can't be
    written.
    """
    import matplotlib

    ending = ending_of(path)
    panels = _panels(found)
    if not panels:
        raise HarnessError(
            f"expected results of profile {found.profile} to draw, found no claim with a measured value",
            fix="run `harness repro` first, or name a profile with results: --profile lab",
        )
    with (
        whole_files(path.parent) as place,
        matplotlib.rc_context({"svg.hashsalt": "harness", "svg.fonttype": "path"}),
    ):
        draw(panels).savefig(place / path.name, metadata=NO_DATES[ending])


def ending_of(path: Path) -> str:
    """The kind of picture that the file's name asks for; HarnessError where it is none that can be written."""
    ending = path.suffix.removeprefix(".")
    if ending not in NO_DATES:
        raise HarnessError(
            f"expected a file that ends in .png or .svg, found {path}", fix=f"write --out {path.with_suffix('.png')}"
        )
    return ending


def _panels(found: Verification) -> dict[str, list[ClaimVerdict]]:
    """Title -> its claims with a value in points; a panel without any is left out."""
    both = {
        f"published claims; measured here on: {found.encoder}": published(found.claims),
        "the laboratory's own claims, whose right verdict is known": planted(found.claims),
    }
    drawn = {title: [claim for claim in claims if claim.evidence.overall] for title, claims in both.items()}
    return {title: claims for title, claims in drawn.items() if claims}


def draw(panels: dict[str, list[ClaimVerdict]]) -> Figure:
    """One panel below the other, on one axis of points."""
    from matplotlib.figure import Figure  # no pyplot: nothing global, no display

    sizes = [len(claims) for claims in panels.values()]
    figure = Figure(figsize=(WIDTH, REST + ROW * sum(sizes)), dpi=110, layout="constrained")
    rows = figure.subplots(len(sizes), 1, sharex=True, squeeze=False, height_ratios=sizes)[:, 0]
    ends = reach_of([claim for claims in panels.values() for claim in claims])
    for axes, (title, claims) in zip(rows, panels.items(), strict=True):
        axes.set_title(title, fontsize=9, loc="left")
        _draw_panel(axes, claims, *ends)
    rows[-1].set_xlabel("gain in points", fontsize=9)
    _add_legend(figure)
    return figure


def _draw_panel(axes: Axes, claims: Sequence[ClaimVerdict], left: float, right: float) -> None:
    for place, claim in enumerate(claims):
        draw_band(axes, place, claim, left, right)
        assert claim.evidence.overall is not None
        draw_value(axes, place, claim.evidence.overall, WHOLE, "o")
        axes.text(1.01, place, claim.verdict, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlim(left, right)
    axes.set_ylim(len(claims) - 0.4, -0.6)
    axes.set_yticks(range(len(claims)), [claim.id for claim in claims], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)


def _add_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def dot(label: str, **looks: Any) -> Line2D:
        return Line2D([], [], color=WHOLE, marker="o", label=label, **looks)

    handles = [
        Patch(color=CLAIMED, label="claimed, with its margin"),
        dot("measured, with interval", markerfacecolor="white", linewidth=1.6),
        dot("one seed", markersize=3, linewidth=0, alpha=0.55),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
