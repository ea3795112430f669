"""The first line of a verification, and how its claims are laid out on a narrow terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.audit.exit_codes import exit_code, strictly
from harness.audit.levels import verify_all
from harness.audit.meaning import EXIT_MEANINGS
from harness.audit.report import render
from harness.exchange.contradictions import _shows as shows
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.project.terminal import WIDTH, table_lines
from harness.verify.claims.claim import Truth
from harness.verify.claims.evidence import Evidence
from harness.verify.show.answer import answer
from harness.verify.show.table import claims_columns, facts_columns
from harness.verify.statistics.intervals import Verdict
from harness.verify.verdicts.verdict import ClaimVerdict, Replication

EVIDENCE = Evidence(rule="as ruled", sentence="so")


def verdict(word: Verdict, name: str = "a-claim", kind: str = "gain", **known: object) -> ClaimVerdict:
    found = {"expected": "+7.5 +- 1.5", "margin": 1.5, **known}
    return ClaimVerdict(id=name, text="words", kind=kind, verdict=word, evidence=EVIDENCE, **found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("measured", "facts", "said"),
    [
        ("TTT", "CCT", "0 of 3 measured claims decided: 3 NOT_TESTED; 2 of 3 facts confirmed"),
        ("RNIU", "", "2 of 4 measured claims decided: 1 REPRODUCED, 1 NOT_REPRODUCED, 1 INCONCLUSIVE, 1 UNDERPOWERED"),
        ("VV", "FC", "0 of 2 measured claims decided: 2 INVALID; 1 of 2 facts confirmed, 1 REFUTED"),
        ("", "CC", "2 of 2 facts confirmed"),
        ("R", "", "a-claim: REPRODUCED"),
        ("", "F", "a-claim: REFUTED"),
        ("", "", ""),
    ],
)
def test_the_answer_counts_what_was_decided_and_what_was_not(measured: str, facts: str, said: str) -> None:
    words: dict[str, Verdict] = {
        "R": "REPRODUCED",
        "N": "NOT_REPRODUCED",
        "I": "INCONCLUSIVE",
        "U": "UNDERPOWERED",
        "T": "NOT_TESTED",
        "V": "INVALID",
        "C": "CONFIRMED",
        "F": "REFUTED",
    }
    found = [verdict(words[letter]) for letter in measured] + [verdict(words[letter], kind="count") for letter in facts]
    assert answer(found) == said


def test_a_replication_is_counted_beside_the_verdict_and_decides_nothing() -> None:
    words: tuple[Replication | None, ...] = ("OPEN HERE", "HOLDS HERE", "OPEN HERE", None)
    rows = [verdict("NOT_TESTED", replication=word) for word in words]
    assert answer(rows) == "0 of 4 measured claims decided: 4 NOT_TESTED (1 HOLDS HERE, 2 OPEN HERE)"
    assert answer(rows[1:2]) == "a-claim: NOT_TESTED (HOLDS HERE)"
    header, first, *_ = table_lines(claims_columns(rows), WIDTH)
    assert first.index("OPEN HERE") == header.index("replication") and first.startswith("NOT_TESTED")


def test_another_replication_in_an_archives_report_is_seen() -> None:
    row = verdict("NOT_TESTED", measured=1.0, interval=(-1.0, 3.0), n_seeds=3, replication="OPEN HERE")
    rest = table_lines(claims_columns([row]), WIDTH)[1].partition("a-claim")[2]
    assert shows(rest, row) and shows(rest.replace("OPEN HERE", "-"), row), "older archives have no such column"
    assert not shows(rest.replace("OPEN", "HOLDS"), row) and not shows(rest.replace("+3.0", "+2.0"), row)


def test_effects_that_were_planted_are_counted_apart_from_what_was_published() -> None:
    truth = Truth(planted="nothing", verdict="NOT_REPRODUCED", reason="so")
    own = [verdict(word, truth=truth, evidence_level="re-run here") for word in ("NOT_REPRODUCED", "REPRODUCED")]
    said = "0 of 1 measured claims decided: 1 NOT_TESTED; 1 of 2 planted effects found as planted"
    assert answer([verdict("NOT_TESTED"), *own]) == said
    assert [answer([one]) for one in own] == [
        "a-claim: NOT_REPRODUCED (as planted)",
        "a-claim: REPRODUCED (NOT AS PLANTED)",
    ]


def test_what_nothing_can_decide_is_a_fact_that_is_not_confirmed() -> None:
    assert answer([verdict("CONFIRMED", kind="count"), verdict("NOT_TESTED", kind="untestable")]) == (
        "1 of 2 facts confirmed"
    )


@pytest.mark.parametrize("width", [60, 80, 100, 120, 150])
def test_a_table_fits_its_terminal_and_breaks_no_word(width: int) -> None:
    rows = [
        verdict("NOT_REPRODUCED", "english-over-translated", expected=">= 85% above +5.4", measured=-0.9,
                interval=(-12.9, 11.0), n_seeds=3, note="a note " * 12),
        verdict("CONFIRMED", "retrieval-no-training-data", "count", expected="9 tasks", found="ninety-nine words of it")
    ]  # fmt: skip
    for columns, words in (
        (claims_columns(rows[:1]), ("NOT_REPRODUCED", "english-over-translated", "-0.9")),
        (facts_columns(rows[1:]), ("CONFIRMED", "retrieval-no-training-data", "ninety-nine", "words")),
    ):
        lines = table_lines(columns, width)
        whole = {word for one in columns for cell in (one.header, *one.cells) for word in cell.split()}
        assert max(map(len, lines)) <= width and {*words} <= {*" ".join(lines).split()} <= whole
    assert ("seeds" in table_lines(claims_columns(rows[:1]), width)[0]) is (width >= 100)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Paths:
    """The project, without results of its own and without pinned ones."""
    root = tmp_path_factory.mktemp("clone")
    for name in ("tasks", "profiles"):
        (root / name).symlink_to(repo_root / name)
    (root / "reference").mkdir()
    for path in (repo_root / "reference").glob("*.yaml"):
        (root / "reference" / path.name).symlink_to(path)
    return Paths(root, "lab")


def test_exit_0_never_hides_that_nothing_was_tested_and_strict_fails(clone: Paths) -> None:
    found = verify_all(read_params(clone.profile_file), clone)
    for width in (WIDTH, 80):
        text = render(found, width)
        lines = text.splitlines()
        assert " ".join(text.partition("\n\n")[0].split()) == found.answer
        assert lines[0].startswith("0 of 10 measured claims decided: 10 NOT_TESTED")
        assert max(map(len, lines)) <= width
    untested = sum(claim.verdict == "NOT_TESTED" for claim in found.claims)
    assert found.exit_code == 0 and untested >= 12
    assert lines[-3].startswith(f"exit code 0: {EXIT_MEANINGS[0]}"[:60]) and lines[-2].endswith("claims NOT_TESTED")
    strict = strictly(found)
    assert strict.exit_code == 2 and any(f"{untested} claims are NOT_TESTED" in problem for problem in strict.strict)
    assert strict.answer == found.answer and found.model_dump(mode="json")["answer"] == found.answer


def own(word: Verdict, right: Verdict, level: str = "re-scored here") -> ClaimVerdict:
    truth = Truth.model_validate({"planted": "something", "verdict": right, "reason": "so"})
    return verdict(word, truth=truth, evidence_level=level)


@pytest.mark.parametrize(
    ("rows", "code", "strict", "said"),
    [
        (
            [verdict("CONFIRMED"), own("NOT_REPRODUCED", "NOT_REPRODUCED")],
            0,
            [],
            "everything that was decided is reproduced or confirmed, planted effects as planted",
        ),
        ([own("NOT_REPRODUCED", "NOT_REPRODUCED")], 0, [], "planted effects came out as planted"),
        ([own("INCONCLUSIVE", "INCONCLUSIVE")], 2, ["a problem"], "--strict fails"),
        ([own("INCONCLUSIVE", "INCONCLUSIVE", "hash only")], 2, ["so"], "something is undecided; --strict fails"),
        ([own("REPRODUCED", "NOT_REPRODUCED")], 1, [], "a planted effect did not come out as planted"),
        (
            [verdict("REFUTED"), own("REPRODUCED", "NOT_REPRODUCED")],
            1,
            [],
            "something is not reproduced, or refuted; a planted effect did not come out as planted",
        ),
    ],
)
def test_the_last_line_says_what_the_exit_code_means_for_planted_effects_too(
    clone: Paths, rows: list[ClaimVerdict], code: int, strict: list[str], said: str
) -> None:
    found = verify_all(read_params(clone.profile_file), clone)
    shown = render(found.model_copy(update={"claims": rows, "exit_code": code, "strict": strict, "judged": "run"}))
    assert shown.splitlines()[-2] == f"exit code {code}: {said}"


def test_published_numbers_of_which_none_follows_or_fails_are_not_called_ok(clone: Paths) -> None:
    found = verify_all(read_params(clone.profile_file), clone)
    some = [one for one in found.arithmetic if one.word == "NOT_CHECKABLE"]
    (line,) = [
        row for row in render(found.model_copy(update={"arithmetic": some})).splitlines() if "published num" in row
    ]
    assert some and line.startswith("arithmetic    -  ")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["CONFIRMED", "NOT_TESTED"], 0),
        (["CONFIRMED", "REFUTED", "INCONCLUSIVE"], 1),
        (["CONFIRMED", "INCONCLUSIVE"], 2),
        (["REFUTED", "INVALID"], 3),
    ],
)
def test_a_refuted_fact_is_a_failing_exit_code(clone: Paths, words: Sequence[Verdict], code: int) -> None:
    sound = verify_all(read_params(clone.profile_file), clone).v0
    assert exit_code(sound, None, [verdict(word) for word in words]) == code
