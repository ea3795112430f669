"""What a cluster's machine does, without a cluster: files that travel, identity, and a unit in a folder of its own."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.experiment.inputs import units_sha256, write_recipe, write_target
from harness.launch.cluster import node, ray_cluster, shipping
from harness.launch.cluster.driver import fitting, units_at_once, write_probe
from harness.launch.cluster.messages import Identity, UnitReport, UnitRequest
from harness.launch.cluster.shipping import Shipper, Store, write_pieces
from harness.launch.container import container
from harness.launch.work import Work, cell_work, intermediate_work
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell

Toy = tuple[Params, Paths]
HERE = Identity(units_sha256(), node.versions(), None)


class Carrier:
    """In place of Ray's object store."""

    def __init__(self) -> None:
        self.held: list[bytes] = []
        self.got = 0

    def put(self, piece: bytes) -> int:
        self.held.append(piece)
        return len(self.held) - 1

    def get(self, reference: int) -> bytes:
        self.got += 1
        return self.held[reference]


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Carrier:
    monkeypatch.setattr(shipping, "PIECE_BYTES", 4)
    monkeypatch.setenv(node.NODE_FOLDER, str(tmp_path / "node"))
    return Carrier()


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    root = tmp_path / "sent"
    (root / "folder" / "inner").mkdir(parents=True)
    for name, content in {"a": b"0123456789", "folder/b": b"", "folder/inner/c": b"0123456789"}.items():
        (root / name).write_bytes(content)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in shipping.files_below(folder)}


def test_files_arrive_as_they_were_and_each_content_travels_once(carrier: Carrier, sent: Path, tmp_path: Path) -> None:
    shipper, store = Shipper(carrier.put), Store(tmp_path / "store")
    inputs = [sent / "a", sent / "folder", sent / "missing"]
    store.lay_out(shipper.ship(inputs, sent), tmp_path / "first", carrier.get)
    assert contents(tmp_path / "first") == contents(sent)
    assert carrier.held == [b"0123", b"4567", b"89"]
    assert carrier.got == 3
    store.lay_out(shipper.ship(inputs, sent), tmp_path / "second", carrier.get)
    assert contents(tmp_path / "second") == contents(sent)
    assert (len(carrier.held), carrier.got) == (3, 3)
    (sent / "a").write_bytes(b"changed")
    store.lay_out(shipper.ship(inputs, sent), tmp_path / "third", carrier.get)
    assert contents(tmp_path / "third") == contents(sent)


def test_a_spoiled_file_of_the_store_is_got_again(carrier: Carrier, sent: Path, tmp_path: Path) -> None:
    store, shipped = Store(tmp_path / "store"), Shipper(carrier.put).ship([sent / "a"], sent)
    store.lay_out(shipped, tmp_path / "first", carrier.get)
    (kept,) = shipping.files_below(tmp_path / "store")
    assert kept.name == hashlib.sha256(b"0123456789").hexdigest()
    kept.chmod(0o644)
    kept.write_bytes(b"spoiled")
    store.lay_out(shipped, tmp_path / "second", carrier.get)
    assert contents(tmp_path / "second") == {"a": b"0123456789"}


def test_bytes_that_changed_on_the_way_are_refused(carrier: Carrier, sent: Path, tmp_path: Path) -> None:
    shipped = Shipper(carrier.put).ship([sent / "a"], sent)
    carrier.held[1] = b"XXXX"
    with pytest.raises(HarnessError, match="after the transfer"):
        Store(tmp_path / "store").lay_out(shipped, tmp_path / "first", carrier.get)
    assert shipping.files_below(tmp_path / "store") == []
    with pytest.raises(HarnessError, match="after the transfer"):
        write_pieces(tmp_path / "short", [b"0123"], shipped["a"].sha256)
    assert not (tmp_path / "short").exists()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (HERE, ""),
        (Identity("0" * 64, HERE.packages, None), r"driver's code \(units 000000000000\), found other code"),
        (
            Identity(HERE.code_sha256, HERE.packages | {"torch": "1.0"}, None),
            r"torch 1\.0, found torch \d.* in .*python",
        ),
    ],
)
def test_a_machine_that_differs_says_in_what(wanted: Identity, words: str) -> None:
    assert re.fullmatch(f".*{words}.*" if words else "", node.problem_here(wanted))


def test_a_machine_without_the_pinned_image_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    problem = node.problem_here(Identity(HERE.code_sha256, {}, "sha256:" + "0" * 64))
    assert problem.startswith("expected a Docker engine that answers, found none")


def test_a_folder_is_shared_where_the_probe_is_read_and_answered(tmp_path: Path) -> None:
    probe = write_probe(tmp_path / "scratch")
    report = node.describe(HERE, probe, "answer")
    assert (report.problem, report.shares) == ("", True)
    assert (tmp_path / "scratch" / "answer").read_text() == probe.token
    probe.file.write_text("of another run")
    assert not node.describe(HERE, probe, "other").shares
    probe.file.unlink()
    assert not node.describe(HERE, probe, "other").shares
    assert not (tmp_path / "scratch" / "other").exists()


