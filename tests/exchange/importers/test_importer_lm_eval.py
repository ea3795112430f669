"""lm-evaluation-harness, on files that version 0.4.13 wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from foreign_results import FILES, LM_EVAL, TINY, change, copied

from harness.exchange.importers.find import find_importer, read_given
from harness.exchange.importers.importer import Options
from harness.project.errors import HarnessError

(RESULTS,) = TINY.glob("results_*.json")


def own(tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the folder, and its results file of the first model."""
    folder = copied("lm-eval", tmp_path)
    return folder, folder / "tiny-1" / RESULTS.name


def test_a_folder_has_a_score_for_each_model_and_task_without_groups() -> None:
    """In points; the model's name is the method, and the group `toys` is an average of the program's own."""
    given = read_given(LM_EVAL, Options(metric="acc"))
    assert given.program == "lm-evaluation-harness 0.4.13"
    assert [(each.method, each.task, each.score, each.split, each.seed) for each in given.scores] == [
        ("tiny-1", "boats", 75.0, "test", None),
        ("tiny-1", "kites", 66.6666666667, "test", None),
        ("tiny-2", "boats", 100.0, "test", None),
        ("tiny-2", "kites", 100.0, "test", None),
    ]
    assert {"revision", "seed", "scale of acc,none"} == set(given.unknown)
    assert find_importer(LM_EVAL).name == find_importer(RESULTS).name == "lm-eval"


def test_samples_become_items_that_pair_over_models() -> None:
    """Their means are the scores; an item's name holds the document's hash."""
    given = read_given(LM_EVAL, Options(metric="acc"))
    named = {}
    for each in given.scores:
        items = [one for one in given.items if (one.method, one.task) == (each.method, each.task)]
        assert 100 * sum(one.right or 0 for one in items) / len(items) == pytest.approx(each.score)
        named[each.method, each.task] = [one.item for one in items]
    assert named["tiny-1", "boats"] == named["tiny-2", "boats"] and named["tiny-1", "boats"][0] == "0:a1e65cbe"
    assert sum(name.startswith("sha256 of samples_") for name in given.known) == 4


def test_one_of_several_metrics_is_asked_for() -> None:
    """By its name or with its filter; what lacks it is left out, and that is told."""
    with pytest.raises(HarnessError, match=r"acc,none, acc_norm,none.*--metric"):
        read_given(LM_EVAL)
    assert read_given(RESULTS, Options(metric="acc,none")) == read_given(RESULTS, Options(metric="acc"))
    given = read_given(RESULTS, Options(metric="acc_norm"))
    assert [each.task for each in given.scores] == ["boats"] and "kites" in given.remarks[0]
    with pytest.raises(HarnessError, match="expected the metric f1, found acc,none"):
        read_given(RESULTS, Options(metric="f1"))


def test_a_limited_run_is_told() -> None:
    """`--limit` leaves rows out: no verdict on the test set may rest on that unseen."""
    given = read_given(FILES / "lm-eval-limited")
    assert given.remarks == [
        "kites: only 2 of 3 rows were evaluated (limit 2.0): this is no score of the test set.",
    ]
    assert "items" in given.unknown


def test_results_that_their_samples_contradict_are_refused(tmp_path: Path) -> None:
    folder, results = own(tmp_path)
    change(results, "results", "boats", "acc,none", value=0.9)
    with pytest.raises(HarnessError, match=r"the stated 0\.9 of acc of boats .* found 4 items whose mean is 0\.75"):
        read_given(folder, Options(metric="acc"))


def test_a_sample_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    folder, results = own(tmp_path)
    (samples,) = results.parent.glob("samples_boats_*.jsonl")
    lines = samples.read_text().splitlines()
    samples.write_text("\n".join([*lines, *lines]) + "\n")
    with pytest.raises(HarnessError, match="found one twice"):
        read_given(folder, Options(metric="acc"))


def test_a_second_result_of_a_model_and_task_is_refused(tmp_path: Path) -> None:
    """Nobody can tell which one counts; so it is where --method gives two models one name."""
    folder, results = own(tmp_path)
    (results.parent / "results_later.json").write_bytes(results.read_bytes())
    with pytest.raises(HarnessError, match=r"found one in results_.* and one in results_later\.json"):
        read_given(folder, Options(metric="acc"))
    with pytest.raises(HarnessError, match="expected one score of mine on boats"):
        read_given(LM_EVAL, Options(metric="acc", method="mine"))


@pytest.mark.parametrize(
    ("keys", "value", "found"),
    [
        (("results", "boats", "acc,none"), float("nan"), "expected a finite number in acc,none of tiny-1 on boats"),
        (("results", "boats", "acc,none"), 12.0, "expected values of acc,none from 0 to 100|mean is 0.75"),
        (("results", "boats", "acc,none"), -0.5, "from 0 to 1, found -0.5"),
        (("results",), None, "expected keys and values in `results`"),
        (("results",), {}, "found none"),
        (("config",), "hf", "another layout"),
        (("n-samples",), [1], "another layout"),
        (("results", "boats"), {"acc,none": "much"}, "found acc,none|expected the metric acc"),
    ],
)
def test_a_results_file_of_another_shape_is_refused(
    tmp_path: Path, keys: tuple[str, ...], value: object, found: str
) -> None:
    """In one paragraph, or left out and told where only a value is no number."""
    _, results = own(tmp_path)
    change(results, *keys, value=value)
    if value == {"acc,none": "much"}:
        given = read_given(results, Options(metric="acc"))
        assert [each.task for each in given.scores] == ["kites"] and "boats" in given.remarks[0]
        return
    with pytest.raises(HarnessError, match=found):
        read_given(results, Options(metric="acc"))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"a": 1}', "[" * 100_000, "\ud800"])
def test_what_is_no_such_file_is_not_recognised(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results_x.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(HarnessError, match="found what none of them wrote"):
        find_importer(path)
    with pytest.raises(HarnessError):
        read_given(path, program="lm-eval")


def test_a_metric_of_which_less_is_better_is_no_score(tmp_path: Path) -> None:
    """The program says so of each metric; perplexity is known by its name besides."""
    _, results = own(tmp_path)
    change(results, "higher_is_better", "boats", "acc_norm", value=False)
    assert {each.metric for each in read_given(results).scores} == {"acc,none"}
    with pytest.raises(HarnessError, match="more is better"):
        read_given(results, Options(metric="word_perplexity"))


def test_points_stay_points(tmp_path: Path) -> None:
    """A metric with a value above 1 is in points already; what the user says of its scale counts before."""
    _, results = own(tmp_path)
    content = json.loads(results.read_text())
    content["results"] = {"boats": {"bleu,none": 31.5}, "kites": {"bleu,none": 0.4}}
    results.write_text(json.dumps(content))
    given = read_given(results)
    assert [each.score for each in given.scores] == [31.5, 0.4] and "above 1" in given.unknown["scale of bleu,none"]
    with pytest.raises(HarnessError, match="from 0 to 1"):
        read_given(results, Options(fraction=True))
