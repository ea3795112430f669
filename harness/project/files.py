"""Files: their hashes and counts, and JSON and YAML, read in one place so that what is written twice is refused.

Nothing is read as data before its bytes equal what was pinned.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from harness.project.errors import HarnessError, writing

DEEPEST = 200
"""So many levels of lists and keys a YAML file may have; ours have seven."""


def sha256_bytes(content: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Lower-case hex of a file's bytes, however large; HarnessError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def count_rows(content: bytes) -> int:
    """Lines; a last line without its newline counts."""
    return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


def check_file(path: Path, sha256: str, rows: int, pinned_by: str = "its pin", fix: str | None = None) -> bytes:
    """The file's content (.gz decompressed), once its sha256 and its number of rows equal the pinned ones.

    Raises HarnessError with the file, what was expected (and by whom) and what was found.
    """
    stored = _read(path)
    found = sha256_bytes(stored)
    fix = fix or "copy the file from its source again; if the change is meant, pin it (`harness data pin TASK`)"
    if found != sha256:
        raise HarnessError(f"expected sha256 {sha256} ({pinned_by}), found {found} in {path}", fix=fix)
    try:
        content = gzip.decompress(stored) if path.suffix == ".gz" else stored
    except (OSError, EOFError, zlib.error) as error:
        raise HarnessError(f"expected gzip in {path}, found: {error}", fix=fix) from None
    if count_rows(content) != rows:
        raise HarnessError(f"expected {rows} rows ({pinned_by}), found {count_rows(content)} in {path}", fix=fix)
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> HarnessError:
    return HarnessError(
        f"expected a readable file {path}, found: {error.strerror or error}",
        fix="put the file there and make it readable, or point data_dir (HARNESS_DATA_DIR) at the folder that holds it",
    )


def parse_json(content: str | bytes, where: str, fix: str | None = None) -> Any:
    """The value of a JSON text. `where`: its file, or "file:line" of one line.

    Raises HarnessError for what is not UTF-8, not JSON, nested too deeply, a number of too many digits, half a
    surrogate pair, and a key that an object has twice (naming it, and its line where the text has several).
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_object)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # only an escape can make half a pair
    except _Twice as error:
        raise _repeated_key(text, error.key, where, fix) from None
    except UnicodeDecodeError:
        raise HarnessError(f"expected UTF-8, found {content!r:.120} in {where}", fix) from None
    except UnicodeEncodeError:
        raise HarnessError(f"expected valid Unicode, found a lone surrogate in {where}", fix) from None
    except RecursionError:
        raise HarnessError(f"expected JSON, found lists or objects nested too deeply in {where}", fix) from None
    except json.JSONDecodeError as error:
        raise HarnessError(f"expected JSON ({error}), found {content!r:.120} in {where}", fix) from None
    except ValueError as error:  # a number beyond Python's limit of digits
        raise HarnessError(f"expected JSON, found: {str(error).partition(';')[0]} in {where}", fix) from None
    return value


def refuse_repeated_keys(content: bytes, where: str, fix: str | None = None) -> None:
    """HarnessError where a JSON text has a key twice in one object; what else is wrong with it, its own reader says.

    For records that pydantic reads from JSON: it would take the last.
    """
    try:
        json.loads(content, object_pairs_hook=_object)
    except _Twice as error:
        raise _repeated_key(content.decode("utf-8", "replace"), error.key, where, fix) from None
    except (ValueError, RecursionError):
        return


class _Twice(Exception):
    """An object has a key twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        raise _Twice(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def _repeated_key(text: str, key: str, where: str, fix: str | None) -> HarnessError:
    line = _line_of_repeated(text, key) if "\n" in text.strip() else ""
    return HarnessError(f"expected every key once, found `{ascii(key)[1:-1]:.80}` twice in {where}{line}", fix)


def _line_of_repeated(text: str, key: str) -> str:
    """Where a JSON text has a key for the second time in one object, for messages; JSON is YAML, which knows lines."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return ""
    places = [mark.line + 1 for name, mark in _repeated(node) if name == key] if node else []
    return f", line {places[0]}" if places else ""


class YamlLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The C loader, where PyYAML has it: ten times as fast. It refuses a key that a mapping has twice, at any depth."""

    def construct_document(self, node: yaml.Node) -> Any:
        """The document's value; yaml.YAMLError names a repeated key and its line."""
        try:
            return self._plain(node, set())
        except _NotPlain:
            for key, mark in _repeated(node):
                raise yaml.MarkedYAMLError(problem=f"the key `{key}` twice at", problem_mark=mark) from None
        return super().construct_document(node)

    def _plain(self, node: yaml.Node, seen: set[int]) -> Any:
        """The value of a node below which are lists, mappings and scalars alone, in half of PyYAML's own time.

        `seen`: the collections so far. Raises _NotPlain where a key stands twice, and for aliases, tags, merged
        mappings and keys that are no scalars, which PyYAML's own way sorts out.
        """
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.tag == _STRING else self.construct_object(node)
        if node.tag not in _COLLECTIONS or id(node) in seen:
            raise _NotPlain
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(one, seen) for one in node.value]
        if not all(isinstance(key, yaml.ScalarNode) and key.tag != _MERGE for key, _ in node.value):
            raise _NotPlain
        found = {self._plain(key, seen): self._plain(value, seen) for key, value in node.value}
        if len(found) < len(node.value):
            raise _NotPlain
        return found


_STRING, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class _NotPlain(Exception):
    """A YAML document holds more than plain lists, mappings and scalars."""


def _repeated(node: yaml.Node) -> Iterator[tuple[str, yaml.Mark]]:
    """(key, place of its second mention) of the mappings' keys that are written twice."""
    inner, seen = [node], {id(node)}
    while inner:
        at = inner.pop()
        children: list[yaml.Node] = []
        if isinstance(at, yaml.MappingNode):
            keys: set[tuple[str, str]] = set()
            for key, value in at.value:
                if isinstance(key, yaml.ScalarNode):
                    if (key.tag, key.value) in keys:
                        yield key.value, key.start_mark
                    keys.add((key.tag, key.value))
                children += [key, value]
        elif isinstance(at, yaml.SequenceNode):
            children = at.value
        inner += [child for child in children if not isinstance(child, yaml.ScalarNode) and id(child) not in seen]
        seen.update(map(id, children))


def read_yaml(path: Path, fix: str = "correct that line") -> Any:
    """The value of a YAML file.

    Raises HarnessError where it is missing, can't be read, is no YAML, or has a key twice (naming it and its line).
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HarnessError(f"expected {path}, found no such file", fix=f"restore {path}, or correct it") from None
    except OSError as error:
        problem = error.strerror or str(error)
        raise HarnessError(f"expected a file at {path}, found: {problem}", fix="name a file that can be read") from None
    except (yaml.YAMLError, ValueError) as error:
        problem = " ".join(str(error).replace('in "<unicode string>", ', "").split())
        raise HarnessError(f"expected YAML in {path}, found: {problem}", fix=fix) from None


def parse_yaml(text: str) -> Any:
    """The value of YAML text; yaml.YAMLError or ValueError where it is none, nests too deeply or has a key twice."""
    refuse_depth(text)
    return yaml.load(text, Loader=YamlLoader)


def refuse_depth(text: str) -> None:
    """ValueError for nesting that would overflow the C loader's stack, which ends the process."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    if deepest > DEEPEST or re.search(rf"(?:[-?][ \t]+){{{DEEPEST}}}|^ {{{DEEPEST},}}\S", text, flags=re.MULTILINE):
        raise ValueError(f"lists and keys nested deeper than {DEEPEST} levels")


def write_json(path: Path, content: Any) -> None:
    """Write JSON as `write_text` does."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1, sort_keys=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file by an atomic rename, so that one that exists is whole. OSError becomes HarnessError."""
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
