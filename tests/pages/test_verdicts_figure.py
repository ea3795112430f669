"""The picture of claims and measured values: what is drawn, the same bytes every time, and what is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_study import make

from harness.audit.verification import Verification
from harness.pages.verdicts_figure import draw, write_picture
from harness.project.errors import HarnessError


@pytest.fixture(scope="module")
def found() -> Verification:
    """Two recipes with a gain; the other claims lack their cells."""
    return make({"mnli": 7.5, "squad_v2": 1.0}).verification


def test_each_claim_with_a_value_has_its_band_its_seeds_and_its_word(found: Verification) -> None:
    drawn = [claim for claim in found.claims if claim.evidence.overall]
    assert {claim.id for claim in drawn} >= {"mnli-gain", "squad-gain"}
    (axes,) = draw({"published": drawn}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [claim.id for claim in drawn]
    assert [text.get_text() for text in axes.texts] == [claim.verdict for claim in drawn]
    bands = {round(bar.get_y() + bar.get_height() / 2): bar for bar in axes.patches}
    place = [claim.id for claim in drawn].index("mnli-gain")
    assert (bands[place].get_x(), bands[place].get_width()) == (pytest.approx(6.0), pytest.approx(3.0))
    means = [float(dots.get_offsets()[0][0]) for dots in axes.collections[1::2]]
    assert means == pytest.approx([claim.evidence.overall.mean for claim in drawn if claim.evidence.overall])


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_verification_gives_the_same_bytes(found: Verification, tmp_path: Path, ending: str) -> None:
    for name in ("a", "b"):
        write_picture(found, tmp_path / "new" / f"{name}.{ending}")
    first, second = ((tmp_path / "new" / f"{name}.{ending}").read_bytes() for name in ("a", "b"))
    assert first == second and len(first) > 5000


def test_what_cannot_be_drawn_is_said(found: Verification, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"ends in \.png or \.svg, found .*claims\.pdf.*--out .*claims\.png"):
        write_picture(found, tmp_path / "claims.pdf")
    empty = found.model_copy(update={"claims": [claim for claim in found.claims if claim.is_fact]})
    with pytest.raises(HarnessError, match="no claim with a measured value"):
        write_picture(empty, tmp_path / "claims.png")
    (tmp_path / "taken").write_text("")
    with pytest.raises(HarnessError, match="expected to write"):
        write_picture(found, tmp_path / "taken" / "claims.png")
