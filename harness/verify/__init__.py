"""The verifier: are the results whole, do they repeat what is pinned, and does each published claim hold?

It reads results and references and never imports what trains.
"""

from harness.results import write_scores
from harness.verify.pinned import pin_results
from harness.verify.table import render
from harness.verify.verdicts import verify_all
from harness.verify.verification import Verification

__all__ = ["Verification", "pin_results", "render", "verify_all", "write_scores"]
