"""Scripts that are no package: tests/campaigns and benchmarks, loaded by their path."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from toy import ROOT


def load(name: str) -> ModuleType:
    """The script of that name in the checkout, `tests/campaigns/faults` or `benchmarks/timing`, run anew."""
    path = ROOT / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), path)
    assert spec and spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module
