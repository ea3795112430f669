"""Does the verifier find what is there? Worlds with effects known beforehand run from data to verdicts.

    python tests/campaigns/planted_worlds.py [--worlds N] [--seed S] [--out FOLDER] [--fresh]

Every world has its own encoder, effects and claims on them: gains at the claimed value, absent, or two margins off,
losses on a few languages, absent gains, shares of recipes, and gains that drown in noise. A world is right if no claim
is decided wrongly and every claim on a steady effect is decided; a noisy one may stay INCONCLUSIVE, which is counted
separately. A finished world is kept in FOLDER (build/planted_worlds) and not run again. Exit code 0 if all are right,
else 1. A world takes less than a minute of one core.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "support"), str(Path(__file__).resolve().parents[2])]

import toy
import yaml

from harness.audit.levels import verify_all
from harness.audit.scores import write_scores
from harness.audit.verification import Verification
from harness.experiment.cell import run_cell
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import describe_data, describe_encoder
from harness.project.progress import progress
from harness.project.results import grid_cells
from harness.verify.claims.registry import LAB_CLAIMS
from harness.verify.verdicts.planted import planted

KEPT = toy.ROOT / "build" / "planted_worlds"
SEARCHED, TRAINED = "tatoeba", "udpos"
LANGUAGES = ["qad", "qaf", "qag"]
"""Of TRAINED; the group that loses. The toy encoder learns enough of them to lose more than is planted."""
LEARNS = {"max_examples": None, "epochs": 4, "learning_rate": 0.01, "batch_size": 16}
SEEDS = [1, 2, 3, 4, 5]
ROWS = {"train": 400, "test": 120}
"""Test rows are per language: scores move in steps of at most 0.8 points, well below the margin."""
MARGIN = 1.5
STEADY, NOISY = (0.2, 0.5), (4.0, 6.0)
"""Standard deviations in points over seeds and languages, smallest and largest. Noise must not reach down to
scores of 0, which can't fall: what was planted would then not be what is there.
"""


@dataclass(frozen=True)
class Effect:
    """A recipe's planted effect, and what is claimed of it."""

    name: str
    """Of the recipe and of the claim."""
    points: float
    """What is planted."""
    sd_points: float
    """Its spread over seeds and languages."""
    check: dict[str, Any]
    """The claim's check."""
    holds: bool
    """Whether what is claimed is true of what was planted."""
    steady: bool = True
    """Whether the seeds suffice to decide; a noisy effect may stay INCONCLUSIVE."""

    @property
    def on_languages(self) -> bool:
        """Whether it is planted on a few languages of the trained target alone."""
        return self.check["kind"] == "language_gain"


def draw_world(draw: random.Random) -> list[Effect]:
    """Effects and claims of every kind; which of them hold, and by how much, is drawn."""

    def steady() -> float:
        return draw.uniform(*STEADY)

    def gain(name: str, claimed: float, points: float, sd: float | None = None) -> Effect:
        check = _stated("gain", name, [SEARCHED], claimed)
        holds = abs(claimed - points) < MARGIN
        return Effect(name, points, steady() if sd is None else sd, check, holds, sd is None)

    claimed, high = [draw.uniform(5, 12) for _ in range(3)], draw.uniform(10, 13)
    loss, threshold, bar = draw.uniform(4, 10), draw.uniform(0.5, 2), draw.uniform(3, 9)
    lost = draw.choice((loss, loss, loss + 2 * MARGIN, 0.0))
    more = draw.choice((-1.0, 0.0, threshold + 2.0, threshold + 5.0))
    ordinary = [
        gain("as-claimed", claimed[0], claimed[0]),
        gain("absent", claimed[1], 0.0),
        gain("off", claimed[2], claimed[2] + draw.choice((-2, 2)) * MARGIN),
        gain("noisy", high, high, draw.uniform(*NOISY)),
        Effect("benefit", more, steady(), _words("no_gain", ["benefit"], at_most_points=threshold), more < threshold),
        Effect("loss", -lost, steady(), _stated("language_gain", "loss", [TRAINED], -loss), lost == loss),
    ]
    return [*ordinary, _share(ordinary, bar, draw)]


def _share(others: list[Effect], bar: float, draw: random.Random) -> Effect:
    """A claim on how many of the steady gains lie above a bar that keeps a margin from each of them; its own recipe is
    one more, with no effect.
    """
    counted = [one for one in others if one.steady and not one.on_languages]
    while any(abs(one.points - bar) < MARGIN for one in counted) or abs(bar) < MARGIN:
        bar = draw.uniform(2, 14)
    above = sum(one.points > bar for one in counted)
    needed = draw.choice((1, 2, 3))
    names = [*(one.name for one in counted), "share"]
    check = _words("share", names, threshold_points=bar, at_least_share=needed / len(names))
    return Effect("share", 0.0, draw.uniform(*STEADY), check, above >= needed)


def _stated(kind: str, recipe: str, targets: list[str], points: float) -> dict[str, Any]:
    margin = {"practical_points": MARGIN, "reference_sd_points": None, "rounding_points": 0.05, "reason": "drawn"}
    check = {"kind": kind, "recipe": recipe, "targets": targets, "expected_points": points, "margin": margin}
    return check | ({"languages": LANGUAGES} if kind == "language_gain" else {}) | {"reason": "drawn"}


def _words(kind: str, recipes: list[str], **numbers: float) -> dict[str, Any]:
    return {"kind": kind, "recipes": recipes, "targets": [SEARCHED], **numbers, "reason": "drawn"}


