"""Images without an engine: labels against the checkout, the line in params.yaml, the archive to keep."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
import toy as toys

from harness.experiment.inputs import units_sha256
from harness.launch.container import image
from harness.launch.container.oci_archive import CHUNK, write_archive
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params

Toy = tuple[Params, Paths]
NEW = "sha256:" + "1" * 64


def test_the_dockerfile_pins_its_base_by_digest() -> None:
    base = image.pinned_base(toys.ROOT)
    assert base.startswith("python:3.11-slim-bookworm@sha256:") and len(base.partition("@sha256:")[2]) == 64


def test_the_dockerfile_and_the_harness_agree() -> None:
    text = (toys.ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {image.IMAGE_USER}:{image.IMAGE_USER}" in text and f"WORKDIR {image.WORK}\n" in text
    for argument in image.build_arguments(toys.ROOT, "cpu", "base", "sha256:0", ""):
        assert f"ARG {argument}" in text, argument
    for label in (
        image.COMMIT_LABEL,
        image.BASE_LABEL,
        image.LOCK_LABEL,
        image.CODE_LABEL,
        image.TORCH_LABEL,
        image.DIRTY_LABEL,
    ):
        assert f"{label}=" in text, label


def test_pinning_changes_one_line_and_keeps_the_comments(toy_copy: Toy) -> None:
    root = toy_copy[1].root
    path = root / "params.yaml"
    before = (toys.ROOT / "profiles" / "lab.yaml").read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    image.write_image(path, NEW)
    after = path.read_text(encoding="utf-8")
    changed = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert len(changed) == 1 and changed[0][1].startswith(f"image: {NEW} #")
    assert load_params(root).image == NEW
    image.write_image(path, "registry.example/harness@" + NEW)
    assert load_params(root).image == "registry.example/harness@" + NEW


def test_a_params_file_without_the_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("profile: lab\n", encoding="utf-8")
    with pytest.raises(HarnessError, match="one line `image"):
        image.write_image(tmp_path / "params.yaml", NEW)


@pytest.mark.parametrize("value", ["harness:latest", "python@sha256:abc", "latest", "sha256:" + "A" * 64])
def test_a_tag_is_no_pin(toy_copy: Toy, value: str) -> None:
    root = toy_copy[1].root
    toys.write_params(root, toys.toy_settings() | {"image": value})
    with pytest.raises(HarnessError, match=r"bad value of `image`.*never a tag"):
        load_params(root)


def test_containers_need_a_pinned_image(toy_copy: Toy) -> None:
    root = toy_copy[1].root
    toys.write_params(root, toys.toy_settings() | {"runtime": "docker"})
    with pytest.raises(HarnessError, match=r"runtime `docker` needs `image`.*harness image pin"):
        load_params(root)


def fitting_labels(commit: str) -> dict[str, str]:
    lock = hashlib.sha256((toys.ROOT / "requirements" / "cpu.txt").read_bytes()).hexdigest()
    return {
        image.TORCH_LABEL: "cpu",
        image.LOCK_LABEL: lock,
        image.CODE_LABEL: units_sha256(),
        image.COMMIT_LABEL: commit,
        image.DIRTY_LABEL: "false",
    }


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    found = subprocess.run(["git", "-C", str(root), *identity, *arguments], capture_output=True, text=True, check=True)
    return found.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small repository with what an image is built from."""
    for name in ("harness/project/results.py", "pyproject.toml", "Dockerfile", "requirements/cpu.txt", "params.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def labels_of(checkout: Path) -> dict[str, str]:
    return {
        image.TORCH_LABEL: "cpu",
        image.LOCK_LABEL: hashlib.sha256((checkout / "requirements" / "cpu.txt").read_bytes()).hexdigest(),
        image.CODE_LABEL: units_sha256(),
        image.COMMIT_LABEL: git(checkout, "rev-parse", "HEAD"),
        image.DIRTY_LABEL: "false",
    }


def test_an_image_of_this_checkout_fits_and_pinning_it_changes_nothing(checkout: Path) -> None:
    labels = labels_of(checkout)
    assert [finding.fits for finding in image.compare(checkout, labels)] == [True, True, True]
    (checkout / "params.yaml").write_text("image: pinned", encoding="utf-8")
    git(checkout, "commit", "-qam", "pinned")
    assert [finding.fits for finding in image.compare(checkout, labels)] == [True, True, True]


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({image.LOCK_LABEL: "0" * 64}, {"lock (requirements/cpu.txt)"}),
        ({image.CODE_LABEL: "0" * 64}, {"code that units run"}),
        ({image.DIRTY_LABEL: "true"}, {"source commit"}),
        ({image.COMMIT_LABEL: ""}, {"source commit"}),
        ({image.COMMIT_LABEL: "c0ffee"}, {"source commit"}),
        ({image.TORCH_LABEL: ""}, {"lock (requirements/?.txt)"}),
    ],
)
def test_what_does_not_fit_is_named(checkout: Path, change: dict[str, str], differing: set[str]) -> None:
    findings = image.compare(checkout, labels_of(checkout) | change)
    assert {finding.what for finding in findings if not finding.fits} == differing


