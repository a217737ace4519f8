"""From logits to labels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from neuron_serving.doors.face import Public
from neuron_serving.doors.options import DEFAULT, OWN_NUMBER, Options
from neuron_serving.tensors import Array


def softmax(logits: Array) -> Array:
    """Return probabilities over the last axis, as fp32."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    result: Array = (shifted / shifted.sum(-1, keepdims=True)).astype(np.float32)
    return result


def sigmoid(logits: Array) -> Array:
    """Return the probability of each logit alone, as fp32."""
    # Written with tanh, which does not overflow.
    result: Array = (0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))).astype(np.float32)
    return result


def plain(logits: Array) -> Array:
    """Return the logits, as fp32."""
    return logits.astype(np.float32)


FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {"softmax": softmax, "sigmoid": sigmoid, "none": plain}


class Classes:
    """label: BYTES, score: FP32 [batch, 1], the best, or [batch, top_k] in their order; scores: FP32
    [batch, labels], in the labels' order.

    `function` makes scores of logits: softmax for labels that exclude one another, sigmoid for others, none
    for plain values, which are no probabilities.
    """

    def __init__(self, labels: Sequence[str], function: str) -> None:
        self.outputs = (
            Public("label", "BYTES", (-1,)),
            Public("score", "FP32", (-1,)),
            Public("scores", "FP32", (len(labels),)),
        )
        self._names = np.array([label.encode() for label in labels], dtype=np.object_)
        self._function = function

    def answer(self, logits: Array, options: Options = DEFAULT) -> dict[str, Array]:
        """Outputs of logits [batch, labels]."""
        scores = FUNCTIONS[options.function or self._function](logits)
        if options.top_k == OWN_NUMBER:
            best = scores.argmax(-1)[:, None]
        else:
            best = np.argsort(-scores, axis=-1, kind="stable")[:, : options.top_k]
        return {"label": self._names[best], "score": np.take_along_axis(scores, best, -1), "scores": scores}


def function_of(settings: Mapping[str, str | int | bool]) -> str:
    """What the compiler found that an artifact's logits need."""
    return str(settings.get("function_to_apply", "softmax"))