def settings(effects: list[Effect], encoder_seed: int) -> dict[str, Any]:
    """The toy project's settings with these effects in the grid."""
    content = toy.toy_settings([SEARCHED, TRAINED, "text"])
    ordinary = [one.name for one in effects if not one.on_languages]
    on_languages = [one.name for one in effects if one.on_languages]
    content["grid"] = [
        {"recipes": ["none", *ordinary], "targets": [SEARCHED], "seeds": SEEDS},
        {"recipes": ["none", *on_languages], "targets": [TRAINED], "seeds": SEEDS},
    ]
    for one in effects:
        where = {"languages": LANGUAGES} if one.on_languages else {}
        effect = {"points": one.points, "sd_points": one.sd_points, **where}
        content["recipes"][one.name] = {"tasks": [], "planted": [effect]}
    content["evaluation"]["max_rows"] = None
    content["target"][TRAINED] |= LEARNS
    content["encoder"]["pretraining"]["seed"] = encoder_seed
    return content


def write_claims(effects: list[Effect], params: Params, paths: Paths) -> None:
    """The registry of the world's own claims."""
    source = {"document": "drawn", "version": "1", "place": "drawn", "split": "test", "statistic": "points"}
    scope = {"encoder": describe_encoder(params), "data": describe_data(params)}
    entries = []
    for one in effects:
        word = ("REPRODUCED" if one.holds else "NOT_REPRODUCED") if one.steady else "INCONCLUSIVE"
        said = f"{one.points:+.2f} points, standard deviation {one.sd_points:.2f}"
        entries.append(
            {
                "id": one.name,
                "text": f"a claim on {one.name}",
                "verified": True,
                "confidence": 1.0,
                "source": source | {"n_claim": 1},
                "scope": scope,
                "check": one.check,
                "truth": {"planted": said, "verdict": word, "reason": "drawn"},
            }
        )
    (paths.reference / LAB_CLAIMS).write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")


def run_world(effects: list[Effect], encoder_seed: int, folder: Path) -> Verification:
    """Data, encoder, recipes, cells, scores and verdicts of one world, by the units of the pipeline."""
    with mock.patch.dict(toy.ROWS, ROWS):
        params, paths = toy.make_project(folder, settings(effects, encoder_seed))
    toy.build(params, paths)
    for recipe in params.grid.recipes:
        write_recipe(recipe, params, paths)
    for recipe, seed in params.grid.trainings:
        run_intermediate(recipe, seed, params, paths)
    for target in params.grid.targets:
        write_target(target, params, paths)
    for cell in grid_cells(params):
        run_cell(cell, params, paths)
    write_claims(effects, params, paths)
    write_scores(params, paths)
    return verify_all(params, paths)


def compare(effects: list[Effect], found: Verification) -> dict[str, str]:
    """Claim -> "right", "undecided" (noisy, INCONCLUSIVE), or what is wrong with its verdict, in words."""
    verdicts = {verdict.id: verdict for verdict in planted(found.claims)}
    said = {}
    for one in effects:
        verdict = verdicts[one.name]
        word, right = verdict.verdict, "REPRODUCED" if one.holds else "NOT_REPRODUCED"
        shown = f"{word} ({verdict.note}), right: {right}; planted {one.points:+.2f}, measured {verdict.measured}"
        quiet = word == "INCONCLUSIVE" and not one.steady
        said[one.name] = "right" if word == right else "undecided" if quiet else shown
    return said


def campaign(worlds: int, seed: int, out: Path, tell: Callable[[str], None]) -> list[dict[str, str]]:
    """What was found of every claim of every world; those that lie in `out` are read from there."""
    out.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, str]] = []
    with progress("planted worlds", worlds) as advance:
        for world in range(worlds):
            kept = out / f"seed-{seed}-world-{world}.json"
            if not kept.is_file():
                draw = random.Random(f"{seed}-{world}")
                effects = draw_world(draw)
                with tempfile.TemporaryDirectory(prefix="planted-world-") as name:
                    found = run_world(effects, draw.randrange(10**6), Path(name) / "project")
                said = compare(effects, found) | ({} if found.v0.ok else {"V0": "; ".join(found.v0.problems)})
                kept.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
            results.append(json.loads(kept.read_text(encoding="utf-8")))
            for name, what in results[-1].items():
                if what not in ("right", "undecided"):
                    tell(f"world {world}, {name}: {what}")
            advance()
    return results


def is_right(said: dict[str, str]) -> bool:
    """No claim of the world was decided wrongly, and every steady one was decided."""
    return set(said.values()) <= {"right", "undecided"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20, help="how many worlds")
    parser.add_argument("--seed", type=int, default=1, help="seed of every draw")
    parser.add_argument("--out", type=Path, default=KEPT, help="where finished worlds are kept")
    parser.add_argument("--fresh", action="store_true", help="run the worlds again that are kept there")
    given = parser.parse_args()
    for kept in given.out.glob(f"seed-{given.seed}-world-*.json") if given.fresh else ():
        kept.unlink()
    results = campaign(given.worlds, given.seed, given.out, lambda line: print(line, flush=True))
    right, counts = sum(map(is_right, results)), Counter(what for said in results for what in said.values())
    print(f"the right words in {right} of {len(results)} worlds: {counts['right']} claims decided rightly")
    print(f"{counts['undecided']} claims on noisy effects stayed INCONCLUSIVE, which is honest")
    return int(right < len(results))


if __name__ == "__main__":
    raise SystemExit(main())
