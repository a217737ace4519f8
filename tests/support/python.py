"""Programs of the tests that run in a process of their own."""

import os
import sys


def importing_the_same() -> dict[str, str]:
    """The environment in which a new Python finds what this one finds, however the tests were started."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
