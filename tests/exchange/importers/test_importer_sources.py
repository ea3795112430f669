"""What a user names as scores: whose a source is, tables and other programs' results side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_results import LM_EVAL

from harness.exchange.importers.importer import Options
from harness.exchange.importers.sources import Named, parse_source, read_sources, tables_of
from harness.project.errors import HarnessError
from harness.verify.given.claim import claim_in_words
from harness.verify.given.judge import judge_table


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("scores.csv", Named("scores.csv")),
        ("mnli=scores.csv", Named("scores.csv", "mnli")),
        ("mnli:3=out/a=b.csv", Named("out/a=b.csv", "mnli", 3)),
        ("gpt:4o:1=x.csv", Named("x.csv", "gpt:4o", 1)),
        ("gpt:4o=x.csv", Named("x.csv", "gpt:4o")),
        ("http://127.0.0.1:5000/?a=b", Named("http://127.0.0.1:5000/?a=b")),
    ],
)
def test_a_source_says_whose_it_is(words: str, named: Named) -> None:
    """A colon and a number before the sign are a seed; any other colon belongs to the name."""
    assert parse_source(words) == named


@pytest.mark.parametrize("words", ["=scores.csv", "mnli=", " =x.csv"])
def test_a_name_without_a_source_is_refused(words: str) -> None:
    with pytest.raises(HarnessError, match="NAME=FILE"):
        parse_source(words)


def test_a_file_whose_own_name_has_the_sign_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lr=1e-5.csv"
    path.write_text("seed,score\n1,70\n")
    assert parse_source(str(path)) == Named(str(path))


def write(folder: Path, name: str, scores: list[float]) -> str:
    path = folder / name
    path.write_text("seed,score\n" + "".join(f"{seed},{score}\n" for seed, score in enumerate(scores, 1)))
    return str(path)


def test_tables_of_one_method_each_are_judged_together(tmp_path: Path) -> None:
    """What a name says stands in place of a column of methods."""
    first = write(tmp_path, "a.csv", [70.0, 71.0, 70.5])
    second = write(tmp_path, "b.csv", [73.1, 74.0, 73.4])
    table = read_sources([f"none={first}", f"ours={second}"])
    (found,) = judge_table(table, [claim_in_words(">= +1")]).claims
    assert (found.verdict, found.method, found.baseline, found.n_seeds) == ("REPRODUCED", "ours", "none", 3)
    assert tables_of([f"none={first}", str(LM_EVAL)]) == [Path(first)]


def test_one_file_per_run_is_paired_by_the_seed_that_was_said(tmp_path: Path) -> None:
    runs = {"none": [70.0, 71.0, 70.5], "ours": [73.0, 74.2, 73.4]}
    sources = []
    for name, scores in runs.items():
        for seed, score in enumerate(scores, 1):
            path = tmp_path / f"{name}-{seed}.csv"
            path.write_text(f"task,score\nxnli,{score}\n")
            sources.append(f"{name}:{seed}={path}")
    (found,) = judge_table(read_sources(sources), [claim_in_words(">= +1")]).claims
    assert found.pairing == "paired by seed"
    assert found.values == pytest.approx({"1": 3.0, "2": 3.2, "3": 2.9})


def test_another_programs_results_take_name_and_seed_too() -> None:
    table = read_sources([f"a:1={LM_EVAL / 'tiny-1'}", f"b:1={LM_EVAL / 'tiny-2'}"], options=Options(metric="acc"))
    assert (table.names("method"), table.names("seed"), table.has_items) == (["a", "b"], ["1"], True)


def test_a_name_beside_a_column_of_methods_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "both.csv"
    path.write_text("method,seed,score\nnone,1,70\nours,1,73\n")
    with pytest.raises(HarnessError, match="no column of methods"):
        read_sources([f"ours={path}"])


def test_options_of_other_programs_beside_a_table_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", [70.0])
    with pytest.raises(HarnessError, match="--labels"):
        read_sources([path], options=Options(labels=tmp_path))
    with pytest.raises(HarnessError, match="--column beside a table"):
        read_sources([str(LM_EVAL / "tiny-1")], {"score": "acc"}, options=Options(metric="acc"))


def test_sources_of_both_units_are_refused_unless_it_is_said_what_they_are(tmp_path: Path) -> None:
    """0.7 in one file and 73 in the other may be the same scale."""
    first, second = write(tmp_path, "a.csv", [0.70, 0.71]), write(tmp_path, "b.csv", [73.0, 74.0])
    with pytest.raises(HarnessError, match=r"one unit in all sources.*a.csv.*b.csv.*--unit"):
        read_sources([f"none={first}", f"ours={second}"])
    table = read_sources([f"none={first}", f"ours={second}"], unit="points")
    assert table.score.tolist() == pytest.approx([0.70, 0.71, 73.0, 74.0])


def test_a_seed_of_some_sources_alone_is_refused(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("a.csv", "b.csv"))
    for path in (first, second):
        path.write_text("task,score\nxnli,70\n")
    with pytest.raises(HarnessError, match="some with and some without"):
        judge_table(read_sources([f"none:1={first}", f"ours={second}"]), [claim_in_words(">= +1")])


def test_a_table_stands_beside_another_programs_results(tmp_path: Path) -> None:
    """A paper's numbers against a run of one's own: scores beside scores, by the metric said."""
    path = tmp_path / "paper.csv"
    path.write_text("model,task,seed,accuracy\npaper,boats,1,0.6\npaper,kites,1,0.7\n")
    own = [f"{name}:1={LM_EVAL / name}" for name in ("tiny-1", "tiny-2")]
    table = read_sources([str(path), own[0]], {"score": "accuracy"}, options=Options(metric="acc", split="test"))
    found = judge_table(table, [claim_in_words("paper: >= +1")], baseline="tiny-1", metric="acc", split="test")
    alone = judge_table(read_sources(own, options=Options(metric="acc")), [claim_in_words(">= +1")], baseline="tiny-1")
    (claim,) = found.claims
    for row, same in zip(claim.scores, alone.claims[0].scores, strict=True):
        assert (row.task, row.compared) == (same.task, pytest.approx(same.compared))
    assert claim.measured == pytest.approx(65 - sum(row.compared["1"] for row in claim.scores) / 2)
    assert any("items of lm-evaluation-harness" in remark for remark in found.remarks)


def test_the_files_own_split_stands_against_the_one_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    path.write_text("model,task,split,accuracy\npaper,boats,dev,0.6\npaper,kites,dev,0.7\n")
    table = read_sources([str(path), str(LM_EVAL / "tiny-1")], options=Options(metric="acc", split="dev"))
    assert set(table.names("split")) == {"dev", "test"}
    with pytest.raises(HarnessError, match="two methods"):
        judge_table(table, [claim_in_words(">= +1")], baseline="paper", metric="acc", split="dev")


def test_labels_may_stand_beside_a_table_and_a_submission(tmp_path: Path) -> None:
    examples = Path(__file__).parents[3] / "examples" / "xtreme"
    path = tmp_path / "paper.csv"
    path.write_text("method,task,language,score\npaper,xnli,de,70.1\n")
    options = Options(labels=examples / "labels", split="test")
    table = read_sources([str(path), f"baseline={examples / 'baseline'}"], options=options)
    assert set(table.names("method")) == {"paper", "baseline"}
