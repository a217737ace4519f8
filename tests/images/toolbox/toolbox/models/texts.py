"""Every architecture of transformers that has a head for one of the tasks on texts."""

import inspect
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto import modeling_auto

from toolbox.models import configs, vocabularies
from toolbox.models.subjects import TEXTS, NotMadeError, Subject

_TASKS = {
    "text-classification": (
        "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
        "AutoModelForSequenceClassification",
    ),
    "token-classification": (
        "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES",
        "AutoModelForTokenClassification",
    ),
    "question-answering": ("MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES", "AutoModelForQuestionAnswering"),
    "fill-mask": ("MODEL_FOR_MASKED_LM_MAPPING_NAMES", "AutoModelForMaskedLM"),
    "feature-extraction": ("MODEL_MAPPING_NAMES", "AutoModel"),
}
_LABELED = ("text-classification", "token-classification")
LABELS = {0: "O", 1: "B-ANIMAL", 2: "B-PLACE"}
# What the type's own tokenizer is like; all others are byte-level, as decoders' are.
_WORDPIECE = (
    *(
        "bert",
        "big_bird",
        "canine",
        "convbert",
        "distilbert",
        "electra",
        "ernie",
        "funnel",
        "gte",
        "layoutlm",
    ),
    *("lxmert", "markuplm", "megatron-bert", "mobilebert", "modernvbert", "mpnet", "mra", "nomic_bert"),
    *(
        "nystromformer",
        "roc_bert",
        "roformer",
        "splinter",
        "squeezebert",
        "tapas",
        "yoso",
        "ultrabert",
        "esm",
        "esmc",
    ),
)
_UNIGRAM = (
    *(
        "albert",
        "bros",
        "camembert",
        "deberta-v2",
        "fnet",
        "jina_embeddings_v3",
        "lilt",
        "mbart",
        "mt5",
        "reformer",
    ),
    *(
        "rembert",
        "t5",
        "t5gemma",
        "t5gemma2",
        "umt5",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xlnet",
        "xmod",
        "flaubert",
    ),
    *("xlm", "ibert", "llama", "gemma", "gemma2"),
)
_AROUND = ("roberta", "bart", "longformer", "luke", "deberta", "ibert", "data2vec-text", "led", "mvp")


def subjects() -> list[Subject]:
    """Each architecture with each task that it has a head for; features of those that have any head."""
    found: list[Subject] = []
    types: set[str] = set()
    for task, (mapping, _) in _TASKS.items():
        names = getattr(modeling_auto, mapping)
        chosen = sorted(names) if task != "feature-extraction" else sorted(types & set(names))
        types |= set(chosen)
        found += [Subject(f"{task}/{name}", TEXTS, task, _maker(name, task)) for name in chosen]
    return found


def _maker(model_type: str, task: str) -> Any:
    return lambda directory: make(model_type, task, directory)


def make(model_type: str, task: str, directory: Path) -> None:
    """A tiny model of the type with random weights and a tokenizer of its kind. Raises NotMadeError."""
    kind = vocabularies.BYTES
    if model_type in _WORDPIECE:
        kind = vocabularies.WORDPIECE
    elif model_type in _UNIGRAM:
        kind = vocabularies.UNIGRAM
    masked = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    bare = kind == vocabularies.BYTES and model_type not in masked and model_type not in _AROUND
    tokenizer = vocabularies.save(kind, directory, ["input_ids", "attention_mask"], bare)
    ids = {
        name: getattr(tokenizer, name)
        for name in (
            "pad_token_id",
            "bos_token_id",
            "eos_token_id",
            "cls_token_id",
            "sep_token_id",
            "mask_token_id",
        )
        if getattr(tokenizer, name) is not None
    }
    try:
        torch.manual_seed(0)
        config = configs.tiny(model_type, len(tokenizer), **ids)
        if task in _LABELED:
            config.id2label, config.label2id = LABELS, {name: index for index, name in LABELS.items()}
        model = getattr(transformers, _TASKS[task][1]).from_config(config)
        configs.randomized(model).save_pretrained(directory)
    except Exception as error:
        raise NotMadeError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
    names = ["input_ids", "attention_mask"]
    if kind == vocabularies.WORDPIECE and "token_type_ids" in inspect.signature(model.forward).parameters:
        names.insert(1, "token_type_ids")
    vocabularies.save(kind, directory, names, bare)
