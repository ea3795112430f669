"""An encoder of one's own, multilingual BERT's layout among them: pinned, run through every head, exported again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import toy as toys
import yaml
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer
from wordpiece import save_tiny_bert, wordpiece_tokenizer

from harness.commands.main import run
from harness.data.fetch.fetch import check_encoder
from harness.data.folder import read_split
from harness.experiment.cell import run_cell
from harness.experiment.encoder import run_encoder
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.experiment.training.checkpoints import load_checkpoint
from harness.experiment.training.text import read_corpus
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import describe_encoder, load_params
from harness.project.results import Cell

Toy = tuple[Params, Paths]
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """The command line in a copy of the toy project."""
    monkeypatch.chdir(toy_copy[1].root)

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return run(list(arguments)), *capsys.readouterr()

    return command


def own_bert(paths: Paths, **changed: Any) -> Path:
    """A tiny BERT whose vocabulary fits the toy world, in a folder of the project."""
    folder = paths.root / "own" / "tiny bert"
    folder.mkdir(parents=True)
    lines = [line for part in read_corpus(paths).values() for line in part]
    save_tiny_bert(folder, wordpiece_tokenizer([*lines, "qwertyuiopasdfghjklzxcvbnm.,?"]), **changed)
    return folder


def pinned(say: Say, paths: Paths, folder: Path, **changed: Any) -> Params:
    """Pin the folder by the command, and make what it prints the project's encoder."""
    code, out, err = say("encoder", "pin", str(folder))
    assert code == 0, err
    content = toys.toy_settings() | yaml.safe_load(out)
    content["encoder"] |= changed
    content["grid"]["recipes"] = ["none", "mnli+mlm"]
    toys.write_params(paths.root, content)
    return load_params(paths.root)


def test_what_pin_prints_is_what_the_stage_reads(toy_copy: Toy, say: Say) -> None:
    paths = toy_copy[1]
    folder = own_bert(paths)
    params = pinned(say, paths, folder)
    chosen = params.encoder
    assert chosen.source == "local" and (chosen.name, chosen.folder) == ("tiny-bert", "own/tiny bert")
    assert chosen.masked_lm_head and chosen.files.keys() == {"config.json", "model.safetensors", "tokenizer.json"}
    assert check_encoder(params, paths).word == "ok"
    assert describe_encoder(params) == f"local encoder tiny-bert (weights {chosen.files['model.safetensors'][:12]})"
    record = run_encoder(params, paths)
    assert record["made_from"] == {"sha256": chosen.files} and "mlm_head.safetensors" in record["sha256"]
    assert record["parameters"] == chosen.parameters
    assert say("data", "fetch", "--encoder")[0] == 2


def test_other_bytes_in_the_folder_are_refused(toy_copy: Toy, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = toy_copy[1]
    folder = own_bert(paths)
    params = pinned(say, paths, folder)
    shutil.copytree(folder, paths.root / "elsewhere")
    config = folder / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(
        HarnessError, match=r"expected sha256 .* \(encoder\.files\), found .*harness encoder pin FOLDER"
    ):
        run_encoder(params, paths)
    assert check_encoder(params, paths).word == "differs"
    monkeypatch.setenv("HARNESS_ENCODER_DIR", "elsewhere")
    assert run_encoder(params, paths)["parameters"] == params.encoder.parameters  # type: ignore[union-attr]
    (paths.root / "elsewhere" / "tokenizer.json").unlink()
    with pytest.raises(HarnessError, match=r"expected the encoder's file .*tokenizer\.json .*found none"):
        run_encoder(params, paths)


def test_the_folder_that_the_stage_clears_is_no_source(toy_copy: Toy, say: Say) -> None:
    paths = toy_copy[1]
    params = pinned(say, paths, own_bert(paths))
    run_encoder(params, paths)
    (paths.encoder / "mlm_head.safetensors").unlink()
    code, out, _ = say("encoder", "pin", str(paths.encoder))
    toys.write_params(paths.root, toys.toy_settings(["tatoeba"]) | yaml.safe_load(out))
    before = {path.name: path.read_bytes() for path in paths.encoder.iterdir()}
    with pytest.raises(HarnessError, match="which this stage clears"):
        run_encoder(load_params(paths.root), paths)
    assert code == 0 and {path.name: path.read_bytes() for path in paths.encoder.iterdir()} == before


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "found no tokenizer.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "expected a tokenizer in"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"cut"), "expected weights in safetensors format"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "t5"}'), "found `t5`"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "does not fit the encoder"),
    ],
)
def test_a_folder_that_is_no_encoder_is_not_pinned(
    toy_copy: Toy, say: Say, spoil: Callable[[Path], object], said: str
) -> None:
    folder = own_bert(toy_copy[1])
    spoil(folder)
    code, out, err = say("encoder", "pin", str(folder))
    assert code == 2 and not out and said in " ".join(err.split()) and "Traceback" not in err


