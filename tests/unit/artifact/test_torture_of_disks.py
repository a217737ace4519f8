"""A dozen kills, stalls and errors at random moments; `make torture-disks` does a thousand."""

import secrets
from pathlib import Path

import pytest
from badfs.mounts import CannotMount
from torture.disks import torture

_DOZEN = 12


def test_a_dozen_faults_leave_no_half_artifact_and_none_of_two_writers_and_every_digest_converges(
    tmp_path: Path,
) -> None:
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    try:
        result = torture(tmp_path, _DOZEN, seed)
    except CannotMount as lacking:
        pytest.skip(str(lacking))
    assert result.failures == []
    assert result.events >= _DOZEN
    assert result.looks > 0
