"""The command lines of the Neuron compilers: tables, because nothing here can run them."""

from typing import Any

import pytest
from compiler import requests
from neuron_compiler.arguments import neuron_arguments, neuronx_arguments
from neuron_compiler.request import Options, parse


def parsed(target: str, options: dict[str, Any]) -> Options:
    changes = {f"compile__{name}": value for name, value in options.items()}
    return parse(requests.text(target=target, **changes)).options


_USUAL = "--auto-cast matmult --auto-cast-type bf16 --optlevel 2 --model-type generic"


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("inf2", {}, f"--target inf2 {_USUAL}"),
        ("trn1", {"autoCast": "none"}, "--target trn1 --auto-cast none --optlevel 2 --model-type generic"),
        (
            "trn2",
            {"autoCast": "all", "autoCastType": "fp8_e4m3", "optLevel": 3, "modelType": "transformer"},
            "--target trn2 --auto-cast all --auto-cast-type fp8_e4m3 --optlevel 3 --model-type transformer "
            "--logical-nc-config 2",
        ),
        ("trn2", {}, f"--target trn2 {_USUAL} --logical-nc-config 2"),
        ("trn2", {"logicalCores": 1}, f"--target trn2 {_USUAL} --logical-nc-config 1"),
        ("inf2", {"fastLoading": True}, f"--target inf2 {_USUAL} --enable-fast-loading-neuron-binaries"),
        (
            "inf2",
            {"extraArgs": ["--enable-saturate-infinity"]},
            f"--target inf2 {_USUAL} --enable-saturate-infinity",
        ),
    ],
)
def test_every_option_reaches_neuronx_cc(target: str, options: dict[str, Any], words: str) -> None:
    request = parse(
        requests.text(target=target, **{f"compile__{name}": value for name, value in options.items()})
    )
    assert neuronx_arguments(target, request.options) == words.split()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        ({"pipelineCores": 4}, "--neuroncore-pipeline-cores 4"),
        ({"fastMath": "none", "fastLoading": True}, "--fast-math none --enable-fast-loading-neuron-binaries"),
        ({"extraArgs": ["-O2"]}, "-O2"),
        # What only neuronx-cc knows.
        ({"optLevel": 3, "autoCast": "all", "modelType": "transformer"}, ""),
    ],
)
def test_every_option_reaches_neuron_cc(options: dict[str, Any], words: str) -> None:
    request = parse(
        requests.text(target="inf1", **{f"compile__{name}": value for name, value in options.items()})
    )
    assert neuron_arguments(request.options) == words.split()
