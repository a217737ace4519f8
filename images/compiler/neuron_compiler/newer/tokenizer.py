"""tokenizer_config.json of transformers 5 as transformers 4 reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

# What a tokenizer of no model's own gives in 5; in 4 it gives segments as well.
_INPUTS = ["input_ids", "attention_mask"]


def translated(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings with the names of transformers 4: tokenizer.json says the rest in both."""
    result = dict(content)
    name = str(content.get("tokenizer_class") or "")
    if content.get("backend") == "tokenizers" and tokenizer_class_from_name(name) is None:
        result["tokenizer_class"] = "PreTrainedTokenizerFast"
        result.setdefault("model_input_names", _INPUTS)
    # In 4 these are tokens with names of their own, by their names.
    if isinstance(content.get("extra_special_tokens"), list):
        result["additional_special_tokens"] = result.pop("extra_special_tokens")
    return result
