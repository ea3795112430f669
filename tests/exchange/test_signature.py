"""Who made an archive: a signature by an SSH key beside it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from crates import small

from harness.exchange.read import CrateRefused, verify_crate
from harness.exchange.signature import NAMESPACE, check_signature, sign, signature_of
from harness.project.errors import HarnessError

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here (openssh-client)")


def make_key(folder: Path, name: str) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True)
    return folder / name


def known(folder: Path, **keys: Path) -> Path:
    lines = [f"{name} {key.with_name(key.name + '.pub').read_text()}" for name, key in keys.items()]
    path = folder / "signers"
    path.write_text("".join(lines))
    return path


@needs_ssh
def test_a_signature_names_its_signer_and_holds_for_these_bytes_alone(tmp_path: Path) -> None:
    archive, key, other = small(tmp_path / "a.zip", a=b"x"), make_key(tmp_path, "ada"), make_key(tmp_path, "eve")
    assert check_signature(archive, None).words == "unsigned"
    assert sign(archive, key) == signature_of(archive)
    said = check_signature(archive, None)
    assert "SHA256:" in said.words and "nobody told" in said.words and (said.signer, said.problem) == (None, "")
    assert check_signature(archive, known(tmp_path, ada=key, eve=other)).signer == "ada"
    assert "somebody whom" in check_signature(archive, known(tmp_path, eve=other)).problem
    archive.write_bytes(archive.read_bytes() + b"\0")
    assert "to be the signature of a.zip" in check_signature(archive, known(tmp_path, ada=key)).problem
    with pytest.raises(CrateRefused, match="signature"):
        verify_crate(archive, None)


@needs_ssh
def test_a_signature_for_something_else_does_not_fit(tmp_path: Path) -> None:
    archive, key = small(tmp_path / "a.zip", a=b"x"), make_key(tmp_path, "ada")
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(key), str(archive)]
    subprocess.run(command, check=True, capture_output=True)
    assert NAMESPACE != "git" and check_signature(archive, known(tmp_path, ada=key)).problem


def test_what_is_lacking_is_said_in_one_paragraph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = small(tmp_path / "a.zip", a=b"x")
    with pytest.raises(HarnessError, match="expected an SSH key"):
        sign(archive, tmp_path / "none")
    with pytest.raises(HarnessError, match="file of known signers"):
        check_signature(archive, tmp_path / "none")
    signature_of(archive).write_text("no signature")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HarnessError, match="expected the program ssh-keygen"):
        check_signature(archive, None)