def test_code_changed_since_the_image_was_built_is_named(checkout: Path) -> None:
    labels = labels_of(checkout)
    (checkout / "harness" / "project" / "results.py").write_text("changed", encoding="utf-8")
    finding = image.compare(checkout, labels)[-1]
    assert not finding.fits and "since then changed: harness/project/results.py" in finding.found


def engine_archive(layers: list[bytes], diff_ids: list[str] | None = None) -> bytes:
    """What `docker save` writes, in the layout of Docker 20."""
    ids = diff_ids or [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ids}}
    ).encode()
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    files = dict(zip(names, layers, strict=True)) | {"abc.json": config}
    files["manifest.json"] = json.dumps([{"Config": "abc.json", "RepoTags": None, "Layers": names}]).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def pieces(content: bytes) -> list[bytes]:
    return [content[i : i + 1000] for i in range(0, len(content), 1000)]


def test_the_archive_is_an_oci_layout_whose_every_digest_holds(tmp_path: Path) -> None:
    layers = [b"first" * 3000, b"second", b"first" * 3000]
    out = tmp_path / "kept" / "image.oci.tar"
    digest = write_archive(pieces(engine_archive(layers)), out)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == digest
    assert (out.parent / "image.oci.tar.sha256").read_text(encoding="utf-8") == f"{digest}  image.oci.tar\n"
    with tarfile.open(out) as archive:
        files = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}

    def blob(descriptor: dict[str, object]) -> bytes:
        content = files[str(descriptor["digest"]).replace("sha256:", "blobs/sha256/")]
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == descriptor["digest"]
        assert len(content) == descriptor["size"]
        return content

    manifest = json.loads(blob(json.loads(files["index.json"])["manifests"][0]))
    assert [blob(layer) for layer in manifest["layers"]] == layers
    assert json.loads(blob(manifest["config"]))["os"] == "linux"
    # Docker's own list leads to the same files.
    listed = json.loads(files["manifest.json"])[0]
    assert [files[name] for name in listed["Layers"]] == layers and listed["Config"] in files
    again = tmp_path / "again.tar"
    assert write_archive(pieces(engine_archive(layers)), again) == digest


def test_progress_counts_what_was_read(tmp_path: Path) -> None:
    counted: list[None] = []
    content = engine_archive([b"x" * (3 * CHUNK)])
    write_archive(pieces(content), tmp_path / "a.tar", lambda: counted.append(None))
    assert len(counted) == len(content) // CHUNK == 3


@pytest.mark.parametrize("content", [engine_archive([b"layer"], ["sha256:" + "0" * 64]), b"", b"no archive" * 100])
def test_a_broken_archive_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "image.oci.tar"
    with pytest.raises(HarnessError):
        write_archive(pieces(content), out)
    assert list(tmp_path.iterdir()) == []
