"""config.json of transformers 5 as a configuration class of transformers 4 reads it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from neuron_compiler.newer import rope
from neuron_compiler.newer.unknown import UnknownError

# Of training, of generating, of the tokenizer, of other kernels for the same numbers, or of another library.
_NO_MATTER = re.compile(
    r"_.*|.*_token_id|dtype|transformers_version|auto_map|sentence_transformers|sbert_.*|.*(loss|aux|init|dropout).*|"
    r"output_router_logits|use_cache|num_nextn_predict_layers|use_(associative_scan|mambapy|mamba_kernels)|"
    # Where models are parts of others, or take pictures of any size.
    r"out_(features|indices)|stage_names|image_size|apply_layernorm|reshape_hidden_states|output_stride"
)
# What 4 does always, by name: in 5 it can be otherwise.
_ALWAYS: Mapping[str, object] = {"vision_use_head": True, "pooler_act": "tanh", "rope_theta": 10000.0}


def translated(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration with the names of transformers 4, its parts' too; as it is where the model type is
    none that is known here.

    Raises UnknownError for a setting without a name in it.
    """
    kind = str(content.get("model_type"))
    if kind not in CONFIG_MAPPING:
        return content
    names, general = _known(CONFIG_MAPPING[kind])
    result = dict(content)
    for name, value in content.items():
        if isinstance(value, dict) and "model_type" in value:
            result[name] = translated(value)
    if "rope_parameters" in content and "rope_parameters" not in names:
        del result["rope_parameters"]
        result |= rope.translated(content["rope_parameters"], names)
    _layers(result, names)
    said = names | general | _words(CONFIG_MAPPING[kind])
    odd = sorted(name for name, value in result.items() if not _is_said(name, value, said))
    odd += _overruled(CONFIG_MAPPING[kind], result)
    if odd:
        raise UnknownError(", ".join(f"{name} ({_short(result[name])})" for name in odd[:4]))
    return result


def _known(kind: type[Any]) -> tuple[frozenset[str], frozenset[str]]:
    """What a class of configurations takes, and what all have."""
    own = set(inspect.signature(kind.__init__).parameters) - {"self", "kwargs"}
    general = PretrainedConfig()
    return frozenset(own | set(getattr(kind, "attribute_map", {}))), frozenset(
        vars(general) | general.to_dict()
    )


def _words(kind: type[Any]) -> frozenset[str]:
    """Every name in the code of a configuration and its models, which may ask for what no signature has."""
    home = Path(inspect.getfile(kind))
    files = [home, *home.parent.glob("modeling_*.py")]
    return frozenset(word for file in files for word in re.findall(r"\w+", file.read_text(encoding="utf-8")))


def _is_said(name: str, value: Any, said: frozenset[str]) -> bool:
    if name in said or _NO_MATTER.fullmatch(name):
        return True
    # What is switched off is what an older release does, which lacks the switch.
    return value in (None, False, [], {}) or (name in _ALWAYS and _ALWAYS[name] == value)


def _overruled(kind: type[Any], result: Mapping[str, Any]) -> list[str]:
    """What the class takes and then sets to something else, as it works it out of other settings."""
    try:
        made = kind.from_dict(dict(result))
    except Exception:  # whoever reads the configuration says what is wrong with it
        return []
    return sorted(
        name
        for name, value in result.items()
        if value and isinstance(value, int | float | str) and not _NO_MATTER.fullmatch(name)
        if getattr(made, name, value) != value
    )


def _layers(result: dict[str, Any], names: frozenset[str]) -> None:
    """The list of what each layer attends to, where 4 counts instead. Raises UnknownError."""
    kinds = result.get("layer_types")
    if "layer_types" in names or not isinstance(kinds, list):
        return
    every = "global_attn_every_n_layers"
    if set(kinds) <= {"full_attention"}:
        del result["layer_types"]
        if every in names:
            result[every] = 1
        return
    if every not in names:
        raise UnknownError(f"layer_types ({_short(kinds)})")
    for count in range(1, len(kinds) + 1):
        counted = ["sliding_attention" if index % count else "full_attention" for index in range(len(kinds))]
        if counted == kinds:
            del result["layer_types"]
            result[every] = count
            return
    raise UnknownError(f"layer_types ({_short(kinds)})")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
