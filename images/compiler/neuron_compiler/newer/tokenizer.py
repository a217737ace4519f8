"""tokenizer_config.json of transformers 5 as transformers 4 reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What a tokenizer of 5 gives, unless its settings or its class say otherwise; in 4 it gives segments as well.
_INPUTS = ["input_ids", "attention_mask"]
_SEGMENTS = (
    *("BertTokenizer", "DPRQuestionEncoderTokenizer", "LxmertTokenizer", "MarkupLMTokenizer"),
    *("MobileBertTokenizer", "DebertaTokenizer", "DebertaV2Tokenizer", "LayoutLMv2Tokenizer"),
)
_OTHERS = {
    "FNetTokenizer": ["input_ids", "token_type_ids"],
    "LayoutLMv3Tokenizer": ["input_ids", "attention_mask", "bbox"],
}


def translated(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings with the names of transformers 4.

    tokenizer.json says what becomes of a text. The classes of 4 would change it: Llama's puts a first token
    before each.
    """
    result = dict(content)
    if content.get("backend") == "tokenizers":
        name = str(content.get("tokenizer_class") or "").removesuffix("Fast")
        segments = [*_INPUTS, "token_type_ids"] if name in _SEGMENTS else _INPUTS
        result["tokenizer_class"] = "PreTrainedTokenizerFast"
        result.setdefault("model_input_names", _OTHERS.get(name, segments))
    # In 4 these are tokens with names of their own, by their names.
    if isinstance(content.get("extra_special_tokens"), list):
        result["additional_special_tokens"] = result.pop("extra_special_tokens")
    return result
