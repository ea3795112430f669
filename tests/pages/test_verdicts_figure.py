"""The picture of claims and measured values: what is drawn, the same bytes every time, and what is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_study import make
from toy import make_project

from harness.audit.verification import Verification
from harness.commands.main import run
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


def test_the_picture_has_a_ground_of_its_own_so_that_it_is_read_on_dark_pages_too(repo_root: Path) -> None:
    from matplotlib.image import imread

    pixels = imread(repo_root / "docs" / "claims.png")
    assert pixels[..., 3].min() == 1, "nothing shines through"
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1], :3] == 1).all(), "white, under black letters"


def test_the_command_writes_where_its_caller_stands(
    found: Verification, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = make_project(tmp_path / "clone")[1].root
    monkeypatch.setattr("harness.audit.levels.verify_all", lambda params, paths: found)
    (clone / "below").mkdir()
    monkeypatch.chdir(clone / "below")
    for arguments, file in ((("--out", "x/mine.png"), "below/x/mine.png"), ((), "docs/claims.png")):
        assert run(["claims", "plot", *arguments]) == 0
        assert capsys.readouterr().out == f"written: {clone / file}\n" and (clone / file).is_file()


def test_what_cannot_be_drawn_is_said(found: Verification, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"ends in \.png or \.svg, found .*claims\.pdf.*--out .*claims\.png"):
        write_picture(found, tmp_path / "claims.pdf")
    empty = found.model_copy(update={"claims": [claim for claim in found.claims if claim.is_fact]})
    with pytest.raises(HarnessError, match="no claim with a measured value"):
        write_picture(empty, tmp_path / "claims.png")
    (tmp_path / "taken").write_text("")
    with pytest.raises(HarnessError, match="expected to write"):
        write_picture(found, tmp_path / "taken" / "claims.png")
