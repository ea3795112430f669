"""`harness --help` in groups, by who needs a command."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

HEADINGS = {
    "Look and judge": {
        "verify": "Judge the results: a verdict for each claim.",
        "judge": "Judge claims from scores that any program made.",
        "claims": "What was published, and what decides each claim.",
        "report": "One HTML page of it all, to open offline or to send.",
        "diff": "What differs between two runs, archives or profiles.",
        "study": "A page with pictures of what the results show.",
        "degradation": "How far are low-resource languages degraded?",
        "layers": "Retrieval at every layer of the checkpoints.",
        "verifier": "How the verifier decides, and how often it errs.",
    },
    "Run experiments": {
        "plan": "What would run, what is done, what it costs.",
        "repro": "Run what is stale, then print the verdicts (`make repro`).",
        "profile": "Show the active profile, or make another one active.",
        "doctor": "Check this machine: environment, engine, GPU, disk.",
        "checkpoints": "Intermediate checkpoints: sizes, dropping, exporting.",
        "run": "One stage of the pipeline, as dvc.yaml calls it.",
    },
    "Data and encoders": {
        "tasks": "The tasks: role, head, metric, languages, rows.",
        "data": "Fetch what is published, check it, pin it, pack it.",
        "encoder": "What the encoder knows; the settings of one from a folder.",
    },
    "Share and pin": {
        "export": "One archive to keep: results, predictions, verdicts.",
        "track": "Import finished results into MLflow.",
        "pin": "Keep results of this run as the pinned reference.",
        "image": "The container image: build it, pin it, check it.",
    },
}
"""Heading of `harness --help` -> its commands, in this order, each with what it is for in a line of 80 columns."""


class Grouped(TyperGroup):
    """A group of commands whose help lists them under the headings that they were registered with.

    typer does that itself only where rich prints the help; importing rich takes as long as all else that --help does.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each heading, headings and commands in their order there."""
        width = max(map(len, self.commands))
        for heading, names in HEADINGS.items():
            with formatter.section(heading):
                rows = [(f"{name:<{width}}", self.commands[name].get_short_help_str(formatter.width)) for name in names]
                formatter.write_dl(rows)
