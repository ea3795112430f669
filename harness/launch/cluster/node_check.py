"""Before anything runs on a cluster: every node says what it is, and a misfit is named.

Ray is handed in (harness.launch.cluster.ray_cluster imports it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.launch.cluster import node
from harness.launch.cluster.driver import last_line
from harness.launch.cluster.messages import Identity, NodeReport, Probe
from harness.project.errors import HarnessError

CHECK_S = 180
"""Longest wait for a node's word on itself: it starts a process and imports the harness."""


def check_nodes(ray: Any, nodes: Sequence[str], identity: Identity, probe: Probe) -> dict[str, NodeReport]:
    """Have every node describe itself; those that have gone meanwhile are left out.

    Raises HarnessError where a node can't run this driver's units, or none is left.
    """
    affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    task = ray.remote(num_cpus=0, max_retries=0)(node.describe)
    asked = {
        name: task.options(scheduling_strategy=affinity(name, soft=False)).remote(identity, probe, name)
        for name in nodes
    }
    answers = {name: _answer(ray, name, reference) for name, reference in asked.items()}
    reports = {name: report for name, report in answers.items() if report is not None}
    problems = [f"{report.host}: {report.problem}" for report in reports.values() if report.problem]
    if problems or not reports:
        raise HarnessError(
            "expected every node of the cluster to be able to run this project's units, found"
            f" {problems[0] if problems else 'that the last of them has just gone'}"
            + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""),
            fix="fix that node or stop Ray there (`ray stop`), then run the same command again",
        )
    return reports


def shares(probe: Probe, name: str, report: NodeReport) -> bool:
    """Whether a node saw the driver's probe, and what it wrote beside it can be read here."""
    return report.shares and node.sees(Probe(probe.file.with_name(name), probe.token), node.PATIENCE_S)


def _answer(ray: Any, name: str, reference: Any) -> NodeReport | None:
    exceptions = ray.exceptions
    try:
        report: NodeReport = ray.get(reference, timeout=CHECK_S)
        return report
    except (exceptions.TaskUnschedulableError, exceptions.NodeDiedError):
        return None
    except exceptions.RayError as error:
        hosts = [found["NodeManagerHostname"] for found in ray.nodes() if found["NodeID"] == name]
        raise HarnessError(
            f"expected the cluster's node {' '.join([*hosts, name[:8]])} to run the harness, found: {last_line(error)}",
            fix="see that Ray was started there from the environment of this project (same lock, or same image)",
        ) from None