def test_a_head_that_is_not_there_is_seen_by_the_stage(toy_copy: Toy, say: Say) -> None:
    paths = toy_copy[1]
    folder = own_bert(paths)
    AutoModelForMaskedLM.from_pretrained(folder).bert.save_pretrained(folder)
    code, out, _ = say("encoder", "pin", str(folder))
    assert code == 0 and yaml.safe_load(out)["encoder"]["masked_lm_head"] is False
    params = pinned(say, paths, folder, masked_lm_head=True)
    with pytest.raises(HarnessError, match="expected the encoder's masked-LM head"):
        run_encoder(params, paths)
    with pytest.raises(HarnessError, match=r"grid\.recipes names mnli\+mlm"):
        pinned(say, paths, folder)


@pytest.fixture(scope="module")
def ran(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """A toy project on a tiny BERT, its encoder made and two recipes trained."""
    root = tmp_path_factory.mktemp("bert") / "project"
    shutil.copytree(toy[1].root, root)
    paths = Paths(root, toy[0].profile)
    from harness.experiment.share import pinned_folder

    content = toys.toy_settings()
    content["encoder"] = pinned_folder(own_bert(paths), root).model_dump()
    content["grid"]["recipes"] = ["none", "hellaswag", "mnli+mlm"]
    toys.write_params(root, content)
    params = load_params(root)
    run_encoder(params, paths)
    for recipe in content["grid"]["recipes"]:
        write_recipe(recipe, params, paths)
        record = run_intermediate(recipe, 1, params, paths)
        assert record["status"] in ("ok", "collapsed")
    yield params, paths


@pytest.mark.parametrize("target", toys.CELLS)
def test_every_head_trains_and_predicts_on_bert(ran: Toy, target: str) -> None:
    params, paths = ran
    write_target(target, params, paths)
    for recipe in ("none", "mnli+mlm"):
        result = run_cell(Cell(recipe=recipe, target=target, seed=1), params, paths)
        assert result.status != "failed" and result.score is not None
        assert not result.counts.get("train_answers_cut")


@pytest.mark.parametrize("name", ["none-1", "hellaswag-1"])
def test_an_exported_checkpoint_is_read_by_transformers_alone(
    ran: Toy, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same states, of a pair too, and the same ids from its tokenizer."""
    params, paths = ran
    monkeypatch.chdir(paths.root)
    assert run(["checkpoints", "export", name, str(tmp_path / "out")]) == 0
    encoder, tokenizer = load_checkpoint(paths.checkpoint(*_parts(name)), params, paths)
    _same_as_transformers(encoder, tokenizer, tmp_path / "out", read_split(paths.data("pawsx"), "dev", "qaa")[:4])
    assert run(["checkpoints", "export", name, str(tmp_path / "out")]) == 2
    assert "nothing is overwritten" in " ".join(capsys.readouterr().err.split())
    for other in ("hellaswag-9", "nothing", "multi-1"):
        assert run(["checkpoints", "export", other, str(tmp_path / "no")]) == 2 and not (tmp_path / "no").exists()


def test_an_exported_checkpoint_of_xlm_rs_family_is_too(toy: Toy, tmp_path: Path) -> None:
    from harness.experiment.share import export_checkpoint
    from harness.experiment.training.checkpoints import write_checkpoint_record
    from harness.project.files import sha256_file

    params, paths = toy
    root = Paths(tmp_path / "project", params.profile)
    shutil.copytree(paths.encoder, root.encoder)
    sha256 = sha256_file(root.encoder / "model.safetensors")
    write_checkpoint_record(root.checkpoint("none", 1), {"recipe": "none", "weights_sha256": sha256})
    (tmp_path / "out").mkdir()
    assert export_checkpoint("none-1", tmp_path / "out", params, root) > 1000
    encoder, tokenizer = load_checkpoint(root.checkpoint("none", 1), params, root)
    _same_as_transformers(encoder, tokenizer, tmp_path / "out", read_split(paths.data("pawsx"), "dev", "qaa")[:4])
    gone = {"recipe": "mnli", "weights_sha256": None, "unavailable": ["mnli: its rows are licensed"]}
    write_checkpoint_record(root.checkpoint("mnli", 1), gone)
    grid = params.grid.model_copy(update={"recipes": ["none", "mnli"]})
    with pytest.raises(HarnessError, match="could not be trained: mnli: its rows are licensed"):
        export_checkpoint("mnli-1", tmp_path / "no", params.model_copy(update={"grid": grid}), root)


def test_an_exported_checkpoint_has_every_row_of_the_word_embeddings(toy: Toy, tmp_path: Path) -> None:
    """A checkpoint holds the rows that were trained alone; of all others it has a factor."""
    from harness.experiment.share import export_checkpoint
    from harness.experiment.training.checkpoints import write_checkpoint_record
    from harness.model.encoder import load_encoder, save_encoder
    from harness.project.files import sha256_file
    from harness.project.params import Grid

    params, paths = toy
    root = Paths(tmp_path / "project", params.profile)
    shutil.copytree(paths.encoder, root.encoder)
    params = params.model_copy(
        update={"grid": Grid.of([("none", "xnli", 1), ("none", "xnli", 2), ("mnli", "xnli", 1)])}
    )
    model = load_encoder(root.encoder)
    start = model.embedding.words.weight.detach().clone()
    model.train_words([0, 1, 2, 3, 10])
    with torch.no_grad():
        model.embedding.words.rows.add_(1)
    model.embedding.words.decay(0.5)
    folder = root.checkpoint("mnli", 1)
    save_encoder(model, folder)
    hashes = [sha256_file(place / "model.safetensors") for place in (folder, root.encoder)]
    record = dict(zip(("weights_sha256", "encoder_sha256"), hashes, strict=True))
    write_checkpoint_record(folder, {"recipe": "mnli", **record})
    export_checkpoint("mnli-1", tmp_path / "out", params, root)
    words = AutoModel.from_pretrained(tmp_path / "out").embeddings.word_embeddings.weight
    torch.testing.assert_close(words[:4], start[:4] + 1)
    torch.testing.assert_close(words[11:], start[11:] / 2)
    with pytest.raises(HarnessError, match="mnli-2"):  # no cell of the grid: mnli runs at seed 1 alone
        export_checkpoint("mnli-2", tmp_path / "no", params, root)


def _parts(name: str) -> tuple[str, int]:
    recipe, _, seed = name.rpartition("-")
    return recipe, int(seed)


def _same_as_transformers(encoder: Any, tokenizer: Any, folder: Path, rows: list[dict[str, Any]]) -> None:
    model, library = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for row in rows:
        for texts in ([row["sentence1"]], [row["sentence1"], row["sentence2"]]):
            given = library(*texts, return_tensors="pt")
            encoding = tokenizer.encode(*texts)
            assert given["input_ids"][0].tolist() == encoding.ids and len(encoding.ids) > 4
            second = None
            if encoder.family.tokens.marks_second:
                assert given["token_type_ids"][0].tolist() == encoding.type_ids
                second = torch.tensor([[*encoding.type_ids, 1].index(1)])
            with torch.no_grad():
                wanted = model(**given).last_hidden_state
                states = encoder.eval()(given["input_ids"], None, second=second)
            torch.testing.assert_close(states, wanted, atol=1e-5, rtol=1e-4)
