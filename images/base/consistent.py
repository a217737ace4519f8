"""Ends a build whose packages do not fit together, or that replaces a version which the family keeps.

`consistent.py record` writes down what is installed and what `pip check` complains of; `consistent.py check`
demands that no complaint was added, and that packages of kept.txt have the recorded versions. REPLACES in the
environment names those that may be other ones, ACCEPTS the packages whose complaints are none: what the image
does not run. It runs on any Python from 3.10.
"""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

HERE = Path(__file__).parent
RECORD = HERE / "installed.json"


def normalized(name: str) -> str:
    """The name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def words(variable: str) -> set[str]:
    """The names in a variable of the environment."""
    return {normalized(name) for name in os.environ.get(variable, "").split()}


def installed() -> dict[str, str]:
    """The version of each package that this interpreter imports, its own environment's first."""
    found: dict[str, str] = {}
    for package in distributions():
        # A directory that was removed by hand leaves a package without metadata.
        if name := package.metadata["Name"]:
            found.setdefault(normalized(name), package.version)
    return found


def complaints() -> list[str]:
    """What `pip check` says, a line for each package that lacks something."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout.splitlines() if done.returncode else []


def main(command: str) -> str | None:
    """Returns what is wrong."""
    if command == "record":
        RECORD.write_text(json.dumps({"packages": installed(), "complaints": complaints()}))
        return None
    before = json.loads(RECORD.read_text())
    known, accepted = set(before["complaints"]), words("ACCEPTS")
    wrong = [
        line for line in complaints() if line not in known and normalized(line.split()[0]) not in accepted
    ]
    kept = {normalized(name) for name in (HERE / "kept.txt").read_text().split()} - words("REPLACES")
    now = installed()
    wrong += [
        f"{name} {version} of the base image is now {now.get(name, 'gone')}: the family keeps it"
        for name, version in before["packages"].items()
        if name in kept and now.get(name) != version
    ]
    return "\n".join(wrong) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
