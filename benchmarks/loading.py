"""Seconds to load an encoder, beside the reading of its weights alone.

    python benchmarks/loading.py [ROUNDS [FOLDER]]

A made-up encoder of 12 layers of 384 with XLM-R's vocabulary (118 million parameters, 470 MB), written to a temporary
folder and read by one thread, as units read theirs; the file lies in the page cache. FOLDER: an encoder that is there
(build/PROFILE/encoder), measured as well. All arms in turns, so that a slow
moment of the machine meets all. `load_file` maps the file and reads nothing before a weight is used; what loading is
compared with is therefore `load_file` with every weight copied into memory.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kept import Table, found, keep, show
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers

from harness.model import determinism
from harness.model.encoder import WEIGHTS, load_encoder, load_weights, new_encoder, save_encoder
from harness.model.families import XLM_ROBERTA, read_config
from harness.model.forward import Encoder
from harness.model.tokenizer import load_tokenizer, save_tokenizer
from harness.project.params import Architecture

ARCHITECTURE = Architecture(hidden_size=384, layers=12, heads=12, intermediate_size=1536, max_length=512, dropout=0.1)
VOCABULARY = 250_002
WANTED = 2.0
"""Loading an encoder is to take at most so many times the reading of its weights."""
READ, TOKENIZER, LOADED = "load_file, weights copied", "load_tokenizer", "load_encoder"
MAPPED, DRAWN = "load_file, nothing read", "weights drawn, then load_weights"


def made_up_tokenizer(size: int) -> Tokenizer:
    """A unigram tokenizer of `size` pieces, each a number written in letters."""
    tokens = XLM_ROBERTA.tokens
    first = [tokens.begin, tokens.pad, tokens.end, tokens.unknown]
    letters = str.maketrans("0123456789", "aeioutnrsl")
    pieces = [f"\u2581{number}".translate(letters) for number in range(size - len(first) - 1)]
    scored = [(piece, -float(place)) for place, piece in enumerate([*first, *pieces, tokens.mask])]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens([*first, tokens.mask])
    return tokenizer


def make_up(folder: Path, architecture: Architecture, vocabulary: int) -> None:
    """Write an encoder that was never trained, and its tokenizer."""
    save_encoder(new_encoder(architecture, vocabulary), folder)
    save_tokenizer(made_up_tokenizer(vocabulary), folder)


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """Arm -> median seconds of `rounds` rounds, after one that is not counted."""
    determinism.set_up(0, threads=1)
    path, (family, config) = folder / WEIGHTS, read_config(folder)

    def copied() -> object:
        with determinism.nothing_drawn():  # strict determinism fills new memory first, which no reading needs
            return [tensor.clone() for tensor in load_file(path).values()]

    arms: dict[str, Callable[[], object]] = {
        MAPPED: lambda: load_file(path),
        READ: copied,
        TOKENIZER: lambda: load_tokenizer(folder),
        LOADED: lambda: load_encoder(folder),
        DRAWN: lambda: load_weights(Encoder(family, config), path),
    }
    turns = [{name: _seconds(arm) for name, arm in arms.items()} for _ in range(rounds + 1)][1:]
    return {name: statistics.median(turn[name] for turn in turns) for name in arms}


def _seconds(arm: Callable[[], object]) -> float:
    began = time.perf_counter()
    kept = arm()
    elapsed = time.perf_counter() - began
    del kept
    return elapsed


def table(what: str, seconds: dict[str, float], rounds: int) -> Table:
    """Seconds of each arm, and the ratio to reading the weights; a tokenizer has none."""
    rows: list[list[str | int | float | None]] = [
        [name, f"{value:.3f}", None if name == TOKENIZER else f"{value / seconds[READ]:.2f}"]
        for name, value in seconds.items()
    ]
    return Table(
        caption=f"{what}. Medians of {rounds} rounds in turns, file in the page cache; the ratio is to `{READ}`.",
        columns=["what is loaded", "wall, s", "ratio"],
        rows=rows,
    )


def main(arguments: list[str]) -> None:
    rounds = int(arguments[0]) if arguments else 7
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        make_up(Path(folder), ARCHITECTURE, VOCABULARY)
        measured["A made-up encoder"] = measure(Path(folder), rounds)
    if arguments[1:]:
        measured[f"The encoder in `{arguments[1]}`"] = measure(Path(arguments[1]), rounds)
    ratios = {what: seconds[LOADED] / seconds[READ] for what, seconds in measured.items()}
    over = [
        f"{what}: `load_encoder` took {ratio:.2f} times the reading of its weights, {WANTED:.1f} wanted."
        for what, ratio in ratios.items()
        if ratio > WANTED
    ]
    record = found("Loading an encoder", [table(what, seconds, rounds) for what, seconds in measured.items()], over)
    print(show(record))
    keep("loading", record)


if __name__ == "__main__":
    main(sys.argv[1:])
