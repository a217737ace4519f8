"""The compiler with the packages of the Neuron image: transformers 4, and a sentence-transformers for it; and
a stand-in of torch_neuronx. What else the image has (torch 2.9, AWS's Python) is not there.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compiler import models
from compiler.command import run
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor

# Where the image of these tests has what images/families/neuronx pins.
PACKAGES = Path(os.environ.get("NEURONX_PACKAGES", "/opt/neuronx"))
STANDIN = Path(__file__).parents[1] / "standin"

pytestmark = pytest.mark.skipif(
    not PACKAGES.is_dir(), reason="the packages of images/families/neuronx are in the image of these tests"
)


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
    path = os.pathsep.join([str(PACKAGES), os.environ.get("PYTHONPATH", ""), str(STANDIN)])
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
