"""Puts what a person looks at without a clone into the built package: rules, tasks, profiles and pinned results.

Their one source is reference/, tasks/, profiles/ and params.yaml; they become harness/shipped/, a project that is only
looked at, and harness/audit/rules.py compares other rules with it. An editable install copies nothing: there the
checkout's own files are looked up. (pyproject.toml has no way to take files from beside the package.)
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("params.yaml", "profiles/*.yaml", "reference/*.yaml", "reference/*/**/*", "tasks/*.yaml")


class BuildWithShipped(build_py):
    """Also copies these files."""

    def run(self) -> None:
        """Copy after the modules; a build without the rules would believe any."""
        super().run()
        if self.editable_mode:
            return
        root, target = Path(__file__).resolve().parent, Path(self.build_lib) / "harness" / "shipped"
        shutil.rmtree(target, ignore_errors=True)
        for glob in SHIPPED:
            found = [path for path in sorted(root.glob(glob)) if path.is_file()]
            if not found:
                raise SystemExit(f"expected {glob} beside setup.py, found none: build from a whole clone")
            for path in found:
                kept = target / path.relative_to(root)
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, kept)


setup(cmdclass={"build_py": BuildWithShipped})
