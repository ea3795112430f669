"""The layout `e5s1`: one file that holds a multilingual encoder in 4 bits a weight, with its vocabulary.

Little-endian. A head (magic, version, sizes), the vocabulary (pieces with their unigram scores), a map of characters
that is not used here, then a directory of tensors. The large matrices are rows of blocks of 32 weights: a scale d in
half precision, then 16 bytes; byte j holds weight j in its low and weight j + 16 in its high half, and w = (q - 8) d.

What comes out is an encoder of XLM-R's family in 32-bit floats. Two things differ from the file and change no state:
XLM-R counts positions from 2, so two rows that nothing reads stand before them; of the token types only the first, the
only one that XLM-R has, is kept. Rows of the word embeddings that have no piece are left out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.model.families import XLM_ROBERTA
from harness.project.errors import HarnessError

MAGIC = b"E5S1"
VERSIONS = (1,)
BLOCK = 32
"""Weights that share a scale."""
BLOCK_BYTES = 18
DROPOUT = 0.1
"""The file doesn't say; that of XLM-R and of BERT."""
FIRST_PIECES = ("<s>", "<pad>", "</s>", "<unk>")


@dataclass(frozen=True)
class Converted:
    """What the file holds, as an encoder of XLM-R's family."""

    config: dict[str, Any]
    """Arguments of the family's configuration."""
    weights: dict[str, Tensor]
    """Name -> tensor, as the family names them."""
    pieces: list[tuple[str, float]]
    """Pieces of the vocabulary with their scores, in the order of their ids."""


class _Broken(Exception):
    """The file is not of this layout; says what was expected and what was found."""


class _Reader:
    """Numbers, one after the other, that never reads past the end."""

    def __init__(self, content: memoryview) -> None:
        self.content, self.at = content, 0

    def take(self, size: int, what: str) -> memoryview:
        if size < 0 or self.at + size > len(self.content):
            raise _Broken(
                f"expected {what} ({size} bytes at byte {self.at}), found the end of {len(self.content)} bytes"
            )
        found = self.content[self.at : self.at + size]
        self.at += size
        return found

    def numbers(self, form: str, what: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}"), what))

    def array(self, kind: str, count: int, what: str) -> NDArray[Any]:
        return np.frombuffer(self.take(np.dtype(kind).itemsize * count, what), dtype=kind)


def convert(path: Path) -> Converted:
    """Read a file of this layout.

    Raises HarnessError naming what the file lacks or has otherwise; another layout, or a file that was cut, say.
    """
    try:
        return _convert(_Reader(memoryview(path.read_bytes())))
    except _Broken as error:
        raise HarnessError(
            f"{path} is not of the layout e5s1: {error}",
            fix="correct encoder.layout and encoder.member in params.yaml; a file that was cut is fetched anew by"
            " `harness data fetch --encoder`",
        ) from None


