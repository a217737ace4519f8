"""Running an engine's commands: output to a log, signs of life to the terminal."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from imagebuild.errors import BuildError

_STEP = re.compile(r"^(STEP \d+/\d+|#\d+ \[)")
_HEARTBEAT_SECONDS = 20.0
_TAIL_LINES = 15


def say(text: str) -> None:
    """One line of progress, on standard error: standard output is for the result."""
    print(text, file=sys.stderr, flush=True)


def output(command: list[str]) -> str:
    """The standard output of a quick command. Raises BuildError with its standard error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def content(command: list[str]) -> bytes:
    """The standard output of a command, as it is. Raises BuildError with its standard error."""
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise BuildError(f"{' '.join(command[:3])} failed: {said[-500:]}")
    return done.stdout


def attempt(command: list[str]) -> bool:
    """Runs a quick command that may fail; whether it did not."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run(command: list[str], log: Path, environ: Mapping[str, str] | None = None) -> None:
    """Runs a long command: everything to the log; build steps, and the last line at times, to the terminal.

    Raises BuildError with the end of the log when the command fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    lines: list[str] = []
    done = threading.Event()

    def heartbeat() -> None:
        while not done.wait(_HEARTBEAT_SECONDS):
            last = lines[-1][:100] if lines else command[0]
            say(f"    ... {time.monotonic() - started:.0f} s: {last}")

    with log.open("a") as file:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environ,
        )
        beat = threading.Thread(target=heartbeat, daemon=True)
        beat.start()
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            lines = [*lines[1 - _TAIL_LINES :], line.rstrip()]
            if _STEP.match(line):
                say(f"    {line.rstrip()[:120]}")
        code = process.wait()
        done.set()
        beat.join()
    if code != 0:
        tail = "\n".join(lines)
        raise BuildError(f"{' '.join(command[:2])} ended with code {code} (whole log: {log}):\n{tail}")
