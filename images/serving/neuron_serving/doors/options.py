"""What a request may ask of a door beside its rows: the parameters that transformers' pipelines have, under
their names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuron_serving.tensors import RefusedError

_FUNCTIONS = ("softmax", "sigmoid", "none")
_AGGREGATIONS = ("none", "simple", "first", "average", "max")
_SIDES = ("right", "left")
# What each task carries out. What is no parameter of a pipeline is somebody else's, and left alone; one of a
# pipeline's that is not carried out is refused: without it the answer would be another one.
OF_TEXTS = frozenset({"truncation", "truncation_side", "prompt", "prompt_name"})
OF_TASKS: Mapping[str, frozenset[str]] = {
    "text-classification": frozenset({"top_k", "function_to_apply", "return_all_scores"}),
    "image-classification": frozenset({"top_k", "function_to_apply", "return_all_scores"}),
    "token-classification": frozenset({"aggregation_strategy", "ignore_labels"}),
    "question-answering": frozenset(
        {"top_k", "max_answer_len", "handle_impossible_answer", "align_to_words"}
    ),
    "fill-mask": frozenset({"top_k"}),
}
# All of them.
OF_PIPELINES = frozenset().union(OF_TEXTS, *OF_TASKS.values()) | {
    "add_special_tokens",
    "candidate_labels",
    "doc_stride",
    "hypothesis_template",
    "max_length",
    "max_question_len",
    "max_seq_len",
    "multi_label",
    "normalize",
    "normalize_embeddings",
    "pool",
    "stride",
    "targets",
    "tokenizer_kwargs",
    "truncate_dim",
}
_LONGEST_ANSWER = 15
# A prompt is put before every row of a request.
_LONGEST_PROMPT = 4096
# Labels are looked up for every token.
_MOST_IGNORED = 1000
_LONGEST_IGNORED = 64 * 1024


@dataclass(frozen=True)
class Options:
    """`top_k`: so many labels or words, the likeliest first (None: all; OWN_NUMBER: as the task has it).

    `function`: softmax, sigmoid or none in place of the model's own. `aggregation`: how tokens become
    entities; labels in `ignored` are none. `prompt` is a text before each text, or `prompt_name` the name of
    one that the model has. `truncation_side`: which end of a long text is cut off. `longest_answer`: tokens
    of an answer to a question at most; `impossible`: that there is none may be the answer; `words`: answers
    are whole words.
    """

    top_k: int | None = 0
    function: str | None = None
    aggregation: str = "none"
    ignored: frozenset[str] = frozenset({"O"})
    prompt: str | None = None
    prompt_name: str | None = None
    truncation_side: str | None = None
    longest_answer: int = _LONGEST_ANSWER
    impossible: bool = False
    words: bool = True


# As many labels or words as the task gives where nobody asks.
OWN_NUMBER = 0
DEFAULT = Options()


def options_of(parameters: Mapping[str, Any], known: frozenset[str]) -> Options:
    """Return a request's options; `known` are the parameters that the door and its task carry out. Raises
    RefusedError.
    """
    for name in sorted(OF_PIPELINES & parameters.keys() - known):
        if parameters[name] is not None:
            told = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            raise RefusedError(f"The parameter {name} is not carried out by this model: {told}.")
    return Options(
        top_k=top_k_of(parameters),
        function=_one_of(parameters, "function_to_apply", _FUNCTIONS, None),
        aggregation=_one_of(parameters, "aggregation_strategy", _AGGREGATIONS, "none") or "none",
        ignored=_names(parameters.get("ignore_labels")),
        prompt=_prompt(parameters),
        prompt_name=_text(parameters, "prompt_name"),
        truncation_side=_one_of(parameters, "truncation_side", _SIDES, None),
        longest_answer=_count(parameters, "max_answer_len", _LONGEST_ANSWER),
        impossible=_flag(parameters, "handle_impossible_answer", False),
        words=_flag(parameters, "align_to_words", True),
    )


def top_k_of(parameters: Mapping[str, Any]) -> int | None:
    """Return how many labels or words are asked for, None for all. Raises RefusedError."""
    if parameters.get("return_all_scores") is True:
        return None
    if "top_k" not in parameters:
        return OWN_NUMBER
    value = parameters["top_k"]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RefusedError("The parameter top_k must be a number from 1 on, or null for all.")
    return value


def _count(parameters: Mapping[str, Any], name: str, default: int) -> int:
    value = parameters.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RefusedError(f"The parameter {name} must be a number from 1 on.")
    return value


def _flag(parameters: Mapping[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise RefusedError(f"The parameter {name} must be true or false.")
    return value


def _text(parameters: Mapping[str, Any], name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedError(f"The parameter {name} must be a text.")
    return value


def _one_of(
    parameters: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str | None
) -> str | None:
    value = _text(parameters, name)
    if value is None or value == "default":
        return default
    if value.lower() not in allowed:
        raise RefusedError(f"The parameter {name} must be one of {', '.join(allowed)}.")
    return value.lower()


def _prompt(parameters: Mapping[str, Any]) -> str | None:
    value = _text(parameters, "prompt")
    if value is not None and len(value) > _LONGEST_PROMPT:
        raise RefusedError(f"The prompt has {len(value)} characters, and {_LONGEST_PROMPT} are allowed.")
    return value


def _names(value: Any) -> frozenset[str]:
    """A list of labels, or one text with commas, as gRPC knows no lists."""
    if value is None:
        return DEFAULT.ignored
    if isinstance(value, str) and len(value) <= _LONGEST_IGNORED:
        value = [name.strip() for name in value.split(",") if name.strip()]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RefusedError("The parameter ignore_labels must be a list of labels.")
    if len(value) > _MOST_IGNORED:
        raise RefusedError(f"ignore_labels has {len(value)} labels, and {_MOST_IGNORED} are allowed.")
    return frozenset(value)
