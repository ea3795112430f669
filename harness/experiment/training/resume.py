"""Where a long pretraining stands, kept from time to time: a killed process goes on from there, to the same bytes.

The folder is no output of a stage: it is gone as soon as the training is done, and a training of anything else (other
settings, text, code or libraries) clears it first.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

EVERY = 500
"""Optimiser steps between two keepings."""
IDENTITY = "identity.json"
STATE = "state.pt"


class Standing:
    """One folder that holds where a training stands, and what it is a training of."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._claim(json.dumps({**identity, "torch": torch.__version__}, indent=1, sort_keys=True) + "\n")

    def _claim(self, identity: str) -> None:
        mark = self.folder / IDENTITY
        if mark.is_file() and mark.read_text(encoding="utf-8") == identity:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        _replace(mark, lambda part: part.write_text(identity, encoding="utf-8"))

    def text(self, name: str, make: Callable[[], str]) -> str:
        """The text that `make` gives, made once."""
        path = self.folder / name
        if not path.is_file():
            text = make()
            _replace(path, lambda part: part.write_text(text, encoding="utf-8"))
        return path.read_text(encoding="utf-8")

    def keep(self, state: dict[str, Any]) -> None:
        """Keep a state of tensors, numbers, texts, lists and dictionaries of them, and where torch's draws stand.

        What was kept before is replaced in one step. A full disk ends no training: what was kept before then stays.
        """
        drawn: dict[str, Any] = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            drawn["cuda"] = torch.cuda.get_rng_state_all()
        try:
            _replace(self.folder / STATE, lambda part: torch.save({"draws": drawn, **state}, part))
        except (OSError, RuntimeError):  # torch wraps what the system says
            (self.folder / STATE).with_suffix(".part").unlink(missing_ok=True)

    def kept(self, device: torch.device) -> dict[str, Any] | None:
        """The state that was kept last, torch's draws put back; None where none was, or where it can't be read."""
        try:
            state: dict[str, Any] = torch.load(self.folder / STATE, map_location="cpu", weights_only=True)
            drawn = state.pop("draws")
        except Exception:  # half a file, or another program's: the training then begins anew
            return None
        torch.set_rng_state(drawn["cpu"])
        if device.type == "cuda":
            torch.cuda.set_rng_state_all(drawn["cuda"])
        return state

    def done(self) -> None:
        """The training is finished and saved: nothing has to be kept."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_suffix(".part")
    write(part)
    os.replace(part, path)
