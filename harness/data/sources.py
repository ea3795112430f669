"""Where a task's rows come from: the laboratory world (`Generated`), a data pack folder (`Local`) or, in
`harness.data.published`, the whole published data.

All give, stem by stem, rows that fit the schema and whose hash and count equal the task's pin; a source that
cannot prove that gives nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from harness.data import formats
from harness.data.formats import Row
from harness.data.published import Published
from harness.project import files as integrity
from harness.project.errors import HarnessError
from harness.project.files import parse_json
from harness.project.params import Params, data_dir, store_dir
from harness.project.pins import GeneratedPin, LocalPin, PackFile
from harness.project.tasks import Task, pin_for

MANIFEST = "manifest.json"


class Source(Protocol):
    """What the builder needs of a source."""

    name: str
    """`generated`, `local` or `published`."""
    pin_text: str
    """The pin in one line, for manifests: source, version or pack, and the sha256 of the whole pin."""
    source_language: str
    """The language of the training data."""
    stand_in: str | None
    """In plain words, what stands in for the task's own data; null where nothing does."""
    overlaps: list[str]
    """Targets whose test rows share articles with the machine-translated training rows."""
    dropped: Counter[str]
    """Keys without a place in the schema, and how many rows read so far had them; what readers left out or repaired."""

    def stems(self) -> list[str]:
        """The normalised file stems, in the pin's order."""
        ...

    def rows(self, stem: str) -> list[Row]:
        """The verified, normalised rows of one stem."""
        ...

    def origin(self, stem: str) -> str:
        """The file that a stem's rows are read from, for messages."""
        ...


class Generated:
    """The laboratory analogue of a task."""

    name = "generated"

    def __init__(self, task: Task, pin: GeneratedPin) -> None:
        """Refuses a pin made by another version of the generator."""
        from harness.data import lab

        found = lab.GENERATOR_VERSION
        if pin.version != found:
            raise HarnessError(
                f"expected generator version {pin.version} (pin of task {task.name}), found {found}",
                fix=f"run `harness data pin {task.name}`, or check out the code that the pin belongs to",
            )
        self.task, self.pin = task, pin
        self.pin_text = f"generated version {pin.version} seed {pin.seed} {_digest(pin)}"
        self.source_language = pin.source_language
        self.stand_in: str | None = f"laboratory analogue of {task.title}"
        self.overlaps: list[str] = []
        self.dropped: Counter[str] = Counter()

    def stems(self) -> list[str]:
        """The normalised file stems, in the pin's order."""
        return list(self.pin.files)

    def origin(self, stem: str) -> str:
        """What is generated."""
        return f"generated {self.task.name} {stem}"

    def rows(self, stem: str) -> list[Row]:
        """Generate one stem; HarnessError where the bytes are not the pinned ones."""
        pinned = self.pin.files[stem]
        # Gold pairs are asked for by the number of sentences a side; the world decides how many there are.
        asked = self.pin.files.get(stem.replace("_gold.", "_source."), pinned).rows
        rows = generate_rows(self.task, stem, pinned.from_task, asked, self.pin.seed)
        found = integrity.sha256_bytes(formats.encode_rows(rows))
        if found != pinned.sha256 or len(rows) != pinned.rows:
            raise HarnessError(
                f"expected {pinned.rows} rows with sha256 {pinned.sha256} (pin of task {self.task.name}), "
                f"found {len(rows)} with {found} for {stem} of the laboratory world",
                fix="the generator has changed: raise GENERATOR_VERSION and run `harness data pin "
                f"{self.task.name}`, or undo the change",
            )
        return rows


def generate_rows(task: Task, stem: str, from_task: str | None, rows: int, seed: int) -> list[Row]:
    """The laboratory's rows of one stem, held against the schema like any others."""
    from harness.data import lab

    split, language = stem.split(".", 1)
    raw = lab.generate(from_task or task.name, split, language, rows, seed)
    where = f"generated {from_task or task.name} {stem}"
    numbered = ((f"{where}:{number}", row) for number, row in enumerate(raw, 1))
    return formats.normalise_rows(formats.row_kind(task.kind, split), numbered, task.labels)


