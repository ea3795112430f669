"""What a result says of the machine that made it."""

from __future__ import annotations

import pytest

from harness.project import provenance

GENERATIONS = {
    "cpu family 25, model 1, avx2": {"cpu family": "25", "model": "1", "flags": "sse2 avx2"},
    "cpu family 25, model 17, avx2, avx512f": {"cpu family": "25", "model": "17", "flags": "avx512f avx2"},
}


@pytest.mark.parametrize("said", GENERATIONS)
def test_processors_of_one_name_are_told_apart(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_cpu_fields", lambda: {"model name": "A Processor"} | GENERATIONS[said])
    found = provenance.machine.__wrapped__()
    assert (found["cpu"], found["instructions"]) == ("A Processor", said)


def test_an_unknown_processor_has_no_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_cpu_fields", dict)
    found = provenance.machine.__wrapped__()
    assert found["cpu"] and found["instructions"] is None
