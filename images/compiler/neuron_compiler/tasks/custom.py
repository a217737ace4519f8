"""custom: the user's own module, from the neuron_model.py that lies beside the weights.

    def load(directory: pathlib.Path) -> torch.nn.Module
    def example_inputs(batch: int) -> dict[str, torch.Tensor]     # the order is that of forward's arguments
    def expected_outputs(batch: int) -> dict[str, torch.Tensor]   # optional: what those inputs have to give
    output_names = ["logits"]                                     # optional
    labels = ["cat", "dog"]                                       # optional

Its code runs only where spec.model.trustRemoteCode is true, and only in the compiling process.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from neuron_artifact import Bucket, Input, Output

from neuron_compiler import labels as named
from neuron_compiler import parity
from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Request
from neuron_compiler.sources.files import CUSTOM_MODULE
from neuron_compiler.tasks.task import Task, Tensors

# What a model may take and give -> the V2 name.
_V2 = {
    torch.bool: "BOOL",
    torch.int32: "INT32",
    torch.int64: "INT64",
    torch.float16: "FP16",
    torch.float32: "FP32",
    torch.float64: "FP64",
}


class Custom(torch.nn.Module):  # type: ignore[misc]  # torch is only in the images
    """The user's module called by position; its result, be it a tensor or a dictionary, is made a tuple."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        """The outputs in their order."""
        return _tensors(self.model(*tensors))


def prepare(request: Request, directory: Path) -> Task:
    """The task around neuron_model.py. Raises CompileError."""
    if not request.model.trust_remote_code:
        raise CompileError(
            "RemoteCodeRefused",
            f"{request.model.uri} runs Python code of its own ({CUSTOM_MODULE}): read that code, then set "
            "spec.model.trustRemoteCode to true to allow it.",
        )
    code = _import(directory)
    model = _call(code, "load", directory)
    if not isinstance(model, torch.nn.Module):
        raise _failed(f"load returned {type(model).__name__}: return a torch.nn.Module")
    module = Custom(model.eval().requires_grad_(False)).eval()
    sizes = request.options.batch_sizes
    examples = {batch: _examples(code, batch) for batch in sizes}
    first = examples[sizes[0]]
    for batch in sizes[1:]:
        if _described(examples[batch]) != _described(first):
            raise _failed(
                f"example_inputs({batch}) differs from example_inputs({sizes[0]}) in more than rows: keep "
                "names, types and the other dimensions the same"
            )
    raw, made = _outputs(module, first)
    names = _output_names(code, raw, len(made))
    told = _differences(code, request, examples, module, names) if hasattr(code, "expected_outputs") else []
    labels = getattr(code, "labels", None)
    return Task(
        name=request.model.task,
        module=module,
        architecture=type(model).__name__,
        inputs=tuple(Input(name, _datatype(name, value), _dims(value)) for name, value in first.items()),
        outputs=tuple(
            Output(name, _datatype(name, value), _rows(name, value, sizes[0]))
            for name, value in zip(names, made, strict=True)
        ),
        buckets=tuple(Bucket(f"b{batch}", batch, {}, f"buckets/b{batch}/model") for batch in sizes),
        cases=lambda bucket: {"example": tuple(examples[bucket.batch].values())},
        save=lambda artifact: None,
        labels=None if labels is None else named.checked(tuple(map(str, labels)), request.model.uri),
        checkpoint={"notApplied": told} if told else {},
    )


def _import(directory: Path) -> ModuleType:
    # The module may import others that lie beside it.
    sys.path.insert(0, str(directory))
    specification = importlib.util.spec_from_file_location("neuron_model", directory / CUSTOM_MODULE)
    assert specification is not None
    assert specification.loader is not None
    code = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(code)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        raise _failed(f"its import ended with {_text(error)}") from error
    return code


def _call(code: ModuleType, name: str, argument: Path | int) -> Any:
    function = getattr(code, name, None)
    if function is None:
        raise _failed(f"it has no function {name}: write one")
    try:
        return function(argument)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        raise _failed(f"{name}({argument}) ended with {_text(error)}") from error


