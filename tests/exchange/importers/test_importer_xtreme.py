"""An XTREME submission is scored as XTREME's evaluator scores it, and what that leaves out without a word is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_results import LABELS, PREDICTIONS, write_files

from harness.exchange.importers.find import find_importer, read_given
from harness.exchange.importers.importer import Options
from harness.exchange.importers.xtreme_tasks import MEAN, TASKS
from harness.metrics.scoring import metric
from harness.project.errors import HarnessError
from harness.project.tasks import load_tasks
from harness.verify.given.rows import Given


def submission(
    folder: Path, predictions: dict[str, str] = PREDICTIONS, labels: dict[str, str] = LABELS, **said: str
) -> Given:
    write_files(folder / "method", predictions)
    return read_given(folder / "method", Options(labels=write_files(folder / "labels", labels), **said))


def test_each_task_and_language_is_scored_by_the_tasks_own_metric(tmp_path: Path) -> None:
    """Worked out by hand. Question answering has the mean of F1 and exact match, as XTREME's average."""
    given = submission(tmp_path)
    assert {(each.task, each.language): round(each.score, 4) for each in given.scores} == {
        ("xnli", "de"): 75.0,
        ("pawsx", "ko"): 50.0,
        ("panx", "sw"): 50.0,
        ("udpos", "fr"): 66.6667,
        ("xquad", "el"): 66.6667,  # red boat: 1 and 1; red kite: 2/3 and 0 -> F1 83.3, EM 50
        ("mlqa", "de"): 100.0,
        ("tydiqa", "fi"): 50.0,
        ("bucc", "zh"): 40.0,
        ("tatoeba", "jv"): 66.6667,
    }
    assert {each.metric for each in given.scores} == {"accuracy", "f1", MEAN}
    assert {(each.method, each.split, each.seed) for each in given.scores} == {("method", "test", None)}
    assert find_importer(tmp_path / "method").name == "xtreme"


@pytest.mark.parametrize(("asked", "score", "first"), [("f1", 83.3333, 2 / 3), ("em", 50.0, 0)])
def test_one_number_of_question_answering_can_be_asked_for(
    tmp_path: Path, asked: str, score: float, first: float
) -> None:
    """Tasks without it are left out, and that is told."""
    given = submission(tmp_path, metric=asked)
    (found,) = [each for each in given.scores if each.task == "xquad"]
    assert (round(found.score, 4), found.metric) == (score, asked)
    assert [each.right for each in given.items if each.task == "xquad"] == [1.0, pytest.approx(first, abs=1e-6)]
    assert "xnli: de is left out, since it has no " + asked + "." in given.remarks


def test_items_give_the_scores(tmp_path: Path) -> None:
    """Means of what is right, or F1 of summed counts; mined pairs have none."""
    given = submission(tmp_path)
    for each in given.scores:
        items = [item for item in given.items if item.task == each.task]
        if each.task in ("panx", "udpos"):
            counts = zip(*(item.counts or () for item in items), strict=True)
            found = dict(zip(("correct", "predicted", "gold"), map(list, counts), strict=True))
            assert metric("span_f1").total is not None
            assert metric("span_f1").total(found)["f1"] == pytest.approx(each.score)  # type: ignore[misc]
        elif each.task == "bucc":
            assert items == []
        else:
            assert 100 * sum(item.right or 0 for item in items) / len(items) == pytest.approx(each.score)


def test_every_gap_is_told(tmp_path: Path) -> None:
    """A task that is missing, languages that are missing on either side, folders that are no task."""
    some = {name: text for name, text in PREDICTIONS.items() if "mlqa" not in name and "udpos" not in name}
    few = {name: text for name, text in LABELS.items() if "tatoeba" not in name}
    given = submission(tmp_path, some | {"xcopa/test-et.tsv": "1\n"}, few)
    told = "\n".join(given.remarks)
    assert "mlqa is missing" in told and "udpos is missing" in told
    assert "there are no predictions of ar, bg," in told and "which is over 15" in told
    assert "tatoeba: there are no labels of jv" in told
    assert "none of XTREME's nine tasks: xcopa" in told
    assert "no answer to them: b" in told
    assert set(given.unknown) == {"revision", "method", "seed"}


@pytest.mark.parametrize("end", ["\n\n", "\r\n", "", "\n \n\n"])
@pytest.mark.parametrize("name", ["xnli/test-de.tsv", "panx/test-sw.tsv", "bucc2018/test-zh.tsv"])
def test_the_end_of_a_file_and_its_kind_of_lines_change_nothing(tmp_path: Path, name: str, end: str) -> None:
    """Blank lines at the end are no rows; lines may end as Windows ends them; a mark may stand at the start."""
    text = PREDICTIONS[name].rstrip("\n")
    other = text.replace("\n", "\r\n") if end == "\r\n" else text
    before = submission(tmp_path / "a").scores
    labels = {**LABELS, name: LABELS[name] + end}
    assert submission(tmp_path / "b", {**PREDICTIONS, name: "\ufeff" + other + end}, labels).scores == before


