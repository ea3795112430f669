"""What `harness verify` prints: one screen, all of what is wrong, evidence and hashes where they are asked for."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness.audit.exit_codes import strictly
from harness.audit.levels import verify_all
from harness.audit.report import STYLES, render
from harness.audit.report_junit import Case, cases, junit
from harness.audit.report_markdown import markdown
from harness.audit.verification import CrateSource, Verification
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.project.terminal import say, shows_symbols
from harness.verify.show.table import show_interval, show_points

WIDTHS = (60, 80, 100, 120, 150)
ANSI = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Verification:
    """A quick look at the laboratory's pinned results: claims, facts, planted effects."""
    root = tmp_path_factory.mktemp("clone")
    for name in ("tasks", "profiles", "reference"):
        (root / name).symlink_to(repo_root / name)
    paths = Paths(root, "lab")
    return verify_all(read_params(paths.profile_file), paths, quick=True)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("symbols", [False, True])
def test_the_first_screen_fits_the_terminal(found: Verification, width: int, symbols: bool) -> None:
    text = render(found, width, symbols=symbols)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width or width == 60  # the last line names options as one would type them
    assert " ".join(text.partition("\n\n")[0].split()) == found.answer
    assert len(lines) <= 60 or width < 80
    words = text.split()
    assert all(words.count(claim.id) == 1 for claim in found.claims if claim.truth)
    assert all(claim.id in words for claim in found.claims) and ("✓" in text) is symbols
    assert text.isascii() is not symbols


def test_a_wide_terminal_shows_more_columns(found: Verification) -> None:
    heads = {width: render(found, width).partition("verdict ")[2].splitlines()[0].split() for width in WIDTHS}
    assert heads[80] == ["claim", "claimed", "measured", "interval"]
    assert {"replication", "retrieval", "seeds"} <= {*heads[120]} and "note" in heads[150]


def test_evidence_and_hashes_stand_behind_options(found: Verification) -> None:
    plain, details = render(found), render(found, details=True)
    hashes = render(found, hashes=True)
    reason = next(claim for claim in found.claims if claim.id == "mnli-size").reasons[0][:40]
    assert reason in " ".join(details.split()) and reason not in " ".join(plain.split())
    assert "planted +8 points in every language" in details
    assert not re.search(r"\b[0-9a-f]{13,}\b", plain + details)
    assert found.registry_sha256 and found.registry_sha256 in hashes and found.registry_sha256 not in details
    assert all(name in hashes for name in found.cells) and len(hashes.splitlines()) > len(found.cells)
    every = render(found, details=True, hashes=True).splitlines()
    assert every[-1] == "More: `harness verify CLAIM --explain`"


def test_what_is_wrong_is_never_behind_an_option(found: Verification) -> None:
    crate = CrateSource(
        file="a.zip", sha256="0" * 64, holds="run", files=3, notes=["a note on it"], contradicts=["it says otherwise"]
    )
    v0 = found.v0.model_copy(
        update={
            "problems": ["a hash differs"],
            "cut": ["pawsx 25 of 500 rows"],
            "suspicious": ["two cells look alike"],
            "machines": ["seed 1 ran elsewhere"],
        }
    )
    bad = strictly(found.model_copy(update={"v0": v0, "rules": ["claims.yaml: 1 changed"], "crate": crate}))
    text = render(bad, 80)
    for told in (
        "rules    NOT THE SHIPPED ONES: claims.yaml: 1 changed",
        "rows     CUT: scored were only pawsx 25 of 500 rows",
        "SUSPICIOUS: two cells look alike",
        "seed 1 ran elsewhere",
        "a hash differs",
        "it says otherwise",
        "a note on it",
        "a quick look left out",
        "evidence 150 cells scores only",
        "--strict: judged by other rules than the shipped ones",
    ):
        assert told in text
    assert "V0 integrity  INVALID" in text
    assert "SUSPICIOUS: two cells" in markdown(bad) and "NOT THE SHIPPED ONES" in markdown(bad)


