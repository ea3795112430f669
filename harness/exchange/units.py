"""What ran, in order, with what it read and wrote: pretraining, intermediate trainings, cells, judging.

Of pinned results only the cells and the judging are recorded. What is unavailable never ran.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.exchange.content import Unit
from harness.exchange.layout import PARAMS, REPORT, VERDICTS, CrateRecord, data_manifest
from harness.project.pinned import RESULTS, SCORES
from harness.project.results import Result

Files = Mapping[str, bytes]


def units(
    record: CrateRecord, results: Mapping[str, Result], made: Mapping[str, list[str]], files: Files
) -> list[Unit]:
    """Every unit that ran. `made`: cell -> where its predictions and what it keeps beside them lie, withheld or not."""
    held = f"results/{record.profile}" if record.holds == "run" else f"reference/{record.profile}"
    cells = [
        _cell(result, held, made.get(name, []), record, files)
        for name, result in results.items()
        if result.status != "unavailable"
    ]
    return [*_pretraining(held, files), *_intermediates(held, files), *cells, _judging(held, record, files)]


def _pretraining(held: str, files: Files) -> Iterator[Unit]:
    name = f"{held}/encoder.json"
    made = json.loads(files[name]) if name in files else {}
    if "provenance" in made:  # a published encoder was only fetched
        reads = [path for path in (PARAMS, f"{held}/corpus.json") if path in files]
        yield Unit("harness run encoder", made["provenance"], reads, [name], made.get("elapsed_s"))


def _intermediates(held: str, files: Files) -> Iterator[Unit]:
    for name in sorted(path for path in files if path.startswith(f"{held}/intermediate/")):
        made: dict[str, Any] = json.loads(files[name])
        if made.get("status") == "unavailable":
            continue
        tasks = made.get("inputs", {}).get("recipe", {}).get("tasks", {})
        reads = [PARAMS, f"{held}/encoder.json", *(data_manifest(task) for task in tasks)]
        yield Unit(
            f"harness run intermediate {made['recipe']} {made['seed']}",
            made.get("provenance", {}),
            [path for path in reads if path in files],
            [name],
            made.get("elapsed_s"),
        )


def _cell(result: Result, held: str, made: list[str], record: CrateRecord, files: Files) -> Unit:
    cell = result.cell
    data = data_manifest(cell.target)
    reads = [
        PARAMS,
        data if data in files else f"tasks/{cell.target}.yaml",
        f"{held}/encoder.json",
        f"{held}/intermediate/{cell.recipe}-{cell.seed}.json",
    ]
    kept = f"{held}/{RESULTS}" if record.holds == "pinned" else f"{held}/cells/{cell.id}/result.json"
    return Unit(
        f"harness run cell {cell.recipe} {cell.target} {cell.seed}",
        result.provenance,
        [path for path in reads if path in files],
        [kept, *made],
        result.elapsed_s,
        "; ".join(result.reasons) or "no score" if result.status == "failed" else "",
    )


def _judging(held: str, record: CrateRecord, files: Files) -> Unit:
    read = {f"{held}/{SCORES}", PARAMS, "profiles/paper.yaml"}
    read |= {f"reference/{name}.yaml" for name in ("claims", "lab_claims", "design", "paper", "arithmetic")}
    read |= {path for path in files if path.startswith("tasks/")}
    origin = {"git_commit": record.git_commit, "git_dirty": record.git_dirty}
    return Unit("harness verify", origin, sorted(read & files.keys()), [VERDICTS, REPORT])
