"""Room for a download: on the node's disk, and within what the pod may write there."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from neuron_compiler.failure import CompileError
from neuron_compiler.sources import scratch


@pytest.mark.parametrize(
    ("size", "free", "limit", "reason", "code"),
    [
        (10, 9, None, "NodeDiskFull", 11),
        (10, 100, "9", "DiskFull", 10),
        (10, 9, "9", "DiskFull", 10),
        (10, 10, "10", None, 0),
        (10, 100, "", None, 0),
    ],
)
def test_a_model_that_does_not_fit_is_refused_before_it_is_fetched(
    size: int, free: int, limit: str | None, reason: str | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCRATCH_LIMIT", raising=False)
    if limit is not None:
        monkeypatch.setenv("SCRATCH_LIMIT", limit)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    if reason is None:
        scratch.need(size, Path("/model"), "hf://a/b")
        return
    with pytest.raises(CompileError) as raised:
        scratch.need(size, Path("/model"), "hf://a/b")
    assert (raised.value.reason, raised.value.exit_code) == (reason, code)
    assert "hf://a/b needs" in raised.value.message
