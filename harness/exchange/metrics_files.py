"""Small files that git keeps and DVC compares between runs: `dvc metrics show` and `dvc plots show` read them.

metrics/<profile>.json holds what one looks at first; the tables in metrics/<profile>/ are drawn by the templates in
.dvc/plots. They restate scores and verdicts, rounded, so that the same results give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.audit.verification import Verification
from harness.exchange.summary import RecipeNumbers, recipe_numbers
from harness.project.files import write_json, write_text
from harness.project.paths import Paths
from harness.verify.scores import ScoresTable
from harness.verify.verdicts.planted import compare_with_truth, planted, published
from harness.verify.verdicts.verdict import DECIDED, ClaimVerdict

DECIMALS = 4
"""Of the points in these files."""
CLAIMS = ("claim", "verdict", "low", "measured", "high", "claimed_from", "claimed_to")
GAINS = ("recipe", "target", "gain_points")
LANGUAGES = ("recipe", "language", "gain_points")
TRAINING = ("training", "recipe", "seed", "step", "loss")


def metrics_folder(paths: Paths) -> Path:
    """Where the tables of a profile lie; its summary lies beside this folder, as PROFILE.json."""
    return paths.root / "metrics" / paths.profile


def write_metrics(table: ScoresTable, found: Verification, trainings: Sequence[Path], folder: Path) -> list[Path]:
    """Write all of them; returns where they lie. `trainings`: records with a training curve."""
    numbers = recipe_numbers(table)
    tables = {
        "claims.csv": (CLAIMS, [_claim(claim) for claim in found.claims if _is_drawn(claim)]),
        "gains.csv": (GAINS, _rows(numbers, "gain")),
        "languages.csv": (LANGUAGES, _rows(numbers, "by_language")),
        "training.csv": (TRAINING, [row for path in trainings for row in _curve(path)]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    summary = folder.with_name(f"{folder.name}.json")
    write_json(summary, _summary(numbers, found))
    for name, (header, rows) in tables.items():
        write_text(folder / name, _csv(header, rows))
    return [summary, *(folder / name for name in tables)]


def _summary(numbers: Sequence[RecipeNumbers], found: Verification) -> dict[str, Any]:
    """Few and short names, so that DVC's tables stay narrow.

    Measured claims that are decided, and reproduced; planted effects that came out as planted; collapsed cells; recipe
    -> mean gain over all targets, in points.
    """
    words = [claim.verdict for claim in published(found.claims)]
    own = [compare_with_truth(claim) for claim in planted(found.claims)]
    return {
        "decided": sum(word in DECIDED for word in words),
        "reproduced": words.count("REPRODUCED"),
        **({"planted": own.count("as planted")} if own else {}),
        "collapsed": sum(each.status.get("collapsed", 0) for each in numbers),
        "gain": {each.recipe: _round(each.gain_all) for each in numbers if each.gain_all is not None},
    }


def _is_drawn(claim: ClaimVerdict) -> bool:
    """Is there a value in points? Shares of recipes have another axis."""
    return claim.measured is not None and not claim.is_share


def _claim(claim: ClaimVerdict) -> list[Any]:
    low, high = claim.interval or (None, None)
    band = claim.evidence.band or (None, None)
    return [claim.id, claim.verdict, *map(_round, (low, claim.measured, high, *band))]


def _rows(numbers: Iterable[RecipeNumbers], of: str) -> list[list[Any]]:
    return [[each.recipe, name, _round(points)] for each in numbers for name, points in getattr(each, of).items()]


def _curve(path: Path) -> list[list[Any]]:
    content: Mapping[str, Any] = json.loads(path.read_bytes())
    record = content.get("record", content)
    recipe, seed = record.get("recipe", "encoder"), record.get("seed", "")
    name = path.stem
    return [[name, recipe, seed, point["step"], _round(point["loss"])] for point in record.get("curve") or []]


def _round(value: float | None) -> float | str:
    """Rounded, never -0.0; nothing where there is no value."""
    return "" if value is None else round(value, DECIMALS) + 0.0


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()