def _convert(reader: _Reader) -> Converted:
    magic = bytes(reader.take(4, "the magic"))
    if magic != MAGIC:
        raise _Broken(f"expected the magic {MAGIC!r}, found {magic!r}")
    (version,) = reader.numbers("I", "the version")
    if version not in VERSIONS:
        raise _Broken(f"expected version {' or '.join(map(str, VERSIONS))}, found {version}")
    hidden, layers, heads, inner, rows, positions, types = sizes = reader.numbers("7i", "sizes")
    (eps,) = reader.numbers("f", "epsilon")
    (block,) = reader.numbers("i", "the block")
    if min(sizes) < 1 or hidden % heads or hidden % BLOCK or inner % BLOCK or block != BLOCK or not 0 < eps < 1:
        raise _Broken(f"expected the sizes of an encoder in blocks of {BLOCK}, found {sizes}, {eps}, {block}")
    pieces = _pieces(reader)
    if len(pieces) > rows:
        raise _Broken(f"expected a row of the embeddings for each of {len(pieces)} pieces, found {rows}")
    entries, size = reader.numbers("iI", "the map of characters")
    reader.take(size, f"the map of {entries} characters")
    tensors = _directory(reader)
    names = _names(layers, hidden, inner, rows, positions, types)
    weights = {}
    for name, (theirs, shape, packed) in names.items():
        weights[name] = _tensor(reader.content, tensors, theirs, shape, packed)
    words, places, kinds = (f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type"))
    weights[words] = weights[words][: len(pieces)].clone()
    weights[places] = torch.cat([torch.zeros(XLM_ROBERTA.position_offset, hidden), weights[places]])
    weights[kinds] = weights[kinds][:1].clone()
    config = {
        "vocab_size": len(pieces),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": positions + XLM_ROBERTA.position_offset,
        "hidden_dropout_prob": DROPOUT,
        "attention_probs_dropout_prob": DROPOUT,
        "type_vocab_size": XLM_ROBERTA.token_types,
        "layer_norm_eps": float(f"{eps:.6g}"),  # as it was written, not its nearest half as long float
    }
    return Converted(config, weights, pieces)


def _pieces(reader: _Reader) -> list[tuple[str, float]]:
    """Pieces with their scores, checked to be in XLM-R's order."""
    count, *special = reader.numbers("5i", "the vocabulary")
    (size,) = reader.numbers("Q", "the size of its text")
    if count < len(FIRST_PIECES) + 1:
        raise _Broken(f"expected a vocabulary, found {count} pieces")
    offsets = reader.array("<u4", count + 1, "places of pieces").astype(np.int64)
    scores = reader.array("<f4", count, "scores of pieces")
    text = bytes(reader.take(size, "the text of pieces"))
    if offsets[0] != 0 or offsets[-1] != size or (np.diff(offsets) < 0).any() or not np.isfinite(scores).all():
        raise _Broken(
            "expected places of pieces that rise from 0 to their text's end, with finite scores, found others"
        )
    try:
        found = [text[start:end].decode("utf-8") for start, end in pairwise(offsets)]
    except UnicodeDecodeError as error:
        raise _Broken(f"expected pieces in UTF-8, found: {error}") from None
    first, last = tuple(found[: len(FIRST_PIECES)]), found[-1]
    numbers = [FIRST_PIECES.index(name) for name in ("<s>", "</s>", "<pad>", "<unk>")]
    if first != FIRST_PIECES or last != XLM_ROBERTA.tokens.mask or special != numbers:
        raise _Broken(f"expected pieces from {FIRST_PIECES} to {XLM_ROBERTA.tokens.mask}, found {first} to {last!r}")
    return list(zip(found, scores.tolist(), strict=True))


def _directory(reader: _Reader) -> dict[str, tuple[int, int, int]]:
    """Name of each tensor -> how many weights, first byte, bytes."""
    (count,) = reader.numbers("i", "the directory")
    found = {}
    for _ in range(count):
        (length,) = reader.numbers("H", "the length of a name")
        name = bytes(reader.take(length, "a name")).decode("utf-8", "replace")
        _, weights, begin, size = reader.numbers("BIQQ", f"the entry of {name}")
        found[name] = (weights, begin, size)
    return found


def _names(
    layers: int, hidden: int, inner: int, rows: int, positions: int, types: int
) -> dict[str, tuple[str, tuple[int, ...], bool]]:
    """Our name of every tensor -> theirs, its shape, and whether it is packed in 4 bits."""
    found: dict[str, tuple[str, tuple[int, ...], bool]] = {
        "embeddings.word_embeddings.weight": ("emb.word", (rows, hidden), True),
        "embeddings.position_embeddings.weight": ("emb.pos", (positions, hidden), False),
        "embeddings.token_type_embeddings.weight": ("emb.type", (types, hidden), False),
        "embeddings.LayerNorm.weight": ("emb.ln.w", (hidden,), False),
        "embeddings.LayerNorm.bias": ("emb.ln.b", (hidden,), False),
    }
    for layer in range(layers):
        ours, theirs = f"encoder.layer.{layer}", f"l{layer}"
        for part, short, shape in (
            ("attention.self.query", "q", (hidden, hidden)),
            ("attention.self.key", "k", (hidden, hidden)),
            ("attention.self.value", "v", (hidden, hidden)),
            ("attention.output.dense", "ao", (hidden, hidden)),
            ("intermediate.dense", "fi", (inner, hidden)),
            ("output.dense", "fo", (hidden, inner)),
        ):
            found[f"{ours}.{part}.weight"] = (f"{theirs}.{short}.w", shape, True)
            found[f"{ours}.{part}.bias"] = (f"{theirs}.{short}.b", shape[:1], False)
        for part, short in (("attention.output.LayerNorm", "aln"), ("output.LayerNorm", "oln")):
            found[f"{ours}.{part}.weight"] = (f"{theirs}.{short}.w", (hidden,), False)
            found[f"{ours}.{part}.bias"] = (f"{theirs}.{short}.b", (hidden,), False)
    return found


def _tensor(
    content: memoryview, tensors: dict[str, tuple[int, int, int]], name: str, shape: tuple[int, ...], packed: bool
) -> Tensor:
    """One tensor in 32-bit floats."""
    if name not in tensors:
        raise _Broken(f"expected the tensor {name}, found none")
    count, begin, size = tensors[name]
    wanted = int(np.prod(shape))
    stored = wanted // BLOCK * BLOCK_BYTES if packed else wanted * 4
    if (count, size) != (wanted, stored):
        raise _Broken(f"expected {wanted} weights in {stored} bytes of {name}, found {count} in {size}")
    if begin + size > len(content):
        raise _Broken(f"expected {name} up to byte {begin + size}, found the end of {len(content)} bytes")
    raw = content[begin : begin + size]
    values = _unpacked(raw) if packed else np.frombuffer(raw, dtype="<f4").astype(np.float32)
    if not np.isfinite(values).all():
        raise _Broken(f"expected finite weights in {name}, found others")
    return torch.from_numpy(values.reshape(shape).copy())


def _unpacked(raw: memoryview) -> NDArray[np.float32]:
    """Blocks of 4-bit weights -> 32-bit floats."""
    blocks = np.frombuffer(raw, dtype=np.dtype([("scale", "<f2"), ("pairs", "u1", BLOCK // 2)]))
    low, high = blocks["pairs"] & 0x0F, blocks["pairs"] >> 4
    steps = np.concatenate([low, high], axis=1).astype(np.float32) - np.float32(8)
    with np.errstate(invalid="ignore"):  # what is no number is refused by its tensor's name
        found: NDArray[np.float32] = (steps * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return found
