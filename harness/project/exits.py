"""Exit codes, and the one paragraph that a user reads where a command or a unit of work did not finish."""

from __future__ import annotations

import sys
from collections.abc import Callable

from harness.project.errors import HarnessError

MISTAKE = 2
"""Exit code of a mistake, or of a state of the machine, that the user can fix."""
INTERRUPTED = 130
"""Exit code of what Ctrl-C ended, as shells have it."""


def exit_code_of(do: Callable[[], int | None]) -> int:
    """Run something and return its exit code: what it returns (None is 0), or that of what it raised.

    HarnessError and OSError become one paragraph on standard error and MISTAKE, Ctrl-C a line and INTERRUPTED. Any
    other exception is a defect of the harness and passes through with its traceback.
    """
    try:
        return do() or 0
    except HarnessError as error:
        _say(str(error))
        return MISTAKE
    except OSError as error:
        where = error.filename or "a file"
        fix = "free disk space or make it accessible, then run the same command again"
        _say(f"expected to read and write {where}, found: {error.strerror}. To fix it: {fix}")
        return MISTAKE
    except KeyboardInterrupt:
        _say("interrupted; finished stages are kept, the same command goes on from here")
        return INTERRUPTED


def _say(words: str) -> None:
    print(f"harness: {words}", file=sys.stderr, flush=True)
