"""What a door for texts has to know beyond the tokenizer's own file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FILE = "door.json"


@dataclass(frozen=True)
class TextSettings:
    """How the library that the model comes from makes tokens of its texts.

    `max_tokens`: it cuts every text to so many tokens (None: it does not cut unasked). `cut_to`: to so many
    tokens at most where a request asks for it (None: no limit of its own). `truncation_side` is right or
    left. `prompts` are texts by name that may be put before a text, `default_prompt` the name of the one that
    always is, `fixed_prompt` whether a request may choose no other. `split_special_tokens`: a special token's
    name in a text is only text. `mask_token`, `unk_token` and `cls_token` are None where the tokenizer has
    none. `context_first`: of a question and its context, the model takes the context first.
    """

    max_tokens: int | None = None
    cut_to: int | None = None
    truncation_side: str = "right"
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    fixed_prompt: bool = False
    split_special_tokens: bool = False
    mask_token: str | None = None
    unk_token: str | None = None
    cls_token: str | None = None
    context_first: bool = False

    def write(self, tokenizer: Path) -> None:
        """Writes them into the directory of an artifact's tokenizer."""
        content = {
            "maxTokens": self.max_tokens,
            "cutTo": self.cut_to,
            "truncationSide": self.truncation_side,
            "prompts": dict(self.prompts),
            "defaultPrompt": self.default_prompt,
            "fixedPrompt": self.fixed_prompt,
            "splitSpecialTokens": self.split_special_tokens,
            "maskToken": self.mask_token,
            "unkToken": self.unk_token,
            "clsToken": self.cls_token,
            "contextFirst": self.context_first,
        }
        (tokenizer / _FILE).write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, tokenizer: Path) -> TextSettings:
        """The settings of an artifact's tokenizer. Raises OSError, ValueError or KeyError."""
        content: Mapping[str, Any] = json.loads((tokenizer / _FILE).read_text(encoding="utf-8"))
        return cls(
            max_tokens=content["maxTokens"],
            cut_to=content["cutTo"],
            truncation_side=content["truncationSide"],
            prompts=content["prompts"],
            default_prompt=content["defaultPrompt"],
            fixed_prompt=content["fixedPrompt"],
            split_special_tokens=content["splitSpecialTokens"],
            mask_token=content["maskToken"],
            unk_token=content["unkToken"],
            # Artifacts of before have neither.
            cls_token=content.get("clsToken"),
            context_first=content.get("contextFirst", False),
        )
