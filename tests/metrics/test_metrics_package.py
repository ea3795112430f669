"""What importing the package costs."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_scoring_text_needs_no_numpy() -> None:
    code = "import sys; from harness.metrics import best_threshold, mlqa, span_f1; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import harness.metrics

    with pytest.raises(AttributeError, match="no attribute 'bleu'"):
        _ = harness.metrics.bleu