@pytest.mark.parametrize("value", [-0.0, -0.04, -0.049999, 0.0, 0.04])
def test_no_number_is_minus_zero(value: float) -> None:
    assert show_points(value) == "+0.0" and show_points(value / 10, share=True) == "0%"
    assert show_interval((value, -value)) == "[+0.0, +0.0]"


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("settings", "is_terminal", "coloured", "symbols"),
    [
        ({}, True, True, True),
        ({}, False, False, False),
        ({"NO_COLOR": "1"}, True, False, True),
        ({"TERM": "dumb"}, True, False, False),
        ({"FORCE_COLOR": "1"}, False, True, True),
    ],
)
def test_colour_and_symbols_are_for_terminals_and_only_lie_over_words(
    found: Verification,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    is_terminal: bool,
    coloured: bool,
    symbols: bool,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm-256color"} | settings).items():
        monkeypatch.setenv(name, value)
    out = Terminal() if is_terminal else io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr("sys.stdout", out)
    assert shows_symbols() is symbols
    text = render(found, 80)
    say(text, STYLES)
    out.seek(0)
    shown = out.read()
    assert (shown != text + "\n") is coloured and ANSI.sub("", shown) == text + "\n"


def test_junit_counts_as_the_first_line_does(found: Verification) -> None:
    own = {claim.id for claim in found.claims if claim.truth}
    refuted = [
        claim.model_copy(update={"verdict": "REFUTED"}) if claim.id == "mnli-size" else claim for claim in found.claims
    ]
    bad = strictly(found.model_copy(update={"claims": refuted}))
    root = ElementTree.fromstring(junit("a title", cases(bad)).encode())
    suites = {suite.get("name"): suite for suite in root}
    assert [*suites] == ["claims", "facts", "planted effects", "levels", "strict"]
    assert (suites["claims"].get("tests"), suites["claims"].get("skipped")) == ("10", "10")
    assert (suites["facts"].get("tests"), suites["facts"].get("failures")) == ("11", "1")
    assert {case.get("name") for case in suites["planted effects"]} == own
    (case,) = (case for case in suites["facts"] if case.get("name") == "mnli-size")
    assert case[0].tag == "failure" and (case[0].get("message") or "").startswith("REFUTED: expected 392,702 rows")
    assert int(suites["strict"].get("failures") or 0) == len(bad.strict) > 0
    total = sum(int(suite.get("tests") or 0) for suite in root)
    assert root.get("tests") == str(total) == str(len(root.findall(".//testcase")))


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        *((word, "failure") for word in ("NOT_REPRODUCED", "REFUTED", "INVALID", "DIFFERS", "NOT AS PLANTED")),
        *((word, "passed") for word in ("REPRODUCED", "CONFIRMED", "ok", "quick", "as planted")),
        *((word, "skipped") for word in ("NOT_TESTED", "INCONCLUSIVE", "UNDERPOWERED", "UNDECIDED", "-", "open")),
    ],
)
def test_what_is_wrong_fails_and_what_is_open_is_skipped(word: str, outcome: str) -> None:
    case = Case("claims", "a-claim", word, f"{word}: a \x00 & <b>", "")
    root = ElementTree.fromstring(junit("a title", [case]).encode())
    assert case.outcome == outcome and root.get("failures") == str(int(outcome == "failure"))
    assert "a ? & <b>" in ElementTree.tostring(root, "unicode").replace("&amp;", "&").replace("&lt;", "<").replace(
        "&gt;", ">"
    )


def test_the_summary_has_the_answer_every_claim_and_no_broken_table(found: Verification) -> None:
    text = markdown(found)
    assert text.startswith(f"## {found.answer[:20]}") and f"**exit code {found.exit_code}**" in text
    assert all(claim.id.replace("_", "\\_") in text for claim in found.claims)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({re.sub(r"\\\|", "", line).count("|") for line in table.splitlines()}) == 1


def test_no_code_that_judges_or_shows_can_print_a_minus_zero(repo_root: Path) -> None:
    """`+.1f` prints -0.0 where `+z.1f` prints +0.0."""
    files = [path for room in ("verify", "audit", "pages") for path in (repo_root / "harness" / room).rglob("*.py")]
    signed = re.compile(r":\+\.\d+f|:\+[.\d]*f")
    assert len(files) > 90 and [path.name for path in files if signed.search(path.read_text(encoding="utf-8"))] == []
