"""`dvc commit --force` of many stages in one go: python -m harness.launch.dvc_commit STAGE...

DVC's command takes many stages too, but reads the whole pipeline and writes all of dvc.lock anew for each of them:
minutes for a grid. This does what that command does (dvc/repo/commit.py), with one reading and one writing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.ui import ui


def main(names: Sequence[str]) -> int:
    """Have dvc.lock and DVC's cache hold these stages' files as they lie there; returns the exit code."""
    try:
        with Repo() as repo, lock_repo(repo):
            by_name = {stage.addressing: stage for stage in repo.index.stages}
            stages = [by_name[name] for name in names]
            for stage in stages:
                stage.save()
                stage.commit()
            stages[0].dvcfile.dump_stages(stages, update_pipeline=False)
    except (DvcException, KeyError) as error:
        ui.error_write(f"ERROR: {type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
