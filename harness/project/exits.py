"""Exit codes, and the one paragraph that a user reads where a command or a unit of work did not finish."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from harness.project.errors import HarnessError
from harness.project.extras import missing_extra

MISTAKE = 2
"""Exit code of a mistake, or of a state of the machine, that the user can fix."""
INTERRUPTED = 130
"""Exit code of what Ctrl-C or SIGTERM ended, as shells have it of Ctrl-C."""
STOPPING = (signal.SIGINT, signal.SIGTERM)
_WORDS = "interrupted; finished stages are kept, the same command goes on from here"


def exit_code_of(do: Callable[[], int | None]) -> int:
    """Run something and return its exit code: what it returns (None is 0), or that of what it raised.

    HarnessError, OSError, a package of an extra that is not installed and a machine at its limits become one paragraph
    on standard error and MISTAKE, Ctrl-C a line and INTERRUPTED. Any other exception is a defect of the harness and
    passes through with its traceback.
    """
    try:
        return do() or 0
    except HarnessError as error:
        _say(str(error))
        return MISTAKE
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if missing is None:
            raise
        _say(str(missing))
        return MISTAKE
    except OSError as error:
        _say(_of_the_system(error))
        return MISTAKE
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "can't start new thread" not in str(error):
            raise
        found = "that the system gives no more memory" if isinstance(error, MemoryError) else "no room for a thread"
        _say(f"expected memory and processes enough, found {found}. To fix it: {_LIMITS}")
        return MISTAKE
    except KeyboardInterrupt:
        _say(_WORDS)
        return INTERRUPTED


_LIMITS = "end other programs or raise the limits (`ulimit -u`, `ulimit -v`), then run the same command again"


def _of_the_system(error: OSError) -> str:
    if error.errno == errno.EAGAIN and not error.filename:
        return f"expected to start a process, found: {error.strerror}. To fix it: {_LIMITS}"
    where = error.filename or "a file"
    fix = "free disk space or make it accessible, then run the same command again"
    return f"expected to read and write {where}, found: {error.strerror or error}. To fix it: {fix}"


def leave_when_interrupted(in_words: bool = True) -> None:
    """Ctrl-C and SIGTERM end this process at once, for as long as it imports and nothing has begun.

    `in_words`: with a line on standard error; a program that another one started leaves that to it.
    """
    for number in STOPPING:
        signal.signal(number, _leave if in_words else lambda *_: os._exit(INTERRUPTED))
    listen()


def listen() -> None:
    """Let Ctrl-C through, which what starts a program may have kept from it until it knows what to do."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def interrupt(*_: object) -> None:
    """A handler of signals: KeyboardInterrupt, after which what was half made says nothing on its way out.

    A progress bar, say, that was interrupted as it was made: Python would print that its end was ignored.
    """
    sys.unraisablehook = lambda _: None
    raise KeyboardInterrupt


def exit_with(do: Callable[[], int]) -> None:
    """Run a whole program and raise SystemExit with its exit code, INTERRUPTED whenever Ctrl-C or SIGTERM comes.

    The first of them raises KeyboardInterrupt in it; the second ends the process at once.
    """
    came: list[int] = []

    def come(number: int, _: object) -> None:
        came.append(number)
        if len(came) > 1:
            _leave()
        interrupt()

    for number in STOPPING:
        signal.signal(number, come)
    listen()
    code = exit_code_of(do)
    for number in STOPPING:  # it is over: nothing is left to interrupt but the interpreter's own end
        signal.signal(number, signal.SIG_IGN)
    if came:  # whatever has swallowed it; and the interpreter would end by the signal, not by the code
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(INTERRUPTED)
    raise SystemExit(code)


def _leave(*_: object) -> None:
    os.write(2, f"harness: {_WORDS}\n".encode())
    os._exit(INTERRUPTED)


def _say(words: str) -> None:
    print(f"harness: {words}", file=sys.stderr, flush=True)
