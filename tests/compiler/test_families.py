"""The compiler with the packages of the Neuron images: older releases of transformers and what goes with it.
What else these images have (AWS's Python and torch) is not there.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Where the image of these tests has what images/families pins, by family.
PACKAGES = Path(os.environ.get("FAMILY_PACKAGES", "/opt/families"))

pytestmark = pytest.mark.skipif(
    not PACKAGES.is_dir(), reason="the packages of images/families are in the image of these tests"
)


# Left out: what starts a program, and what needs sentence-transformers, which inf1's image does not have.
IMPORTING = """
import importlib, pkgutil, sys
import neuron_compiler, neuron_serving, transformers
assert transformers.__version__.startswith("4."), transformers.__version__
for package in (neuron_compiler, neuron_serving):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(("__main__", "libraries.sentences", "libraries.pairs")):
            importlib.import_module(module.name)
            print(module.name)
"""


@pytest.mark.parametrize("family", ["neuronx", "neuron"])
def test_every_module_of_compiler_and_server_is_imported_with_a_familys_packages(family: str) -> None:
    path = os.pathsep.join([str(PACKAGES / family), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 60
