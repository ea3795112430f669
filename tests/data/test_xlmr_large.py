"""XLM-R Large itself, 560 million random parameters, through the whole path: store, encoder, recipe, cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest
import toy as toys
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from harness.data.build import build_corpus, build_task
from harness.data.fetch.store import Entry, record, repository_folder
from harness.experiment.cell import run_cell
from harness.experiment.encoder import run_encoder
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.experiment.training.text import read_corpus
from harness.model.families import XLM_ROBERTA
from harness.model.tokenizer import save_tokenizer, train_tokenizer
from harness.project.files import sha256_file
from harness.project.paths import Paths
from harness.project.profiles import load_params, read_params
from harness.project.results import Cell

NEEDED_GIB = 14
"""Weights, gradients and AdamW's two moments in fp32 are 9 GiB, activations and copies come on top."""
PAPER = read_params(toys.ROOT / "profiles" / "paper.yaml").encoder
TASKS = ("udpos", "tatoeba", "mnli", "text")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(psutil.virtual_memory().available < NEEDED_GIB * 2**30, reason=f"needs {NEEDED_GIB} GiB free"),
]


def settings(files: dict[str, str]) -> dict[str, Any]:
    """The toy profile with XLM-R Large as published encoder, and one or two steps of everything."""
    content: dict[str, Any] = json.loads(json.dumps(toys.toy_settings(TASKS)))
    content["encoder"] = PAPER.model_dump() | {"files": files}
    content["compute"] |= {"threads": psutil.cpu_count(), "micro_batch": 2}
    few = {"batch_size": 4, "max_examples": 4, "epochs": 1}
    content["intermediate"]["mnli"] |= few
    content["target"]["udpos"] |= few
    content["target"]["tatoeba"]["layer"] = 14
    content["recipes"]["mnli+mlm"] |= {"mixing_cap": 4, "steps": 2}
    content["mlm"]["batch_size"] = 4
    content["evaluation"]["max_rows"] = 2
    return content


def publish(folder: Path, lines: list[str]) -> dict[str, str]:
    """Save a random XLM-R Large as the hub has it, with a small tokenizer; file name -> sha256, recorded as fetched."""
    config = XLMRobertaConfig(
        vocab_size=250_002,
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    save_tokenizer(train_tokenizer(lines, 400, XLM_ROBERTA.tokens), folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    hashes = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
    for name, sha256 in hashes.items():
        record(folder, name, Entry(sha256=sha256, bytes=(folder / name).stat().st_size, address="here", etag=None))
    return hashes


def test_xlm_r_large_goes_through_an_intermediate_and_two_target_tasks(tmp_path: Path) -> None:
    root = tmp_path / "project"
    params, paths = toys.make_project(root, toys.toy_settings(TASKS))
    for task in TASKS:
        build_task(task, params, paths)
    build_corpus(params, paths)
    assert PAPER.source == "hub"
    folder = repository_folder(root / "store", "model", PAPER.repository, PAPER.revision)
    lines = [line for language in read_corpus(paths).values() for line in language]
    toys.write_params(root, settings(publish(folder, lines)))
    params, paths = load_params(root), Paths(root, params.profile)

    encoder = run_encoder(params, paths)
    assert encoder["parameters"] == 558_840_832 and encoder["made_from"]["revision"] == PAPER.revision
    write_recipe("mnli+mlm", params, paths)
    trained = run_intermediate("mnli+mlm", 1, params, paths)
    assert trained["counts"]["steps"] == 2 and trained["status"] != "failed"
    assert trained["dev_headline"].keys() == {"mnli"}
    for target in ("udpos", "tatoeba"):
        write_target(target, params, paths)
        result = run_cell(Cell(recipe="mnli+mlm", target=target, seed=1), params, paths)
        assert result.status != "failed" and result.score is not None and len(result.scores) > 3
