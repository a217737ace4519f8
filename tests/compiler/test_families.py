"""The compiler with the packages of the Neuron images: older releases of transformers and what goes with it.
What else these images have (AWS's Python and torch) is not there.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler import models, requests
from compiler.asking import ask
from compiler.command import run
from neuron_artifact import artifact_path, read_manifest
from transformers import pipeline

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


def compiled(directory: Path, make: Callable[[Path], object], family: str, **asked: Any) -> dict[str, Any]:
    """The termination message of a compile, with a family's packages, of what this transformers saves."""
    (directory / "store").mkdir()
    (directory / "claim/model").mkdir(parents=True)
    make(directory / "claim/model")
    changes = {"model__uri": "pvc://models/model", "compile__sequenceLengths": [16], "benchmark__seconds": 0}
    path = os.pathsep.join([str(PACKAGES / family), os.environ.get("PYTHONPATH", "")])
    return run("compile", directory, {**changes, **asked}, path)


@pytest.mark.parametrize("make", [models.bert_without_head, models.turned_far], ids=["bert", "llama"])
def test_what_a_newer_transformers_saved_gives_its_answers_with_a_familys_packages(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    done = compiled(tmp_path, make, "neuronx")
    assert (done["code"], done.get("outcome")) == (0, "Published"), done
    directory = artifact_path(tmp_path / "store", requests.DIGEST)
    found = ask((directory, read_manifest(directory)), "the cat sat on the mat")["last_hidden_state"][0]
    library = pipeline("feature-extraction", model=str(tmp_path / "claim/model"), device=-1)
    wanted = np.array(library("the cat sat on the mat")[0])
    np.testing.assert_allclose(found[: len(wanted)], wanted, atol=1e-4)


def test_a_chain_of_sentence_transformers_is_compiled_with_neuronxs_packages(tmp_path: Path) -> None:
    done = compiled(tmp_path, models.sentence_bert, "neuronx")
    assert (done["code"], done.get("outcome")) == (0, "Published"), done


def test_a_setting_that_a_familys_transformers_does_not_know_is_named(tmp_path: Path) -> None:
    def make(directory: Path) -> None:
        models.bert_without_head(directory)
        models.change_config(directory, doubles_every_layer=True)

    failed = compiled(tmp_path, make, "neuronx")
    assert (failed["code"], failed["reason"]) == (10, "UnsupportedArchitecture"), failed
    assert "doubles_every_layer (True)" in failed["message"]


def test_a_model_that_takes_another_way_for_other_tokens_is_refused_and_not_published(tmp_path: Path) -> None:
    # In transformers 4.57 the trace has the experts that some token of the example has chosen, and no others.
    failed = compiled(tmp_path, models.experts, "neuronx")
    assert (failed["code"], failed["reason"]) == (10, "UnsupportedArchitecture"), failed
    assert "takes another for other inputs" in failed["message"]
