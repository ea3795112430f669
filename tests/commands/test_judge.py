"""`harness judge` as it is typed: answers, exit codes, examples, and mistakes that end in one paragraph."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from documents import FENCE
from foreign_results import copied
from given_tables import as_csv, made_up
from toy import ROOT

from harness.commands.main import run

Judge = Callable[..., tuple[int, str, str]]
TABLE = ROOT / "examples" / "table"
CLAIM = "+7.5 +- 1.5"


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    """The command in a folder with scores.csv: arguments -> exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "scores.csv").write_text(as_csv(made_up()))

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(["judge", *arguments])
        return code, *capsys.readouterr()

    return command


@pytest.mark.parametrize(
    ("claim", "code", "verdict"),
    [
        (CLAIM, 0, "REPRODUCED"),
        ("-3.5 +- 0.5", 1, "NOT_REPRODUCED"),
        ("mnli > none by 7", 2, "INCONCLUSIVE"),
    ],
)
def test_the_first_word_and_the_exit_code_are_the_verdict(judge: Judge, claim: str, code: int, verdict: str) -> None:
    found = judge("scores.csv", "--claim", claim)
    assert (found[0], found[1].partition(":")[0]) == (code, verdict)


def test_json_holds_what_is_printed(judge: Judge) -> None:
    code, out, _ = judge("scores.csv", "--claim", CLAIM, "--claim", "mnli > none", "--json")
    found = json.loads(out)
    assert code == 0 and [claim["verdict"] for claim in found["claims"]] == ["REPRODUCED"] * 2
    assert found["claims"][0]["doubts"] == found["doubts"] == [] and "split" in found["unknown"]


def test_explain_shows_each_score_and_step(judge: Judge) -> None:
    _, out, _ = judge("scores.csv", "--claim", CLAIM, "--explain")
    assert "sum(g) / n" in out and all(f"{row['score']:.3f}" in out for row in made_up())


def test_strict_fails_where_something_is_unknown_or_doubtful(judge: Judge, tmp_path: Path) -> None:
    rows = [{**row, "split": "test"} for row in made_up()]
    (tmp_path / "split.csv").write_text(as_csv(rows))
    (tmp_path / "gap.csv").write_text(as_csv([row for row in rows if row["seed"] != 2]))
    codes = {name: judge(name, "--claim", CLAIM, "--strict")[0] for name in ("scores.csv", "split.csv", "gap.csv")}
    assert codes == {"scores.csv": 2, "split.csv": 0, "gap.csv": 2}
    assert "doubt     seed 2 is not there" in judge("gap.csv", "--claim", CLAIM)[1]


def test_other_looks_than_the_standard_ones_are_told(judge: Judge) -> None:
    _, out, _ = judge("scores.csv", "--claim", CLAIM, "--looks", "3,4")
    assert "after 3, 4 seeds, which counts only if it was fixed before" in " ".join(out.split())


def test_the_example_of_a_claims_file_is_written_once_and_judges(judge: Judge) -> None:
    assert judge("--init")[0] == 0
    code, out, _ = judge("scores.csv", "--claims", "claims.yaml")
    assert code == 0 and out.startswith("REPRODUCED: mnli gains")
    code, _, error = judge("--init")
    assert code == 2 and "expected no claims.yaml here" in error


def test_the_schema_is_the_published_one(judge: Judge) -> None:
    assert judge("--schema")[1] == (ROOT / "docs" / "judge.schema.json").read_text(encoding="utf-8")


