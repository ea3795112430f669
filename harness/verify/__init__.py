"""The verifier: are the results whole, do they repeat what is pinned, and does each published claim hold?

It reads results and references and never imports what trains. What other packages use stands here by name and is
imported when it is asked for: a command that only reads the registry of claims needs a fraction of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.results import write_scores
    from harness.verify.pinned import pin_results
    from harness.verify.table import render
    from harness.verify.verdicts import verify_all
    from harness.verify.verification import Verification

__all__ = ["Verification", "pin_results", "render", "verify_all", "write_scores"]

_HOMES = {
    "Verification": "harness.verify.verification",
    "pin_results": "harness.verify.pinned",
    "render": "harness.verify.table",
    "verify_all": "harness.verify.verdicts",
    "write_scores": "harness.results",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
