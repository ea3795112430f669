"""What a grid has made, so that two runs of it can be compared byte by byte, by tests and by hand.

python tests/support/grid_bytes.py PROJECT OTHER PROFILE
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from harness.project.paths import Paths


def made(paths: Paths) -> dict[str, Any]:
    """Records without times and machine, everything else by its hash; DVC's own .gitignore files are left out."""
    found: dict[str, Any] = {}
    for folder in (paths.results / "intermediate", paths.cells, paths.checkpoints):
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore"):
            name = file.relative_to(paths.root).as_posix()
            if file.suffix == ".json" and paths.results in file.parents:
                record = json.loads(file.read_bytes())
                origin = record.pop("provenance")
                found[f"{name} packages"] = origin["packages"], origin["threads"]
                found[name] = {key: value for key, value in record.items() if key != "elapsed_s"}
            else:
                found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def main(arguments: list[str]) -> int:
    """0 where both made the same, and something."""
    one, other = (made(Paths(Path(root).resolve(), arguments[2])) for root in arguments[:2])
    differ = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    for name in differ:
        print(f"differs: {name}")
    print(f"{len(one)} and {len(other)} records and files, {len(differ)} differ")
    return int(bool(differ) or not one)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
