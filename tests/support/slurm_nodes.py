"""A real Slurm of two nodes on this machine, in a folder of its own: for tests, and for .ci/run by hand.

    python tests/support/slurm_nodes.py start FOLDER    # prints the line that has commands find it
    python tests/support/slurm_nodes.py stop FOLDER

It needs slurmctld, slurmd and munged (Debian: slurm-wlm, munge) and root. Nothing outside of the folder is written, and
no Slurm of the machine is touched: ports, key and socket are its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "sinfo", "scontrol", "scancel")
NODES = ("n1", "n2")
PARTITION, SHORT = "main", "short"
MOST_MINUTES = 60
START_S = 60
CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
KillWait=5
SlurmdTimeout=20
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
PartitionName={partition} Nodes={nodes} Default=YES MaxTime={most} State=UP
PartitionName={short} Nodes={nodes} MaxTime=1 State=UP
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=6000 State=UNKNOWN\n"


def why_not() -> str:
    """Why no Slurm can be started here; empty: one can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    if missing:
        return f"no {missing[0]} on this machine (Debian: apt-get install slurm-wlm munge)"
    if os.getuid():
        return "the daemons of Slurm are started by root, and these tests don't run as root"
    return ""


def search_path() -> str:
    """PATH, and where daemons lie."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


class Slurm:
    """A controller and two nodes of one core each, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        """What commands need to find this Slurm."""

    def start(self) -> None:
        """Start everything and wait until both nodes are idle; RuntimeError where they don't become so."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        (self.folder / "state").mkdir(exist_ok=True)
        host = socket.gethostname()
        with ExitStack() as held:
            ports = [held.enter_context(_free_socket()).getsockname()[1] for _ in range(1 + len(NODES))]
        text = CONFIGURATION.format(
            host=host,
            port=ports[0],
            folder=self.folder,
            partition=PARTITION,
            short=SHORT,
            nodes=",".join(NODES),
            most=MOST_MINUTES,
        )
        for name, port in zip(NODES, ports[1:], strict=True):
            text += NODE.format(name=name, host=host, port=port)
        (self.folder / "slurm.conf").write_text(text)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(64))
        key.chmod(0o600)
        files = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid", "log-file": "munged.log"}
        options = [f"--{option}={self.folder / name}" for option, name in files.items()]
        self._run("munged", "--force", *options, f"--seed-file={self.folder / 'munge.seed'}")
        self.start_controller()
        for name in NODES:
            self.start_node(name)
        deadline = time.monotonic() + START_S
        while self.states() != dict.fromkeys(NODES, "idle"):
            if time.monotonic() > deadline:
                words = (self.folder / "slurmctld.log").read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"no Slurm of two idle nodes: {self.states()} {words}")
            time.sleep(0.3)

    def start_controller(self) -> None:
        """Start (again) what commands talk to."""
        self._run("slurmctld", "-f", self.environment["SLURM_CONF"])

    def start_node(self, name: str, hidden: Path | None = None) -> None:
        """Start a node (again); `hidden`: a folder that it doesn't see."""
        command = ["slurmd", "-f", self.environment["SLURM_CONF"], "-N", name]
        if hidden is not None:
            script = f'mount -t tmpfs none "{hidden}" && exec "$0" "$@"'
            command = ["unshare", "--mount", "sh", "-c", script, *command]
        self._run(*command)

    def states(self) -> dict[str, str]:
        """State of every node, as sinfo has it; empty where the controller doesn't answer."""
        found = self.command("sinfo", "-h", "-N", "-p", PARTITION, "-o", "%N %t")
        return dict(line.split() for line in found.splitlines() if line)

    def command(self, *words: str) -> str:
        """What a command of Slurm says; its errors are no matter here."""
        with suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                words, env=os.environ | self.environment, capture_output=True, text=True, check=False, timeout=30
            ).stdout
        return ""

    def stop_controller(self) -> None:
        """End the controller in order: it writes down what it knows."""
        with suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int((self.folder / "slurmctld.pid").read_text()))
            process.terminate()
            process.wait(30)

    def stop_daemon(self, name: str) -> None:
        """Kill `slurmctld`, `slurmd-n1` or `munged`; it is gone when this returns."""
        with suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int((self.folder / f"{name}.pid").read_text()))
            process.kill()
            process.wait(10)

    def processes(self) -> list[psutil.Process]:
        """What jobs of this Slurm run now: shells, srun and the units' own processes."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                variables = process.environ()
                if variables.get("SLURM_CONF") == self.environment["SLURM_CONF"] and "SLURM_JOB_ID" in variables:
                    found.append(process)
        return found

    def stop(self) -> None:
        """End every job and daemon."""
        self.command("scancel", "--full", "--user=root")
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()
        for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld", "munged"):
            self.stop_daemon(name)

    def _run(self, *words: str) -> None:
        program = shutil.which(words[0], path=search_path()) or words[0]
        done = subprocess.run(
            [program, *words[1:]],
            env=os.environ | self.environment | {"PATH": search_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"{words[0]} did not start: {done.stderr.strip()}")


def _free_socket() -> socket.socket:
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


def main(arguments: list[str]) -> int:
    """The command line."""
    match arguments:
        case ["start", folder]:
            if reason := why_not():
                print(reason, file=sys.stderr)
                return 1
            slurm = Slurm(Path(folder).absolute())
            slurm.start()
            print(f"export SLURM_CONF={slurm.environment['SLURM_CONF']}")
            return 0
        case ["stop", folder]:
            Slurm(Path(folder).absolute()).stop()
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main(sys.argv[1:]))
