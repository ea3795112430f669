"""Which forgeries does the verifier miss, and does it accuse anybody who is honest? Random ones of each kind are made.

    python tests/campaigns/forgeries.py [--each N] [--honest N] [--seed S]

Prints, kind by kind, how many were made and how many were missed, then the honest variants and how many were accused.
Exit code 0 if nothing of MUST_BE_SEEN was missed and nobody was accused, else 1.
A re-run, which catches the rest (docs/threats.md), is not part of it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "support"), str(Path(__file__).resolve().parents[2])]

import yaml
from crates import changed, read_all, small
from forge import PUBLISHED, RECIPES, SEEDS, TARGETS, Lab, build_gold, make_lab
from toy import ROOT

from harness.audit.verification import Verification
from harness.exchange.read import CrateRefused, unpack, verify_crate
from harness.exchange.write import export
from harness.metrics.xtreme import XTREME_GROUPS, task_score
from harness.project.errors import HarnessError
from harness.project.profiles import read_params

TRAINED = ("pawsx", "udpos")
MUST_BE_SEEN = (
    "verbatim copies",
    "relabelled recipes",
    "scope by words",
    "withheld predictions",
    "loosened claims",
    "dev scores",
)


def accused(lab: Lab) -> list[str]:
    """Why a cell is called a copy, or the whole is INVALID; empty where neither is."""
    v0 = lab.check().integrity
    return [*v0.problems, *v0.suspicious]


def decided(found: Verification) -> bool:
    """Is a claim decided by what was measured?"""
    return any(one.evidence.cells and one.verdict in ("REPRODUCED", "NOT_REPRODUCED") for one in found.claims)


def _sha(draw: random.Random) -> str:
    return f"{draw.getrandbits(256):064x}"


def _more_seeds(lab: Lab, draw: random.Random, change: Callable[[str], None], own_checkpoint: bool) -> None:
    """New seeds that are copies of one seed, in all recipes and targets, so that the grid stays whole."""
    source = draw.choice(SEEDS)
    for seed in range(4, 4 + draw.choice((1, 2, 5))):
        for recipe in RECIPES:
            checkpoint = _sha(draw) if own_checkpoint and recipe != "none" else None
            for target in TARGETS:
                change(lab.copy_cell(f"{recipe}-{target}-{source}", recipe, seed, checkpoint))


def verbatim(lab: Lab, draw: random.Random) -> bool:
    if draw.random() < 0.5:
        _more_seeds(lab, draw, lambda name: None, own_checkpoint=draw.random() < 0.5)
    else:
        one, two = draw.sample(SEEDS, 2)
        target = draw.choice(TRAINED)
        recipe = draw.choice(RECIPES)
        own = lab.results[f"{recipe}-{target}-{two}"]["inputs"]["checkpoint"]
        lab.copy_cell(f"{recipe}-{target}-{one}", recipe, two, own)
    return bool(lab.check().integrity.problems)


def _alter(lab: Lab, name: str, share: float, draw: random.Random) -> None:
    """Change a share of the answers to others of the same language, and the curve a little; with the scores of it."""
    for answers in lab.answers(name).values():
        for row in draw.sample(range(len(answers)), max(1, round(share * len(answers)))):
            length = len(answers[row]) if isinstance(answers[row], list) else None
            others = [one for one in answers if length is None or len(one) == length]
            answers[row] = draw.choice(others)
    for point in lab.results[name]["curve"]:
        point["loss"] = round(point["loss"] + draw.gauss(0, 1e-4), 6)
    lab.score(name)


def near(lab: Lab, draw: random.Random) -> bool:
    share = draw.uniform(0.002, 0.05)
    recipe, target = draw.choice(RECIPES), draw.choice(TRAINED)
    one, two = draw.sample(SEEDS, 2)
    own = lab.results[f"{recipe}-{target}-{two}"]["inputs"]["checkpoint"]
    _alter(lab, lab.copy_cell(f"{recipe}-{target}-{one}", recipe, two, own), share, draw)
    return bool(accused(lab))


def relabelled(lab: Lab, draw: random.Random) -> bool:
    how = draw.choice(("settings", "settings of none", "copied", "trained baseline", "untrained recipe"))
    recipe = draw.choice(RECIPES[1:])
    if how == "settings":
        lab.params["recipes"][recipe]["tasks"] = [draw.choice(["qqp", "ccg", "hellaswag"])]
    elif how == "settings of none":
        lab.params["recipes"]["none"]["tasks"] = [draw.choice(["qqp", "mnli"])]
    else:
        source, to = {"copied": ("mnli", "squad_v2"), "trained baseline": (recipe, "none")}.get(how, ("none", recipe))
        for name in lab.names(recipe=source):
            cell = lab.results[name]["cell"]
            lab.copy_cell(name, to, cell["seed"])
    return bool(lab.check().integrity.problems)


def scope(lab: Lab, draw: random.Random) -> bool:
    how = draw.choice(("words", "settings", "one word"))
    lab.words = dict(PUBLISHED) if how != "one word" else lab.words | dict([draw.choice(list(PUBLISHED.items()))])
    if how == "settings":
        paper = yaml.safe_load((ROOT / "profiles" / "paper.yaml").read_text(encoding="utf-8"))
        lab.params["encoder"], lab.params["data"]["source"] = paper["encoder"], "published"
    found = lab.judge()
    return not decided(found)


def withheld(lab: Lab, draw: random.Random) -> bool:
    """Scores that fit the claims, and no predictions."""
    lab.withheld = True
    lab.claim_here()
    gain = draw.uniform(-9, 9)
    for result in lab.results.values():
        if result["cell"]["recipe"] != "none":
            for numbers in result["scores"].values():
                for metric in numbers:
                    numbers[metric] = min(99.0, max(1.0, numbers[metric] + gain + draw.gauss(0, 0.3)))
        result["score"] = round(task_score(XTREME_GROUPS[result["cell"]["target"]], result["scores"]), 10)
    return not decided(lab.judge())


def loosened(lab: Lab, draw: random.Random) -> bool:
    gains = [entry for entry in lab.claims if "margin" in entry.get("check", {})]
    entry = draw.choice(gains)
    how = draw.choice(("margin", "expected", "scope", "left out", "infinite"))
    if how == "margin":
        entry["check"]["margin"]["practical_points"] = draw.uniform(5, 90)
    elif how == "infinite":
        entry["check"]["margin"]["practical_points"] = draw.choice((float("inf"), float("nan")))
    elif how == "expected":
        key = next(key for key in entry["check"] if key.endswith("_points") and key != "margin")
        entry["check"][key] += draw.choice((-1, 1)) * draw.uniform(0.5, 8)
    elif how == "scope":
        entry["scope"] = dict(lab.words)
    else:
        lab.claims.remove(entry)
    try:
        return bool(lab.judge().rules)
    except HarnessError:
        return True


def one_row(lab: Lab, draw: random.Random) -> bool:
    for name in lab.names(target="tatoeba"):
        del lab.results[name], lab.predictions[name]
    lab.cut(draw.choice((1, 5, 20)))
    found = lab.judge()
    return bool(found.v0.cut and found.rules) or not found.v0.ok


def dev_scores(lab: Lab, draw: random.Random) -> bool:
    """Dev scores, by which claims choose the best recipe, other than the dev predictions give."""
    name = draw.choice(lab.names(target=draw.choice(TRAINED)))
    lab.keep_dev(name)
    result = lab.results[name]
    sign = draw.choice((-1, 1))
    result["dev_scores"] = {key: value + sign * draw.uniform(0.01, 5) for key, value in result["dev_scores"].items()}
    return bool(accused(lab))


def stated(lab: Lab, draw: random.Random) -> bool:
    """Times and counts, which nothing in an archive can be held against: missed, as docs/threats.md says."""
    result = lab.results[draw.choice(lab.names(target=draw.choice(TRAINED)))]
    result["elapsed_s"] = result["elapsed_s"] * draw.uniform(0.1, 0.9)
    result["counts"] = {name: count + draw.randint(1, 9) for name, count in result["counts"].items()}
    return bool(accused(lab))


KINDS = {
    "verbatim copies": verbatim,
    "near copies": near,
    "relabelled recipes": relabelled,
    "scope by words": scope,
    "withheld predictions": withheld,
    "loosened claims": loosened,
    "one row": one_row,
    "dev scores": dev_scores,
    "stated only (times, counts)": stated,
}


def zip_bytes(folder: Path, draw: random.Random) -> bool:
    """Bytes before, between or behind the files of an archive."""
    path = small(folder / "small.zip", a=b"first", b=b"second")
    packed, more = path.read_bytes(), draw.randbytes(draw.randint(1, 300))
    with zipfile.ZipFile(path) as archive:
        places = [info.header_offset for info in archive.infolist()] + [archive.start_dir, len(packed)]
    place = draw.choice(places)
    path.write_bytes(packed[:place] + more + packed[place:])
    try:
        unpack(path, folder / "out")
    except CrateRefused:
        return True
    return False


def derived(archive: Path, folder: Path, draw: random.Random) -> bool:
    """Another word or number in what an archive says of itself."""
    files, _ = read_all(archive)
    name = draw.choice(("report.txt", "verdicts.json", "provenance.json"))
    text = files[name].decode()
    edits = {
        "report.txt": [
            ("NOT_TESTED  squad-gain", "REPRODUCED  squad-gain"),
            ("NOT_TESTED  mnli-gain", "REPRODUCED  mnli-gain"),
        ],
        "verdicts.json": [('"verdict": "NOT_TESTED"', '"verdict": "REPRODUCED"'), ('"n_seeds": 3', '"n_seeds": 30')],
        "provenance.json": [('"results_dirty": false', '"results_dirty": true'), ('"threads": 1', '"threads": 64')],
    }
    old, new = draw.choice(edits[name])
    assert old in text, (name, old)
    forged = changed(archive, folder / "forged.zip", {name: text.replace(old, new, 1).encode()}, forge=True)
    found = verify_crate(forged, None)
    return found.crate is not None and bool(found.crate.contradicts)


def honest_few(lab: Lab, draw: random.Random) -> None:
    """Fewer seeds, recipes or targets."""
    seeds = draw.sample(SEEDS, draw.choice((1, 2, 3)))
    recipes = ["none", *draw.sample(RECIPES[1:], draw.choice((0, 1, 2)))]
    targets = draw.sample(TARGETS, draw.choice((1, 2, 3)))
    for name, one in list(lab.results.items()):
        cell = one["cell"]
        if cell["seed"] not in seeds or cell["recipe"] not in recipes or cell["target"] not in targets:
            del lab.results[name], lab.predictions[name]


def honest_collapse(lab: Lab, draw: random.Random) -> None:
    """Cells that say the same of every row, at several seeds, and some of which say nearly the same."""
    target, recipe = draw.choice(TRAINED), draw.choice(RECIPES)
    for seed in draw.sample(SEEDS, draw.choice((2, 3))):
        name = f"{recipe}-{target}-{seed}"
        nearly = draw.random() < 0.3
        for answers in lab.answers(name).values():
            first = answers[0] if target == "pawsx" else "NOUN"
            for row, answer in enumerate(answers):
                if not (nearly and draw.random() < 0.03):
                    answers[row] = [first] * len(answer) if isinstance(answer, list) else first
        result = lab.results[name]
        result |= {"status": "collapsed", "reasons": ["it says the same of every dev row"]}
        for point in result["curve"]:
            point["loss"] = round(0.693 + draw.gauss(0, 1e-3), 6)
        lab.score(name)


def honest_machine(lab: Lab, draw: random.Random) -> None:
    """A re-run on another class of machine: every cell answers a few rows otherwise, by itself; baselines too."""
    share = draw.uniform(0.001, 0.02)
    for name in lab.names():
        one = lab.results[name]
        if one["cell"]["target"] == draw.choice(TARGETS) and one["cell"]["target"] != "tatoeba":
            _alter(lab, name, share, draw)
        one["provenance"]["machine"]["cpu"] = "another"


def honest_redrawn(lab: Lab, draw: random.Random) -> None:
    """Other seeds' numbers, and recipes in another order; retrieval baselines, one draw, are among the cells."""
    numbers = dict(zip(SEEDS, draw.sample(range(10, 99), len(SEEDS)), strict=True))
    results, predictions = lab.results, lab.predictions
    lab.results, lab.predictions = {}, {}
    for recipe in ("none", *draw.sample(RECIPES[1:], 2)):
        for target in TARGETS:
            for old, new in numbers.items():
                one = results[f"{recipe}-{target}-{old}"]
                name = f"{recipe}-{target}-{new}"
                lab.results[name] = one | {"cell": {"recipe": recipe, "target": target, "seed": new}}
                lab.predictions[name] = predictions[f"{recipe}-{target}-{old}"]


