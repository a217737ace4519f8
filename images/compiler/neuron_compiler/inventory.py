"""The files of a checkpoint: which are read, which are left and why, and those without which the answers
would be another model's, so that it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from neuron_compiler import jsonfile
from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Model
from neuron_compiler.sources import files, limits

_MOST = 200
# Where releases have written how weights are quantised.
_QUANTISED = ("quantization_config", "compression_config", "quantization")
_PLAIN = ("F16", "F32", "F64", "BF16", "I64", "BOOL")
_PLAIN_TYPES = (torch.float16, torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool)
# What no task here computes with, by name: the first pattern that fits says why.
_LEFT: tuple[tuple[str, str], ...] = (
    (r"(README|LICENSE|NOTICE|USE_POLICY)[^/]*|\.git[^/]*|.*\.(md|png|jpe?g|gif|svg|pdf)", "documentation"),
    (r"(training_args|optimizer|scheduler|scaler|rng_state|trainer_state).*|runs/.*|eval/.*", "of training"),
    (r"generation_config\.json", "no task here generates text"),
    (r"(chat_template\.(jinja|json)|.*/chat_template\.(jinja|json))", "no task here chats"),
    (
        r".*\.(onnx|onnx_data|h5|msgpack|gguf|tflite|mlmodel|ot|xml)|(onnx|openvino|coreml)/.*",
        "another framework's",
    ),
    (r".*\.(safetensors|bin|pt|pth|ckpt)(\.index\.json)?", "weights that the loader does not ask for"),
)


@dataclass(frozen=True)
class Inventory:
    """`read`: the files that were read; `left`: the others, with why; `not_applied`: sentences on settings
    that the artifact does not carry out.
    """

    read: tuple[str, ...]
    left: Mapping[str, str]
    not_applied: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The inventory as it stands in the manifest."""
        return {"read": list(self.read), "left": dict(self.left), "notApplied": list(self.not_applied)}

    def say(self) -> None:
        """Writes it to the log."""
        print(one_line(f"compile: read {', '.join(self.read)}"), flush=True)
        for name, why in self.left.items():
            print(one_line(f"compile: left {name}: {why}"), flush=True)
        for sentence in self.not_applied:
            print(one_line(f"compile: not applied: {sentence}"), flush=True)


def take(model: Model, directory: Path, not_applied: tuple[str, ...] = ()) -> Inventory:
    """The inventory of a directory. At most 200 names of each kind are told."""
    every = sorted(
        path.relative_to(directory).as_posix()
        for path in islice(directory.rglob("*"), limits.MOST_FILES)
        if path.is_file() and ".git/" not in path.as_posix() and ".cache/" not in path.as_posix()
    )
    wanted = set(files.wanted(every, model, files.reader(directory)))
    left = {one_line(name): why for name in every if (why := _why_left(name, wanted)) is not None}
    read = [name for name in map(one_line, every) if name not in left]
    return Inventory(tuple(read[:_MOST]), dict(list(left.items())[:_MOST]), not_applied)


def _why_left(name: str, wanted: set[str]) -> str | None:
    for pattern, why in _LEFT:
        if re.fullmatch(pattern, name):
            of_weights = "loader" in why
            if of_weights and name in wanted:
                return None
            return why
    return None if name in wanted else "not part of the model"


def check(model: Model, directory: Path, weights: Sequence[Path] | None = None) -> None:
    """Raises CompileError for files that change the answers and are not carried out: an adapter beside its
    base, quantised weights, code of another repository.

    `weights` are the files of weights, those that transformers reads where none are named.
    """
    adapters = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
    if found := [name for name in adapters if (directory / name).is_file()]:
        raise CompileError(
            "UnsupportedArchitecture",
            f"{model.uri} has an adapter beside its weights ({', '.join(found)}), which is not "
            "applied here: merge it into the weights (peft's merge_and_unload) and save them, or take the "
            "adapter's files away.",
        )
    config = _json(directory / "config.json")
    for key in _QUANTISED:
        if key not in config or config[key] is None:
            continue
        quantised = config[key]
        method = quantised.get("quant_method") if isinstance(quantised, dict) else None
        raise _are_quantised(model, f"{key} of config.json, {method or 'of no named method'}")
    if weights is None:
        weights = files.loaded(directory) if directory.is_dir() else ()
    for path in weights:
        if name := _packed(path) if path.suffix == ".safetensors" else _packed_in_pickle(path):
            raise _are_quantised(model, name)
    for name, content in (("config.json", config), *_others(directory)):
        _no_foreign_code(model, name, content)


def _are_quantised(model: Model, by: str) -> CompileError:
    return CompileError(
        "UnsupportedArchitecture",
        f"The weights of {model.uri} are quantised ({by}), and the compiler reads plain ones: use the model "
        "that they were made of, in fp32, bf16 or fp16.",
    )


def _packed(path: Path) -> str | None:
    """A weight that is stored in integers or in fp8, its scale elsewhere; None where there is none."""
    try:
        with safe_open(path, "pt") as opened:
            for name in opened.keys():  # noqa: SIM118  # it is no mapping
                dtype = opened.get_slice(name).get_dtype() if name.endswith(".weight") else "F32"
                if not dtype.startswith(_PLAIN):
                    return f"{name} is of {dtype}"
    except Exception:  # whoever reads the file says what is wrong with it
        return None
    return None


def _packed_in_pickle(path: Path) -> str | None:
    """The same of a file that torch has saved, of which nothing but names and types is read."""
    try:
        found: Any = torch.load(path, map_location="meta", weights_only=True)
        for key in ("state_dict", "model"):
            found = found[key] if isinstance(found.get(key), Mapping) else found
        for name, tensor in found.items():
            if name.endswith(".weight") and tensor.dtype not in _PLAIN_TYPES:
                return f"{name} is of {str(tensor.dtype).removeprefix('torch.')}"
    except Exception:  # as above
        return None
    return None


def code_left(directory: Path) -> list[str]:
    """A sentence on each file that names code of the model's own, which runs only where it is trusted."""
    return [
        f"auto_map of {name}: code of the model's own is not run, and transformers' classes stand in for it."
        for name, content in (("config.json", _json(directory / "config.json")), *_others(directory))
        if content.get("auto_map")
    ]


def _others(directory: Path) -> list[tuple[str, Mapping[str, Any]]]:
    names = ("tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
    return [(name, _json(directory / name)) for name in names]


def _no_foreign_code(model: Model, name: str, content: Mapping[str, Any]) -> None:
    table = content.get("auto_map")
    if not isinstance(table, dict):
        return
    classes = [
        str(each) for value in table.values() for each in (value if isinstance(value, list) else [value])
    ]
    foreign = sorted({each for each in classes if "--" in each})
    if foreign and model.trust_remote_code:
        raise CompileError(
            "RemoteCodeRefused",
            f"{name} of {model.uri} wants code of another repository ({', '.join(foreign[:4])}), which no "
            "revision pins: put that code beside the weights, write the names in auto_map without what "
            "stands before --, and give that copy; or leave spec.model.trustRemoteCode out where "
            "transformers knows the model itself.",
        )


def _json(path: Path) -> Mapping[str, Any]:
    """A JSON object of a file; empty where there is none: whoever reads it says what is wrong with it."""
    try:
        content = jsonfile.read(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
