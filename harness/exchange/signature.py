"""Who made an archive: a signature beside it, by an SSH key, which `ssh-keygen` writes and checks.

FILE.zip.sig holds the signature of the whole zip file, in a namespace of our own, so that no signature given for
something else fits. Whom a key belongs to stands in a file of known signers (`man ssh-keygen`, ALLOWED SIGNERS).
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.project.errors import HarnessError

NAMESPACE = "harness-archive"
SECONDS = 60
"""A key that asks for a passphrase nobody types must not hang a job for ever."""


@dataclass(frozen=True)
class Signature:
    """What is known of an archive's signer."""

    words: str
    """For people."""
    signer: str | None = None
    """The name that the file of known signers gives the key."""
    problem: str = ""
    """Why the signature does not hold; empty where it does, or where there is none."""


def signature_of(archive: Path) -> Path:
    """Where an archive's signature lies."""
    return archive.with_name(archive.name + ".sig")


def sign(archive: Path, key: Path) -> Path:
    """Sign the archive with a private SSH key (or a public one whose private half an agent holds).

    Returns the file of the signature. Raises HarnessError where there is no such key or ssh-keygen refuses it.
    """
    if not key.is_file():
        raise HarnessError(f"expected an SSH key at {key}, found none", fix="make one: `ssh-keygen -t ed25519 -f FILE`")
    signature_of(archive).unlink(missing_ok=True)
    done = _ssh_keygen("sign", "-n", NAMESPACE, "-f", str(key), str(archive))
    if done.returncode != 0 or not signature_of(archive).is_file():
        raise HarnessError(
            f"expected a signature by {key}, found: {_said(done)}", fix="name the private key of an SSH key pair"
        )
    return signature_of(archive)


def check_signature(archive: Path, signers: Path | None) -> Signature:
    """Who signed the archive, by the file of known signers, if there is one.

    Raises HarnessError where that file can't be read, or ssh-keygen is not here and there is a signature.
    """
    if signers is not None and not signers.is_file():
        raise HarnessError(
            f"expected a file of known signers at {signers}, found none",
            fix="write one, a line per signer: NAME KEYTYPE KEY, the last two as in the public key's file",
        )
    kept = signature_of(archive)
    if not kept.is_file():
        return Signature("unsigned")
    plain = _ssh_keygen("check-novalidate", "-n", NAMESPACE, "-s", str(kept), stdin=archive)
    if plain.returncode != 0:
        return Signature("", problem=f"expected {kept.name} to be the signature of {archive.name}: {_said(plain)}")
    if signers is None:
        return Signature(f"signed by {_key(plain)}, whose owner nobody told (`--signers FILE`)")
    named = _ssh_keygen("find-principals", "-s", str(kept), "-f", str(signers))
    for name in named.stdout.decode(errors="replace").splitlines():
        who = ("-I", name, "-f", str(signers), "-n", NAMESPACE, "-s", str(kept))
        if name and _ssh_keygen("verify", *who, stdin=archive).returncode == 0:
            return Signature(f"signed by {name} ({_key(plain)})", signer=name)
    return Signature("", problem=f"expected a signature by somebody whom {signers} names, found one by {_key(plain)}")


def _ssh_keygen(action: str, *arguments: str, stdin: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    command: Sequence[str] = ("ssh-keygen", "-Y", action, *arguments)
    try:
        if stdin is None:
            return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
        with stdin.open("rb") as stream:
            return subprocess.run(command, stdin=stream, capture_output=True, timeout=SECONDS)
    except FileNotFoundError:
        raise HarnessError(
            "expected the program ssh-keygen, which signs archives and checks signatures, found none",
            fix="install OpenSSH's client (Debian: `apt-get install openssh-client`)",
        ) from None
    except subprocess.TimeoutExpired:
        raise HarnessError(
            f"expected an answer of ssh-keygen within {SECONDS} s, found none",
            fix="load a key with a passphrase into an agent (`ssh-add`) and name its public half",
        ) from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join((done.stderr or done.stdout).decode(errors="replace").split()) or f"exit code {done.returncode}"


def _key(done: subprocess.CompletedProcess[bytes]) -> str:
    """The key, as ssh-keygen names it after "with"."""
    return _said(done).rpartition(" with ")[2] or "an unknown key"
