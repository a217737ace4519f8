"""Chains of modules, as the current release of sentence-transformers saves them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolbox.models import texts
from toolbox.models.subjects import SENTENCES, NotMadeError, Subject

Chain = Callable[[Any], dict[str, Any]]
_POOLINGS = ("mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens")


def subjects() -> list[Subject]:
    """The chains by name."""
    chains: dict[str, tuple[str, Callable[[Path, Path], None]]] = {}
    for pooling in _POOLINGS:
        chains[f"{pooling}"] = ("bert", _chain(pooling))
        chains[f"{pooling}, normalized"] = ("bert", _chain(pooling, normalize=True))
    chains |= {
        "mean and max": ("bert", _chain(["mean", "max"])),
        "dense": ("bert", _chain("mean", dense=True)),
        "dense, normalized": ("bert", _chain("mean", dense=True, normalize=True)),
        "layer norm": ("bert", _chain("mean", layer_norm=True)),
        "prompts": ("bert", _chain("mean", prompts={"query": "query: ", "passage": "the "}, default="query")),
        "prompts left out of the mean": (
            "bert",
            _chain("mean", prompts={"query": "query: "}, default="query", include_prompt=False),
        ),
        "truncated vectors": ("bert", _chain("mean", truncate_dim=16)),
        "short max_seq_length": ("bert", _chain("mean", max_seq_length=10)),
        "lowercased": ("bert", _chain("mean", lower=True)),
        "last token of a decoder": ("qwen3", _chain("lasttoken", normalize=True)),
        "last token of a decoder, left padding": ("qwen3", _chain("lasttoken", normalize=True, left=True)),
        "roberta": ("roberta", _chain("mean")),
        "xlm-roberta cls": ("xlm-roberta", _chain("cls", normalize=True)),
        "mpnet": ("mpnet", _chain("mean", normalize=True)),
    }
    return [
        Subject(f"sentences/{name}", SENTENCES, "feature-extraction", _maker(model_type, chain))
        for name, (model_type, chain) in chains.items()
    ]


def _maker(model_type: str, chain: Callable[[Path, Path], None]) -> Callable[[Path], None]:
    def make(directory: Path) -> None:
        inner = directory.parent / f"{directory.name}-inner"
        inner.mkdir()
        texts.make(model_type, "feature-extraction", inner)
        try:
            chain(inner, directory)
        except Exception as error:
            raise NotMadeError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error

    return make


def _chain(
    pooling: str | list[str],
    *,
    normalize: bool = False,
    dense: bool = False,
    layer_norm: bool = False,
    prompts: dict[str, str] | None = None,
    default: str | None = None,
    include_prompt: bool = True,
    truncate_dim: int | None = None,
    max_seq_length: int | None = None,
    lower: bool = False,
    left: bool = False,
) -> Callable[[Path, Path], None]:
    def save(inner: Path, directory: Path) -> None:
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers import models as parts

        torch.manual_seed(1)
        transformer = parts.Transformer(str(inner), max_seq_length=max_seq_length, do_lower_case=lower)
        if left:
            transformer.tokenizer.padding_side = "left"
        width = transformer.get_word_embedding_dimension()
        pool = parts.Pooling(width, pooling_mode=pooling, include_prompt=include_prompt)
        chain = [transformer, pool]
        if dense:
            chain.append(parts.Dense(pool.get_sentence_embedding_dimension(), 24))
        if layer_norm:
            chain.append(parts.LayerNorm(width))
        if normalize:
            chain.append(parts.Normalize())
        model = SentenceTransformer(
            modules=chain,
            prompts=prompts,
            default_prompt_name=default,
            truncate_dim=truncate_dim,
            device="cpu",
        )
        model.save_pretrained(str(directory))

    return save
