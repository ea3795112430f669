"""What the best recipe is chosen by: development scores that count, and else halves of the test items.

A development score counts where it was computed again from kept predictions and its file is not the test file, as the
manifests of the data show (in one pack BUCC's is). Files that share only some of their rows are not noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.audit.halves import Halves, read_halves
from harness.audit.integrity.findings import Checked
from harness.audit.integrity.made import DataManifest
from harness.project.params import BASELINE
from harness.verify.claims.claim import Claim
from harness.verify.measure.development import DevelopmentScores, read_development
from harness.verify.scores import Scores, ScoresTable

SPLITS = {"dev": "test", "dev_gold": "test_gold"}
"""Split of development rows -> that of test rows, as files of a data folder are named."""


def read_choosing(
    claims: Iterable[Claim], table: ScoresTable, checked: Checked, scores: Scores
) -> tuple[DevelopmentScores, Halves]:
    """The development scores of the results, and the halves of targets that have none and that claims choose for."""
    shared = [target for target, one in checked.made.manifests.items() if shares_rows(one)]
    having = [target for target, one in checked.made.manifests.items() if has_rows(one)]
    development = read_development(table, checked.results, scores, shared, checked.dev_rescored, having)
    checks = [check for claim in claims if (check := claim.measured) and check.chooses]
    recipes = {BASELINE, *(recipe for check in checks for recipe in check.named_recipes)} if checks else set()
    targets = {target for check in checks for target in check.targets if target in development.lacking}
    return development, read_halves(table, checked.items, recipes, targets)


def has_rows(manifest: DataManifest) -> bool:
    """Are there development rows in every language that has test rows?"""
    stems = [name.partition(".") for name in manifest.files]
    tested = {(split, rest) for split, _, rest in stems if split in SPLITS.values()}
    return bool(tested) and tested <= {(SPLITS[split], rest) for split, _, rest in stems if split in SPLITS}


def shares_rows(manifest: DataManifest) -> bool:
    """Is a file of development rows one of test rows, byte for byte?"""
    return any(_test_file(name, manifest.files) == sha256 for name, sha256 in manifest.files.items())


def _test_file(name: str, files: Mapping[str, str]) -> str | None:
    """The sha256 of the test rows in the language of a file of development rows."""
    split, _, rest = name.partition(".")
    return files.get(f"{SPLITS[split]}.{rest}") if split in SPLITS else None