def test_foreign_words_count_as_wrong_and_are_told(tmp_path: Path) -> None:
    """As the evaluator counts them; a tag may be one too."""
    files = {
        "xnli/test-de.tsv": "entailment\nneutral\nmaybe\nneutral\n",
        "panx/test-sw.tsv": "B-PER\nI-PER\nO\n\nO\nB-MISC\n",
    }
    given = submission(tmp_path, PREDICTIONS | files)
    assert [round(each.score) for each in given.scores if each.task in ("xnli", "panx")] == [75, 50]
    told = [remark for remark in given.remarks if "Counted as wrong, since the task has no such label" in remark]
    assert len(told) == 2 and "maybe in 1 of 4 lines" in told[0] and "B-MISC in 1 of 5 lines" in told[1]


@pytest.mark.parametrize(
    ("side", "name", "text", "found"),
    [
        ("predictions", "xnli/test-de.tsv", "entailment\n", "found 1"),
        ("predictions", "xnli/test-de.tsv", "", "found 0"),
        ("predictions", "xnli/test-de.tsv", "entailment\n\nneutral\nneutral\n", "found none in line 2"),
        ("predictions", "xnli/test-de.tsv", "0\n1\n2\n1\n", "0, 1, 2 in 4 of 4 lines"),
        ("predictions", "panx/test-sw.tsv", "B-PER\nI-PER\nO\n", "sentences"),
        ("predictions", "panx/test-sw.tsv", "B-PER\nO\n\nO\nB-ORG\n", "tags of sentence 1"),
        ("predictions", "bucc2018/test-zh.tsv", "zh-1\ten-1\t0.9\n", "in line 1"),
        ("predictions", "xquad/test-el.json", '{"a": 3}', "as the answer to a"),
        ("predictions", "xquad/test-el.json", '["a"]', "found list"),
        ("predictions", "xquad/test-el.json", '{"a": "x"', "expected JSON"),
        ("predictions", "xquad/test-el.json", '{"a": "x", "a": "y"}', "twice"),
        ("labels", "xnli/test-de.tsv", "entailment\nneutral\nwrong\nneutral\n", "found wrong"),
        ("labels", "panx/test-sw.tsv", "B-PER\nI-PERS\nO\n\nO\nB-LOC\n", "found I-PERS"),
        ("labels", "bucc2018/test-zh.tsv", "", "expected pairs of ids"),
        ("labels", "xquad/test-el.json", '{"data": [{"paragraphs": 3}]}', "another shape"),
        ("labels", "xquad/test-el.json", '{"a": "x"}', "found null"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, side: str, name: str, text: str, found: str) -> None:
    """With what is wrong in it, whichever of the two folders has it."""
    predictions, labels = dict(PREDICTIONS), dict(LABELS)
    (predictions if side == "predictions" else labels)[name] = text
    with pytest.raises(HarnessError, match=r"expected .*To fix it") as refused:
        submission(tmp_path, predictions, labels)
    assert found in str(refused.value) and Path(name).name in str(refused.value)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path / "method", PREDICTIONS)
    (tmp_path / "method" / "xnli" / "test-de.tsv").write_bytes("entailment\nneutral\nné\nneutral".encode("latin-1"))
    with pytest.raises(HarnessError, match="expected UTF-8"):
        read_given(tmp_path / "method", Options(labels=write_files(tmp_path / "labels", LABELS)))


def test_labels_are_asked_for(tmp_path: Path) -> None:
    """No score without them: where none, no folder, or none of the same tasks is named."""
    write_files(tmp_path / "method", {"xnli/test-de.tsv": "neutral\n"})
    with pytest.raises(HarnessError, match="--labels"):
        read_given(tmp_path / "method")
    with pytest.raises(HarnessError, match="expected a folder of labels"):
        read_given(tmp_path / "method", Options(labels=tmp_path / "gone"))
    labels = write_files(tmp_path / "labels", {"pawsx/test-ko.tsv": "1\n"})
    with pytest.raises(HarnessError, match="found none"):
        read_given(tmp_path / "method", Options(labels=labels))


def test_the_tasks_are_those_of_the_task_files(repo_root: Path) -> None:
    """The same languages and labels; UDPOS's files have one more tag."""
    tasks = load_tasks(list(TASKS), repo_root / "tasks")
    assert {name: sorted(task.languages) for name, task in TASKS.items()} == {
        name: sorted(task.languages) for name, task in tasks.items()
    }
    assert {name: [str(one) for one in tasks[name].labels or []] for name in TASKS} == {
        name: [label for label in task.labels or [] if label != "_"] for name, task in TASKS.items()
    }