def _examples(code: ModuleType, batch: int) -> dict[str, torch.Tensor]:
    found = _call(code, "example_inputs", batch)
    if not isinstance(found, Mapping) or not found:
        raise _failed("example_inputs returned no dictionary of tensors: return one, in forward's order")
    for name, value in found.items():
        if not isinstance(value, torch.Tensor) or value.dim() < 1 or value.shape[0] != batch:
            raise _failed(
                f"example_inputs({batch}) gave for {name} no tensor of {batch} rows: let the first dimension "
                "be the batch"
            )
    return {str(name): value.contiguous() for name, value in found.items()}


def _described(inputs: Mapping[str, torch.Tensor]) -> list[tuple[str, torch.dtype, tuple[int, ...]]]:
    return [(name, value.dtype, _dims(value)) for name, value in inputs.items()]


def _outputs(module: Custom, inputs: Mapping[str, torch.Tensor]) -> tuple[Any, Tensors]:
    try:
        with torch.inference_mode():
            raw = module.model(*inputs.values())
        made = _tensors(raw)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        raise _failed(f"the module on its own example inputs ended with {_text(error)}") from error
    if not made:
        raise _failed(f"the module returned {type(raw).__name__} without a tensor: return tensors")
    return raw, made


def _tensors(result: Any) -> Tensors:
    if isinstance(result, torch.Tensor):
        return (result,)
    values: Sequence[Any] = [*result.values()] if isinstance(result, Mapping) else [*result]
    return tuple(value for value in values if isinstance(value, torch.Tensor))


def _output_names(code: ModuleType, raw: Any, count: int) -> tuple[str, ...]:
    named = getattr(code, "output_names", None)
    if named is None and isinstance(raw, Mapping):
        named = [name for name, value in raw.items() if isinstance(value, torch.Tensor)]
    if named is None:
        named = ["output"] if count == 1 else [f"output_{index}" for index in range(count)]
    if len(named) != count:
        raise _failed(f"output_names has {len(named)} names, and the module returns {count} tensors")
    return tuple(str(name) for name in named)


def _differences(
    code: ModuleType,
    request: Request,
    examples: Mapping[int, Mapping[str, torch.Tensor]],
    module: Custom,
    names: Sequence[str],
) -> list[str]:
    """Sentences on outputs that are not those that the code expects. Raises CompileError where the gate on
    parity blocks.
    """
    gate, told = request.parity, []
    allowed = parity.tolerance_of(gate, "fp32")
    for batch, inputs in examples.items():
        expected = _call(code, "expected_outputs", batch)
        if not isinstance(expected, Mapping) or not set(expected) <= set(names) or not expected:
            raise _failed(f"expected_outputs({batch}) returned no outputs by name: use {', '.join(names)}")
        with torch.inference_mode():
            made = dict(zip(names, module(*inputs.values()), strict=True))
        for name, wanted in expected.items():
            if not isinstance(wanted, torch.Tensor) or wanted.shape != made[name].shape:
                raise _failed(
                    f"expected_outputs({batch}) gives for {name} no tensor of the shape "
                    f"{list(made[name].shape)}, which the module returns"
                )
            value = parity.difference(wanted, made[name]).value(gate.metric)
            if not value <= allowed:
                told.append(
                    f"{name} of {batch} rows is not what expected_outputs of {CUSTOM_MODULE} says: "
                    f"{gate.metric} is {value:.3g}, and {allowed:.3g} is allowed."
                )
    if told and gate.policy == "Block":
        raise CompileError("AnswersDiffer", f"{told[0]} Correct the weights or the code.")
    return told if gate.policy != "Skip" else []


def _datatype(name: str, value: torch.Tensor) -> str:
    if value.dtype not in _V2:
        raise _failed(f"{name} is of type {value.dtype}: use one of {', '.join(_V2.values())}")
    return _V2[value.dtype]


def _dims(value: torch.Tensor) -> tuple[int, ...]:
    return tuple(int(size) for size in value.shape[1:])


def _rows(name: str, value: torch.Tensor, batch: int) -> tuple[int, ...]:
    if value.dim() < 1 or value.shape[0] != batch:
        raise _failed(
            f"the output {name} has the shape {list(value.shape)} for {batch} rows: let its first dimension "
            "be the batch"
        )
    return _dims(value)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {one_line(str(error))[:500]}"


def _failed(text: str) -> CompileError:
    return CompileError("CustomCodeFailed", f"{CUSTOM_MODULE}: {text}.")
