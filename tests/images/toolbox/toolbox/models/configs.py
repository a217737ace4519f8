"""Configurations of every model type, made tiny: the defaults of transformers with small numbers in them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

# What sizes are called, over all configurations.
_SIZES: Mapping[str, int] = {
    **dict.fromkeys(
        (
            *("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embedding_size", "model_dim", "n_embed"),
            *("projection_dim", "hidden_dim", "encoder_hidden_dim", "word_embed_proj_dim", "embed_dim"),
            *("d_embed", "attention_hidden_size", "pooler_hidden_size", "perceiver_hidden_size"),
        ),
        32,
    ),
    **dict.fromkeys(
        (
            *("intermediate_size", "ffn_dim", "d_ff", "n_inner", "encoder_ffn_dim", "decoder_ffn_dim"),
            *("d_inner", "feed_forward_size", "mlp_dim", "inner_dim", "ffn_hidden_size"),
        ),
        64,
    ),
    **dict.fromkeys(
        (
            *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"),
            *("num_decoder_layers", "num_encoder_layers", "l_layers", "x_layers", "r_layers"),
        ),
        2,
    ),
    **dict.fromkeys(
        (
            *("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"),
            *("decoder_attention_heads", "num_key_value_heads", "n_kv_heads"),
        ),
        2,
    ),
    "head_dim": 16,
    "d_kv": 16,
    "rotary_dim": 8,
    "max_position_embeddings": 128,
    "n_positions": 128,
    "max_2d_position_embeddings": 64,
    "moe_intermediate_size": 32,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
    "image_size": 32,
    "patch_size": 8,
    "num_channels": 3,
    "attention_window": 8,
    "sliding_window": 16,
    "block_size": 4,
    "num_random_blocks": 1,
}
# What the rules above get wrong, by model type.
SPECIAL: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("configs.json").read_text())
# Tokens of the real vocabularies, which are larger.
_TOKENS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}


def tiny(model_type: str, vocabulary: int, **more: Any) -> Any:
    """The tiny configuration of a model type. Raises whatever transformers raises."""
    smaller = _smaller(AutoConfig.for_model(model_type), vocabulary)
    found = AutoConfig.for_model(model_type, **{**smaller, **SPECIAL.get(model_type, {}), **more})
    # Where a type has several classes for a head, transformers looks for their names here.
    found.architectures = found.architectures or []
    return found


def _smaller(config: Any, vocabulary: int) -> dict[str, Any]:
    """What is too large in a configuration, made small."""
    found: dict[str, Any] = {}
    for name, value in config.to_dict().items():
        if isinstance(value, dict) and hasattr(getattr(config, name, None), "to_dict"):
            found[name] = _smaller(getattr(config, name), vocabulary)
        elif name in _SIZES and type(value) is int and value > _SIZES[name]:
            found[name] = _SIZES[name]
        elif name == "vocab_size" and type(value) is int:
            found[name] = vocabulary
        elif name in _TOKENS and type(value) is int and value >= vocabulary:
            found[name] = _TOKENS[name]
        elif name in ("num_key_value_heads", "head_dim") and value is None:
            continue
    return found


def randomized(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """The module with weights that make answers differ from input to input."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() > 1 and parameter.is_floating_point():
                deviation = 0.6 / max(1.0, float(parameter[0].numel()) ** 0.5) + 0.05
                parameter.normal_(0.0, deviation, generator=generator)
            elif parameter.is_floating_point() and name.endswith("bias"):
                parameter.normal_(0.0, 0.05, generator=generator)
    return module.eval()
