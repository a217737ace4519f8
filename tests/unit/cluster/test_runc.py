"""Docker's runtime for machines that withhold capabilities from root."""

import json
import os
import subprocess
from pathlib import Path

import pytest

_RUNTIME = Path(__file__).resolve().parents[2] / "cluster/runc-as-allowed"
# The numbers are the kernel's; the first, one in the middle, and two that machines withhold.
_NUMBERS = {"CAP_CHOWN": 0, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24, "CAP_BPF": 39}


def allowed() -> list[str]:
    """Which of the capabilities a process here may have."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    mask = int(status["CapBnd"], 16)
    return [name for name, number in _NUMBERS.items() if mask >> number & 1]


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("create", "--bundle", "{}", "id"), "config.json"),
        (("create", "--bundle={}", "id"), "config.json"),
        (("exec", "--process", "{}/process.json", "id"), "process.json"),
    ],
)
def test_a_container_asks_for_no_capability_that_the_machine_withholds(
    tmp_path: Path, arguments: tuple[str, ...], file: str
) -> None:
    (tmp_path / "runc").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "runc").chmod(0o755)
    wanted = {"bounding": list(_NUMBERS), "effective": list(_NUMBERS)[::-1], "ambient": []}
    (tmp_path / file).write_text(json.dumps({"process": {"capabilities": wanted}}, separators=(",", ":")))
    command = [argument.format(tmp_path) for argument in arguments]
    done = subprocess.run(
        [str(_RUNTIME), *command],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == command
    assert json.loads((tmp_path / file).read_text())["process"]["capabilities"] == {
        "bounding": allowed(),
        "effective": allowed()[::-1],
        "ambient": [],
    }
