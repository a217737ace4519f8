"""The compiler with the packages of the Neuron images: older releases of transformers and what goes with it.
What else these images have (AWS's Python and torch) is not there.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compiler import models
from compiler.command import run
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor

# Where the image of these tests has what images/families pins, by family.
PACKAGES = Path(os.environ.get("FAMILY_PACKAGES", "/opt/families"))
STANDIN = Path(__file__).parents[1] / "standin"

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


def pictures(directory: Path) -> None:
    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3
    )
    ResNetForImageClassification(config).save_pretrained(directory)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(directory)


@pytest.mark.parametrize(
    ("save", "asked"),
    [
        (models.gpt2, {"compile__sequenceLengths": [8]}),
        (models.sentence_bert, {"compile__sequenceLengths": [16]}),
        (models.bert_classifier, {"compile__sequenceLengths": [16], "model__task": "text-classification"}),
        (pictures, {"compile__sequenceLengths": [], "model__task": "image-classification"}),
    ],
)
def test_a_model_is_compiled_and_answers_as_its_library_with_the_neuron_images_packages(
    tmp_path: Path, save: Callable[[Path], object], asked: dict[str, Any]
) -> None:
    for name in ("store", "claim/model"):
        (tmp_path / name).mkdir(parents=True)
    save(tmp_path / "claim/model")
    path = os.pathsep.join([str(PACKAGES / "neuronx"), os.environ.get("PYTHONPATH", ""), str(STANDIN)])
    environ = {"STANDIN_NEURON_CORES": str(tmp_path / "cores"), "NEURON_RT_VISIBLE_CORES": "0"}
    done = run(
        "compile",
        tmp_path,
        {
            "model__uri": "pvc://models/model",
            "target": "inf2",
            "compile__autoCast": "none",
            "compile__imageSizes": [],
            "benchmark__seconds": 0.1,
            **asked,
        },
        path,
        environ,
    )
    assert (done["code"], done.get("outcome")) == (0, "Published"), done
    assert done["versions"]["transformers"].startswith("4."), done["versions"]
    assert done["backend"]["deviceShare"] == 1.0
    assert done["parity"]["passed"]
    answers = done["parity"]["answers"]
    assert answers["passed"]
    assert answers["compared"] >= 10
