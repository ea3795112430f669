"""Level V0: do all cells share their inputs, are these the ones here, and did cells run where params.yaml says?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from harness.audit.scores import mixed_inputs
from harness.project.errors import name_some
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Result


def check_inputs(
    results: Mapping[str, Result], data_pins: Mapping[str, str], encoder_pins: Mapping[str, str]
) -> list[str]:
    """Problems, in sentences: inputs that cells should share and don't, and data or an encoder other than those here.

    `data_pins`: target -> sha256 of the manifest here; `encoder_pins`: name of an input -> sha256 of the file here.
    """
    mixed = mixed_inputs({name: (result.cell, result.inputs) for name, result in results.items()})
    problems = [f"mixed inputs: {problem}; run `dvc repro`" for problem in mixed]
    stale: dict[str, list[str]] = {}
    for name, result in results.items():
        target = result.cell.target
        here = {"data": (data_pins.get(target), f"data of {target}")}
        here |= {file: (sha256, file) for file, sha256 in encoder_pins.items()}
        for key, (sha256, words) in here.items():
            if sha256 and result.inputs.get(key, sha256) != sha256:
                stale.setdefault(words, []).append(name)
    return problems + [
        f"expected cells made from the {words} that lies here, found another in {name_some(names)}; run `dvc repro`"
        for words, names in stale.items()
    ]


def image_of(provenance: Mapping[str, Any]) -> str | None:
    """The image that a result or checkpoint was made in; None: a machine's own environment."""
    digest = provenance.get("image_digest")
    return None if digest is None else str(digest)


def check_images(results: Mapping[str, Result], params: Params, paths: Paths) -> list[str]:
    """Problems, in sentences: cells and intermediate trainings that ran elsewhere than params.yaml says, which is the
    pinned image or no image. What is unavailable ran nowhere.
    """
    images = {
        f"cell {name}": image_of(result.provenance)
        for name, result in results.items()
        if result.status != "unavailable"
    }
    for recipe, seed in params.grid.trainings:
        with suppress(OSError, ValueError, AttributeError):  # a record that is not there is another check's problem
            record = json.loads(paths.intermediate(recipe, seed).read_text(encoding="utf-8"))
            if record.get("status") == "unavailable":
                continue
            images[f"intermediate {recipe}-{seed}"] = image_of(record.get("provenance") or {})
    other: dict[str | None, list[str]] = {}
    for name, image in images.items():
        if image != params.unit_image:
            other.setdefault(image, []).append(name)
    return [
        f"expected everything made in {params.unit_image or 'no image'} (params.yaml: runtime, image),"
        f" found {image or 'no image'} in {name_some(names)}; run `dvc repro`"
        for image, names in other.items()
    ]
