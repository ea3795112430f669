"""Puts the rules that verdicts follow into the built package, so that an installed verifier knows the shipped ones.

Their one source is reference/, tasks/ and profiles/; harness/audit/rules.py reads what is copied here into
harness/shipped/. An editable install copies nothing: there the checkout's own files are looked up.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("reference/*.yaml", "tasks/*.yaml", "profiles/*.yaml")


class BuildWithRules(build_py):
    """Also copies the rules."""

    def run(self) -> None:
        """Copy after the modules; a build without the rules would believe any."""
        super().run()
        if self.editable_mode:
            return
        root, target = Path(__file__).resolve().parent, Path(self.build_lib) / "harness" / "shipped"
        shutil.rmtree(target, ignore_errors=True)
        for glob in SHIPPED:
            found = sorted(root.glob(glob))
            if not found:
                raise SystemExit(f"expected {glob} beside setup.py, found none: build from a whole clone")
            for path in found:
                kept = target / path.relative_to(root)
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, kept)


setup(cmdclass={"build_py": BuildWithRules})
