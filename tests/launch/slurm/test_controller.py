"""What is read of Slurm's commands, from programs that stand in for them; and what is said where there are none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from toy import Params, Paths

from harness.launch.launchers import LAUNCHERS
from harness.launch.slurm import controller
from harness.launch.slurm.controller import NodeKind, Partition, Task
from harness.launch.slurm.resources import Request
from harness.project.errors import HarnessError

Toy = tuple[Params, Paths]
Says = Callable[..., None]
SINFO = (
    "gpu*|2-00:00:00|64|512000|4|gpu:a100:4(S:0-1),shard:a100:16",
    "gpu*|2-00:00:00|64|1024000+|2|gpu:h100:8",
    "cpu|infinite|128|256000|10|(null)",
)


def test_partitions_and_their_nodes_are_read(says: Says) -> None:
    says("sinfo", *SINFO)
    gpu, cpu = controller.partitions()
    assert (gpu.name, gpu.is_default, gpu.minutes) == ("gpu", True, 2880)
    assert gpu.nodes == (NodeKind(64, 512000, 4, 4), NodeKind(64, 1024000, 8, 2))
    assert (cpu.name, cpu.is_default, cpu.minutes, cpu.nodes[0].gpus) == ("cpu", False, None, 0)
    assert controller.choose([gpu, cpu], "") is gpu and controller.choose([gpu, cpu], "cpu") is cpu


def test_a_partition_that_is_none_is_named_with_those_there_are(says: Says) -> None:
    says("sinfo", *SINFO)
    with pytest.raises(HarnessError, match="found `gpus`; did you mean `gpu`\\? known: gpu, cpu"):
        controller.choose(controller.partitions(), "gpus")
    with pytest.raises(HarnessError, match="expected a default partition, found none among cpu"):
        controller.choose([Partition("cpu", False, None, ())], "")


@pytest.mark.parametrize(
    ("request_", "minutes", "words"),
    [
        (Request(65, 1000, 0), None, "expected a node with 65 CPU, 1000 MiB and 0 GPU for one unit"),
        (Request(1, 2_000_000, 0), None, "in partition gpu (4 nodes with 64 CPU, 512000 MiB and 4 GPU; 2 nodes"),
        (Request(1, 1000, 9), None, "1000 MiB and 9 GPU"),
        (Request(1, 1000, 0), 2881, "a time limit of at most 2-00:00:00, that of partition gpu, found 2-00:01:00"),
    ],
)  # fmt: skip
def test_what_no_node_could_run_is_refused(says: Says, request_: Request, minutes: int | None, words: str) -> None:
    says("sinfo", *SINFO)
    with pytest.raises(HarnessError) as raised:
        controller.check_room(controller.partitions()[0], request_, minutes)
    assert words in str(raised.value)


def test_memory_counts_only_where_slurm_was_told_of_it() -> None:
    untold = Partition("main", True, None, (NodeKind(8, 1, 0, 2),))
    controller.check_room(untold, Request(8, 4096, 0), None)
    assert not controller.knows_memory(untold)


def test_units_are_read_with_states_and_reasons(says: Says) -> None:
    says(
        "squeue",
        "12|3|RUNNING|n1|None|/p/build/toy/slurm/cell-udpos-1/.submission_file_1.sh",
        "12|4|PENDING||ReqNodeNotAvail, UnavailableNodes:n2|/p/build/toy/slurm/cell-udpos-1/.submission_file_1.sh",
        "13|N/A|TIMEOUT|n2|None|/p|q/x.sh",
        "14|0|PENDING||DependencyNeverSatisfied|/p/x.sh",
    )
    found = controller.tasks("harness-toy")
    assert [(task.array, task.index, task.is_live) for task in found] == [
        ("12", 3, True),
        ("12", 4, True),
        ("13", 0, False),
        ("14", 0, False),
    ]
    assert found[1].reason == "ReqNodeNotAvail, UnavailableNodes:n2" and found[2].script == "/p|q/x.sh"


@pytest.mark.parametrize(
    ("state", "is_live"),
    [("RUNNING", True), ("EXPEDITING", True), ("POWER_UP_NODE", True), ("REVOKED", False), ("PREEMPTED", False)],
)
def test_a_state_that_is_not_known_counts_as_live(state: str, is_live: bool) -> None:
    assert Task("7", 0, state, "None", "n1", "").is_live is is_live


def test_variables_of_the_login_shell_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = {"SQUEUE_FORMAT": "%i", "SQUEUE_STATES": "PENDING", "SINFO_PARTITION": "gpu", "SCANCEL_STATE": "PENDING"}
    foreign |= {"SLURM_CLUSTERS": "other", "SBATCH_TIMELIMIT": "1", "SBATCH_WAIT": "1"}
    kept = {"SLURM_CONF": "/etc/s.conf", "SBATCH_ACCOUNT": "lab", "SBATCH_QOS": "high", "SBATCH_RESERVATION": "r"}
    for name, value in (foreign | kept).items():
        monkeypatch.setenv(name, value)
    seen = dict(line.partition("=")[::2] for line in controller.ask("env").splitlines())
    assert not foreign.keys() & seen.keys() and kept.items() <= seen.items()


def test_the_longest_array_is_what_slurm_says(says: Says) -> None:
    says("scontrol", "MaxArraySize            = 4001", "MaxJobCount             = 10000")
    assert controller.most_per_array() == 4001


def test_a_controller_that_does_not_answer_is_said_in_its_words(says: Says, toy: Toy) -> None:
    says("sinfo", "slurm_load_partitions: Unable to contact slurm controller (connect failure)", code=1)
    with pytest.raises(
        HarnessError, match=r"expected Slurm's controller to answer `sinfo`, found: .*Unable to contact"
    ):
        LAUNCHERS["slurm"](*toy)


def test_a_machine_without_slurm_is_told_where_to_go(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HarnessError, match=r"found no `sbatch`.*login node"):
        LAUNCHERS["slurm"](*toy)


def test_an_environment_without_submitit_is_told_how_to_get_it(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(HarnessError, match="expected the package `submitit` for --slurm, found none"):
        LAUNCHERS["slurm"](*toy)


def test_slurm_has_no_number_of_jobs(toy: Toy) -> None:
    with pytest.raises(HarnessError, match="expected --jobs or --slurm, found both"):
        LAUNCHERS["slurm"](*toy, slots=2)
