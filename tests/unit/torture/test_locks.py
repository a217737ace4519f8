import fcntl
import os
import subprocess
import sys
from pathlib import Path

from toolbox.torture.locks import holders

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""


def _lock(work: Path) -> Path:
    (work / "digest").mkdir()
    return work / "digest/lock"


def test_the_holder_of_a_lock_is_found(tmp_path: Path) -> None:
    with _lock(tmp_path).open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        assert holders(tmp_path) == {"digest": {os.getpid()}}
    assert holders(tmp_path) == {}


def test_a_lock_file_that_was_removed_and_made_anew_has_two_holders(tmp_path: Path) -> None:
    path = _lock(tmp_path)
    with path.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        path.unlink()
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout
            assert other.stdout.readline() == "held\n"
            assert holders(tmp_path) == {"digest": {os.getpid(), other.pid}}
            other.communicate("\n")
