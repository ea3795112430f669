"""The HTML page of judged scores: all of the verdicts are on it, and what somebody's file holds is text."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from given_scores import HOSTILE, rows, write_rows

from harness.commands.main import run
from harness.pages.judged.gains import MOST_CELLS, forest_of, gain_tables
from harness.pages.judged.render import render_judged
from harness.verify import GivenVerdicts, judge_scores
from harness.verify.given.show import answer

LARGEST = 2_000_000
COMMANDS = ["harness judge scores.csv --claim '+3.5 +- 1'"]
TASKS = ("xnli", "pawsx", "udpos")


def text_of(page: str) -> str:
    """What a reader sees, without style and code."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def page_of(found: GivenVerdicts) -> str:
    page = render_judged(found, COMMANDS, {"claims.yaml": "c" * 64})
    assert len(page.encode()) < LARGEST and page == render_judged(found, COMMANDS, {"claims.yaml": "c" * 64})
    assert [tag for tag in re.findall(r"<[a-z][^>]*>", page) if re.search(r'(?:src|href)="(?!#)', tag)] == []
    assert "default-src 'none'" in page and "sourceMappingURL" not in page
    return page


def test_one_claim_is_open_with_its_numbers_scores_and_derivation(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "scores.csv", rows({"mnli": 3.5}))
    found = judge_scores(path, "+3.5 +- 1")
    page, (one,) = page_of(found), found.claims
    seen = text_of(page)
    assert seen.index(answer(found)) < seen.index("scores only") < seen.index("Claimed and measured")
    assert '<details class="claim print" id="claim-1" data-claim="claim-1" open>' in page
    assert all(label in seen and text in seen for label, text in one.steps)
    assert all(f"{gain:+z.2f}" in seen for gain in one.values.values())
    assert all(sha256 in seen for sha256 in (*found.known.values(), "c" * 64)) and COMMANDS[0] in seen
    assert "unknown: taken for one and the same of all scores" in seen


def test_thirty_claims_and_those_that_count(tmp_path: Path) -> None:
    claims = [f"m{i % 3}: {words}" for i in range(9) for words in ("+3.5 +- 1", ">= +1", "no gain above 0.5")]
    claims += [f"m{i}: 3 of 3 tasks above 1" for i in range(3)]
    found = judge_scores(rows({"m0": 3.5, "m1": 1.0, "m2": -2.0}, TASKS), claims)
    page = page_of(found)
    ids = re.findall(r'data-claim="([^"]+)"', page)
    assert ids == [one.claim.id for one in found.claims] and len(ids) == 30
    drawn, spec = forest_of(found)
    assert len(drawn) == 27 and spec is not None and "Claims that count" in text_of(page)
    assert {row["claim"].partition("|")[0] for row in spec["layer"][2]["data"]["values"]} == set(ids[:27])
    words = re.findall(r'<b class="verdict (\w+)">', page)
    assert words == [one.verdict for one in found.claims]
    assert answer(found) in text_of(page)


def test_an_underpowered_claim_has_no_interval(tmp_path: Path) -> None:
    found = judge_scores(rows({"mnli": 3.5}, seeds=2), "+3.5 +- 1")
    seen = text_of(page_of(found))
    assert found.claims[0].verdict == "UNDERPOWERED" and "(no interval) over 2 seeds" in seen


def test_scores_that_are_not_paired_have_no_gain_by_seed() -> None:
    without = [{name: value for name, value in row.items() if name != "seed"} for row in rows({"mnli": 3.5})]
    found = judge_scores(without, "+3.5 +- 1")
    (table,) = gain_tables(found.claims)
    assert not any(line.is_gain for line in table.lines) and table.left_out == frozenset()
    assert "not paired with the baseline, by seed" in text_of(page_of(found))


def test_only_claims_that_count_need_no_plot() -> None:
    found = judge_scores(rows({"mnli": 3.5}, TASKS), "3 of 3 tasks above 1")
    page = page_of(found)
    assert 'class="chart"' not in page and len(page) < 100_000


def test_names_of_somebodys_file_are_text() -> None:
    evil = [
        {"method": f"{HOSTILE}{row['method']}", "task": '"><img src=x onerror=alert(1)>', "seed": f"{row['seed']}</td>",
         "score": row["score"], "split": "</script><script>alert(2)</script>"}
        for row in rows({"mnli": 3.5})
    ]  # fmt: skip
    found = judge_scores(evil, "+3.5 +- 1", baseline=f"{HOSTILE}none")
    page = render_judged(found, [f"harness judge '{HOSTILE}.csv'"], {HOSTILE: "c" * 64})
    assert "<script>alert" not in page and "<img" not in page and "</td></th>" not in page
    assert text_of(page).count(f"{HOSTILE}mnli") >= 2 and page.count("<script") == page.count("</script>")


def test_scores_too_many_for_a_page_are_counted() -> None:
    tasks = [f"task{i}" for i in range(MOST_CELLS // 10)]
    found = judge_scores(rows({"mnli": 3.5}, tasks), ["+3.5 +- 1", ">= +1"])
    first, second = gain_tables(found.claims)
    assert first.lines and not second.lines and second.n_scores == MOST_CELLS
    assert "Too many for this page" in text_of(page_of(found))


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_rows(tmp_path / "scores.csv", rows({"mnli": 3.5}))
    out = tmp_path / "new" / "page.html"
    assert run(["judge", str(path), "--claim", "+3.5 +- 1", "--html", str(out)]) == 0
    assert f"written: {out}" in capsys.readouterr().out
    assert f"harness judge {path} --claim '+3.5 +- 1'" in text_of(out.read_text(encoding="utf-8"))
    assert run(["judge", str(path), "--claim", "+3.5 +- 1", "--html", str(tmp_path)]) == 2
    assert "found the folder" in capsys.readouterr().err
