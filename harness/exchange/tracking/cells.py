"""A cell as a run in MLflow, nested under its recipe."""

from __future__ import annotations

from harness.exchange.tracking.entry import DataInput, Entry, Value, curve_values
from harness.exchange.tracking.held import Finished
from harness.exchange.tracking.names import CELL_TAG, NOTE_TAG, STATUS_TAG, flatten, source_tags
from harness.project.results import Result

MARKED = ("collapsed", "failed", "unavailable")
"""Status that a run's name shows: such a cell counts, or is lacking, and must not be overlooked."""
RED = ("collapsed", "failed")
"""Status that MLflow is told as FAILED. A collapsed cell has a score, which counts as it is."""


def cell_entry(each: Finished, profile: str) -> Entry:
    """Everything that a result holds."""
    result = each.result
    given = {key: value for key, value in result.provenance.items() if key != "params"}
    tags = flatten({"provenance": given, "inputs": result.inputs})
    tags |= {CELL_TAG: result.cell.id, STATUS_TAG: result.status, "harness.profile": profile}
    tags |= flatten({"harness.left_out": result.left_out})
    tags |= flatten({"harness.reasons": "; ".join(result.reasons)} if result.reasons else {})
    cell = result.cell
    tags |= source_tags(f"harness run cell {cell.recipe} {cell.target} {cell.seed}", result.provenance)
    tags[NOTE_TAG] = _note(result)
    return Entry(
        kind="cell",
        name=cell.id,
        title=f"{cell.id} ({result.status})" if result.status in MARKED else cell.id,
        sha256=each.sha256,
        ended_ms=each.ended_ms,
        elapsed_s=result.elapsed_s,
        recipe=cell.recipe,
        status="FAILED" if result.status in RED else "FINISHED",
        tags=tags,
        params=flatten(result.provenance.get("params") or {}) | flatten(cell.model_dump()),
        values=_values(result),
        inputs=_inputs(result),
        files=[*([("result.json", each.record)] if each.record else []), *each.files.items()],
        texts={} if each.record else {"result.json": result.model_dump_json(indent=1)},
    )


def _note(result: Result) -> str:
    """The run's description, in Markdown."""
    cell = result.cell
    score = "no score" if result.score is None else f"**{result.score:.1f} points**"
    found = f"Recipe `{cell.recipe}`, target `{cell.target}`, seed {cell.seed}: {score}, status {result.status}."
    why = f" Why: {'; '.join(result.reasons)}." if result.reasons else ""
    counts = " Its score counts as it is in every mean." if result.status == "collapsed" else ""
    return f"{found}{why}{counts}\n\nThe score is the mean over {len(result.scores)} languages (`test/`)."


def _values(result: Result) -> list[Value]:
    """score, test/<metric>/<language>, dev/<metric>, count/<what>, elapsed_s, train/..."""
    single = {"elapsed_s": result.elapsed_s} | ({} if result.score is None else {"score": result.score})
    single |= {f"test/{m}/{lang}": v for lang, scores in result.scores.items() for m, v in scores.items()}
    single |= {f"dev/{m}": v for m, v in result.dev_scores.items()}
    single |= {f"count/{what}": v for what, v in result.counts.items()}
    return [*(Value(name, value) for name, value in single.items()), *curve_values(result.curve)]


def _inputs(result: Result) -> list[DataInput]:
    if "data" not in result.inputs:
        return []
    target, rows = result.cell.target, result.counts.get("rows_predicted")
    return [DataInput(target, result.inputs["data"], "evaluation", f"tasks/{target}.yaml", rows)]
