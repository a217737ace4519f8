"""The files of a checkpoint: which are read, which are left and why, and those without which the answers
would be another model's, so that it is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import files

_MOST = 200
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
        print(f"compile: read {', '.join(self.read)}", flush=True)
        for name, why in self.left.items():
            print(f"compile: left {name}: {why}", flush=True)
        for sentence in self.not_applied:
            print(f"compile: not applied: {sentence}", flush=True)


def take(model: Model, directory: Path, not_applied: tuple[str, ...] = ()) -> Inventory:
    """The inventory of a directory. At most 200 names of each kind are told."""
    every = sorted(
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file() and ".git/" not in path.as_posix() and ".cache/" not in path.as_posix()
    )
    wanted = set(files.wanted(every, model, files.reader(directory)))
    left = {name: why for name in every if (why := _why_left(name, wanted)) is not None}
    read = [name for name in every if name not in left]
    return Inventory(tuple(read[:_MOST]), dict(list(left.items())[:_MOST]), not_applied)


def _why_left(name: str, wanted: set[str]) -> str | None:
    for pattern, why in _LEFT:
        if re.fullmatch(pattern, name):
            of_weights = "loader" in why
            if of_weights and name in wanted:
                return None
            return why
    return None if name in wanted else "not part of the model"


def check(model: Model, directory: Path) -> None:
    """Raises CompileError for files that change the answers and are not carried out: an adapter beside its
    base, quantised weights, code of another repository.
    """
    if (directory / "adapter_config.json").is_file():
        raise CompileError(
            "UnsupportedArchitecture",
            f"{model.uri} has an adapter beside its weights (adapter_config.json), which is not "
            "applied here: merge it into the weights (peft's merge_and_unload) and save them, or take the "
            "adapter's files away.",
        )
    config = _json(directory / "config.json")
    quantised = config.get("quantization_config")
    if quantised:
        method = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
        raise CompileError(
            "UnsupportedArchitecture",
            f"The weights of {model.uri} are quantised ({method}), and the compiler reads plain "
            "ones: use the model that they were made of, in fp32, bf16 or fp16.",
        )
    for name, content in (("config.json", config), *_others(directory)):
        _no_foreign_code(model, name, content)


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
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