def test_the_table_of_a_paper_gives_what_the_page_shows(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """One claim holds, one is honestly undecided; docs/judge.md has the output word for word."""
    monkeypatch.chdir(ROOT)
    code, out, _ = judge("examples/table/scores.csv", "--claims", "examples/table/claims.yaml")
    assert code == 2 and out.startswith("2 claims: 1 REPRODUCED, 1 INCONCLUSIVE\n")
    page = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
    assert out.strip() in [match[3].strip() for match in FENCE.finditer(page)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "expected a claim to judge, found none"),
        (["--claim", CLAIM], "expected a file of scores, found none"),
        (["scores.csv"], "expected a claim to judge, found none"),
        (["none.csv", "--claim", CLAIM], "at none.csv, found none"),
        ([".", "--claim", CLAIM], "says its format in its ending"),
        (["/dev/stdin", "--claim", CLAIM], "says its format in its ending"),
        (["scores.csv", "--claim", "7.5"], "expected a margin"),
        (["scores.csv", "--claim", CLAIM, "--baseline", "nona"], "did you mean `none`"),
        (["scores.csv", "--claim", CLAIM, "--method", "mnly"], "did you mean `mnli`"),
        (["scores.csv", "--claim", CLAIM, "--column", "score"], "expected --column ROLE=NAME"),
        (["scores.csv", "--claim", CLAIM, "--column", "score=a", "--column", "score=b"], "one --column for each role"),
        (["scores.csv", "--claim", CLAIM, "--unit", "percent"], "`points` or `fraction`"),
        (["scores.csv", "--claim", CLAIM, "--unit", "fraction"], "use --unit points"),
        *((["scores.csv", "--claim", CLAIM, "--looks", looks], "ascending numbers of seeds from 2 to 200")
          for looks in ("", "1", "0", "-1", "3,3", "5,3", "3.5", "3,", "201", "abc", "1_0")),
        (["scores.csv", "--claims", "scores.csv"], "with the key `claims`, found text"),
        (["scores.csv", "--claims", "none.yaml"], "expected none.yaml"),
        (["scores.csv", "--claims", "."], "expected a file at ."),
        (["scores.csv", "--claims", str(TABLE / "claims.yaml"), "--claim", CLAIM], "found both"),
        (["scores.csv", "--claims", str(TABLE / "claims.yaml"), "--baseline", "mnli"], "expected one baseline"),
        (["scores.csv", "--claims", str(TABLE / "claims.yaml")], "the method `squad`"),
    ],
)  # fmt: skip
def test_a_mistake_ends_in_one_paragraph(judge: Judge, arguments: list[str], words: str) -> None:
    """Expected, found, and how to fix it; nothing on standard output, exit code 2."""
    code, out, error = judge(*arguments)
    assert (code, out) == (2, "") and words in " ".join(error.split()), error
    assert error.startswith("harness: expected") and "To fix it: " in error


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        ("examples/xtreme/baseline examples/xtreme/mnli --labels examples/xtreme/labels", "+8.0 points, +2.5 to +13.6"),
        ("examples/lm_eval/tiny-1 examples/lm_eval/tiny-2 --metric acc --baseline tiny-1", "+29.2, -15.1 to +73.5"),
    ],
)
def test_what_the_page_on_other_programs_says_of_its_examples_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, ends: str
) -> None:
    """The numbers in docs/import.md are those of the commands above them."""
    monkeypatch.chdir(ROOT)
    assert run(["judge", *words.split(), "--claim", ">= +1", "--json"]) == 2
    (found,) = json.loads(capsys.readouterr().out)["claims"]
    low, high = found["items"]["rows"]["interval"]
    said = [f"{value:+.1f}" for value in (found["measured"], low, high)]
    assert re.findall(r"[+-]\d+\.\d", ends) == said and found["verdict"] == "UNDERPOWERED"
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    assert ends in page and f"harness judge {words}" in page


@pytest.mark.parametrize(
    "options",
    [
        ["--html", "scores.csv"],
        ["--archive", "./scores.csv"],
        ["--html", "both.zip", "--archive", "both.zip"],
        ["--html", "claims.yaml", "--claims", "claims.yaml"],
    ],
)
def test_no_file_that_is_read_is_written_over(judge: Judge, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "claims.yaml").write_text('claims:\n  - {id: a, claim: ">= +1"}\n')
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    claim = [] if "--claims" in options else ["--claim", CLAIM]
    code, out, error = judge("scores.csv", *claim, *options)
    assert (code, out) == (2, "") and "a file of its own to write" in error
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_file_of_another_programs_results_is_written_over(judge: Judge, tmp_path: Path) -> None:
    folder = copied("lm-eval/tiny-1", tmp_path)
    (result,) = folder.glob("results*.json")
    before = result.read_bytes()
    code, _, error = judge(str(folder), "--metric", "acc", "--claim", CLAIM, "--html", str(result))
    assert code == 2 and "the name of a file that is read" in error and result.read_bytes() == before


def test_methods_and_a_method_in_one_claim_are_refused(judge: Judge, tmp_path: Path) -> None:
    entry = "{id: a, claim: 1 of 1 above 1, methods: [mnli], method: foo}"
    (tmp_path / "claims.yaml").write_text(f"claims:\n  - {entry}\n")
    code, _, error = judge("scores.csv", "--claims", "claims.yaml")
    assert code == 2 and "found both" in error
