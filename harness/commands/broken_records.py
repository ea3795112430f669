"""Which of the project's own records is broken? Asked where a command met what it can't understand.

Readers trust what stages wrote. A record that a hand, a disk or another program has spoilt makes one of them fail with
an error of Python; then every record is looked at, and the first that hasn't its form is named. Where none is, the
error is a defect of the harness.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.project.errors import HarnessError, explain_validation
from harness.project.paths import Paths
from harness.project.records import read_json
from harness.project.results import Result

Points = dict[str, float]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Form(BaseModel):
    """What a reader takes for granted in a record; more may stand there."""

    model_config = ConfigDict(strict=True)


class _Encoder(_Form):
    parameters: int
    sha256: dict[str, str]
    made_from: dict[str, Any]
    seen: str | None = None


class _Pretrained(_Encoder):
    provenance: dict[str, Any]
    elapsed_s: Number
    sentences: dict[str, int] = Field(default_factory=dict)
    curve: list[dict[str, Any]] = Field(default_factory=list)


class _Checkpoint(_Form):
    recipe: str
    weights_sha256: str | None
    encoder_sha256: str | None = None
    unavailable: list[str] = Field(default_factory=list)
    left_out: dict[str, str] = Field(default_factory=dict)
    planted: list[dict[str, Any]] = Field(default_factory=list)
    overlaps: dict[str, list[str]] = Field(default_factory=dict)


class _Intermediate(_Form):
    recipe: str
    seed: int
    status: str
    reasons: list[str]
    dev_scores: dict[str, Points]
    dev_headline: Points
    curve: list[dict[str, Any]]
    counts: dict[str, int]
    inputs: dict[str, Any]
    provenance: dict[str, Any]
    elapsed_s: Number


class _Resolved(_Form):
    evaluation: dict[str, Any]
    compute: dict[str, Any]
    code: dict[str, str]


class _Rows(_Form):
    languages: dict[str, dict[str, Any]]


class _Manifest(_Form):
    files: dict[str, dict[str, Any]]


class _Verdicts(_Form):
    claims: list[dict[str, Any]]


class _Scores(_Form):
    cells: list[dict[str, Any]]


def broken_record(paths: Paths) -> HarnessError | None:
    """The first record of the project that hasn't its form, in words and with what fixes it; None where all have."""
    for path, form in _records(paths):
        found = _fault(path, form)
        if found:
            inside = path.relative_to(paths.root)
            again = f"restore it (`git checkout -- {inside}`)"
            made = f"delete {path.parent if path.name == 'result.json' else path} and run `dvc repro` to make it anew"
            return HarnessError(found, fix=again if paths.reference in path.parents else made)
    return None


def _records(paths: Paths) -> Iterator[tuple[Path, type[BaseModel]]]:
    for folder in (paths.results, paths.pinned):
        yield folder / "scores.json", _Scores
        yield folder / "encoder.json", _Pretrained
    yield paths.verdicts, _Verdicts
    yield paths.results / "corpus.json", _Rows
    yield paths.encoder / "encoder.json", _Encoder
    for pattern, form in (
        ("checkpoints/*/checkpoint.json", _Checkpoint),
        ("recipes/*.json", _Resolved),
        ("targets/*.json", _Resolved),
        ("data/*/manifest.json", _Manifest),
    ):
        yield from ((path, form) for path in sorted(paths.build.glob(pattern)))
    yield from ((path, _Intermediate) for path in sorted((paths.results / "intermediate").glob("*.json")))
    yield from ((path, Result) for path in sorted(paths.cells.glob("*/result.json")))


def _fault(path: Path, form: type[BaseModel]) -> str:
    """What is wrong with a record that is there; empty: nothing."""
    try:
        form.model_validate(read_json(path))
        return ""
    except FileNotFoundError:
        return ""
    except ValidationError as error:
        return explain_validation(error, form, str(path))
    except (OSError, ValueError) as error:
        return f"expected a record in {path}, found: {error!s:.200}"