class Local:
    """A task's files in a data pack: a folder in the documented schema, described by a manifest."""

    name = "local"

    def __init__(self, task: Task, pin: LocalPin, pack: str, folder: Path) -> None:
        """`folder` is the pack's own folder."""
        self.task, self.pin, self.folder = task, pin, folder
        self.manifest = read_pack_manifest(folder)
        self.pin_text = f"local pack {pack} {_digest(pin)}"
        self.source_language = pin.source_language
        self.stand_in = pin.stand_in
        self.overlaps = pin.overlaps
        self.dropped: Counter[str] = Counter()

    def stems(self) -> list[str]:
        """The normalised file stems, in the pin's order."""
        return list(self.pin.files)

    def origin(self, stem: str) -> str:
        """The stem's file in the pack, or its files."""
        return ", ".join(str(self.folder / file.path) for file in self.pin.files[stem])

    def rows(self, stem: str) -> list[Row]:
        """Check and read one stem's pack files, concatenated."""
        split = stem.split(".", 1)[0]
        lines = [
            numbered
            for file in self.pin.files[stem]
            for numbered in formats.parse_lines(self._content(file), str(self.folder / file.path))
        ]
        kind = formats.row_kind(self.task.kind, split)
        return formats.normalise_rows(kind, lines, self.task.labels, self.dropped)

    def _content(self, file: PackFile) -> bytes:
        path = self.folder / file.path
        fix = f"take the pack that the pin was made from, or run `harness data pin {self.task.name}`"
        if file.path not in self.manifest:
            raise HarnessError(f"expected an entry for {file.path} in the pack's manifest, found none", fix=fix)
        rows, sha256 = self.manifest[file.path]
        content = integrity.check_file(path, sha256, rows, pinned_by="the pack's manifest")
        if (rows, sha256) != (file.rows, file.sha256):
            raise HarnessError(
                f"expected {file.rows} rows with sha256 {file.sha256} (pin of task {self.task.name}), "
                f"found {rows} with {sha256} in {path}",
                fix=fix,
            )
        return content


def open_source(task: Task, params: Params, root: Path) -> Source:
    """The active source of a task; HarnessError where it has no pin, or its files are not there."""
    if params.data.source == "published":
        return Published(task, store_dir(params, root))
    pin = pin_for(task, params.data.source, params.data.pack)
    if isinstance(pin, GeneratedPin):
        return Generated(task, pin)
    return Local(task, pin, str(params.data.pack), pack_folder(data_dir(params, root)))


def pack_folder(folder: Path | None) -> Path:
    """The data pack's folder, once it is known to be one."""
    fix = "set data.data_dir in params.yaml, or HARNESS_DATA_DIR, to the pack's folder"
    if folder is None:
        raise HarnessError("expected the folder of the data pack, found neither data_dir nor HARNESS_DATA_DIR", fix=fix)
    if not folder.is_dir():
        raise HarnessError(f"expected the folder of the data pack, found no folder {folder}", fix=fix)
    return folder


def read_pack_manifest(folder: Path) -> Mapping[str, tuple[int, str]]:
    """Path in the pack -> (rows, sha256), from manifest.json in the folder, or beside it for several packs.

    In the manifest beside it, paths begin with the folder's name ("mini/xnli/test.de.jsonl"). Rows are called
    `rows` or `examples`.
    """
    own, shared = folder / MANIFEST, folder.parent / MANIFEST
    path = own if own.is_file() else shared
    prefix = "" if path == own else f"{folder.name}/"
    fix = "point data_dir (HARNESS_DATA_DIR) at a pack: a folder with manifest.json in it or beside it"
    if not path.is_file():
        raise HarnessError(f"expected {MANIFEST} in {folder} or beside it, found none", fix=fix)
    try:
        entries = parse_json(path.read_bytes(), str(path), fix)["files"]
        listed = [(entry["file"], entry.get("rows", entry.get("examples")), entry["sha256"]) for entry in entries]
    except (OSError, KeyError, TypeError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise HarnessError(
            f"expected a list `files` with file, rows and sha256 in {path}, found {problem}", fix=fix
        ) from None
    files: dict[str, tuple[int, str]] = {}
    for name, rows, sha256 in listed:
        if not isinstance(name, str) or type(rows) is not int or not isinstance(sha256, str):
            expected = "a name in `file`, a whole number in `rows` and a text in `sha256`"
            found = f"{name!r:.80}, {rows!r:.80} and {sha256!r:.80}"
            raise HarnessError(f"expected {expected} of every file in {path}, found {found}", fix=f"correct {path}")
        if files.setdefault(name, (rows, sha256)) != (rows, sha256):
            raise HarnessError(f"expected one entry for {name} in {path}, found two that differ", fix=f"correct {path}")
    files = {name.removeprefix(prefix): entry for name, entry in files.items() if name.startswith(prefix)}
    if not any((folder / name).exists() for name in files):
        raise HarnessError(f"expected files of the pack in {folder}, found none of those that {path} lists", fix=fix)
    return files


def _digest(pin: GeneratedPin | LocalPin) -> str:
    return "sha256 " + integrity.sha256_bytes(pin.model_dump_json().encode("utf-8"))
