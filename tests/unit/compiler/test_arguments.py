"""The command line of neuronx-cc: a table, because nothing here can run the compiler."""

from typing import Any

import pytest
from compiler import requests
from neuron_compiler.arguments import neuronx_arguments
from neuron_compiler.request import parse


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("inf2", {}, "--target inf2 --auto-cast matmult --auto-cast-type bf16 --optlevel 2"),
        ("trn1", {"compile__autoCast": "none"}, "--target trn1 --auto-cast none --optlevel 2"),
        (
            "trn2",
            {"compile__autoCast": "all", "compile__autoCastType": "fp8_e4m3", "compile__optLevel": 3},
            "--target trn2 --auto-cast all --auto-cast-type fp8_e4m3 --optlevel 3",
        ),
        (
            "inf2",
            {"compile__extraArgs": ["--model-type", "transformer"]},
            "--target inf2 --auto-cast matmult --auto-cast-type bf16 --optlevel 2 --model-type transformer",
        ),
    ],
)
def test_every_option_reaches_the_compiler(target: str, options: dict[str, Any], words: str) -> None:
    request = parse(requests.text(target=target, **options))
    assert neuronx_arguments(target, request.options) == words.split()