HONEST = (honest_few, honest_collapse, honest_machine, honest_redrawn)


def campaign(each: int, honest: int, seed: int, tell: Callable[[str], None]) -> tuple[dict[str, tuple[int, int]], int]:
    """Kind -> forgeries made and missed; and how many honest variants were accused."""
    missed: dict[str, tuple[int, int]] = {}
    with tempfile.TemporaryDirectory(prefix="forgeries-") as name:
        base = make_lab(Path(name) / "lab")
        build_gold(base)
        assert not accused(base), "the unforged results are accused"
        for place, (kind, forge) in enumerate(KINDS.items()):
            draws = [random.Random(f"{seed}-{place}-{trial}") for trial in range(each)]
            missed[kind] = each, sum(not forge(base.copy(), draw) for draw in draws)
            tell(f"{kind:<28}{each:>5} made {missed[kind][1]:>5} missed")
        base.write()
        archive = Path(name) / "lab.zip"
        settings = base.settings()
        export(read_params(settings), base.paths, settings, archive)
        for kind, make in (
            ("zip bytes", lambda draw: zip_bytes(Path(name), draw)),
            ("derived fields", lambda draw: derived(archive, Path(name), draw)),
        ):
            many = each if kind == "zip bytes" else max(1, each // 4)
            missed[kind] = many, sum(not make(random.Random(f"{seed}-{kind}-{trial}")) for trial in range(many))
            tell(f"{kind:<28}{many:>5} made {missed[kind][1]:>5} missed")
        wrongly = 0
        for trial in range(honest):
            lab, vary = base.copy(), HONEST[trial % len(HONEST)]
            vary(lab, random.Random(f"{seed}-honest-{trial}"))
            if why := accused(lab):
                wrongly += 1
                tell(f"accused: {vary.__name__}, trial {trial}: {why[0]}")
        tell(f"{'honest variants':<28}{honest:>5} made {wrongly:>5} accused")
    return missed, wrongly


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=40, help="forgeries of each kind")
    parser.add_argument("--honest", type=int, default=200, help="honest variants")
    parser.add_argument("--seed", type=int, default=1, help="seed of every draw")
    given = parser.parse_args()
    missed, wrongly = campaign(given.each, given.honest, given.seed, lambda line: print(line, flush=True))
    return int(bool(wrongly) or any(missed[kind][1] for kind in MUST_BE_SEEN))


if __name__ == "__main__":
    raise SystemExit(main())