def test_room_is_counted_and_a_lack_of_it_named() -> None:
    nodes: list[dict[str, Any]] = [
        {"NodeID": "1", "NodeManagerHostname": "small", "Resources": {"CPU": 3.0}},
        {"NodeID": "2", "NodeManagerHostname": "large", "Resources": {"CPU": 8.0, "GPU": 2.0, "memory": 1e9}},
    ]
    assert fitting(nodes, {"CPU": 2.0, "GPU": 0.0}) == ["1", "2"]
    assert [units_at_once(one["Resources"], {"CPU": 2.0, "GPU": 0.0}) for one in nodes] == [1, 4]
    assert units_at_once(nodes[1]["Resources"], {"CPU": 2.0, "GPU": 1.0}) == 2
    with pytest.raises(HarnessError, match=r"9 CPU and 1 GPU .*\(small: 3 CPU and 0 GPU; large: 8 CPU and 2 GPU\)"):
        fitting(nodes, {"CPU": 9.0, "GPU": 1.0})


@pytest.fixture
def requested(toy_copy: Toy, carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> Callable[..., UnitRequest]:
    """Requests for a cell in a toy project; `files`: its inputs travel."""
    params, paths = toy_copy
    monkeypatch.setattr(shipping, "PIECE_BYTES", 1 << 16)
    write_recipe("none", params, paths)
    write_target("udpos", params, paths)
    probe = write_probe(paths.scratch / "own")

    def request(files: bool, identity: Identity = HERE, cell: bool = True) -> UnitRequest:
        work = cell_work(Cell(recipe="none", target="udpos", seed=1), paths)
        work = work if cell else intermediate_work("none", 1, params, paths)
        shipped = Shipper(carrier.put).ship(work.inputs, paths.root) if files else None
        log = paths.logs / "unit.log"
        return UnitRequest(work, paths.root, params.profile, identity, probe, log, 1, shipped)

    return request


def run(request: UnitRequest, carrier: Carrier) -> tuple[UnitReport, list[bytes]]:
    report, *pieces = node.run(request, carrier.get)
    assert isinstance(report, UnitReport)
    return report, [piece for piece in pieces if isinstance(piece, bytes)]


def test_a_unit_without_the_folder_sends_back_what_it_wrote(
    requested: Callable[..., UnitRequest], carrier: Carrier, capfd: pytest.CaptureFixture[str]
) -> None:
    before = os.getcwd()
    report, pieces = run(requested(files=True, cell=False), carrier)
    assert report.code == 0, report.words
    assert {Path(name).parent.name for name in report.outputs} == {"none-1", "intermediate"}
    joined = b"".join(pieces)
    for name, (sha256, count) in report.outputs.items():
        assert count == 1, name
        assert sha256 in {hashlib.sha256(piece).hexdigest() for piece in pieces}
    assert joined and list((node.node_folder() / "units").iterdir()) == []
    print("still heard")
    assert os.getcwd() == before and "still heard" in capfd.readouterr().out


def test_a_unit_that_fails_without_the_folder_sends_back_its_words(
    requested: Callable[..., UnitRequest], carrier: Carrier
) -> None:
    report, pieces = run(requested(files=True), carrier)  # its checkpoint is not there
    assert (report.code, pieces, report.outputs) == (2, [], {})
    assert report.words.startswith("harness: expected ")


def test_a_unit_in_a_container_writes_into_a_folder_of_its_own_and_sends_back_what_it_wrote(
    requested: Callable[..., UnitRequest], carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Paths] = []

    def in_container(work: Work, params: Params, paths: Paths, into: Paths) -> int:
        seen.extend([paths, into])
        assert all(path.is_relative_to(paths.root) for path in work.inputs)
        (output,) = work.outputs
        assert output == into.cell("none", "udpos", 1)
        output.mkdir(parents=True)
        (output / "result.json").write_bytes(b"{}")
        print("said in the container")
        return 0

    monkeypatch.setattr(container, "run_work", in_container)
    monkeypatch.setattr(node, "problem_here", lambda identity: "")
    identity = Identity(HERE.code_sha256, {}, "sha256:" + "0" * 64)
    request = requested(files=True, identity=identity)
    report, pieces = run(request, carrier)
    (output,) = report.outputs
    assert (report.code, report.words, pieces) == (0, "said in the container\n", [b"{}"])
    assert output == (request.work.outputs[0] / "result.json").relative_to(request.root).as_posix()
    assert not seen[0].root.is_relative_to(request.root) and seen[0].root != seen[1].root
    report, pieces = run(requested(files=False, identity=identity), carrier)
    assert pieces == [] and (report.scratch / output).read_bytes() == b"{}"
    assert seen[2].root == request.root and "said in the container" in request.log.read_text()


def test_a_machine_that_differs_runs_nothing(requested: Callable[..., UnitRequest], carrier: Carrier) -> None:
    request = requested(files=False, identity=Identity("0" * 64, {}, None))
    report, _ = run(request, carrier)
    assert report.code == 2 and "found other code" in request.log.read_text()
    assert not report.scratch.exists()


def test_a_machine_that_does_not_see_the_folder_says_so(
    requested: Callable[..., UnitRequest], carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "PATIENCE_S", 0.0)
    request = requested(files=False)
    request.probe.file.unlink()
    report, _ = run(request, carrier)
    assert not report.shared and not request.log.exists()


def test_a_folder_of_somebody_else_is_not_used(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(HarnessError, match="expected a folder of this user"):
        node.node_folder()


def test_without_ray_the_option_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(HarnessError, match=r"expected the package `ray` for --ray.*pip install 'ray"):
        ray_cluster.import_ray("127.0.0.1:6379")


def test_a_cluster_and_a_number_of_workers_exclude_each_other(harness: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = harness("repro", "--ray", "local", "--jobs", "2")
    assert code == 2 and "expected --jobs or --ray, found both" in err
