"""Triton's config.pbtxt as frozen dataclasses and its text form.

Source: triton-inference-server/common, protobuf/model_config.proto.
"""

from dataclasses import dataclass

# V2 protocol dtype -> the name model_config.proto gives it, where the two differ by more than the prefix.
_STRING = {"BYTES": "STRING"}


@dataclass(frozen=True)
class Tensor:
    """A public tensor: V2 dtype (INT64, FP32, ...) and its dimensions without the batch; -1 is any length.

    ragged lets requests of different lengths share a dynamic batch.
    """

    name: str
    dtype: str
    dims: tuple[int, ...]
    optional: bool = False
    ragged: bool = False


@dataclass(frozen=True)
class DynamicBatching:
    """Waiting requests are joined up to the preferred number of rows, for at most the delay; more than may
    wait are refused at once.
    """

    preferred_batch_size: int
    max_queue_delay_microseconds: int
    max_queue_size: int


@dataclass(frozen=True)
class ModelConfig:
    """One model of the Python backend, served by a number of processes (instances) on CPU hosts."""

    name: str
    max_batch_size: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    instances: int
    dynamic_batching: DynamicBatching | None
    parameters: tuple[tuple[str, str], ...]


def to_prototxt(config: ModelConfig) -> str:
    """Return the configuration in protobuf's text format, ready for config.pbtxt."""
    lines = [
        f"name: {_quoted(config.name)}",
        'backend: "python"',
        f"max_batch_size: {config.max_batch_size}",
    ]
    for tensor in config.inputs:
        lines += _block("input", _tensor(tensor))
    for tensor in config.outputs:
        lines += _block("output", _tensor(tensor))
    lines += _block("instance_group", ["kind: KIND_CPU", f"count: {config.instances}"])
    if config.dynamic_batching is not None:
        batching = config.dynamic_batching
        lines += _block(
            "dynamic_batching",
            [
                f"preferred_batch_size: {batching.preferred_batch_size}",
                f"max_queue_delay_microseconds: {batching.max_queue_delay_microseconds}",
                *_block("default_queue_policy", [f"max_queue_size: {batching.max_queue_size}"]),
            ],
        )
    for key, value in config.parameters:
        inner = [f"key: {_quoted(key)}", *_block("value", [f"string_value: {_quoted(value)}"])]
        lines += _block("parameters", inner)
    return "\n".join(lines) + "\n"


def _tensor(tensor: Tensor) -> list[str]:
    lines = [
        f"name: {_quoted(tensor.name)}",
        f"data_type: TYPE_{_STRING.get(tensor.dtype, tensor.dtype)}",
        f"dims: [{', '.join(str(dim) for dim in tensor.dims)}]",
    ]
    if tensor.optional:
        lines.append("optional: true")
    if tensor.ragged:
        lines.append("allow_ragged_batch: true")
    return lines


def _block(name: str, lines: list[str]) -> list[str]:
    return [f"{name} {{", *(f"  {line}" for line in lines), "}"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
