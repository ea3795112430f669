"""Do the tests notice a fault? Each small fault is put into a copy of the project, and its room's tests must fail.

    python tests/campaigns/faults.py [NAME ...]     all of them, or those whose name holds one of these words

Exit code 0 if every fault was caught, 1 if one was missed. Takes minutes: every fault is a run of pytest.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    *("benchmarks", "docs", "examples", "harness", "profiles", "reference", "requirements", "tasks", "tests"),
    *(
        "README.md",
        "REPRODUCE.md",
        "CONTRIBUTING.md",
        "Makefile",
        "pyproject.toml",
        "dvc.yaml",
        "grid.json",
        "params.yaml",
        ".dvcignore",
    ),
)
AT_A_TIME = 2
"""Copies that are tested side by side."""


@dataclass(frozen=True)
class Fault:
    """One fault: a piece of source that stands once in a file, and what is written in its place."""

    name: str
    """What goes wrong."""
    file: str
    """The file, below harness/."""
    right: str
    """The source as it is."""
    wrong: str
    """The source with the fault."""
    tests: str
    """Folders or files below tests/ that must notice."""


FAULTS = (
    Fault(
        "mean pooling leaves out the first token of a batch without padding",
        "model/predict.py",
        "return states.mean(dim=1)",
        "return states[:, 1:].mean(dim=1)",
        "model",
    ),
    Fault(
        "mean pooling counts padding",
        "model/predict.py",
        "weights.sum(dim=1)",
        "weights.shape[1]",
        "model",
    ),
    Fault(
        "positions are counted from the padding's number itself",
        "model/forward.py",
        "self.embedding, self.family.position_offset",
        "self.embedding, self.family.position_offset - 1",
        "model",
    ),
    Fault(
        "the residual connection around attention is missing",
        "model/forward.py",
        "self._sum(states, layer.attention_output(context), layer.attention_dropout)",
        "layer.attention_output(context)",
        "model",
    ),
    Fault(
        "the end of an answer is never scored in training",
        "model/heads.py",
        "return (start + functional.cross_entropy(logits[..., 1], labels[:, 1])) / 2",
        "return start",
        "model experiment/training",
    ),
    Fault(
        "an answer may end before it starts",
        "model/predict.py",
        "(ends >= starts) & ",
        "",
        "model",
    ),
    Fault(
        "batches keep their order from epoch to epoch",
        "model/batching.py",
        "torch.randperm(len(items), generator=draws).tolist()",
        "list(range(len(items)))",
        "model experiment/training",
    ),
    Fault(
        "weight decay also on biases and layer norms",
        "experiment/training/loop.py",
        '"weight_decay": 0.0',
        '"weight_decay": schedule.weight_decay',
        "experiment/training",
    ),
    Fault(
        "gradients are never clipped",
        "experiment/training/loop.py",
        "        torch.nn.utils.clip_grad_norm_(parameters, schedule.max_gradient_norm, foreach=True)\n",
        "",
        "experiment/training",
    ),
    Fault(
        "of equal evaluations the last is kept",
        "experiment/training/loop.py",
        "if value > self.value:",
        "if value >= self.value:",
        "experiment/training",
    ),
    Fault(
        "tasks of a mixture are drawn with equal chances",
        "experiment/training/loop.py",
        "[stream.weight for stream in streams]",
        "[1.0 for stream in streams]",
        "experiment",
    ),
    Fault(
        "micro-batches count alike, whatever they hold",
        "experiment/training/loop.py",
        "loss * (count / sum(counts))",
        "loss / len(parts)",
        "experiment/training",
    ),
    Fault(
        "word embeddings that no token reads are not decayed",
        "experiment/training/loop.py",
        "words.decay(1 - learning_rate * schedule.weight_decay)",
        "words.decay(1.0)",
        "experiment/training",
    ),
    Fault(
        "rows of a checkpoint are put over any encoder",
        "experiment/training/checkpoints.py",
        'if record.get("encoder_sha256"):',
        "if False:",
        "experiment/training",
    ),
    Fault(
        "a planted effect is half as large as stated",
        "experiment/planted.py",
        " + points\n",
        " + points / 2\n",
        "experiment",
    ),
    Fault(
        "exact match looks at the first answer only",
        "metrics/answers.py",
        "prediction in truths",
        "prediction == truths[0]",
        "metrics",
    ),
    Fault(
        "German articles are not stripped in MLQA",
        "metrics/answers_mlqa.py",
        '    "de": re.compile(r"\\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\\b"),\n',
        '    "de": None,\n',
        "metrics",
    ),
    Fault(
        "SQuAD 2.0 gives two empty answers nothing",
        "metrics/answers_squad_v2.py",
        "return float(prediction == truth)",
        "return 0.0",
        "metrics",
    ),
    Fault(
        "the ratio margin looks at one side's neighbours only",
        "metrics/mining.py",
        "((mean[:, None] + other_mean[columns]) / 2)",
        "mean[:, None]",
        "metrics",
    ),
    Fault(
        "texts that occur twice stay among mined pairs",
        "metrics/mining.py",
        'if source_count[s["text"].strip()] == target_count[t["text"].strip()] == 1:',
        "if True:",
        "metrics",
    ),
    Fault(
        "a span ends only where the tag changes, not at a new B",
        "metrics/tagging.py",
        'if previous[0] in "BI" and current[0] in "BSO":',
        'if previous[0] in "BI" and current[0] in "SO":',
        "metrics",
    ),
    Fault(
        "pairs at the threshold are left out",
        "metrics/pairs.py",
        "if score >= threshold]\n    precision",
        "if score > threshold]\n    precision",
        "metrics",
    ),
    Fault(
        "question answering counts F1 alone",
        "metrics/answers.py",
        'ANSWERS = ("em", "f1")',
        'ANSWERS = ("f1",)',
        "metrics",
    ),
    Fault(
        "the interval is one of 80 %",
        "verify/statistics/intervals.py",
        "half_width = t_quantile((1 + confidence) / 2, n - 1)",
        "half_width = t_quantile(confidence, n - 1)",
        "verify",
    ),
    Fault(
        "an interval that touches the band's edge from inside is not inside",
        "verify/statistics/intervals.py",
        "return band.low <= self.low and self.high <= band.high",
        "return band.low < self.low and self.high < band.high",
        "verify",
    ),
    Fault(
        "the margin ignores the published number's own spread",
        "verify/statistics/intervals.py",
        "return max(practical_points, noise, rounding_points)",
        "return max(practical_points, rounding_points)",
        "verify",
    ),
    Fault(
        "a look may spend again what earlier looks have spent",
        "verify/statistics/sequential.py",
        "_cut(chain.edges, mass, may - spent)",
        "_cut(chain.edges, mass, may)",
        "verify",
    ),
    Fault(
        "an accusation ignores the luck of the published number",
        "verify/statistics/decision.py",
        "max(p, p_luck) > design.level",
        "p > design.level",
        "verify",
    ),
    Fault(
        "claims that were not tested leave Holm's family",
        "verify/verdicts/accusations.py",
        'if group_of(verdict.kind) == "measured"}',
        'if group_of(verdict.kind) == "measured" and _p(verdict) is not None}',
        "verify",
    ),
    Fault(
        "Holm's step-down forgets that adjusted values never fall",
        "verify/statistics/holm.py",
        "largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))",
        "largest = min(1.0, (len(p_values) - rank) * p_values[place])",
        "verify",
    ),
    Fault(
        "gains are not paired by seed",
        "verify/scores.py",
        "return {seed: scores[seed] - baseline[seed] for seed in scores if seed in baseline}",
        "return dict(zip(scores, (a - b for a, b in zip(scores.values(), baseline.values())), strict=False))",
        "verify",
    ),
)


def put_in(fault: Fault, folder: Path) -> None:
    """Write the fault into a copy. Raises SystemExit where the source no longer holds that piece exactly once."""
    path = folder / "harness" / fault.file
    source = path.read_text(encoding="utf-8")
    if source.count(fault.right) != 1:
        raise SystemExit(
            f"expected {fault.right!r} once in harness/{fault.file}, found it {source.count(fault.right)} times"
        )
    path.write_text(source.replace(fault.right, fault.wrong), encoding="utf-8")


def passes(tests: str, fault: Fault | None = None) -> bool:
    """Do these tests pass in a copy of the project, with a fault in it or without?"""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        folder = Path(name) / "project"
        folder.mkdir()
        for each in COPIED:
            source = ROOT / each
            if source.is_dir():
                shutil.copytree(source, folder / each, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / each)
        if fault:
            put_in(fault, folder)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--durations=0"]
        files = [f"tests/{place}" for place in tests.split()]
        done = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"expected tests that run, found of {tests}:\n{done.stdout[-2000:]}")
    return done.returncode == 0


def main(words: Sequence[str]) -> int:
    """Put in every chosen fault in turn and say which were missed; first the same tests without any must pass."""
    chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    missed = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        controls = list(dict.fromkeys(fault.tests for fault in chosen))
        for tests, fine in zip(controls, pool.map(passes, controls), strict=True):
            if not fine:
                raise SystemExit(f"expected the tests of {tests} to pass without a fault, found one that fails")
            print(f"passes  without a fault: {tests}", flush=True)
        for fault, survived in zip(chosen, pool.map(lambda fault: passes(fault.tests, fault), chosen), strict=True):
            missed += survived
            print(f"{'MISSED' if survived else 'caught'}  {fault.file:32} {fault.name}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} faults caught")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
