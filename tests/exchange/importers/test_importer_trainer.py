"""transformers' Trainer, on a folder that version 5.23.0 wrote."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from foreign_results import FILES, change, copied

from harness.exchange.importers.find import find_importer, read_given
from harness.exchange.importers.importer import Options
from harness.project.errors import HarnessError

FOLDER = FILES / "trainer"
EVAL = Options(task="boats", split="eval", metric="accuracy")


def test_a_metric_of_one_split_is_read_with_the_seed_of_the_model_card() -> None:
    given = read_given(FOLDER, EVAL)
    (score,) = given.scores
    assert (score.method, score.task, score.score, score.split) == ("trainer", "boats", 40.0, "eval")
    assert (score.seed, score.metric) == (7, "accuracy")
    assert given.known["Transformers version"] == "5.23.0" and "sha256 of all_results.json" in given.known
    assert set(given.unknown) == {"revision", "method", "scale of accuracy"}
    assert find_importer(FOLDER).name == "trainer"


def test_rows_that_chose_the_checkpoint_are_told() -> None:
    """The state has a best metric; rows that are only predicted chose nothing."""
    assert "chosen by its score on the eval rows" in read_given(FOLDER, EVAL).remarks[0]
    assert read_given(FOLDER, Options(task="boats", split="predict", metric="f1")).remarks == []


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (Options(), "--task"),
        (Options(task="boats"), "found eval, predict.*--split"),
        (Options(task="boats", split="dev"), "expected the split dev .* found eval, predict"),
        (Options(task="boats", split="eval"), "found accuracy, f1.*--metric"),
        (Options(task="boats", split="eval", metric="loss"), "more is better"),
    ],
)
def test_what_the_files_leave_open_is_asked_for(options: Options, found: str) -> None:
    with pytest.raises(HarnessError, match=found):
        read_given(FOLDER, options)


def test_without_a_card_the_seed_is_unknown(tmp_path: Path) -> None:
    """And the name of the only split is the user's to give."""
    folder = copied("trainer", tmp_path)
    for name in ("README.md", "trainer_state.json", "all_results.json", "predict_results.json"):
        (folder / name).unlink()
    given = read_given(folder, Options(task="boats", split="test", metric="f1"))
    assert "seed" in given.unknown and [(each.split, each.seed) for each in given.scores] == [("test", None)]


def test_the_pickle_is_never_loaded(tmp_path: Path) -> None:
    folder = copied("trainer", tmp_path)

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[Path, str]]:
            return Path.write_text, (tmp_path / "sprung", "")

    (folder / "training_args.bin").write_bytes(pickle.dumps(Trap()))
    read_given(folder, EVAL)
    assert not (tmp_path / "sprung").exists()


def test_files_of_two_runs_are_refused(tmp_path: Path) -> None:
    folder = copied("trainer", tmp_path)
    change(folder / "eval_results.json", "eval_accuracy", value=0.6)
    with pytest.raises(HarnessError, match=r"one value of eval_accuracy .* found 0\.4 .* and 0\.6 in eval_results"):
        read_given(folder, EVAL)


def test_a_training_that_ended_early_is_told(tmp_path: Path) -> None:
    folder = copied("trainer", tmp_path)
    change(folder / "trainer_state.json", "max_steps", value=40)
    assert "ended at step 4 of 40" in read_given(folder, EVAL).remarks[0]


def test_a_folder_without_scores_is_refused(tmp_path: Path) -> None:
    """A state alone, losses alone, NaN."""
    folder = copied("trainer", tmp_path)
    for path in folder.glob("*_results.json"):
        change(path, "eval_accuracy", value=float("nan"))
    with pytest.raises(HarnessError, match="expected a finite number"):
        read_given(folder, EVAL)
    for path in folder.glob("*_results.json"):
        path.unlink()
    with pytest.raises(HarnessError, match=r"trainer\.save_metrics"):
        read_given(folder, EVAL)
    (folder / "all_results.json").write_text('{"eval_loss": 0.5, "eval_samples_per_second": 3.0}')
    with pytest.raises(HarnessError, match="compute_metrics"):
        read_given(folder, EVAL)
