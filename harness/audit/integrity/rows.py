"""Level V0: are the generated rows here the ones that tasks/*.yaml pins?

The run that is judged writes a data folder's manifest, so the manifest alone proves nothing; the pins of generated rows
are committed and hold the same hashes. (Pins of packs and of published data are of the files that rows are read from,
which the data stage checks.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.project.errors import HarnessError, name_some
from harness.project.paths import Paths
from harness.project.stages import data_stage
from harness.project.tasks import load_task


def check_pins(manifests: Mapping[str, Mapping[str, str]], paths: Paths) -> list[str]:
    """Sentences on generated files that are not their pins'; `manifests`: task -> file name -> sha256."""
    known = [task for task in manifests if (paths.tasks / f"{task}.yaml").is_file()]
    return [problem for task in known for problem in _check(task, manifests[task], paths)]


def _check(task: str, files: Mapping[str, str], paths: Paths) -> Iterable[str]:
    try:
        pin = load_task(task, paths.tasks).pins.generated
    except HarnessError as error:
        yield f"expected the pins of {task}, found: {error.message}"
        return
    if pin is None:
        return
    pinned = {f"{stem}.jsonl": entry.sha256 for stem, entry in pin.files.items()}
    differing = [name for name in {**pinned, **files} if pinned.get(name) != files.get(name)]
    if differing:
        yield (
            f"expected the rows that tasks/{task}.yaml pins, found others by the manifest of data/{task}:"
            f" {name_some(differing)}; run `dvc repro {data_stage(task)}`"
        )
