"""An image as one file to keep: an OCI layout in a tar archive, with its sha256 beside it.

Base images get deleted from registries; this file does not. It carries Docker's own manifest.json as well, so that
every engine loads it (`docker load`), and the same image gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from harness.project.errors import HarnessError

MEDIA = "application/vnd.oci.image"
CHUNK = 1 << 20


def write_archive(pieces: Iterable[bytes], out: Path, advance: Callable[[], object] = lambda: None) -> str:
    """Turn the engine's archive (`docker save`, in pieces) into an OCI archive at `out`; returns the file's sha256.

    Writes `out`.sha256 as sha256sum does. `advance` is called for every CHUNK bytes read. Raises HarnessError if a
    layer is not what the image's configuration says, or the disk is full; nothing is left half-written then.
    """
    partial = out.with_name(out.name + ".partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent) as spool:
            for piece in pieces:
                before = spool.tell()
                spool.write(piece)
                for _ in range(before // CHUNK, spool.tell() // CHUNK):
                    advance()
            spool.seek(0)
            with tarfile.open(fileobj=spool) as source, tarfile.open(partial, "w") as target:
                _convert(source, target)
        with partial.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        partial.replace(out)
        out.with_name(out.name + ".sha256").write_text(f"{digest}  {out.name}\n", encoding="utf-8")
    except (OSError, tarfile.TarError) as error:
        raise HarnessError(
            f"expected to write {out}, found: {getattr(error, 'strerror', None) or error}",
            fix="free twice the image's size on that disk, or choose another with --out",
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return digest


def _convert(source: tarfile.TarFile, target: tarfile.TarFile) -> None:
    entry = json.loads(_open(source, "manifest.json").read())[0]
    config = _open(source, entry["Config"]).read()
    image = json.loads(config)
    layers = [
        _copy_layer(source, name, diff_id, target)
        for name, diff_id in zip(entry["Layers"], image["rootfs"]["diff_ids"], strict=True)
    ]
    described = _descriptor(f"{MEDIA}.config.v1+json", config)
    manifest = _json(
        {"schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json", "config": described, "layers": layers}
    )
    platform = {"architecture": image["architecture"], "os": image["os"]}
    listed = _descriptor(f"{MEDIA}.manifest.v1+json", manifest) | {"platform": platform}
    _add(target, _blob(described["digest"]), config)
    _add(target, _blob(listed["digest"]), manifest)
    _add(target, "index.json", _json({"schemaVersion": 2, "manifests": [listed]}))
    _add(target, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    paths = [_blob(layer["digest"]) for layer in layers]
    _add(target, "manifest.json", _json([{"Config": _blob(described["digest"]), "RepoTags": None, "Layers": paths}]))


def _copy_layer(source: tarfile.TarFile, name: str, diff_id: str, target: tarfile.TarFile) -> dict[str, Any]:
    """Copy a layer as a blob (once, if the image has it twice); returns its descriptor."""
    digest, size, packed = hashlib.sha256(), 0, False
    with _open(source, name) as stream:
        while chunk := stream.read(CHUNK):
            packed = packed or (size == 0 and chunk[:2] == b"\x1f\x8b")
            digest.update(chunk)
            size += len(chunk)
    found = f"sha256:{digest.hexdigest()}"
    if not packed and found != diff_id:
        raise HarnessError(
            f"expected a layer {diff_id} in the engine's archive, found {found}", fix="run `harness image save` again"
        )
    if _blob(found) not in target.getnames():
        info = tarfile.TarInfo(_blob(found))
        info.size = size
        with _open(source, name) as stream:
            target.addfile(info, stream)
    return {"mediaType": f"{MEDIA}.layer.v1.tar{'+gzip' if packed else ''}", "digest": found, "size": size}


def _open(source: tarfile.TarFile, name: str) -> IO[bytes]:
    """A member of the engine's archive; one that links to another is followed."""
    try:
        stream = source.extractfile(name)
    except KeyError:
        stream = None
    if stream is None:
        raise HarnessError(f"expected {name} in the engine's archive, found none", fix="run `harness image save` again")
    return stream


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {
        "mediaType": media_type,
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "size": len(content),
    }


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _json(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _add(target: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    target.addfile(info, io.BytesIO(content))
