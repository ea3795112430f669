"""`dvc` as the harness starts it: it ends with the process that started it, and waits for DVC's lock.

python -m harness.pipeline.dvc_command PID ARGUMENTS...     # PID: the process that starts it
"""

from __future__ import annotations

import os
import signal
import sys

from harness.project.exits import INTERRUPTED
from harness.project.processes import end_with

if __name__ == "__main__":
    # Ctrl-C is kept from it, and from the stages that it starts until they know what to do: DVC, where it happens to
    # import something, answers with a traceback. What started it ends it.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(INTERRUPTED))
    end_with(int(sys.argv[1]))

    from dvc.cli import main

    sys.exit(main(["--wait-for-lock", *sys.argv[2:]]))
